"""Negatives that are no training positives, and samples of items."""

from functools import cached_property

import numpy as np

from skrec import kernels
from skrec.typing import Array, CSRMatrix
from skrec.utils import column_counts

__all__ = ["ItemSampler", "NegativeSampler", "inclusion_probabilities", "negative_weights"]


class NegativeSampler:
    """Draw items that a user does not have.

    Draws that hit a positive are rejected, by a search in the user's own row, and drawn again; so
    every item that the user lacks keeps its share of the distribution.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        The positives, with sorted indices.
    power : float, default=0.0
        Items are drawn in proportion to their counts to this power; 0 is uniform.

    Attributes
    ----------
    n_free : ndarray of int of shape (n_users,)
        How many items each user lacks.
    probabilities, cumulative : ndarray of shape (n_items,)
        The distribution, and its sums up to each item; None and empty where it is uniform.

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
        self.cumulative = np.zeros(0)
        self.probabilities = None
        if power:
            with np.errstate(over="ignore", invalid="ignore"):
                weights = negative_weights(X, power)
                self.probabilities = weights / weights.sum()
            if not (self.probabilities > 0).all():
                raise ValueError(
                    "negative_power must be so small that every item can be drawn; got "
                    f"{power:g}, usual are 0 to 1"
                )
            self.cumulative = np.cumsum(self.probabilities)

    def draw(self, users: Array, n_negatives: int, rng: np.random.RandomState) -> Array:
        """Draw negatives of some users.

        Parameters
        ----------
        users : ndarray of int of shape (n,)
            Rows, each of them with at least one item that it lacks.
        n_negatives : int
            Draws a row, with replacement.
        rng : RandomState
            Source of the seed of the draws.

        Returns
        -------
        items : ndarray of int32 of shape (n, n_negatives)
            The negatives.

        Raises
        ------
        ValueError
            If a user has every item.
        """
        if len(users) and self.n_free[users].min() == 0:
            raise ValueError("X must leave every sampled user an item to draw; got one with all")
        users = np.asarray(users, dtype=np.int64)
        return kernels.draw_lacking(self.rows, users, n_negatives, self.X.shape[1], new_state(rng))

    @cached_property
    def rows(self) -> "kernels.Positives":
        """The positives as the kernels read them, without the row of each entry."""
        indices, indptr = kernels.read_only(*kernels.index_arrays(self.X))
        marks = kernels.mark_items(indptr, indices)
        return kernels.Positives(
            indptr, indices, np.zeros(0, dtype=np.int32), marks, self.cumulative
        )

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


def negative_weights(X: CSRMatrix, power: float) -> Array:
    """Return the weights by which items are drawn as negatives.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        The positives.
    power : float
        Exponent of the items' counts.

    Returns
    -------
    weights : ndarray of float of shape (n_items,)
        Positive, also for items that nobody has.
    """
    return np.maximum(column_counts(X), 1e-9) ** power


class ItemSampler:
    """Samples of items of a fixed size, each item with a probability of its own.

    Items whose probability is 1 are always in; among the others the draw is systematic: their
    probabilities are laid end to end in random order, and points at distance 1 choose.

    Parameters
    ----------
    weights : ndarray of shape (n_items,)
        Positive numbers to which the probabilities are proportional as far as none exceeds 1.
    size : int
        Items a sample; all, if there are no more.
    rng : RandomState
        Source of the draws.

    Attributes
    ----------
    inclusion : ndarray of shape (n_items,)
        The probabilities.
    """

    def __init__(self, weights: Array, size: int, rng: np.random.RandomState) -> None:
        self.inclusion = inclusion_probabilities(weights, size)
        self.rng = rng
        self._fixed = np.flatnonzero(self.inclusion >= 1)
        self._others = np.flatnonzero(self.inclusion < 1)
        self._n_drawn = min(size, len(weights)) - len(self._fixed)

    def draw(self) -> Array:
        """Return a sample, int64, in order.

        Returns
        -------
        items : ndarray of int64 of shape (size,)
            The items.
        """
        if not self._n_drawn:
            return self._fixed
        order = self.rng.permutation(self._others)
        ends = np.cumsum(self.inclusion[order])
        points = (self.rng.uniform() + np.arange(self._n_drawn)) * (ends[-1] / self._n_drawn)
        drawn = order[np.searchsorted(ends, points, side="right").clip(max=len(order) - 1)]
        return np.union1d(self._fixed, drawn)


def inclusion_probabilities(weights: Array, size: int) -> Array:
    """Return probabilities proportional to weights, none above 1, that add up to a size.

    Parameters
    ----------
    weights : ndarray of shape (n_items,)
        Positive numbers.
    size : int
        The sum; with as many items or fewer all probabilities are 1.

    Returns
    -------
    inclusion : ndarray of shape (n_items,)
        The probabilities.
    """
    inclusion = np.ones(len(weights))
    free = np.arange(len(weights))
    while len(free):
        left = size - (len(weights) - len(free))
        share = left / weights[free].sum() * weights[free]
        if size < len(weights) and (share < 1).all():
            inclusion[free] = share
            break
        free = free[share < 1] if size < len(weights) else free[:0]
    return inclusion


def new_state(rng: np.random.RandomState) -> Array:
    """Return the state of a kernel's generator, seeded by NumPy's."""
    return rng.randint(1, 2**63 - 1, size=1, dtype=np.int64).astype(np.uint64)
