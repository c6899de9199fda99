"""Metrics of probabilities: how far they are from what happened."""

import numbers

import numpy as np
import scipy.sparse as sp
from scipy.stats import norm

from skrec.metrics._check import as_pattern, check_scores
from skrec.utils import row_of_entry

__all__ = ["brier", "expected_calibration_error", "reliability_curve"]


def brier(y_true, y_prob, *, sample_weight=None):
    """Mean squared difference between outcomes and their predicted probabilities.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n,) or (n_users, n_items)
        Outcomes 0 and 1; the non-zero entries of a sparse matrix are 1, all others 0.
    y_prob : array-like of the same shape
        Probabilities, dense.
    sample_weight : array-like of the same shape, default=None
        How many pairs each one stands for; None means 1.

    Returns
    -------
    value : float
        0 at best.

    Examples
    --------
    >>> from skrec.metrics import brier
    >>> brier([1, 0], [0.5, 0.5])
    0.25
    >>> brier([1, 0], [1.0, 0.5], sample_weight=[1, 3])
    0.1875
    """
    prob, positive, weight = _outcomes(y_true, y_prob, sample_weight)
    # (p - 1)^2 = p^2 + 1 - 2 p on the positives: no dense copy of the outcomes
    hit = 1 - 2 * prob[positive].astype(np.float64)
    if weight is None:
        return float((np.square(prob, dtype=np.float64).sum() + hit.sum()) / prob.size)
    total = weight @ np.square(prob, dtype=np.float64) + weight[positive] @ hit
    return float(total / weight.sum())


def expected_calibration_error(
    y_true, y_prob, n_bins=10, strategy="uniform", *, sample_weight=None
):
    r"""Mean gap between predicted probability and observed rate over bins of the prediction.

    .. math::

        \mathrm{ECE} = \sum_b \frac{n_b}{n} \, |\bar y_b - \bar p_b|

    The bins are those of `reliability_curve`, and n_b is the sum of the weights of bin b.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n,) or (n_users, n_items)
        Outcomes 0 and 1; the non-zero entries of a sparse matrix are 1, all others 0.
    y_prob : array-like of the same shape
        Probabilities, dense.
    n_bins : int, default=10
        Number of bins.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or of equally many predictions.
    sample_weight : array-like of the same shape, default=None
        How many pairs each one stands for; None means 1.

    Returns
    -------
    value : float
        Between 0 (calibrated) and 1.

    References
    ----------
    .. [1] M. Pakdaman Naeini, G. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities
       using Bayesian binning", AAAI 2015. :doi:`10.1609/aaai.v29i1.9602`

    Examples
    --------
    >>> from skrec.metrics import expected_calibration_error
    >>> round(expected_calibration_error([1, 1, 0, 0], [0.9, 0.9, 0.1, 0.3]), 2)
    0.15
    """
    rate, mean, weight = reliability_curve(
        y_true, y_prob, n_bins=n_bins, strategy=strategy, sample_weight=sample_weight
    )
    return float(np.abs(rate - mean) @ weight / weight.sum())


def reliability_curve(
    y_true, y_prob, *, n_bins=10, strategy="uniform", sample_weight=None, confidence=None
):
    """Observed rate against mean prediction, in bins of the prediction.

    The bins are those of `sklearn.calibration.calibration_curve`; empty ones are left out.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n,) or (n_users, n_items)
        Outcomes 0 and 1; the non-zero entries of a sparse matrix are 1, all others 0.
    y_prob : array-like of the same shape
        Probabilities, dense.
    n_bins : int, default=10
        Number of bins.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or of equally many predictions (of equal weight where weights are
        given). Small probabilities, such as those of items of a large catalogue, need the second.
    sample_weight : array-like of the same shape, default=None
        How many pairs each one stands for, such as the inverse of the rate at which they were
        sampled; None means 1.
    confidence : float, default=None
        Level of the intervals to return too, such as 0.95.

    Returns
    -------
    rate : ndarray of shape (n_filled_bins,)
        Share of outcomes that are 1.
    mean : ndarray of shape (n_filled_bins,)
        Mean prediction, increasing.
    weight : ndarray of shape (n_filled_bins,)
        Sum of the weights; the number of pairs without weights.
    interval : ndarray of shape (n_filled_bins, 2)
        Only with ``confidence``: Wilson's binomial interval of the rate, for as many independent
        pairs as have the variance of the weighted rate.

    Raises
    ------
    ValueError
        If shapes differ, or values lie outside their range.

    See Also
    --------
    expected_calibration_error : The gap in one number.
    make_calibration_scorer : The pairs to judge an estimator on.

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
       JASA 1927. :doi:`10.1080/01621459.1927.10502953`

    Examples
    --------
    >>> from skrec.metrics import reliability_curve
    >>> rate, mean, weight = reliability_curve([0, 0, 1, 1], [0.1, 0.3, 0.8, 0.6], n_bins=2)
    >>> rate.tolist(), mean.round(1).tolist(), weight.tolist()
    ([0.0, 1.0], [0.2, 0.7], [2.0, 2.0])
    """
    prob, positive, weight = _outcomes(y_true, y_prob, sample_weight)
    bins = np.searchsorted(_inner_edges(prob, n_bins, strategy, weight), prob)

    def total(values, where=slice(None)):  # the sum of each bin
        values = None if values is None else values[where]
        return np.bincount(bins[where], weights=values, minlength=n_bins).astype(np.float64)

    size, hits = total(weight), total(weight, positive)
    filled = size > 0
    mean = total(prob if weight is None else weight * prob)[filled] / size[filled]
    rate = hits[filled] / size[filled]
    if confidence is None:
        return rate, mean, size[filled]
    square = None if weight is None else weight**2
    squares = total(square)[filled], total(square, positive)[filled]
    n_effective = _effective_size(rate, size[filled], *squares)
    return rate, mean, size[filled], _wilson(rate, n_effective, confidence)


def _effective_size(rate, size, squares, hit_squares):
    """Give how many pairs of weight 1 have the variance of a weighted rate.

    That of r = sum(w y) / sum(w) is about sum(w^2 (y - r)^2) / sum(w)^2. Where all outcomes are
    the same it is 0, and the weights alone tell.
    """
    spread = (1 - rate) ** 2 * hit_squares + rate**2 * (squares - hit_squares)
    mixed = (rate > 0) & (rate < 1)
    by_variance = rate * (1 - rate) * size**2 / np.where(mixed, spread, 1)
    return np.where(mixed, by_variance, size**2 / squares)


def _wilson(rate, n, confidence):
    """Give Wilson's interval, as `scipy.stats.binomtest` does for whole numbers."""
    if not isinstance(confidence, numbers.Real) or not 0 < confidence < 1:
        raise ValueError(f"confidence must be a number in (0, 1), got {confidence!r}.")
    z = norm.isf((1 - confidence) / 2)
    middle = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return np.clip(np.column_stack([middle - half, middle + half]), 0, 1)


def _outcomes(y_true, y_prob, sample_weight):
    """Give flat probabilities, the places of the positives, and flat weights or None."""
    if sp.issparse(y_true):
        pattern = as_pattern(y_true, "y_true")
        prob = check_scores(y_prob, pattern.shape, "y_prob")
        positive = row_of_entry(pattern) * pattern.shape[1] + pattern.indices
    else:
        outcome, prob = np.asarray(y_true), np.asarray(y_prob)
        if outcome.shape != prob.shape:
            raise ValueError(f"y_prob must have y_true's shape {outcome.shape}, got {prob.shape}.")
        if not np.isin(outcome, (0, 1)).all():
            raise ValueError("y_true must hold 0 and 1 alone.")
        positive = np.flatnonzero(outcome)
    weight = None if sample_weight is None else _check_weights(sample_weight, prob.shape)
    return _check_probabilities(prob.ravel()), positive, weight


def _check_probabilities(prob):
    if prob.size == 0:
        raise ValueError("y_prob must hold at least one probability, got none.")
    if not (prob.min() >= 0 and prob.max() <= 1):
        raise ValueError(f"y_prob must lie in [0, 1], got {prob.min()} to {prob.max()}.")
    return prob


def _check_weights(weight, shape):
    weight = np.asarray(weight, dtype=np.float64)
    if weight.shape != shape:
        raise ValueError(f"sample_weight must have y_prob's shape {shape}, got {weight.shape}.")
    if weight.size and not (weight.min() >= 0 and 0 < weight.sum() < np.inf):
        raise ValueError("sample_weight must hold finite numbers >= 0 that are not all 0.")
    return weight.ravel()


def _inner_edges(prob, n_bins, strategy, weight):
    """Give the edges between the bins."""
    if not isinstance(n_bins, numbers.Integral) or n_bins < 1:
        raise ValueError(f"n_bins must be a positive integer, got {n_bins!r}.")
    steps = np.linspace(0, 1, n_bins + 1)[1:-1]
    if strategy == "uniform":
        return steps
    if strategy != "quantile":
        raise ValueError(f"strategy must be 'uniform' or 'quantile', got {strategy!r}.")
    if weight is None:
        return np.percentile(prob, steps * 100)  # in percent, as scikit-learn: roundings agree
    return _weighted_quantiles(prob, steps, weight)


def _weighted_quantiles(values, shares, weight):
    """Give the quantiles that NumPy gives where each value is repeated as often as it weighs."""
    order = np.argsort(values)
    order = order[weight[order] > 0]
    values, weight = values[order], weight[order]
    ends = np.cumsum(weight / min(1.0, weight.min()))  # a weight below 1 stands for one pair
    place = (shares * 100 / 100) * (ends[-1] - 1)  # roundings agree with np.percentile
    below = np.floor(place)
    last = len(values) - 1
    low, high = (
        values[np.minimum(np.searchsorted(ends, at, "right"), last)] for at in (below, below + 1)
    )
    t, step = place - below, high - low
    return np.where(t < 0.5, low + t * step, high - (1 - t) * step)
