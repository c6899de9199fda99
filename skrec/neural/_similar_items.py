"""Items that are near each other in what a model has learnt."""

from typing import Any

from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skrec.base import check_item_list, of_one_fit
from skrec.typing import Array
from skrec.utils import most_similar

__all__ = ["similar_items"]


@of_one_fit
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
        If an item is not a column of the fitted matrix.
    MemoryError
        If lists of that length cannot fit into memory.
    """
    check_is_fitted(self)
    return most_similar(self.item_factors_, check_item_list(items, self.n_features_in_), n_items)
