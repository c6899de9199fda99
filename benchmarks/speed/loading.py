"""Measure `load_interactions` on a long CSV of integers against plain pandas.

A file with the columns user, item, rating and timestamp is made in --scratch. "read" is
`pandas.read_csv` with the dtypes given, "read, from_frame" the same and `Interactions.from_frame`,
"load" is `load_interactions`, which checks how ids are written beside that.
"""

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.arguments import add_output, make_parser
from benchmarks.speed.command import NOTES, Row, record, scratch_folder
from benchmarks.speed.measure import alternate, seconds, summarize
from skrec import Interactions
from skrec.datasets import load_interactions

__all__ = ["main", "write_csv"]

_COLUMNS = ("user", "item", "rating", "timestamp")
_AT_ONCE = 1_000_000


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("speed.loading", __doc__, NOTES)
    parser.add_argument("--rows", type=int, default=10_000_000, help="default: 10_000_000")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count; default: 5")
    parser.add_argument("--scratch", help="folder for the file, some 25 bytes a row")
    add_output(parser, "speed.csv")
    parser.add_argument("--smoke", action="store_true", help="1,000 rows, two rounds")
    options = parser.parse_args(argv)
    options.threads = None
    if options.smoke:
        options.rows, options.rounds = 1000, 2
    if min(options.rows, options.rounds) < 1:
        parser.error(f"--rows and --rounds must be 1 or more; got {options.rows}, {options.rounds}")
    with scratch_folder(options):
        record("loading", loading(options), options)


def loading(options: Namespace) -> Iterator[Row]:
    """Time the loader in turns with pandas."""
    path = options.folder / "interactions.csv"
    write_csv(path, options.rows)
    jobs: dict[str, Callable[[], object]] = {
        "read": partial(pd.read_csv, path, dtype=np.int64),
        "read, from_frame": partial(_read_and_encode, path),
        "load": partial(load_interactions, path),
    }
    tasks = {name: partial(seconds, job) for name, job in jobs.items()}
    for row in summarize(alternate(tasks, options.rounds), "read"):
        yield row | {"note": f"{options.rows} rows, {path.stat().st_size / 2**20:.0f} MiB"}


def write_csv(path: Path, n_rows: int) -> None:
    """Write random interactions, a few users and items with most of them."""
    rng = np.random.default_rng(0)
    for start in range(0, n_rows, _AT_ONCE):
        n = min(_AT_ONCE, n_rows - start)
        user = (rng.pareto(1.2, n) * 2000).astype(np.int64) % 200_000 + 1
        item = (rng.pareto(1.0, n) * 500).astype(np.int64) % 50_000 + 1
        rating, time = rng.integers(1, 6, n), rng.integers(10**9, 2 * 10**9, n)
        table = pd.DataFrame(dict(zip(_COLUMNS, (user, item, rating, time))))
        table.to_csv(path, index=False, header=start == 0, mode="a")


def _read_and_encode(path: Path) -> None:
    table = pd.read_csv(path, dtype=np.int64)
    Interactions.from_frame(table, rating="rating", timestamp="timestamp")


if __name__ == "__main__":
    main()
