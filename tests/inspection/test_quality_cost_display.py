"""Quality against cost."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV

from skrec import EASERecommender
from skrec.datasets import make_interactions
from skrec.inspection import QualityCostDisplay
from skrec.inspection._quality_cost_display import pareto_front

plt = pytest.importorskip("matplotlib.pyplot")

RUNS = pd.DataFrame(
    {"s": [1.0, 2.0, 4.0, 4.0], "q": [0.3, 0.2, 0.5, 0.4], "e": [0.01, np.nan, 0.02, 0.03]},
    index=["a", "b", "c", "d"],
)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_points_are_the_rows_with_their_errors():
    display = QualityCostDisplay.from_frame(RUNS, cost="s", quality="q", std_error="e")
    np.testing.assert_array_equal(display.points_.lines[0].get_xydata(), RUNS[["s", "q"]])
    (bars,) = display.points_.lines[2]
    lengths = [(s[1] - s[0])[1] / 2 for s in bars.get_segments()]
    np.testing.assert_allclose(lengths, [0.01, 0, 0.02, 0.03], atol=1e-12)
    assert display.table["front"].tolist() == [True, False, True, False]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("s", "q")
    assert display.ax_.get_xscale() == "log"


def test_errors_are_better_when_smaller():
    display = QualityCostDisplay.from_frame(RUNS, cost="s", quality="q", greater_is_better=False)
    assert display.table["front"].tolist() == [True, True, False, False]
    np.testing.assert_array_equal(display.front_.get_ydata(), [0.3, 0.2])


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=12))
@settings(max_examples=100, deadline=None)
def test_front_is_what_no_other_beats(points):
    cost, quality = np.array(points, dtype=float).T
    front = pareto_front(cost, quality)
    assert front.any()
    for place, (c, q) in enumerate(points):
        beaten = any((x <= c and y >= q) and (x, y) != (c, q) for x, y in points)
        assert front[place] == (not beaten)


@settings(deadline=None, max_examples=10)
@given(st.floats(1e-6, 1e9), st.integers(1, 3), st.sampled_from(["log", "linear"]))
def test_equal_costs_have_an_axis_around_them(cost, n, scale):
    """Rounding must not leave limits that matplotlib warns of; warnings are errors here."""
    frame = pd.DataFrame({"s": np.full(n, cost), "q": np.linspace(0.1, 0.3, n)}, index=[*"abc"[:n]])
    display = QualityCostDisplay.from_frame(frame, cost="s", quality="q", scale=scale)
    low, high = display.ax_.get_xlim()
    assert low < cost < high
    assert scale == "linear" or high / low < 30
    plt.close(display.figure_)


def test_labels_and_axes_are_chosen():
    _, ax = plt.subplots()
    options = {"cost": "s", "quality": "q", "ax": ax}
    display = QualityCostDisplay.from_frame(RUNS, **options, labels="front", color="C3")
    assert sorted(display.texts_) == ["a", "c"]
    assert display.ax_ is ax
    assert display.points_.lines[0].get_color() == "C3"
    assert display.plot(labels="none", scale="linear").texts_ == {}
    assert sorted(display.plot().texts_) == list("abcd")


def test_a_search_is_drawn():
    X = make_interactions(60, 20, 600, random_state=0).X
    search = GridSearchCV(EASERecommender(), {"l2": [1.0, 10.0]}, cv=2).fit(X)
    display = QualityCostDisplay.from_results(search.cv_results_)
    assert display.table.index.tolist() == ["l2=1.0", "l2=10.0"]
    results = search.cv_results_
    np.testing.assert_allclose(display.table["quality"], results["mean_test_score"])
    np.testing.assert_allclose(display.table["std_error"], results["std_test_score"])
    named = QualityCostDisplay.from_results(results, names=["weak", "strong"])
    assert named.table.index.tolist() == ["weak", "strong"]
    with pytest.raises(ValueError, match="names must have 2 entries; got 1"):
        QualityCostDisplay.from_results(results, names=["weak"])
    with pytest.raises(ValueError, match=r"cv_results must be .* 'mean_test_ndcg'"):
        QualityCostDisplay.from_results(results, metric="ndcg")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"s": [0.0, 1, 2, 3]}, "cost must be positive and finite"),
        ({"s": [np.nan, 1, 2, 3]}, "cost must be positive and finite"),
        ({"q": [np.inf, 1, 2, 3]}, "quality must be finite"),
        ({"q": list("abcd")}, "quality must be numbers"),
        ({"e": [-1.0, 1, 2, 3]}, "std_error must not be negative"),
    ],
)
def test_numbers_that_cannot_be_drawn(changed, message):
    with pytest.raises(ValueError, match=message):
        QualityCostDisplay.from_frame(RUNS.assign(**changed), cost="s", quality="q", std_error="e")


def test_bad_tables_and_options():
    with pytest.raises(TypeError, match="frame must be a DataFrame; got dict"):
        QualityCostDisplay.from_frame({}, cost="s", quality="q")
    with pytest.raises(ValueError, match=r"cost must be one of \['s', 'q', 'e'\]; got 'x'"):
        QualityCostDisplay.from_frame(RUNS, cost="x", quality="q")
    with pytest.raises(ValueError, match=r"names must differ; got \['a'\]"):
        QualityCostDisplay.from_frame(RUNS.rename({"b": "a"}), cost="s", quality="q")
    with pytest.raises(ValueError, match="there must be a system"):
        QualityCostDisplay.from_frame(RUNS[:0], cost="s", quality="q")
    with pytest.raises(ValueError, match="scale must be"):
        QualityCostDisplay.from_frame(RUNS, cost="s", quality="q", scale="logit")
    with pytest.raises(ValueError, match="labels must be"):
        QualityCostDisplay.from_frame(RUNS, cost="s", quality="q", labels="best")


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"QualityCostDisplay\.plot needs matplotlib"):
        QualityCostDisplay.from_frame(RUNS, cost="s", quality="q")
