"""Models of pairs: an encoder of users, a table of items, and an interaction function."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, nn

from skrec.nn.encoders import UserTable
from skrec.nn.interactions import Interaction
from skrec.nn.rows import SparseRows

__all__ = ["MASKED", "PairBatch", "PairModel", "Penalised", "shared_scores", "shared_squares"]

MASKED = -1e30  # the score of a negative that does not count: no loss, and finite arithmetic

UserStates: TypeAlias = Any
"""The states of R users: a tensor of vectors, or another form that a model chooses."""

Penalised: TypeAlias = Tensor | Callable[[], Tensor]
"""What a penalty falls on: vectors, sums of their squares, or a function that computes these."""


@dataclass(frozen=True)
class PairBatch:
    """Positives and their negatives, by user.

    Parameters
    ----------
    users : Tensor of shape (G,)
        The users of the batch, int64; without ``group`` there is one for each row of ``items``.
    items : Tensor of shape (B, 1 + K)
        A positive item and its negatives, int64; with ``shared`` the positive alone.
    group : Tensor of shape (B,), default=None
        Place in ``users`` of the user of each row of ``items``.
    history : SparseRows of length G, default=None
        Items of the users, the positives of the batch included.
    values : Tensor of shape (B,), default=None
        Ratings of the first items, float32.
    shared : Tensor of shape (K,), default=None
        Negatives that all rows have in common, int64, each item once.
    hits : Tensor of shape (2, n), default=None
        Row and place in ``shared`` of those that the user of the row has: they do not count.
    log_counts : Tensor of shape (1, K), (B, 1) or (B, K), default=None
        Logarithms of how often an item that the user lacks is expected among the negatives.
    """

    users: Tensor
    items: Tensor
    group: Tensor | None = None
    history: SparseRows | None = None
    values: Tensor | None = None
    shared: Tensor | None = None
    hits: Tensor | None = None
    log_counts: Tensor | None = None

    def __len__(self) -> int:
        return len(self.items)

    def to(self, device: str | torch.device) -> "PairBatch":
        """Return the batch on a device.

        Parameters
        ----------
        device : str or torch.device
            Where to.

        Returns
        -------
        batch : PairBatch
            The same batch there.
        """
        if self.items.device == torch.device(device):
            return self
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: v.to(device) for k, v in parts.items() if v is not None})

    def part(self, rows: slice) -> "PairBatch":
        """Return some adjacent rows as a batch, whose negatives count as often as before.

        Parameters
        ----------
        rows : slice
            Their places.

        Returns
        -------
        part : PairBatch
            The rows, with their users alone.
        """
        users, history, group, hits, log_counts = rows, self.history, self.group, self.hits, None
        if group is not None:
            users = slice(int(group[rows.start]), int(group[rows.stop - 1]) + 1)
            group = group[rows] - users.start
        if hits is not None:
            hits = hits[:, (hits[0] >= rows.start) & (hits[0] < rows.stop)]
            hits = hits - hits.new_tensor([[rows.start], [0]])
        if self.log_counts is not None:
            log_counts = self.log_counts if len(self.log_counts) == 1 else self.log_counts[rows]
        return replace(
            self,
            users=self.users[users],
            items=self.items[rows],
            group=group,
            history=None if history is None else history.part(users),
            values=None if self.values is None else self.values[rows],
            hits=hits,
            log_counts=log_counts,
        )

    def entries(self, rows: slice) -> None:
        """Return None: no entries of histories are dropped.

        Parameters
        ----------
        rows : slice
            Places of rows.
        """

    @property
    def n_lacking(self) -> Tensor | None:
        """How many shared negatives count in each row, of shape (B,), or None."""
        if self.shared is None or self.hits is None:
            return None
        return len(self.shared) - torch.bincount(self.hits[0], minlength=len(self))

    def by_row(self, values: Tensor) -> Tensor:
        """Return for each row the value of its user.

        Parameters
        ----------
        values : Tensor of shape (G, ...)
            One for each user.

        Returns
        -------
        values : Tensor of shape (B, ...)
            One for each row.
        """
        return values if self.group is None else values[self.group]


class PairModel(nn.Module):
    """Model that scores pairs of users and items.

    Parameters
    ----------
    users : torch.nn.Module
        Encoder of users, such as `UserTable` or `HistoryEncoder`.
    items : torch.nn.Embedding
        Vectors of the items.
    interaction : Interaction
        The function that makes a score of two vectors.
    """

    users: Any
    items: Any
    interaction: Any

    def __init__(self, users: nn.Module, items: nn.Module, interaction: Interaction) -> None:
        super().__init__()
        self.users = users
        self.items = items
        self.interaction = interaction

    @property
    def reads_history(self) -> bool:
        """Whether a user's vector depends on the history, and leaves the target out of it."""
        return self.users.reads_history

    def forward(self, batch: PairBatch) -> tuple[Tensor, Penalised, Penalised]:
        """Score a batch.

        Parameters
        ----------
        batch : PairBatch
            Positives and their negatives.

        Returns
        -------
        scores : Tensor of shape (B, 1 + K)
            The scores.
        users : Tensor of shape (B, 1 or 1 + K, user_size) or (1,), or callable
            Vectors of the users, or the sum of their squares; where histories make the vectors, a
            function that computes the sums of squares of the rows that they are made of.
        items : Tensor of shape (B, 1 + K, item_size) or (1 + K,), or callable
            Vectors of the items, or the sums of their squares by column, or a function that
            computes these.
        """
        if batch.shared is not None:
            return self._score_shared(batch)
        if isinstance(self.users, UserTable) and batch.group is None:
            tables = self.users.free.weight, self.items.weight
            sparse = self.users.free.sparse, self.items.sparse
            answer = self.interaction.score_tables(*tables, batch.users, batch.items, sparse)
            if answer is not None:
                return answer
        users, items = self.users(batch), self.items(batch.items)
        encoder: Any = self.users
        norms = partial(encoder.squares, batch) if self.reads_history else users
        return self.interaction(users, items), norms, items

    def _score_shared(self, batch: PairBatch) -> tuple[Tensor, Penalised, Penalised]:
        """Score the positives, and for each row the negatives that all rows share."""
        numbers = torch.cat([batch.items[:, 0], cast("Tensor", batch.shared)])
        inside, whole = self.users.both(batch)  # (B, 1, user_size), (B, user_size)
        items = self.items(numbers)  # (B + K, item_size)
        scores = shared_scores(self.interaction, inside, whole, items, batch)
        norms = partial(self.users.squares, batch) if self.reads_history else inside
        return scores, norms, partial(shared_squares, items, len(batch))

    def item_vectors(self, items: Tensor | None = None) -> Tensor:
        """Return the vectors of items.

        Parameters
        ----------
        items : Tensor of shape (m,), default=None
            Columns; None means all.

        Returns
        -------
        vectors : Tensor of shape (m, item_size)
            Their vectors.
        """
        return self.items.weight if items is None else self.items(items)

    def score(self, states: UserStates, items: Tensor) -> Tensor:
        """Score items of each user.

        Parameters
        ----------
        states : Tensor of shape (R, user_size)
            What `states` returned.
        items : Tensor of shape (R, m)
            Columns, for each user its own.

        Returns
        -------
        scores : Tensor of shape (R, m)
            The scores.
        """
        return self.interaction(states[:, None], self.items(items))

    def score_all(self, states: UserStates, items: Tensor | None = None) -> Tensor:
        """Score all pairs of users and items.

        Parameters
        ----------
        states : Tensor of shape (R, user_size)
            What `states` returned.
        items : Tensor of shape (m,), default=None
            Columns; None means all.

        Returns
        -------
        scores : Tensor of shape (R, m)
            The scores.
        """
        side = self.interaction.item_side(self.item_vectors(items))
        return self.interaction.cross(states, side)

    def states(self, free: Tensor | None, rows: SparseRows) -> UserStates:
        """Return the states that represent users.

        Parameters
        ----------
        free : Tensor of shape (R, size) or None
            Free vectors, if there are any.
        rows : SparseRows of length R
            Histories.

        Returns
        -------
        states : Tensor of shape (R, user_size)
            Vectors of the users.
        """
        return self.users.states(free, rows)

    def score_inside(
        self, states: UserStates, rows: SparseRows, row: Tensor, items: Tensor
    ) -> Tensor:
        """Score items that users have, leaving each out of the history.

        Parameters
        ----------
        states : Tensor of shape (R, user_size)
            What `states` returned.
        rows : SparseRows of length R
            Histories.
        row, items : Tensor of shape (n,)
            Pairs of a row and an item that it has.

        Returns
        -------
        scores : Tensor of shape (n,)
            The scores.
        """
        items = items[:, None]
        share = self.users.share(items, self.users.scale(rows)[row])[:, 0]  # (n, size)
        return self.score(states[row] - share, items)[:, 0]


def shared_scores(
    interaction: Interaction, inside: Tensor, whole: Tensor, items: Tensor, batch: PairBatch
) -> Tensor:
    """Score positives, and negatives that all rows share, those by one product.

    Parameters
    ----------
    interaction : Interaction
        The function that makes a score of two vectors.
    inside : Tensor of shape (B, 1, user_size)
        Vectors of the users beside their positives.
    whole : Tensor of shape (B, user_size)
        Vectors of the users beside what they lack.
    items : Tensor of shape (B + K, item_size)
        Vectors of the positives and then of the negatives.
    batch : PairBatch
        The batch, with ``hits``.

    Returns
    -------
    scores : Tensor of shape (B, 1 + K)
        The scores; those of negatives that do not count are ``MASKED``.
    """
    own, shared = items[: len(batch)], items[len(batch) :]
    positive = interaction(inside, own[:, None])  # (B, 1)
    negative = interaction.cross(whole, interaction.item_side(shared))  # (B, K)
    row, place = cast("Tensor", batch.hits)
    scores = torch.cat([positive, negative], dim=1)
    scores[row, 1 + place] = MASKED
    return scores


def shared_squares(items: Tensor, n_rows: int) -> Tensor:
    """Compute the sums of squares by column where all rows share their negatives.

    Parameters
    ----------
    items : Tensor of shape (B + K, item_size)
        Vectors of the positives and then of the negatives.
    n_rows : int
        The number B of rows, in each of which a negative counts.

    Returns
    -------
    squares : Tensor of shape (1 + K,)
        The sums.
    """
    squares = items.square().sum(1)  # (B + K,)
    return torch.cat([squares[:n_rows].sum()[None], n_rows * squares[n_rows:]])
