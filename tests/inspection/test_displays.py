"""Displays draw what they are given."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError

from skrec import EASERecommender, MFClassifier, MultVAERecommender, PopularityRecommender
from skrec.datasets import make_interactions
from skrec.inspection import ActivityDisplay, TrainingHistoryDisplay, activity_quintiles
from skrec.metrics import make_ranking_scorer
from skrec.testing import make_estimator
from skrec.utils import split_rows

plt = pytest.importorskip("matplotlib.pyplot", reason="the displays need matplotlib")

TINY = {
    "hidden_sizes": (),
    "latent_size": 8,
    "max_epochs": 4,
    "lr": 0.01,
    "device": "cpu",
    "random_state": 0,
}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def X():
    return make_interactions(300, 60, 4000, n_clusters=4, random_state=0).X


@pytest.fixture(scope="module")
def fitted(X):
    systems = {"ItemPop": PopularityRecommender(), "EASE": EASERecommender(l2=50)}
    return {name: est.fit(X[:200]) for name, est in systems.items()}


@pytest.fixture(scope="module")
def trained(X):
    return MultVAERecommender(early_stopping=True, **TINY).fit(X)


# by activity


def two_systems():
    rng = np.random.default_rng(0)
    a = rng.random(100)
    return {"a": a, "b": a + np.repeat([0, 0.1], 50) + 0.01 * rng.standard_normal(100)}


def test_bars_are_the_means_with_standard_errors():
    values = two_systems()
    display = ActivityDisplay.from_scores(np.arange(100), values, metric="ndcg@10")
    table = activity_quintiles(np.arange(100), values)
    assert list(display.bars_) == ["a", "b"]
    for name, bars in display.bars_.items():
        part = table.xs(name, level="system")
        np.testing.assert_allclose([bar.get_height() for bar in bars], part["mean"])
        segments = bars.errorbar.lines[2][0].get_segments()
        lengths = [(end - start)[1] / 2 for start, end in segments]
        np.testing.assert_allclose(lengths, part["std_error"])
    assert display.ax_.get_ylabel() == "ndcg@10"
    assert display.ax_.get_xticklabels()[0].get_text() == "0–19"


def test_bars_do_not_overlap():
    values = {name: np.arange(10.0) for name in "abc"}
    display = ActivityDisplay.from_scores(np.arange(10), values)
    edges = sorted(
        (b.get_x(), b.get_x() + b.get_width()) for c in display.bars_.values() for b in c
    )
    assert all(left[1] <= right[0] + 1e-9 for left, right in pairwise(edges))


def test_stars_stand_where_the_paired_test_says_so():
    display = ActivityDisplay.from_scores(np.arange(100), two_systems())
    pvalues = display.table.xs("b", level="system")["t_pvalue"]
    wanted = ["*" * sum(p < level for level in (0.05, 0.01, 0.001)) for p in pvalues]
    assert [star.get_text() for star in display.stars_] == [stars for stars in wanted if stars]
    assert wanted[-1] == "***"
    assert wanted[0] == ""


def test_estimators_are_scored_on_the_same_users(X, fitted):
    history, targets = split_rows(X[200:], random_state=3)
    display = ActivityDisplay.from_estimators(fitted, history, targets, metric="recall@5")
    scorer = make_ranking_scorer("recall@5")
    values = {n: scorer.per_user(e, history, targets)["recall@5"] for n, e in fitted.items()}
    table = activity_quintiles(np.diff(history.indptr), values)
    np.testing.assert_allclose(display.table, table)
    hidden_there = ActivityDisplay.from_estimators(
        fitted, X[200:], metric="recall@5", random_state=3
    )
    np.testing.assert_allclose(hidden_there.table, table)


def test_users_without_targets_have_no_activity(X, fitted):
    history, targets = split_rows(X[200:], random_state=0)
    targets = sp.csr_matrix(targets.multiply(np.arange(100)[:, None] % 2))
    display = ActivityDisplay.from_estimators(fitted, history, targets)
    assert display.table["n_users"].sum() == 50 * len(fitted)
    odd = np.diff(history.indptr)[1::2]
    assert (display.table["least"].min(), display.table["most"].max()) == (odd.min(), odd.max())


@pytest.mark.parametrize("container", [sp.csr_matrix, sp.coo_array, lambda X: X.toarray()])
def test_predictions_give_what_estimators_give(X, fitted, container):
    history, targets = split_rows(X[200:], random_state=0)
    scores = {name: est.decision_function(history) for name, est in fitted.items()}
    history, targets = container(history), container(targets)
    of_scores = ActivityDisplay.from_predictions(history, targets, scores, metric="mrr")
    of_estimators = ActivityDisplay.from_estimators(fitted, history, targets, metric="mrr")
    np.testing.assert_allclose(of_scores.table, of_estimators.table, rtol=1e-6)


def test_options_reach_the_table_and_the_bars(X, fitted):
    ax = plt.subplots()[1]
    display = ActivityDisplay.from_estimators(
        fitted, X[200:], reference="EASE", n_groups=2, ax=ax, alpha=0.5
    )
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.table.xs("EASE", level="system")["t_pvalue"].isna().all()
    assert [len(bars) for bars in display.bars_.values()] == [2, 2]
    assert display.bars_["EASE"][0].get_alpha() == 0.5


def test_systems_must_be_named(X, fitted):
    with pytest.raises(ValueError, match="estimators must be a dict"):
        ActivityDisplay.from_estimators(fitted["EASE"], X)
    with pytest.raises(ValueError, match="predictions must be a dict"):
        ActivityDisplay.from_predictions(X, X, {})


# a training


def test_curves_are_the_history(trained):
    display = TrainingHistoryDisplay.from_estimator(trained)
    history = trained.net_.history
    epochs, loss = display.lines_["train_loss"].get_data()
    assert epochs.tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(loss, history[:, "train_loss"])
    metric = display.lines_["valid_ndcg@100"]
    np.testing.assert_allclose(metric.get_ydata(), history[:, "valid_ndcg@100"])
    assert metric.axes is display.validation_ax_
    assert display.best_epoch == np.argmax(history[:, "valid_ndcg@100"]) + 1
    assert display.lines_["best_epoch"].get_xdata()[0] == display.best_epoch


def test_a_training_without_validation_has_one_curve(X):
    display = TrainingHistoryDisplay.from_estimator(MultVAERecommender(**TINY).fit(X))
    assert list(display.lines_) == ["train_loss"]
    assert display.validation_ax_ is None
    assert display.best_epoch is None


def test_compiled_training_has_curves_too(X):
    options = {"solver": "sgd", "max_epochs": 3, "early_stopping": True}
    trained = make_estimator(MFClassifier, **options).fit(X)
    display = TrainingHistoryDisplay.from_estimator(trained)
    assert list(display.lines_) == ["train_loss", "valid_ndcg@100", "best_epoch"]


def test_plot_draws_into_given_axes_and_passes_options_on(trained):
    ax = plt.subplots()[1]
    display = TrainingHistoryDisplay.from_estimator(trained, ax=ax, linewidth=4)
    assert display.ax_ is ax
    assert display.lines_["train_loss"].get_linewidth() == 4


def test_numbers_alone_will_do():
    display = TrainingHistoryDisplay(train_loss=[3, 2], validation={"rmse": [1.5, 1.2]}).plot()
    assert display.lines_["rmse"].get_ydata().tolist() == [1.5, 1.2]
    assert "best_epoch" not in display.lines_


def test_an_estimator_without_epochs_is_refused(X, fitted):
    with pytest.raises(ValueError, match=r"estimator must have been trained .* got EASE"):
        TrainingHistoryDisplay.from_estimator(fitted["EASE"])
    untrained = MultVAERecommender(**{**TINY, "max_epochs": 0}).fit(X)
    with pytest.raises(ValueError, match="one epoch or more"):
        TrainingHistoryDisplay.from_estimator(untrained)
    with pytest.raises(NotFittedError):
        TrainingHistoryDisplay.from_estimator(MultVAERecommender())


# without matplotlib


@pytest.mark.parametrize(
    ("draw", "name"),
    [
        (lambda: TrainingHistoryDisplay(train_loss=[1]).plot(), "TrainingHistoryDisplay.plot"),
        (lambda: ActivityDisplay.from_scores([1, 2], {"a": [1, 2]}), "ActivityDisplay.plot"),
    ],
)
def test_missing_matplotlib_is_said(monkeypatch, draw, name):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    install = r"pip install 'sklearn-recommenders\[plot\]'"
    with pytest.raises(ImportError, match=f"{name} needs matplotlib: {install}"):
        draw()


def test_import_needs_neither_matplotlib_nor_torch():
    code = (
        "import sys, skrec.inspection\n"
        "print([m for m in ('matplotlib', 'torch', 'skorch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
