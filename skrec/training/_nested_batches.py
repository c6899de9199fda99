"""Batches of users crossed with batches of items, and the embeddings that a pass reads."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor

from skrec.nn import NestedBatch, SideEncoder
from skrec.training._batches import sparse_rows
from skrec.training._net import RecommenderNet
from skrec.typing import Array, CSRMatrix
from skrec.utils import row_of_entry

__all__ = ["NestedBatches", "Resampling", "encode_side"]

_ENTRIES = 2**18  # ratings that are encoded at a time


class NestedBatches:
    """Every batch of users with every batch of items; each pass is a new pair of permutations.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Ratings; a stored zero is one.
    user_batch_size, item_batch_size : int
        Users and items a batch.
    rng : RandomState
        Source of the permutations.
    offset : float, default=0.0
        Number that is subtracted from each rating.
    nested : bool, default=True
        Whether both sides are encoded in each batch; else batches of users, with all items as they
        are, come before batches of items, with all users as they are.
    """

    def __init__(
        self,
        X: CSRMatrix,
        user_batch_size: int,
        item_batch_size: int,
        rng: np.random.RandomState,
        offset: float = 0.0,
        nested: bool = True,
    ) -> None:
        self.X = centred(X, offset)
        self.transposed = self.X.T.tocsr()
        self.sizes = user_batch_size, item_batch_size
        self.rng = rng
        self.offset = offset
        self.nested = nested

    @property
    def counts(self) -> tuple[int, int]:
        """Numbers of batches of users and of items."""
        n_users, n_items = self.X.shape
        return -(-n_users // self.sizes[0]), -(-n_items // self.sizes[1])

    def __len__(self) -> int:
        n_users, n_items = self.counts
        return n_users * n_items if self.nested else n_users + n_items

    def __iter__(self) -> Iterator[tuple[NestedBatch, NestedBatch]]:
        passes = self._nested() if self.nested else self._sequential()
        for batch in passes:
            yield batch, batch

    def _orders(self) -> Iterator[list[Array]]:
        for n, size in zip(self.X.shape, self.sizes, strict=True):
            order = self.rng.permutation(n)
            yield [order[start : start + size] for start in range(0, n, size)]

    def _nested(self) -> Iterator[NestedBatch]:
        users, items = self._orders()
        item_rows = [sparse_rows(self.transposed[chosen]) for chosen in items]
        batch_of, place_of = _places(items, self.X.shape[1])
        shares = {"user_share": 1 / len(items), "item_share": 1 / len(users)}
        shares["n_expected"] = self.X.nnz / len(self)
        for chosen in users:
            block = self.X[chosen]
            user_rows = sparse_rows(block)
            row, place = row_of_entry(block), place_of[block.indices]
            for rows, entries in zip(item_rows, _groups(batch_of[block.indices], len(items))):
                pairs = _tensors(row[entries], place[entries], block.data[entries])
                yield NestedBatch(user_rows, rows, *pairs, **shares)

    def _sequential(self) -> Iterator[NestedBatch]:
        users, items = self._orders()
        for chosen in users:
            block = self.X[chosen]
            pairs = _tensors(row_of_entry(block), block.indices, block.data)
            n_expected = self.X.nnz / len(users)
            yield NestedBatch(sparse_rows(block), None, *pairs, n_expected=n_expected)
        for chosen in items:
            block = self.transposed[chosen]
            pairs = _tensors(block.indices, row_of_entry(block), block.data)
            n_expected = self.X.nnz / len(items)
            yield NestedBatch(None, sparse_rows(block), *pairs, n_expected=n_expected)


def centred(X: CSRMatrix, offset: float) -> CSRMatrix:
    """Subtract a number from each rating.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Ratings.
    offset : float
        The number.

    Returns
    -------
    X : csr_matrix of shape (n_users, n_items)
        A copy, float32.
    """
    X = X.astype(np.float32)
    X.data -= np.float32(offset)
    return X


def _places(batches: list[Array], n: int) -> tuple[Array, Array]:
    """Return the batch of each number, and its place there."""
    batch_of, place_of = np.empty(n, np.int64), np.empty(n, np.int64)
    for number, chosen in enumerate(batches):
        batch_of[chosen], place_of[chosen] = number, np.arange(len(chosen))
    return batch_of, place_of


def _groups(labels: Array, n_groups: int) -> list[Array]:
    """Return the places of each label."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels, minlength=n_groups))[:-1])


def _tensors(user: Array, item: Array, values: Array) -> tuple[Tensor, Tensor, Tensor]:
    return (
        torch.from_numpy(np.asarray(user, np.int64)),
        torch.from_numpy(np.asarray(item, np.int64)),
        torch.from_numpy(np.asarray(values, np.float32)),
    )


def encode_side(encoder: SideEncoder, X: CSRMatrix, embeddings: Tensor) -> tuple[Tensor, Tensor]:
    """Encode all rows of a matrix, some at a time.

    Parameters
    ----------
    encoder : SideEncoder
        On the device of the embeddings.
    X : csr_matrix of shape (n_rows, n_columns)
        What it reads.
    embeddings : Tensor of shape (n_columns, n_factors)
        What it reads besides.

    Returns
    -------
    means, variances : Tensor of shape (n_rows, n_factors)
        The posteriors.
    """
    parts = []
    with torch.no_grad():
        for rows in _blocks(X):
            parts.append(encoder(sparse_rows(X[rows]).to(embeddings.device), embeddings))
    means, variances = zip(*parts)
    return torch.cat(means), torch.cat(variances)


def _blocks(X: CSRMatrix) -> list[slice]:
    """Cut rows into blocks of some entries each."""
    block = X.indptr[:-1] // _ENTRIES
    edges = np.flatnonzero(np.diff(block, prepend=-1))
    return [slice(*pair) for pair in zip(edges, [*edges[1:], X.shape[0]])]


class Resampling(Callback):
    """Draw the embeddings that the next pass reads, from the posteriors under those of this one.

    Parameters
    ----------
    batches : NestedBatches
        With the ratings.
    """

    def __init__(self, batches: NestedBatches) -> None:
        self.batches = batches

    def on_epoch_end(self, net: RecommenderNet, **kwargs: Any) -> None:
        """Encode both sides and draw."""
        module = net.module_
        users = encode_side(module.users, self.batches.X, module.item_embeddings)
        items = encode_side(module.items, self.batches.transposed, module.user_embeddings)
        with torch.no_grad():
            module.user_embeddings.copy_(module.draw(*users))
            module.item_embeddings.copy_(module.draw(*items))
