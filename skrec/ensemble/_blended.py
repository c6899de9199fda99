"""A weighted sum of the scores of several recommenders."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from skrec.base import Queries, RecommenderTags
from skrec.ensemble._ensemble import EnsembleRecommender, unseen_items
from skrec.typing import Array

__all__ = ["BlendedRecommender"]


def standard_line(scores: Array, unseen: Array) -> tuple[Array, Array]:
    """Return each row's mean and deviation over the items that were not seen.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_items)
        Scores.
    unseen : ndarray of bool of shape (n_rows, n_items)
        Which count.

    Returns
    -------
    mean : ndarray of float64 of shape (n_rows, 1)
        The mean.
    deviation : ndarray of float64 of shape (n_rows, 1)
        The root of the mean square about it; infinite where all scores are equal, up to rounding.
    """
    options: Any = {"axis": 1, "keepdims": True, "dtype": np.float64, "where": unseen}
    mean = np.mean(scores, **options)
    deviation = np.sqrt(np.mean(np.square(scores - mean), **options))
    return mean, _unless_flat(deviation, scores)


def range_line(scores: Array, unseen: Array) -> tuple[Array, Array]:
    """Return each row's least score, and the range, over the items that were not seen.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_items)
        Scores.
    unseen : ndarray of bool of shape (n_rows, n_items)
        Which count.

    Returns
    -------
    least : ndarray of float64 of shape (n_rows, 1)
        The least.
    extent : ndarray of float64 of shape (n_rows, 1)
        The largest less the least; infinite where all scores are equal, up to rounding.
    """
    least = np.min(scores, axis=1, keepdims=True, where=unseen, initial=np.inf).astype(float)
    largest = np.max(scores, axis=1, keepdims=True, where=unseen, initial=-np.inf).astype(float)
    return least, _unless_flat(largest - least, scores)


def _unless_flat(scale: Array, scores: Array) -> Array:
    rounding = 4 * np.finfo(np.float32).eps * np.abs(scores).max(axis=1, keepdims=True, initial=0)
    return np.where(scale > rounding, scale, np.inf)


def own_line(scores: Array, unseen: Array) -> tuple[Array, Array]:
    """Return 0 and 1 for each row: the line that changes nothing.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_items)
        Scores.
    unseen : ndarray of bool of shape (n_rows, n_items)
        Which count.

    Returns
    -------
    shift, scale : ndarray of float64 of shape (n_rows, 1)
        The line.
    """
    return np.zeros((len(scores), 1)), np.ones((len(scores), 1))


_LINES = {"standardize": standard_line, "range": range_line, "none": own_line}


class BlendedRecommender(EnsembleRecommender):
    r"""Several recommenders, ranked by the weighted mean of their standardised scores.

    .. math:: s_{ui} = \sum_m w_m \frac{s^m_{ui} - \mu^m_u}{\sigma^m_u},
        \qquad \sum_m w_m = 1,

    with :math:`\mu^m_u` and :math:`\sigma^m_u` the mean and the deviation of the scores that
    recommender m gives user u for the items which the user does not have.

    Attributes
    ----------
    estimators_ : list of object
        The fitted recommenders.
    named_estimators_ : Bunch
        The same by name.
    weights_ : ndarray of shape (n_estimators,)
        Shares of the weights, which sum to 1.
    strangers_ : list of str
        Frozen recommenders that were fitted to other interactions than the blend; while there is
        one, ``users=`` is an error.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    Raises
    ------
    ValueError
        If ``estimators`` holds something else than recommenders of implicit feedback, or X has
        other items than a frozen one.

    See Also
    --------
    RankFusionRecommender : Ranks in place of scores, and nothing to scale.
    sklearn.ensemble.VotingClassifier : The same idea for classes.

    Notes
    -----
    Items that the user has do not count in the mean and the deviation, and are moved by the same
    line as the others. Where a user has everything, all items count. Equal scores of all items say
    nothing, and add nothing. So one recommender alone ranks as without the blend.

    A recommender's scale has no say in the blend, and its rare, far scores have: try
    ``method="range"``, or `RankFusionRecommender`.

    Probabilities are calibrated on held-out pairs of the blend's own scores. With
    ``return_std``, which all recommenders must have, their errors count as independent:

    .. math:: \mathrm{var}(s_{ui}) = \sum_m w_m^2 \, \mathrm{var}(s^m_{ui}) / (\sigma^m_u)^2

    Mean and deviation are taken as known. Errors of models of the same data are seldom
    independent, and their deviation is then larger.

    The recommenders are fitted to the canonical matrix of X, without timestamps. To search for the
    weights, fit the recommenders once and freeze them where the validation data allow it.

    References
    ----------
    Jahrer, M., Töscher, A., & Legenstein, R. (2010). Combining predictions for accurate
    recommender systems. KDD. https://doi.org/10.1145/1835804.1835893

    Examples
    --------
    >>> from skrec import BlendedRecommender, EASERecommender, ItemKNNRecommender
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(300, 60, 4000, random_state=0).X
    >>> parts = [("ease", EASERecommender(l2=50.0)), ("knn", ItemKNNRecommender())]
    >>> est = BlendedRecommender(parts, weights=[2, 1]).fit(X[:200])
    >>> est.recommend(X[200:202], n_items=3).shape
    (2, 3)
    >>> est.set_params(ease__l2=100.0).named_estimators_.ease.l2_
    50.0
    """

    method: Annotated[
        Literal["standardize", "range", "none"],
        "What is done to the scores of each row: made to have mean 0 and deviation 1, to lie in "
        "[0, 1], or nothing.",
    ] = "standardize"

    _test_parameters: ClassVar[dict[str, Any]] = {}

    def __sklearn_tags__(self) -> RecommenderTags:
        tags, parts = super().__sklearn_tags__(), self._parts()
        tags.probabilistic = bool(parts) and all(p.__sklearn_tags__().probabilistic for p in parts)
        return tags

    @property
    def n_samples(self: Any) -> int:
        """Posterior draws that all recommenders have (where they have a posterior)."""
        return min(part.n_samples for part in self._parts())

    def _contribution(self, scores: Array, unseen: Array) -> Array:
        shift, scale = _LINES[self.method](scores, unseen)
        return (scores - shift) / scale

    def _draw_block(self, queries: Queries, draw: int) -> Array:
        unseen, total = unseen_items(queries), np.zeros(queries.history.shape)
        for weight, part in zip(self.weights_, self._parts(), strict=True):
            taken = self._taken(part, queries)
            # the line of the mean: that of the draw would hide what all items have in common
            shift, scale = _LINES[self.method](part._scores(taken), unseen)
            total += weight * (part._scores(taken, draw) - shift) / scale
        return total

    def _score_std(self, queries: Queries, candidates: Array | None = None) -> Array:
        unseen, total = unseen_items(queries), np.zeros(queries.history.shape)
        for weight, part in zip(self.weights_, self._parts(), strict=True):
            taken = self._taken(part, queries)
            _, scale = _LINES[self.method](part._scores(taken), unseen)
            total += np.square(weight * part._score_std(taken) / scale)
        std = np.sqrt(total).astype(np.float32)
        if candidates is not None:
            rows = np.arange(len(std))[:, None]
            std = std[:, candidates] if candidates.ndim == 1 else std[rows, candidates]
        return self._with_prior(std, queries, candidates, lambda: np.zeros(self.n_features_in_))
