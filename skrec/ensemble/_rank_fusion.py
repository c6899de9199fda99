"""A weighted sum of reciprocal ranks."""

from numbers import Integral
from typing import Annotated, Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skrec.base import Link
from skrec.calibration import HeldOut
from skrec.ensemble._ensemble import EnsembleRecommender
from skrec.typing import Array, CSRMatrix

__all__ = ["RankFusionRecommender"]


def reciprocal_ranks(scores: Array, unseen: Array, k: int) -> Array:
    """Return 1 / (k + rank) for each item, its rank being among those that were not seen.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_items)
        Scores; of equal ones the lower index comes first.
    unseen : ndarray of bool of shape (n_rows, n_items)
        Which items take a place. The others have the rank that they would have between these.
    k : int
        What is added to ranks.

    Returns
    -------
    values : ndarray of float64 of shape (n_rows, n_items)
        At most 1 / (k + 1).
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    counted = np.take_along_axis(unseen, order, axis=1)
    before = np.cumsum(counted, axis=1) - counted
    values = np.empty(scores.shape)
    np.put_along_axis(values, order, 1 / (k + 1 + before), axis=1)
    return values


class _OfRanks(HeldOut):
    """The link of sums of reciprocal ranks, whose logarithm is nearer to log odds."""

    def _log_odds(
        self, model: Any, scores: Array, history: CSRMatrix, candidates: Array | None
    ) -> Array:
        return np.log(np.maximum(scores, np.finfo(np.float32).tiny))  # others are of the prior


class RankFusionRecommender(EnsembleRecommender):
    r"""Several recommenders, ranked by the weighted mean of their reciprocal ranks.

    .. math:: s_{ui} = \sum_m \frac{w_m}{k + r^m_{ui}}, \qquad \sum_m w_m = 1,

    with :math:`r^m_{ui}` the rank, from 1, that recommender m gives item i among those which
    user u does not have.

    Attributes
    ----------
    estimators_ : list of object
        The fitted recommenders.
    named_estimators_ : Bunch
        The same by name.
    weights_ : ndarray of shape (n_estimators,)
        Shares of the weights, which sum to 1.
    strangers_ : list of str
        Frozen recommenders that were fitted to other interactions than this; while there is one,
        ``users=`` is an error.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    Raises
    ------
    ValueError
        If ``estimators`` holds something else than recommenders of implicit feedback, or X has
        other items than a frozen one.

    See Also
    --------
    BlendedRecommender : Scores in place of ranks: how far an item leads counts too.

    Notes
    -----
    Scores count by their order alone, so that nothing has to be scaled. Items that the user has
    take no place, and get the rank that they would have between the others. Of equal scores the
    lower index has the better rank. The paper has no weights, and k = 60. There is no
    ``return_std``: the deviation of a rank does not follow from those of the scores.

    Probabilities are calibrated on held-out pairs, the logarithm of the sum standing for log odds.

    The recommenders are fitted to the canonical matrix of X, without timestamps.

    References
    ----------
    Cormack, G. V., Clarke, C. L. A., & Büttcher, S. (2009). Reciprocal rank fusion outperforms
    Condorcet and individual rank learning methods. SIGIR.
    https://doi.org/10.1145/1571941.1572114

    Examples
    --------
    >>> from skrec import EASERecommender, ItemKNNRecommender, RankFusionRecommender
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(300, 60, 4000, random_state=0).X
    >>> parts = [("ease", EASERecommender(l2=50.0)), ("knn", ItemKNNRecommender())]
    >>> est = RankFusionRecommender(parts).fit(X[:200])
    >>> est.recommend(X[200:202], n_items=3).shape
    (2, 3)
    """

    k: Annotated[
        int,
        Interval(Integral, 0, None, closed="left"),
        "What is added to ranks: the larger, the less the first places count for.",
    ] = 60

    _link: ClassVar[type[Link]] = _OfRanks
    _test_parameters: ClassVar[dict[str, Any]] = {}

    def _contribution(self, scores: Array, unseen: Array) -> Array:
        return reciprocal_ranks(scores, unseen, self.k)
