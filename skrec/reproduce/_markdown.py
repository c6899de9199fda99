"""Results as Markdown: ours, published, difference."""

import numpy as np
import pandas as pd

from skrec.reproduce._plan import make_protocol
from skrec.reproduce._tables import find_table

__all__ = ["LEGEND", "describe_protocol", "pipe_table", "table_parts", "to_markdown"]

LEGEND = (
    "A cell is *ours / published / difference*. Ours is a mean over users and training seeds, with "
    "its standard error over users and, in brackets, over seeds where there are several. "
    'Settings are "tuned" on validation data, "published" for the data set by others, "not tuned", '
    'such as what serves another data set, the "paper\'s", or "defaults".'
)

_WORDS = {
    "ncf": "Leave one out: the held-out item of each user is ranked among {negatives}; every "
    "rating counts as 1, ties count in expectation. The ranking is a sampled one.",
    "strong": "Strong generalisation: {test_users:,} users to test and as many to validate are "
    "never trained on; of each one's history 80 % is shown, the rest is searched among all other "
    "items. Ratings of 4 and more count as 1 (every entry where there are no ratings), of users "
    "with 5 or more of them. Recall divides by the smaller of k and the number of targets.",
    "weak": "The data set's own test: all items that a user does not have in training are ranked. "
    "Recall divides by the number of targets.",
    "ratings": "{share:g} % of the ratings, drawn at random, are trained on; one half of the rest "
    "is to validate and to stop early, the other to test. RMSE and MAE are over all test ratings. "
    "Rankings are of users with two or more test items, one of them rated higher than 3: among all "
    'items without a training rating, or, with the prefix "own", among the user\'s test items.',
}


def describe_protocol(table, data, options=None):
    """Say in words how a table's systems are trained and judged on a data set.

    Parameters
    ----------
    table : Table
        The table.
    data : str
        The data set.
    options : dict, default=None
        What replaces options of the protocol.

    Returns
    -------
    text : str
        A paragraph.
    """
    protocol = make_protocol(table, data, options)
    n = getattr(protocol, "n_negatives", 99)
    return _WORDS[table.protocol].format(
        negatives=f"the negatives that come with the data, or {n} drawn ones",
        test_users=getattr(protocol, "n_users", 0),
        share=100 * getattr(protocol, "share", 0),
    )


def to_markdown(results):
    """Write results as Markdown, a table for each data set.

    Parameters
    ----------
    results : DataFrame
        From `reproduce`.

    Returns
    -------
    text : str
        Headings, the protocol in words, and tables of ours / published / difference.

    See Also
    --------
    reproduce : Gives the results.

    Examples
    --------
    >>> from skrec.reproduce import reproduce, to_markdown
    >>> results = reproduce("mult_vae", "3", data="synthetic", systems=["EASE"])
    >>> print(to_markdown(results).splitlines()[0])
    ## mult_vae, table 3: Mult-DAE [I-200-I] beside NCF
    """
    groups = results.groupby(["paper", "table"], sort=False)
    tables = [(find_table(*names), mine) for names, mine in groups]
    parts = [part for table, mine in tables for part in table_parts(table, mine, "##")]
    return "\n\n".join([*parts, LEGEND]) + "\n"


def table_parts(table, results, heading):
    """Give the paragraphs of a table: title, notes, and a Markdown table for each data set.

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
        protocol = describe_protocol(table, data)
        parts.append(" ".join([_about(table, data, mine), "" if protocol == said else protocol]))
        parts.append(_one_data(table, mine))
        said = protocol
    return [part.strip() for part in parts]


def _about(table, data, results):
    where = f"**{data}**" if data in table.data else f"**{data}**, in place of the paper's data"
    if results["ours"].notna().any():
        return f"{where}."
    absent = results["note"].str.startswith("no data").any()
    return f"{where}: {'no data here' if absent else 'not run'}."


def _one_data(table, results):
    lines = []
    for name in dict.fromkeys(results["name"]):
        mine = results[results["name"] == name]
        cells = [_cell(row) for row in mine.itertuples()]
        first = mine.iloc[0]
        seeds = str(mine["n_seeds"].max()) if mine["n_seeds"].max() else ""
        lines.append([name, *cells, first["settings"], seeds, _others(mine), first["note"]])
    header = ["system", *table.metrics, "settings", "seeds", "found by others", "note"]
    return pipe_table(header, lines)


def _cell(row):
    if pd.isna(row.ours) and pd.isna(row.published):
        return "–"
    difference = "–" if pd.isna(row.difference) else f"{row.difference:+.4f}"
    published = "–" if pd.isna(row.published) else f"{row.published:.4f}"
    return f"{_ours(row)} / {published} / {difference}"


def _ours(row):
    if pd.isna(row.ours):
        return "–"
    text = f"{row.ours:.4f} ±{row.std_error:.4f}"
    return text if pd.isna(row.std_error_seeds) else f"{text} ({row.std_error_seeds:.4f})"


def _others(rows):
    found = rows.dropna(subset="reproduced")
    if found.empty:
        return ""
    figures = ", ".join(f"{r.metric} {r.reproduced:.4f}" for r in found.itertuples())
    return f"{figures} ({found.iloc[0]['reproduced_by']})"


def pipe_table(header, lines):
    """Give a Markdown table; columns that hold nothing are left out.

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
    """
    cells = np.array([header, *lines], dtype=object)
    kept = [j for j in range(len(header)) if j == 0 or any(cells[1:, j])]
    rows = [" | ".join(str(cell).replace("|", "\\|") for cell in row[kept]) for row in cells]
    rows.insert(1, " | ".join("---" for _ in kept))
    return "\n".join(f"| {row} |" for row in rows)
