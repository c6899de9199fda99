"""What the commands on speed share: tasks by name, options, and the rows of their CSV."""

import os
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from textwrap import fill
from typing import Any, TypeAlias

import pandas as pd

from benchmarks.arguments import add_output
from skrec.reproduce import append_rows

__all__ = [
    "NOTES",
    "Row",
    "Task",
    "add_speed_options",
    "check_tasks",
    "describe_tasks",
    "record",
    "scratch_folder",
]

Row: TypeAlias = dict[str, Any]

NOTES = """\
Competitors take turns in the same run, and figures are medians over rounds; "low" and "high" are
quartiles, "ratio" is to the row that "reference" names ("paired_ratio": median of the ratios within
rounds, which other load on the machine moves less). Memory is in MiB: "peak" is that of the
process, "extra" what came on top of what was resident before.
"""
_COLUMNS = (
    "what",
    "seconds",
    "low",
    "high",
    "n",
    "ratio",
    "paired_ratio",
    "reference",
    "peak",
    "extra",
    "note",
)
_FIRST = ["what", "ratio", "paired_ratio", "reference"]
_SHOWN = _FIRST + [name for name in _COLUMNS if name not in _FIRST]


@dataclass(frozen=True)
class Task:
    """What can be measured, by a function that is imported when it is called.

    Parameters
    ----------
    where : str
        Module below ``benchmarks``, a colon, and the function, which takes the options.
    about : str
        What is measured.
    """

    where: str
    about: str

    def __call__(self, options: Namespace) -> Iterable[Row]:
        """Measure and return the rows."""
        module, _, name = self.where.partition(":")
        return getattr(import_module(f"benchmarks.{module}"), name)(options)


def describe_tasks(tasks: Mapping[str, Task]) -> str:
    """Return a paragraph a task, for the help of a command."""
    width = max(map(len, tasks)) + 4
    lines = [
        fill(f"{name:{width - 4}}  {task.about}", 100, initial_indent="  ",
             subsequent_indent=" " * width)
        for name, task in tasks.items()
    ]  # fmt: skip
    return "tasks:\n" + "\n".join(lines)


def add_speed_options(parser: ArgumentParser) -> None:
    """Add the options that all commands on speed have."""
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count; default: 5")
    parser.add_argument(
        "--batches", type=int, default=3, help="batches, or epochs, a round; default: 3"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: all cores")
    parser.add_argument("--data-home", help="folder of the data; default: $SKREC_DATA")
    parser.add_argument("--scratch", help="folder for temporary files, some 200 MB")
    add_output(parser, "speed.csv")
    parser.add_argument("--smoke", action="store_true", help="tiny synthetic data, two rounds")


def check_tasks(parser: ArgumentParser, options: Namespace, tasks: Mapping[str, Task]) -> None:
    """Check the names of tasks, and put in place what ``--smoke`` implies."""
    unknown = [name for name in options.tasks if name not in tasks]
    if unknown:
        parser.error(f"tasks must be among {list(tasks)}; got {unknown}")
    if options.smoke:
        options.rounds, options.batches = min(options.rounds, 2), min(options.batches, 2)


@contextmanager
def scratch_folder(options: Namespace) -> Iterator[Path]:
    """Make a temporary folder, which is ``options.folder`` inside the block."""
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        options.folder = Path(folder).resolve()
        yield options.folder


def record(task: str, rows: Iterable[Row], options: Namespace) -> list[Row]:
    """Write each row as it comes, and print them at the end.

    Parameters
    ----------
    task : str
        Name of the task.
    rows : iterable of dict
        From the task.
    options : Namespace
        Of the command line.

    Returns
    -------
    rows : list of dict
        With all columns.
    """
    kept = []
    for row in rows:
        kept.append(_complete(task, row, options))
        append_rows(options.output, kept[-1:])
    print(f"{task}, {options.threads} threads")
    shown = pd.DataFrame(kept)[_SHOWN].dropna(axis=1, how="all")
    print(shown.to_string(index=False, float_format="{:.4g}".format), flush=True)
    return kept


def _complete(task: str, row: Row, options: Namespace) -> Row:
    known = {name: row.get(name) for name in _COLUMNS}
    return {"task": task, "threads": options.threads, "smoke": options.smoke, **known}
