"""Batches of positives and their negatives."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skrec import kernels
from skrec.nn import PairBatch
from skrec.training._batches import sparse_rows
from skrec.training._sampler import ItemSampler, NegativeSampler, negative_weights, new_state
from skrec.typing import Array, CSRMatrix
from skrec.utils import row_of_entry

__all__ = ["PairBatches"]

_POSITIVES_PER_HISTORY = 32  # in a batch that reads histories: they cost more than the positives
_PAIRS_AT_ONCE = 2**19  # whose negatives are drawn together


class PairBatches:
    """Shuffled positives with fresh negatives for each epoch.

    What is held for each positive is its user, its item and its place in the epoch, in the type of
    the smallest integers that number them; negatives are drawn when the batches come near them.

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
    shared : bool, default=False
        Whether all positives of a batch have the same negatives: different items, whose chances
        to be in the sample are proportional to the counts to this power, as far as none exceeds 1.
        What a user has does not count as a negative of that user.
    log_counts : bool, default=False
        Whether batches say how often each negative was to be expected; shared ones always do.

    Attributes
    ----------
    sampler : NegativeSampler
        What draws the negatives of each positive by itself.
    """

    def __init__(
        self,
        X: CSRMatrix,
        batch_size: int,
        n_negatives: int,
        rng: np.random.RandomState,
        power: float = 0.0,
        histories: bool = False,
        shared: bool = False,
        log_counts: bool = False,
    ) -> None:
        self.X = X
        self.batch_size = batch_size
        self.n_negatives = n_negatives
        self.rng = rng
        self.histories = histories
        self.log_counts = log_counts
        self.sampler = NegativeSampler(X, power)
        self.item_sampler = None
        if shared:
            self.item_sampler = ItemSampler(negative_weights(X, power), n_negatives, rng)
            self._places = np.full(X.shape[1], -1)
            self._log_inclusion = np.log(self.item_sampler.inclusion).astype(np.float32)
        able = self.sampler.n_free > 0
        self.lengths = np.where(able, np.diff(X.indptr), 0)
        rows = np.arange(X.shape[0], dtype=index_type(X.shape[0]))
        self.users = np.repeat(rows, self.lengths)
        self.items = X.indices
        if not able.all():
            self.items = X.indices[np.repeat(able, np.diff(X.indptr))]

    def __len__(self) -> int:
        return -(-len(self.users) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[PairBatch, PairBatch]]:
        order = np.arange(len(self.users), dtype=index_type(len(self.users)))
        groups = self._group(order) if self.histories else None
        if groups is None:
            kernels.shuffle(order, new_state(self.rng))
        for start in range(0, len(order), self._positives_at_once):
            part, group = order[start : start + self._positives_at_once], None
            if groups is not None:
                part, group = groups.positives(start, start + len(part))
            for batch in self._batches(part, group):
                yield batch, batch

    @property
    def _positives_at_once(self) -> int:
        """Positives whose negatives are drawn together: those of some whole batches."""
        n_pairs = self.batch_size * (1 + self.n_negatives)
        return self.batch_size * max(1, _PAIRS_AT_ONCE // n_pairs)

    def _group(self, order: Array) -> "_Groups":
        """Shuffle the positives of each user in place, and return groups of up to 32 of them."""
        ends = np.cumsum(self.lengths)
        for part in np.split(order, _edges(ends, _PAIRS_AT_ONCE)):
            kernels.shuffle(part, new_state(self.rng))
            part[:] = part[np.argsort(self.users[part], kind="stable")]
        n_groups = -(-self.lengths // _POSITIVES_PER_HISTORY)
        place = np.arange(n_groups.sum()) - np.repeat(np.cumsum(n_groups) - n_groups, n_groups)
        starts = np.repeat(ends - self.lengths, n_groups) + place * _POSITIVES_PER_HISTORY
        sizes = np.minimum(np.repeat(ends, n_groups) - starts, _POSITIVES_PER_HISTORY)
        shuffled = self.rng.permutation(len(starts))
        return _Groups(order, starts[shuffled], np.cumsum(sizes[shuffled]))

    def _batches(self, entries: Array, group: Array | None) -> Iterator[PairBatch]:
        """Draw the negatives of some positives and iterate over their batches."""
        users, positives = self.users[entries], self.items[entries][:, None]
        negatives = positives[:, :0]
        if self.item_sampler is None:
            negatives = self.sampler.draw(users, self.n_negatives, self.rng)
        for start in range(0, len(entries), self.batch_size):
            rows = slice(start, start + self.batch_size)
            items = np.column_stack([positives[rows], negatives[rows]])
            batch = self._batch(users[rows], items, None if group is None else group[rows])
            more = self._sampling(users[rows], negatives[rows])
            yield replace(batch, **more) if more else batch

    def _sampling(self, users: Array, negatives: Array) -> dict[str, Tensor]:
        """Return what a batch says of its negatives, and those that are shared."""
        if self.item_sampler is not None:
            return self._share(users, self.item_sampler.draw())
        if not self.log_counts:
            return {}
        log_counts = np.log(self.n_negatives / self._lacking[users])[:, None]
        if self.sampler.probabilities is not None:
            log_counts = log_counts + np.log(self.sampler.probabilities)[negatives]
        return {"log_counts": torch.from_numpy(log_counts.astype(np.float32))}

    @cached_property
    def _lacking(self) -> Array:
        """What users lack, in number of items or as the sum of their probabilities."""
        q = self.sampler.probabilities
        if q is None:
            return np.maximum(self.sampler.n_free, 1)
        sums = np.bincount(
            row_of_entry(self.X), weights=q[self.X.indices], minlength=len(self.X.indptr) - 1
        )
        return np.maximum(1 - sums, q.min())

    def _share(self, users: Array, items: Array) -> dict[str, Tensor]:
        """Return the parts of a batch whose positives share some items as negatives."""
        self._places[items] = np.arange(len(items))
        rows = self.X[users]
        place = self._places[rows.indices]
        self._places[items] = -1
        hit = np.flatnonzero(place >= 0)
        return {
            "shared": torch.from_numpy(items),
            "hits": _numbers(np.stack([row_of_entry(rows)[hit], place[hit]])),
            "log_counts": torch.from_numpy(self._log_inclusion[items])[None],
        }

    def _batch(self, users: Array, items: Array, group: Array | None) -> PairBatch:
        if group is None:
            return PairBatch(_numbers(users), _numbers(items))
        first = np.flatnonzero(np.diff(group, prepend=-1))
        users = users[first]
        return PairBatch(
            _numbers(users),
            _numbers(items),
            torch.from_numpy(np.repeat(np.arange(len(first)), np.diff(first, append=len(group)))),
            sparse_rows(self.X[users]),
        )


class _Groups(NamedTuple):
    """Positives of an epoch as groups that are adjacent, each of one user.

    ``order`` has the positives of each user together. A group is a part of it that begins at its
    entry of ``starts``; ``ends`` are the groups' ends in the epoch.
    """

    order: Array
    starts: Array
    ends: Array

    def positives(self, start: int, stop: int) -> tuple[Array, Array]:
        """Return the positives from one place of the epoch to another, and the group of each."""
        place = np.arange(start, stop)
        group = np.searchsorted(self.ends, place, side="right")
        begin = np.where(group == 0, 0, self.ends[group - 1])
        return self.order[self.starts[group] + place - begin], group


def _edges(ends: Array, size: int) -> Array:
    """Return some of the sorted ends of users, so that there are few entries in between."""
    wanted = np.arange(size, ends[-1] if len(ends) else 0, size)
    return np.unique(ends[np.searchsorted(ends, wanted)])


def index_type(n: int) -> type[np.signedinteger]:
    """Return the type of numbers below n."""
    return np.int32 if n <= 2**31 else np.int64


def _numbers(values: Array) -> Tensor:
    """Return numbers as torch takes them for indices."""
    return torch.from_numpy(values.astype(np.int64))
