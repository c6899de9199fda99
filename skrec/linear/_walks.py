"""Weights of walks from item to user to item, which are sums over the users that items share."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from skrec import kernels
from skrec.linear._user_sums import nearest_by_sums
from skrec.typing import Array, CSRMatrix
from skrec.utils import column_counts

__all__ = ["degrees", "walks"]


def degrees(X: CSRMatrix) -> tuple[Array, Array]:
    """Return how many entries each row and each column has, 1 where it has none, float64."""
    columns = column_counts(X)
    return np.maximum(np.diff(X.indptr), 1.0), np.maximum(columns, 1.0)


def walks(
    X: CSRMatrix,
    share: float,
    source: float,
    target: float,
    *,
    k: int,
    with_itself: bool = False,
    sums: Any = None,
    n_jobs: int | None = None,
    description: str | None = None,
) -> CSRMatrix:
    r"""Return the largest weights of each item's walks of two steps.

    .. math:: w_{ij} = \frac{\sum_u d_u^{-t} x_{ui} x_{uj}}{d_i^p \, d_j^q}

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Interactions, of ones.
    share : float
        The exponent t of users' numbers of entries.
    source, target : float
        The exponents p and q of items' numbers of entries.
    k : int
        The most weights of a row; of equal ones, those of lower columns.
    with_itself : bool, default=False
        Whether an item has a weight for itself.
    sums : ndarray or csr_matrix of shape (n_items, n_items), default=None
        The sums over users, float64; None sums them.
    n_jobs : int, default=None
        Threads over items.
    description : str, default=None
        What stands before a progress bar; None shows none.

    Returns
    -------
    weights : csr_matrix of shape (n_items, n_items)
        float64, w of item i in row i. Sums have an order that depends neither on threads nor on
        blocks.
    """
    users, items = degrees(X)
    X = X.astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):
        if sums is not None:
            factors = sums, items**source, items**target
            return nearest_by_sums(*factors, k=k, with_itself=with_itself, n_jobs=n_jobs)
        shares = np.repeat(users**-share, np.diff(X.indptr))
        steps = sp.csr_matrix((shares, X.indices, X.indptr), shape=X.shape)
        with kernels.engine_workers(n_jobs):
            return kernels.nearest_rows(
                sp.csr_matrix(X.T),
                steps,
                items**source,
                items**target,
                k=k,
                itself=None if with_itself else np.arange(X.shape[1]),
                n_jobs=n_jobs,
                description=description,
            )
