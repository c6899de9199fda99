"""Probabilities for scorers without a likelihood: a logistic fit on held-out pairs."""

from typing import ClassVar

import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from skrec.base import Queries
from skrec.utils import has_entries, hide_entries, row_blocks, row_of_entry

__all__ = ["HeldOutCalibration", "fit_logistic"]

_HIDDEN = 0.1  # each entry's chance to be hidden: a share of a short row would be at least one
_MAX_ROWS = 2000
_UNSTORED_PER_ROW = 200


def fit_logistic(features, labels, log_odds_shift):
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
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=1e4).fit(scaler.transform(features), labels)
    coef = model.coef_[0] / scaler.scale_
    if coef[0] < 0:  # a calibration must not turn the ranking round: fit without the score
        rest, intercept = fit_logistic(features * (np.arange(features.shape[1]) > 0), labels, 0.0)
        return np.append(0.0, rest[1:]), intercept - log_odds_shift
    intercept = model.intercept_[0] - model.coef_[0] @ (scaler.mean_ / scaler.scale_)
    return coef, intercept - log_odds_shift


def _features(scores, n_history):
    """The score, and the log of the history's length, whose square bends it for quiet users."""
    activity = np.log1p(n_history)
    return np.column_stack([scores, activity, activity**2])


def _draw_unstored(X, n_per_row, rng):
    """Draw pairs that X does not store, uniformly, about ``n_per_row`` a row.

    Returns the pairs and the rate at which unstored pairs were drawn.
    """
    n_rows, n_items = X.shape
    row = np.repeat(np.arange(n_rows), n_per_row)
    column = rng.randint(n_items, size=len(row))
    free = ~has_entries(X, row, column)
    return row[free], column[free], n_per_row / n_items


class HeldOutCalibration:
    """Give `predict_proba` to a scorer without a likelihood.

    After ``fit`` up to 2,000 rows are scored with 10 % of their entries hidden; over pairs that
    are not shown, a logistic regression tells the hidden from the rest, by the score, the log of
    the history's length, and its square. The probabilities are those of the pairs that a history
    lacks.
    """

    _proba_pairs: ClassVar[str] = "unseen"

    def _fit_proba(self, X):
        rng = check_random_state(0)
        rows = np.flatnonzero(np.diff(X.indptr) >= 2)
        rows = np.sort(rng.permutation(rows)[:_MAX_ROWS])
        history, hidden = hide_entries(X[rows], _HIDDEN, rng)
        pairs = self._calibration_pairs(X[rows], hidden, rng)
        density = X.nnz / np.prod(X.shape)
        if pairs is None:
            self.calibration_ = (np.zeros(3), logit(np.clip(density, 1e-6, 1 - 1e-6)))
            return
        row, column, labels, shift = pairs
        scores = self._calibration_scores(history, rows, row, column)
        lengths = np.diff(history.indptr)[row]
        self.calibration_ = fit_logistic(_features(scores, lengths), labels, shift)

    def _calibration_pairs(self, X, hidden, rng):
        """Give held-out pairs and unstored ones, in order of rows; None where one kind lacks."""
        row, column, rate = _draw_unstored(X, _UNSTORED_PER_ROW, rng)
        if hidden.nnz == 0 or len(row) == 0:
            return None
        labels = np.repeat([True, False], [hidden.nnz, len(row)])
        row = np.concatenate([row_of_entry(hidden), row])
        column = np.concatenate([hidden.indices, column])
        order = np.argsort(row, kind="stable")
        return row[order], column[order], labels[order], -np.log(rate)

    def _held_out_scores(self, history, rows):
        """Score histories that are a part of the given rows of ``fit``."""
        return self._scores(Queries(history))

    def _calibration_scores(self, history, rows, row, column):
        scores = np.empty(len(row))
        for block in row_blocks(history.shape[0], self._row_bytes()):
            inside = slice(*np.searchsorted(row, [block.start, block.stop]))
            dense = self._held_out_scores(history[block], rows[block])
            scores[inside] = dense[row[inside] - block.start, column[inside]]
        return scores

    def _proba_block(self, scores, queries):
        coef, intercept = self.calibration_
        features = _features(np.zeros(len(scores)), np.diff(queries.history.indptr))
        offset = (features @ coef + intercept).astype(np.float32)
        return expit(np.float32(coef[0]) * scores + offset[:, None])
