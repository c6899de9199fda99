"""What runs in a fresh process, as ``python -m benchmarks.speed.jobs NAME JSON``; JSON comes out.

EASE and its like must not pay for an import of torch, so nothing here imports it at the top.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.arguments import parse_json
from benchmarks.speed.matrices import load_matrix
from benchmarks.speed.measure import current_memory, peak_memory, seconds, watch_memory
from skrec.datasets import make_interactions
from skrec.reproduce import make_system
from skrec.typing import CSRMatrix

__all__ = ["curve", "evaluate", "fit", "held", "recommend", "repeat", "steps"]


def fit(matrix: str, system: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Fit an estimator once: time, and the peak of memory."""
    X, estimator = load_matrix(matrix), make_system(system, parameters)
    with watch_memory() as memory:
        taken = seconds(lambda: estimator.fit(X))
    return {"seconds": taken, "peak": memory["peak"], "extra": memory["extra"]}


def curve(matrix: str, kind: str, system: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Time a fit, an epoch of a fit, or the ranking of all users by an untrained model."""
    X, estimator = load_matrix(matrix), make_system(system, parameters)
    _call(kind, make_system(system, parameters), _tiny())()  # imports and compiles
    with watch_memory() as memory:
        taken = repeat(_call(kind, estimator, X))
    return {"seconds": np.median(taken), "n": len(taken), **memory}


def _tiny() -> CSRMatrix:
    return make_interactions(60, 40, 600, random_state=0).X


def _call(kind: str, estimator: Any, X: Any) -> Callable[[], Any]:
    if kind == "epoch":
        from benchmarks.speed.timers import EstimatorEpochs  # imports torch

        return EstimatorEpochs(estimator, X, 1)
    if kind == "fit":
        return lambda: seconds(lambda: estimator.fit(X))
    estimator.set_params(max_epochs=0).fit(X)
    return lambda: seconds(lambda: estimator.recommend(users=np.arange(X.shape[0])))


def repeat(call: Callable[[], Any], enough: float = 2.0, at_most: int = 5) -> list[float]:
    """Return the seconds of calls, as many as `enough` seconds take; short ones need a few."""
    taken: list[float] = []
    while sum(taken) < enough and len(taken) < at_most:
        taken.append(float(np.mean(call())))
    return taken


def recommend(**arguments: Any) -> dict[str, Any]:
    """Rank all users, see `rank_users`."""
    from benchmarks.speed.ranking import rank_users

    return rank_users(**arguments)


def evaluate(**arguments: Any) -> dict[str, Any]:
    """Score all targets, see `score_targets`."""
    from benchmarks.speed.ranking import score_targets

    return score_targets(**arguments)


def held(**arguments: Any) -> dict[str, Any]:
    """Measure what a fit holds for each interaction, see `fit_held`."""
    from benchmarks.speed.memory import fit_held

    return fit_held(**arguments)


def steps(**arguments: Any) -> dict[str, Any]:
    """Time the steps of a fit, see `fit_steps`."""
    from benchmarks.speed.memory import fit_steps

    return fit_steps(**arguments)


if __name__ == "__main__":
    JOBS = {"curve": curve, "fit": fit, "recommend": recommend, "evaluate": evaluate}
    JOBS |= {"held": held, "steps": steps}
    answer = JOBS[sys.argv[1]](**parse_json(sys.argv[2]))
    answer |= {"process_peak": peak_memory(), "resident_at_end": current_memory()}
    print(json.dumps(answer, default=float))
