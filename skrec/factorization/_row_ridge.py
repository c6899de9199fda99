"""A ridge regression for each row of a sparse matrix, on the vectors of what it stores."""

from collections.abc import Iterator

import numpy as np

from skrec.typing import Array, CSRMatrix

__all__ = ["solve_rows"]

_LEAST_L2 = 1e-6
_NUMBERS_A_STEP = 2**21  # of padded vectors that are worked on at once


def solve_rows(X: CSRMatrix, vectors: Array, l2: float) -> Array:
    r"""Solve a ridge regression for each row, exactly and in float64.

    .. math:: x_u = \Big(\sum_{i \in R_u} v_i v_i^\top + |R_u| \lambda I\Big)^{-1}
        \sum_{i \in R_u} r_{ui} v_i

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_items)
        The targets r; a stored zero is one.
    vectors : ndarray of shape (n_items, size)
        The regressors v.
    l2 : float
        The weight :math:`\lambda`, at least 1e-6.

    Returns
    -------
    solved : ndarray of shape (n_rows, size)
        The x; zero where a row is empty.
    """
    vectors = np.vstack([vectors, np.zeros(vectors.shape[1])])  # the last one pads short rows
    solved = np.zeros((X.shape[0], vectors.shape[1]))
    counts = np.diff(X.indptr)
    for rows in _groups(counts, vectors.shape[1]):
        regressors, targets = _padded(X, rows, counts[rows].max(), vectors)
        transposed = regressors.swapaxes(1, 2)
        gram = transposed @ regressors  # (n, size, size)
        diagonal = np.einsum("nkk->nk", gram)
        diagonal += max(float(l2), _LEAST_L2) * counts[rows, None]
        solved[rows] = np.linalg.solve(gram, transposed @ targets[:, :, None])[:, :, 0]
    return solved


def _groups(counts: Array, size: int) -> Iterator[Array]:
    """Yield rows with entries, of like lengths, as many as are worked on at once."""
    order = np.argsort(counts, kind="stable")
    order = order[np.searchsorted(counts[order], 1) :]
    while len(order):
        longest = np.maximum(counts[order], size)  # a system takes as much as a row of size entries
        places = np.arange(1, len(order) + 1) * longest * size
        n = max(1, np.searchsorted(places, _NUMBERS_A_STEP))
        yield order[:n]
        order = order[n:]


def _padded(X: CSRMatrix, rows: Array, length: int, vectors: Array) -> tuple[Array, Array]:
    """Return the regressors (n, length, size) and targets (n, length) of a few rows."""
    place = X.indptr[rows, None] + np.arange(length)
    inside = place < X.indptr[rows + 1, None]
    place[~inside] = 0
    items = np.where(inside, X.indices[place], len(vectors) - 1)
    return vectors[items], np.where(inside, X.data[place], 0)
