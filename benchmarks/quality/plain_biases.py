"""A mean and biases: what a model of ratings must beat."""

from typing import Self

import numpy as np

from skrec.interactions import Interactions
from skrec.typing import Array

__all__ = ["PlainBiases"]


class PlainBiases:
    """The mean, a bias of each user and one of each item: what a model of ratings must beat.

    Parameters
    ----------
    l2 : float, default=5.0
        Ratings of the mean that each user and item has beside its own.
    n_sweeps : int, default=10
        How often users and items are solved in turns.
    """

    def __init__(self, l2: float = 5.0, n_sweeps: int = 10) -> None:
        self.l2 = l2
        self.n_sweeps = n_sweeps

    def fit(self, ratings: Interactions) -> Self:
        """Fit the biases to ratings."""
        n_users, n_items = ratings.frame
        self.mean_ = float(np.mean(ratings.value))
        self.users_, self.items_ = np.zeros(n_users), np.zeros(n_items)
        rest = ratings.value - self.mean_
        for _ in range(self.n_sweeps):
            self.users_ = self._means(rest - self.items_[ratings.item], ratings.user, n_users)
            self.items_ = self._means(rest - self.users_[ratings.user], ratings.item, n_items)
        self.scale_ = ratings.value.min(), ratings.value.max()
        return self

    def _means(self, values: Array, groups: Array, n: int) -> Array:
        return np.bincount(groups, values, n) / (np.bincount(groups, minlength=n) + self.l2)

    def predict(self, pairs: Interactions) -> Array:
        """Return the ratings of pairs."""
        ratings = self.mean_ + self.users_[pairs.user] + self.items_[pairs.item]
        return np.clip(ratings, *self.scale_)
