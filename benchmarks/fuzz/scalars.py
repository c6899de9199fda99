"""Odd scalars: parameters at their edges, of wrong kinds, and one-dimensional lists of indices."""

import decimal
import fractions
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge

from benchmarks.fuzz.case import Odd

__all__ = ["for_parameter", "indices", "plain_scalars"]

# a huge value asks for endless work, and gets it
_ENDLESS = {
    "max_epochs", "pretrain_epochs", "fold_in_steps", "n_samples", "n_draws", "max_iter", "n_jobs",
    "n_encoder_passes", "n_decoder_passes", "n_resamples", "n_rounds", "n_splits",
    "n_interactions", "n_users",
}  # fmt: skip
_OF_WORDS = ("device", "validation_metric", "optimizer")
_HUGE = (10**9, 2**63, 1e30)


def plain_scalars() -> list[Odd]:
    """Return scalars of all kinds; the verdict is their sort."""
    numbers: list[Any] = [0, 1, 2, 3, -1, -3, 1.0, 2.5, 0.5, -0.5, 1e-30, *_HUGE, -(10**9)]
    odds = [Odd(repr(n), n, "number") for n in numbers]
    odds += [Odd(f"np.{type(n).__name__}({n})", n, "number") for n in _NUMPY_NUMBERS]
    odds += [Odd(repr(b), b, "bool") for b in (True, False, np.True_)]
    odds += [Odd(str(f), f, "nan") for f in (float("nan"), np.float32("nan"))]
    odds += [Odd(str(f), f, "infinite") for f in (float("inf"), float("-inf"))]
    odds += [Odd(repr(s), s, "text") for s in ("", "nonsense", "auto", "3", "Ä\x00", "x" * 300)]
    return odds + [Odd(label, value, "object") for label, value in _objects()] + [Odd("None", None)]


_NUMPY_NUMBERS = (np.int8(3), np.uint8(2), np.int64(2), np.float16(0.5), np.float32(0.5))


def _objects() -> list[tuple[str, Any]]:
    plain: list[Any] = [b"x", [], [1], (), (1, 2), {}, {1}, 1j, int, decimal.Decimal("0.5")]
    return [(repr(value), value) for value in plain] + [
        ("object()", object()),
        ("Fraction(1, 2)", fractions.Fraction(1, 2)),
        ("np.array(2)", np.array(2)),
        ("np.array([1, 2])", np.array([1, 2])),
        ("np.array([])", np.array([])),
        ("Ridge()", Ridge()),
        ("len", len),
        ("Series([1])", pd.Series([1])),
        ("pd.NA", pd.NA),
        ("Timestamp(0)", pd.Timestamp(0)),
        ("iter([1])", iter([1])),
    ]


def for_parameter(name: str, constraints: Sequence[Any] | None = None) -> list[Odd]:
    """Return odd values of a parameter of an estimator, judged by its constraints."""
    constraints = list(constraints or ())
    intervals = [c for c in constraints if hasattr(c, "closed")]
    odds = _judged(plain_scalars(), intervals, constraints, name)
    for interval in intervals:
        edges = [e for e in (interval.left, interval.right) if e is not None]
        odds += [Odd(repr(e), e) for e in edges if np.isfinite(e)]
    odds += [Odd(repr(o), o) for c in constraints for o in sorted(getattr(c, "options", ()))]
    odds += _special(name)
    return odds if name not in _ENDLESS else [o for o in odds if not _is_huge(o.value)]


def _is_huge(value: Any) -> bool:
    return isinstance(value, int | float) and value > 1000


def _judged(odds: list[Odd], intervals: list[Any], constraints: list[Any], name: str) -> list[Odd]:
    """Return odd values with the verdicts that constraints of numbers and of words imply."""
    whole = bool(intervals) and all(c.type.__name__ == "Integral" for c in intervals)
    simple = bool(intervals) and all(
        hasattr(c, "closed") or c is None or hasattr(c, "options") for c in constraints
    )
    words = {o for c in constraints for o in getattr(c, "options", ())}
    judged = []
    for odd in odds:
        wrong = (
            (odd.verdict == "nan" and bool(intervals))
            or (odd.verdict == "bool" and whole and "boolean" not in constraints)
            or (odd.verdict == "text" and (simple or bool(words)) and odd.value not in words)
            or (odd.verdict == "object" and simple and isinstance(odd.value, list | dict | set))
            or (odd.verdict == "number" and simple and _below(odd.value, intervals))
            or (odd.label in ("''", "'nonsense'") and name in _OF_WORDS)
        )
        judged.append(odd._replace(verdict="refuse" if wrong else "any"))
    return judged


def _below(value: Any, intervals: list[Any]) -> bool:
    return all(c.left is not None and value < c.left for c in intervals)


def _special(name: str) -> list[Odd]:
    """Return values that are odd for parameters of a certain name."""
    if name.endswith("_sizes") or name in ("kernel_sizes", "confidence"):
        sizes: list[Any] = [(0,), (-1,), (2.5,), (True,), ("a",), (np.int8(3),), [4], ((4,),)]
        sizes += [(), (4, 0), (None,), (float("nan"),), (10**9,), [4.0], "44", (3, 3, 3)]
        return [
            Odd(repr(s), s, "refuse" if s in ((-1,), ("a",), (None,)) else "any") for s in sizes
        ]
    if name == "device":
        words = ("cpu", "cuda", "gpu", "mps", "meta", "cpu:0", "cuda:9", "CPU")
        return [Odd(repr(w), w, "refuse" if w == "gpu" else "any") for w in words]
    if name == "random_state":
        states: list[Any] = [np.random.RandomState(0), np.random.default_rng(0), np.random, 2**32]
        odds = [Odd(type(s).__name__ if s != 2**32 else "2**32", s) for s in states]
        return [*odds, Odd("-1", -1, "refuse"), Odd("np.int8(3)", np.int8(3), "take")]
    if name == "validation_metric":
        words = ("ndcg@10", "ndcg@0", "ndcg@-1", "ndcg@x", "ndcg@", "recall@3", "rmse", "@10")
        return [Odd(repr(w), w) for w in words]
    if name == "callbacks":
        lists: list[Any] = [[], [1], ["x"], [None], [object()], [("a", 1)], [len], [Ridge]]
        return [Odd(repr(c), c, "refuse" if c in ([1], ["x"]) else "any") for c in lists]
    if name == "optimizer":
        kinds: list[Any] = [int, dict, "sgd", "adamw", "ADAM", Ridge]
        return [Odd(getattr(k, "__name__", repr(k)), k) for k in kinds]
    return []


def indices(n: int) -> list[Odd]:
    """Return one-dimensional lists of indices below n; the verdict is their sort."""
    good: list[Any] = [[0, 1], (0, 1), range(2), np.array([1, 0], np.int8), pd.Series([0, 1])]
    good += [np.array([1, 0], np.uint64), np.array([0], ">i4"), [0, 0], [n - 1]]
    odds = [Odd(_short(g), g, "good", [int(i) for i in g]) for g in good]
    far: list[Any] = [[0, n], [-1], [n + 10**6], [10**20], [-(10**11)], [0, -n - 1]]
    odds += [Odd(_short(f), f, "far") for f in far]
    wrong: list[Any] = [[0.5], ["0"], [None], [float("nan")], "abc", [[0, 1], [2]], {0: 1}]
    wrong += [[1j], [b"0"], np.array(["2020"], "datetime64[s]"), [pd.NA], [Ridge()]]
    odds += [Odd(_short(w), w, "wrong") for w in wrong]
    other: list[Any] = [[], 0, [0.0], [True, False], np.array([0], object), {0, 1}, iter([0])]
    other += [[[0, 1]], [[[0]]], np.ma.masked_equal([0, 1], 1), slice(0, 2), np.zeros((0, 3), int)]
    return odds + [Odd(_short(o), o) for o in other]


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) < 60 else f"{text[:56]} ..."
