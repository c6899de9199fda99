"""Histories summed by attention, forward and backward, in chunks of padded blocks."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from skrec.nn._nais_chunks import Chunks, padded_chunks
from skrec.nn._nais_kernel import (
    LogitTable,
    kernel_gradients,
    logit_gradients,
    make_kernel,
    pair_logits,
    with_ones,
)
from skrec.nn.rows import SparseRows

__all__ = ["attended_sums"]

_MASKED = -1e30  # a logit that counts nothing, and can be subtracted from itself
_LOWEST = -1e15  # a highest logit, so that what is left of a masked one without others is nothing
_PAIR_BYTES = 24  # of a pair whose logit is looked up: the logit and its place, weight and gradient


def attend(logits: Tensor, left_out: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    r"""Weigh items by :math:`\exp(g_j) / (\sum_k \exp(g_k))^\beta`.

    Parameters
    ----------
    logits : Tensor of shape (G, T, n)
        Logits of n items for each of T targets; its memory is used again.
    left_out : Tensor of bool of shape (G, T, n)
        Which items do not count; a target for which none counts gets zeros.
    beta : float
        Exponent of the sum.

    Returns
    -------
    powers : Tensor of shape (G, T, n)
        Weights up to a factor for each target.
    total : Tensor of shape (G, T, 1)
        Their sums.
    scale : Tensor of shape (G, T, 1)
        The factors.
    """
    logits = logits.masked_fill_(left_out, _MASKED)
    highest = logits.amax(2, keepdim=True).clamp_(min=_LOWEST)
    powers = logits.sub_(highest).exp_()
    total = powers.sum(2, keepdim=True).clamp_(min=1)  # as it is wherever an item counts
    return powers, total, total**-beta * ((1 - beta) * highest).exp()


def attended_sums(
    kind: str,
    beta: float,
    rows: SparseRows,
    row: Tensor,
    items: Tensor,
    history: Tensor,
    targets: Tensor,
    *layer: Tensor,
) -> Tensor:
    """Sum histories by their weights for targets, each target left out of its own.

    Parameters
    ----------
    kind : {"prod", "concat"}
        What the hidden layer reads.
    beta : float
        Exponent of the sum of weights.
    rows : SparseRows of length R
        The histories.
    row, items : Tensor of shape (N,)
        For each target its row and its item.
    history : Tensor of shape (n_items, size)
        Vectors of items in a history.
    targets : Tensor of shape (n_items, size)
        Vectors of items as targets.
    *layer : Tensor of shapes (n_inputs, hidden), (hidden,) and (hidden,)
        Weight and bias of the hidden layer, and what weighs its units.

    Returns
    -------
    sums : Tensor of shape (N, size)
        One for each target.

    Notes
    -----
    A logit depends on two items alone. Where a table of all pairs of distinct items is smaller than
    the number of pairs that are asked for, logits are looked up in it. A pair of the table takes
    about 35 ns on one core, one that is looked up 25, and one that is computed in place 65.
    """
    tensors = history, targets, *layer
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    shape = len(items) + 1, history.shape[1]  # with a row for the padding of blocks
    table = _find_table(rows, row, items, len(history))
    if table is None:
        chunks = padded_chunks(rows, items, row, layer[-1].nbytes)
        vectors = targets.index_select(0, items)
        return _Attended.apply(keep, beta, shape, chunks, _Pairs, kind, history, vectors, *layer)
    some, columns, place, column = table
    logits = LogitTable.apply(
        kind, targets.index_select(0, some), history.index_select(0, columns), *layer
    )
    chunks = padded_chunks(rows, items, row, _PAIR_BYTES)
    start = place[F.pad(items, (0, 1))] * len(columns)
    source = _LookUp, (start, column)
    return _Attended.apply(keep, beta, shape, chunks, *source, history, logits)


def _find_table(
    rows: SparseRows, row: Tensor, items: Tensor, n_items: int
) -> tuple[Tensor, ...] | None:
    """Return targets, columns and the places of items among both; None if no table pays.

    Only on a CPU: the comparison would keep an accelerator waiting.
    """
    if items.device.type != "cpu":
        return None
    (some, place), (columns, column) = (_distinct(x, n_items) for x in (items, rows.indices))
    n_pairs = int(rows.offsets.diff()[row].sum())
    return (some, columns, place, column) if len(some) * len(columns) < n_pairs else None


def _distinct(items: Tensor, n_items: int) -> tuple[Tensor, Tensor]:
    """Return distinct items in order, and the place of each among them; any place for others."""
    found = torch.zeros(n_items, dtype=torch.bool)
    found[items] = True
    return found.nonzero()[:, 0], (found.cumsum(0) - 1).clamp(min=0)


class _Pairs:
    """Logits of a chunk, computed in place: that costs less than storing their hidden units.

    Parameters
    ----------
    kind : {"prod", "concat"}
        What the hidden layer reads.
    chunks : list of tuple
        All chunks.
    targets : Tensor of shape (N, size)
        Vectors of the targets.
    weight, bias, out : Tensor
        The layer.
    """

    def __init__(
        self, kind: str, chunks: Chunks, targets: Tensor, weight: Tensor, bias: Tensor, out: Tensor
    ) -> None:
        self.kind, self.weight, self.bias, self.out = kind, weight, bias, out
        self.targets = F.pad(targets, (0, 0, 0, 1))  # a last row for the padding of blocks
        most = max((left_out.numel() for *_, left_out in chunks), default=0)
        self.memory = out.new_empty(most * len(out))

    def logits(self, columns: Tensor, places: Tensor, items: Tensor) -> Tensor:
        """Return the logits of a chunk, whose memory is the caller's: (G, T, n)."""
        kernel = make_kernel(self.kind, self.targets[places], self.weight, self.bias)
        return pair_logits(with_ones(items).mT.contiguous(), kernel, self.out, self.memory)

    def start_gradients(self) -> None:
        """Start the gradients at 0."""
        self.gradients = [
            torch.zeros_like(x) for x in (self.targets, self.weight, self.bias, self.out)
        ]

    def add_gradients(
        self, columns: Tensor, places: Tensor, items: Tensor, grad: Tensor, of_items: Tensor
    ) -> None:
        """Add what the logits' gradient implies: to its own gradients, and to that of items."""
        vectors = self.targets[places]
        kernel = make_kernel(self.kind, vectors, self.weight, self.bias)
        ones = with_ones(items).mT.contiguous()
        more, of_kernel, of_out = logit_gradients(ones, kernel, self.out, grad, self.memory)
        of_items += more
        of_vectors, *of_layer = kernel_gradients(self.kind, vectors, self.weight, of_kernel)
        self.gradients[0][places] = of_vectors
        for total, part in zip(self.gradients[1:], (*of_layer, of_out), strict=True):
            total += part

    def all_gradients(self) -> list[Tensor]:
        """Return the gradients of targets and layer."""
        return [self.gradients[0][:-1], *self.gradients[1:]]


class _LookUp:
    """Logits of a chunk, looked up in a table.

    Parameters
    ----------
    places : tuple of Tensor
        Start of each target's row, and place of each item in a row.
    chunks : list of tuple
        Not used.
    table : Tensor of shape (n_targets, n_columns)
        The logits.
    """

    def __init__(self, places: tuple[Tensor, Tensor], chunks: Chunks, table: Tensor) -> None:
        self.start, self.column = places
        self.table = table

    def _entries(self, columns: Tensor, places: Tensor) -> Tensor:
        entries = self.start[places][..., None] + self.column[columns][:, None]
        return entries.view(-1)

    def logits(self, columns: Tensor, places: Tensor, items: Tensor) -> Tensor:
        """Return the logits of a chunk, whose memory is the caller's: (G, T, n)."""
        logits = self.table.view(-1).index_select(0, self._entries(columns, places))
        return logits.view(*places.shape, columns.shape[1])

    def start_gradients(self) -> None:
        """Start the gradient at 0."""
        self.gradient = torch.zeros_like(self.table)

    def add_gradients(
        self, columns: Tensor, places: Tensor, items: Tensor, grad: Tensor, of_items: Tensor
    ) -> None:
        """Add the logits' gradient to that of the table."""
        entries = self._entries(columns, places)
        self.gradient.view(-1).scatter_add_(0, entries, grad.view(-1))

    def all_gradients(self) -> list[Tensor]:
        """Return the gradient of the table."""
        return [self.gradient]


class _Attended(torch.autograd.Function):
    """The sums chunk by chunk, forward and backward, so that what is worked on stays in the cache.

    Weights are stored for the gradients, of which there is one where there are many hidden units.
    """

    @staticmethod
    def forward(
        ctx: Any,
        keep: bool,
        beta: float,
        shape: tuple[int, int],
        chunks: Chunks,
        make_source: type[_Pairs] | type[_LookUp],
        option: Any,
        history: Tensor,
        *inputs: Tensor,
    ) -> Tensor:
        source = make_source(option, chunks, *inputs)
        sums, kept = history.new_empty(shape), []
        # what gradients of sums are multiplied with, and what the exponent takes off them
        factors = history.new_empty(len(sums), 2)
        for columns, places, left_out in chunks:
            items = history[columns]  # (G, n, size)
            powers, total, scale = attend(source.logits(columns, places, items), left_out, beta)
            sums[places] = torch.bmm(powers, items).mul_(scale)
            if keep:
                factors[places] = torch.cat([scale, beta / total], dim=2)
                kept.append(powers)
        ctx.options, ctx.n_inputs = (chunks, make_source, option), len(inputs)
        ctx.save_for_backward(history, *inputs, sums, factors, *kept)
        return sums[:-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        chunks, make_source, option = ctx.options
        history, *rest = ctx.saved_tensors
        inputs, (sums, factors, *kept) = rest[: ctx.n_inputs], rest[ctx.n_inputs :]
        source = make_source(option, chunks, *inputs)
        source.start_gradients()
        grad, (scale, share) = F.pad(grad, (0, 0, 0, 1)), factors.split(1, dim=1)
        along, grad = share * (grad * sums).sum(1, keepdim=True), grad * scale
        of_history = torch.zeros_like(history)
        for (columns, places, _), powers in zip(chunks, kept, strict=True):
            items, own = history[columns], grad[places]
            logits = torch.bmm(own, items.mT).sub_(along[places]).mul_(powers)  # (G, T, n)
            of_items = torch.bmm(own.mT, powers)  # (G, size, n)
            source.add_gradients(columns, places, items, logits, of_items)
            of_history.index_add_(0, columns.flatten(), of_items.mT.flatten(0, 1))
        return *(None,) * 6, of_history, *source.all_gradients()
