"""The multinomial likelihood of rows, its normaliser estimated from a sample of the items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from skrec.neural.objectives._likelihoods import Multinomial
from skrec.nn import SampledRows, sampled_multinomial_nll
from skrec.training import RecommenderNet, RowBatches
from skrec.typing import Array, CSRMatrix

if TYPE_CHECKING:
    from skrec.neural._rows import SampledRowRecommender

__all__ = ["ItemSampler", "SampledMultinomial", "inclusion_probabilities"]

# An item's chance to be in a sample is proportional to this power of its count. Of 0.25, 0.5, 0.75
# and 1 this one learnt fastest on MovieLens-1M, and 1 by far slowest.
_POWER = 0.5


class SampledMultinomial(Multinomial):
    """Scores compete for a user's interactions, each time with a sample of the items."""

    nll = staticmethod(sampled_multinomial_nll)

    def batches(
        self, estimator: SampledRowRecommender, X: CSRMatrix, rng: np.random.RandomState
    ) -> SampledRowBatches:
        counts = np.bincount(X.indices, minlength=X.shape[1])
        size = estimator.n_sampled_items or X.shape[1]
        sampler = ItemSampler((counts + 1.0) ** _POWER, size, rng)
        return SampledRowBatches(X, estimator.batch_size, rng, sampler, estimator._by_rows())

    def started(self, estimator: SampledRowRecommender, net: RecommenderNet) -> None:
        super().started(estimator, net)
        wanted: Any = estimator._optimizer_for(net.module_)
        if estimator._by_rows() and not isinstance(net.optimizer_, wanted):
            # a warm start from the exact loss: the moments go on
            state, net.optimizer = net.optimizer_.state_dict(), wanted
            net.initialize_optimizer()
            net.optimizer_.load_state_dict(state)


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


class SampledRowBatches(RowBatches):
    """Shuffled batches of rows, each with a sample of the items.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_items)
        Rows to train on.
    batch_size : int
        Rows a batch.
    rng : RandomState
        Source of the permutations.
    sampler : ItemSampler
        Source of the samples.
    by_rows : bool
        Whether the gradients of first and last layer are sparse.
    """

    def __init__(
        self,
        X: CSRMatrix,
        batch_size: int,
        rng: np.random.RandomState,
        sampler: ItemSampler,
        by_rows: bool,
    ) -> None:
        super().__init__(X, batch_size, rng)
        self.sampler = sampler
        self.by_rows = by_rows

    def __iter__(self) -> Iterator[tuple[Any, SampledRows]]:
        places = torch.empty(self.X.shape[1], dtype=torch.int64)
        log_inclusion = torch.from_numpy(np.log(self.sampler.inclusion).astype(np.float32))
        for rows, _ in super().__iter__():
            items = torch.from_numpy(self.sampler.draw())
            places.fill_(-1)
            places[items] = torch.arange(len(items))
            rows = SampledRows(
                **vars(rows),
                items=items,
                log_inclusion=log_inclusion[items],
                places=places[rows.indices],
                by_rows=self.by_rows,
            )
            yield rows, rows
