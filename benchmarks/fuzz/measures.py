"""Cases of metrics, of comparisons and of splitters."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from benchmarks.fuzz import scalars, tables
from benchmarks.fuzz.case import Case, Odd, choose, make_case, mark
from benchmarks.fuzz.checks import check_floats, check_split, nothing
from benchmarks.fuzz.matrices import matrices
from skrec import Interactions, metrics, model_selection

__all__ = ["draw_comparison", "draw_metric", "draw_splitter"]

_SORTS = ("nan", "complex", "text", "none", "dimensions", "ragged", "corrupt")
_WRONG = {sort: "refuse" for sort in _SORTS}
_RANKING = ("hit_rate", "map", "mrr", "ndcg", "precision", "recall")
_LISTS = ("coverage", "gini", "novelty", "diversity")
_POINTS = ("mae", "rmse", "brier", "expected_calibration_error", "reliability_curve")


def _targets() -> np.ndarray:
    return (np.random.RandomState(3).rand(6, 9) < 0.4).astype(float)


def _scores() -> np.ndarray:
    return np.random.RandomState(4).rand(6, 9)


def _lists() -> np.ndarray:
    return np.argsort(_scores(), axis=1)[:, :4]


def _options(name: str) -> list[Odd]:
    words: dict[str, tuple[Any, ...]] = {
        "metrics": ("ndcg", "ndcg@5", "x", "", [], ["ndcg@3", "mrr"], "ndcg@0", "ndcg@-1", "@"),
        "strategy": ("uniform", "quantile", "x"),
        "random_state": (-1, 2**32),
    }
    own = [Odd(repr(w), w) for w in words.get(name, ())]
    odds = mark(scalars.plain_scalars(), {})
    if name in ("k", "n_items", "n_bins"):
        refuse = {"nan": "refuse", "bool": "refuse", "text": "refuse"}
        odds = mark(scalars.plain_scalars(), refuse)
    if name in ("n_bins", "n_resamples", "n_splits"):
        odds = [o for o in odds if not isinstance(o.value, int | float) or o.value < 1000]
    return own + odds


def _ranked() -> list[Odd]:
    lists = _lists()
    forms: list[Any] = [lists.tolist(), lists.astype(np.int8), pd.DataFrame(lists), lists[:, :0]]
    forms += [lists[:1]]
    odds = [Odd(f"lists {n}", form) for n, form in enumerate(forms)]
    wrong = {"far": lists + 6, "negative": -lists - 3, "repeats": lists * 0 + 1}
    wrong |= {"fractions": lists + 0.5}
    odds += [Odd(f"lists {n}", w, "refuse") for n, w in wrong.items()]
    return odds + mark(matrices(_targets())[::2], {s: "refuse" for s in ("nan", "corrupt", "text")})


def _negatives() -> list[Odd]:
    # a draw with replacement has repeats
    return [o._replace(verdict="any") if o.label == "lists repeats" else o for o in _ranked()]


def draw_metric(rng: Random) -> Case:
    """Draw a case of a metric."""
    name = rng.choice([*_RANKING, *_RANKING, "evaluate_ranking", *_LISTS, *_POINTS])
    function = getattr(metrics, name)
    y_true = sp.csr_matrix(_targets())
    truth = lambda: mark(matrices(_targets()), {**_WRONG, "format": "take"})  # noqa: E731
    scores = lambda: mark(matrices(_scores()), _WRONG)  # noqa: E731
    base: dict[str, Any]
    pools: dict[str, Callable[[], list[Odd]]]
    check = lambda answer, odd: check_floats(answer, 0, 1 + 1e-9)  # noqa: E731
    if name in (*_RANKING, "evaluate_ranking"):
        base = {"y_true": y_true, "y_score": _scores()}
        pools = {"y_true": truth, "y_score": scores}
        pools["exclude"] = lambda: mark(matrices(1 - _targets()), {"corrupt": "refuse"})
        if rng.random() < 0.25:
            base["y_score"], base["ranked"] = None, _lists()
            pools.pop("y_score")
            pools["ranked"] = _ranked
        option = rng.choice(["metrics"] if name == "evaluate_ranking" else ["k", "per_user"])
        pools[option] = partial(_options, option)
    elif name in _LISTS:
        base, pools, check = _list_metric(name)
    else:
        other = "y_pred" if name in ("mae", "rmse") else "y_prob"
        base = {"y_true": y_true, other: _scores()}
        # a dense y_true has other shapes
        pools = {"y_true": lambda: mark(matrices(_targets()), _WRONG)}
        # predictions may be NaN where there is no target
        loose = {**_WRONG, "nan": "any"} if other == "y_pred" else _WRONG
        pools[other] = lambda: mark(matrices(_scores()), loose)
        more = ["per_user"] if other == "y_pred" else ["n_bins", "strategy", "sample_weight"]
        more = ["sample_weight"] if name == "brier" else more
        pools |= {option: partial(_options, option) for option in more}
        check = nothing if name == "reliability_curve" else partial(_floor, 0.0)
    return make_case("metric", name, function, base, choose(rng, pools), check)


def _floor(low: float, answer: Any, odd: dict[str, Odd]) -> str | None:
    return check_floats(answer, low)


def _list_metric(name: str) -> tuple[dict[str, Any], dict[str, Callable[[], list[Odd]]], Any]:
    base: dict[str, Any] = {"ranked": _lists()}
    pools: dict[str, Callable[[], list[Odd]]] = {"ranked": _ranked}
    if name in ("coverage", "gini"):
        base["n_items"] = 9
        pools["n_items"] = partial(_options, "n_items")
    elif name == "novelty":
        base["popularity"] = np.arange(1.0, 10)
        pools["popularity"] = lambda: _options("x") + mark(matrices(_scores())[::4], {})
    else:
        base["features"] = np.eye(9)
        pools["features"] = lambda: mark(
            matrices(np.eye(9)), {"nan": "refuse", "corrupt": "refuse"}
        )
    return base, pools, partial(_floor, 0.0)


def draw_comparison(rng: Random) -> Case:
    """Draw a case of what compares splits and systems."""
    name = rng.choice(
        ["check_split", "compare", "compare_over_datasets", "holm", "critical_difference"]
    )
    function = getattr(model_selection, name)
    rows = np.random.RandomState(5).rand(8, 3)
    X = _targets()
    table = lambda: mark(matrices(rows), {"nan": "refuse", "text": "refuse", "corrupt": "refuse"})  # noqa: E731
    base: dict[str, Any] = {}
    pools: dict[str, Callable[[], list[Odd]]] = {}
    if name == "check_split":
        base = {"train": sp.csr_matrix(X), "test": sp.csr_matrix(X[::-1])}
        matrix = lambda: mark(matrices(X), {"corrupt": "refuse", "format": "take"})  # noqa: E731
        pools = {"train": matrix, "test": matrix, "negatives": _negatives}
    elif name == "compare":
        base = {"scores": rows.T, "n_resamples": 20}
        options = ("names", "reference", "n_resamples", "random_state", "alpha")
        pools = {"scores": table, **{o: partial(_options, o) for o in options}}
    elif name == "compare_over_datasets":
        base, pools = {"table": rows}, {"table": table, "alpha": partial(_options, "alpha")}
    elif name == "holm":
        base, pools = {"pvalues": [0.1, 0.2]}, {"pvalues": lambda: _options("x") + table()[::3]}
    else:
        base = {"n_systems": 3, "n_datasets": 5, "alpha": 0.05}
        pools = {o: partial(_options, o) for o in base}
    return make_case("comparison", name, function, base, choose(rng, pools), nothing)


_SPLITTERS = {
    "InteractionHoldout": ["test_size", "n_splits", "random_state"],
    "InteractionKFold": ["n_splits", "random_state"],
    "LeaveOneOut": ["by", "n_splits", "random_state"],
    "StrongGeneralization": ["test_users", "n_splits", "random_state"],
    "TemporalHoldout": ["test_size", "at"],
}


def draw_splitter(rng: Random) -> Case:
    """Draw a case of a splitter: its options, or what it splits."""
    name = rng.choice(sorted(_SPLITTERS))
    cls = getattr(model_selection, name)
    X = _targets()
    users = name == "StrongGeneralization"
    pools: dict[str, Callable[[], list[Odd]]] = {
        o: partial(_splitter_options, o) for o in _SPLITTERS[name]
    }
    verdicts = {"format": "take", "corrupt": "refuse"} if users else {"corrupt": "refuse"}
    verdicts |= {s: "refuse" for s in ("none", "ragged", "text")}
    pools["X"] = lambda: mark(matrices(X), verdicts)
    base = {"X": sp.csr_matrix(X) if users else _timed(X)}

    def call(X: Any, **options: Any) -> Any:
        parts = list(cls(**options).split(X))
        return parts, X.shape[0] if hasattr(X, "shape") else len(X)

    check = lambda answer, odd: check_split(*answer)  # noqa: E731
    return make_case("splitter", name, call, base, choose(rng, pools), check, _SPLITTERS[name])


def _timed(X: np.ndarray) -> Interactions:
    users, items = np.nonzero(X)
    times = np.arange(len(users)) % 7
    return Interactions.from_arrays(users, items, None, times, frame=X.shape)


def _splitter_options(name: str) -> list[Odd]:
    if name == "at":
        dates = [Odd(f"at {o.label}", o.value.iloc[1]) for o in tables.times()]
        return dates + _options("at")
    if name == "by":
        return [Odd(repr(w), w) for w in ("latest", "random", "x", "")] + _options("by")
    return _options(name)
