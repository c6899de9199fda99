"""Checks of what comes in: nothing corrupt, mistaken, or of a wrong kind goes in silently."""

import tracemalloc
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec.interactions import Interactions
from skrec.testing._checks_errors import Words, assert_clear_errors
from skrec.testing._data import (
    AnyRecommender,
    Histories,
    assert_close,
    fitted,
    quick,
    scores_of,
    tiny,
)
from skrec.typing import Array

__all__ = ["CHECKS", "IMPLICIT_CHECKS"]


def _corrupt(X: Histories) -> Iterator[tuple[str, Any]]:
    """Yield matrices with one wrong index or pointer, the others as they were."""
    for form, part, place, value in (
        ("csr", "indices", 0, X.shape[1]),
        ("csr", "indices", 0, -1),
        ("csr", "indptr", 2, X.nnz + 1),
        ("csr", "indptr", -1, X.nnz + 1),
        ("csc", "indices", 0, X.shape[0]),
        ("csc", "indptr", -1, X.nnz + 1),
        ("coo", "row", 0, X.shape[0]),
        ("coo", "col", 0, -1),
    ):
        broken = getattr(sp, f"{form}_matrix")(X, copy=True)
        getattr(broken, part)[place] = value
        yield f"{form}: {part}[{place}] = {value}", broken


def check_corrupt_matrices(name: str, estimator: AnyRecommender) -> None:
    """Check that sparse matrices whose arrays contradict each other are errors, at every door."""
    model, rows = fitted(estimator), tiny(estimator, 4, seed=2)
    words = ("sparse matrix", "X")
    calls: dict[str, tuple[partial[Any], Words]] = {}
    for what, X in _corrupt(tiny(estimator)):
        calls[f"fit, {what}"] = partial(quick(estimator).fit, X), words
    for what, X in _corrupt(rows):
        for method in (model.decision_function, model.predict_proba, model.recommend, model.score):
            calls[f"{method.__name__}, {what}"] = partial(method, X), words
        exclude = partial(model.recommend, rows, exclude=X)
        calls[f"exclude, {what}"] = exclude, ("exclude", "sparse matrix")
        calls[f"y, {what}"] = partial(model.score, rows, X), ("y", "sparse matrix")
    assert_clear_errors(name, calls)


def _tables() -> dict[str, Any]:
    """Return tables of one row an interaction, under names that say nothing."""
    rng = np.random.RandomState(0)
    ids = np.column_stack([rng.permutation(40) + 100, rng.permutation(40), rng.randint(1, 6, 40)])
    words = pd.DataFrame({"who": [f"u{i}" for i in ids[:, 0]], "what": ids[:, 1]})
    return {
        "DataFrame": pd.DataFrame(ids, columns=["a", "b", "c"]),
        "DataFrame of words": words,
        "array": ids,
        "array of floats": ids.astype(float),
        "list of lists": ids.tolist(),
        "two columns": ids[:, :2],
    }


def check_long_tables(name: str, estimator: AnyRecommender) -> None:
    """Check that tables of ids are errors, whatever their columns are called."""
    words = ("X", "Interactions.from_frame")
    tables = _tables().items()
    fits = {what: (partial(quick(estimator).fit, table), words) for what, table in tables}
    assert_clear_errors(name, fits)


def check_strengths_are_summed_wide(name: str, estimator: AnyRecommender) -> None:
    """Check that a pair that is stored 256 times in uint8 is not lost."""
    X = tiny(estimator)
    pairs = np.argwhere(X.toarray())
    pairs = np.concatenate([pairs, np.repeat(pairs[-1:], 255, axis=0)])
    narrow = sp.coo_matrix((np.ones(len(pairs), np.uint8), tuple(pairs.T)), shape=X.shape)
    wide = sp.csr_matrix(narrow.astype(np.float64))
    models = [quick(estimator).fit(form) for form in (narrow, wide)]
    scores, right = map(scores_of, models)
    assert_close(scores, right, f"{name}: fitted on uint8")
    assert models[0].interactions_[tuple(pairs[-1])], f"{name}: a pair of 256 was lost"
    row, item = pairs[-1]
    lists = models[0].recommend(narrow, n_items=X.shape[1])
    assert item not in lists[row], f"{name}: what was seen 256 times is recommended"


def check_masked_and_half_precision(name: str, estimator: AnyRecommender) -> None:
    """Check that masked entries of an array are missing, and float16 is read."""
    X = tiny(estimator).toarray()
    masked = np.ma.masked_array(np.where(X == 0, 5, X).astype(np.float16), X == 0)
    learnt = quick(estimator).fit(masked).interactions_
    assert abs(learnt - sp.csr_matrix(X)).nnz == 0, f"{name}: fit"
    model = fitted(estimator)
    assert_close(model.decision_function(masked[:5]), model.decision_function(X[:5]), name)


def _numbered(X: Histories, descending: bool) -> Interactions:
    """Return a matrix as interactions whose encoder numbers ids in one order or in the other."""
    pairs = Interactions(X)
    table = pd.DataFrame({"user": pairs.user, "item": pairs.item, "rating": pairs.value})
    table = table.sort_values("item", ascending=not descending, kind="stable")
    return Interactions.from_frame(table, rating="rating")[0]


def check_other_ids(name: str, estimator: AnyRecommender) -> None:
    """Check that interactions whose encoder numbers the ids otherwise are an error."""
    X = tiny(estimator)
    model = quick(estimator).fit(_numbered(X, descending=False))
    other = _numbered(X, descending=True)
    methods = [model.decision_function, model.predict_proba, model.recommend, model.score]
    words = ("X", "ids", "encoder")
    assert_clear_errors(name, {m.__name__: (partial(m, other), words) for m in methods})


def check_whole_numbers(name: str, estimator: AnyRecommender) -> None:
    """Check that bools are no integers as parameters, and that NumPy's small integers are."""
    X, params = tiny(estimator), estimator.get_params(deep=False)
    whole = [n for n, c in estimator._parameter_constraints.items() if _takes_integers(c)]
    whole = [n for n in whole if n in params]
    calls = {n: (partial(quick(estimator, **{n: True}).fit, X), (n,)) for n in whole}
    if "random_state" in params:
        calls["-1"] = partial(quick(estimator, random_state=-1).fit, X), ("random_state",)
    assert_clear_errors(name, calls)
    chosen = quick(estimator).get_params(deep=False)
    small = {n: _small(v) for n, v in chosen.items() if type(v) is int}
    if small:
        model = quick(estimator, **small).fit(X)
        assert_close(scores_of(model), scores_of(fitted(estimator)), f"{name}: {small}", 1e-7)


def _takes_integers(constraints: list[Any]) -> bool:
    """Return whether the numbers that a parameter takes are integers, and no bool."""
    types = [c.type.__name__ for c in constraints if hasattr(c, "closed")]
    return bool(types) and set(types) == {"Integral"} and "boolean" not in constraints


def _small(value: int) -> Any:
    return np.min_scalar_type(-abs(value) - 1).type(value)


def check_long_lists(name: str, estimator: AnyRecommender) -> None:
    """Check that lists longer than the catalogue are padded, and cost only what they hold."""
    model, X = fitted(estimator), tiny(estimator, 2, seed=2)
    n_items = X.shape[1]
    lists = model.recommend(X, n_items=3 * n_items)
    assert lists.shape == (2, 3 * n_items), f"{name}: {lists.shape}"
    np.testing.assert_array_equal(lists[:, :n_items], model.recommend(X, n_items=n_items), name)
    assert (lists[:, n_items:] == -1).all(), f"{name}: what is beyond the catalogue is no -1"
    most = 2 * _bytes_of(model.recommend(X, n_items=10**5, return_scores=True))
    tracemalloc.start()
    try:
        model.recommend(X, n_items=10**5, return_scores=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most, f"{name}: {peak} bytes for lists of {most // 2}"


def _bytes_of(arrays: tuple[Array, ...]) -> int:
    return sum(array.nbytes for array in arrays)


def check_nan_at_every_door(name: str, estimator: AnyRecommender) -> None:
    """Check that NaN is an error that names where it came in."""
    model, X = fitted(estimator), tiny(estimator)
    wrong = X.copy()
    wrong.data[3] = np.nan
    calls: dict[str, tuple[partial[Any], Words]] = {
        "score X": (partial(model.score, wrong), ("X", "NaN")),
        "score dense X": (partial(model.score, wrong.toarray()), ("X", "NaN")),
        "score y": (partial(model.score, X, wrong), ("y", "NaN")),
        "score Interactions": (partial(model.score, Interactions(wrong)), ("X", "NaN")),
    }
    for method in (model.decision_function, model.predict_proba, model.recommend):
        calls[method.__name__] = partial(method, wrong), ("X", "NaN")
    if "validation_data" in model.get_params():
        judged = quick(estimator, validation_data=Interactions(wrong), early_stopping=True)
        calls["validation_data"] = partial(judged.fit, X), ("validation_data", "NaN")
    assert_clear_errors(name, calls)


def check_refits_serve(name: str, estimator: AnyRecommender) -> None:
    """Check that a model answers as before until a refit is whole, and then as the new one."""
    served: list[AnyRecommender] = []
    answers: list[Array] = []
    base: Any = type(estimator)

    def _ask(self: Any, *args: Any, hook: str) -> None:
        getattr(base, hook)(self, *args)
        answers.extend(model.decision_function(users=[2, 3]) for model in served)

    hooks = {
        "_fit": lambda self, X: _ask(self, X, hook="_fit"),
        "_tidy": lambda self: _ask(self, hook="_tidy"),
    }
    cls = type(base.__name__, (base,), {**hooks, "__module__": base.__module__})
    model = cls(**quick(estimator).get_params(deep=False)).fit(tiny(estimator))
    old = model.decision_function(users=[2, 3])
    served.append(model)
    try:
        model.fit(tiny(estimator, 11, 13, seed=5))
    except Exception as error:
        raise AssertionError(
            f"{name}: a model cannot be asked during a refit: {error!r}"
        ) from error
    assert answers, f"{name}: was not asked"
    for answer in answers:
        assert_close(answer, old, f"{name}: during a refit", tolerance=1e-7)
    assert model.decision_function(users=[2, 3]).shape == (2, 13), f"{name}: after a refit"


CHECKS = [
    check_corrupt_matrices,
    check_long_tables,
    check_masked_and_half_precision,
    check_other_ids,
    check_whole_numbers,
    check_long_lists,
    check_nan_at_every_door,
    check_refits_serve,
]
IMPLICIT_CHECKS = [check_strengths_are_summed_wide]
