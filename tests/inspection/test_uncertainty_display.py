"""The plot of uncertainty draws what the table holds."""

import sys

import numpy as np
import pandas as pd
import pytest

from skrec import MultVAERecommender
from skrec.datasets import make_interactions
from skrec.inspection import UncertaintyDisplay, user_uncertainty
from skrec.preprocessing import permute_items

plt = pytest.importorskip("matplotlib.pyplot", reason="the displays need matplotlib")

TINY = {"hidden_sizes": (), "latent_size": 8, "max_epochs": 4, "lr": 0.01, "n_samples": 5}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def X():
    return make_interactions(300, 60, 4000, n_clusters=4, activity_exponent=0.8, random_state=0).X


@pytest.fixture(scope="module")
def fitted(X):
    est = MultVAERecommender(**TINY, device="cpu", random_state=0)
    return est.fit(X), MultVAERecommender(**est.get_params()).fit(permute_items(X))


def table_of(means, groups):
    index = pd.Index(groups, name="group")
    means = np.asarray(means)
    return pd.DataFrame({"mean": means, "low": means - 0.1, "high": means + 0.2}, index=index)


def test_points_are_the_means_with_their_intervals(fitted):
    display = UncertaintyDisplay.from_estimator(fitted[0], measure="spread", n_bins=3)
    table = user_uncertainty(fitted[0], measure="spread", n_bins=3).table
    pd.testing.assert_frame_equal(display.table, table)
    line, _, (bars,) = display.points_["model"].lines
    np.testing.assert_allclose(line.get_ydata(), table["mean"])
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, table[["low", "high"]].to_numpy())
    assert display.ax_.get_ylabel() == "mean deviation of the scores"
    assert "interactions" in display.ax_.get_xlabel()
    first = table.index[0]
    assert display.ax_.get_xticklabels()[0].get_text() == f"{first.left:g}–{first.right:g}"
    assert display.ax_.get_legend() is None


def test_a_placebo_stands_beside_in_the_groups_of_the_real_users(X, fitted):
    est, placebo = fitted
    genres = np.eye(4)[np.arange(60) % 4]
    options = {"groups": "diversity", "item_groups": genres, "measure": "spread", "n_bins": 3}
    display = UncertaintyDisplay.from_estimator(est, placebo=placebo, **options)
    want = user_uncertainty(placebo, X, users=np.arange(300), **options).table
    pd.testing.assert_frame_equal(display.placebo, want)
    assert display.placebo["n_users"].tolist() == display.table["n_users"].tolist()
    assert list(display.points_) == ["model", "placebo"]
    x = [points.lines[0].get_xdata() for points in display.points_.values()]
    assert (x[0] < x[1]).all()
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["model", "placebo"]


def test_a_placebo_is_asked_for_the_same_users(X, fitted):
    users = np.arange(100)
    options = {"users": users, "measure": "spread", "n_bins": 2}
    display = UncertaintyDisplay.from_estimator(fitted[0], placebo=fitted[1], **options)
    want = user_uncertainty(fitted[1], X[users], **options).table
    pd.testing.assert_frame_equal(display.placebo, want)


def test_a_table_alone_will_do():
    placebo = table_of([0.3], ["b"])
    display = UncertaintyDisplay.from_table(
        table_of([1.0, 2.0], ["a", "b"]), placebo=placebo, xlabel="kind", ylabel="variance"
    )
    assert [tick.get_text() for tick in display.ax_.get_xticklabels()] == ["a", "b"]
    assert display.points_["placebo"].lines[0].get_xdata()[0] == pytest.approx(1.12)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("kind", "variance")


def test_results_will_do_as_tables(fitted):
    result = user_uncertainty(fitted[0], measure="spread", n_bins=2)
    display = UncertaintyDisplay.from_table(result)
    pd.testing.assert_frame_equal(display.table, result.table)


def test_options_reach_the_points():
    ax = plt.subplots()[1]
    display = UncertaintyDisplay.from_table(table_of([1.0], ["a"]), ax=ax, fmt="s", color="k")
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.points_["model"].lines[0].get_marker() == "s"


def test_a_group_of_one_user_is_drawn_without_interval():
    table = table_of([1.0, 2.0], ["a", "b"])
    table.loc["a", ["low", "high"]] = np.nan
    display = UncertaintyDisplay.from_table(table)
    segments = display.points_["model"].lines[2][0].get_segments()
    assert segments[0][0, 1] == segments[0][1, 1] == 1.0


def test_missing_matplotlib_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"UncertaintyDisplay\.plot needs matplotlib"):
        UncertaintyDisplay.from_table(table_of([1.0], ["a"]))
