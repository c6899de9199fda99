"""Metrics of probabilities, and the reliability curve."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from scipy.stats import norm

from skrec.metrics._check import as_pattern, check_scores
from skrec.metrics._shared_docs import shared_docs
from skrec.typing import Array, MatrixLike
from skrec.utils import as_numbers, check_choice, check_count, check_share, row_of_entry

__all__ = ["brier", "check_bins", "expected_calibration_error", "reliability_curve"]

_MOST_BINS = 10**6  # memory of more is no service to anybody


@shared_docs
def brier(
    y_true: MatrixLike, y_prob: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Return the mean squared difference between outcomes and predicted probabilities.

    Parameters
    ----------
    %(outcomes)s
    %(probabilities)s
    %(weights)s

    Returns
    -------
    value : float
        The Brier score; 0 is best.

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


@shared_docs
def expected_calibration_error(
    y_true: MatrixLike,
    y_prob: ArrayLike,
    n_bins: int = 10,
    strategy: Literal["uniform", "quantile"] = "uniform",
    *,
    sample_weight: ArrayLike | None = None,
) -> float:
    r"""Return the mean gap between predicted probability and observed rate, over bins.

    .. math::

        \mathrm{ECE} = \sum_b \frac{n_b}{n} \, |\bar y_b - \bar p_b|

    with the bins of `reliability_curve`. There :math:`n_b` is the sum of the weights of bin b, and
    n is the sum of all weights.

    Parameters
    ----------
    %(outcomes)s
    %(probabilities)s
    n_bins : int, default=10
        Number of bins.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or with equal numbers of predictions.
    %(weights)s

    Returns
    -------
    value : float
        The error, from 0 (calibrated) to 1.

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


@overload
def reliability_curve(
    y_true: MatrixLike,
    y_prob: ArrayLike,
    *,
    n_bins: int = 10,
    strategy: Literal["uniform", "quantile"] = "uniform",
    sample_weight: ArrayLike | None = None,
    confidence: None = None,
) -> tuple[Array, Array, Array]: ...
@overload
def reliability_curve(
    y_true: MatrixLike,
    y_prob: ArrayLike,
    *,
    n_bins: int = 10,
    strategy: Literal["uniform", "quantile"] = "uniform",
    sample_weight: ArrayLike | None = None,
    confidence: float,
) -> tuple[Array, Array, Array, Array]: ...
@shared_docs
def reliability_curve(
    y_true: MatrixLike,
    y_prob: ArrayLike,
    *,
    n_bins: int = 10,
    strategy: Literal["uniform", "quantile"] = "uniform",
    sample_weight: ArrayLike | None = None,
    confidence: float | None = None,
) -> tuple[Array, Array, Array] | tuple[Array, Array, Array, Array]:
    """Return the observed rate and the mean prediction in each bin of the prediction.

    The bins are those of `sklearn.calibration.calibration_curve`. Empty bins are left out.

    Parameters
    ----------
    %(outcomes)s
    %(probabilities)s
    n_bins : int, default=10
        Number of bins.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or with equal numbers of predictions (of equal weight if weights are
        given). Use "quantile" for small probabilities, such as those of a large catalogue's items.
    %(weights)s
    confidence : float, default=None
        Level of the intervals, such as 0.95; None returns no intervals.

    Returns
    -------
    rate : ndarray of shape (n_filled_bins,)
        Share of outcomes that are 1, in each bin.
    mean : ndarray of shape (n_filled_bins,)
        Mean prediction, increasing.
    weight : ndarray of shape (n_filled_bins,)
        Sum of the weights, or the number of pairs if there are no weights.
    interval : ndarray of shape (n_filled_bins, 2)
        Wilson's binomial interval of the rate, only with ``confidence``. With weights it is the
        interval of that number of independent pairs whose rate has the same variance.

    Raises
    ------
    ValueError
        If shapes differ, or if a value is outside its range.

    See Also
    --------
    expected_calibration_error : The mean gap as one number.
    make_calibration_scorer : Scorer that chooses the pairs to evaluate.

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
    check_bins(n_bins, strategy)
    level = None if confidence is None else check_share(confidence, "confidence")
    prob, positive, weight = _outcomes(y_true, y_prob, sample_weight)
    bins = np.searchsorted(_inner_edges(prob, n_bins, strategy, weight), prob)

    def total(values: Array | None, where: Any = slice(None)) -> Array:  # the sum in each bin
        part = None if values is None else values[where]
        return np.bincount(bins[where], weights=part, minlength=int(n_bins)).astype(np.float64)

    size, hits = total(weight), total(weight, positive)
    filled = size > 0
    mean = total(prob if weight is None else weight * prob)[filled] / size[filled]
    rate = hits[filled] / size[filled]
    if level is None:
        return rate, mean, size[filled]
    square = None if weight is None else weight**2
    squares = total(square)[filled], total(square, positive)[filled]
    n_effective = _effective_size(rate, size[filled], *squares)
    return rate, mean, size[filled], _wilson(rate, n_effective, level)


def _effective_size(rate: Array, size: Array, squares: Array, hit_squares: Array) -> Array:
    """Return the number of pairs of weight 1 whose rate has the variance of a weighted rate.

    The variance of r = sum(w y) / sum(w) is about sum(w^2 (y - r)^2) / sum(w)^2. If all outcomes of
    a bin are the same, that is 0; the number is then sum(w)^2 / sum(w^2).
    """
    spread = (1 - rate) ** 2 * hit_squares + rate**2 * (squares - hit_squares)
    mixed = (rate > 0) & (rate < 1)
    by_variance = rate * (1 - rate) * size**2 / np.where(mixed, spread, 1)
    return np.where(mixed, by_variance, size**2 / squares)


def _wilson(rate: Array, n: Array, confidence: float) -> Array:
    """Return Wilson's interval, that of `scipy.stats.binomtest` but for any real n."""
    z = norm.isf((1 - confidence) / 2)
    middle = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return np.clip(np.column_stack([middle - half, middle + half]), 0, 1)


def _outcomes(
    y_true: MatrixLike, y_prob: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[Array, Array, Array | None]:
    """Return flat probabilities, the places of the positives, and flat weights or None."""
    if sp.issparse(y_true):
        pattern = as_pattern(y_true, "y_true", strengths=True)
        prob = check_scores(y_prob, pattern.shape, "y_prob")
        positive = row_of_entry(pattern) * pattern.shape[1] + pattern.indices
    else:
        outcome, prob = as_numbers(y_true, "y_true"), as_numbers(y_prob, "y_prob")
        if outcome.shape != prob.shape:
            raise ValueError(f"y_prob must have y_true's shape {outcome.shape}, got {prob.shape}.")
        if not np.isin(outcome, (0, 1)).all():
            raise ValueError("y_true must hold 0 and 1 alone.")
        positive = np.flatnonzero(outcome)
    weight = None if sample_weight is None else _check_weights(sample_weight, prob.shape)
    return _check_probabilities(prob.ravel()), positive, weight


def _check_probabilities(prob: Array) -> Array:
    if prob.size == 0:
        raise ValueError("y_prob must hold at least one probability, got none.")
    if not (prob.min() >= 0 and prob.max() <= 1):
        raise ValueError(f"y_prob must lie in [0, 1], got {prob.min()} to {prob.max()}.")
    return prob


def _check_weights(sample_weight: ArrayLike, shape: tuple[int, ...]) -> Array:
    weight = as_numbers(sample_weight, "sample_weight").astype(np.float64)
    if weight.shape != shape:
        raise ValueError(f"sample_weight must have y_prob's shape {shape}, got {weight.shape}.")
    with np.errstate(over="ignore"):
        total = weight.sum()
    if weight.size and not (weight.min() >= 0 and 0 < total < np.inf):
        raise ValueError("sample_weight must hold finite numbers >= 0 that are not all 0.")
    return weight.ravel()


def check_bins(n_bins: Any, strategy: Any) -> None:
    """Check the number and the kind of bins."""
    check_count(n_bins, "n_bins", 1, _MOST_BINS)
    check_choice(strategy, "strategy", ("uniform", "quantile"))


def _inner_edges(prob: Array, n_bins: int, strategy: str, weight: Array | None) -> Array:
    """Return the edges between the bins."""
    steps = np.linspace(0, 1, int(n_bins) + 1)[1:-1]
    if strategy == "uniform":
        return steps
    if weight is None:
        return np.percentile(prob, steps * 100)  # in percent, to round as scikit-learn does
    return _weighted_quantiles(prob, steps, weight)


def _weighted_quantiles(values: Array, shares: Array, weight: Array) -> Array:
    """Return weighted quantiles.

    For whole weights they are NumPy's quantiles with each value repeated weight times.
    """
    order = np.argsort(values)
    order = order[weight[order] > 0]
    values, weight = values[order], weight[order]
    ends = np.cumsum(weight / min(1.0, weight.min()))  # a weight below 1 stands for one pair
    place = (shares * 100 / 100) * (ends[-1] - 1)  # to round as np.percentile does
    below = np.floor(place)
    last = len(values) - 1
    low, high = (
        values[np.minimum(np.searchsorted(ends, at, "right"), last)] for at in (below, below + 1)
    )
    t, step = place - below, high - low
    return np.where(t < 0.5, low + t * step, high - (1 - t) * step)
