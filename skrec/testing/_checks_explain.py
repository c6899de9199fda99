"""Checks of what each item of a history adds to a score."""

from functools import partial

import numpy as np
import scipy.sparse as sp

from skrec.testing._checks_errors import assert_clear_errors
from skrec.testing._data import AnyRecommender, Histories, assert_close, fitted, tiny
from skrec.typing import Array

__all__ = ["CHECKS"]

_TOLERANCE = 1e-6  # of the largest score


def _asked(estimator: AnyRecommender) -> tuple[Histories, Array]:
    """Return histories, an empty and a full one among them, and items to explain, with padding."""
    X = tiny(estimator, 5, seed=2)
    lists = np.random.RandomState(0).randint(X.shape[1], size=(5, 4))
    lists[3, 2:] = -1
    lists[4, 0] = X[4].indices[0]  # the row has it
    return X, lists


def check_explain(name: str, estimator: AnyRecommender) -> None:
    """Check that the parts of a history and the baseline add up to the score."""
    model, (X, lists) = fitted(estimator), _asked(estimator)
    for options in ({"X": X}, {"users": np.arange(5)}, {"X": X, "users": np.arange(4, 9)}):
        history = X if "X" in options else model.interactions_[:5]
        found, what = model.explain(items=lists, **options), f"{name}, given {sorted(options)}"
        row, place = np.nonzero(lists >= 0)
        np.testing.assert_array_equal(found.row, row, err_msg=what)
        np.testing.assert_array_equal(found.item, lists[row, place], err_msg=what)
        scores = model.decision_function(**options)[found.row, found.item]
        assert_close(found.score, scores, what, _TOLERANCE)
        total = found.baseline + np.asarray(found.parts.sum(axis=1)).ravel()
        assert_close(total, scores, f"{what}: parts and baseline", _TOLERANCE)
        np.testing.assert_array_equal(found.parts.indptr[1:], np.diff(history.indptr)[row].cumsum())
        there = history[found.row]
        np.testing.assert_array_equal(found.parts.indices, there.indices, err_msg=what)
    shared = model.explain(X, lists[0])
    again = model.explain(X, np.tile(lists[0], (5, 1)))
    assert_close(shared.parts.data, again.parts.data, f"{name}: shared items")


def check_parts_left_out(name: str, estimator: AnyRecommender) -> None:
    """Check that inexact parts are the scores less those of histories that lack the item."""
    model, (X, lists) = fitted(estimator), _asked(estimator)
    found = model.explain(X[4:], lists[4:])
    assert found.method in ("exact", "leave-one-out"), f"{name}: {found.method}"
    if found.method == "exact":
        return
    without = sp.vstack([X[4]] * X[4].nnz).toarray()
    without[np.arange(X[4].nnz), X[4].indices] = 0
    both = [model.decision_function(rows)[:, lists[4]] for rows in (X[4], sp.csr_matrix(without))]
    assert_close(found.parts.data.reshape(4, -1).T, both[0] - both[1], name)


def check_explain_as_a_table(name: str, estimator: AnyRecommender) -> None:
    """Check that the table has the largest parts of each pair, largest first, with titles."""
    model, (X, lists) = fitted(estimator), _asked(estimator)
    found = model.explain(X, lists)
    table = found.to_frame({item: f"title {item}" for item in range(X.shape[1])}, n_reasons=2)
    names = ["row", "item", "title", "score", "baseline", "reason", "reason_title", "part"]
    assert table.columns.tolist() == [*names, "method"], f"{name}: {table.columns}"
    assert table["reason_title"].tolist() == [f"title {item}" for item in table["reason"]], name
    sizes = np.minimum(np.diff(found.parts.indptr), 2)
    assert len(table) == sizes.sum(), f"{name}: {len(table)} lines"
    largest = [np.sort(part.data)[::-1][:2] for part in found.parts]
    np.testing.assert_array_equal(table["part"], np.concatenate(largest), err_msg=name)
    own = model.explain(X[2:3])
    np.testing.assert_array_equal(own.item, model.recommend(X[2:3])[0][: len(own)], err_msg=name)


def check_wrong_items_to_explain(name: str, estimator: AnyRecommender) -> None:
    """Check that what cannot be explained is an error that names the parameter."""
    model, (X, lists) = fitted(estimator), _asked(estimator)
    n_users, n_items = model.interactions_.shape
    ask = partial(model.explain, X)
    assert_clear_errors(
        name,
        {
            "nothing": (partial(model.explain, items=[0]), ("X", "users")),
            "unknown user": (partial(model.explain, None, [0], users=[n_users]), ("users",)),
            "unknown item": (partial(ask, [n_items]), ("items", str(n_items))),
            "padded shared items": (partial(ask, [0, -1]), ("items", "-1")),
            "another number of rows": (partial(ask, lists[:2]), ("items", "5", "2")),
            "one item": (partial(ask, 3), ("items", "shape")),
            "fractions": (partial(ask, [0.5]), ("items", "float64")),
            "no reasons": (partial(model.explain(X, [0]).to_frame, n_reasons=0), ("n_reasons",)),
        },
    )


CHECKS = [
    check_explain,
    check_parts_left_out,
    check_explain_as_a_table,
    check_wrong_items_to_explain,
]
