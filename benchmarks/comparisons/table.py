"""The table of all comparisons: ratios of our time to a peer's first, seconds after."""

import traceback

import pandas as pd

from benchmarks.peers import PEERS

__all__ = ["TABLE", "markdown", "ratio_table", "run_or_note"]

# the tasks of `benchmarks.speed` that make up the table
TABLE = (
    "multvae-epoch",
    "convncf-epoch",
    "bpr",
    "als-sweep",
    "ease",
    "slim",
    "itemknn",
    "ranking",
    "evaluating",
)

_COLUMNS = ["what", "beside", "ours / peer", "in turns", "ours, s", "peer, s", "note"]


def run_or_note(task, options):
    """Run a comparison; what stops it becomes its row, so that the others go on.

    Parameters
    ----------
    task : callable or None
        Takes the options and gives rows; None where there is no such task.
    options : Namespace
        Of the command line.

    Returns
    -------
    rows : list of dict
        For `results.append`.
    """
    if task is None:
        return [{"what": "comparison", "note": "there is nothing of ours to time yet"}]
    try:
        return list(task(options))
    except Exception as error:
        traceback.print_exc()
        return [{"what": "comparison", "note": f"failed: {type(error).__name__}: {error}"}]


def ratio_table(rows):
    """Give a line for each comparison with a peer.

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
    lines = []
    for row in rows:
        if not _is_ours_in_time(row):
            continue
        other = peers.get((row["task"], row["reference"]), {})
        seconds = [row["seconds"], other.get("seconds")]
        ratios = [row["ratio"], row["paired_ratio"]]
        what = row["what"] if row["what"] != "comparison" else row["task"]
        lines.append([what, row["reference"], *ratios, *seconds, row["note"]])
    return pd.DataFrame(lines, columns=_COLUMNS)


def _is_ours_in_time(row):
    """Tell whether a row is ours with a ratio of times, or says why there is none."""
    is_peer = row["what"].split("_")[0] in PEERS
    other_ratio = row["ratio"] is not None and row["paired_ratio"] is None
    return not (is_peer or other_ratio)


def markdown(table):
    """Give a table in Markdown."""
    cells = [list(table), ["---"] * table.shape[1]]
    cells += [[_text(value) for value in row] for row in table.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells) + "\n"


def _text(value):
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.3g}"
    return "" if value is None else str(value)
