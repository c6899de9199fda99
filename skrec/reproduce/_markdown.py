"""Results as Markdown: ours, published, difference."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skrec.reproduce._plan import protocol_of
from skrec.reproduce._tables import Table, find_table

__all__ = ["LEGEND", "pipe_table", "to_markdown"]

LEGEND = (
    "A cell is *ours / published / difference*. Ours is a mean over users and training seeds, with "
    "its standard error over users and, in brackets, over seeds where there are several. "
    'Settings are "tuned" where they are the best of ten or more trials on validation data; "best '
    'of 4" names fewer trials, and "one trial" found the epochs alone. Others are "published" for '
    'the data set by others, "not tuned", such as what was chosen for another data set or another '
    'variant of the system, the "paper\'s", or "defaults".'
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
    tables = [(find_table(*names), mine) for names, mine in groups]
    parts = [part for table, mine in tables for part in table_parts(table, mine, heading)]
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
    for data, mine in results.groupby("data", sort=False):
        protocol = protocol_of(table, data).describe()
        parts.append(" ".join([_about(table, data, mine), "" if protocol == said else protocol]))
        parts.append(_one_data(table, mine))
        said = protocol
    return [part.strip() for part in parts]


def _about(table: Table, data: str, results: pd.DataFrame) -> str:
    where = f"**{data}**" if data in table.data else f"**{data}**, in place of the paper's data"
    if results["ours"].notna().any():
        return f"{where}."
    absent = results["note"].str.startswith("no data").any()
    return f"{where}: {'no data here' if absent else 'not run'}."


def _one_data(table: Table, results: pd.DataFrame) -> str:
    lines = []
    for name in dict.fromkeys(results["name"]):
        mine = results[results["name"] == name]
        cells = [_cell(row) for row in mine.to_dict("records")]
        first = mine.iloc[0]
        seeds = str(mine["n_seeds"].max()) if mine["n_seeds"].max() else ""
        lines.append([name, *cells, first["settings"], seeds, _others(mine), first["note"]])
    header = ["system", *table.metrics, "settings", "seeds", "found by others", "note"]
    return pipe_table(header, lines)


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


def _others(rows: pd.DataFrame) -> str:
    found = rows.dropna(subset="reproduced")
    if found.empty:
        return ""
    figures = ", ".join(
        f"{m} {value:.4f}" for m, value in zip(found["metric"], found["reproduced"])
    )
    return f"{figures} ({found.iloc[0]['reproduced_by']})"


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
