"""All tables of all papers as one page, written from finished cells."""

from itertools import groupby
from pathlib import Path

import pandas as pd

from skrec.reproduce._findings import findings
from skrec.reproduce._markdown import LEGEND, table_parts
from skrec.reproduce._plan import make_plans
from skrec.reproduce._reproduce import results_of
from skrec.reproduce._store import Store
from skrec.reproduce._studies import study_parts
from skrec.reproduce._summary import systems_table
from skrec.reproduce._tables import list_tables

__all__ = ["report"]

_TITLES = {
    "baselines": "Every system, and the linear baselines",
    "convncf": "ConvNCF",
    "cross_feedback": "Cross feedback",
    "evcf": "Enhanced VAEs (EVCF)",
    "gerec": "GeRec",
    "mult_vae": "Mult-VAE",
}
_HEAD = """\
# Results

Written by `python -m skrec.reproduce --report`; nothing here is typed by hand."""


def report(store, *, data_home=None):
    """Write all tables of all papers, from cells that are finished; nothing is run.

    Parameters
    ----------
    store : str or path-like
        CSV of finished cells, from `reproduce`. Studies of `benchmarks` beside it are shown too.
    data_home : str or path-like, default=None
        Folder of the data, which decides whether a cell lacks data or has not been run.

    Returns
    -------
    text : str
        Markdown: for each paper what came out, in sentences and in tables, and the best result of
        every system beside those of the linear baselines.

    See Also
    --------
    reproduce : Runs the cells.

    Examples
    --------
    >>> from skrec.reproduce import report
    >>> report("no-such-file.csv").splitlines()[0]
    '# Results'
    """
    kept = Store(store)
    parts = [_HEAD, LEGEND]
    for paper, tables in groupby(list_tables(), key=lambda table: table.paper):
        tables = [(table, _results(table, kept, data_home)) for table in tables]
        parts += [f"## {_TITLES.get(paper, paper)}", findings(tables, kept)]
        parts += [*_sections(tables), *study_parts(paper, Path(store).parent)]
    return "\n\n".join([*parts, systems_table(kept)]) + "\n"


def _sections(tables):
    """Write tables; what stands in for the data of several, and is the same, once."""
    seen = set()
    for table, results in tables:
        kept, repeated = [], []
        for data, mine in results.groupby("data", sort=False):
            lines = set(
                mine[["name", "system", "metric", "data", "ours"]].astype(str).agg(tuple, 1)
            )
            (repeated if data not in table.data and lines <= seen else kept).append(mine)
            seen |= lines
        yield from table_parts(table, pd.concat(kept), "###")
        if repeated:
            names = ", ".join(f"**{mine['data'].iloc[0]}**" for mine in repeated)
            yield f"{names}, in place of the paper's data: as in the tables above."


def _results(table, kept, data_home):
    plans = make_plans(table, [*table.data, *table.here], data_home=data_home)
    return results_of(table, plans, lambda plan: kept.all_runs(plan.cells[0]))
