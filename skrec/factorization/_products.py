"""Inner products of the vectors of users and items."""

import numpy as np

from skrec.typing import Array
from skrec.utils import row_blocks

__all__ = ["inner_products"]


def inner_products(users: Array, items: Array, candidates: Array | None = None) -> Array:
    """Return the inner products of users with all items, with shared or with per-row candidates.

    Parameters
    ----------
    users : ndarray of shape (n_rows, n_factors)
        Vectors of users.
    items : ndarray of shape (n_items, n_factors)
        Vectors of all items.
    candidates : ndarray of int of shape (m,) or (n_rows, m), default=None
        Which items; None takes all.

    Returns
    -------
    products : ndarray of shape (n_rows, n_items) or (n_rows, m)
        Where a list is padded with -1, those of the last item.
    """
    if candidates is None:
        return users @ items.T
    if candidates.ndim == 1:
        return users @ items[candidates].T
    products = np.empty(candidates.shape, dtype=np.float32)
    for rows in row_blocks(len(users), candidates.shape[1] * items.itemsize * items.shape[1]):
        products[rows] = np.matmul(items[candidates[rows]], users[rows, :, None])[:, :, 0]
    return products
