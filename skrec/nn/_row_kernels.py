"""Inner products and weighted sums at the entries of sparse rows, with no vector an entry."""

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from skrec.nn.rows import add_transposed, sparse_csr

__all__ = ["stored_outputs", "stored_products", "weighted_sums"]


def stored_products(left, right, rows):
    """Give the inner products of two sets of vectors where rows have entries.

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
        One an entry.
    """
    return _SampledProduct.apply(left, right, rows.indices, rows.offsets)


def stored_outputs(layer, hidden, rows):
    """Give the outputs of a linear layer at the stored entries of rows.

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
        One a stored entry.
    """
    return stored_products(hidden, layer.weight, rows) + layer.bias.index_select(0, rows.indices)


def weighted_sums(rows, weights, vectors):
    """Sum the vectors of the columns that each row has, with a weight an entry.

    Parameters
    ----------
    rows : SparseRows
        B rows; where they have entries counts, not their values.
    weights : Tensor of shape (nnz,)
        One an entry.
    vectors : Tensor of shape (n_columns, size)
        A vector for each column, of which no gradient is taken.

    Returns
    -------
    sums : Tensor of shape (B, size)
        One a row.
    """
    return _WeightedSums.apply(weights, vectors, rows.indices, rows.offsets)


class _WeightedSums(torch.autograd.Function):
    """The other way round: what goes forward there goes backward here."""

    @staticmethod
    def forward(ctx, weights, vectors, indices, offsets):
        ctx.save_for_backward(vectors, indices, offsets)
        return _sums(weights, vectors, indices, offsets)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return _products(grad, *ctx.saved_tensors), None, None, None


class _SampledProduct(torch.autograd.Function):
    """Inner products at entries; the work grows with those, the gradients are sparse products."""

    @staticmethod
    def forward(ctx, left, right, indices, offsets):
        ctx.save_for_backward(left, right, indices, offsets)
        return _products(left, right, indices, offsets)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        left, right, indices, offsets = ctx.saved_tensors
        grad_left = grad_right = None
        if ctx.needs_input_grad[0]:
            grad_left = _sums(grad, right, indices, offsets)
        if ctx.needs_input_grad[1]:
            grad_right = add_transposed(None, indices, offsets, grad, left, len(right))
        return grad_left, grad_right, None, None


def _products(left, right, indices, offsets):
    zeros, shape = left.new_zeros(len(indices)), (len(left), len(right))
    pattern = sparse_csr(offsets, indices, zeros, shape)
    return torch.sparse.sampled_addmm(pattern, left, right.T, beta=0.0).values()


def _sums(weights, vectors, indices, offsets):
    options = {"mode": "sum", "per_sample_weights": weights, "include_last_offset": True}
    return F.embedding_bag(indices, vectors, offsets, **options)
