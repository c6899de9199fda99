"""``python -m skrec.reproduce --help``."""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd

from skrec.datasets import list_cached
from skrec.reproduce import Table, collect, find_table, list_tables, reproduce, to_markdown
from skrec.reproduce._data import is_here

__all__ = ["main"]

_EPILOG = """\
examples:
  python -m skrec.reproduce --list
  python -m skrec.reproduce mult_vae 3 --data ml-1m --seeds 0 1 2 --jobs 2
  python -m skrec.reproduce gerec                      all tables of a paper
  python -m skrec.reproduce baselines ml-1m --collect  what is in --store, and nothing is run

Nothing is downloaded: cells whose data is absent say so. Each finished cell is kept in --store and
not run again. --parameters replaces settings, as JSON: '{"device": "cuda"}'.
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, default=None
        Its arguments; None takes those of the process.
    """
    parser = _make_parser()
    options = parser.parse_args(argv)
    if options.list or options.paper is None:
        _list(options.data_home)
    else:
        try:
            _check(options)
            results = pd.concat([_run(table, options) for table in _tables(options)])
        except (OSError, ValueError) as error:
            parser.error(str(error))
        _write(results, options.output)


def _check(options: argparse.Namespace) -> None:
    """Raise where data is not here, or where results cannot be written in the end."""
    absent = [name for name in options.data or () if not is_here(name, options.data_home)]
    if absent:
        here = ", ".join([*list_cached(options.data_home), "synthetic"])
        raise ValueError(
            f"--data must be here ({here}); got {', '.join(absent)}, which skrec.datasets may fetch"
        )
    for path in (options.store, *(options.output or ())):
        folder = Path(path).parent
        if Path(path).is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
            raise ValueError(f"a file must be in a folder that can be written to; got {path}")


def _list(data_home: str | None) -> None:
    for table in list_tables():
        data = [f"{d}*" if is_here(d, data_home) else d for d in (*table.data, *table.here)]
        print(f"{table.paper} {table.table}: {table.title} ({table.protocol}; {', '.join(data)})")
    print("* data that is here")


def _tables(options: argparse.Namespace) -> list[Table]:
    """Return the table that is named, or all of the paper."""
    if options.table is not None:
        return [find_table(options.paper, options.table)]
    tables = [table for table in list_tables() if table.paper == options.paper]
    return tables or [find_table(options.paper, "all")]


def _run(table: Table, options: argparse.Namespace) -> pd.DataFrame:
    if options.collect:
        found: Any = collect(
            table.paper,
            table.table,
            options.store,
            data=options.data,
            data_home=options.data_home,
        )
        return found if options.systems is None else found[found["name"].isin(options.systems)]
    return reproduce(
        table.paper,
        table.table,
        data=options.data,
        systems=options.systems,
        seeds=options.seeds,
        parameters=options.parameters,
        options=options.options,
        store=options.store,
        n_jobs=options.jobs,
        data_home=options.data_home,
        verbose=1,
    )


def _write(results: pd.DataFrame, paths: list[str] | None) -> None:
    text = to_markdown(results)
    print(text)
    for path in paths or []:
        if path.endswith(".csv"):
            results.to_csv(path, index=False)
        else:
            Path(path).write_text(text, "utf-8")


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and end with status 2."""
        self.exit(2, f"{self.prog}: error: {message}\n")


def _seed(text: str) -> int:
    """Read a seed of NumPy's."""
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"must be an integer from 0 to 2**32 - 1; got {text}")
    return int(text)


def _jobs(text: str) -> int:
    """Read a number of jobs as joblib understands it."""
    if not text.removeprefix("-").isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be an integer other than 0; got {text}")
    return int(text)


def _object(text: str) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(
            f"must be a JSON object such as '{{\"l2\": 10}}'; got {text}"
        )
    return value


def _make_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m skrec.reproduce",
        description="Run tables of papers, and set what comes out beside what was published.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paper", nargs="?")
    parser.add_argument("table", nargs="?", help="default: all of the paper")
    parser.add_argument("--list", action="store_true", help="name the tables")
    parser.add_argument("--data", nargs="+", help="default: the table's, and its stand-ins")
    parser.add_argument("--systems", nargs="+", help="rows of the table; default: all")
    parser.add_argument(
        "--collect",
        action="store_true",
        help="run nothing: means over all seeds of what is in --store",
    )
    parser.add_argument("--seeds", nargs="+", type=_seed, default=[0], help="training seeds")
    parser.add_argument("--parameters", type=_object, help="JSON of parameters to replace")
    parser.add_argument("--options", type=_object, help="JSON of protocol options to replace")
    parser.add_argument("--jobs", type=_jobs, help="cells at a time")
    parser.add_argument("--store", default="skrec-results.csv", help="CSV of finished cells")
    parser.add_argument("--data-home", help="folder of the data; default: $SKREC_DATA")
    parser.add_argument("--output", nargs="+", help="files to write: .csv, or Markdown")
    return parser


if __name__ == "__main__":
    main()
