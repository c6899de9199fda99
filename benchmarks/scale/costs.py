"""Measure what fits of a family cost around its base, as ``python -m benchmarks.scale.costs NAME``.

`benchmarks.scale.limits` calls it, and fits formulas to the lines of JSON that come out.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.scale.families import FAMILIES, Family
from benchmarks.scale.large import draw_blocks
from benchmarks.speed.measure import peak_of_anonymous
from skrec.reproduce import make_system
from skrec.typing import CSRMatrix

__all__ = ["measure_family"]

_MORE_EPOCHS, _ENOUGH = (2, 10, 50, 250), 2.0  # seconds


def _points(family: Family, smoke: bool) -> list[tuple[int, ...]]:
    """Return the sizes at which a family is measured."""
    base = np.array(family.base)
    if smoke:
        base = np.array([60, 40, 600, 8])
    growths = [(1, 1, 1, 1), (4, 1, 1, 1), (1, 4, 1, 1), (1, 1, 4, 1), (2, 2, 4, 1)]
    growths += [(3, 3, 3, 1), (4, 4, 8, 1)]
    if family.factors is not None:
        growths += [(1, 1, 1, 4), (2, 2, 2, 2), (1, 1, 4, 4), (4, 4, 4, 4)]
    return [tuple(map(int, base * growth)) for growth in growths]


def measure_family(name: str, smoke: bool = False) -> None:
    """Measure all points of a family, each in a process forked from this one, and print them.

    Parameters
    ----------
    name : str
        One of `FAMILIES`.
    smoke : bool, default=False
        Whether to take tiny data.
    """
    family = FAMILIES[name]
    _cost(family, _draw((60, 40, 600, 8), family), 8)  # imports and compiles
    for point in _points(family, smoke):
        X = _draw(point, family)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            answer = _cost(family, X, point[3])
            os.write(writer, json.dumps(answer).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        d = np.diff(X.indptr)
        size = {"users": X.shape[0], "items": X.shape[1], "entries": X.nnz, "factors": point[3]}
        length = float((d.astype(float) ** 2).sum() / max(1, X.nnz))
        answer = json.loads(text) if text else {"note": "ended without an answer"}
        print(json.dumps({"model": name, **size, "length": length, **answer}), flush=True)


def _draw(point: tuple[int, ...], family: Family) -> CSRMatrix:
    n_users, n_items, n, _ = point
    X = sp.csr_matrix(sp.vstack(list(draw_blocks(n_users, n_items, n))))
    X.sum_duplicates()
    rng = np.random.RandomState(0)
    ratings = make_system(family.system, {}).__sklearn_tags__().feedback == "explicit"
    X.data[:] = rng.randint(1, 6, X.nnz) if ratings else 1
    return X


def _cost(family: Family, X: CSRMatrix, factors: int) -> dict[str, float]:
    """Return seconds of the processor, and bytes on top of what was there."""
    if family.what == "fit":
        seconds, held = _watched(lambda: _model(family, factors, None).fit(X))
        return {"seconds": seconds, "bytes": held}
    if family.what == "lists":
        model = _model(family, factors, 1).fit(X)
        seconds, held = _watched(lambda: model.recommend(users=np.arange(X.shape[0])))
        return {"seconds": seconds, "bytes": held}
    few, held = _watched(lambda: _model(family, factors, 1).fit(X))
    for more in _MORE_EPOCHS:
        taken, later = _watched(partial(_model(family, factors, 1 + more).fit, X))
        if taken - few > min(few, _ENOUGH):  # else it is lost in what a fit does once
            break
    return {"seconds": max((taken - few) / more, 1e-6), "bytes": max(held, later)}


def _watched(call: Callable[[], Any]) -> tuple[float, float]:
    with peak_of_anonymous() as anonymous:
        start = time.process_time()
        call()
        taken = time.process_time() - start
    return taken, 2**20 * (max(anonymous) - anonymous[0])


def _model(family: Family, factors: int, epochs: int | None) -> Any:
    known = make_system(family.system, {}).get_params()
    parameters = dict(family.parameters)
    if family.factors is not None:
        value: Any = factors if family.factors != "hidden_sizes" else [factors]
        parameters[family.factors] = value
    fixed = {"random_state": 0, "device": "cpu", "n_jobs": 1}
    if epochs is not None:
        fixed["max_epochs" if "max_epochs" in known else "n_samples"] = epochs
    parameters |= {name: value for name, value in fixed.items() if name in known}
    return make_system(family.system, parameters)


if __name__ == "__main__":
    measure_family(sys.argv[1], "--smoke" in sys.argv[2:])
