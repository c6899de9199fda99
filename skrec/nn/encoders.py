"""Tables of vectors, and encoders that make a user's vector from numbers and histories."""

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec.nn._huge_pages import use_huge_pages
from skrec.nn.rows import SparseRows

if TYPE_CHECKING:
    from skrec.nn.pairs import PairBatch

__all__ = ["HistoryEncoder", "MeanEncoder", "UserTable", "make_table"]


def make_table(n_rows: int, size: int, std: float) -> "EmbeddingTable":
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
    table : EmbeddingTable
        The table.
    """
    use_huge_pages()
    table = EmbeddingTable(n_rows, size)
    nn.init.normal_(table.weight, 0, std)
    return table


class EmbeddingTable(nn.Embedding):
    """Vectors by number; its gradient is gathered three times as fast as that of nn.Embedding.

    Where ``sparse`` is set, the gradient holds only the rows that were looked up.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Look vectors up by their numbers: input of any shape -> (*shape, size)."""
        if self.sparse:
            return F.embedding(input, self.weight, sparse=True)
        rows = self.weight.index_select(0, input.reshape(-1))
        return rows.view(*input.shape, self.embedding_dim)


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

    def __init__(self, n_users: int, size: int, std: float = 0.01) -> None:
        super().__init__()
        self.free = make_table(n_users, size, std)

    def forward(self, batch: "PairBatch") -> Tensor:
        """Return the vectors of the users of a `PairBatch`, of shape (B, 1, size)."""
        return batch.by_row(self.free(batch.users))[:, None]

    def both(self, batch: "PairBatch") -> tuple[Tensor, Tensor]:
        """Return the vectors beside positives and beside other items, which are the same.

        Parameters
        ----------
        batch : PairBatch
            Positives and their negatives.

        Returns
        -------
        inside : Tensor of shape (B, 1, size)
            Vectors beside the positives.
        whole : Tensor of shape (B, size)
            Vectors beside other items.
        """
        inside = self(batch)
        return inside, inside[:, 0]

    def states(self, free: Tensor, rows: SparseRows | None = None) -> Tensor:
        """Return the vectors of users.

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
    r"""A user as the sum of the items in their history, and a free vector if wanted.

    .. math:: f^U(u) = [p_u +] \; |R_u|^{-\alpha} \sum_{t \in R_u \setminus \{i\}} q'_t

    The target i is left out of the sum, and is counted in :math:`|R_u|`.

    Parameters
    ----------
    n_users : int or None
        Number of users with free vectors; None means no free vectors.
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

    def __init__(
        self, n_users: int | None, n_items: int, size: int, alpha: float = 0.5, std: float = 0.01
    ) -> None:
        super().__init__()
        self.alpha = alpha
        self.free = None if n_users is None else make_table(n_users, size, std)
        self.history = make_table(n_items, size, std)

    def forward(self, batch: "PairBatch") -> Tensor:
        """Compute a vector for each item of a `PairBatch`, of shape (B, 1 + K, size)."""
        positive, full = self.both(batch)
        others = full[:, None].expand(-1, batch.items.shape[1] - 1, -1)  # (B, K, size)
        return torch.cat([positive, others], dim=1)

    def both(self, batch: "PairBatch") -> tuple[Tensor, Tensor]:
        """Compute the vectors beside positives, which are left out, and beside other items.

        Parameters
        ----------
        batch : PairBatch
            Positives and their negatives, with histories.

        Returns
        -------
        inside : Tensor of shape (B, 1, size)
            Vectors beside the positives.
        whole : Tensor of shape (B, size)
            Vectors beside other items.
        """
        history = cast("SparseRows", batch.history)
        full = self.states(None if self.free is None else self.free(batch.users), history)
        full = batch.by_row(full)  # (B, size)
        scale = batch.by_row(self.scale(history))  # (B,)
        return full[:, None] - self.share(batch.items[:, :1], scale), full

    def squares(self, batch: "PairBatch") -> Tensor:
        r"""Compute the sums over a `PairBatch` of the squares of what users' vectors are made of.

        .. math:: \sum_u [\|p_u\|^2 +] \sum_{t \in R_u \setminus \{i\}} \|q'_t\|^2

        A penalty on these lets no parts of a vector grow that cancel each other.

        Parameters
        ----------
        batch : PairBatch
            Positives and their negatives, with histories.

        Returns
        -------
        squares : Tensor of shape (1 + K,)
            The sums by column; only the first leaves items out.
        """
        history = cast("SparseRows", batch.history)
        each = self.history.weight.square().sum(1)  # (n_items,)
        group = torch.arange(len(batch), device=each.device) if batch.group is None else batch.group
        n_rows = each.new_zeros(len(history)).index_add_(0, group, each.new_ones(len(batch)))
        counts = torch.zeros_like(each).index_add_(
            0, history.indices, n_rows.index_select(0, history.row)
        )
        total = counts @ each
        if self.free is not None:
            total = total + n_rows @ self.free(batch.users).square().sum(1)
        own = torch.bincount(batch.items[:, 0], minlength=len(each)).to(each.dtype) @ each
        others = total.expand(batch.items.shape[1] - 1)
        return torch.cat([(total - own)[None], others])

    def scale(self, rows: SparseRows) -> Tensor:
        """Compute the factor of the sum over each history.

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

    def share(self, items: Tensor, scale: Tensor) -> Tensor:
        """Compute the parts of items in the vectors of their users.

        Parameters
        ----------
        items : Tensor of shape (B, m)
            Items of histories.
        scale : Tensor of shape (B,)
            Scales of the histories.

        Returns
        -------
        share : Tensor of shape (B, m, size)
            The vectors to subtract to leave an item out.
        """
        return self.history(items) * scale[:, None, None]

    def terms(self, rows: SparseRows) -> Tensor:
        """Compute what each item of the histories adds to the vector of its user.

        Parameters
        ----------
        rows : SparseRows of length R
            Histories.

        Returns
        -------
        terms : Tensor of shape (nnz, size)
            The terms of the sums that `states` returns.
        """
        return self.history(rows.indices) * self.scale(rows)[rows.row, None]

    def states(self, free: Tensor | None, rows: SparseRows) -> Tensor:
        """Compute the vectors of users.

        Parameters
        ----------
        free : Tensor of shape (R, size) or None
            Free vectors, if there are any.
        rows : SparseRows of length R
            Histories.

        Returns
        -------
        states : Tensor of shape (R, size)
            Sums of free vectors and whole histories.
        """
        weight = self.history.weight
        sums = F.embedding_bag(
            rows.indices, weight, rows.offsets, mode="sum", include_last_offset=True
        )
        pooled = sums * self.scale(rows)[:, None]  # (R, size)
        return pooled if free is None else pooled + free


class MeanEncoder(HistoryEncoder):
    r"""A free vector and the mean of the items in the history, mapped (SimpleX).

    .. math:: f^U(u) = p_u + \frac{1 - g}{g} \; V \frac{1}{|R_u|}
        \sum_{t \in R_u \setminus \{i\}} q_t

    The items are those of the model, q. The target i is left out of the sum, and is counted in
    :math:`|R_u|`. The whole is 1 / g times :math:`g p_u + (1 - g) V \overline{q_t}`: for a cosine
    they are the same.

    Parameters
    ----------
    n_users : int
        Number of users.
    items : torch.nn.Embedding
        Vectors of the items, which are shared.
    weight : float
        Share 1 - g of the history, in [0, 1).
    std : float, default=0.01
        Deviation of the free vectors' entries at the start.
    """

    def __init__(self, n_users: int, items: nn.Embedding, weight: float, std: float = 0.01) -> None:
        nn.Module.__init__(self)
        self.alpha = 1.0
        self.ratio = weight / (1 - weight)
        self.free = make_table(n_users, items.embedding_dim, std)
        self.history = items
        self.map = nn.Linear(items.embedding_dim, items.embedding_dim, bias=False)

    def squares(self, batch: "PairBatch") -> Tensor:
        """Compute the sum over the rows of a `PairBatch` of the squares of free vectors.

        Parameters
        ----------
        batch : PairBatch
            Positives and their negatives.

        Returns
        -------
        squares : Tensor of shape (1,)
            The sum; items are penalised as items.
        """
        return batch.by_row(cast("nn.Embedding", self.free)(batch.users)).square().sum()[None]

    def share(self, items: Tensor, scale: Tensor) -> Tensor:
        """Compute the parts of items in the vectors of their users.

        Parameters
        ----------
        items : Tensor of shape (B, m)
            Items of histories.
        scale : Tensor of shape (B,)
            Scales of the histories.

        Returns
        -------
        share : Tensor of shape (B, m, size)
            The vectors to subtract to leave an item out.
        """
        return self.ratio * self.map(super().share(items, scale))

    def terms(self, rows: SparseRows) -> Tensor:
        """Compute what each item of the histories adds to the vector of its user.

        Parameters
        ----------
        rows : SparseRows of length R
            Histories.

        Returns
        -------
        terms : Tensor of shape (nnz, size)
            The mapped terms.
        """
        return self.ratio * self.map(super().terms(rows))

    def states(self, free: Tensor | None, rows: SparseRows) -> Tensor:
        """Compute the vectors of users.

        Parameters
        ----------
        free : Tensor of shape (R, size) or None
            Free vectors, if they take part.
        rows : SparseRows of length R
            Histories.

        Returns
        -------
        states : Tensor of shape (R, size)
            Sums of free vectors and mapped means.
        """
        mapped = self.ratio * self.map(super().states(None, rows))
        return mapped if free is None else mapped + free
