"""Whole batches sliced from CSR."""

import numpy as np
import torch

from skrec.nn import SparseRows

__all__ = ["RowBatches", "sparse_rows"]


def sparse_rows(X):
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
    """

    def __init__(self, X, batch_size, rng):
        self.X = X
        self.batch_size = batch_size
        self.rng = rng

    def __len__(self):
        return -(-self.X.shape[0] // self.batch_size)

    def __iter__(self):
        order = self.rng.permutation(self.X.shape[0])
        for start in range(0, len(order), self.batch_size):
            rows = sparse_rows(self.X[order[start : start + self.batch_size]])
            yield rows, rows
