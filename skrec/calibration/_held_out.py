"""Probabilities for scorers without a likelihood: a logistic fit on held-out pairs."""

from typing import Any, Self

import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from skrec.base import BaseRecommender, Link, Queries
from skrec.typing import Array, CSRMatrix
from skrec.utils import has_entries, hide_entries, row_of_entry

__all__ = ["HeldOut", "fit_logistic"]

_HIDDEN = 0.1  # each entry's chance to be hidden: a share of a short row would be at least one
_MAX_ROWS = 2000
_UNSTORED_PER_ROW = 200


def fit_logistic(features: Array, labels: Array, log_odds_shift: float) -> tuple[Array, float]:
    """Fit a logistic regression to a sample in which labels were drawn at different rates.

    With stored pairs sampled at rate ``s1`` and unstored ones at ``s0``, the odds in the sample
    are ``s1 / s0`` times the true ones, so ``log(s1 / s0)`` leaves the intercept.

    Parameters
    ----------
    features : ndarray of shape (n_pairs, n_features)
        The first one is the score; its coefficient is kept from falling below zero.
    labels : ndarray of bool of shape (n_pairs,)
        Whether each pair was held out.
    log_odds_shift : float
        ``log(s1 / s0)``.

    Returns
    -------
    coef : ndarray of shape (n_features,)
        Coefficients in the units of ``features``.
    intercept : float
        Intercept for the true rates.
    """
    scaler: Any = StandardScaler().fit(features)
    model = LogisticRegression(C=1e4).fit(scaler.transform(features), labels)
    coef = model.coef_[0] / scaler.scale_
    if coef[0] < 0:  # a calibration must not turn the ranking round: fit without the score
        rest, intercept = fit_logistic(features * (np.arange(features.shape[1]) > 0), labels, 0.0)
        return np.append(0.0, rest[1:]), intercept - log_odds_shift
    intercept = model.intercept_[0] - model.coef_[0] @ (scaler.mean_ / scaler.scale_)
    return coef, intercept - log_odds_shift


def _features(scores: Array, n_history: Array) -> Array:
    """Join the score, and the log of the history's length with its square, for quiet users."""
    activity = np.log1p(n_history)
    return np.column_stack([scores, activity, activity**2])


def _draw_unstored(
    X: CSRMatrix, n_per_row: int, rng: np.random.RandomState
) -> tuple[Array, Array, float]:
    """Draw pairs that X does not store, uniformly, about ``n_per_row`` a row.

    Returns the pairs and the rate at which unstored pairs were drawn.
    """
    n_rows, n_items = X.shape
    row = np.repeat(np.arange(n_rows), n_per_row)
    column = rng.randint(n_items, size=len(row))
    free = ~has_entries(X, row, column)
    return row[free], column[free], n_per_row / n_items


class HeldOut(Link):
    r"""The link of scorers without a likelihood: a logistic fit on held-out pairs.

    A tenth of the entries of at most 2,000 rows is hidden, the rows are scored without them, and
    :math:`\ln p / (1 - p)` is regressed on the score and the activity of the user,

    .. math:: a s_{ui} + b + c_1 \ln(1 + n_u) + c_2 \ln^2(1 + n_u), \qquad a \geq 0,

    for hidden pairs (1) and drawn pairs that are not stored (0). So the probability is that of a
    pair that the history lacks. A model that has learnt from what is hidden leaves these users out
    in ``_held_out_scores``.

    Attributes
    ----------
    coef_ : ndarray of shape (3,)
        The coefficients a, :math:`c_1` and :math:`c_2`.
    intercept_ : float
        The intercept b.
    """

    proba_pairs = "unseen"

    def fit(self, model: BaseRecommender, X: CSRMatrix) -> Self:
        rng = check_random_state(0)
        rows = np.flatnonzero(np.diff(X.indptr) >= 2)
        rows = np.sort(rng.permutation(rows)[:_MAX_ROWS])
        history, hidden = hide_entries(X[rows], _HIDDEN, rng)
        pairs = _pairs(X[rows], hidden, rng)
        if pairs is None:
            density = X.nnz / np.prod(X.shape)
            self.coef_, self.intercept_ = np.zeros(3), logit(np.clip(density, 1e-6, 1 - 1e-6))
            return self
        row, column, labels, shift = pairs
        scores = model._held_out_pairs(history, rows, row, column)
        lengths = np.diff(history.indptr)[row]
        self.coef_, self.intercept_ = fit_logistic(_features(scores, lengths), labels, shift)
        return self

    def probabilities(
        self,
        model: BaseRecommender,
        scores: Array,
        queries: Queries,
        candidates: Array | None = None,
    ) -> Array:
        features = _features(np.zeros(len(scores)), np.diff(queries.history.indptr))
        offset = (features @ self.coef_ + self.intercept_).astype(np.float32)
        return expit(np.float32(self.coef_[0]) * scores + offset[:, None])


def _pairs(
    X: CSRMatrix, hidden: CSRMatrix, rng: np.random.RandomState
) -> tuple[Array, Array, Array, float] | None:
    """Return held-out pairs and unstored ones, sorted by row; None where one kind lacks."""
    row, column, rate = _draw_unstored(X, _UNSTORED_PER_ROW, rng)
    if hidden.nnz == 0 or len(row) == 0:
        return None
    labels = np.repeat([True, False], [hidden.nnz, len(row)])
    row = np.concatenate([row_of_entry(hidden), row])
    column = np.concatenate([hidden.indices, column])
    order = np.argsort(row, kind="stable")
    return row[order], column[order], labels[order], -np.log(rate)
