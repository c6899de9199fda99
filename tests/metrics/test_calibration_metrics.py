"""Weighted errors of probabilities and the reliability curve against repetition and sklearn."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from skrec.metrics import brier, expected_calibration_error, reliability_curve

STRATEGIES = st.sampled_from(["uniform", "quantile"])
SEEDS = st.integers(0, 10_000)


def sample(n, seed, *, digits=None):
    rng = np.random.default_rng(seed)
    prob = np.round(rng.random(n), rng.integers(1, 5) if digits is None else digits)
    y = (rng.random(n) < prob).astype(int)
    return y, prob, rng.integers(0, 4, n) + (np.arange(n) == 0)


@given(st.integers(2, 60), SEEDS, st.integers(1, 8), STRATEGIES)
def test_curve_is_that_of_sklearn(n, seed, n_bins, strategy):
    y, prob, _ = sample(n, seed)
    y[:2] = 0, 1
    rate, mean, weight = reliability_curve(y, prob, n_bins=n_bins, strategy=strategy)
    expected = calibration_curve(y, prob, n_bins=n_bins, strategy=strategy)
    assert_allclose((rate, mean), expected)
    assert weight.sum() == n


@given(st.integers(1, 40), SEEDS, st.integers(1, 8), STRATEGIES)
def test_weights_are_repetitions(n, seed, n_bins, strategy):
    y, prob, times = sample(n, seed)
    repeated = np.repeat(y, times), np.repeat(prob, times)
    options = {"n_bins": n_bins, "strategy": strategy}
    curve = reliability_curve(y, prob, sample_weight=times, **options)
    assert_allclose(np.array(curve), reliability_curve(*repeated, **options), atol=1e-12)
    value = expected_calibration_error(y, prob, sample_weight=times, **options)
    assert value == pytest.approx(expected_calibration_error(*repeated, **options))
    assert brier(y, prob, sample_weight=times) == pytest.approx(brier(*repeated))
    assert brier(y, prob, sample_weight=times) == pytest.approx(
        brier_score_loss(y, prob, sample_weight=times, pos_label=1)
    )


@given(st.integers(2, 40), SEEDS, st.sampled_from([1e-6, 0.3, 1.0]))
def test_equal_weights_of_any_size_change_nothing(n, seed, size):
    y, prob, _ = sample(n, seed)
    weight = np.full(n, size)
    for strategy in ("uniform", "quantile"):
        plain = reliability_curve(y, prob, n_bins=4, strategy=strategy)
        curve = reliability_curve(y, prob, n_bins=4, strategy=strategy, sample_weight=weight)
        assert_allclose(curve[:2], plain[:2])
        assert_allclose(curve[2], plain[2] * size)


@given(SEEDS, STRATEGIES)
def test_sparse_outcomes_and_a_matrix_of_weights(seed, strategy):
    y, prob, weight = (a.reshape(5, 8) for a in sample(40, seed))
    options = {"sample_weight": weight, "strategy": strategy}
    dense = reliability_curve(y, prob, confidence=0.9, **options)
    sparse = reliability_curve(sp.csr_array(y), prob, confidence=0.9, **options)
    for one, other in zip(sparse, dense, strict=True):
        assert_allclose(one, other)
    assert brier(sp.csr_matrix(y), prob, sample_weight=weight) == pytest.approx(
        np.average((y - prob) ** 2, weights=weight)
    )


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_interval_is_wilsons(confidence):
    y, prob, _ = sample(200, 3)
    rate, _, weight, interval = reliability_curve(y, prob, confidence=confidence)
    for r, n, ends in zip(rate, weight, interval, strict=True):
        exact = binomtest(round(r * n), int(n)).proportion_ci(confidence, method="wilson")
        assert_allclose(ends, exact, atol=1e-12)


def test_interval_of_sampled_negatives_covers_the_rate_of_all_pairs():
    """Negatives sampled at a tenth: the interval is as wide as the estimate scatters."""
    rng = np.random.default_rng(0)
    n, p, inside, widths = 4000, 0.05, 0, []
    for _ in range(400):
        y = rng.random(n) < p
        kept = y | (rng.random(n) < 0.1)
        weight = np.where(y, 1, 10)[kept]
        *_, interval = reliability_curve(
            y[kept], np.full(kept.sum(), p), n_bins=1, sample_weight=weight, confidence=0.9
        )
        inside += interval[0, 0] <= p <= interval[0, 1]
        widths.append(np.ptp(interval))
    assert 0.85 <= inside / 400 <= 0.95
    assert np.mean(widths) < 0.02


def test_bins_without_hits_have_an_upper_end():
    rate, _, _, interval = reliability_curve(
        np.zeros(50), np.full(50, 0.01), sample_weight=np.full(50, 4.0), confidence=0.95
    )
    assert_array_equal(rate, [0])
    assert interval[0, 0] == 0
    assert_allclose(interval[0, 1], binomtest(0, 50).proportion_ci(method="wilson").high)


def test_an_oracle_with_weights():
    y, prob, weight = [1, 0, 0, 1], [0.9, 0.7, 0.1, 0.2], [1.0, 3.0, 2.0, 2.0]
    rate, mean, size = reliability_curve(y, prob, n_bins=2, sample_weight=weight)
    assert_allclose(rate, [2 / 4, 1 / 4])
    assert_allclose(mean, [(0.2 + 0.4) / 4, (0.9 + 2.1) / 4])
    assert_allclose(size, [4, 4])
    gaps = abs(0.5 - 0.15) * 4 + abs(0.25 - 0.75) * 4
    value = expected_calibration_error(y, prob, n_bins=2, sample_weight=weight)
    assert value == pytest.approx(gaps / 8)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0], "sample_weight must have y_prob's shape"),
        ([1.0, -1.0], "sample_weight must hold finite"),
        ([0.0, 0.0], "sample_weight must hold finite"),
        ([np.nan, 1.0], "sample_weight must hold finite"),
        ([np.inf, 1.0], "sample_weight must hold finite"),
    ],
)
def test_bad_weights(weight, message):
    for metric in (brier, expected_calibration_error, reliability_curve):
        with pytest.raises(ValueError, match=message):
            metric([0, 1], [0.2, 0.4], sample_weight=weight)


@pytest.mark.parametrize("confidence", [0, 1, 95, "high"])
def test_bad_confidence(confidence):
    with pytest.raises(ValueError, match="confidence must be"):
        reliability_curve([0, 1], [0.2, 0.4], confidence=confidence)
