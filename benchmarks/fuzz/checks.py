"""What an answer must hold, whatever the arguments were."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.fuzz.case import Odd

__all__ = [
    "check_floats",
    "check_lists",
    "check_matrix",
    "check_model",
    "check_probabilities",
    "check_split",
    "nothing",
]


def nothing(answer: Any, odd: dict[str, Odd]) -> None:
    """Find no fault: the call has no invariant beyond that it returns."""


def check_floats(answer: Any, low: float = -np.inf, high: float = np.inf) -> str | None:
    """Return what is wrong with one number, a dict of them, or values of users, NaN without."""
    if isinstance(answer, dict):
        faults = (check_floats(value, low, high) for value in answer.values())
        return next((fault for fault in faults if fault), None)
    values = np.asarray(answer, dtype=float)
    if values.ndim:
        values = values[~np.isnan(values)]
    if not np.isfinite(values).all():
        return f"not finite: {answer}"
    return None if ((values >= low) & (values <= high)).all() else f"out of range: {answer}"


def check_lists(
    lists: Any, n_items: int, seen: np.ndarray | None = None, scores: Any = None
) -> str | None:
    """Return what is wrong with recommendations: range, repeats, items that were seen."""
    if not isinstance(lists, np.ndarray) or lists.ndim != 2 or lists.dtype != np.int64:
        return f"no lists: {lists!r}"[:90]
    if lists.size and not (lists.min() >= -1 and lists.max() < n_items):
        return f"items out of range: {lists.min()} to {lists.max()}"
    for row, items in enumerate(lists):
        items = items[items >= 0]
        if len(np.unique(items)) < len(items):
            return f"an item twice in {items.tolist()}"
        if seen is not None and seen[row, items].any():
            return f"seen items in {items.tolist()}"
    if scores is not None and not (np.isnan(scores) == (lists < 0)).all():
        return "scores are NaN elsewhere than where the item is -1"
    return None


def check_probabilities(proba: Any, shape: tuple[int, ...], sums: bool = False) -> str | None:
    """Return what is wrong with probabilities of a shape, whose rows may have to sum to 1."""
    if proba.shape != shape:
        return f"shape {proba.shape} for {shape}"
    if not np.isfinite(proba).all():
        return "probabilities are not finite"
    if proba.size and not (proba.min() >= 0 and proba.max() <= 1 + 1e-6):
        return f"probabilities from {proba.min()} to {proba.max()}"
    if sums and len(shape) == 2 and not np.allclose(proba.sum(axis=1), 1, atol=1e-3):
        return "rows do not sum to 1"
    return None


def check_matrix(given: Any, truth: np.ndarray, strengths: bool = True) -> str | None:
    """Return how a matrix differs from the one that was meant."""
    dense = given.toarray() if sp.issparse(given) else np.asarray(given)
    if dense.shape != truth.shape:
        return f"a matrix {dense.shape} for {truth.shape}"
    if not strengths:
        dense, truth = dense != 0, truth != 0
    n_wrong = int((dense != truth).sum())
    return f"{n_wrong} entries are not what was given" if n_wrong else None


def check_model(model: Any, truth: np.ndarray | None = None) -> str | None:
    """Return what is wrong with a fitted model: its data, its lists, its probabilities."""
    tags = model.__sklearn_tags__()
    learnt = model.interactions_
    if truth is not None:
        fault = check_matrix(learnt, truth, tags.feedback == "explicit")
        if fault:
            return fault
    n_rows, n_items = min(3, learnt.shape[0]), learnt.shape[1]
    users = np.arange(n_rows)
    lists, scores = model.recommend(users=users, n_items=3, return_scores=True)
    seen = learnt[users].toarray() != 0
    fault = check_lists(lists, n_items, seen, scores)
    proba = model.predict_proba(users=users)
    return fault or check_probabilities(proba, (n_rows, n_items), tags.proba == "categorical")


def check_split(parts: list[tuple[np.ndarray, np.ndarray]], n: int) -> str | None:
    """Return what is wrong with the splits of n units."""
    if not parts:
        return "no splits"
    for train, test in parts:
        both = np.concatenate([train, test])
        if not len(train) or not len(test):
            return "an empty side"
        if both.min() < 0 or both.max() >= n or np.intersect1d(train, test).size:
            return "indices out of range or on both sides"
    return None
