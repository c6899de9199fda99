"""Sums over users of what two items share, to which more users are added."""

import numpy as np
import scipy.sparse as sp

from skrec import kernels
from skrec.typing import Array, CSRMatrix

__all__ = ["add_to_gram", "add_users", "in_items"]


def in_items(sums: CSRMatrix, items: Array) -> CSRMatrix:
    """Return sums between some items, increasing; the sums themselves where these are all."""
    return sums if len(items) == sums.shape[0] else sp.csr_matrix(sums[items][:, items])


def add_users(
    sums: CSRMatrix | None, new: CSRMatrix, share: float, n_jobs: int | None = None
) -> CSRMatrix:
    r"""Return :math:`\sum_u d_u^{-t} x_{ui} x_{uj}` after more users.

    Parameters
    ----------
    sums : csr_matrix of shape (n, n) or None
        The sums over the users before, of no more items than there are now; None before any.
    new : csr_matrix of shape (n_users, n_items)
        The interactions of the others, ones.
    share : float
        The exponent t of the users' numbers of entries.
    n_jobs : int, default=None
        Threads over items.

    Returns
    -------
    sums : csr_matrix of shape (n_items, n_items)
        Of the type of ``new``. An entry is summed in the order of the users, as in one product of
        the rows of all.
    """
    n_items = new.shape[1]
    lengths = np.diff(new.indptr)
    with np.errstate(over="ignore", under="ignore"):
        shares = np.maximum(lengths, 1.0) ** -float(share)
    values = np.repeat(shares, lengths).astype(new.dtype, copy=False)
    steps = sp.csr_matrix((values, new.indices, new.indptr), shape=new.shape)
    owners = sp.csr_matrix(new.T)
    if sums is not None:  # each row goes on from its sum
        before = sums.copy()
        before.resize(n_items, n_items)
        unit = sp.identity(n_items, dtype=new.dtype, format="csr")
        owners = sp.csr_matrix(sp.hstack([unit, owners]))
        steps = sp.csr_matrix(sp.vstack([before.astype(new.dtype, copy=False), steps]))
    ones = np.ones(n_items)
    return kernels.nearest_rows(owners, steps, ones, ones, k=n_items, n_jobs=n_jobs)


def add_to_gram(
    before: tuple[Array, Array] | None,
    new: CSRMatrix,
    items: Array,
    dtype: type,
    n_jobs: int | None = None,
) -> Array:
    """Return X'X between some items after more users, dense.

    Parameters
    ----------
    before : tuple of ndarray or None
        The items that others had before, increasing, and X'X between them.
    new : csr_matrix of shape (n_users, n_items)
        The interactions of the new users, ones.
    items : ndarray of int of shape (n,)
        The items of now, increasing, those of before among them.
    dtype : type
        Of the result, which holds all counts.
    n_jobs : int, default=None
        Threads over items.

    Returns
    -------
    gram : ndarray of shape (n, n)
        Counts.
    """
    part = new if len(items) == new.shape[1] else sp.csr_matrix(new[:, items])
    gram = kernels.dense_gram(part, dtype, n_jobs)
    if before is None:
        return gram
    known, counts = before
    if len(known) == len(items):
        gram += counts
    else:
        place = np.searchsorted(items, known)
        gram[np.ix_(place, place)] += counts
    return gram
