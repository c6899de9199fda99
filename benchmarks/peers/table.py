"""Run all comparisons; print one table of ratios to the peers' times.

Ratios are below 1 where ours is faster. Rows go into the CSV as each comparison ends; one that
fails, or a peer that does, leaves a row that says why.
"""

import time
import traceback
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.arguments import make_parser
from benchmarks.peers.environments import PEERS
from benchmarks.peers.tasks import TABLE, TASKS, add_peer_options, check_peers
from benchmarks.speed.command import NOTES, Row, describe_tasks, record, scratch_folder

__all__ = ["main", "markdown", "ratio_table", "run_or_note"]

_COLUMNS = ["what", "beside", "ours / peer", "in turns", "ours, s", "peer, s", "note"]
_CONVNCF_PAIRS = 10_000  # RecBole takes 37 s an epoch on all of amazon-music


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    about = describe_tasks({name: TASKS[name] for name in TABLE})
    parser = make_parser("peers.table", __doc__, f"{about}\n\n{NOTES}")
    add_peer_options(parser)
    parser.set_defaults(tasks=TABLE, interactions=_CONVNCF_PAIRS)
    parser.add_argument("--markdown", help="file for the ratios")
    options = parser.parse_args(argv)
    check_peers(parser, options)
    rows = []
    with scratch_folder(options):
        for name in TABLE:
            start = time.perf_counter()
            rows += record(name, run_or_note(TASKS[name], options), options)
            print(f"{name} took {time.perf_counter() - start:.0f} s", flush=True)
    table = ratio_table(rows)
    print(table.to_string(index=False, float_format="{:.3g}".format, na_rep=""), flush=True)
    if options.markdown:
        Path(options.markdown).write_text(markdown(table), "utf-8")


def run_or_note(task: Callable[[Namespace], Iterable[Row]], options: Namespace) -> list[Row]:
    """Run a comparison; what stops it becomes its row, so that the others go on.

    Parameters
    ----------
    task : callable
        Takes the options and returns rows.
    options : Namespace
        Of the command line.

    Returns
    -------
    rows : list of dict
        For `record`.
    """
    try:
        return list(task(options))
    except Exception as error:
        traceback.print_exc()
        return [{"what": "comparison", "note": f"failed: {type(error).__name__}: {error}"}]


def ratio_table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return a line for each comparison with a peer.

    Parameters
    ----------
    rows : list of dict
        As they go into the CSV: ours with the ``ratio`` to the row that ``reference`` names.

    Returns
    -------
    table : DataFrame
        "ours / peer" is the ratio of medians, below 1 where ours is faster; "in turns" is the
        median of the ratios within rounds.
    """
    peers = {(row["task"], row["what"]): row for row in rows}
    lines = [_line(row, peers) for row in rows if _is_ours_in_time(row)]
    return pd.DataFrame(lines, columns=_COLUMNS)


def _line(row: Row, peers: Mapping[tuple[str, str], Row]) -> list[Any]:
    other = peers.get((row["task"], row["reference"]), {})
    what = row["what"] if row["what"] != "comparison" else row["task"]
    ratios = [row["ratio"], row["paired_ratio"]]
    return [what, row["reference"], *ratios, row["seconds"], other.get("seconds"), row["note"]]


def _is_ours_in_time(row: Row) -> bool:
    """Return whether a row is ours with a ratio of times, or says why there is none."""
    is_peer = row["what"].split("_")[0] in PEERS
    other_ratio = row["ratio"] is not None and row["paired_ratio"] is None
    return not (is_peer or other_ratio)


def markdown(table: pd.DataFrame) -> str:
    """Return a table in Markdown."""
    cells = [list(table), ["---"] * table.shape[1]]
    cells += [[_text(value) for value in row] for row in table.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells) + "\n"


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.3g}"
    return "" if value is None else str(value)


if __name__ == "__main__":
    main()
