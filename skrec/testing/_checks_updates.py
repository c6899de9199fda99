"""Checks of models that take in more users: the model of one fit, whatever the blocks."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from skrec.testing._data import (
    AnyRecommender,
    Histories,
    assert_close,
    error_message,
    fitted,
    quick,
    scores_of,
    tiny,
)
from skrec.typing import Array

__all__ = ["UPDATE_CHECKS"]


def _blocks(n_users: int) -> Iterator[list[Array]]:
    """Yield blocks of users in their order, then in another; the first has the full row."""
    order = np.arange(n_users)
    mixed = np.random.RandomState(0).permutation(n_users)
    mixed = np.append(1, mixed[mixed != 1])
    for users, ends in ((order, [2, 3, 20]), (mixed, [5, 21])):
        yield np.split(users, ends)


def check_partial_fit_in_blocks(name: str, estimator: AnyRecommender) -> None:
    """Check that blocks of users, in any order, make the model of one fit."""
    X, whole = tiny(estimator), fitted(estimator)
    rows = tiny(estimator, 12, seed=1)
    for blocks in _blocks(X.shape[0]):
        model = quick(estimator)
        for users in blocks:
            assert model.partial_fit(X[users]) is model, f"{name}.partial_fit does not return self"
        users, what = np.concatenate(blocks), f"{name} in blocks {[len(b) for b in blocks]}"
        assert model.interactions_.shape == X.shape, what
        assert_close(model.decision_function(rows), whole.decision_function(rows), what)
        known = model.decision_function(users=np.argsort(users))
        assert_close(known, whole.decision_function(users=np.arange(len(users))), what)
        if (np.diff(users) == 1).all():  # in their order, held-out pairs are the same too
            assert_close(scores_of(model), scores_of(whole), f"{what}: probabilities")
    assert_close(scores_of(model.fit(X)), scores_of(whole), f"{name}: fit after partial_fit")


def check_more_items_later(name: str, estimator: AnyRecommender) -> None:
    """Check that a wider block adds items that users from before do not have."""
    X = tiny(estimator).tolil()
    X[:20, 15:] = 0
    X = sp.csr_matrix(X)
    whole, model = quick(estimator).fit(X), quick(estimator)
    model.partial_fit(X[:20, :15]).partial_fit(X[20:])
    assert model.n_features_in_ == X.shape[1], f"{name}: {model.n_features_in_}"
    assert_close(scores_of(model), scores_of(whole), f"{name}: a wider block")
    message = error_message(model.partial_fit, X[:3, :15])
    assert "X has 15 features" in message, f"{name}: {message}"


def check_failed_partial_fit_changes_nothing(name: str, estimator: AnyRecommender) -> None:
    """Check that a block that cannot be used leaves the model as it was."""
    X = tiny(estimator)
    model = quick(estimator).partial_fit(X[:20]).partial_fit(X[20:25])
    before = dict(model.__dict__)
    wrong: Any = X[25:].toarray()
    wrong[0, 0] = np.nan
    cases = {"NaN": (model.partial_fit, wrong), "narrow": (model.partial_fit, X[25:, :3])}
    cases["merge"] = model.merge, quick(estimator).fit(X[25:, :3])
    for case, (method, given) in cases.items():
        error_message(method, given)
        assert model.__dict__.keys() == before.keys(), f"{name}: {case} changed the model"
        changed = [key for key, value in before.items() if model.__dict__[key] is not value]
        assert not changed, f"{name}: {case} changed {changed}"
    model.partial_fit(X[25:])
    assert_close(scores_of(model), scores_of(fitted(estimator)), f"{name}: after errors")


def check_merge(name: str, estimator: AnyRecommender) -> None:
    """Check that models of disjoint users make that of one fit, and the other one stays."""
    X, whole = tiny(estimator), fitted(estimator)
    first, second = quick(estimator).fit(X[:11]), quick(estimator).fit(X[11:])
    before = dict(second.__dict__)
    assert first.merge(second) is first, f"{name}.merge does not return self"
    assert_close(scores_of(first), scores_of(whole), f"{name}: merged")
    assert all(second.__dict__[key] is value for key, value in before.items()), name
    message = error_message(first.merge, _of_a_subclass(second, X[:3]))
    assert "other must be" in message, f"{name}: {message}"


def _of_a_subclass(model: AnyRecommender, X: Histories) -> AnyRecommender:
    base: Any = type(model)
    other: Any = type("Another", (base,), {"__module__": base.__module__})
    return other(**model.get_params(deep=False)).fit(X)


UPDATE_CHECKS = [
    check_partial_fit_in_blocks,
    check_more_items_later,
    check_failed_partial_fit_changes_nothing,
    check_merge,
]
