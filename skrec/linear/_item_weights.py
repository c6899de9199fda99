"""What models with item-item weights share: scores, candidates and similar items."""

import warnings
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skrec import kernels
from skrec.base import (
    Link,
    Queries,
    ScoreGraph,
    UpdatableRecommender,
    check_item_list,
    of_one_fit,
)
from skrec.base.fields import Anything, Floats, Integers, Matrix, Number
from skrec.calibration import HeldOut
from skrec.exceptions import SkrecWarning
from skrec.linear._user_sums import add_users, sums_of_users
from skrec.typing import Array, CSRMatrix
from skrec.utils import check_count, check_list_memory, row_blocks

__all__ = ["ItemWeightsRecommender"]

_DENSE_ITEMS = 8192  # of no more, sums over users are an array: 256 MiB of counts
MOST_EXACT = 2**24  # the largest number up to which float32 holds all whole ones


def type_of_counts(n_users: int) -> type:
    """Return the smallest type of floats that holds all numbers of so many users."""
    return np.float32 if n_users <= MOST_EXACT else np.float64


def in_frame(block: CSRMatrix, items: Array, n_items: int) -> CSRMatrix:
    """Return weights between some items as those between all, the others without any.

    Parameters
    ----------
    block : csr_matrix of shape (n, n)
        Weights between the items.
    items : ndarray of int of shape (n,)
        Which items, increasing.
    n_items : int
        Number of all items.

    Returns
    -------
    weights : csr_matrix of shape (n_items, n_items)
        ``block`` itself where its items are all.
    """
    if len(items) == n_items:
        return block
    lengths = np.zeros(n_items + 1, dtype=np.int64)
    lengths[items + 1] = np.diff(block.indptr)
    entries = (block.data, items[block.indices], np.cumsum(lengths))
    return sp.csr_matrix(entries, shape=(n_items, n_items))


def one_hot(items: Array, n_items: int) -> CSRMatrix:
    """Return histories of one item each.

    Parameters
    ----------
    items : ndarray of int of shape (n,)
        The items.
    n_items : int
        Number of all items.

    Returns
    -------
    history : csr_matrix of shape (n, n_items)
        A 1 in each row.
    """
    entries = (np.ones(len(items), dtype=np.float32), items, np.arange(len(items) + 1))
    return sp.csr_matrix(entries, shape=(len(items), n_items))


def warn_of_nothing(parameters: str, what: str) -> None:
    """Warn that parameters leave a model without anything to rank by.

    Parameters
    ----------
    parameters : str
        Their names and values.
    what : str
        What is 0 everywhere.
    """
    warnings.warn(
        f"all {what} are 0, so that all items have the same score: {parameters} is too large",
        SkrecWarning,
        stacklevel=4,
    )


class ItemWeightsRecommender(UpdatableRecommender):
    """Score a history by its sum of rows of ``item_weights_``, of shape (n_items, n_items)."""

    _link: ClassVar[type[Link]] = HeldOut
    _fitted: ClassVar = {
        "_sums_items_": Integers("summed", below="items"),
        "_sums_": Anything(
            Floats("summed", "summed"), Integers("summed", "summed"), Matrix("summed", "summed")
        ),
        "_sums_share_": Number(),
    }

    def _fit(self, X: CSRMatrix) -> None:
        """Set ``item_weights_``, dense or sparse."""
        self.item_weights_: Any
        raise NotImplementedError

    def _sums_with(
        self,
        X: CSRMatrix,
        new: CSRMatrix,
        share: float = 0.0,
        *,
        dtype: type = np.float64,
        dense: bool = False,
    ) -> Any:
        """Return the sums over all users, and keep them for more users; see `sums_of_users`.

        They are those between the items that any user has, an array where these are few.
        """
        items, n_jobs = np.flatnonzero(self.item_counts_), getattr(self, "n_jobs", None)
        dense = dense or len(items) <= _DENSE_ITEMS
        sums = self.__dict__.get("_sums_")
        goes_on = sums is not None and sp.issparse(sums) != dense and self._sums_share_ == share
        rows = new if goes_on else X
        rows = rows if len(items) == X.shape[1] else sp.csr_matrix(rows[:, items])
        more = sums_of_users(rows, share, dense, dtype, n_jobs)
        self._sums_ = add_users((self._sums_items_, sums), items, more) if goes_on else more
        self._sums_items_, self._sums_share_ = items, share
        return self._sums_

    def _score_block(self, queries: Queries) -> Array:
        return self._sums(queries.history)

    def _sums(self, history: CSRMatrix, columns: Array | None = None) -> Array:
        """Return the sums of weights of histories, for all items or for some columns."""
        weights = self.item_weights_ if columns is None else self.item_weights_[:, columns]
        return kernels.sum_rows(history, weights)

    def _graph_scores(self, graph: ScoreGraph) -> str:
        return graph.product(self.item_weights_)

    def _history_parts(self, queries: Queries, lists: Array) -> tuple[Array, Array]:
        history = queries.history
        parts = np.empty((history.nnz, lists.shape[-1]))
        if lists.ndim == 1:
            used, place = np.unique(history.indices, return_inverse=True)
            parts[...] = self._weights_of(used, lists)[place]
        else:
            for row, (start, stop) in enumerate(zip(history.indptr[:-1], history.indptr[1:])):
                parts[start:stop] = self._weights_of(history.indices[start:stop], lists[row])
        baseline = np.zeros((queries.n_rows, lists.shape[-1]))
        return parts * history.data[:, None], baseline

    def _weights_of(self, items: Array, columns: Array) -> Array:
        """Return the weights of some items for some columns."""
        weights = np.empty((len(items), len(columns)), dtype=np.float32)
        for some in row_blocks(len(items), self._row_bytes()):
            weights[some] = self._sums(one_hot(items[some], self.n_features_in_), columns)
        return weights

    def _score_candidates(self, queries: Queries, candidates: Array) -> Array:
        # below this share of the catalogue the copied columns cost less than all scores
        if candidates.ndim == 1 and len(candidates) * 4 < self.n_features_in_:
            if not queries.empty("exact").any():
                return self._sums(queries.history, candidates)
        return super()._score_candidates(queries, candidates)

    @of_one_fit
    def similar_items(self, items: ArrayLike, n_items: int = 10) -> tuple[Array, Array]:
        """Return the items that weigh most beside given ones.

        Parameters
        ----------
        items : array-like of int of shape (n,)
            Columns.
        n_items : int, default=10
            Length of the lists.

        Returns
        -------
        indices : ndarray of shape (n, n_items)
            Columns, best first, without the item itself; -1 where there are too few.
        weights : ndarray of shape (n, n_items)
            Their weights; NaN where the index is -1.

        Raises
        ------
        ValueError
            If an item is not a column of the fitted matrix.
        MemoryError
            If lists of that length cannot fit into memory.
        """
        check_is_fitted(self)
        items = check_item_list(items, self.n_features_in_)
        n_items = check_count(n_items, "n_items", 1)
        check_list_memory(len(items), n_items)
        indices = np.full((len(items), n_items), -1, dtype=np.int64)
        weights = np.full((len(items), n_items), np.nan, dtype=np.float32)
        width = min(n_items, self.n_features_in_)  # the rest of longer lists stays empty
        for block in row_blocks(len(items), self._row_bytes()):
            rows = self._sums(one_hot(items[block], self.n_features_in_))
            rows[np.arange(len(rows)), items[block]] = -np.inf
            indices[block, :width], weights[block, :width] = kernels.top_k(rows, width)
        return indices, weights
