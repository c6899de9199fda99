"""From ratings to implicit feedback."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, overload

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from skrec.exceptions import SkrecWarning
from skrec.interactions import Interactions
from skrec.preprocessing._matrix import Kept, as_matrix, in_format_of
from skrec.typing import Array, MatrixLike, SparseMatrix

__all__ = ["binarize"]


@overload
def binarize(X: Kept, threshold: float) -> Kept: ...


@overload
def binarize(X: ArrayLike, threshold: float) -> Array: ...


def binarize(X: Interactions | MatrixLike, threshold: float) -> Interactions | SparseMatrix | Array:
    """Keep the entries with a value of at least ``threshold``, as 1.

    The frame stays as it is: a user or an item that loses everything stays as an empty row
    or column, and `min_interactions` or `k_core` takes it away.

    Parameters
    ----------
    X : sparse matrix, array-like of shape (n_users, n_items) or Interactions
        Ratings or strengths. In a dense array 0 is a missing entry, and so is a masked one; of a
        sparse matrix every stored entry counts, a stored zero too, and repeats of a pair are
        summed before they are compared.
    threshold : float
        Smallest value that is kept.

    Returns
    -------
    X : sparse matrix, ndarray or Interactions
        A new object of the same kind (a sparse one in the same format) with float32 ones.
        Interactions keep their order and timestamps; each is judged on its own.

    Raises
    ------
    ValueError
        If X is no sound and finite matrix or the threshold is no number.

    Warns
    -----
    SkrecWarning
        If no entry is kept.

    See Also
    --------
    min_interactions : Drop users and items with few entries.
    k_core : Drop them until nothing changes.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec.preprocessing import binarize
    >>> binarize(sp.csr_matrix([[5, 3, 0], [0, 4, 1]]), 4).toarray().tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    threshold = _number(threshold)
    matrix = as_matrix(X)
    if isinstance(matrix, Interactions):
        part = matrix[threshold <= matrix.value]
        result = Interactions.from_arrays(
            part.user,
            part.item,
            timestamp=part.timestamp,
            frame=part.frame,
            time_unit=part.time_unit,
            encoder=part.encoder,
        )
        _warn_of_nothing(matrix.value, threshold)
        return result
    if not sp.issparse(matrix):
        _warn_of_nothing(matrix[matrix != 0], threshold)
        return ((matrix != 0) & (threshold <= matrix)).astype(np.float32)
    _warn_of_nothing(matrix.data, threshold)
    return in_format_of(X, _binarize_csr(matrix, threshold))


def _number(threshold: Any) -> float:
    """Return the threshold as a number of Python, which has no small type."""
    real = isinstance(threshold, Real) and not isinstance(threshold, bool)
    if not real or np.isnan(float(threshold)):
        raise ValueError(f"threshold must be a number; got {threshold!r}")
    return int(threshold) if isinstance(threshold, Integral) else float(threshold)


def _warn_of_nothing(values: Array, threshold: float) -> None:
    if values.size and not threshold <= values.max():
        warnings.warn(
            f"no entry of X reaches threshold={threshold:g}: the largest is {values.max():g}",
            SkrecWarning,
            stacklevel=3,
        )


def _binarize_csr(
    X: sp.csr_matrix | sp.csr_array, threshold: float
) -> sp.csr_matrix | sp.csr_array:
    keep = threshold <= X.data
    kept_before = np.concatenate([[0], np.cumsum(keep)])
    data = np.ones(kept_before[-1], dtype=np.float32)
    container = sp.csr_array if isinstance(X, sp.sparray) else sp.csr_matrix
    return container((data, X.indices[keep], kept_before[X.indptr]), shape=X.shape)
