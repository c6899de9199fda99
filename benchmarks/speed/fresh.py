"""Tasks whose memory counts: each is measured in a fresh process."""

from argparse import Namespace
from typing import Any

from benchmarks.speed.command import Row
from benchmarks.speed.matrices import gowalla_files, large_file
from benchmarks.speed.measure import call_fresh

__all__ = ["PEAK", "evaluate", "fit_fresh", "recommend", "scale"]

PEAK = {"max_epochs": 1, "hidden_sizes": [600], "batch_size": 500, "device": "cpu"}
_N_NEIGHBORS = 100


def recommend(options: Namespace) -> list[Row]:
    """Time the ranking of all users."""
    path, _ = gowalla_files(options)
    return _rows(call_fresh("recommend", options.threads, matrix=path, rounds=options.rounds))


def evaluate(options: Namespace) -> list[Row]:
    """Time the scorer."""
    path, test = gowalla_files(options)
    arguments = {"matrix": path, "test": test, "rounds": options.rounds}
    return _rows(call_fresh("evaluate", options.threads, **arguments))


def _rows(answer: Row) -> list[Row]:
    return answer.get("rows") or [{"what": "job", "note": answer.get("error")}]


def scale(options: Namespace) -> list[Row]:
    """Fit on the large matrix, each system in a process of its own."""
    path = large_file(options)
    jobs = {
        "EASERecommender": {},
        "ItemKNNRecommender": {"n_neighbors": _N_NEIGHBORS},
        "MultVAERecommender": PEAK,
    }
    return [
        {"what": system, **fit_fresh(path, system, parameters, options)}
        for system, parameters in jobs.items()
    ]


def fit_fresh(path: str, system: str, parameters: dict[str, Any], options: Namespace) -> Row:
    """Fit a system once; return seconds and peak of memory, or a note that says why not."""
    answer = call_fresh("fit", options.threads, matrix=path, system=system, parameters=parameters)
    answer["note"] = answer.pop("error", None)
    return answer
