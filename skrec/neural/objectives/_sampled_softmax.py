"""The multinomial likelihood of rows, its normaliser estimated from a sample of the items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from skrec.neural.objectives._likelihoods import Multinomial
from skrec.nn import SampledRows, sampled_multinomial_nll
from skrec.training import ItemSampler, RecommenderNet, RowBatches
from skrec.typing import CSRMatrix
from skrec.utils import column_counts

if TYPE_CHECKING:
    from skrec.neural._rows import SampledRowRecommender

__all__ = ["SampledMultinomial"]

# An item's chance to be in a sample is proportional to this power of its count. Of 0.25, 0.5, 0.75
# and 1 this one learnt fastest on MovieLens-1M, and 1 by far slowest.
_POWER = 0.5


class SampledMultinomial(Multinomial):
    """Scores compete for a user's interactions, each time with a sample of the items."""

    nll = staticmethod(sampled_multinomial_nll)

    def batches(
        self, estimator: SampledRowRecommender, X: CSRMatrix, rng: np.random.RandomState
    ) -> SampledRowBatches:
        counts = column_counts(X)
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
