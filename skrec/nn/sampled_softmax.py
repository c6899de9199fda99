"""The multinomial likelihood with a sample of the items in the place of the catalogue.

Bengio, Y., & Senécal, J.-S. (2008). Adaptive importance sampling to accelerate training of a neural
probabilistic language model. IEEE Transactions on Neural Networks.
https://doi.org/10.1109/TNN.2007.912312

Horvitz, D. G., & Thompson, D. J. (1952). A generalization of sampling without replacement from a
finite universe. Journal of the American Statistical Association.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from skrec.nn._row_kernels import products_at, sums_at
from skrec.nn.rows import SampledRows, add_transposed, compact, row_gradient

__all__ = ["SampledLogits", "sampled_multinomial_nll", "sampled_outputs"]


class SampledLogits(NamedTuple):
    """Logits of the stored entries of rows, and of the sampled items.

    Parameters
    ----------
    stored : Tensor of shape (nnz,)
        One for each stored entry.
    sampled : Tensor of shape (B, m)
        Those of the sample, the same for all rows.
    """

    stored: Tensor
    sampled: Tensor


def sampled_outputs(layer: nn.Linear, hidden: Tensor, rows: SampledRows) -> SampledLogits:
    """Compute the outputs of a linear layer at the stored entries of rows and at a sample.

    Parameters
    ----------
    layer : torch.nn.Linear
        The layer, with a bias.
    hidden : Tensor of shape (B, n_in)
        Its input.
    rows : SampledRows
        B rows over ``n_out`` columns.

    Returns
    -------
    logits : SampledLogits
        The outputs.
    """
    stored, sampled = _SampledOutputs.apply(
        hidden, layer.weight, rows.indices, rows.offsets, rows.items, rows.by_rows
    )
    bias = layer.bias
    return SampledLogits(stored + bias[rows.indices], sampled + bias[rows.items])


class _SampledOutputs(torch.autograd.Function):
    """Products at entries and with a sample of columns; the weight's gradient is written once."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        indices: Tensor,
        offsets: Tensor,
        items: Tensor,
        by_rows: bool,
    ) -> tuple[Tensor, Tensor]:
        of_items = weight[items]
        ctx.save_for_backward(hidden, weight, indices, offsets, items, of_items)
        ctx.by_rows = by_rows
        stored = products_at(hidden, weight, indices, offsets)  # (nnz,)
        return stored, hidden @ of_items.T  # (B, m)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, stored: Tensor, sampled: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, indices, offsets, items, of_items = ctx.saved_tensors
        grad_hidden = sums_at(stored, weight, indices, offsets).addmm_(sampled, of_items)
        columns, n_columns = torch.cat([indices, items]), len(weight)
        touched, places = compact(columns, n_columns) if ctx.by_rows else (None, columns)
        own, drawn = places.split([len(indices), len(items)])
        size = n_columns if touched is None else len(touched)
        part = add_transposed(None, own, offsets, stored, hidden, size)
        part.index_add_(0, drawn, sampled.T @ hidden)
        grad_weight = part if touched is None else row_gradient(touched, part, n_columns)
        return grad_hidden, grad_weight, None, None, None, None


def sampled_multinomial_nll(logits: SampledLogits, rows: SampledRows) -> Tensor:
    r"""Compute the negative multinomial log-likelihood under an estimated normaliser.

    .. math:: -\sum_i x_{ui} \Big( f_{ui} - \log \Big( \sum_{j \in I_u} e^{f_{uj}}
        + \sum_{j \in S \setminus I_u} \frac{e^{f_{uj}}}{\pi_j} \Big) \Big)

    where :math:`I_u` are the items of the row, S is the sample and :math:`\pi_j` the probability
    with which it holds j. The sum in the logarithm is an unbiased estimate of the normaliser, its
    logarithm one that is too small, by about half of the estimate's squared coefficient of
    variation. It is the exact likelihood where S is the catalogue.

    Parameters
    ----------
    logits : SampledLogits
        The scores f.
    rows : SampledRows
        The batch x.

    Returns
    -------
    loss : Tensor of shape (B,)
        One value for each row.
    """
    stored, row = logits.stored, rows.row
    own = rows.places >= 0  # what the row has counts once
    least = torch.finfo(stored.dtype).min / 4
    others = logits.sampled - rows.log_inclusion  # (B, m)
    others = others.index_put_((row[own], rows.places[own]), others.new_tensor(least))
    log_others = torch.logsumexp(others, dim=1)  # (B,)
    top = log_others.detach().scatter_reduce(0, row, stored.detach(), "amax")
    total = torch.exp(log_others - top)
    total = total.index_add(0, row, torch.exp(stored - top[row]))
    return rows.sum() * (top + total.log()) - rows.sum(rows.values * stored)
