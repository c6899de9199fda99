"""Checks of probabilities, calibration, deviations over posterior draws, and ratings."""

import numpy as np
from sklearn.base import clone

from skrec.datasets import make_interactions
from skrec.testing._data import (
    AnyRecommender,
    Histories,
    assert_close,
    error_message,
    fitted,
    is_explicit,
    stored,
    tiny,
)
from skrec.utils import hide_entries

__all__ = ["CHECKS", "EXPLICIT_CHECKS", "IMPLICIT_CHECKS"]

_BOUNDS = 0.67, 1.5
_N_TRAIN, _TIMES = 400, 3
_BATCH = 256
_MOST = {"max_epochs": 5, "n_samples": 2, "fold_in_steps": 3}


def check_probabilities(name: str, estimator: AnyRecommender) -> None:
    """Check that probabilities are in [0, 1], and shares of a user's interactions sum to 1."""
    model = fitted(estimator)
    rows = tiny(estimator, seed=2)
    for query in ({"X": rows}, {"users": np.arange(30)}):
        proba = model.predict_proba(**query)
        assert proba.shape == rows.shape, f"{name}: {proba.shape}"
        assert proba.dtype == np.float32, f"{name}: {proba.dtype}"
        assert ((proba >= 0) & (proba <= 1)).all(), f"{name}: not in [0, 1]"
        if estimator.__sklearn_tags__().proba == "categorical":
            np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-4, err_msg=name)


def _clusters() -> Histories:
    return make_interactions(600, 60, 10_800, n_clusters=4, random_state=0).X


def _in_fewer_steps(estimator: AnyRecommender) -> AnyRecommender:
    """Clone an estimator for a check of sums, which are right before it has learnt all."""
    own, params = estimator.get_params(), {}
    for name, most in _MOST.items():
        if name in own:
            params[name] = min(most, own[name])
    if "batch_size" in own:
        params["batch_size"] = max(_BATCH, own["batch_size"])
    copy: AnyRecommender = clone(estimator)
    return copy.set_params(**params)


def check_calibration(name: str, estimator: AnyRecommender) -> None:
    """Check that probabilities of the pairs that histories lack sum to what is hidden of them.

    A tenth of the entries of unseen users is hidden; the sums agree in each quintile of activity.
    """
    X = _clusters()
    model, test = _in_fewer_steps(estimator).fit(X[:_N_TRAIN]), X[_N_TRAIN:]
    if estimator.__sklearn_tags__().proba == "categorical":
        assert_close(model.predict_proba(test).sum(axis=1), np.ones(test.shape[0]), name)
        return
    test = test[np.repeat(np.arange(test.shape[0]), _TIMES)]  # each hides other entries
    history, hidden = hide_entries(test, 0.1, np.random.RandomState(0))
    proba = model.predict_proba(history)
    expected, happened = np.where(stored(history), 0, proba).sum(axis=1), np.diff(hidden.indptr)
    # by what is shown: the length of the whole row would tell how much is hidden
    lengths = np.diff(history.indptr)
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]  # the others get the prior of all items
    for part, rows in enumerate(np.array_split(order, 5)):
        ratio = expected[rows].sum() / happened[rows].sum()
        assert _BOUNDS[0] <= ratio <= _BOUNDS[1], f"{name}: quintile {part} is off by {ratio:.2f}"


def check_deviations(name: str, estimator: AnyRecommender) -> None:
    """Check that return_std adds a deviation only, and raises where there is no posterior."""
    model, rows = fitted(estimator), tiny(estimator, seed=2)
    methods = [model.decision_function, model.predict_proba]
    methods += [model.predict] if is_explicit(estimator) else []
    if not estimator.__sklearn_tags__().probabilistic:
        for method in [*methods, model.recommend]:
            message = error_message(method, rows, return_std=True)
            assert "return_std" in message, f"{name}.{method.__name__}: {message}"
        return
    for method in methods:
        value, std = method(rows, return_std=True)
        what = f"{name}.{method.__name__}"
        np.testing.assert_array_equal(value, method(rows), err_msg=what)
        assert std.shape == value.shape, f"{what}: {std.shape}"
        assert (std >= 0).all(), f"{what}: negative deviations"
        assert std[2:].max() > 0, f"{what}: no deviations at all"
        again = method(rows[3:5], return_std=True)[1]
        assert_close(again, std[3:5], f"{what}: deviations depend on the other rows")


def check_strategies(name: str, estimator: AnyRecommender) -> None:
    """Check what "ucb" and "thompson" rank by, or that they raise where there is no posterior."""
    model, rows = fitted(estimator), tiny(estimator, seed=2)[2:]
    if not estimator.__sklearn_tags__().probabilistic:
        for strategy in ("ucb", "thompson"):
            message = error_message(model.recommend, rows, strategy=strategy)
            assert "strategy" in message, f"{name}: {message}"
        return
    lists, scores, std = model.recommend(rows, 4, return_scores=True, return_std=True)
    np.testing.assert_array_equal(lists, model.recommend(rows, 4), err_msg=name)
    row = np.arange(len(lists))[:, None]
    means, deviations = model.decision_function(rows, return_std=True)
    assert_close(scores, means[row, lists], f"{name}: scores")
    assert_close(std, deviations[row, lists], f"{name}: deviations")
    _, optimistic = model.recommend(rows, 4, strategy="ucb", return_scores=True)
    bound = np.where(stored(rows), -np.inf, means + deviations)
    assert_close(optimistic, -np.sort(-bound, axis=1)[:, :4], f"{name}: ucb")
    drawn = [model.recommend(rows, 4, strategy="thompson") for _ in range(2)]
    np.testing.assert_array_equal(*drawn, err_msg=f"{name}: thompson")
    assert not stored(rows)[row, drawn[0]].any(), f"{name}: thompson gives seen items"


def check_no_predict(name: str, estimator: AnyRecommender) -> None:
    """Check that a model of implicit feedback predicts no ratings."""
    assert not hasattr(estimator, "predict"), f"{name} has predict"


def check_predicted_ratings(name: str, estimator: AnyRecommender) -> None:
    """Check that predicted ratings are on the scale that fit saw."""
    model, X = fitted(estimator), tiny(estimator)
    for query in ({"X": tiny(estimator, seed=2)}, {"users": np.arange(30)}):
        ratings = model.predict(**query)
        assert ratings.shape == X.shape, f"{name}: {ratings.shape}"
        assert X.data.min() <= ratings.min(), f"{name}: {ratings.min()} is below the scale"
        assert ratings.max() <= X.data.max(), f"{name}: {ratings.max()} is above the scale"


CHECKS = [check_probabilities, check_deviations, check_strategies]
IMPLICIT_CHECKS = [check_calibration, check_no_predict]
EXPLICIT_CHECKS = [check_predicted_ratings]
