"""A matrix that is mapped from files and canonical already: what fit takes without a copy."""

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from skrec.interactions import MappedCSR
from skrec.typing import CSRMatrix
from skrec.utils import is_mapped

if TYPE_CHECKING:
    from skrec.base._recommender import BaseRecommender

__all__ = ["mapped_matrix"]


def mapped_matrix(estimator: "BaseRecommender", X: Any, explicit: bool) -> CSRMatrix | None:
    """Return the matrix that `check_matrix` would return, over the arrays of X themselves.

    Parameters
    ----------
    estimator : BaseRecommender
        The estimator to fit.
    X : object
        What a user passed, after a check of its structure.
    explicit : bool
        Whether it predicts ratings.

    Returns
    -------
    X : csr_matrix of shape (n_users, n_items) or None
        Where a model reads ones, and X holds other values, the ones are in memory. None where X is
        anything else than a canonical float32 CSR matrix over read-only maps of files, with finite
        values, positive ones of implicit feedback: all else is left to the checks of any matrix.
    """
    if not isinstance(X, sp.csr_matrix | sp.csr_array) or X.data.dtype != np.float32:
        return None
    data, indices, indptr = (np.asarray(part) for part in (X.data, X.indices, X.indptr))
    if not len(data) == len(indices) == indptr[-1] > 0 or indices.dtype != indptr.dtype:
        return None
    if not all(map(is_mapped, (data, indices, indptr))):
        return None
    low, high = data.min(), data.max()  # NaN if one is
    if not (np.isfinite(low) and np.isfinite(high)) or (not explicit and low <= 0):
        return None
    own = X if isinstance(X, MappedCSR) else MappedCSR.of_arrays((data, indices, indptr), X.shape)
    if not (explicit or getattr(estimator, "_weighs_strengths", False) or low == high == 1):
        data = np.ones(len(data), dtype=np.float32)
    same = own.with_data(data)  # whose flags nobody has set
    return same if same.has_canonical_format else None
