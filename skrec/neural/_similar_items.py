"""Items that are near each other in what a model has learnt."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skrec.base import check_items
from skrec.neural._memory import check_memory
from skrec.typing import Array
from skrec.utils import check_count, most_similar

__all__ = ["similar_items"]


def similar_items(self: Any, items: ArrayLike, n_items: int = 10) -> tuple[Array, Array]:
    """Return the items whose vectors point the same way (cosine).

    Parameters
    ----------
    items : array-like of int of shape (n,)
        Columns.
    n_items : int, default=10
        Length of the lists.

    Returns
    -------
    indices : ndarray of shape (n, n_items)
        Columns, best first, without the item itself; -1 where there are too few.
    similarities : ndarray of shape (n, n_items)
        Cosines; NaN where the index is -1.

    Raises
    ------
    ValueError
        If an item is not a column of the fitted matrix, or ``n_items`` no positive integer.
    """
    check_is_fitted(self)
    items = np.atleast_1d(check_items(items, self.n_features_in_))
    n_items = check_count(n_items, "n_items", 1)
    check_memory(f"n_items={n_items}", "the lists", 12.0 * len(items) * n_items)
    k = min(n_items, self.n_features_in_)
    indices, similarities = most_similar(self.item_factors_, items, k)
    beyond = ((0, 0), (0, n_items - k))
    return (
        np.pad(indices, beyond, constant_values=-1),
        np.pad(similarities, beyond, constant_values=np.nan),
    )
