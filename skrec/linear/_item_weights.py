"""What models with item-item weights share: scores, candidates and similar items."""

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skrec.base import BaseRecommender, Link, Queries, check_items, of_one_fit
from skrec.calibration import HeldOut
from skrec.typing import Array, CSRMatrix
from skrec.utils import row_blocks, top_k

__all__ = ["ItemWeightsRecommender"]


class ItemWeightsRecommender(BaseRecommender):
    """Score a history by its sum of rows of ``item_weights_``, of shape (n_items, n_items)."""

    _link: ClassVar[type[Link]] = HeldOut

    def _fit(self, X: CSRMatrix) -> None:
        """Set ``item_weights_``, dense or sparse."""
        self.item_weights_: Any
        raise NotImplementedError

    def _score_block(self, queries: Queries) -> Array:
        return _dense(queries.history @ self.item_weights_)

    def _score_candidates(self, queries: Queries, candidates: Array) -> Array:
        # below this share of the catalogue the copied columns cost less than all scores
        if candidates.ndim == 1 and len(candidates) * 4 < self.n_features_in_:
            if not queries.empty("exact").any():
                return _dense(queries.history @ self.item_weights_[:, candidates])
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
        """
        check_is_fitted(self)
        items = check_items(np.atleast_1d(items), self.n_features_in_)
        indices = np.empty((len(items), n_items), dtype=np.int64)
        weights = np.empty((len(items), n_items), dtype=np.float32)
        for block in row_blocks(len(items), self._row_bytes()):
            rows = np.array(_dense(self.item_weights_[items[block]]), dtype=np.float32)
            rows[np.arange(len(rows)), items[block]] = -np.inf
            indices[block], weights[block] = top_k(rows, n_items)
        return indices, weights


def _dense(matrix: sp.spmatrix | Array) -> Array:
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)
