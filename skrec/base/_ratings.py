"""The contract of models that predict ratings."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy.stats import norm
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from skrec.base._queries import Queries, lists_of_pairs
from skrec.base._recommender import BaseRecommender
from skrec.base._validation import check_matrix
from skrec.interactions import Interactions
from skrec.metrics import make_rating_scorer
from skrec.utils import hide_entries, row_blocks, row_of_entry

__all__ = ["RatingRecommender", "probability_at_least"]

_HIDDEN = 0.1  # each entry's chance to be hidden to measure the residuals
_MAX_ROWS = 2000
_PRIOR_COUNT = 5  # ratings at the global mean that an item's mean is smoothed with


def probability_at_least(mean, std, threshold, step=0.0):
    r"""Give the probability that a rating reaches a threshold, under a Gaussian.

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


class RatingRecommender(BaseRecommender):
    """Base of rating models: scores are ratings, probabilities are those of a good rating.

    Parameters
    ----------
    relevance_threshold : float, default=4.0
        `predict_proba` gives the probability of a rating of at least this.
    """

    relevance_threshold: float = 4.0

    _feedback: ClassVar[str] = "explicit"
    _proba_pairs: ClassVar[str] = "unseen"
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "relevance_threshold": [Interval(Real, None, None, closed="neither")]
    }
    _parameter_docs: ClassVar[dict[str, str]] = {
        "relevance_threshold": """
            relevance_threshold : float, default=4.0
                `predict_proba` gives the probability of a rating of at least this."""
    }

    def predict(self, X=None, *, users=None, return_std=False):
        """Predict ratings, within the scale seen in ``fit``.

        Parameters
        ----------
        X : sparse matrix or array-like of shape (n_rows, n_items), or Interactions, default=None
            Ratings of any users, a row each; or pairs of users known from ``fit``.
        users : array-like of int of shape (n_rows,), default=None
            Rows of the fitted matrix. With ``X`` too, those are their newer ratings.
        return_std : bool, default=False
            Also give the deviation over posterior draws (probabilistic models).

        Returns
        -------
        ratings : ndarray of shape (n_rows, n_items) or (n_pairs,)
            float32.
        std : ndarray of the same shape
            Only with ``return_std``.

        Raises
        ------
        ValueError
            If an input does not fit the matrix of ``fit``.
        """
        answer = self.decision_function(X, users=users, return_std=return_std)
        low, high = self.rating_range_
        if return_std:
            return np.clip(answer[0], low, high), answer[1]
        return np.clip(answer, low, high)

    def score(self, X, y=None):
        """Give minus the root mean squared error.

        Parameters
        ----------
        X : Interactions, sparse matrix or array-like of shape (n_users, n_items)
            Ratings to predict from, when ``y`` holds targets; without them 20 % of each row is
            hidden and predicted from the rest. The entries of Interactions are the targets of
            users known from ``fit``.
        y : sparse matrix or array-like of shape (n_users, n_items), default=None
            Targets. None or 1-D is ignored.

        Returns
        -------
        score : float
            Larger is better.
        """
        check_is_fitted(self)
        if not isinstance(X, Interactions):
            X = check_matrix(self, X, reset=False)
        return make_rating_scorer("neg_rmse")(self, X, y)

    def _prior_scores(self):
        """Give the mean rating of each item, smoothed towards that of all."""
        X = self.interactions_
        totals = np.bincount(X.indices, weights=X.data, minlength=X.shape[1])
        mean = X.data.mean(dtype=np.float64)
        return (totals + _PRIOR_COUNT * mean) / (self.item_counts_ + _PRIOR_COUNT)

    def _fit_proba(self, X):
        """Measure the scale, and the residuals of entries hidden from their rows."""
        scale = np.unique(X.data)
        self.rating_range_ = (scale[0], scale[-1])
        # more values than any rating scale has: taken for continuous
        self.rating_step_ = float(np.diff(scale).min(initial=np.inf)) if len(scale) <= 100 else 0.0
        if not np.isfinite(self.rating_step_):
            self.rating_step_ = 0.0
        self.residual_std_ = float(max(self._residual_spread(X), 1e-3))

    def _residual_spread(self, X):
        """Give the root mean square of the residuals; a hook for models that watch ratings."""
        residuals = self._held_out_residuals(X)
        return np.sqrt(np.mean(residuals**2)) if len(residuals) else 0.0

    def _held_out_residuals(self, X):
        rng = check_random_state(0)
        rows = np.flatnonzero(np.diff(X.indptr) >= 2)
        rows = np.sort(rng.permutation(rows)[:_MAX_ROWS])
        history, hidden = hide_entries(X[rows], _HIDDEN, rng)
        residuals = [np.empty(0)]
        for block in row_blocks(len(rows), self._row_bytes()):
            queries, targets = Queries(history[block]), hidden[block]
            row = row_of_entry(targets)
            lists, column = lists_of_pairs(row, targets.indices, targets.shape[0])
            scores = self._scores(queries, candidates=lists)
            residuals.append(targets.data - scores[row, column])
        return np.concatenate(residuals)

    def _proba_block(self, scores, queries):
        cut = (self.relevance_threshold, self.rating_step_)
        return probability_at_least(scores, self.residual_std_, *cut)

    def _prior_proba(self):
        return self._proba_block(self._prior_scores(), None)
