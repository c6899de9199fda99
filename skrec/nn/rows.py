"""Batches of sparse rows, and the first layer that reads them."""

from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["SparseLinear", "SparseRows"]


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
    """

    def __init__(self, in_features, out_features):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(in_features, out_features))
        self.bias = nn.Parameter(torch.zeros(out_features))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, rows):
        """Multiply a batch with the weight and add the bias.

        Parameters
        ----------
        rows : SparseRows
            B rows over ``in_features`` columns.

        Returns
        -------
        output : Tensor of shape (B, out_features)
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
        return summed + self.bias  # (B, out_features)
