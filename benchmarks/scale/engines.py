"""Compare dask, Ray and Spark with two processes each with a plain run in one.

    python -m benchmarks.scale.engines --data ml-1m --engines none dask ray spark

Each engine searches a grid of SLIM, fits WMF and lists items for all users from a saved model, with
a thread a process and after a first small run that starts them. Printed are the seconds of each and
how many times as fast as the first engine that is; whether scores, vectors and lists are the same,
those of WMF to 1e-6; the driver's peak memory; and what became of a grid and of lists when a worker
was killed in the middle.
"""

import argparse
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from benchmarks.arguments import add_data, add_output, make_parser, prepare
from benchmarks.scale.clusters import ENGINES, Cluster, Fuse
from skrec import ItemKNNRecommender, SLIMRecommender, WMFRecommender, save_model
from skrec.datasets import make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization
from skrec.reproduce import append_rows, load_data
from skrec.typing import CSRMatrix

__all__ = ["main"]

_GRID = {"l1": [1.0, 5.0], "l2": [100.0, 1000.0]}
_WORK = ["grid", "wmf", "lists"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    if options.worker:
        _work(options)
        return
    prepare(parser, options)
    if options.smoke:
        options.engines = ["none"]
    rows, first = [], None
    for engine in options.engines:
        found = _run(options, engine)
        first = first or found
        rows.append(_row(options, engine, found, first))
        print(rows[-1], flush=True)
    print(pd.DataFrame(rows).to_string(index=False))
    append_rows(options.output, rows)


def _row(
    options: argparse.Namespace, engine: str, found: dict[str, Any], first: dict[str, Any]
) -> dict[str, Any]:
    """Return a row of the table."""
    row = {"data": options.data, "engine": engine}
    for name in _WORK:
        seconds, before = found[f"{name}_seconds"], first[f"{name}_seconds"]
        row |= {
            f"{name}_seconds": round(seconds, 2),
            f"{name}_speed_up": round(before / seconds, 2),
        }
    same = {
        "grid": np.array_equal(found["grid"], first["grid"]),
        "wmf": abs(found["wmf"] - first["wmf"]).max() <= 1e-6,
        "lists": found["lists"].equals(first["lists"]),
    }
    row |= {f"{name}_same": bool(value) for name, value in same.items()}
    row |= {
        "driver_peak_mb": round(found["peak"] / 1024),
        "start_seconds": round(found["start"], 1),
    }
    return row | {f"{name}_killed": found[f"{name}_killed"] for name in ("grid", "lists")}


def _run(options: argparse.Namespace, engine: str) -> dict[str, Any]:
    """Run this file in a process of its own, and return what it saves."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "found.pkl")
        own = ["-m", "benchmarks.scale.engines", "--worker", str(path), "--engines", engine]
        own += ["--data", options.data] + ["--smoke"] * options.smoke
        own += ["--data-home", options.data_home] if options.data_home else []
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, *own], check=True, env=environment)
        return pickle.loads(path.read_bytes())


def _work(options: argparse.Namespace) -> None:
    """Measure an engine, and save what was found."""
    (engine,) = options.engines
    if options.smoke:
        X = make_interactions(300, 100, 3000, random_state=0).X
    else:
        X = load_data(options.data, options.data_home).interactions.tocsr()
    begin = time.perf_counter()
    with ENGINES[engine]() as cluster, tempfile.TemporaryDirectory() as folder:
        _measure(cluster, X[:200], folder)  # imports, and code that is compiled or read
        found = {"start": time.perf_counter() - begin}
        found |= _measure(cluster, X, folder)
        found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found |= _kill(cluster, X, folder, found) if engine != "none" else _NOBODY_DIED
        Path(options.worker).write_bytes(pickle.dumps(found))


_NOBODY_DIED = {"grid_killed": "", "lists_killed": ""}


def _measure(cluster: Cluster, X: CSRMatrix, folder: str) -> dict[str, Any]:
    """Do all work once, and return the results with their seconds."""
    model = WMFRecommender(max_epochs=4, device="cpu", random_state=0)

    def fit() -> Any:
        with cluster.parallel(X):
            own: Any = clone(model)
            return own.fit(X).item_factors_

    path = str(Path(folder, f"knn-{X.shape[0]}.safetensors"))
    save_model(ItemKNNRecommender().fit(X), path)
    work: dict[str, Callable[[], Any]] = {
        "grid": lambda: _grid(cluster, X),
        "wmf": fit,
        "lists": lambda: cluster.lists(path, np.arange(X.shape[0])).reset_index(drop=True),
    }
    found: dict[str, Any] = {"path": path}
    for name, do in work.items():
        start = time.perf_counter()
        found[name] = do()
        found[f"{name}_seconds"] = time.perf_counter() - start
    return found


def _grid(cluster: Cluster, X: CSRMatrix, fuse: Fuse | None = None) -> Any:
    """Return the scores of the settings; the best is not fitted again."""
    scoring: Any = fuse or make_ranking_scorer("ndcg", k=10)
    splitters = (StrongGeneralization(test_users=X.shape[0] // 5, random_state=s) for s in (0, 1))
    folds = [fold for splitter in splitters for fold in splitter.split(X)]
    search = GridSearchCV(
        SLIMRecommender(n_candidates=30), _GRID, cv=folds, scoring=scoring, refit=False
    )
    with cluster.parallel(X):
        return search.fit(X).cv_results_["mean_test_score"]


def _kill(cluster: Cluster, X: CSRMatrix, folder: str, found: dict[str, Any]) -> dict[str, str]:
    """Return what becomes of lists and of a grid when a worker dies."""
    users, scorer = np.arange(X.shape[0]), make_ranking_scorer("ndcg", k=10)
    one, other = Fuse(str(Path(folder, "one"))), Fuse(str(Path(folder, "other")), scorer)
    work: dict[str, Callable[[], bool]] = {
        "lists": lambda: (
            cluster.lists(found["path"], users, one).reset_index(drop=True).equals(found["lists"])
        ),
        "grid": lambda: np.array_equal(_grid(cluster, X, other), found["grid"]),
    }
    ends = {}
    for name, do in work.items():
        cluster.wait()
        try:
            ends[f"{name}_killed"] = "the same" if do() else "differs"
        except Exception as error:
            ends[f"{name}_killed"] = type(error).__name__
    return ends


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("scale.engines", __doc__)
    add_data(parser, "ml-1m")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    add_output(parser, "engines.csv")
    return parser


if __name__ == "__main__":
    main()
