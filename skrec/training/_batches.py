"""Whole batches sliced from CSR."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from skrec.nn import SparseRows
from skrec.typing import Array, CSRMatrix

__all__ = ["NumberedRows", "RowBatches", "csr_of", "sparse_rows"]


@dataclass(frozen=True)
class NumberedRows(SparseRows):
    """A batch of rows that knows which they are.

    Parameters
    ----------
    indices, offsets, values : Tensor
        As in `SparseRows`.
    numbers : Tensor of shape (n_rows,), default=None
        A number of each row, int64.
    """

    numbers: torch.Tensor | None = None

    def to(self, device: str | torch.device) -> "NumberedRows":
        """Return the batch on a device.

        Parameters
        ----------
        device : str or torch.device
            Where to.

        Returns
        -------
        rows : NumberedRows
            The same batch there.
        """
        rows = super().to(device)
        if rows is self:
            return self
        numbers = self.numbers
        if numbers is not None:
            numbers = numbers.to(device, non_blocking=True)
        return replace(self, **vars(rows), numbers=numbers)

    def part(self, rows: slice) -> Self:
        """Return some adjacent rows as a batch.

        Parameters
        ----------
        rows : slice
            Their places.

        Returns
        -------
        part : NumberedRows
            With their numbers.
        """
        part, numbers = super().part(rows), self.numbers
        return part if numbers is None else replace(part, numbers=numbers[rows])


def csr_of(indices: Tensor, offsets: Tensor, n_columns: int) -> CSRMatrix:
    """Turn the pattern of a batch into a CSR matrix of ones.

    Parameters
    ----------
    indices : Tensor of shape (nnz,)
        Columns, row after row.
    offsets : Tensor of shape (n_rows + 1,)
        Where each row starts, and the end.
    n_columns : int
        Number of columns.

    Returns
    -------
    X : csr_matrix of float32 of shape (n_rows, n_columns)
        The rows.
    """
    pattern = indices.cpu().numpy(), offsets.cpu().numpy()
    shape = len(offsets) - 1, n_columns
    return csr_matrix((np.ones(len(indices), np.float32), *pattern), shape=shape)


def sparse_rows(X: CSRMatrix) -> SparseRows:
    """Turn a CSR matrix into a batch.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_items)
        The rows.

    Returns
    -------
    rows : SparseRows
        The same on the CPU.
    """
    return SparseRows(
        torch.from_numpy(X.indices.astype(np.int64)),
        torch.from_numpy(X.indptr.astype(np.int64)),
        torch.from_numpy(np.array(X.data, dtype=np.float32)),
    )


class RowBatches:
    """Shuffled batches of rows; each pass is a new permutation.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_items)
        Rows to train on.
    batch_size : int
        Rows a batch.
    rng : RandomState
        Source of the permutations.
    numbers : ndarray of int64 of shape (n_rows,), default=None
        Numbers of the rows; with them batches are `NumberedRows`.
    """

    def __init__(
        self,
        X: CSRMatrix,
        batch_size: int,
        rng: np.random.RandomState,
        numbers: Array | None = None,
    ) -> None:
        self.X = X
        self.batch_size = batch_size
        self.rng = rng
        self.numbers = numbers

    def __len__(self) -> int:
        return -(-self.X.shape[0] // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, SparseRows]]:
        order = self.rng.permutation(self.X.shape[0])
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size]
            rows = sparse_rows(self.X[chosen])
            if self.numbers is not None:
                rows = NumberedRows(**vars(rows), numbers=torch.from_numpy(self.numbers[chosen]))
            yield rows, rows
