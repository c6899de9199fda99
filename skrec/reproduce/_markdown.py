"""Results as Markdown: ours, published, difference."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from skrec.reproduce._plan import protocol_of
from skrec.reproduce._settings import BUDGET
from skrec.reproduce._tables import Table, find_table

__all__ = ["LEGEND", "pipe_table", "to_markdown"]

LEGEND = (
    "A cell is *ours / published / difference*. Ours is a mean over users and training seeds, with "
    "its standard error over users and, in brackets, over seeds where there are several. Settings "
    f'are "tuned" where they are the best of {BUDGET} or more trials on validation data, the same '
    'budget for every system; "best of 4" names fewer trials, and "one trial" found the epochs '
    'alone. Others are "published" for the data set by others, "not tuned", such as what was '
    'chosen for another data set or another variant of the system, the "paper\'s", or "defaults".'
)


def to_markdown(results: pd.DataFrame, *, heading: str = "##", legend: bool = True) -> str:
    """Write results as Markdown, a table for each data set.

    Parameters
    ----------
    results : DataFrame
        From `reproduce`.
    heading : str, default="##"
        What stands before the title of a table.
    legend : bool, default=True
        Whether the last paragraph explains the cells.

    Returns
    -------
    text : str
        Headings, the protocol in words, and tables of ours / published / difference.

    See Also
    --------
    reproduce : Runs a table and returns the results.
    collect : Collects the results of finished cells.

    Examples
    --------
    >>> from skrec.reproduce import reproduce, to_markdown
    >>> results = reproduce("mult_vae", "3", data="synthetic", systems=["EASE"])
    >>> print(to_markdown(results).splitlines()[0])
    ## mult_vae, table 3: Mult-DAE [I-200-I] beside NCF
    """
    groups = results.groupby(["paper", "table"], sort=False)
    parts = [
        part
        for (paper, table), mine in cast("Iterable[tuple[tuple[str, str], pd.DataFrame]]", groups)
        for part in table_parts(find_table(paper, table), mine, heading)
    ]
    return "\n\n".join([*parts, LEGEND] if legend else parts) + "\n"


def table_parts(table: Table, results: pd.DataFrame, heading: str) -> list[str]:
    """Return the paragraphs of a table: title, notes, and a Markdown table for each data set.

    Parameters
    ----------
    table : Table
        The table.
    results : DataFrame
        Its results.
    heading : str
        Such as ``"##"``.

    Returns
    -------
    parts : list of str
        The paragraphs.
    """
    notes = f"{table.source}. {table.note}".strip()
    parts = [
        f"{heading} {table.paper}, table {table.table}: {table.title}",
        notes if notes.endswith(".") else f"{notes}.",
    ]
    said = None
    for data in dict.fromkeys(results["data"]):
        mine = results.loc[results["data"] == data]
        protocol = protocol_of(table, data).describe()
        parts.append(" ".join([_about(table, data, mine), "" if protocol == said else protocol]))
        parts.append(_one_data(table, mine))
        said = protocol
    return [part.strip() for part in parts]


def _about(table: Table, data: str, results: pd.DataFrame) -> str:
    where = f"**{data}**" if data in table.data else f"**{data}**, in place of the paper's data"
    if not np.isnan(results["ours"]).all():
        return f"{where}."
    absent = results["note"].str.startswith("no data").any()
    return f"{where}: {'no data here' if absent else 'not run'}."


def _one_data(table: Table, results: pd.DataFrame) -> str:
    by_name: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in results.to_dict("records"):
        by_name[row["name"]].append(row)
    header = ["system", *table.metrics, "settings", "trials", "seeds", "found by others", "note"]
    return pipe_table(header, [_line(name, rows) for name, rows in by_name.items()])


def _line(name: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    first, seeds = rows[0], max(row["n_seeds"] for row in rows) or ""
    cells = [_cell(row) for row in rows]
    trials = str(first["n_trials"] or "")
    return [name, *cells, first["settings"], trials, str(seeds), _others(rows), first["note"]]


def _cell(row: Mapping[str, Any]) -> str:
    if pd.isna(row["ours"]) and pd.isna(row["published"]):
        return "–"
    difference = "–" if pd.isna(row["difference"]) else f"{row['difference']:+.4f}"
    published = "–" if pd.isna(row["published"]) else f"{row['published']:.4f}"
    return f"{_ours(row)} / {published} / {difference}"


def _ours(row: Mapping[str, Any]) -> str:
    if pd.isna(row["ours"]):
        return "–"
    text = f"{row['ours']:.4f} ±{row['std_error']:.4f}"
    return text if pd.isna(row["std_error_seeds"]) else f"{text} ({row['std_error_seeds']:.4f})"


def _others(rows: Sequence[Mapping[str, Any]]) -> str:
    found = [row for row in rows if not pd.isna(row["reproduced"])]
    if not found:
        return ""
    figures = ", ".join(f"{row['metric']} {row['reproduced']:.4f}" for row in found)
    return f"{figures} ({found[0]['reproduced_by']})"


def pipe_table(header: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table; columns that hold nothing are left out.

    Parameters
    ----------
    header : list of str
        Names of the columns.
    lines : list of list of str
        The cells.

    Returns
    -------
    text : str
        The table.

    Examples
    --------
    >>> from skrec.reproduce import pipe_table
    >>> print(pipe_table(["system", "ndcg@10"], [["EASE", "0.4494"]]))
    | system | ndcg@10 |
    | --- | --- |
    | EASE | 0.4494 |
    """
    cells = np.array([header, *lines], dtype=object)
    kept = [j for j in range(len(header)) if j == 0 or any(cells[1:, j])]
    rows = [" | ".join(str(cell).replace("|", "\\|") for cell in row[kept]) for row in cells]
    rows.insert(1, " | ".join("---" for _ in kept))
    return "\n".join(f"| {row} |" for row in rows)
