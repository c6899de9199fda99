"""Scorers of probabilities for scikit-learn's model selection."""

import numbers

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss
from sklearn.utils import get_tags

from skrec.interactions import Interactions
from skrec.metrics._calibration import brier, expected_calibration_error
from skrec.metrics._check import as_pattern, as_seed, check_scores
from skrec.metrics._engine import bytes_per_row
from skrec.metrics._hits import contains, keys_of, without
from skrec.metrics._sampling import candidate_lists, draw_negatives
from skrec.metrics._tasks import as_csr, histories_and_targets, is_matrix
from skrec.utils import row_blocks, row_of_entry, split_rows

__all__ = ["CalibrationScorer", "make_calibration_scorer"]

_METRICS = ("brier", "ece", "log_loss")


class CalibrationScorer:
    """Callable ``scorer(estimator, X, y=None)``, made by `make_calibration_scorer`.

    Parameters
    ----------
    metric : {"neg_brier", "neg_ece", "neg_log_loss"}
        What to return.
    n_unstored : int or None
        Pairs to draw for each user beside the targets.
    n_bins : int
        Bins of the calibration error.
    strategy : {"uniform", "quantile"}
        Kind of the bins.
    random_state : int, RandomState instance or None
        Source of hidden entries and of drawn pairs.

    See Also
    --------
    make_calibration_scorer : Says which pairs are judged.

    Examples
    --------
    >>> from skrec.metrics import CalibrationScorer, make_calibration_scorer
    >>> isinstance(make_calibration_scorer(), CalibrationScorer)
    True
    """

    def __init__(self, metric, n_unstored, n_bins, strategy, random_state):
        self.metric = "neg_" + str(metric).removeprefix("neg_")
        if self.metric.removeprefix("neg_") not in _METRICS:
            names = [f"neg_{name}" for name in _METRICS]
            raise ValueError(f"metric must be one of {names}, got {metric!r}.")
        if n_unstored is not None and (
            not isinstance(n_unstored, numbers.Integral) or n_unstored < 1
        ):
            raise ValueError(f"n_unstored must be a positive integer or None, got {n_unstored!r}.")
        self.n_unstored = n_unstored
        self.n_bins = n_bins
        self.strategy = strategy
        self.random_state = random_state

    def __repr__(self):
        parts = [repr(self.metric), f"n_unstored={self.n_unstored}"]
        if self.metric == "neg_ece":
            parts += [f"n_bins={self.n_bins}", f"strategy={self.strategy!r}"]
        return f"CalibrationScorer({', '.join(parts)}, random_state={self.random_state!r})"

    def __call__(self, estimator, X, y=None):
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : object
            Recommender with ``predict_proba``, fitted before.
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

    def _error(self, outcome, proba, weight):
        if self.metric == "neg_brier":
            return brier(outcome, proba, sample_weight=weight)
        if self.metric == "neg_ece":
            options = {"n_bins": self.n_bins, "strategy": self.strategy}
            return expected_calibration_error(outcome, proba, sample_weight=weight, **options)
        proba = proba.astype(np.float64)
        return float(log_loss(outcome, proba, sample_weight=weight, labels=[False, True]))

    def pairs(self, estimator, X, y=None):
        """Give the pairs that are judged, with their probabilities.

        Parameters
        ----------
        estimator : object
            Recommender with ``predict_proba``, fitted before.
        X : {array-like, sparse matrix} of shape (n_rows, n_items) or Interactions
            See `make_calibration_scorer`.
        y : None, array-like or sparse matrix, default=None
            See `make_calibration_scorer`.

        Returns
        -------
        pairs : DataFrame of shape (n_pairs, 5)
            ``user`` (row of the frame, or of X), ``item``, ``outcome`` (bool), ``proba`` and
            ``weight``, how many pairs of that user the drawn one stands for.
        """
        while hasattr(estimator, "best_estimator_"):  # a fitted search, in nested validation
            estimator = estimator.best_estimator_
        seed, tags = as_seed(self.random_state), get_tags(_last_step(estimator))
        if getattr(tags, "feedback", "implicit") == "explicit":
            history, judged, outcome, weight = _rated(estimator, X, y, seed)
        else:
            history, targets = _shown_and_hidden(estimator, X, y, seed)
            judged, outcome, weight = _draw_pairs(history, targets, self.n_unstored, seed)
        if judged.nnz == 0:
            raise ValueError("X must leave at least one pair to be judged, got none.")
        known = isinstance(X, Interactions)
        proba = _known_proba(estimator, judged) if known else _row_proba(estimator, history, judged)
        user, item = row_of_entry(judged), judged.indices.astype(np.int64)
        if getattr(tags, "proba", "bernoulli") == "categorical":
            proba = _at_least_once(proba, np.diff(history.indptr)[user])
        columns = {"user": user, "item": item, "outcome": outcome, "proba": proba, "weight": weight}
        return pd.DataFrame(columns)


def _at_least_once(share, n):
    """Turn the share of each draw into the probability of one or more in n draws, n >= 1."""
    share = np.minimum(share.astype(np.float64), 1 - 1e-12)
    return -np.expm1(np.maximum(n, 1) * np.log1p(-share))


def _last_step(est):
    """Give the recommender at the end of a pipeline."""
    while hasattr(est, "steps"):
        est = est.steps[-1][1]
    return est


def _shown_and_hidden(est, X, y, seed):
    """Give what the model is shown of each user, and the pattern of what is to be found."""
    if not isinstance(X, Interactions):
        history, targets = histories_and_targets(X, y, seed)
        return history, without(targets, history)
    stored = _frame_of_fit(est, X, y)
    targets = as_pattern(X, "X")
    return without(stored, targets), targets


def _frame_of_fit(est, X, y):
    """Give the pattern of what fit saw, after a look at the frame of X."""
    if is_matrix(y):
        raise ValueError("y must be None where X is an Interactions: its entries are targets.")
    stored = as_pattern(est.interactions_, "interactions_", keep_zeros=True)
    if X.frame != stored.shape:
        raise ValueError(f"X must have the frame seen in fit, {stored.shape}, got {X.frame}.")
    return stored


def _draw_pairs(history, targets, n_unstored, seed):
    """Give all targets, and unstored pairs of each user, with outcomes and weights."""
    stored = as_pattern(history, "X", keep_zeros=True) + targets
    active = np.diff(stored.indptr) > 0  # a row without anything is no user
    free = np.where(active, stored.shape[1] - np.diff(stored.indptr), 0)
    n_drawn = np.minimum(free, stored.shape[1] if n_unstored is None else n_unstored)
    unstored = draw_negatives(stored, n_drawn.max(initial=0), seed)
    unstored = unstored[active[unstored // stored.shape[1]]]
    judged = candidate_lists(targets, unstored)
    outcome = contains(keys_of(targets), keys_of(judged))
    stands_for = (free / np.maximum(n_drawn, 1))[row_of_entry(judged)]
    return judged, outcome, np.where(outcome, 1.0, stands_for)


def _rated(est, X, y, seed):
    """Give ratings to be found, whether they are good, and weights of 1, for a rating model."""
    if isinstance(X, Interactions):
        history, ratings = _frame_of_fit(est, X, y), X.tocsr()
    elif is_matrix(y):
        history, ratings = as_csr(X, "X", keep_zeros=True), as_csr(y, "y", keep_zeros=True)
    else:
        history, ratings = split_rows(as_csr(X, "X", keep_zeros=True), 0.2, seed)
    if history.shape != ratings.shape:
        raise ValueError(f"y must have the shape of X, {history.shape}, got {ratings.shape}.")
    return (
        history,
        ratings,
        ratings.data >= _last_step(est).relevance_threshold,
        np.ones(ratings.nnz),
    )


def _known_proba(est, judged):
    """Ask for pairs of users of fit."""
    pairs = Interactions.from_arrays(row_of_entry(judged), judged.indices, frame=judged.shape)
    return _checked(est.predict_proba(pairs), pairs.shape)


def _row_proba(est, history, judged):
    """Ask for rows, block by block, and pick the pairs."""
    parts = []
    for rows in row_blocks(judged.shape[0], bytes_per_row(judged.shape[1])):
        block, wanted = history[rows], judged[rows]
        proba = _checked(est.predict_proba(block), block.shape)
        parts.append(proba[row_of_entry(wanted), wanted.indices])
    return np.concatenate(parts)


def _checked(proba, shape):
    """Look at what predict_proba returned."""
    proba = check_scores(proba, shape, "The result of predict_proba")
    if proba.size and not (proba.min() >= 0 and proba.max() <= 1):
        raise ValueError("The result of predict_proba must lie in [0, 1].")
    return proba


def make_calibration_scorer(
    metric="neg_brier", *, n_unstored=200, n_bins=10, strategy="quantile", random_state=0
):
    r"""Make a scorer of probabilities for the ``scoring`` parameter of scikit-learn.

    Parameters
    ----------
    metric : {"neg_brier", "neg_ece", "neg_log_loss"}, default="neg_brier"
        Minus the Brier score, the expected calibration error or the log loss; the "neg\_" may be
        left out.
    n_unstored : int, default=200
        How many pairs are drawn for each user, uniformly and without replacement, among those
        that are neither shown nor targets; None takes them all.
    n_bins : int, default=10
        Bins of the calibration error.
    strategy : {"uniform", "quantile"}, default="quantile"
        Kind of the bins. Most probabilities are small, so that bins of equal width would hold
        nearly all pairs in the first one.
    random_state : int, RandomState instance or None, default=0
        Source of the hidden entries and of the drawn pairs.

    Returns
    -------
    scorer : CalibrationScorer
        Callable ``scorer(estimator, X, y=None)`` that returns a float, larger is better.
        ``scorer.pairs(estimator, X, y)`` gives the pairs that it judges.

    Raises
    ------
    ValueError
        If a parameter is unknown. The scorer itself raises one if there is no pair to be judged.

    See Also
    --------
    reliability_curve : The curve of these pairs.

    Notes
    -----
    Of a matrix X, 20 % of each row are hidden at random; they are the targets and the rest is the
    history, unless y is a matrix of X's shape: then X are the histories and the entries of y the
    targets. The entries of an `Interactions` X are targets of users known from fit, whose
    histories are what fit saw except the targets.

    Judged are *the pairs that the history lacks*: all targets (outcome 1, weight 1), and of each
    user with a history or a target ``n_unstored`` of the other pairs (outcome 0), each weighted by
    the inverse of the rate at which this user's were drawn. The weighted metric is an unbiased
    estimate of that over all unshown pairs.

    The probability is compared as ``predict_proba`` gives it, without regard to how much was
    hidden. It is held against the rate of *these* targets, which are only a part of what a user
    will interact with: the rate grows with the share that was hidden. A Bernoulli model whose
    tag ``proba_pairs`` is ``"unseen"`` speaks of pairs that the history lacks with a tenth
    hidden; one of ``"all"`` speaks of the user's whole row, whose probabilities add up to the
    length of the history, and so says too much of the pairs that are left.
    `skrec.calibration.CalibratedRecommender` states for which share it is calibrated. The share
    p of a categorical model becomes the probability of at least one of n draws,
    :math:`1 - (1 - p)^n`, with n the length of the history that the model was shown: the next
    interactions are taken to be as many as those before.

    For rating models the targets alone are judged: whether the rating reaches the model's
    ``relevance_threshold``.

    Examples
    --------
    >>> from skrec.metrics import make_calibration_scorer
    >>> make_calibration_scorer("neg_ece", n_unstored=100)
    CalibrationScorer('neg_ece', n_unstored=100, n_bins=10, strategy='quantile', random_state=0)
    """
    return CalibrationScorer(metric, n_unstored, n_bins, strategy, random_state)
