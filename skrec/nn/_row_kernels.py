"""Inner products and weighted sums at the entries of sparse rows, with no vector per entry."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from skrec.nn.rows import SparseRows, add_transposed, sparse_csr

__all__ = ["products_at", "stored_outputs", "stored_products", "sums_at", "weighted_sums"]


def stored_products(left: Tensor, right: Tensor, rows: SparseRows) -> Tensor:
    """Return the inner products of two sets of vectors where rows have entries.

    Parameters
    ----------
    left : Tensor of shape (B, size)
        A vector for each row.
    right : Tensor of shape (n_columns, size)
        A vector for each column.
    rows : SparseRows
        B rows; where they have entries counts, not their values.

    Returns
    -------
    products : Tensor of shape (nnz,)
        One for each entry.
    """
    return _SampledProduct.apply(left, right, rows.indices, rows.offsets)


def stored_outputs(layer: nn.Linear, hidden: Tensor, rows: SparseRows) -> Tensor:
    """Return the outputs of a linear layer at the stored entries of rows.

    Parameters
    ----------
    layer : torch.nn.Linear
        The layer, with a bias.
    hidden : Tensor of shape (B, n_in)
        Its input.
    rows : SparseRows
        B rows over ``n_out`` columns; their values do not matter.

    Returns
    -------
    outputs : Tensor of shape (nnz,)
        One for each stored entry.
    """
    return stored_products(hidden, layer.weight, rows) + layer.bias.index_select(0, rows.indices)


def weighted_sums(rows: SparseRows, weights: Tensor, vectors: Tensor) -> Tensor:
    """Sum the vectors of the columns that each row has, with a weight for each entry.

    Parameters
    ----------
    rows : SparseRows
        B rows; where they have entries counts, not their values.
    weights : Tensor of shape (nnz,)
        One for each entry.
    vectors : Tensor of shape (n_columns, size)
        A vector for each column, of which no gradient is taken.

    Returns
    -------
    sums : Tensor of shape (B, size)
        One for each row.
    """
    return _WeightedSums.apply(weights, vectors, rows.indices, rows.offsets)


class _WeightedSums(torch.autograd.Function):
    """Weighted sums of vectors; forward and backward are those of `_SampledProduct`, swapped."""

    @staticmethod
    def forward(
        ctx: Any, weights: Tensor, vectors: Tensor, indices: Tensor, offsets: Tensor
    ) -> Tensor:
        ctx.save_for_backward(vectors, indices, offsets)
        return sums_at(weights, vectors, indices, offsets)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return products_at(grad, *ctx.saved_tensors), None, None, None


class _SampledProduct(torch.autograd.Function):
    """Inner products at entries: the work grows with them, and gradients are sparse products."""

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, indices: Tensor, offsets: Tensor) -> Tensor:
        ctx.save_for_backward(left, right, indices, offsets)
        return products_at(left, right, indices, offsets)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        left, right, indices, offsets = ctx.saved_tensors
        grad_left = grad_right = None
        if ctx.needs_input_grad[0]:
            grad_left = sums_at(grad, right, indices, offsets)
        if ctx.needs_input_grad[1]:
            grad_right = add_transposed(None, indices, offsets, grad, left, len(right))
        return grad_left, grad_right, None, None


def products_at(left: Tensor, right: Tensor, indices: Tensor, offsets: Tensor) -> Tensor:
    zeros, shape = left.new_zeros(len(indices)), (len(left), len(right))
    pattern = sparse_csr(offsets, indices, zeros, shape)
    return torch.sparse.sampled_addmm(pattern, left, right.T, beta=0.0).values()


def sums_at(weights: Tensor, vectors: Tensor, indices: Tensor, offsets: Tensor) -> Tensor:
    return F.embedding_bag(
        indices,
        vectors,
        offsets,
        mode="sum",
        per_sample_weights=weights,
        include_last_offset=True,
    )
