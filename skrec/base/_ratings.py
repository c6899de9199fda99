"""The contract of models that predict ratings."""

from numbers import Real
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from skrec.base._docs import shared_docs
from skrec.base._links import Link
from skrec.base._one_fit import of_one_fit
from skrec.base._queries import Queries, lists_of_pairs
from skrec.base._recommender import Answer, BaseRecommender
from skrec.base._validation import check_matrix
from skrec.base.fields import Both, Floats, Maybe, Number
from skrec.interactions import Interactions
from skrec.metrics import make_rating_scorer
from skrec.typing import Array, CSRMatrix, MatrixLike
from skrec.utils import hide_entries, row_blocks, row_of_entry

__all__ = ["RatingRecommender", "Threshold", "probability_at_least"]

_HIDDEN = 0.1  # each entry's chance to be hidden to measure the residuals
_MAX_ROWS = 2000
_PRIOR_COUNT = 5  # ratings at the global mean that an item's mean is smoothed with


def probability_at_least(
    mean: float | Array, std: float | Array, threshold: float, step: float = 0.0
) -> Array:
    r"""Return the probability that a rating reaches a threshold, under a Gaussian.

    .. math:: P(r \ge t) = 1 - \Phi\Big(\frac{t - \delta / 2 - \mu}{\sigma}\Big)

    with :math:`\delta` the step of a discrete scale: the cut lies half a step lower.

    Parameters
    ----------
    mean, std : ndarray or float
        Parameters of the Gaussian, of shapes that broadcast.
    threshold : float
        The rating to reach.
    step : float, default=0.0
        Distance between neighbouring ratings; 0 for a continuous scale.

    Returns
    -------
    proba : ndarray
        In [0, 1].

    Examples
    --------
    >>> from skrec.base import probability_at_least
    >>> float(probability_at_least(3.5, 1.0, 4.0, step=1.0))
    0.5
    """
    return norm.sf((threshold - step / 2 - np.asarray(mean)) / std)


class Threshold(Link):
    """The probability that a rating reaches ``relevance_threshold``, under a Gaussian.

    Its deviation is that of the residuals of ratings that were hidden from their rows, or what
    training has watched.

    Parameters
    ----------
    watched : float or None, default=None
        Root mean squared error of ratings that were not trained on, where training has watched
        such.

    Attributes
    ----------
    range_ : tuple of float
        Smallest and largest rating.
    std_ : float
        Deviation of ratings around their scores.
    step_ : float
        Distance between neighbouring ratings; 0 for a continuous scale.
    """

    by_pair = True
    by_score = True
    _fitted: ClassVar = {
        "watched": Maybe(Number()),
        "range_": Both(Number(), Number()),
        "step_": Number(),
        "std_": Number(),
    }

    def __init__(self, watched: float | None = None) -> None:
        self.watched = watched

    def fit(self, model: BaseRecommender, X: CSRMatrix) -> Self:
        scale = np.unique(X.data)
        self.range_ = scale[0], scale[-1]
        # more values than any rating scale has: taken for continuous
        step = float(np.diff(scale).min(initial=np.inf)) if len(scale) <= 100 else 0.0
        self.step_ = step if np.isfinite(step) else 0.0
        # ratings that were not trained on tell more than hidden ones that were
        spread = _hidden_rmse(model, X) if self.watched is None else self.watched
        self.std_ = float(max(spread, 1e-3))
        return self

    def probabilities(
        self,
        model: Any,
        scores: Array,
        queries: Queries | None,
        candidates: Array | None = None,
    ) -> Array:
        return probability_at_least(scores, self.std_, float(model.relevance_threshold), self.step_)

    def prior(self, model: Any) -> Array:
        return self.probabilities(model, model._prior_scores(), None)


def _hidden_rmse(model: BaseRecommender, X: CSRMatrix) -> float:
    """Return the error of entries hidden from their rows; 0 where there are none."""
    rng = check_random_state(0)
    rows = np.flatnonzero(np.diff(X.indptr) >= 2)
    rows = np.sort(rng.permutation(rows)[:_MAX_ROWS])
    history, hidden = hide_entries(X[rows], _HIDDEN, rng)
    parts = [np.empty(0)]
    for block in row_blocks(len(rows), model._row_bytes()):
        queries, targets = Queries(history[block]), hidden[block]
        row = row_of_entry(targets)
        lists, column = lists_of_pairs(row, targets.indices, targets.shape[0])
        scores = model._scores(queries, candidates=lists)
        parts.append(targets.data - scores[row, column])
    residuals = np.concatenate(parts)
    return np.sqrt(np.mean(residuals**2)) if len(residuals) else 0.0


class RatingRecommender(BaseRecommender):
    """Base of rating models: scores are ratings, probabilities are those of a good rating."""

    relevance_threshold: Annotated[
        float,
        Interval(Real, None, None, closed="neither"),
        "`predict_proba` gives the probability of a rating of at least this.",
    ] = 4.0

    _feedback: ClassVar = "explicit"
    _link: ClassVar[type[Link]] = Threshold
    _fitted: ClassVar = {"rating_mean_": Number(), "_mean_ratings_": Floats("items")}

    @of_one_fit
    @shared_docs
    def predict(
        self,
        X: Interactions | MatrixLike | None = None,
        *,
        users: ArrayLike | None = None,
        return_std: bool = False,
    ) -> Answer:
        """Predict ratings, within the scale seen in ``fit``.

        Parameters
        ----------
        %(histories_or_pairs)s
        %(users)s
        return_std : bool, default=False
            Also return the deviation over posterior draws (probabilistic models). Where the model
            has a noise of its own, ``noise_std_``, it is that of a rating: the noise is included.

        Returns
        -------
        ratings : ndarray of shape (n_rows, n_items) or (n_pairs,)
            float32.
        %(std)s

        Raises
        ------
        %(bad_input)s
        """
        answer = self.decision_function(X, users=users, return_std=return_std)
        if not isinstance(answer, tuple):
            return np.clip(answer, *self.rating_range_)
        noise = np.float32(getattr(self, "noise_std_", 0.0))
        return np.clip(answer[0], *self.rating_range_), np.hypot(answer[1], noise)

    @of_one_fit
    @shared_docs
    def score(self, X: Interactions | MatrixLike, y: Any = None) -> float:
        """Return minus the root mean squared error.

        Parameters
        ----------
        X : Interactions, sparse matrix or array-like of shape (n_users, n_items)
            Ratings to predict from, when ``y`` holds targets; without them 20 % of each row is
            hidden and predicted from the rest. The entries of Interactions are the targets of
            users known from ``fit``.
        %(targets)s

        Returns
        -------
        score : float
            Larger is better.
        """
        check_is_fitted(self)
        if not isinstance(X, Interactions):
            X = check_matrix(self, X, reset=False)
        return make_rating_scorer("neg_rmse")(self, X, y)

    def _prior_scores(self) -> Array:
        """Return the mean rating of each item, smoothed towards that of all."""
        if "_mean_ratings_" in self.__dict__:
            return self.__dict__["_mean_ratings_"]
        X = self.interactions_
        totals = np.bincount(X.indices, weights=X.data, minlength=X.shape[1])
        mean = X.data.mean(dtype=np.float64)
        return (totals + _PRIOR_COUNT * mean) / (self.item_counts_ + _PRIOR_COUNT)

    def _without_interactions(self) -> dict[str, Any]:
        return {**super()._without_interactions(), "_mean_ratings_": self._prior_scores()}

    @property
    def rating_range_(self) -> tuple[np.floating, np.floating]:
        """Smallest and largest rating of ``fit``."""
        link: Any = self.link_
        return link.range_
