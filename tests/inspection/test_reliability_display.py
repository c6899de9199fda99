"""The reliability curve as a plot."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from skrec import CalibratedRecommender, EASERecommender, Interactions
from skrec.datasets import make_interactions
from skrec.inspection import ReliabilityDisplay
from skrec.metrics import make_calibration_scorer, reliability_curve

plt = pytest.importorskip("matplotlib.pyplot", reason="the displays need matplotlib")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def X():
    return make_interactions(300, 60, 4000, n_clusters=4, random_state=0).X


@pytest.fixture(scope="module")
def est(X):
    return EASERecommender(l2=50.0).fit(X[:200])


def curve_of(display):
    return display.curve_.lines[0].get_xydata()


@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
def test_from_predictions_draws_the_curve(strategy):
    rng = np.random.default_rng(0)
    prob, weight = rng.random(500) ** 4, rng.integers(1, 5, 500)
    y = rng.random(500) < prob
    options = {"n_bins": 6, "strategy": strategy, "sample_weight": weight}
    display = ReliabilityDisplay.from_predictions(y, prob, name="truth", **options)
    rate, mean, size, interval = reliability_curve(y, prob, confidence=0.95, **options)
    assert_allclose(curve_of(display), np.column_stack([mean, rate]))
    assert_allclose(display.table, np.column_stack([rate, mean, size, interval]))
    (bars,) = display.curve_.lines[2]
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    assert_allclose(ends, interval, atol=1e-12)
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert set(labels) == {"truth", "calibrated"}
    assert (display.ax_.get_xscale(), display.ax_.get_yscale()) == ("log", "log")
    assert display.figure_ is display.ax_.figure


@pytest.mark.parametrize("kind", ["rows", "targets", "interactions"])
def test_from_estimator_uses_the_pairs_of_the_scorer(kind, X, est):
    given = {"rows": (X[200:],), "targets": (X[200:], X[:100]), "interactions": None}[kind]
    given = given or (Interactions(X[:200])[::5],)
    options = {"n_unstored": 20, "random_state": 3}
    display = ReliabilityDisplay.from_estimator(est, *given, n_bins=4, **options)
    pairs = make_calibration_scorer(**options).pairs(est, *given)
    rate, *_ = reliability_curve(
        pairs["outcome"],
        pairs["proba"],
        n_bins=4,
        strategy="quantile",
        sample_weight=pairs["weight"],
    )
    assert_allclose(display.table["rate"], rate)
    assert display.name == "EASERecommender"


def test_several_systems_share_axes_and_one_diagonal(X, est):
    calibrated = CalibratedRecommender(est).fit(X[:200])
    first = ReliabilityDisplay.from_estimator(est, X[200:], n_bins=3, color="red")
    second = ReliabilityDisplay.from_estimator(calibrated, X[200:], n_bins=3, ax=first.ax_)
    assert first.ax_ is second.ax_
    assert first.curve_.lines[0].get_color() == "red"
    diagonals = [line for line in first.ax_.get_lines() if line.get_label() == "calibrated"]
    assert len(diagonals) == 1
    first.figure_.canvas.draw()
    assert len(first.ax_.get_legend().get_texts()) == 3


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_bins_without_hits_can_be_drawn(scale):
    prob = np.array([0.0, 0.0, 0.01, 0.02, 0.5, 0.6])
    display = ReliabilityDisplay.from_predictions(
        sp.csr_matrix([[0, 0, 0, 0, 1, 1]]), prob[None], n_bins=3, scale=scale
    )
    display.figure_.canvas.draw()
    assert display.ax_.get_xscale() == scale
    assert_array_equal(display.table["rate"], [0, 0, 1])


def test_bad_input():
    with pytest.raises(ValueError, match="scale must be"):
        ReliabilityDisplay.from_predictions([0, 1], [0.1, 0.9], scale="logit")
    with pytest.raises(ValueError, match="y_prob must have"):
        ReliabilityDisplay.from_predictions([0, 1], [0.1])
