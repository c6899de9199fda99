"""Measure the memory of workers that load one file, mapped into memory or read by each.

Workers answer single requests without a network, and all are alive when the first is looked at.
Figures are MiB a worker, from /proc/PID/smaps_rollup of Linux: "private" is its own, "shared" is
there once for several processes, Python's libraries among it, and "pss" is the private part and its
share of the shared one, so that those of all workers add up to what they take together.
"""

import multiprocessing
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.arguments import make_parser
from benchmarks.serving.server import add_serving_options, check_serving_options, train
from benchmarks.speed.command import Row
from skrec import load_model
from skrec.reproduce import append_rows

__all__ = ["main", "memory_of"]

_REQUESTS = 200


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("serving.memory", __doc__)
    parser.add_argument("--workers", type=int, default=4, help="beside a single one; default: 4")
    add_serving_options(parser, "serving_memory.csv")
    options = parser.parse_args(argv)
    check_serving_options(parser, options, ["workers"])
    if not Path("/proc/self/smaps_rollup").exists():
        parser.error("memory can only be measured where there is /proc/PID/smaps_rollup, on Linux")
    if options.smoke:
        options.models, options.workers = options.models[:1], min(options.workers, 2)
    rows = []
    for row in memory(options):
        rows.append(row)
        append_rows(options.output, [row])
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.1f}".format))


def memory(options: Namespace) -> Iterator[Row]:
    """Train each model, and yield a row for each way to load it and number of workers."""
    for name in options.models:
        with tempfile.TemporaryDirectory() as folder:
            path = train(name, options, Path(folder))
            told = {"model": name, "data": options.data, "smoke": options.smoke}
            told["file"] = path.stat().st_size / 2**20
            for mapped in (True, False):
                for workers in sorted({1, options.workers}):
                    figures = pd.DataFrame(memory_of(path, mapped, workers)).mean().to_dict()
                    yield {**told, "mapped": mapped, "workers": workers, **figures}


def memory_of(path: Path, mapped: bool, n_workers: int) -> list[dict[str, float]]:
    """Return the memory of each of several workers.

    Parameters
    ----------
    path : Path
        The file of the model.
    mapped : bool
        Whether it is mapped into memory.
    n_workers : int
        How many load it.

    Returns
    -------
    figures : list of dict
        For each worker its memory in MiB, ``private``, ``shared`` and ``pss``.
    """
    fresh = multiprocessing.get_context("spawn")  # workers have nothing of this process
    ready, done = fresh.Semaphore(0), fresh.Event()
    given = (str(path), mapped, ready, done)
    workers = [fresh.Process(target=_work, args=given, daemon=True) for _ in range(n_workers)]
    for worker in workers:
        worker.start()
    try:
        for _ in workers:
            while not ready.acquire(timeout=1.0):
                if any(worker.exitcode is not None for worker in workers):
                    raise SystemExit("a worker has ended before it was measured")
        return [_rollup(worker.pid) for worker in workers]
    finally:
        done.set()
        for worker in workers:
            worker.join()


def _work(path: str, mapped: bool, ready: Any, done: Any) -> None:
    """Load a model, answer, and stay until told to end."""
    model = load_model(path, mmap=mapped)
    rows = np.random.default_rng(0).integers(model.interactions_.shape[0], size=_REQUESTS)
    for number, row in enumerate(rows):
        history = model.interactions_[row]
        model.recommend(users=[row]) if number % 2 else model.recommend(history)
    ready.release()
    done.wait()


def _rollup(pid: int | None) -> dict[str, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(size.split()[0]) / 1024 for name, size in (ln.split(":") for ln in lines)}
    parts = {
        kind.lower(): sizes[f"{kind}_Clean"] + sizes[f"{kind}_Dirty"]
        for kind in ("Private", "Shared")
    }
    return {**parts, "pss": sizes["Pss"]}


if __name__ == "__main__":
    main()
