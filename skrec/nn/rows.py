"""Batches of sparse rows, and the first layer that reads them."""

import warnings
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from skrec.nn._huge_pages import use_huge_pages
from skrec.nn._random import dropout

__all__ = [
    "SampledRows",
    "SparseLinear",
    "SparseRows",
    "add_transposed",
    "compact",
    "row_gradient",
    "row_product",
    "sparse_csr",
    "xavier_",
]

_LEAST_NORM = 1e-12  # as in torch.nn.functional.normalize: a row of zeros stays one
_ENTRIES = 2**14  # whose gradients are gathered at a time where sparse products are not to be had


def xavier_(weight: Tensor, parts: int = 1) -> None:
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

    indices: Tensor
    offsets: Tensor
    values: Tensor

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def to(self, device: str | torch.device) -> "SparseRows":
        """Return the batch on a device.

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

    def part(self, rows: slice) -> Self:
        """Return some adjacent rows as a batch.

        Parameters
        ----------
        rows : slice
            Their places.

        Returns
        -------
        part : SparseRows
            Of the same class.
        """
        entries = self.entries(rows)
        offsets = self.offsets[rows.start : rows.stop + 1] - entries.start
        return replace(
            self, indices=self.indices[entries], offsets=offsets, values=self.values[entries]
        )

    def entries(self, rows: slice) -> slice:
        """Return where the stored entries of some adjacent rows are.

        Parameters
        ----------
        rows : slice
            Places of the rows.

        Returns
        -------
        entries : slice
            Places of their entries.
        """
        return slice(int(self.offsets[rows.start]), int(self.offsets[rows.stop]))

    @property
    def row(self) -> Tensor:
        """Row of each stored entry, int64 of shape (nnz,)."""
        return torch.repeat_interleave(self.offsets.diff(), output_size=len(self.indices))

    def sum(self, values: Tensor | None = None) -> Tensor:
        """Sum values of stored entries over each row.

        Parameters
        ----------
        values : Tensor of shape (nnz,), default=None
            The values to sum; None sums the entries.

        Returns
        -------
        sums : Tensor of shape (n_rows,)
            One for each row.
        """
        values = self.values if values is None else values
        return values.new_zeros(len(self)).index_add_(0, self.row, values)

    def normalized(self) -> Self:
        """Return the rows, each divided by its Euclidean norm.

        Returns
        -------
        rows : SparseRows
            Rows of norm 1; an empty row stays empty, and one of zeros stays as it is.
        """
        row = self.row
        squares = self.values.new_zeros(len(self)).index_add_(0, row, self.values**2)
        return replace(self, values=self.values / squares.sqrt().clamp(min=_LEAST_NORM)[row])

    def dropped_out(self, p: float, training: bool) -> Self:
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
        return replace(self, values=dropout(self.values, p, training, of_entries=True))


@dataclass(frozen=True)
class SampledRows(SparseRows):
    """A batch of rows with the items that stand for the catalogue in its loss.

    Parameters
    ----------
    indices, offsets, values : Tensor
        As in `SparseRows`.
    items : Tensor of int64 of shape (m,)
        The sampled items, each once.
    log_inclusion : Tensor of shape (m,)
        Logarithms of the probabilities with which each of them is in a sample.
    places : Tensor of int64 of shape (nnz,)
        Where the item of each stored entry is among ``items``, -1 where it is not.
    by_rows : bool, default=True
        Whether the gradients of first and last layer are sparse: rows of the items of the batch
        and the sample alone, as some optimisers take them.
    """

    items: Tensor
    log_inclusion: Tensor
    places: Tensor
    by_rows: bool = True

    def to(self, device: str | torch.device) -> "SampledRows":
        """Return the batch on a device.

        Parameters
        ----------
        device : str or torch.device
            Where to.

        Returns
        -------
        rows : SampledRows
            The same batch there.
        """
        rows = super().to(device)
        if rows is self:
            return self
        own = {n: getattr(self, n) for n in ("items", "log_inclusion", "places")}
        own = {name: part.to(device, non_blocking=True) for name, part in own.items()}
        return replace(self, **vars(rows), **own)

    def part(self, rows: slice) -> Self:
        """Return some adjacent rows as a batch, with the same sample.

        Parameters
        ----------
        rows : slice
            Their places.

        Returns
        -------
        part : SampledRows
            The rows.
        """
        return replace(super().part(rows), places=self.places[self.entries(rows)])


class SparseLinear(nn.Module):
    """Linear layer on sparse rows: the work grows with the stored entries, not the columns.

    Parameters
    ----------
    in_features, out_features : int
        Number of columns of the input and the output.
    parts : int, default=1
        Layers side by side, each with ``out_features`` columns of the output.
    """

    def __init__(self, in_features: int, out_features: int, parts: int = 1) -> None:
        use_huge_pages()
        super().__init__()
        self.weight = nn.Parameter(torch.empty(in_features, parts * out_features))
        self.bias = nn.Parameter(torch.zeros(parts * out_features))
        xavier_(self.weight.T, parts)

    def forward(
        self, rows: SparseRows, dense: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Multiply a batch with the weight and add the bias.

        Parameters
        ----------
        rows : SparseRows
            B rows over ``in_features`` columns.
        dense : Tensor of shape (K, in_features), default=None
            Dense rows, which are divided by their norms and pass the layer too.

        Returns
        -------
        output : Tensor of shape (B, parts * out_features)
            The layer's output.
        dense_output : Tensor of shape (K, parts * out_features)
            That of the dense rows, if there are any.
        """
        by_rows = isinstance(rows, SampledRows) and rows.by_rows and dense is None
        entries = _nonzero(rows) if by_rows else (rows.indices, rows.offsets, rows.values)
        output, dense_output = _RowProduct.apply(self.weight, *entries, dense, by_rows)
        output = output + self.bias  # (B, parts * out_features)
        return output if dense is None else (output, dense_output + self.bias)


def _nonzero(rows: SparseRows) -> tuple[Tensor, Tensor, Tensor]:
    """Return indices, offsets and values of what is not 0: what is dropped out has no gradient."""
    kept = rows.values != 0
    ends = torch.cat([kept.new_zeros(1, dtype=torch.int64), kept.cumsum(0)])
    return rows.indices[kept], ends[rows.offsets], rows.values[kept]


def row_product(rows: SparseRows, weight: Tensor) -> Tensor:
    """Multiply sparse rows with a weight.

    Parameters
    ----------
    rows : SparseRows
        B rows.
    weight : Tensor of shape (n_columns, size)
        The weight.

    Returns
    -------
    product : Tensor of shape (B, size)
        The products.
    """
    return _RowProduct.apply(weight, rows.indices, rows.offsets, rows.values, None, False)[0]


class _RowProduct(torch.autograd.Function):
    """Products of sparse rows, and of normalised dense ones, with one weight.

    The gradient of the weight is written once: that of the dense rows is a product, to which the
    entries of the sparse ones are added in place.
    """

    @staticmethod
    def forward(
        ctx: Any,
        weight: Tensor,
        indices: Tensor,
        offsets: Tensor,
        values: Tensor,
        dense: Tensor | None,
        by_rows: bool,
    ) -> tuple[Tensor, Tensor | None]:
        ctx.by_rows = by_rows
        output = F.embedding_bag(
            indices,
            weight,
            offsets,
            mode="sum",
            per_sample_weights=values,
            include_last_offset=True,
        )
        ctx.save_for_backward(weight, indices, offsets, values)
        if dense is None:
            return output, None
        norms = torch.linalg.vector_norm(dense, dim=1, keepdim=True).clamp_(min=_LEAST_NORM)
        product = (dense @ weight).div_(norms)
        ctx.save_for_backward(weight, indices, offsets, values, dense, norms, product)
        return output, product

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, dense_grad: Tensor) -> tuple[Tensor | None, ...]:
        weight, indices, offsets, values, *dense = ctx.saved_tensors
        grad_weight = grad_dense = None
        if dense:
            rows, norms, product = dense
            along = (dense_grad * product).sum(dim=1, keepdim=True) / norms.square()  # (K, 1)
            dense_grad = dense_grad / norms
            if ctx.needs_input_grad[4]:
                grad_dense = (dense_grad @ weight.T).addcmul_(rows, along, value=-1)
            if ctx.needs_input_grad[0]:
                grad_weight = rows.T @ dense_grad
        if ctx.needs_input_grad[0]:
            grad, n_columns = grad.contiguous(), len(weight)
            if ctx.by_rows:
                touched, places = compact(indices, n_columns)
                part = add_transposed(None, places, offsets, values, grad, len(touched))
                grad_weight = row_gradient(touched, part, n_columns)
            else:
                grad_weight = add_transposed(grad_weight, indices, offsets, values, grad, n_columns)
        return grad_weight, None, None, None, grad_dense, None


def compact(indices: Tensor, n_columns: int) -> tuple[Tensor, Tensor]:
    """Number the columns that occur.

    Parameters
    ----------
    indices : Tensor of int64 of shape (nnz,)
        Columns, in any order.
    n_columns : int
        How many there are.

    Returns
    -------
    touched : Tensor of int64 of shape (n_touched,)
        Those that occur, in order.
    places : Tensor of int64 of shape (nnz,)
        Where each index is among them.
    """
    occurs = torch.zeros(n_columns, dtype=torch.bool, device=indices.device)
    occurs[indices] = True
    touched = occurs.nonzero()[:, 0]
    numbers = torch.empty(n_columns, dtype=torch.int64, device=indices.device)
    numbers[touched] = torch.arange(len(touched), device=indices.device)
    return touched, numbers[indices]


def row_gradient(touched: Tensor, part: Tensor, n_columns: int) -> Tensor:
    """Return a gradient that is zero but for some rows, as a sparse tensor.

    Parameters
    ----------
    touched : Tensor of int64 of shape (n_touched,)
        The rows, in order.
    part : Tensor of shape (n_touched, size)
        Their gradients.
    n_columns : int
        Rows of the whole.

    Returns
    -------
    gradient : Tensor of shape (n_columns, size)
        In the COO layout, coalesced.
    """
    shape = (n_columns, part.shape[1])
    return torch.sparse_coo_tensor(
        touched[None], part, shape, is_coalesced=True, check_invariants=False
    )


def add_transposed(
    into: Tensor | None,
    indices: Tensor,
    offsets: Tensor,
    values: Tensor,
    grad: Tensor,
    n_columns: int,
) -> Tensor:
    """Add the product of transposed sparse rows and a dense matrix, in place if one is passed.

    Parameters
    ----------
    into : Tensor of shape (n_columns, size) or None
        The matrix to add to; None makes a new one.
    indices, offsets, values : Tensor
        The sparse rows, as in `SparseRows`.
    grad : Tensor of shape (n_rows, size)
        The dense matrix.
    n_columns : int
        Columns of the sparse rows.

    Returns
    -------
    into : Tensor of shape (n_columns, size)
        The sum.
    """
    row = torch.repeat_interleave(offsets.diff())  # (nnz,)
    if indices.device.type != "cpu" or not torch.backends.mkl.is_available():
        into = grad.new_zeros(n_columns, grad.shape[1]) if into is None else into
        for part in torch.arange(len(indices), device=indices.device).split(_ENTRIES):
            added = values[part, None] * grad[row[part]]
            into.index_add_(0, indices[part], added)
        return into
    order = torch.argsort(indices.int(), stable=True)  # half the time of long integers
    starts = torch.searchsorted(indices[order], torch.arange(n_columns + 1))
    transposed = sparse_csr(starts, row[order], values[order], (n_columns, len(grad)))
    new = into is None
    into = grad.new_empty(n_columns, grad.shape[1]) if new else into
    return torch.addmm(into, transposed, grad, beta=0 if new else 1, out=into)


def sparse_csr(offsets: Tensor, indices: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return sparse rows as a tensor, whose parts are not checked.

    Parameters
    ----------
    offsets : Tensor of shape (n_rows + 1,)
        Where each row starts, and the end.
    indices, values : Tensor of shape (nnz,)
        Columns and values of the entries.
    shape : tuple of int
        Numbers of rows and columns.

    Returns
    -------
    matrix : Tensor of shape (n_rows, n_columns)
        In the CSR layout.
    """
    _silence_beta_warning()
    return torch.sparse_csr_tensor(offsets, indices, values, shape, check_invariants=False)


@cache
def _silence_beta_warning() -> None:
    """Build a first CSR matrix, so that torch's only warning of a beta state is not seen."""
    with warnings.catch_warnings():
        # this message only: a filter may outlive its block where threads enter such blocks at once
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        entry = torch.zeros(1, dtype=torch.int64)
        torch.sparse_csr_tensor(torch.tensor([0, 1]), entry, entry, (1, 1), check_invariants=False)
