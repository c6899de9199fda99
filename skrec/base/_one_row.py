"""A row that is canonical already: the checks of one history in microseconds."""

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from skrec.typing import CSRMatrix
from skrec.utils import row_matrix

if TYPE_CHECKING:
    from skrec.base._recommender import BaseRecommender

__all__ = ["canonical_row"]

_FORMATS = (sp.csr_matrix, sp.csr_array)
_ARRAYS = (np.ndarray, np.memmap)  # a masked array is another one
_LEAST, _MOST = (float(each) for each in (np.finfo("f4").tiny, np.finfo("f4").max))


def canonical_row(estimator: "BaseRecommender", X: Any, explicit: bool) -> CSRMatrix | None:
    """Return the float32 copy of one row that needs no more than a copy.

    Parameters
    ----------
    estimator : BaseRecommender
        A fitted estimator.
    X : object
        What a user passed.
    explicit : bool
        Whether it predicts ratings.

    Returns
    -------
    row : csr_matrix of shape (1, n_items) or None
        What `check_matrix` would return; None where X is anything else than a sound CSR row with
        increasing columns and finite values, positive ones of implicit feedback. Whatever deserves
        an error or a warning is left to the checks of any matrix.
    """
    # names of columns, if fit saw any, have checks of their own
    if type(X) not in _FORMATS or getattr(estimator, "feature_names_in_", None) is not None:
        return None
    n_items = estimator.n_features_in_
    if X.shape != (1, n_items) or not _is_sound(X, n_items):
        return None
    low, high = X.data.min(), X.data.max()  # NaN if one is
    if not (-_MOST if explicit else _LEAST) <= low <= high <= _MOST:
        return None
    if explicit or getattr(estimator, "_weighs_strengths", False):  # others' may lack it
        values = X.data.astype(np.float32)
    else:
        values = np.ones(len(X.data), dtype=np.float32)
    return row_matrix(values, X.indices.astype(np.int32), n_items)


def _is_sound(X: Any, n_items: int) -> bool:
    """Return whether a row has at least one entry, and increasing columns inside the frame."""
    data, indices, indptr = X.data, X.indices, X.indptr
    if not (type(data) in _ARRAYS and type(indices) in _ARRAYS and type(indptr) in _ARRAYS):
        return False
    n = len(indices)
    if data.dtype not in (np.float32, np.float64) or indices.dtype not in (np.int32, np.int64):
        return False
    if not (n and data.shape == indices.shape == (n,) and indptr.shape == (2,)):
        return False
    if indptr.dtype.kind != "i" or indptr[0] != 0 or indptr[1] != n:
        return False
    inside = indices[0] >= 0 and indices[-1] < n_items
    return bool(inside and (indices[1:] > indices[:-1]).all())
