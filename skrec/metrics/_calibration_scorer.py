"""Scorers of probabilities for scikit-learn's model selection."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.metrics import log_loss
from sklearn.utils import get_tags

from skrec.interactions import Interactions
from skrec.metrics._calibration import brier, check_bins, expected_calibration_error
from skrec.metrics._check import as_csr, as_pattern, as_seed, check_scores
from skrec.metrics._engine import bytes_per_row
from skrec.metrics._hits import contains, keys_of, without
from skrec.metrics._known import (
    UnknownUsers,
    check_items,
    check_unknown_users,
    fitted_model,
    keep_known,
    predicts_ratings,
    seen_in_fit,
)
from skrec.metrics._sampling import candidate_lists, draw_negatives
from skrec.metrics._tasks import histories_and_targets, is_matrix, refuse_targets
from skrec.typing import Array, CSRMatrix, MatrixLike, RandomState
from skrec.utils import (
    check_choice,
    check_count,
    check_finite,
    check_rng,
    row_blocks,
    row_of_entry,
    split_rows,
)

__all__ = ["CalibrationScorer", "make_calibration_scorer"]

_METRICS = ("brier", "ece", "log_loss")
_Strategy: TypeAlias = Literal["uniform", "quantile"]
_Metric: TypeAlias = Literal["neg_brier", "neg_ece", "neg_log_loss", "brier", "ece", "log_loss"]


class CalibrationScorer:
    """Callable ``scorer(estimator, X, y=None)``, made by `make_calibration_scorer`.

    Parameters
    ----------
    metric : {"neg_brier", "neg_ece", "neg_log_loss"}
        Metric to return.
    n_unstored : int or None
        Number of pairs to draw for each user, besides the targets.
    n_bins : int
        Number of bins of the calibration error.
    strategy : {"uniform", "quantile"}
        Bins of equal width, or with equal numbers of predictions.
    random_state : int, RandomState instance or None
        Source of the hidden entries and of the drawn pairs.
    unknown_users : {"warn", "include", "skip", "error"}
        What to do with users of whom the model knows nothing.

    See Also
    --------
    make_calibration_scorer : Explains which pairs are evaluated.

    Examples
    --------
    >>> from skrec.metrics import CalibrationScorer, make_calibration_scorer
    >>> isinstance(make_calibration_scorer(), CalibrationScorer)
    True
    """

    def __init__(
        self,
        metric: _Metric,
        n_unstored: int | None,
        n_bins: int,
        strategy: _Strategy,
        random_state: RandomState,
        unknown_users: UnknownUsers = "warn",
    ) -> None:
        check_choice(metric, "metric", [*(f"neg_{name}" for name in _METRICS), *_METRICS])
        if n_unstored is not None:
            check_count(n_unstored, "n_unstored", 1)
        check_bins(n_bins, strategy)
        check_rng(random_state)
        self.metric = "neg_" + metric.removeprefix("neg_")
        self.n_unstored = n_unstored
        self.n_bins = n_bins
        self.strategy: _Strategy = strategy
        self.random_state = random_state
        self.unknown_users: UnknownUsers = check_unknown_users(unknown_users)

    @property
    def __name__(self) -> str:
        """Name of the metric, the label of scikit-learn's curve displays."""
        return self.metric

    def __repr__(self) -> str:
        parts = [repr(self.metric), f"n_unstored={self.n_unstored}"]
        if self.metric == "neg_ece":
            parts += [f"n_bins={self.n_bins}", f"strategy={self.strategy!r}"]
        parts.append(f"random_state={self.random_state!r}")
        if self.unknown_users != "warn":
            parts.append(f"unknown_users={self.unknown_users!r}")
        return f"CalibrationScorer({', '.join(parts)})"

    def __call__(
        self,
        estimator: Any,
        X: Interactions | MatrixLike,
        y: Interactions | MatrixLike | None = None,
    ) -> float:
        """Return the score of a fitted estimator.

        Parameters
        ----------
        estimator : object
            Fitted recommender with ``predict_proba``.
        X : {array-like, sparse matrix} of shape (n_rows, n_items) or Interactions
            See `make_calibration_scorer`.
        y : None, array-like or sparse matrix, default=None
            See `make_calibration_scorer`.

        Returns
        -------
        value : float
            Minus the error over all pairs; larger is better.
        """
        pairs = self.pairs(estimator, X, y)
        columns = (pairs[name].to_numpy() for name in ("outcome", "proba", "weight"))
        return -self._error(*columns)

    def _error(self, outcome: Array, proba: Array, weight: Array) -> float:
        if self.metric == "neg_brier":
            return brier(outcome, proba, sample_weight=weight)
        if self.metric == "neg_ece":
            return expected_calibration_error(
                outcome, proba, self.n_bins, self.strategy, sample_weight=weight
            )
        proba = proba.astype(np.float64)
        return float(log_loss(outcome, proba, sample_weight=weight, labels=[False, True]))

    def pairs(
        self,
        estimator: Any,
        X: Interactions | MatrixLike,
        y: Interactions | MatrixLike | None = None,
    ) -> pd.DataFrame:
        """Return the pairs that the score is computed from, with their probabilities.

        Parameters
        ----------
        estimator : object
            Fitted recommender with ``predict_proba``.
        X : {array-like, sparse matrix} of shape (n_rows, n_items) or Interactions
            See `make_calibration_scorer`.
        y : None, array-like or sparse matrix, default=None
            See `make_calibration_scorer`.

        Returns
        -------
        pairs : DataFrame of shape (n_pairs, 5)
            Columns ``user`` (row of the frame, or of X), ``item``, ``outcome`` (bool), ``proba``
            and ``weight``, the number of pairs of the user that this one stands for.
        """
        estimator = fitted_model(estimator, "predict_proba")
        check_items(estimator, y)
        seed, tags = as_seed(self.random_state), get_tags(_last_step(estimator))
        if rated := predicts_ratings(estimator):
            history, judged, outcome, weight = _rated(estimator, X, y, seed)
        else:
            history, targets = _shown_and_hidden(estimator, X, y, seed)
            judged, outcome, weight = _draw_pairs(history, targets, self.n_unstored, seed)
        if judged.nnz == 0:
            raise ValueError("X must leave at least one pair to be judged, got none.")
        row, known = row_of_entry(judged), isinstance(X, Interactions)
        seen = sp.csr_matrix(estimator.interactions_) if known else history
        skipped = self._skipped(np.unique(row if rated else row[outcome]), seen, known)
        proba = _known_proba(estimator, judged) if known else _row_proba(estimator, history, judged)
        if getattr(tags, "proba", "bernoulli") == "categorical":
            proba = _at_least_once(proba, np.diff(history.indptr)[row])
        item = judged.indices.astype(np.int64)
        columns = {"user": row, "item": item, "outcome": outcome, "proba": proba, "weight": weight}
        kept = ~np.isin(row, skipped) if len(skipped) else slice(None)
        return pd.DataFrame({name: values[kept] for name, values in columns.items()})

    def _skipped(self, users: Array, seen: CSRMatrix, of_fit: bool) -> Array:
        """Return the users with targets that are left out."""
        known = np.diff(seen.indptr)[users] > 0
        skipped = users[~keep_known(known, self.unknown_users, of_fit=of_fit)]
        if len(skipped) and len(skipped) == len(users):
            raise ValueError("X must hold a user that the model knows with unknown_users='skip'.")
        return skipped


def _at_least_once(share: Array, n: Array) -> Array:
    """Return the probability of at least one success in n draws, n >= 1, from that of one draw."""
    share = np.minimum(share.astype(np.float64), 1 - 1e-12)
    return -np.expm1(np.maximum(n, 1) * np.log1p(-share))


def _last_step(est: Any) -> Any:
    """Return the recommender at the end of a pipeline."""
    while hasattr(est, "steps"):
        est = est.steps[-1][1]
    return est


def _shown_and_hidden(
    est: Any, X: Interactions | MatrixLike, y: Interactions | MatrixLike | None, seed: int
) -> tuple[CSRMatrix, CSRMatrix]:
    """Return the interactions of each user that the model sees, and the pattern of the targets."""
    if not isinstance(X, Interactions):
        history, targets = histories_and_targets(X, y, seed)
        return history, without(targets, history)
    refuse_targets(y)
    stored, targets = seen_in_fit(est, X), as_pattern(X, "X", strengths=True)
    return without(stored, targets), targets


def _draw_pairs(
    history: CSRMatrix, targets: CSRMatrix, n_unstored: int | None, seed: int
) -> tuple[CSRMatrix, Array, Array]:
    """Return all targets and some other unseen pairs of each user, their outcomes and weights."""
    stored = as_pattern(history, "X", keep_zeros=True) + targets
    active = np.diff(stored.indptr) > 0  # an empty row is no user
    free = np.where(active, stored.shape[1] - np.diff(stored.indptr), 0)
    n_items = stored.shape[1]
    n_drawn = np.minimum(free, n_items if n_unstored is None else min(n_unstored, n_items))
    unstored = draw_negatives(stored, n_drawn.max(initial=0), seed)
    unstored = unstored[active[unstored // stored.shape[1]]]
    judged = candidate_lists(targets, unstored)
    outcome = contains(keys_of(targets), keys_of(judged))
    stands_for = (free / np.maximum(n_drawn, 1))[row_of_entry(judged)]
    return judged, outcome, np.where(outcome, 1.0, stands_for)


def _rated(
    est: Any, X: Interactions | MatrixLike, y: Interactions | MatrixLike | None, seed: int
) -> tuple[CSRMatrix, CSRMatrix, Array, Array]:
    """Return the histories, the ratings to predict, their outcomes, and weights of 1.

    The outcome is whether a rating reaches the threshold of the rating model.
    """
    if isinstance(X, Interactions):
        refuse_targets(y)
        check_finite(X.value, "X")
        history, ratings = seen_in_fit(est, X), X.tocsr()
    elif is_matrix(y):
        y = y.tocsr() if isinstance(y, Interactions) else y
        history = as_csr(X, "X", keep_zeros=True, ratings=True)
        ratings = as_csr(y, "y", keep_zeros=True, ratings=True)
    else:
        ratings = as_csr(X, "X", keep_zeros=True, ratings=True)
        history, ratings = split_rows(ratings, 0.2, seed)
    if history.shape != ratings.shape:
        raise ValueError(f"y must have the shape of X, {history.shape}, got {ratings.shape}.")
    return (
        history,
        ratings,
        ratings.data >= _last_step(est).relevance_threshold,
        np.ones(ratings.nnz),
    )


def _known_proba(est: Any, judged: CSRMatrix) -> Array:
    """Return the probabilities of pairs of users seen in fit."""
    pairs = Interactions.from_arrays(row_of_entry(judged), judged.indices, frame=judged.shape)
    return _checked(est.predict_proba(pairs), pairs.shape)


def _row_proba(est: Any, history: CSRMatrix, judged: CSRMatrix) -> Array:
    """Return the probabilities of pairs of given histories, predicted block by block."""
    parts = []
    for rows in row_blocks(judged.shape[0], bytes_per_row(judged.shape[1])):
        block, wanted = history[rows], judged[rows]
        proba = _checked(est.predict_proba(block), block.shape)
        parts.append(proba[row_of_entry(wanted), wanted.indices])
    return np.concatenate(parts)


def _checked(proba: MatrixLike, shape: tuple[int, ...]) -> Array:
    """Return the result of predict_proba as an array, after a check of it."""
    checked = check_scores(proba, shape, "The result of predict_proba")
    if checked.size and not (checked.min() >= 0 and checked.max() <= 1):
        raise ValueError("The result of predict_proba must lie in [0, 1].")
    return checked


def make_calibration_scorer(
    metric: _Metric = "neg_brier",
    *,
    n_unstored: int | None = 200,
    n_bins: int = 10,
    strategy: _Strategy = "quantile",
    random_state: RandomState = 0,
    unknown_users: UnknownUsers = "warn",
) -> CalibrationScorer:
    r"""Return a scorer of probabilities for the ``scoring`` parameter of scikit-learn.

    Parameters
    ----------
    metric : {"neg_brier", "neg_ece", "neg_log_loss"}, default="neg_brier"
        Minus the Brier score, minus the expected calibration error, or minus the log loss. The
        "neg\_" may be left out.
    n_unstored : int, default=200
        Number of pairs to draw for each user, uniformly and without replacement, from those that
        are neither in the history nor targets. None takes them all.
    n_bins : int, default=10
        Number of bins of the calibration error.
    strategy : {"uniform", "quantile"}, default="quantile"
        Bins of equal width, or with equal numbers of predictions. Most probabilities are small, so
        the first of the bins of equal width would hold nearly all pairs.
    random_state : int, RandomState instance or None, default=0
        Source of the hidden entries and of the drawn pairs.
    unknown_users : {"warn", "include", "skip", "error"}, default="warn"
        What to do with users that have targets, but of whom the model knows nothing: no
        interactions in fit if X is an `Interactions`, an empty history if X is a matrix. "include"
        evaluates the probabilities for them, which are the shares of users that have each item.
        "warn" does the same, and warns if they are many.
        "skip" leaves their pairs out, and "error" raises an error.

    Returns
    -------
    scorer : CalibrationScorer
        Callable ``scorer(estimator, X, y=None)`` that returns a float, larger is better.
        ``scorer.pairs(estimator, X, y)`` returns the pairs that the score is computed from.

    Raises
    ------
    ValueError
        If a parameter is not valid. The scorer itself raises one if there is no pair to evaluate,
        or if X or y do not fit the model.

    Warns
    -----
    SkrecWarning
        By the scorer, if X is an `Interactions` and more than a fifth of the users with targets
        have no interactions in fit. Only with ``unknown_users="warn"``.

    See Also
    --------
    reliability_curve : Observed rates and mean predictions of the same pairs, in bins.

    Notes
    -----
    The histories and the targets depend on X and y:

    - X is an `Interactions`: its entries are the targets, of users seen in fit. Their histories are
      the interactions seen in fit, without the targets.
    - X is a matrix of users' rows, and y is None or one-dimensional (ignored): 20 % of each row are
      hidden at random, and are the targets. The rest is the history.
    - X and y are matrices of one shape: X holds the histories, and the entries of y are the
      targets.

    The score is computed from *pairs that are not in the history*. These are all targets, with
    outcome 1 and weight 1, and ``n_unstored`` of the other pairs of each user that has a history or
    a target, with outcome 0. The weight of such a pair is the inverse of the rate at which its
    user's pairs were drawn. The weighted metric is then an unbiased estimate of the metric over all
    pairs that are not in the history.

    The probabilities are those of ``predict_proba``, whatever the share of hidden interactions.
    They are compared with the rate of *these* targets, which are only a part of the user's future
    interactions: a larger hidden share means a higher rate. How a model fares depends on its tags:

    - A Bernoulli model predicts the pairs that are not in the history, as if a tenth of the
      interactions were hidden.
    - A categorical model predicts the share p of each item among the interactions. The scorer turns
      it into the probability of at least one interaction among the next n,
      :math:`1 - (1 - p)^n`, with the length of the history as n.

    `skrec.calibration.CalibratedRecommender` documents the hidden share that it is calibrated for.

    For rating models only the targets are evaluated. The outcome is whether the rating reaches the
    ``relevance_threshold`` of the model.

    Examples
    --------
    >>> from skrec.metrics import make_calibration_scorer
    >>> make_calibration_scorer("neg_ece", n_unstored=100)
    CalibrationScorer('neg_ece', n_unstored=100, n_bins=10, strategy='quantile', random_state=0)
    """
    return CalibrationScorer(metric, n_unstored, n_bins, strategy, random_state, unknown_users)
