"""Models of pairs: an encoder of users, a table of items, and an interaction function."""

from dataclasses import dataclass, fields, replace

import torch
from torch import nn

from skrec.nn.encoders import UserTable
from skrec.nn.rows import SparseRows

__all__ = ["PairBatch", "PairModel"]


@dataclass(frozen=True)
class PairBatch:
    """Positives and their negatives, by user.

    Parameters
    ----------
    users : Tensor of shape (G,)
        The users of the batch, int64. Without ``group`` one for each row of ``items``.
    items : Tensor of shape (B, 1 + K)
        A positive item and its negatives, int64.
    group : Tensor of shape (B,), default=None
        For each row of ``items`` the place of its user in ``users``.
    history : SparseRows of length G, default=None
        What the users have, the positives of the batch included.
    values : Tensor of shape (B,), default=None
        Ratings of the first items, float32.
    """

    users: torch.Tensor
    items: torch.Tensor
    group: torch.Tensor | None = None
    history: SparseRows | None = None
    values: torch.Tensor | None = None

    def __len__(self):
        return len(self.items)

    def to(self, device):
        """Give the batch on a device.

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

    def by_row(self, values):
        """Give a value of each user to each row.

        Parameters
        ----------
        values : Tensor of shape (G, ...)
            One a user.

        Returns
        -------
        values : Tensor of shape (B, ...)
            One a row.
        """
        return values if self.group is None else values[self.group]


class PairModel(nn.Module):
    """Score pairs of users and items.

    Parameters
    ----------
    users : torch.nn.Module
        Encoder of users, such as `UserTable` or `HistoryEncoder`.
    items : torch.nn.Embedding
        Vectors of the items.
    interaction : Interaction
        What makes a score of two vectors.
    """

    def __init__(self, users, items, interaction):
        super().__init__()
        self.users = users
        self.items = items
        self.interaction = interaction

    @property
    def reads_history(self):
        """Whether a user's vector depends on the history, and leaves the target out of it."""
        return self.users.reads_history

    def forward(self, batch):
        """Score a batch.

        Parameters
        ----------
        batch : PairBatch
            Positives and their negatives.

        Returns
        -------
        scores : Tensor of shape (B, 1 + K)
            The scores.
        users : Tensor of shape (B, 1 or 1 + K, user_size) or (1,)
            Vectors of the users, or the sum of their squares.
        items : Tensor of shape (B, 1 + K, item_size) or (1 + K,)
            Vectors of the items, or the sums of their squares by column.
        """
        if isinstance(self.users, UserTable) and batch.group is None:
            tables = self.users.free.weight, self.items.weight
            answer = self.interaction.score_tables(*tables, batch.users, batch.items)
            if answer is not None:
                return answer
        users, items = self.users(batch), self.items(batch.items)
        return self.interaction(users, items), users, items

    def item_vectors(self, items=None):
        """Give the vectors of items.

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

    def score(self, states, items):
        """Score items of each user.

        Parameters
        ----------
        states : Tensor of shape (R, user_size)
            What `states` gave.
        items : Tensor of shape (R, m)
            Columns, for each user its own.

        Returns
        -------
        scores : Tensor of shape (R, m)
            The scores.
        """
        return self.interaction(states[:, None], self.items(items))

    def score_all(self, states, items=None):
        """Score all pairs of users and items.

        Parameters
        ----------
        states : Tensor of shape (R, user_size)
            What `states` gave.
        items : Tensor of shape (m,), default=None
            Columns; None means all.

        Returns
        -------
        scores : Tensor of shape (R, m)
            The scores.
        """
        side = self.interaction.item_side(self.item_vectors(items))
        return self.interaction.cross(states, side)

    def states(self, free, rows):
        """Give what represents users.

        Parameters
        ----------
        free : Tensor of shape (R, size) or None
            Free vectors, if there are such.
        rows : SparseRows of length R
            Histories.

        Returns
        -------
        states : Tensor of shape (R, user_size)
            Vectors of the users.
        """
        return self.users.states(free, rows)

    def score_inside(self, states, rows, row, items):
        """Score items that users have, leaving each out of the history.

        Parameters
        ----------
        states : Tensor of shape (R, user_size)
            What `states` gave.
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
