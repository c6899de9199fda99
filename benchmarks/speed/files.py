"""Measure files of models: their size beside a pickle's, and the time to write and read them.

"bare" is a file without the interactions of fit. "own" is the memory that each of the --processes
which map one file has for itself after it has answered for one user, and what they have in common
is "shared". Weights are those of short fits.
"""

import os
import pickle
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.arguments import add_data, make_parser
from benchmarks.speed.measure import seconds
from skrec import (
    BPRMFRanker,
    EASERecommender,
    ItemKNNRecommender,
    MultVAERecommender,
    WMFRecommender,
    load_model,
    save_model,
)
from skrec.reproduce import load_data

__all__ = ["main"]

_MODELS: dict[str, Callable[[], Any]] = {
    "ItemKNN": ItemKNNRecommender,
    "EASE": EASERecommender,
    "WMF": lambda: WMFRecommender(max_epochs=1, random_state=0),
    "BPRMF": lambda: BPRMFRanker(solver="sgd", lr=0.02, max_epochs=1, random_state=0),
    "MultVAE": lambda: MultVAERecommender(max_epochs=0, random_state=0),
}
_COLUMNS = ("pickle", "file", "bare", "dump", "save", "loads", "load", "mmap", "own", "shared")
_MEGABYTE = 2**20
# prints what a process has for itself and in common, in KiB, while all of them hold the model
_WORKER = """
import sys
import numpy as np
from skrec import load_model

def kibibytes(kinds):
    lines = open("/proc/self/smaps_rollup").read().splitlines()[1:]
    values = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return sum(values[kind] for kind in kinds)

private = ("Private_Clean", "Private_Dirty")
before = kibibytes(private)
model = load_model(sys.argv[1], mmap=True)
model.recommend(np.eye(1, model.n_features_in_), n_items=1)
print("loaded", flush=True)
sys.stdin.readline()
print(kibibytes(private) - before, kibibytes(("Shared_Clean",)), flush=True)
sys.stdin.readline()
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("speed.files", __doc__)
    add_data(parser, "ml-1m")
    parser.add_argument("--models", nargs="+", choices=_MODELS, default=list(_MODELS))
    parser.add_argument("--rounds", type=int, default=5, help="of which medians are taken")
    parser.add_argument("--processes", type=int, default=4, help="that map a file; default: 4")
    options = parser.parse_args(argv)
    if options.smoke:
        options.data, options.rounds, options.processes = "synthetic", 1, 1
    if min(options.rounds, options.processes) < 1:
        parser.error(
            f"must be 1 or more: --rounds {options.rounds}, --processes {options.processes}"
        )
    print(f"{'':10}", *(f"{name:>8}" for name in _COLUMNS), " MiB, milliseconds,", options.data)
    for name, row in files(options):
        print(f"{name:10}", *(f"{row[column]:8.2f}" for column in _COLUMNS), flush=True)


def files(options: Namespace) -> Iterator[tuple[str, dict[str, float]]]:
    """Fit each model, and yield its name and the figures of its files."""
    X = sp.csr_matrix(load_data(options.data, options.data_home).interactions.tocsr())
    X.data[:] = 1
    for name in options.models:
        model = _MODELS[name]().fit(X)
        model.predict_proba(X[:1])  # what is calibrated late takes its time here
        with tempfile.TemporaryDirectory() as folder:
            yield name, _figures(model, Path(folder), options)


def _figures(model: Any, folder: Path, options: Namespace) -> dict[str, float]:
    pickled, whole, bare = (folder / kind for kind in ("pickle", "whole", "bare"))
    tasks: dict[str, Callable[[], object]] = {
        "dump": lambda: pickled.write_bytes(pickle.dumps(model)),
        "save": lambda: save_model(model, whole),
        "loads": lambda: pickle.loads(pickled.read_bytes()),
        "load": lambda: load_model(whole),
        "mmap": lambda: load_model(whole, mmap=True),
    }
    times = {
        k: 1e3 * median(seconds(job) for _ in range(options.rounds)) for k, job in tasks.items()
    }
    save_model(model, bare, training_data=False)
    sizes = {"pickle": pickled, "file": whole, "bare": bare}
    own, shared = np.median(_memory(whole, options.processes), axis=0) / 1024
    of_files = {name: path.stat().st_size / _MEGABYTE for name, path in sizes.items()}
    return {**of_files, **times, "own": own, "shared": shared}


def _memory(path: Path, n_processes: int) -> list[list[int]]:
    """Return the KiB that processes which hold one model have alone, and in common."""
    if not os.path.exists("/proc/self/smaps_rollup"):
        return [[0, 0]]
    command = [sys.executable, "-c", _WORKER, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen(command, **pipes) for _ in range(n_processes)]
    _each(workers)  # until all have loaded it
    found = [[*map(int, line.split())] for line in _each(workers, "\n")]
    for worker in workers:
        worker.communicate("\n")
    return found


def _each(workers: list[subprocess.Popen[str]], text: str = "") -> list[str]:
    """Write to all processes, and then read a line of each."""
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(text)
        worker.stdin.flush()
    return [worker.stdout.readline() for worker in workers if worker.stdout is not None]


if __name__ == "__main__":
    main()
