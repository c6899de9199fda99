"""Find what got slower: jobs beside plain references, compared with the stored ratios.

A ratio is ours to a reference in bare NumPy, SciPy or torch that takes turns with it in the same
run, so another machine, or load on this one, moves it far less than seconds. A job has got slower
if its median ratio is more than --tolerance times the stored one and its quartiles lie above the
stored quartiles, and once more when it is measured again. Then the exit code is 1. Ratios are
stored with --store, for the number of threads that they were measured with; store them anew on
another kind of machine.
"""

import sys
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from joblib import parallel_config
from threadpoolctl import threadpool_limits

from benchmarks.arguments import add_output, make_parser
from benchmarks.speed.command import Row
from benchmarks.speed.gate_jobs import JOBS, Data
from benchmarks.speed.measure import alternate

__all__ = ["gate", "is_slower", "main", "measure"]

_SMOKE = {"n_users": 60, "n_items": 40, "n_draws": 600, "n_calls": 3, "n_factors": 4}
_KEYS = ["job", "threads"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("speed.gate", __doc__)
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), metavar="JOB",
                        help=f"some alone, of {', '.join(JOBS)}")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count; default: 7")
    parser.add_argument("--threads", type=int, default=1, help="default: 1")
    parser.add_argument("--tolerance", type=float, default=1.3, help="default: 1.3")
    parser.add_argument("--store", action="store_true", help="store the ratios, compare nothing")
    add_output(parser, "gate.csv", "CSV of the stored ratios")
    parser.add_argument("--smoke", action="store_true", help="tiny data, two rounds")
    options = parser.parse_args(argv)
    _check(parser, options)
    slower = gate(options)
    if slower:
        sys.exit(f"slower than stored: {', '.join(slower)}")


def _check(parser: ArgumentParser, options: Namespace) -> None:
    unknown = [name for name in options.jobs if name not in JOBS]
    if unknown:
        parser.error(f"--jobs must be among {list(JOBS)}; got {unknown}")
    if min(options.rounds, options.threads) < 1:
        parser.error(
            f"--rounds and --threads must be 1 or more; got {options.rounds}, {options.threads}"
        )
    if not options.store and not Path(options.output).exists():
        parser.error(
            f"--output must be a file with stored ratios, see --store; got {options.output}"
        )
    if options.smoke:
        options.rounds = min(options.rounds, 2)


def gate(options: Namespace) -> list[str]:
    """Measure jobs, then store their ratios or compare them.

    Parameters
    ----------
    options : Namespace
        Of the command line.

    Returns
    -------
    slower : list of str
        The jobs that have got slower, and those that failed.
    """
    data = Data(**_SMOKE) if options.smoke else Data()
    stored = {} if options.store else _stored(options)
    rows, slower = [], []
    with _limited(options.threads):
        for name in options.jobs:
            row, bad = _judged(name, data, stored.get(name), options)
            rows.append(row)
            slower += [name] if bad else []
            print(_line(row), flush=True)
    if options.store:
        _store(rows, options)
    return slower


def measure(name: str, data: Data, options: Namespace) -> Row:
    """Return a job's row: the median of its ratios within rounds, their quartiles, and seconds."""
    pair = JOBS[name](data)
    times = alternate({"ours": pair.ours, "reference": pair.reference}, options.rounds)
    medians = {side: np.array([np.median(x) for x in rounds]) for side, rounds in times.items()}
    low, ratio, high = np.quantile(medians["ours"] / medians["reference"], [0.25, 0.5, 0.75])
    middle = {side: np.median(values) for side, values in medians.items()}
    figures = {"ratio": ratio, "low": low, "high": high, **middle}
    return {"job": name, "threads": options.threads, **figures, "rounds": options.rounds}


def is_slower(row: Row, before: Row, tolerance: float) -> bool:
    """Return whether a ratio is above the stored one by more than noise explains."""
    return bool(row["ratio"] > tolerance * before["ratio"] and row["low"] > before["high"])


def _judged(name: str, data: Data, before: Row | None, options: Namespace) -> tuple[Row, bool]:
    """Return a job's row with a note, and whether the gate fails by it."""
    try:
        row = measure(name, data, options)
        if before is None:
            return row | {"note": None if options.store else "nothing stored"}, False
        if is_slower(row, before, options.tolerance):
            row = measure(name, data, options)  # a slow spell of the machine does not come twice
    except Exception as error:  # the other jobs go on
        return {"job": name, "note": f"failed: {type(error).__name__}: {error}"}, True
    slower, change = is_slower(row, before, options.tolerance), row["ratio"] / before["ratio"]
    return row | {"note": f"{change:.2f} x stored{', SLOWER' if slower else ''}"}, slower


def _line(row: Row) -> str:
    if "ratio" not in row:
        return f"{row['job']:20} {row['note']}"
    return (
        f"{row['job']:20} ratio {row['ratio']:.3g} ({row['low']:.3g} to {row['high']:.3g}), "
        f"ours {row['ours']:.3g} s, reference {row['reference']:.3g} s  {row['note'] or ''}"
    )


def _stored(options: Namespace) -> dict[Any, Row]:
    """Return the stored rows of jobs with as many threads."""
    table = pd.read_csv(options.output)
    rows: list[Any] = list(table.itertuples(index=False))
    return {row.job: row._asdict() for row in rows if row.threads == options.threads}


def _store(rows: Sequence[Row], options: Namespace) -> None:
    """Write the rows of jobs that did not fail in the place of older ones."""
    table = pd.DataFrame([row for row in rows if "ratio" in row]).drop(columns="note")
    if Path(options.output).exists():
        table = pd.concat([pd.read_csv(options.output), table])
    table = table.drop_duplicates(_KEYS, keep="last").sort_values(_KEYS)
    table.to_csv(options.output, index=False, float_format="%.5g")


@contextmanager
def _limited(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        config = parallel_config(n_jobs=threads)  # what estimators take for n_jobs=None
        with threadpool_limits(threads), config, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the fits say of data that mean nothing
            yield
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    main()
