"""All tables of all papers as one page, written from finished cells."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from os import PathLike
from pathlib import Path

import pandas as pd

from benchmarks.quality.page._findings import findings
from benchmarks.quality.page._studies import study_parts
from benchmarks.quality.page._summary import systems_table
from skrec.reproduce import LEGEND, Store, Table, collect, list_tables, to_markdown

__all__ = ["make_page"]

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

Written by `python -m benchmarks.quality.page`; nothing here is typed by hand."""


def make_page(store: str | PathLike[str], *, data_home: str | PathLike[str] | None = None) -> str:
    """Write all tables of all papers, from cells that are finished; nothing is run.

    Parameters
    ----------
    store : str or path-like
        CSV of finished cells, from `skrec.reproduce`. Studies beside it are shown too.
    data_home : str or path-like, default=None
        Folder of the data, which decides whether a cell lacks data or has not been run.

    Returns
    -------
    text : str
        Markdown: the findings and the tables of each paper, and the best result of every system
        beside those of the linear baselines.
    """
    kept = Store(store)
    parts = [_HEAD, LEGEND]
    for paper, group in groupby(list_tables(), key=lambda table: table.paper):
        tables = [(t, collect(paper, t.table, kept, data_home=data_home)) for t in group]
        parts += [f"## {_TITLES.get(paper, paper)}", findings(tables, kept)]
        parts += [*_sections(tables), *study_parts(paper, Path(store).parent)]
    return "\n\n".join([*parts, systems_table(kept)]) + "\n"


def _sections(tables: Iterable[tuple[Table, pd.DataFrame]]) -> Iterator[str]:
    """Write tables; what stands in for the data of several, and is the same, once."""
    seen: set[tuple[str, ...]] = set()
    for table, results in tables:
        kept, repeated = [], []
        for data, mine in results.groupby("data", sort=False):
            lines = set(
                mine[["name", "system", "metric", "data", "ours"]].astype(str).agg(tuple, 1)
            )
            (repeated if data not in table.data and lines <= seen else kept).append(mine)
            seen |= lines
        yield to_markdown(pd.concat(kept), heading="###", legend=False).strip()
        if repeated:
            names = ", ".join(f"**{mine['data'].iloc[0]}**" for mine in repeated)
            yield f"{names}, in place of the paper's data: as in the tables above."
