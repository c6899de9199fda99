"""Calibration by activity, its numbers and its plot."""

import numpy as np
import pytest

from skrec import EASERecommender, Interactions
from skrec.datasets import make_interactions
from skrec.inspection import CalibrationByActivityDisplay, calibration_by_activity
from skrec.metrics import expected_calibration_error, make_calibration_scorer
from skrec.utils import split_rows

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def pairs(n_users=40, n_each=30, seed=0):
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(n_users), n_each)
    proba = rng.random(len(users)) / 2
    return rng.random(len(users)) < proba, proba, users, np.arange(n_users) + 3


def test_groups_have_the_means_and_the_error_of_their_pairs():
    y, p, users, activity = pairs()
    weight = np.random.default_rng(1).integers(1, 4, len(y))
    table = calibration_by_activity(
        y, p, users, activity, sample_weight=weight, n_groups=4, n_bins=5
    )
    assert table["n_users"].tolist() == [10] * 4
    assert table["least"].tolist() == [3, 13, 23, 33]
    for group, row in table.iterrows():
        mine = (users // 10) == group - 1
        w = weight[mine]
        assert row["weight"] == w.sum()
        np.testing.assert_allclose(row["predicted"], np.average(p[mine], weights=w))
        np.testing.assert_allclose(row["observed"], np.average(y[mine], weights=w))
        np.testing.assert_allclose(row["difference"], row["predicted"] - row["observed"])
        error = expected_calibration_error(y[mine], p[mine], 5, "quantile", sample_weight=w)
        assert row["error"] == error


def test_standard_errors_are_those_of_users_drawn_anew():
    draws = []
    for seed in range(80):
        y, p, *rest = pairs(60, 40, seed)
        draws.append(calibration_by_activity(y, 0.6 * p, *rest, n_groups=1, n_bins=4).iloc[0])
    for name in ("observed", "predicted", "difference", "error"):
        spread = np.std([row[name] for row in draws])
        said = np.mean([row[f"{name}_se"] for row in draws])
        np.testing.assert_allclose(said, spread, rtol=0.25)


def test_pairs_of_a_user_count_as_one_draw():
    y, p, users, activity = pairs()
    once = calibration_by_activity(y, p, users, activity, n_groups=2)
    twice = calibration_by_activity(
        *(np.tile(part, 2) for part in (y, p, users)), activity, n_groups=2
    )
    for name in ("observed", "predicted", "difference"):
        np.testing.assert_allclose(twice[f"{name}_se"], once[f"{name}_se"])


def test_users_without_pairs_and_groups_of_one():
    table = calibration_by_activity([0, 1, 1], [0.2, 0.8, 0.5], [1, 1, 3], [9, 1, 9, 5, 9])
    assert table[["least", "most", "n_users"]].to_numpy().tolist() == [[1, 1, 1], [5, 5, 1]]
    assert table.filter(like="_se").isna().all(axis=None)
    display = CalibrationByActivityDisplay(table).plot()
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize("kind", ["rows", "targets", "interactions"])
def test_an_estimator_is_judged_on_the_pairs_of_the_scorer(kind):
    X = make_interactions(150, 40, 1800, random_state=0).X
    est = EASERecommender(l2=20.0).fit(X[:100])
    rng = np.random.RandomState(3)
    seed = int(rng.randint(2**31 - 1))
    history, targets = split_rows(X[100:], random_state=rng)
    of_fit = Interactions(X[:100])[::5]
    arguments = {
        "rows": (X[100:],),
        "targets": (history, targets),
        "interactions": (of_fit,),
    }[kind]
    display = CalibrationByActivityDisplay.from_estimator(
        est, *arguments, n_unstored=10, n_groups=3, random_state=3
    )
    scorer = make_calibration_scorer(n_unstored=10, random_state=seed)
    found = scorer.pairs(est, *((history, targets) if kind == "rows" else arguments))
    activity = np.diff(history.indptr)
    if kind == "interactions":
        activity = np.diff(X[:100].indptr) - np.diff(of_fit.tocsr().indptr)
    columns = (found[name].to_numpy() for name in ("outcome", "proba", "user"))
    table = calibration_by_activity(
        *columns, activity, sample_weight=found["weight"].to_numpy(), n_groups=3
    )
    np.testing.assert_allclose(display.table, table)
    assert display.name == "EASERecommender"


def test_both_means_are_drawn():
    display = CalibrationByActivityDisplay.from_predictions(*pairs(), n_groups=3, name="model")
    outcomes = display.observed_.lines[0].get_ydata()
    np.testing.assert_array_equal(outcomes, display.table["observed"])
    np.testing.assert_array_equal(display.predicted_.get_ydata(), display.table["predicted"])
    (bars,) = display.observed_.lines[2]
    lengths = [(s[1] - s[0])[1] / 2 for s in bars.get_segments()]
    np.testing.assert_allclose(lengths, display.table["observed_se"])
    ticks = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert ticks[0].splitlines()[0] == "3–16"
    assert ticks[0].splitlines()[1] == f"{display.table['error'].iloc[0]:.2g}"


@pytest.mark.parametrize(
    ("place", "values", "message"),
    [
        (0, [2, 0, 1], "y_true must hold 0 and 1"),
        (1, [0.1, 0.2, 1.2], r"y_prob must lie in \[0, 1\]"),
        (1, [0.1, 0.2], r"y_prob must have y_true's shape \(3,\); got \(2,\)"),
        (2, [0, 1, 5], "users must be whole numbers from 0 to 1"),
        (2, [0, 1, 0.5], "users must be whole numbers"),
        (3, [1.0, np.nan], "n_interactions"),
    ],
)
def test_bad_input(place, values, message):
    arguments = [[0, 1, 1], [0.1, 0.2, 0.3], [0, 1, 1], [4, 5]]
    arguments[place] = values
    with pytest.raises(ValueError, match=message):
        calibration_by_activity(*arguments)
