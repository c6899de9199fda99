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
_N_TRAIN = 600
_BATCH = 256


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
    return make_interactions(1000, 60, 18_000, n_clusters=4, random_state=0).X


def _in_fewer_steps(estimator: AnyRecommender) -> AnyRecommender:
    """Clone an estimator for a check on 600 users, whom it learns in larger batches."""
    own = estimator.get_params()
    params = {"batch_size": max(_BATCH, own["batch_size"])} if "batch_size" in own else {}
    copy: AnyRecommender = clone(estimator)
    return copy.set_params(**params)


def check_calibration(name: str, estimator: AnyRecommender) -> None:
    """Check that probabilities of held-out users sum to the outcomes, in each activity quintile."""
    tags = estimator.__sklearn_tags__()
    X = _clusters()
    model, test = _in_fewer_steps(estimator).fit(X[:_N_TRAIN]), X[_N_TRAIN:]
    if tags.proba == "categorical":
        assert_close(model.predict_proba(test).sum(axis=1), np.ones(test.shape[0]), name)
        return
    history, counted, happened = test, np.ones(test.shape, dtype=bool), stored(test)
    if tags.proba_pairs == "unseen":
        history, hidden = hide_entries(test, 0.1, np.random.RandomState(0))
        counted, happened = ~stored(history), stored(hidden)
    proba = model.predict_proba(history)
    for part, rows in enumerate(np.array_split(np.argsort(np.diff(test.indptr)), 5)):
        ratio = proba[rows][counted[rows]].sum() / happened[rows].sum()
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
