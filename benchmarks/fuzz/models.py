"""Cases of estimators: parameters and data of fit, queries of fitted models, scorers."""

from collections.abc import Callable
from functools import cache, partial
from random import Random
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.fuzz import scalars
from benchmarks.fuzz.case import Case, Odd, choose, make_case, mark
from benchmarks.fuzz.checks import (
    check_floats,
    check_lists,
    check_model,
    check_probabilities,
)
from benchmarks.fuzz.matrices import matrices
from skrec import Interactions
from skrec.metrics import make_calibration_scorer, make_ranking_scorer, make_rating_scorer
from skrec.testing import all_estimators, make_estimator

__all__ = ["draw_fit", "draw_query", "draw_scorer"]

_QUICK = {"max_epochs": 1, "pretrain_epochs": 1, "fold_in_steps": 2, "n_samples": 2, "n_draws": 2}
_WRONG = {
    sort: "refuse"
    for sort in ("nan", "infinite", "complex", "text", "none", "dimensions", "empty", "ragged",
                 "table", "corrupt")
}  # fmt: skip


def data(explicit: bool, n_users: int = 12, seed: int = 0) -> np.ndarray:
    """Return a dense matrix of ones or ratings; no row is empty, the second row is full."""
    rng = np.random.RandomState(seed)
    X = (rng.rand(n_users, 9) < 0.4).astype(float)
    X[np.arange(n_users), rng.randint(9, size=n_users)] = 1
    X[1 % n_users] = 1
    return X * rng.randint(1, 6, size=X.shape) if explicit else X


@cache
def _classes() -> dict[str, Any]:
    return dict(all_estimators())


def _quick(name: str, **params: Any) -> Any:
    model = make_estimator(_classes()[name])
    own = model.get_params()
    fewer = {n: min(v, own[n] or v) for n, v in _QUICK.items() if n in own}
    return model.set_params(**{**fewer, **params})


def _is_explicit(model: Any) -> bool:
    return model.__sklearn_tags__().feedback == "explicit"


@cache
def _fitted(name: str) -> Any:
    model = _quick(name)
    return model.fit(sp.csr_matrix(data(_is_explicit(model))))


def _matrices(explicit: bool, X: np.ndarray, fit: bool) -> list[Odd]:
    verdicts = {**_WRONG, "format": "take"}
    if not explicit:
        verdicts |= {"negative": "refuse", "width": "take"}
    if fit:
        verdicts |= {} if explicit else {"zero": "refuse"}
    odds = mark(matrices(X), verdicts)
    return [o._replace(verdict="any") if o.label == "dia_matrix" and explicit else o for o in odds]


def draw_fit(rng: Random) -> Case:
    """Draw a case of an estimator's fit: a parameter or the data is odd."""
    name = rng.choice(sorted(_classes()))
    cls = _classes()[name]
    model = _quick(name)
    explicit, constraints = _is_explicit(model), cls._parameter_constraints
    X = data(explicit)
    pools: dict[str, Callable[[], list[Odd]]] = {
        n: partial(scalars.for_parameter, n, constraints.get(n))
        for n in model.get_params(deep=False)
        if n not in ("estimator", "n_jobs", "verbose")
    }
    if "validation_data" in pools:
        pools["validation_data"] = partial(_validation, explicit)
    pools = dict(rng.sample(sorted(pools.items()), min(len(pools), 6)))
    if rng.random() < 0.35 or not pools:
        pools = {"X": partial(_matrices, explicit, X, True)}
    odd = choose(rng, pools)

    def call(X: Any, **params: Any) -> Any:
        model = _quick(name, **params).fit(X)
        # predictions belong to the case: what fit let through must not break them
        return model, check_model(model, odd["X"].truth if "X" in odd else None)

    def check(answer: Any, odd: dict[str, Odd]) -> str | None:
        return answer[1]

    names = model.get_params()
    return make_case("fit", name, call, {"X": sp.csr_matrix(X)}, odd, check, names)


def _validation(explicit: bool) -> list[Odd]:
    X = data(explicit, seed=1)
    odds = [o._replace(verdict="any") for o in matrices(X)]
    pairs = [o._replace(value=(X, o.value), label=f"(X, {o.label})") for o in odds[::3]]
    return odds + pairs + [Odd("(X,)", (X,)), Odd("(X, X, X)", (X, X, X)), Odd("()", ())]


def draw_query(rng: Random) -> Case:
    """Draw a case of a fitted model: recommend, probabilities, scores, similar items."""
    name = rng.choice(sorted(_classes()))
    model = _fitted(name)
    method = rng.choice(["recommend"] * 4 + ["predict_proba", "decision_function", "score"] + (
        ["predict"] if _is_explicit(model) else []
    ) + (["similar_items"] * 2 if hasattr(model, "similar_items") else []))  # fmt: skip
    X = data(_is_explicit(model), 5, seed=2)
    pools: dict[str, Callable[[], list[Odd]]] = {"X": lambda: _query_matrices(model, X)}
    base: dict[str, Any] = {"X": sp.csr_matrix(X)}
    if method == "similar_items":
        base = {"items": [0, 3], "n_items": 3}
        pools = {"items": lambda: _indices(9), "n_items": _counts}
    elif method == "score":
        pools["y"] = lambda: mark(matrices(X), {"corrupt": "refuse", "nan": "refuse"})
    else:
        pools |= _query_pools(method, X)
    odd = choose(rng, pools)
    if "users" in odd and "X" not in odd:
        base = {"X": None}
    elif "users" in odd and odd["X"].value is None:  # users alone are enough
        odd["X"] = odd["X"]._replace(verdict="any")
    call = partial(_ask, name, method)
    check = partial(_check_query, name, method, base)
    return make_case("query", f"{name}.{method}", call, base, odd, check)


def _ask(name: str, method: str, **arguments: Any) -> Any:
    return getattr(_fitted(name), method)(**arguments)


def _query_matrices(model: Any, X: np.ndarray) -> list[Odd]:
    odds = _matrices(_is_explicit(model), X, False)
    no = {"one column", "1 x 1", "one more column", "1500 columns"}
    return [o._replace(verdict="refuse") if o.label in no else o for o in odds]


def _indices(n: int) -> list[Odd]:
    verdicts = {"good": "take", "far": "refuse", "wrong": "refuse"}
    return mark(scalars.indices(n), verdicts)


def _counts() -> list[Odd]:
    odds = mark(scalars.plain_scalars(), {"nan": "refuse", "bool": "refuse", "text": "refuse"})
    more = [Odd("10**5", 10**5), Odd("27", 27, "take")]
    return [o for o in odds if o.value is None or not isinstance(o.value, float)] + more


def _query_pools(method: str, X: np.ndarray) -> dict[str, Callable[[], list[Odd]]]:
    pools: dict[str, Callable[[], list[Odd]]] = {
        "users": lambda: _indices(12),
        "return_std": scalars.plain_scalars,
    }
    if method != "recommend":
        return pools
    words = ("mean", "ucb", "thompson", "best", "", "MEAN")
    return pools | {
        "n_items": _counts,
        "candidates": lambda: _indices(9) + _per_row(),
        "exclude": lambda: _indices(9) + mark(matrices(X), {"corrupt": "refuse"}),
        "exclude_seen": scalars.plain_scalars,
        "strategy": lambda: (
            [Odd(repr(w), w, "any" if w in words[:3] else "refuse") for w in words]
            + mark(scalars.plain_scalars(), {"nan": "refuse", "object": "refuse"})
        ),
        "return_scores": scalars.plain_scalars,
    }


def _per_row() -> list[Odd]:
    good = np.tile([3, 1, -1], (5, 1))
    wrong = {"too large": good + 9, "one row": good[:1], "float": good * 1.0, "-2": good - 1}
    return [
        Odd("per row", good),
        Odd("per row int8", good.astype(np.int8)),
        *(Odd(f"per row {n}", w, "refuse") for n, w in wrong.items()),
    ]


def _check_query(
    name: str, method: str, base: dict[str, Any], answer: Any, odd: dict[str, Odd]
) -> str | None:
    if method == "score":
        return check_floats(answer)
    first = answer[0] if isinstance(answer, tuple) else answer
    if method in ("decision_function", "predict"):
        return None if np.isfinite(first).all() else "not finite"
    if method == "predict_proba":
        sums = _fitted(name).__sklearn_tags__().proba == "categorical"
        return check_probabilities(first, first.shape, sums)
    if method == "similar_items":
        return check_lists(np.atleast_2d(first), 9)
    seen = None
    if not {"exclude_seen", "users"} & set(odd):
        truth = odd["X"].truth if "X" in odd else base["X"].toarray()
        seen = None if truth is None else truth != 0
    return check_lists(first, 9, seen) or _allowed(first, odd)


def _allowed(lists: np.ndarray, odd: dict[str, Odd]) -> str | None:
    """Return whether lists go beyond candidates, or into what was excluded."""
    if "candidates" in odd and odd["candidates"].truth is not None:
        if not np.isin(lists, [-1, *odd["candidates"].truth]).all():
            return "an item that is no candidate"
    if "exclude" in odd and isinstance(odd["exclude"].truth, list):
        if np.isin(lists, odd["exclude"].truth).any():
            return "an excluded item"
    return None


def draw_scorer(rng: Random) -> Case:
    """Draw a case of a scorer: its options, or the data that it judges."""
    make, model_name, options = rng.choice(_SCORERS)
    model = _fitted(model_name)
    X = data(_is_explicit(model), 12)
    constraint = {n: partial(_options, n) for n in options}
    pools: dict[str, Callable[[], list[Odd]]] = {
        **constraint,
        "X": lambda: mark(matrices(X), {**_WRONG, "format": "take"}),
        "y": lambda: mark(matrices(X), {"corrupt": "refuse", "nan": "refuse"}),
    }
    odd = choose(rng, pools)

    def call(X: Any, y: Any = None, **chosen: Any) -> Any:
        return make(**chosen)(model, X, y)

    given: Any = sp.csr_matrix(X) if rng.random() < 0.7 else Interactions(sp.csr_matrix(X))
    check = lambda answer, odd: check_floats(answer)  # noqa: E731
    return make_case("scorer", make.__name__, call, {"X": given}, odd, check, options)


def _options(name: str) -> list[Odd]:
    words = {
        "metrics": ("ndcg", "ndcg@5", "recall", ["ndcg@5", "recall"], [], ["x"], "ndcg@0", "ndcg@"),
        "metric": ("neg_brier", "neg_rmse", "neg_mae", "rmse", "neg_ece"),
        "candidates": ("all", "own", "mine"),
        "strategy": ("uniform", "quantile", "x"),
    }
    odds = [Odd(repr(w), w) for w in words.get(name, ())]
    if name == "negatives":
        return odds + [o._replace(verdict="any") for o in matrices(data(False))]
    return odds + mark(scalars.for_parameter(name), {})


_SCORERS = [
    (make_ranking_scorer, "EASERecommender",
     ["metrics", "k", "n_negatives", "negatives", "candidates", "relevance_threshold",
      "min_held_out", "truncated", "random_state"]),
    (make_ranking_scorer, "PopularityRecommender", ["metrics", "k", "n_negatives", "negatives"]),
    (make_calibration_scorer, "EASERecommender",
     ["metric", "n_unstored", "n_bins", "strategy", "random_state"]),
    (make_rating_scorer, "BiasedMFRegressor", ["metric", "random_state"]),
]  # fmt: skip
