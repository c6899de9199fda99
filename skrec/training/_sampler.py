"""Negatives for a whole epoch at once, none of them a training positive."""

import numpy as np

from skrec.typing import Array, CSRMatrix
from skrec.utils import has_entries, row_of_entry

__all__ = ["NegativeSampler"]

_ROUNDS = 20  # of rejection, after which the few that are left are drawn from what a user lacks


class NegativeSampler:
    """Draw items that a user does not have.

    Draws that hit a positive are rejected, by a search in the sorted keys of all positives, and
    drawn again; so every item that the user lacks keeps its share of the distribution.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        The positives, with sorted indices.
    power : float, default=0.0
        Items are drawn in proportion to their counts to this power; 0 is uniform.

    Attributes
    ----------
    probabilities : ndarray of shape (n_items,) or None
        The distribution, None where it is uniform.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> from skrec.training import NegativeSampler
    >>> sampler = NegativeSampler(sp.csr_matrix([[1, 0, 1], [0, 1, 1]]))
    >>> sampler.draw(np.array([0, 1, 0]), 1, np.random.RandomState(0)).ravel().tolist()
    [1, 0, 1]
    """

    def __init__(self, X: CSRMatrix, power: float = 0.0) -> None:
        self.X = X
        self.n_free = X.shape[1] - np.diff(X.indptr)
        self.probabilities = None
        if power:
            with np.errstate(over="ignore", invalid="ignore"):
                weights = np.maximum(np.bincount(X.indices, minlength=X.shape[1]), 1e-9) ** power
                self.probabilities = weights / weights.sum()
            if not (self.probabilities > 0).all():
                raise ValueError(
                    "negative_power must be so small that every item can be drawn; got "
                    f"{power:g}, usual are 0 to 1"
                )
            self._cumulative = np.cumsum(self.probabilities)

    def draw(self, users: Array, n_negatives: int, rng: np.random.RandomState) -> Array:
        """Draw negatives of some users.

        Parameters
        ----------
        users : ndarray of int of shape (n,)
            Rows, each of them with at least one item that it lacks.
        n_negatives : int
            Draws a row, with replacement.
        rng : RandomState
            Source of the draws.

        Returns
        -------
        items : ndarray of int64 of shape (n, n_negatives)
            The negatives.

        Raises
        ------
        ValueError
            If a user has every item.
        """
        if len(users) and self.n_free[users].min() == 0:
            raise ValueError("X must leave every sampled user an item to draw; got one with all")
        row = np.repeat(users, n_negatives)
        items = self._propose(len(row), rng)
        open_ = np.flatnonzero(has_entries(self.X, row, items))
        for _ in range(_ROUNDS):
            if len(open_) == 0:
                break
            items[open_] = self._propose(len(open_), rng)
            open_ = open_[has_entries(self.X, row[open_], items[open_])]
        if len(open_):
            items[open_] = self._draw_from_free(row[open_], rng)
        return items.reshape(len(users), n_negatives)

    def sample(self, n_items: int, rng: np.random.RandomState) -> Array:
        """Draw different items for all users, in order.

        Parameters
        ----------
        n_items : int
            How many.
        rng : RandomState
            Source of the draw.

        Returns
        -------
        items : ndarray of int64 of shape (n_items,)
            Columns.
        """
        drawn = rng.choice(self.X.shape[1], n_items, replace=False, p=self.probabilities)
        return np.sort(drawn).astype(np.int64)

    def _propose(self, n: int, rng: np.random.RandomState) -> Array:
        if self.probabilities is None:
            return rng.randint(self.X.shape[1], size=n)
        places = np.searchsorted(self._cumulative, rng.random_sample(n) * self._cumulative[-1])
        return np.minimum(places, self.X.shape[1] - 1)

    def _draw_from_free(self, rows: Array, rng: np.random.RandomState) -> Array:
        """Draw one item a row from what the row lacks; for the few rows that have nearly all."""
        users, place = np.unique(rows, return_inverse=True)
        weights = np.ones((len(users), self.X.shape[1]))
        if self.probabilities is not None:
            weights *= self.probabilities
        part = self.X[users]
        weights[row_of_entry(part), part.indices] = 0
        totals = np.cumsum(weights, axis=1)
        wanted = rng.random_sample(len(rows)) * totals[place, -1]
        return (totals[place] <= wanted[:, None]).sum(axis=1)
