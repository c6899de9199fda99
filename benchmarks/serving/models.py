"""Measure every estimator as it is served: bytes of its file, and the time of one list.

"known_us" is `recommend(users=[u])` for a user of the fit, "row_us" is `recommend(X[u])` for a
history: medians in microseconds of one thread, of its processor time, so that other load on the
machine hardly counts. "bytes" is a file without the interactions of fit. Sizes are those of the
settings of `find_settings`, weights those of one epoch: no figure depends on how good they are.
Each estimator has a process, with --seconds of processor time, and what it has not measured by then
stays empty. Needs a system that limits processor time, such as Linux.
"""

import multiprocessing
import os
import signal
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from benchmarks.arguments import add_data, add_output, make_parser
from benchmarks.speed.command import Row
from skrec import save_model
from skrec.reproduce import append_rows, find_settings, load_data, make_system
from skrec.testing import all_estimators

__all__ = ["LEFT_OUT", "main", "measure", "median_us", "shortened"]

# why there is no row
LEFT_OUT = {
    "BlendedRecommender": "costs what its parts do",
    "CalibratedRecommender": "costs what its estimator does",
    "RankFusionRecommender": "costs what its parts do",
}
_PROTOCOLS = {"implicit": "ncf", "explicit": "ratings"}
_THREADS = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"]
_SECONDS_OF_CALLS, _LEAST_CALLS = 5.0, 5
_FIGURES = ["known_us", "row_us", "bytes"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    names = [name for name, _ in all_estimators() if name not in LEFT_OUT]
    parser = make_parser("serving.models", __doc__)
    add_data(parser, "ml-1m")
    parser.add_argument("--systems", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--users", type=int, default=200, help="users to time; default: 200")
    parser.add_argument("--n-items", type=int, default=10, help="length of the lists; default: 10")
    parser.add_argument("--seconds", type=int, default=120, help="of each estimator; default: 120")
    add_output(parser, "models.csv")
    options = parser.parse_args(argv)
    if options.smoke:
        options.data, options.users = "synthetic", 5
    if min(options.users, options.n_items, options.seconds) < 1:
        parser.error("must be 1 or more: --users, --n-items and --seconds")
    done = _kept(options)
    for name in options.systems:
        if name not in done:
            row = measure(name, options)
            append_rows(options.output, [row])
            print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)


def _kept(options: Namespace) -> set[str]:
    """Return the estimators that the CSV has for this data set."""
    if not Path(options.output).exists():
        return set()
    table = pd.read_csv(options.output)
    return set(table["system"][table["data"] == options.data])


def measure(name: str, options: Namespace) -> Row:
    """Measure an estimator in a process of its own.

    Parameters
    ----------
    name : str
        The estimator.
    options : Namespace
        Of the command line.

    Returns
    -------
    row : dict
        The figures, None for those that it had no time for, and why.
    """
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(name, options, sender))
        process.start()
    finally:
        for variable, value in before.items():
            os.environ.pop(variable) if value is None else os.environ.update({variable: value})
    sender.close()
    row: Row = {"system": name, "data": options.data, **dict.fromkeys([*_FIGURES, "note"])}
    while (part := _received(receiver)) is not None:
        row |= part
    process.join()
    if process.exitcode == -signal.SIGXCPU:
        row["note"] = f"stopped after {options.seconds} s"
    elif process.exitcode:
        row["note"] = "failed"
    return row


def _received(receiver: Connection) -> Row | None:
    try:
        return receiver.recv()
    except EOFError:
        return None


def _work(name: str, options: Namespace, sender: Connection) -> None:
    """Fit and measure; send each figure as soon as it is there."""
    import resource  # not everywhere

    # beyond the limit the system ends this process
    resource.setrlimit(resource.RLIMIT_CPU, (options.seconds, options.seconds + 1))
    for part in _figures(name, options):
        sender.send(part)


def _figures(name: str, options: Namespace) -> Iterator[Row]:
    cls = dict(all_estimators())[name]
    feedback = cls().__sklearn_tags__().feedback
    X = sp.csr_matrix(load_data(options.data, options.data_home).interactions.tocsr())
    if feedback == "implicit":
        X.data[:] = 1
    model = shortened(name, find_settings(name, options.data, _PROTOCOLS[feedback]).parameters)
    model.fit(X)
    users = np.random.RandomState(0).permutation(X.shape[0])[: options.users]
    rows, n_items = [X[user] for user in users], options.n_items
    known = median_us(lambda i: model.recommend(users=[users[i]], n_items=n_items), len(users))
    yield {"known_us": round(known, 1)}
    new = median_us(lambda i: model.recommend(rows[i], n_items=n_items), len(users))
    yield {"row_us": round(new, 1)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        save_model(model, path, training_data=False)
        yield {"bytes": path.stat().st_size}


def median_us(call: Callable[[int], object], n: int) -> float:
    """Return the median processor time of numbered calls in microseconds.

    Parameters
    ----------
    call : callable
        Takes its number.
    n : int
        The calls; of slow ones fewer are made.

    Returns
    -------
    median : float
        The first call, which compiles, is made twice and counts once.
    """
    call(0)
    # the clock of the process is as coarse as its limit of processor time
    times: list[float] = []
    while len(times) < n and (len(times) < _LEAST_CALLS or sum(times) < _SECONDS_OF_CALLS):
        start = time.thread_time()
        call(len(times))
        times.append(time.thread_time() - start)
    return 1e6 * float(np.median(times))


def shortened(name: str, parameters: dict[str, Any]) -> Any:
    """Return an estimator with settings, but with one epoch, also of what it starts from.

    Parameters
    ----------
    name : str
        The estimator.
    parameters : dict
        Its settings.

    Returns
    -------
    model : BaseRecommender
        Not fitted.
    """
    model = make_system(name, _one_epoch(parameters), seed=0, device="cpu")
    return model.set_params(max_epochs=1) if hasattr(model, "max_epochs") else model


def _one_epoch(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: 1 if k == "max_epochs" else _one_epoch(v) for k, v in value.items()}
    return tuple(map(_one_epoch, value)) if isinstance(value, tuple) else value


if __name__ == "__main__":
    main()
