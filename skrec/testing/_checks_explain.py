"""Checks of what each item of a history adds to a score."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from skrec.testing._data import AnyRecommender, Histories, assert_close, fitted, tiny
from skrec.typing import Array

__all__ = ["CHECKS"]

_TOLERANCE = 1e-6  # of the largest score


def check_explain(name: str, estimator: AnyRecommender) -> None:
    """Check that the parts of a history and the baseline add up to the score."""
    model, X = fitted(estimator), tiny(estimator, 4, seed=2)[[0, 2, 3]]  # the first is empty
    lists = np.random.RandomState(0).randint(X.shape[1], size=(3, 4))
    lists[1, 2:] = -1
    lists[2, 0] = X[2].indices[0]  # the row has it
    for options in ({"X": X}, {"users": np.array([0, 4, 5])}):
        history = X if "X" in options else model.interactions_[[0, 4, 5]]
        found, what = model.explain(items=lists, **options), f"{name}, given {[*options]}"
        _assert_pairs(found, history, lists, what)
        scores = model.decision_function(**options)[found.row, found.item]
        assert_close(found.score, scores, what, _TOLERANCE)
        total = found.baseline + np.asarray(found.parts.sum(axis=1)).ravel()
        assert_close(total, scores, f"{what}: parts and baseline", _TOLERANCE)
        if found.method == "leave-one-out" and "X" in options:
            _assert_left_out(model, X[2], found, what)
    _assert_table(found, name)


def _assert_pairs(found: Any, history: Histories, lists: Array, what: str) -> None:
    """Check that the pairs are those of the lists, each with the whole history of its row."""
    row, place = np.nonzero(lists >= 0)
    assert found.method in ("exact", "leave-one-out"), f"{what}: {found.method}"
    np.testing.assert_array_equal(found.row, row, err_msg=what)
    np.testing.assert_array_equal(found.item, lists[row, place], err_msg=what)
    own = history[row]
    for part in ("indptr", "indices"):
        same = np.array_equal(getattr(found.parts, part), getattr(own, part))
        assert same, f"{what}: parts are not those of the history"


def _assert_left_out(model: AnyRecommender, row: Histories, found: Any, what: str) -> None:
    """Check parts of the last row: the score less that of the history without the item."""
    without = sp.csr_matrix(np.where(np.eye(row.shape[1])[row.indices], 0, row.toarray()))
    items = found.item[found.row == 2]
    whole, less = (model.decision_function(rows)[:, items] for rows in (row, without))
    parts = found.parts[found.row == 2].data.reshape(len(items), -1).T
    assert_close(parts, whole - less, f"{what}: parts are not what is lost without the item")


def _assert_table(found: Any, name: str) -> None:
    """Check that the table has the largest parts of each pair, largest first, with titles."""
    n_items = found.parts.shape[1]
    table = found.to_frame({item: f"title {item}" for item in range(n_items)}, n_reasons=2)
    names = ["row", "item", "title", "score", "baseline", "reason", "reason_title", "part"]
    assert table.columns.tolist() == [*names, "method"], f"{name}: {table.columns}"
    assert table["reason_title"].tolist() == [f"title {item}" for item in table["reason"]], name
    largest = np.concatenate([np.sort(part.data)[::-1][:2] for part in found.parts])
    np.testing.assert_array_equal(table["part"], largest, err_msg=f"{name}: the table's parts")


CHECKS = [check_explain]
