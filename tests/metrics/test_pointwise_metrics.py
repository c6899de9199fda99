"""Errors of ratings and of probabilities against scikit-learn and plain formulas."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from skrec.metrics import brier, expected_calibration_error, mae, rmse

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, max_side=6)


@given(SHAPES, st.integers(0, 1000))
def test_ratings(shape, seed):
    rng = np.random.default_rng(seed)
    true, pred = rng.integers(0, 6, shape), rng.normal(3, 1, shape)
    stored = rng.random(shape) < 0.6
    stored[0, 0] = True
    sparse = sp.csr_matrix((true[stored], np.nonzero(stored)), shape=shape)  # with stored zeros
    error = (pred - true)[stored]
    assert rmse(sparse, pred) == pytest.approx(np.sqrt(np.mean(error**2)))
    assert mae(sparse, pred) == pytest.approx(np.mean(np.abs(error)))
    assert rmse(true[stored], pred[stored]) == pytest.approx(rmse(sparse, pred))
    assert mae(true[stored], pred[stored]) == pytest.approx(mae(sparse, pred))
    errors = [(pred - true)[u][stored[u]] for u in range(shape[0])]
    by_user = [np.mean(np.abs(e)) if len(e) else np.nan for e in errors]
    assert_allclose(mae(sparse, pred, per_user=True), by_user)
    by_user = [np.sqrt(np.mean(e**2)) if len(e) else np.nan for e in errors]
    assert_allclose(rmse(sparse, pred, per_user=True), by_user)


def outcomes(shape, seed):
    rng = np.random.default_rng(seed)
    prob = np.round(rng.random(shape), rng.integers(1, 4))
    return (rng.random(shape) < prob).astype(int), prob


@given(SHAPES, st.integers(0, 1000))
def test_brier(shape, seed):
    y, prob = outcomes(shape, seed)
    y.flat[0] = 1
    expected = brier_score_loss(y.ravel(), prob.ravel(), pos_label=1)
    assert brier(y, prob) == pytest.approx(expected)
    assert brier(sp.csr_array(y), prob) == pytest.approx(expected)
    assert 0 <= brier(y, prob) <= 1
    assert brier(y, y) == 0


@given(SHAPES, st.integers(0, 1000), st.integers(1, 8), st.sampled_from(["uniform", "quantile"]))
def test_expected_calibration_error(shape, seed, n_bins, strategy):
    y, prob = outcomes(shape, seed)
    options = {"n_bins": n_bins, "strategy": strategy}
    value = expected_calibration_error(y, prob, **options)
    steps = np.linspace(0, 1, n_bins + 1)
    edges = steps if strategy == "uniform" else np.percentile(prob, steps * 100)
    bins = np.searchsorted(edges[1:-1], prob)
    slow = sum(abs((y - prob)[bins == b].sum()) for b in range(n_bins)) / y.size
    assert value == pytest.approx(slow)
    assert expected_calibration_error(sp.csr_matrix(y), prob, **options) == pytest.approx(value)
    assert 0 <= value <= 1
    if 0 < y.sum() < y.size:
        rate, mean = calibration_curve(y.ravel(), prob.ravel(), **options)
        counts = np.bincount(bins.ravel(), minlength=n_bins)
        counts = counts[counts > 0]
        assert value == pytest.approx(np.abs(rate - mean) @ counts / y.size)


def test_calibration_extremes():
    assert expected_calibration_error([0, 0, 1], [1.0, 1.0, 0.0]) == 1
    assert expected_calibration_error([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5]) == 0
    assert brier([0, 1], [1.0, 0.0]) == 1
    assert brier(sp.csr_matrix((2, 3)), np.zeros((2, 3), dtype=np.float32)) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: brier([0, 1], [0.5, 1.5]), r"y_prob must lie in \[0, 1\]"),
        (lambda: brier([0, 1], [0.5, np.nan]), r"y_prob must lie in \[0, 1\]"),
        (lambda: brier([0, 2], [0.5, 0.5]), "y_true must hold 0 and 1"),
        (lambda: brier([0, 1], [0.5]), "y_true's shape"),
        (lambda: brier([], []), "at least one probability"),
        (lambda: brier(sp.csr_matrix((2, 3)), np.zeros((2, 2))), "y_prob must have shape"),
        (lambda: expected_calibration_error([1], [0.5], strategy="bins"), "strategy must be"),
        (lambda: expected_calibration_error([1], [0.5], n_bins=0), "n_bins must be"),
        (lambda: rmse(sp.csr_matrix((2, 3)), np.zeros((2, 2))), "y_pred must have shape"),
        (lambda: rmse([1.0], [1.0], per_user=True), "needs a sparse y_true"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
