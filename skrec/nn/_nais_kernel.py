"""Attention over histories of many lengths, forward and backward, in chunks of padded blocks."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from skrec.nn.rows import SparseRows

__all__ = ["Attended", "attend", "chunk_bytes", "hidden_units", "make_kernel", "padded_chunks"]

_BLOCK = 32  # targets that share a history while they are worked on
# hidden units of a chunk: they are passed over ten times, which on a CPU is best done in its cache
_CHUNK_BYTES = {"cpu": 2**21, "cuda": 2**27}
_MASKED = -1e30  # a logit that counts nothing, and can be subtracted from itself


def make_kernel(kind: str, targets: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Compute the hidden layer as a linear map of histories, whose last row is the bias.

    Parameters
    ----------
    kind : {"prod", "concat"}
        Whether the layer reads the product of two vectors, or both side by side.
    targets : Tensor of shape (G, T, size)
        Vectors of the targets.
    weight : Tensor of shape (n_inputs, hidden_size)
        Weight of the layer.
    bias : Tensor of shape (hidden_size,)
        Its bias.

    Returns
    -------
    kernel : Tensor of shape (G, size + 1, T, hidden_size)
        A map for each target.
    """
    if kind == "prod":
        weight = torch.cat([weight, bias[None]])  # (size + 1, hidden)
        return with_ones(targets).transpose(1, 2)[..., None] * weight[:, None]
    first, second = weight.split(len(weight) // 2)
    second = second[:, None].expand(len(targets), -1, targets.shape[1], -1)
    return torch.cat([second, (targets @ first + bias)[:, None]], dim=1)


def with_ones(history: Tensor) -> Tensor:
    """Return vectors (..., size) with a last entry of 1."""
    return F.pad(history, (0, 1), value=1)


def hidden_units(history: Tensor, kernel: Tensor) -> Tensor:
    """Compute units of pairs: (G, n, size + 1), (G, size + 1, T, hidden) -> (G, n, T, hidden)."""
    return (history @ kernel.flatten(2)).relu_().unflatten(2, kernel.shape[2:])


def attend(logits: Tensor, allowed: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    r"""Weigh items by :math:`\exp(g_j) / (\sum_k \exp(g_k))^\beta`.

    Parameters
    ----------
    logits : Tensor of shape (G, n, T)
        Logits of n items for each of T targets.
    allowed : Tensor of shape (G, n, T)
        Which items count; a target for which none counts gets zeros.
    beta : float
        Exponent of the sum.

    Returns
    -------
    powers : Tensor of shape (G, n, T)
        Weights up to a factor for each target.
    total : Tensor of shape (G, 1, T)
        Their sums.
    scale : Tensor of shape (G, 1, T)
        The factors.
    """
    logits = logits.masked_fill(~allowed, _MASKED)
    highest = logits.amax(1, keepdim=True)
    powers = (logits - highest).exp_().mul_(allowed)
    total = powers.sum(1, keepdim=True).clamp_(min=1)  # as it is wherever an item counts
    return powers, total, total**-beta * ((1 - beta) * highest).exp()


def pool(history: Tensor, kernel: Tensor, out: Tensor, allowed: Tensor, beta: float) -> Tensor:
    """Sum histories (G, n, size) by their weights for targets -> (G, T, size)."""
    logits = hidden_units(with_ones(history), kernel) @ out
    powers, _, scale = attend(logits, allowed, beta)
    return (powers.transpose(1, 2) @ history) * scale.transpose(1, 2)


def pool_gradients(
    history: Tensor, kernel: Tensor, out: Tensor, allowed: Tensor, beta: float, grad: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the gradients of `pool` for its first three arguments, in few passes."""
    ones = with_ones(history)
    hidden = hidden_units(ones, kernel)
    powers, total, scale = attend(hidden @ out, allowed, beta)
    grad = grad * scale.transpose(1, 2)  # (G, T, size)
    logits = history @ grad.transpose(1, 2)  # (G, n, T), first of the weights
    logits -= beta / total * (powers * logits).sum(1, keepdim=True)
    logits *= powers
    grad_out = hidden.flatten(0, 2).T @ logits.flatten()
    # of the hidden units, less a factor of out, which is cheaper to put on the kernel
    units = hidden.sign_().mul_(logits[..., None]).flatten(2)
    grad_kernel = (ones.transpose(1, 2) @ units).view_as(kernel) * out
    through = (kernel[:, :-1] * out).flatten(2).transpose(1, 2)  # (G, T * hidden, size)
    return (powers @ grad).baddbmm_(units, through), grad_kernel, grad_out


class Attended(torch.autograd.Function):
    """`pool` chunk by chunk, forward and backward, so that hidden units stay in the cache.

    They are computed again for the gradients: that costs less than storing them.
    """

    @staticmethod
    def forward(
        ctx: Any,
        kind: str,
        beta: float,
        chunks: list[tuple[Tensor, Tensor, Tensor]],
        history: Tensor,
        targets: Tensor,
        weight: Tensor,
        bias: Tensor,
        out: Tensor,
    ) -> Tensor:
        ctx.options = kind, beta, chunks
        ctx.save_for_backward(history, targets, weight, bias, out)
        targets = F.pad(targets, (0, 0, 0, 1))  # a last row for the padding of blocks
        output = torch.empty_like(targets)
        for columns, places, allowed in chunks:
            kernel = make_kernel(kind, targets[places], weight, bias)
            output[places] = pool(history[columns], kernel, out, allowed, beta)
        return output[:-1]

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        kind, beta, chunks = ctx.options
        history, targets, weight, bias, out = ctx.saved_tensors
        grad_output, targets = (F.pad(x, (0, 0, 0, 1)) for x in (grad_output, targets))
        grads = [torch.zeros_like(x) for x in (history, targets, weight, bias, out)]
        for columns, places, allowed in chunks:
            leaves = [x.detach().requires_grad_() for x in (targets[places], weight, bias)]
            with torch.enable_grad():
                kernel = make_kernel(kind, *leaves)
            inputs = history[columns], kernel.detach(), out, allowed, beta, grad_output[places]
            of_history, of_kernel, of_out = pool_gradients(*inputs)
            of_targets, *of_layer = torch.autograd.grad(kernel, leaves, of_kernel)
            grads[0].index_add_(0, columns.flatten(), of_history.flatten(0, 1))
            grads[1][places] = of_targets
            for grad, more in zip(grads[2:], (*of_layer, of_out), strict=True):
                grad += more
        return None, None, None, grads[0], grads[1][:-1], *grads[2:]


def target_blocks(row: Tensor, n_rows: int) -> tuple[Tensor, Tensor]:
    """Cut the targets of each row into blocks of even size.

    Parameters
    ----------
    row : Tensor of shape (N,)
        Row of each target, in any order.
    n_rows : int
        Number of rows.

    Returns
    -------
    block_row : Tensor of shape (n_blocks,)
        Row of each block.
    targets : Tensor of shape (n_blocks, width)
        Places in ``row``; N where a block is shorter.
    """
    order = torch.argsort(row, stable=True)
    counts = torch.bincount(row, minlength=n_rows)
    n_blocks = (counts + _BLOCK - 1) // _BLOCK
    sizes = (counts + n_blocks - 1) // n_blocks.clamp(min=1)
    row, first = row[order], counts.cumsum(0) - counts
    place = torch.arange(len(row), device=row.device) - first[row]
    block = (n_blocks.cumsum(0) - n_blocks)[row] + place // sizes[row]
    targets = row.new_full((int(n_blocks.sum()), _BLOCK), len(row))
    targets[block, place % sizes[row]] = order
    return torch.repeat_interleave(n_blocks), targets


def padded_chunks(
    rows: SparseRows, items: Tensor, row: Tensor, pair_bytes: int
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Cut targets and the histories of their rows into chunks of padded blocks.

    Parameters
    ----------
    rows : SparseRows
        The histories.
    items : Tensor of shape (N,)
        The targets.
    row : Tensor of shape (N,)
        Row of each.
    pair_bytes : int
        Memory that a pair of a target and an item of a history takes.

    Returns
    -------
    chunks : list of tuple
        Columns of histories (G, n), places of targets (G, T), N for none, and which pairs count
        (G, n, T): no padding, and no target in its own history.
    """
    block_row, targets = target_blocks(row, len(rows))
    lengths = rows.offsets.diff()[block_row]
    order = torch.argsort(lengths, descending=True)
    block_row, targets, lengths = block_row[order], targets[order], lengths[order]
    widths = (targets < len(row)).sum(1)
    columns, items = (torch.cat([x, x.new_full((1,), -1)]) for x in (rows.indices, items))
    chunks, most = [], chunk_bytes(items.device) // (pair_bytes * _BLOCK)
    for part in _parts(lengths.tolist(), most):
        inside = torch.arange(max(1, int(lengths[part.start])), device=row.device)
        entry = rows.offsets[block_row[part]][:, None] + inside
        entry = torch.where(inside < lengths[part, None], entry, len(columns) - 1)
        history, places = columns[entry], targets[part, : int(widths[part].max())]
        allowed = (history >= 0)[..., None] & (history[..., None] != items[places][:, None])
        chunks.append((history.clamp(min=0), places, allowed))
    return chunks


def chunk_bytes(device: torch.device) -> int:
    """Return the memory that the hidden units of a chunk may take, in bytes."""
    return _CHUNK_BYTES.get(device.type, _CHUNK_BYTES["cpu"])


def _parts(lengths: list[int], most: int) -> Iterator[slice]:
    """Split falling lengths into slices whose longest, times their number, is at most ``most``."""
    start = 0
    while start < len(lengths):
        stop = start + max(1, most // max(1, lengths[start]))
        yield slice(start, min(stop, len(lengths)))
        start = stop
