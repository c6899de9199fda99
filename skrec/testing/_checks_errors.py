"""Checks of wrong input: the error is one clear sentence that names the parameter."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec.interactions import Interactions
from skrec.testing._checks_input import with_duplicates
from skrec.testing._data import (
    AnyRecommender,
    Histories,
    error_message,
    fitted,
    is_explicit,
    quick,
    tiny,
)

__all__ = ["CHECKS", "Words", "assert_clear_errors", "wrong_data"]

Words: TypeAlias = tuple[str, ...]
"""Words, all of which an error must have."""


def wrong_data(estimator: AnyRecommender) -> dict[str, tuple[Any, Words]]:
    """Return matrices that no fit accepts, each with the words that its error must have."""
    X = tiny(estimator)
    nan, infinite = X.copy(), X.copy()
    nan.data[3], infinite.data[3] = np.nan, np.inf
    ids = np.random.RandomState(0).permutation(40)
    table = pd.DataFrame({"user_id": ids, "item_id": ids[::-1], "rating": 1.0})
    wrong: dict[str, tuple[Any, Words]] = {
        "NaN": (nan, ("X", "NaN")),
        "dense NaN": (nan.toarray(), ("X", "NaN")),
        "infinity": (infinite, ("X", "infinity")),
        "dense infinity": (infinite.toarray(), ("X", "infinity")),
        "NaN in Interactions": (Interactions(nan), ("X", "NaN")),
        "too large": (X.astype(np.float64) * 1e300, ("X", "float32")),
        "NaN in a list of lists": (sp.lil_matrix(nan), ("X", "NaN")),
        "no entries": (sp.csr_matrix((4, 5)), ("X", "empty")),
        "all zeros": (np.zeros((4, 5)), ("X",)),
        "no Interactions": (Interactions(X)[:0], ("X", "empty")),
        "table": (table, ("X", "Interactions.from_frame")),
        "array of lists": (np.array([[1], [1, 2]], dtype=object), ("X", "one length")),
        "class of a matrix": (sp.csr_matrix, ("X", "class")),
        "array of ids": (table.to_numpy(), ("X", "Interactions.from_frame")),
    }
    if not is_explicit(estimator):
        wrong["negative"] = (-X, ("Negative values in data", "X"))
        wrong["dense negative"] = (-X.toarray(), ("Negative values in data", "X"))
        wrong["negative Interactions"] = (Interactions(-X), ("Negative values in data", "X"))
    if is_explicit(estimator):
        wrong.pop("all zeros")
        wrong["repeated rating"] = (Interactions(with_duplicates(X)), ("X", "repeated"))
        wrong["duplicates"] = (with_duplicates(X), ("X", "repeated"))
    return wrong


def _wrong_calls(model: AnyRecommender) -> list[tuple[partial[Any], Words]]:
    """Return calls that a fitted model refuses, each with the words that its error must have."""
    (n_users, n_items), X = model.interactions_.shape, tiny(model, 4, seed=2)
    narrow, pairs = X[:, :3], Interactions(model.interactions_)
    other = Interactions.from_arrays([0], [0], frame=(n_users, n_items + 1))
    methods = [model.decision_function, model.predict_proba, model.recommend, model.explain]
    methods += [model.user_vectors] if hasattr(model, "user_vectors") else []
    calls: list[tuple[partial[Any], Words]] = [(partial(model.score, narrow), ("X", str(n_items)))]
    calls += [(partial(model.score, other), ("X", "frame"))]
    for call in methods:
        calls += [
            (partial(call), ("X", "users")),
            (partial(call, narrow), ("X", str(n_items))),
            (partial(call, narrow.toarray()), ("X", str(n_items))),
            (partial(call, X.toarray() * np.nan), ("X", "NaN")),
            (partial(call, other), ("X", "frame")),
            (partial(call, users=[0, n_users]), ("users", str(n_users))),
            (partial(call, users=[-1]), ("users", "-1")),
            (partial(call, users=[0.0]), ("users", "integer", "float64")),
            (partial(call, users=[True, False]), ("users", "integer", "bool")),
            (partial(call, users=["0"]), ("users", "integer")),
            (partial(call, users=[[0, 1]]), ("users", "2-D")),
            (partial(call, X, users=[0]), ("users", "4", "1")),
        ]
    calls += [(partial(call, pairs, users=[0]), ("users", "Interactions")) for call in methods[:2]]
    if hasattr(model, "similar_items"):
        similar = partial(model.similar_items)
        calls += [
            (partial(similar, [[0, 1]]), ("items", "1-D")),
            (partial(similar, [n_items]), ("items", str(n_items))),
            (partial(similar, [0], n_items=0), ("n_items", "0")),
            (partial(similar, [0], n_items=2**63), ("n_items", "memory")),
        ]
    return calls + _wrong_rankings(model, X) + _wrong_explanations(model, X)


def _wrong_explanations(model: AnyRecommender, X: Histories) -> list[tuple[partial[Any], Words]]:
    n_rows, n_items = X.shape
    ask = partial(model.explain, X)
    return [
        (partial(ask, [n_items]), ("items", str(n_items))),
        (partial(ask, [0, -1]), ("items", "-1")),
        (partial(ask, [0.5]), ("items", "float64")),
        (partial(ask, [[0, 1]]), ("items", str(n_rows))),
        (partial(ask, 3), ("items", "shape")),
        (partial(model.explain(X[:1], [0]).to_frame, n_reasons=0), ("n_reasons", "0")),
    ]


def _wrong_rankings(model: AnyRecommender, X: Histories) -> list[tuple[partial[Any], Words]]:
    n_rows, n_items = X.shape
    ask = partial(model.recommend, X)
    return [
        (partial(ask, n_items=0), ("n_items", "0")),
        (partial(ask, n_items=2.5), ("n_items", "2.5")),
        (partial(ask, n_items=True), ("n_items", "True")),
        (partial(ask, n_items=2**63), ("n_items", "memory")),
        (partial(ask, candidates=[0, n_items]), ("candidates", str(n_items))),
        (partial(ask, candidates=[-1, 2]), ("candidates", "-1")),
        (partial(ask, candidates=[0.5]), ("candidates", "float64")),
        (partial(ask, candidates=[[0, 1]]), ("candidates", str(n_rows))),
        (partial(ask, candidates=3), ("candidates", "shape")),
        (partial(ask, exclude=[n_items]), ("exclude", str(n_items))),
        (partial(ask, exclude=[0.5]), ("exclude", "float64")),
        (partial(ask, exclude=sp.csr_matrix((n_rows + 1, n_items))), ("exclude", "shape")),
        (partial(ask, exclude=np.zeros((n_rows, n_items), dtype=int)), ("exclude", "shape")),
        (partial(ask, strategy="best"), ("strategy", "best")),
    ]


def _fault_of_error(call: Callable[[], Any], words: Words) -> str | None:
    """Return what is wrong with the error of a call, or None."""
    try:
        message = error_message(call)
    except Exception as error:
        return f"{error!r}"
    missing = [word for word in words if word not in message]
    if missing:
        return f"the error does not say {missing}: {message}"
    return f"no single sentence: {message}" if "\n" in message.strip() else None


def assert_clear_errors(name: str, calls: Mapping[str, tuple[partial[Any], Words]]) -> None:
    """Check that each call raises an error of one sentence with its words."""
    faults = {what: _fault_of_error(call, words) for what, (call, words) in calls.items()}
    faults = [f"{what}: {fault}" for what, fault in faults.items() if fault]
    assert not faults, "\n".join([f"{name}: {len(faults)} errors are not as they must be", *faults])


def check_errors_of_fit(name: str, estimator: AnyRecommender) -> None:
    """Check that unusable X raises an error that says in one sentence what is wrong with X."""
    wrong = wrong_data(estimator).items()
    calls = {case: (partial(quick(estimator).fit, X), words) for case, (X, words) in wrong}
    assert_clear_errors(name, calls)


def check_errors_of_prediction(name: str, estimator: AnyRecommender) -> None:
    """Check that the error of a wrong argument names it, what was expected and what came."""
    calls = {}
    for call, words in _wrong_calls(fitted(estimator)):
        given = [type(a).__name__ for a in call.args], call.keywords
        calls[f"{call.func.__name__}{given}, {words}"] = call, words
    assert_clear_errors(name, calls)


CHECKS = [check_errors_of_fit, check_errors_of_prediction]
