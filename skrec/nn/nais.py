"""NAIS: the items of a history weighed by attention."""

from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec.nn._nais_chunks import chunk_bytes
from skrec.nn._nais_kernel import make_kernel, pair_logits, with_ones
from skrec.nn._nais_sums import attended_sums
from skrec.nn.encoders import HistoryEncoder, make_table
from skrec.nn.interactions import Dot, chunk_size
from skrec.nn.pairs import PairBatch, PairModel, Penalised
from skrec.nn.rows import SparseRows

__all__ = ["NAIS", "Attention"]

_FAINT = 1e-25  # a sum of weights that is lost beside those of other users


class Attention(nn.Module):
    r"""Weight of an item of a history for a target, up to normalisation.

    .. math:: g(q_i, q'_j) = h^\top \mathrm{ReLU}(W (q_i \odot q'_j) + b) \quad\text{or}\quad
        h^\top \mathrm{ReLU}(W [q_i; q'_j] + b)

    Parameters
    ----------
    size : int
        Width of the vectors.
    hidden_size : int
        Width of the hidden layer.
    kind : {"prod", "concat"}
        Which of the two.
    start : float, default=1.0
        The value of h at the start.
    """

    def __init__(self, size: int, hidden_size: int, kind: str = "prod", start: float = 1.0) -> None:
        super().__init__()
        self.kind = kind
        n_inputs = size if kind == "prod" else 2 * size
        self.weight = nn.Parameter(torch.empty(n_inputs, hidden_size))
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        self.out = nn.Parameter(torch.full((hidden_size,), float(start)))
        nn.init.xavier_normal_(self.weight)

    def forward(self, history: Tensor, targets: Tensor) -> Tensor:
        """Compute the logits of histories for targets.

        Parameters
        ----------
        history : Tensor of shape (G, n, size)
            Vectors of the items that users have.
        targets : Tensor of shape (G, T, size)
            Vectors of the targets.

        Returns
        -------
        logits : Tensor of shape (G, n, T)
            One for each pair.
        """
        # items of a history in the role of targets, so that the logits of each lie side by side
        weight = self.weight
        if self.kind == "concat":
            weight = weight.roll(len(weight) // 2, 0)
        kernel = make_kernel(self.kind, history, weight, self.bias)
        return pair_logits(with_ones(targets).mT.contiguous(), kernel, self.out)


class NAIS(PairModel):
    r"""Score pairs by a sum over the history in which attention weighs the items.

    .. math:: f_{ui} = q_i^\top \sum_{j \in R_u \setminus \{i\}} a_{ij} q'_j \; [+ b_i], \qquad
        a_{ij} = \frac{\exp g(q_i, q'_j)}
        {(\sum_{k \in R_u \setminus \{i\}} \exp g(q_i, q'_k))^\beta}

    With g = 0 it is FISM with exponent :math:`\beta`. The state of a user is the history.

    Parameters
    ----------
    n_items : int
        Number of items.
    size : int
        Width of the vectors.
    hidden_size : int, default=16
        Width of the attention's hidden layer.
    kind : {"prod", "concat"}, default="prod"
        Whether the attention reads the product of two vectors, or both side by side.
    beta : float, default=0.5
        Exponent of the sum of weights.
    item_bias : bool, default=True
        Whether the vectors of items end in a bias.
    std : float, default=0.01
        Deviation of the vectors' entries at the start.
    start : float, default=1.0
        The value of the attention's h at the start; with 0 it starts as FISM.
    """

    interaction: Dot

    def __init__(
        self,
        n_items: int,
        size: int,
        hidden_size: int = 16,
        kind: str = "prod",
        beta: float = 0.5,
        item_bias: bool = True,
        std: float = 0.01,
        start: float = 1.0,
    ) -> None:
        interaction = Dot(size, item_bias=item_bias)
        items = make_table(n_items, interaction.item_size, std)
        super().__init__(HistoryEncoder(None, n_items, size, beta, std), items, interaction)
        self.attention = Attention(size, hidden_size, kind, start)
        self.beta = beta

    def forward(self, batch: PairBatch) -> tuple[Tensor, Penalised, Tensor]:
        """Score a batch.

        Parameters
        ----------
        batch : PairBatch
            Positives and their negatives, with histories.

        Returns
        -------
        scores : Tensor of shape (B, 1 + K)
            The scores.
        users : callable
            Computes the sums of squares of the vectors in histories, by column.
        items : Tensor of shape (B, 1 + K, item_size)
            Vectors of the items.
        """
        items = self.items(batch.items)
        history = cast("SparseRows", batch.history)
        row = batch.by_row(torch.arange(len(history), device=items.device))
        users = self._attended(history, row[:, None], batch.items)
        return self.interaction(users, items), partial(self.users.squares, batch), items

    def _attended(self, rows: SparseRows, row: Tensor, items: Tensor) -> Tensor:
        """Compute weighted sums of rows, targets left out of theirs: (B, m) -> (B, m, size)."""
        pairs = rows, row.expand_as(items).flatten(), items.flatten()
        tables = self.users.history.weight, self.items.weight[:, : self.interaction.size]
        layer = self.attention.weight, self.attention.bias, self.attention.out
        sums = attended_sums(self.attention.kind, self.beta, *pairs, *tables, *layer)
        return sums.unflatten(0, items.shape)

    def states(self, free: Tensor | None, rows: SparseRows) -> SparseRows:
        """Return the states of users.

        Parameters
        ----------
        free : Tensor or None
            Not used: there are no free vectors.
        rows : SparseRows of length R
            Histories.

        Returns
        -------
        states : SparseRows of length R
            The histories.
        """
        return rows

    def score(self, states: SparseRows, items: Tensor) -> Tensor:
        """Score items of each user, each left out of the history.

        Parameters
        ----------
        states : SparseRows of length R
            Histories.
        items : Tensor of shape (R, m)
            Items of each.

        Returns
        -------
        scores : Tensor of shape (R, m)
            The scores.
        """
        row = torch.arange(len(states), device=items.device)
        return self._score_outside(states, row, items)

    def score_inside(
        self, states: SparseRows, rows: SparseRows, row: Tensor, items: Tensor
    ) -> Tensor:
        """Score items that users have, each left out of the history.

        Parameters
        ----------
        states : SparseRows of length R
            Histories.
        rows : SparseRows of length R
            The same.
        row : Tensor of shape (n,)
            Places of users.
        items : Tensor of shape (n,)
            An item of each.

        Returns
        -------
        scores : Tensor of shape (n,)
            The scores.
        """
        return self._score_outside(rows, row, items[:, None])[:, 0]

    def _score_outside(self, rows: SparseRows, row: Tensor, items: Tensor) -> Tensor:
        vectors = self.items(items)
        return self.interaction(self._attended(rows, row[:, None], items), vectors)

    def terms(self, rows: SparseRows, row: int, items: Tensor) -> Tensor:
        """Compute the terms of the scores of some items for one history, without their biases.

        Parameters
        ----------
        rows : SparseRows of length R
            Histories.
        row : int
            Which one.
        items : Tensor of int64 of shape (m,)
            The items; each adds nothing to its own score.

        Returns
        -------
        terms : Tensor of shape (n, m)
            What each item of the history adds.
        """
        own = rows.indices[rows.offsets[row] : rows.offsets[row + 1]]
        targets = self.items(items)[:, : self.interaction.size]  # (m, size)
        history = self.users.history(own)  # (n, size)
        logits = self._logits(history, targets).double()
        logits = logits.masked_fill(own[:, None] == items, -torch.inf)
        total = torch.logsumexp(logits, 0).nan_to_num(neginf=0.0)
        return (logits - self.beta * total).exp() * (history.double() @ targets.double().T)

    def score_all(self, states: SparseRows, items: Tensor | None = None) -> Tensor:
        """Score the same items for all users, by whole histories.

        The attention of a pair of items is the same for all users, and is computed once.

        Parameters
        ----------
        states : SparseRows of length R
            Histories.
        items : Tensor of shape (m,), default=None
            The items; None takes all.

        Returns
        -------
        scores : Tensor of shape (R, m)
            The scores.
        """
        # with a column more, so that there is one
        columns, place = torch.unique(F.pad(states.indices, (0, 1)), return_inverse=True)
        vectors = self.item_vectors(items)
        parts = vectors.split(chunk_size(4 * len(columns) * vectors.element_size()))
        chunks = [self._score_chunk(states, place[:-1], columns, part) for part in parts]
        scores, totals = (torch.cat(x, dim=1) for x in zip(*chunks, strict=True))
        some = states.offsets.diff() > 0
        row, column = ((totals < _FAINT) & some[:, None]).nonzero(as_tuple=True)
        if len(row):
            items = column if items is None else items[column]
            scores[row, column] = self.score_inside(states, states, row, items)
        return scores

    def _logits(self, history: Tensor, targets: Tensor) -> Tensor:
        """Compute the attention of all pairs: (n, size), (m, size) -> (n, m)."""
        hidden_bytes = max(1, len(targets)) * self.attention.weight[0].nbytes
        parts = history.split(max(1, chunk_bytes(history.device) // hidden_bytes))
        return torch.cat([self.attention(part[None], targets[None])[0] for part in parts])

    def _score_chunk(
        self, rows: SparseRows, place: Tensor, columns: Tensor, items: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return scores of vectors of items and the sums of their weights, both (R, m)."""
        history, targets = self.users.history(columns), items[:, : self.interaction.size]
        logits = self._logits(history, targets)  # (n_columns, m)
        highest = logits.amax(0)
        weights = (logits - highest).exp()

        def pool(values: Tensor) -> Tensor:
            return F.embedding_bag(
                place, values, rows.offsets, mode="sum", include_last_offset=True
            )

        totals, summed = pool(weights), pool(weights * (history @ targets.T))
        scale = totals.clamp(min=_FAINT) ** -self.beta * ((1 - self.beta) * highest).exp()
        scores = summed * scale
        return scores + items[:, -1] if self.interaction.item_bias else scores, totals
