"""What displays and the functions behind them are given is checked, and named where it is wrong."""

import numpy as np
import pytest
import scipy.sparse as sp

from skrec import EASERecommender, Interactions, MultVAERecommender, VampVAERecommender
from skrec.datasets import make_interactions
from skrec.inspection import (
    ActivityDisplay,
    CriticalDifferenceDisplay,
    PriorDisplay,
    ReliabilityDisplay,
    TrainingHistoryDisplay,
    UncertaintyDisplay,
    activity_quintiles,
    partial_spearman,
    prior_components,
    uncertainty_excess,
    user_uncertainty,
)

X = make_interactions(60, 20, 600, random_state=0).X
EASE = EASERecommender(l2=5.0).fit(X)
NUMBERS = np.arange(60.0)
SMALL = {"hidden_sizes": (), "latent_size": 4, "max_epochs": 1, "random_state": 0}


@pytest.fixture(scope="module")
def vae():
    return MultVAERecommender(**SMALL).fit(X)


@pytest.fixture(scope="module")
def vamp():
    return VampVAERecommender(n_pseudo_inputs=3, **SMALL).fit(X)


def test_axes_are_axes(vae, vamp):
    result = user_uncertainty(vae, measure="spread", n_bins=2)
    calls = [
        lambda: ReliabilityDisplay.from_estimator(EASE, X, ax="left"),
        lambda: ActivityDisplay.from_estimators({"EASE": EASE}, X, ax=1),
        lambda: CriticalDifferenceDisplay.from_table(np.eye(3), ax=1),
        lambda: TrainingHistoryDisplay.from_estimator(vae, ax=1),
        lambda: PriorDisplay.from_estimator(vamp, ax=1),
        lambda: UncertaintyDisplay.from_table(result, ax=1),
    ]
    for call in calls:
        with pytest.raises(TypeError, match="ax must be a matplotlib Axes or None"):
            call()


@pytest.mark.parametrize("wrong", [None, 1, "x", {}, []])
def test_results_are_results(vae, wrong):
    result = user_uncertainty(vae, measure="spread", n_bins=2)
    with pytest.raises(TypeError, match="table must be a result of user_uncertainty"):
        UncertaintyDisplay.from_table(wrong)
    with pytest.raises(TypeError, match="real must be a result of user_uncertainty"):
        uncertainty_excess(wrong, result)
    with pytest.raises(TypeError, match="placebo must be a result of user_uncertainty"):
        uncertainty_excess(result, wrong)
    with pytest.raises(TypeError, match="comparison must be a RankComparison"):
        CriticalDifferenceDisplay.from_comparison(wrong)
    with pytest.raises(TypeError, match="estimator must be a recommender"):
        prior_components(wrong)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_resamples": True}, "n_resamples must be an integer"),
        ({"n_resamples": 10**12}, "n_resamples must be an integer"),
        ({"partial": "yes"}, "partial must be True or False"),
        ({"confidence": 10**400}, "confidence must be a number"),
        ({"random_state": -1}, "random_state must be"),
    ],
)
def test_settings_of_an_excess_are_named(vae, options, message):
    result = user_uncertainty(vae, measure="spread", n_bins=2)
    with pytest.raises(ValueError, match=message):
        uncertainty_excess(result, result, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_items": 0}, "n_items must be"),
        ({"n_items": True}, "n_items must be"),
        ({"n_bins": 10**9}, "n_bins must be"),
        ({"n_bins": True}, "n_bins must be"),
        ({"strategy": ["uniform"]}, "strategy must be one of"),
        ({"edges": ["0", "1"]}, "edges must hold numbers"),
        ({"edges": [0, 1j]}, "edges must hold real numbers"),
        ({"confidence": True}, "confidence must be"),
        ({"users": [[0]]}, "users must be rows"),
        ({"users": [True, False]}, "users must be rows"),
        ({"users": [0.0]}, "users must be rows"),
        ({"users": [0, -1]}, "users must be rows"),
        ({"groups": NUMBERS * 1j}, "groups must be labels"),
        ({"groups": {"a": 1}}, "groups must have one label a user"),
        ({"measure": NUMBERS.astype(str)}, "measure must hold numbers"),
        ({"groups": "diversity", "item_groups": [[1], [1, 2]]}, "item_groups must have rows"),
        ({"groups": "diversity", "item_groups": np.full((20, 2), np.nan)}, "item_groups must hold"),
    ],
)
def test_settings_of_an_uncertainty_are_named(vae, options, message):
    with pytest.raises(ValueError, match=message):
        user_uncertainty(vae, **{"measure": "spread", **options})


def test_lists_are_never_longer_than_the_catalogue(vae):
    long, whole = (
        user_uncertainty(vae, measure="spread", n_bins=2, n_items=n).per_user for n in (10**9, 20)
    )
    np.testing.assert_array_equal(long["uncertainty"], whole["uncertainty"])


@pytest.mark.parametrize("activity", [None, ["a"] * 60, NUMBERS * 1j, NUMBERS * np.nan, [NUMBERS]])
def test_activity_is_a_number_for_each_user(activity):
    with pytest.raises(ValueError, match="n_interactions"):
        activity_quintiles(activity, {"a": NUMBERS})


@pytest.mark.parametrize("values", [["a"] * 60, NUMBERS * 1j, np.full(60, np.inf), NUMBERS * 1e200])
def test_values_are_finite_numbers(values):
    with pytest.raises(ValueError, match=r"values\['b'\]"):
        activity_quintiles(NUMBERS, {"a": NUMBERS, "b": values})


def test_more_groups_than_users_are_one_for_each():
    table = activity_quintiles(NUMBERS, {"a": NUMBERS}, n_groups=10**12)
    assert len(table) == 60
    assert (table["n_users"] == 1).all()
    expected = activity_quintiles(NUMBERS % 7, {"a": NUMBERS}, n_groups=1000)
    with_more = activity_quintiles(NUMBERS % 7, {"a": NUMBERS}, n_groups=10**12)
    assert with_more.equals(expected)


@pytest.mark.parametrize("values", [["a", "b", "c"], [1j, 2, 3], sp.eye(3), [[1], [1, 2]], None])
def test_quantities_are_numbers(values):
    for name in ("x", "y", "given"):
        arguments = {"x": [1, 2, 3], "y": [1, 3, 2], "given": [3, 1, 2], name: values}
        if name == "given" and values is None:
            continue
        with pytest.raises((TypeError, ValueError), match=rf"\b{name}\b"):
            partial_spearman(**arguments)


@pytest.mark.parametrize("names", [[], ["a"], [["a"] * 20], "names", {"a": 1}, 3])
def test_names_are_one_for_each_item(vamp, names):
    with pytest.raises(ValueError, match="item_names must have a name for each item"):
        PriorDisplay.from_estimator(vamp, item_names=names)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_items": 0}, "n_items must be"),
        ({"n_items": True}, "n_items must be"),
        ({"popularity_discount": np.nan}, "popularity_discount must be"),
        ({"popularity_discount": "1"}, "popularity_discount must be"),
        ({"n_labels": -1}, "n_labels must be"),
        ({"n_labels": 2.5}, "n_labels must be"),
    ],
)
def test_settings_of_a_prior_are_named(vamp, options, message):
    with pytest.raises(ValueError, match=message):
        PriorDisplay.from_estimator(vamp, **options)


@pytest.mark.parametrize("name", ["history", "targets"])
def test_matrices_of_a_display_are_named(name):
    good = {"history": X, "targets": X, "predictions": {"a": np.ones(X.shape)}}
    corrupt = X.copy()
    corrupt.indices[0] = 10**6
    for wrong in (corrupt, [[1], [1, 2]], np.full(X.shape, np.nan), X[:5], Interactions(X)):
        with pytest.raises((TypeError, ValueError), match=rf"\b{name}\b|tocsr"):
            ActivityDisplay.from_predictions(**{**good, name: wrong})
    with pytest.raises(TypeError, match=r"predictions\['a'\] must be a dense array"):
        ActivityDisplay.from_predictions(X, X, {"a": X})


def test_histories_of_a_display_are_sound():
    corrupt = X.copy()
    corrupt.indices[0] = 10**6
    with pytest.raises(ValueError, match="X must be a sound sparse matrix"):
        ActivityDisplay.from_estimators({"EASE": EASE}, corrupt)
    with pytest.raises(ValueError, match="random_state must be"):
        ActivityDisplay.from_estimators({"EASE": EASE}, X, random_state=-1)
    with pytest.raises(TypeError, match="estimator must be a fitted recommender"):
        ActivityDisplay.from_estimators({"EASE": 1}, X)


def test_a_display_needs_users_and_a_confidence(vamp):
    with pytest.raises(ValueError, match="users must name a user or more"):
        prior_components(vamp, users=[])
    with pytest.raises(ValueError, match="confidence must be a number"):
        ReliabilityDisplay.from_estimator(EASE, X, confidence=None)
