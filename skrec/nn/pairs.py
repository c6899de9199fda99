"""Models of pairs: an encoder of users, a table of items, and an interaction function."""

from dataclasses import dataclass, fields, replace

import torch
from torch import nn
from torch.nn import functional as F

from skrec.nn.rows import SparseRows

__all__ = ["HistoryEncoder", "PairBatch", "PairModel", "UserTable", "make_table"]


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
    """

    users: torch.Tensor
    items: torch.Tensor
    group: torch.Tensor | None = None
    history: SparseRows | None = None

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


def make_table(n_rows, size, std):
    """Make a table of vectors that start Gaussian.

    Parameters
    ----------
    n_rows : int
        Number of vectors.
    size : int
        Their width.
    std : float
        Deviation of the entries at the start.

    Returns
    -------
    table : Table
        The table.
    """
    table = Table(n_rows, size)
    nn.init.normal_(table.weight, 0, std)
    return table


class Table(nn.Embedding):
    """Vectors by number; its gradient is gathered three times as fast as that of nn.Embedding."""

    def forward(self, index):
        """Look vectors up: index of any shape -> (*shape, size)."""
        rows = self.weight.index_select(0, index.reshape(-1))
        return rows.view(*index.shape, self.embedding_dim)


class UserTable(nn.Module):
    """A free vector for each user.

    Parameters
    ----------
    n_users : int
        Number of users.
    size : int
        Width of their vectors.
    std : float, default=0.01
        Deviation of the entries at the start.
    """

    reads_history = False

    def __init__(self, n_users, size, std=0.01):
        super().__init__()
        self.free = make_table(n_users, size, std)

    def forward(self, batch):
        """Give the vectors of a batch, of shape (B, 1, size)."""
        return batch.by_row(self.free(batch.users))[:, None]

    def states(self, free, rows=None):
        """Give the vectors of users.

        Parameters
        ----------
        free : Tensor of shape (R, size)
            Free vectors.
        rows : SparseRows, default=None
            Not used.

        Returns
        -------
        states : Tensor of shape (R, size)
            The free vectors.
        """
        return free


class HistoryEncoder(nn.Module):
    r"""A user as the sum of what they have, and a free vector if wanted.

    .. math:: f^U(u) = [p_u +] \; |R_u|^{-\alpha} \sum_{t \in R_u \setminus \{i\}} q'_t

    The target i is left out of the sum, and is counted in :math:`|R_u|`.

    Parameters
    ----------
    n_users : int or None
        Number of users with free vectors; None has no free vectors.
    n_items : int
        Number of items.
    size : int
        Width of the vectors.
    alpha : float, default=0.5
        Exponent of the length.
    std : float, default=0.01
        Deviation of the entries at the start.
    """

    reads_history = True

    def __init__(self, n_users, n_items, size, alpha=0.5, std=0.01):
        super().__init__()
        self.alpha = alpha
        self.free = None if n_users is None else make_table(n_users, size, std)
        self.history = make_table(n_items, size, std)

    def forward(self, batch):
        """Give the vectors of a batch, of shape (B, 1 + K, size), for each item its own."""
        full = self.states(None if self.free is None else self.free(batch.users), batch.history)
        full = batch.by_row(full)[:, None]  # (B, 1, size)
        scale = batch.by_row(self.scale(batch.history))  # (B,)
        positive = full - self.share(batch.items[:, :1], scale)  # (B, 1, size)
        others = full.expand(-1, batch.items.shape[1] - 1, -1)  # (B, K, size)
        return torch.cat([positive, others], dim=1)

    def scale(self, rows):
        """Give what a sum over each history is multiplied by.

        Parameters
        ----------
        rows : SparseRows of length R
            Histories.

        Returns
        -------
        scale : Tensor of shape (R,)
            Their lengths to the power of minus alpha.
        """
        lengths = rows.offsets.diff().clamp(min=1)
        return lengths.to(self.history.weight.dtype) ** -self.alpha

    def share(self, items, scale):
        """Give the parts that items have in the vectors of their users.

        Parameters
        ----------
        items : Tensor of shape (B, m)
            Items of histories.
        scale : Tensor of shape (B,)
            Scales of the histories.

        Returns
        -------
        share : Tensor of shape (B, m, size)
            What to subtract to leave an item out.
        """
        return self.history(items) * scale[:, None, None]

    def states(self, free, rows):
        """Give the vectors of users.

        Parameters
        ----------
        free : Tensor of shape (R, size) or None
            Free vectors, if there are such.
        rows : SparseRows of length R
            Histories.

        Returns
        -------
        states : Tensor of shape (R, size)
            Free vectors and sums over histories, nothing left out.
        """
        weight = self.history.weight
        sums = F.embedding_bag(
            rows.indices, weight, rows.offsets, mode="sum", include_last_offset=True
        )
        pooled = sums * self.scale(rows)[:, None]  # (R, size)
        return pooled if free is None else pooled + free


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
        users : Tensor of shape (B, 1 or 1 + K, user_size)
            Vectors of the users.
        items : Tensor of shape (B, 1 + K, item_size)
            Vectors of the items.
        """
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
