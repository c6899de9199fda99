"""What the items of a history add to scores whose user vector is the solution of a system."""

import numpy as np

from skrec import kernels
from skrec.base import product_parts
from skrec.typing import Array, CSRMatrix

__all__ = ["parts_of_ratings", "parts_of_solve"]

_LEAST_L2 = 1e-6  # as where users are solved


def parts_of_solve(
    history: CSRMatrix, rows: "kernels.WeightedRidge", items: Array, gram: Array, lists: Array
) -> tuple[Array, Array]:
    r"""Return the terms of WMF's scores, whose user vector is linear in the weighed history.

    .. math:: s_{ui} = \sum_{j \in R_u} q_i^\top A_u^{-1} c_{uj} q_j, \qquad
        A_u = w \sum_j q_j q_j^\top + \sum_{j \in R_u} a_{uj}^2 q_j q_j^\top + \lambda_u I

    with c and :math:`a^2` both 1, or :math:`1 + \alpha r` and :math:`\alpha r` of strengths r.

    Parameters
    ----------
    history : csr_matrix of shape (n_rows, n_items)
        The histories.
    rows : WeightedRidge
        Their systems.
    items : ndarray of shape (n_items, n_factors)
        Vectors q of the items.
    gram : ndarray of shape (n_factors, n_factors)
        The sum over all items.
    lists : ndarray of int of shape (m,) or (n_rows, m)
        Items to explain.

    Returns
    -------
    parts : ndarray of shape (nnz, m)
        The terms.
    baseline : ndarray of shape (n_rows, m)
        Zeros.
    """
    items = items.astype(np.float64)
    added = np.ones(history.nnz) if rows.alpha is None else rows.alpha * history.data
    targets = np.ones(history.nnz) if rows.alpha is None else 1 + added
    vectors = items[history.indices]
    for row, (start, stop) in enumerate(zip(history.indptr[:-1], history.indptr[1:])):
        own = vectors[start:stop]
        system = rows.weight * gram + own.T @ (added[start:stop, None] * own)
        system[np.diag_indices_from(system)] += rows.ridge[row]
        vectors[start:stop] = targets[start:stop, None] * np.linalg.solve(system, own.T).T
    parts = product_parts(history, vectors, items, lists)
    return parts, np.zeros((history.shape[0], lists.shape[-1]))


def parts_of_ratings(residuals: CSRMatrix, regressors: Array, l2: float, lists: Array) -> Array:
    r"""Return the terms of scores whose user vector is a ridge regression on rated items.

    .. math:: \hat s_{ui} = \sum_{j \in R_u} v_i^\top \Big( \sum_{k \in R_u} v_k v_k^\top
        + |R_u| \lambda I \Big)^{-1} r_{uj} v_j

    Parameters
    ----------
    residuals : csr_matrix of shape (n_rows, n_items)
        The targets r.
    regressors : ndarray of shape (n_items, size)
        The v, float64.
    l2 : float
        The :math:`\lambda`.
    lists : ndarray of int of shape (m,) or (n_rows, m)
        Items to explain.

    Returns
    -------
    parts : ndarray of shape (nnz, m)
        The terms.
    """
    vectors = regressors[residuals.indices]
    for start, stop in zip(residuals.indptr[:-1], residuals.indptr[1:]):
        own, targets = vectors[start:stop], residuals.data[start:stop, None]
        system = own.T @ own
        system[np.diag_indices_from(system)] += max(float(l2), _LEAST_L2) * (stop - start)
        if start < stop:
            vectors[start:stop] = targets * np.linalg.solve(system, own.T).T
    return product_parts(residuals, vectors, regressors, lists)
