"""Time and memory: alternating rounds, peaks of memory, jobs in fresh processes."""

import json
import math
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from skrec.typing import Array

__all__ = [
    "alternate",
    "call_fresh",
    "current_memory",
    "limited_threads",
    "peak_memory",
    "peak_of_anonymous",
    "reset_peak",
    "seconds",
    "summarize",
    "watch_memory",
]

_CHECKOUT = Path(__file__).parents[2]
_STATUS = Path("/proc/self/status")
_EVERY = 0.02  # seconds between looks at the memory


def seconds(function: Callable[[], object]) -> float:
    """Return the wall-clock time of a call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def alternate(
    tasks: Mapping[str, Callable[[], Any]], rounds: int, warm_up: bool = True
) -> dict[str, list[Array]]:
    """Time tasks in turns, so that a slow spell of the machine meets all of them alike.

    Parameters
    ----------
    tasks : dict of str to callable
        Each does one round and returns its seconds, one number or several.
    rounds : int
        Rounds that count.
    warm_up : bool, default=True
        Whether one more before them does not count.

    Returns
    -------
    times : dict of str to list of ndarray
        Seconds, an array a round.
    """
    times: dict[str, list[Array]] = {name: [] for name in tasks}
    for number in range(-warm_up, rounds):
        for name, task in tasks.items():
            taken = np.atleast_1d(task())
            if number >= 0:
                times[name].append(taken)
    return times


def summarize(
    times: Mapping[str, Sequence[Array]], reference: str | None = None
) -> list[dict[str, Any]]:
    """Return a dict a task: median, spread, and the ratios to a reference.

    Parameters
    ----------
    times : dict of str to list of ndarray
        Seconds, an array a round, from `alternate`.
    reference : str, default=None
        The task to divide by.

    Returns
    -------
    rows : list of dict
        With ``what``, ``seconds``, the quartiles, ``n``, the ``ratio`` of medians to that of
        ``reference``, and ``paired_ratio``, the median of the ratios within rounds, which other
        load on the machine moves less.
    """
    rows = []
    for name, rounds in times.items():
        taken = np.concatenate(rounds)
        low, middle, high = np.quantile(taken, [0.25, 0.5, 0.75])
        row = {"what": name, "seconds": middle, "low": low, "high": high, "n": len(taken)}
        rows.append(row | ({} if reference is None else _ratios(rounds, times[reference])))
    return [row | {"reference": reference} for row in rows]


def _ratios(rounds: Sequence[Array], others: Sequence[Array]) -> dict[str, float]:
    pairs = [np.median(own) / np.median(other) for own, other in zip(rounds, others)]
    ratio = np.median(np.concatenate(rounds)) / np.median(np.concatenate(others))
    return {"ratio": ratio, "paired_ratio": np.median(pairs)}


def _status(name: str) -> float | None:
    """Return a line of the process's status in MiB, None where there is no such thing."""
    if not _STATUS.exists():
        return None
    for line in _STATUS.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return None


def peak_memory() -> float:
    """Return the largest resident memory so far, in MiB.

    Linux counts it for the process image (``VmHWM``); ``ru_maxrss``, used elsewhere, would be
    handed down from the parent.
    """
    peak = _status("VmHWM")
    if peak is not None:
        return peak
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def current_memory() -> float:
    """Return the resident memory in MiB; the peak where only that is known."""
    now = _status("VmRSS")
    return peak_memory() if now is None else now


def reset_peak() -> None:
    """Let the peak start again from what is resident now, where the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass  # the peak then includes what came before: an upper bound


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Keep torch and the linear algebra of this process to so many threads."""
    import torch  # most of what is timed does without it

    torch.set_num_threads(threads)
    with threadpool_limits(threads):
        yield


@contextmanager
def watch_memory() -> Iterator[dict[str, float]]:
    """Fill a dict with the memory before and the peak inside the block, in MiB."""
    reset_peak()
    figures = {"before": current_memory()}
    yield figures
    figures["peak"] = peak_memory()
    figures["extra"] = figures["peak"] - figures["before"]


@contextmanager
def peak_of_anonymous() -> Iterator[list[float]]:
    """Look at the memory again and again, and collect what is not of files, in MiB.

    The first number is that before the block; the system counts only what a process holds now.
    """
    found, ended = [_anonymous()], threading.Event()

    def look() -> None:
        while not ended.wait(_EVERY):
            found.append(_anonymous())

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        ended.set()
        watcher.join()
        found.append(_anonymous())


def _anonymous() -> float:
    now = _status("RssAnon")
    return math.nan if now is None else now


def call_fresh(
    job: str, threads: int | None = None, limit: float | None = None, **arguments: Any
) -> dict[str, Any]:
    """Run a function of `benchmarks.speed.jobs` in a fresh process.

    Parameters
    ----------
    job : str
        Name of the function.
    threads : int, default=None
        Threads of BLAS and torch there.
    limit : float, default=None
        Seconds after which the process is ended.
    **arguments
        What the function takes, as JSON can hold it.

    Returns
    -------
    figures : dict
        What it returned, and the peak of the process's memory as ``process_peak``; or why there
        is nothing, as ``error``.
    """
    environment = dict(os.environ)
    if threads:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment |= dict.fromkeys(names, str(threads))
    command = [sys.executable, "-m", "benchmarks.speed.jobs", job, json.dumps(arguments)]
    options: dict[str, Any] = {
        "env": environment,
        "cwd": _CHECKOUT,
        "stdout": subprocess.PIPE,
        "text": True,
    }
    with subprocess.Popen(command, start_new_session=True, **options) as process:
        try:
            output, _ = process.communicate(timeout=limit)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)  # with whatever it has started
            if isinstance(error, subprocess.TimeoutExpired):
                return {"error": f"not done in {limit:g} s"}
            raise
    if process.returncode:
        return {"error": f"exit status {process.returncode}"}
    return json.loads(output.splitlines()[-1])
