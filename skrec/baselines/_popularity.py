"""Items by how often they occur."""

from typing import Any, ClassVar

import numpy as np

from skrec.base import Link, Queries, ScoreGraph, Softmax, UpdatableRecommender
from skrec.typing import Array, CSRMatrix

__all__ = ["PopularityRecommender"]


class PopularityRecommender(UpdatableRecommender):
    r"""Rank the items by how many users have them (ItemPop).

    Every user gets the same scores, so this is the level that any model of taste must beat.

    .. math:: s_{ui} = \log \frac{c_i + 1}{\sum_j (c_j + 1)}

    with :math:`c_i` the number of users who have item i. The score is monotone in the count, and
    its exponential is the smoothed share of the item in all interactions.

    Attributes
    ----------
    item_counts_ : ndarray of shape (n_items,)
        Number of users who have each item.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    EASERecommender : A strong linear model.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec import PopularityRecommender
    >>> X = sp.csr_matrix([[1, 1, 0], [0, 1, 0], [0, 1, 1]])
    >>> model = PopularityRecommender().fit(X)
    >>> model.recommend(users=[1], n_items=2)
    array([[0, 2]])

    More users come later:

    >>> model.partial_fit(sp.csr_matrix([[0, 0, 1], [0, 0, 1]])).recommend(users=[1], n_items=2)
    array([[2, 0]])
    """

    _link: ClassVar[type[Link]] = Softmax
    _test_parameters: ClassVar[dict[str, Any]] = {}

    def _fit(self, X: CSRMatrix) -> None:
        pass

    def _history_parts(self, queries: Queries, lists: Array) -> tuple[Array, Array]:
        m = lists.shape[-1]
        baseline = np.broadcast_to(self._prior_scores()[lists], (queries.n_rows, m))
        return np.zeros((queries.history.nnz, m)), baseline.astype(np.float64)

    def _graph_scores(self, graph: ScoreGraph) -> str:
        return graph.add("Add", graph.add("Mul", graph.lengths, 0.0), self._prior_scores())

    def _score_block(self, queries: Queries) -> Array:
        return np.broadcast_to(self._prior_scores(), queries.history.shape).copy()
