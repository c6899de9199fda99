"""Batches of positives and their negatives."""

from collections.abc import Iterator

import numpy as np
import torch

from skrec.nn import PairBatch
from skrec.training._batches import sparse_rows
from skrec.training._sampler import NegativeSampler
from skrec.typing import Array, CSRMatrix
from skrec.utils import row_of_entry

__all__ = ["PairBatches"]

_POSITIVES_PER_HISTORY = 32  # in a batch that reads histories: they cost more than the positives


class PairBatches:
    """Shuffled positives with fresh negatives for each epoch.

    Where histories are read, the positives of a user stay together, up to 32 of them, so that a
    history serves more than one. Users who have every item are left out: nothing can be sampled.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        The positives, with sorted indices.
    batch_size : int
        Positives a batch.
    n_negatives : int
        Negatives of each positive.
    rng : RandomState
        Source of order and negatives.
    power : float, default=0.0
        Items are drawn as negatives in proportion to their counts to this power.
    histories : bool, default=False
        Whether batches bring the histories of their users.

    Attributes
    ----------
    sampler : NegativeSampler
        What draws the negatives.
    """

    def __init__(
        self,
        X: CSRMatrix,
        batch_size: int,
        n_negatives: int,
        rng: np.random.RandomState,
        power: float = 0.0,
        histories: bool = False,
    ) -> None:
        self.X = X
        self.batch_size = batch_size
        self.n_negatives = n_negatives
        self.rng = rng
        self.histories = histories
        self.sampler = NegativeSampler(X, power)
        users = row_of_entry(X)
        able = self.sampler.n_free[users] > 0
        self.users = users[able]
        self.items = X.indices[able].astype(np.int64)

    def __len__(self) -> int:
        return -(-len(self.users) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[PairBatch, PairBatch]]:
        order, group = self._grouped() if self.histories else self._shuffled()
        # drawn in the order of rows, in which the search for rejections stays in cache
        negatives = self.sampler.draw(self.users, self.n_negatives, self.rng)
        items = np.concatenate([self.items[:, None], negatives], axis=1)[order]
        users = self.users[order]
        for start in range(0, len(order), self.batch_size):
            rows = slice(start, start + self.batch_size)
            part = None if group is None else group[rows]
            batch = self._batch(users[rows], items[rows], part)
            yield batch, batch

    def _shuffled(self) -> tuple[Array, None]:
        return self.rng.permutation(len(self.users)), None

    def _grouped(self) -> tuple[Array, Array]:
        """Return an order in which groups of up to 32 positives of a user are adjacent."""
        order = self.rng.permutation(len(self.users))
        order = order[np.argsort(self.users[order], kind="stable")]  # by user, shuffled within
        users = self.users[order]
        first = np.searchsorted(users, users)
        place = np.arange(len(order)) - first
        begins = place % _POSITIVES_PER_HISTORY == 0
        group = np.cumsum(begins) - 1
        shuffled = self.rng.permutation(begins.sum())[group]
        final = np.argsort(shuffled, kind="stable")
        return order[final], shuffled[final]

    def _batch(self, users: Array, items: Array, group: Array | None) -> PairBatch:
        if group is None:
            return PairBatch(torch.from_numpy(users), torch.from_numpy(items))
        first = np.flatnonzero(np.diff(group, prepend=-1))
        users = users[first]
        return PairBatch(
            torch.from_numpy(users),
            torch.from_numpy(items),
            torch.from_numpy(group - group[0]),
            sparse_rows(self.X[users]),
        )
