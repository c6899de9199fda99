"""Sums over users of what two items share, to which more users are added."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from skrec import kernels
from skrec.typing import Array, CSRMatrix
from skrec.utils import row_blocks

__all__ = ["add_users", "nearest_by_sums", "sums_of_users"]


def sums_of_users(X: CSRMatrix, share: float, dense: bool, dtype: type, n_jobs: int | None) -> Any:
    r"""Return :math:`\sum_u d_u^{-t} x_{ui} x_{uj}` of all pairs of items.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Interactions, of ones.
    share : float
        The exponent t of the users' numbers of entries; 0 counts the users.
    dense : bool
        Whether to return an array.
    dtype : type
        Of the result, which holds all sums.
    n_jobs : int or None
        Threads over items.

    Returns
    -------
    sums : ndarray or csr_matrix of shape (n_items, n_items)
        X'X where t is 0.
    """
    X = X.astype(dtype, copy=False)
    if share:
        lengths = np.diff(X.indptr)
        with np.errstate(over="ignore", under="ignore"):
            values = np.repeat(np.maximum(lengths, 1.0) ** (-share / 2), lengths)
        X = sp.csr_matrix((values.astype(dtype, copy=False), X.indices, X.indptr), shape=X.shape)
    if dense:
        return kernels.dense_gram(X, dtype, n_jobs)
    sums = sp.csr_matrix(X.T) @ X
    sums.sort_indices()
    return sums


def add_users(before: tuple[Array, Any], items: Array, sums: Any) -> Any:
    """Add the sums over more users to those over others.

    Parameters
    ----------
    before : tuple
        The items that others had, increasing, and the sums between them.
    items : ndarray of int of shape (n,)
        The items of now, increasing, those from before among them.
    sums : ndarray or csr_matrix of shape (n, n)
        The sums over more users between the items of now; an array is changed.

    Returns
    -------
    sums : ndarray or csr_matrix of shape (n, n)
        The sums over all.
    """
    known, others = before
    place = np.searchsorted(items, known)
    if not sp.issparse(sums):
        if len(known) == len(items):
            sums += others
        else:
            sums[np.ix_(place, place)] += others
        return sums
    lengths = np.zeros(len(items) + 1, dtype=np.int64)
    lengths[place + 1] = np.diff(others.indptr)
    entries = others.data, place[others.indices], np.cumsum(lengths)
    return sp.csr_matrix(sums + sp.csr_matrix(entries, shape=sums.shape))


def nearest_by_sums(
    sums: Any,
    own: Array,
    other: Array,
    shrinkage: float = 0.0,
    *,
    k: int,
    with_itself: bool = False,
    n_jobs: int | None = None,
) -> CSRMatrix:
    """Return the largest similarities of each item, see `skrec.kernels.nearest_rows`, from sums.

    Parameters
    ----------
    sums : ndarray or csr_matrix of shape (n_items, n_items)
        Sums over users.
    own, other : ndarray of shape (n_items,)
        The factors of rows and of columns, by whose product a sum is divided.
    shrinkage : float, default=0.0
        Added to the product.
    k : int
        The most that a row keeps; of equal ones, those of lower columns.
    with_itself : bool, default=False
        Whether an item may be among them.
    n_jobs : int, default=None
        Threads over items.

    Returns
    -------
    similarities : csr_matrix of shape (n_items, n_items)
        Of the type of ``sums``, columns increasing; the same bits as from the interactions where
        the sums are.
    """
    n_items = len(own)
    if sp.issparse(sums):
        unit = sp.identity(n_items, dtype=sums.dtype, format="csr")
        itself = None if with_itself else np.arange(n_items)
        factors = own, other, shrinkage
        rows = sp.csr_matrix(sums)
        return kernels.nearest_rows(rows, unit, *factors, k=k, itself=itself, n_jobs=n_jobs)
    own, other = (factor.astype(sums.dtype, copy=False) for factor in (own, other))
    parts = []
    for rows in row_blocks(n_items, 24 * n_items):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            values = sums[rows] / (own[rows, None] * other + sums.dtype.type(shrinkage))
        values[sums[rows] == 0] = -np.inf
        if not with_itself:
            values[np.arange(len(values)), np.arange(n_items)[rows]] = -np.inf
        parts.append(_largest(values, min(k, n_items)))
    return sp.csr_matrix(sp.vstack(parts))


def _largest(values: Array, k: int) -> CSRMatrix:
    """Return the k largest values of each row that are finite, columns increasing."""
    columns, largest = kernels.top_k(values, k)
    order = np.argsort(columns, axis=1)
    columns, largest = (np.take_along_axis(each, order, axis=1) for each in (columns, largest))
    kept = (columns >= 0) & (largest > -np.inf)
    indptr = np.append(0, np.cumsum(kept.sum(axis=1)))
    entries = largest[kept], columns[kept], indptr
    return sp.csr_matrix(entries, shape=values.shape)
