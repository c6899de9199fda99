"""Batches of rated pairs."""

from collections.abc import Iterator

import numpy as np
import torch

from skrec.nn import PairBatch
from skrec.typing import Array, CSRMatrix
from skrec.utils import row_of_entry

__all__ = ["RatedBatches"]


class RatedBatches:
    """Shuffled ratings; each pass is a new permutation.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Ratings; a stored zero is one.
    batch_size : int
        Ratings a batch.
    rng : RandomState
        Source of the permutations.
    offset : float, default=0.0
        Number that is subtracted from each rating.
    """

    def __init__(
        self, X: CSRMatrix, batch_size: int, rng: np.random.RandomState, offset: float = 0.0
    ) -> None:
        self.X = X
        self.batch_size = batch_size
        self.rng = rng
        values = (X.data - offset).astype(np.float32)
        self.pairs = row_of_entry(X), X.indices.astype(np.int64), values

    def __len__(self) -> int:
        return -(-self.X.nnz // self.batch_size)

    def __iter__(self) -> Iterator[tuple[PairBatch, PairBatch]]:
        order = self.rng.permutation(self.X.nnz)
        for start in range(0, len(order), self.batch_size):
            batch = self.batch(order[start : start + self.batch_size])
            yield batch, batch

    def batch(self, entries: Array | slice) -> PairBatch:
        """Return some entries as a batch.

        Parameters
        ----------
        entries : ndarray of int64 or slice
            Places among the stored entries.

        Returns
        -------
        batch : PairBatch
            With the ratings, less ``offset``, as ``values``.
        """
        users, items, values = (torch.from_numpy(part[entries]) for part in self.pairs)
        return PairBatch(users, items[:, None], values=values)
