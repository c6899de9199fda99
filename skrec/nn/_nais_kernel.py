"""Logits of NAIS's attention and their gradients, for blocks of pairs."""

from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from skrec.nn._nais_chunks import chunk_bytes

__all__ = [
    "LogitTable",
    "kernel_gradients",
    "logit_gradients",
    "make_kernel",
    "pair_logits",
    "with_ones",
]


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
    kernel : Tensor of shape (G, size + 1, hidden_size, T)
        A map for each target.
    """
    if kind == "prod":
        weight = torch.cat([weight, bias[None]])  # (size + 1, hidden)
        return with_ones(targets).mT[:, :, None] * weight[..., None]
    first, second = weight.split(len(weight) // 2)
    second = second[..., None].expand(len(targets), -1, -1, targets.shape[1])
    return torch.cat([second, (targets @ first + bias).mT[:, None]], dim=1)


def kernel_gradients(
    kind: str, targets: Tensor, weight: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the gradients of `make_kernel` for targets, weight and bias."""
    if kind == "prod":
        of_layer = (grad * with_ones(targets).mT[:, :, None]).sum((0, 3))  # (size + 1, hidden)
        of_targets = (grad[:, :-1] * weight[..., None]).sum(2).mT
        return of_targets, of_layer[:-1], of_layer[-1]
    first, grad_first = weight[: len(weight) // 2], grad[:, -1].mT  # (G, T, hidden)
    of_first = targets.flatten(0, 1).T @ grad_first.flatten(0, 1)
    of_weight = torch.cat([of_first, grad[:, :-1].sum((0, 3))])
    return grad_first @ first.T, of_weight, grad_first.sum((0, 1))


def with_ones(vectors: Tensor) -> Tensor:
    """Return vectors (..., size) with a last entry of 1."""
    return F.pad(vectors, (0, 1), value=1)


def hidden_inputs(history: Tensor, kernel: Tensor, memory: Tensor | None = None) -> Tensor:
    """Compute the inputs of hidden units of pairs.

    Those of a unit lie side by side, so that what is done to a pair is done to long rows.

    Parameters
    ----------
    history : Tensor of shape (G, size + 1, n)
        Vectors with a last entry of 1.
    kernel : Tensor of shape (G, size + 1, hidden, T)
        What `make_kernel` returned.
    memory : Tensor, default=None
        Flat memory to write to; the first touch of fresh memory costs as much as the product.

    Returns
    -------
    inputs : Tensor of shape (G, hidden, T, n)
        Before the activation.
    """
    shape = (len(kernel), *kernel.shape[2:], history.shape[2])
    kernel = kernel.flatten(2).mT  # (G, hidden * T, size + 1)
    if memory is None:
        return torch.bmm(kernel, history).view(shape)
    inputs = memory[: prod(shape)].view(shape)
    torch.bmm(kernel, history, out=inputs.flatten(1, 2))
    return inputs


def pair_logits(
    history: Tensor, kernel: Tensor, out: Tensor, memory: Tensor | None = None
) -> Tensor:
    """Compute logits of pairs.

    Parameters
    ----------
    history, kernel, memory : Tensor
        As in `hidden_inputs`.
    out : Tensor of shape (hidden,)
        Weights of the hidden units.

    Returns
    -------
    logits : Tensor of shape (G, T, n)
        One for each pair.
    """
    hidden = hidden_inputs(history, kernel, memory).relu_()
    logits = torch.bmm(out.expand(len(hidden), 1, -1), hidden.flatten(2))
    return logits.view(len(hidden), *hidden.shape[2:])


def logit_gradients(
    history: Tensor, kernel: Tensor, out: Tensor, grad: Tensor, memory: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the gradients of `pair_logits`, in few passes over hidden units.

    Parameters
    ----------
    history, kernel, out, memory : Tensor
        As in `pair_logits`.
    grad : Tensor of shape (G, T, n)
        Gradient of the logits.

    Returns
    -------
    of_history : Tensor of shape (G, size, n)
        That of the histories, without the ones.
    of_kernel, of_out : Tensor
        Those of the other two.
    """
    hidden = hidden_inputs(history, kernel, memory)
    # of the hidden units, less a factor of out, which is cheaper to put on the kernel
    units = _through_relu(grad[:, None].expand_as(hidden), hidden).flatten(1, 2)
    through = (kernel[:, :-1] * out[:, None]).flatten(2)  # (G, size, hidden * T)
    of_kernel = torch.bmm(history, units.mT).view_as(kernel)
    # a unit is its input where it is not 0, so its sum follows from those of the input's parts
    of_out = (of_kernel * kernel).sum((0, 1, 3))
    return torch.bmm(through, units), of_kernel.mul_(out[:, None]), of_out


def _through_relu(grad: Tensor, inputs: Tensor) -> Tensor:
    """Write the gradient over the inputs of units, 0 where a unit is."""
    return torch.ops.aten.threshold_backward.grad_input(grad, inputs, 0, grad_input=inputs)


class LogitTable(torch.autograd.Function):
    """Logits of all pairs of targets (T, size) and items (n, size), of shape (T, n)."""

    @staticmethod
    def forward(
        ctx: Any,
        kind: str,
        targets: Tensor,
        history: Tensor,
        weight: Tensor,
        bias: Tensor,
        out: Tensor,
    ) -> Tensor:
        ctx.kind = kind
        ctx.save_for_backward(targets, history, weight, bias, out)
        table = targets.new_empty(len(targets), len(history))
        ones, memory, parts = _rows_of_table(targets, history, out)
        for part in parts:
            kernel = make_kernel(kind, targets[None, part], weight, bias)
            table[part] = pair_logits(ones, kernel, out, memory)[0]
        return table

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        targets, history, weight, bias, out = ctx.saved_tensors
        of_targets, of_history = torch.empty_like(targets), torch.zeros_like(history)
        of_layer = [torch.zeros_like(x) for x in (weight, bias, out)]
        ones, memory, parts = _rows_of_table(targets, history, out)
        for part in parts:
            vectors = targets[None, part]
            kernel = make_kernel(ctx.kind, vectors, weight, bias)
            inputs = ones, kernel, out, grad[None, part], memory
            of_items, of_kernel, of_out = logit_gradients(*inputs)
            of_vectors, *rest = kernel_gradients(ctx.kind, vectors, weight, of_kernel)
            of_targets[part] = of_vectors[0]
            of_history += of_items[0].T
            for total, more in zip(of_layer, (*rest, of_out), strict=True):
                total += more
        return None, of_targets, of_history, *of_layer


def _rows_of_table(
    targets: Tensor, history: Tensor, out: Tensor
) -> tuple[Tensor, Tensor, list[slice]]:
    """Return items as (1, size + 1, n), memory for hidden units, and parts of the targets."""
    row_bytes = max(1, len(history) * out.nbytes)
    step = min(len(targets), max(1, chunk_bytes(out.device) // row_bytes))
    parts = [slice(start, start + step) for start in range(0, len(targets), max(1, step))]
    memory = out.new_empty(step * len(history) * len(out))
    return with_ones(history).T.contiguous()[None], memory, parts
