"""Batches of sparse rows, and the first layer that reads them."""

from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

__all__ = ["SparseLinear", "SparseRows", "normalized_product", "xavier_"]


def xavier_(weight, parts=1):
    """Fill a weight as Glorot and Bengio do, uniformly by the widths of both sides.

    Parameters
    ----------
    weight : Tensor of shape (n_out, n_in)
        Filled in place.
    parts : int, default=1
        Equal parts of the rows that are layers of their own.
    """
    for part in weight.chunk(parts):
        nn.init.xavier_uniform_(part)


@dataclass(frozen=True)
class SparseRows:
    """A batch of rows in the form that `torch.nn.functional.embedding_bag` reads.

    Parameters
    ----------
    indices : Tensor of shape (nnz,)
        Columns of the stored entries, int64, row after row.
    offsets : Tensor of shape (n_rows + 1,)
        Where each row starts, and the end, int64.
    values : Tensor of shape (nnz,)
        The entries, float32.
    """

    indices: torch.Tensor
    offsets: torch.Tensor
    values: torch.Tensor

    def __len__(self):
        return len(self.offsets) - 1

    def to(self, device):
        """Give the batch on a device.

        Parameters
        ----------
        device : str or torch.device
            Where to.

        Returns
        -------
        rows : SparseRows
            The same batch there.
        """
        if self.indices.device == torch.device(device):
            return self
        parts = (self.indices, self.offsets, self.values)
        return SparseRows(*(part.to(device, non_blocking=True) for part in parts))

    @property
    def row(self):
        """Row of each stored entry, int64 of shape (nnz,)."""
        places = torch.arange(len(self), device=self.offsets.device)
        return torch.repeat_interleave(places, self.offsets.diff())

    def sum(self, values=None):
        """Sum values of stored entries over each row.

        Parameters
        ----------
        values : Tensor of shape (nnz,), default=None
            What to sum; None sums the entries.

        Returns
        -------
        sums : Tensor of shape (n_rows,)
            One a row.
        """
        values = self.values if values is None else values
        return values.new_zeros(len(self)).index_add_(0, self.row, values)

    def normalized(self):
        """Divide each row by its Euclidean norm.

        Returns
        -------
        rows : SparseRows
            Rows of norm 1; an empty row stays empty.
        """
        norms = self.sum(self.values**2).sqrt()
        return replace(self, values=self.values / norms[self.row])

    def dropped_out(self, p, training):
        """Set a share of the stored entries to 0 and scale the rest, while training.

        Parameters
        ----------
        p : float
            Probability of dropping an entry.
        training : bool
            Whether to do so.

        Returns
        -------
        rows : SparseRows
            The corrupted rows.
        """
        return replace(self, values=F.dropout(self.values, p, training))


class SparseLinear(nn.Module):
    """Linear layer on sparse rows: the work grows with the stored entries, not the columns.

    Parameters
    ----------
    in_features, out_features : int
        Number of columns of the input and the output.
    parts : int, default=1
        Layers side by side, each with ``out_features`` columns of the output.
    """

    def __init__(self, in_features, out_features, parts=1):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(in_features, parts * out_features))
        self.bias = nn.Parameter(torch.zeros(parts * out_features))
        xavier_(self.weight.T, parts)

    def forward(self, rows):
        """Multiply a batch with the weight and add the bias.

        Parameters
        ----------
        rows : SparseRows
            B rows over ``in_features`` columns.

        Returns
        -------
        output : Tensor of shape (B, parts * out_features)
            The layer's output.
        """
        summed = F.embedding_bag(
            rows.indices,
            self.weight,
            rows.offsets,
            mode="sum",
            per_sample_weights=rows.values,
            include_last_offset=True,
        )
        return summed + self.bias  # (B, parts * out_features)

    def dense(self, rows):
        """Do the same to dense rows, each divided by its Euclidean norm.

        Parameters
        ----------
        rows : Tensor of shape (K, in_features)
            Rows that are not empty.

        Returns
        -------
        output : Tensor of shape (K, parts * out_features)
            The layer's output.
        """
        return normalized_product(rows, self.weight) + self.bias


class _NormalizedProduct(torch.autograd.Function):
    """Norms are divided out after the product, and put back into its gradient in one pass."""

    @staticmethod
    def forward(ctx, rows, weight):
        norms = torch.linalg.vector_norm(rows, dim=1, keepdim=True)  # (K, 1)
        product = (rows @ weight).div_(norms)
        ctx.save_for_backward(rows, weight, norms, product)
        return product

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        rows, weight, norms, product = ctx.saved_tensors
        along = (grad * product).sum(dim=1, keepdim=True) / norms.square()  # (K, 1)
        grad = grad / norms
        grad_rows = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_rows = (grad @ weight.T).addcmul_(rows, along, value=-1)
        if ctx.needs_input_grad[1]:
            grad_weight = rows.T @ grad
        return grad_rows, grad_weight


def normalized_product(rows, weight):
    r"""Multiply dense rows of norm 1 with a weight.

    .. math:: \frac{u_k}{\lVert u_k \rVert} W

    Parameters
    ----------
    rows : Tensor of shape (K, n)
        Rows u that are not empty; they are normalised here.
    weight : Tensor of shape (n, m)
        The weight W.

    Returns
    -------
    product : Tensor of shape (K, m)
        The product.
    """
    return _NormalizedProduct.apply(rows, weight)
