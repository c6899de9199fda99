"""What a table of a paper is, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Row", "Table", "find_table", "list_tables", "register_table"]

_TABLES: dict[tuple[str, str], "Table"] = {}


@dataclass(frozen=True)
class Row:
    """A row of a table: a system, and what was published of it.

    Parameters
    ----------
    name : str
        As the paper calls it.
    system : str or None
        The system of `skrec` that runs: an estimator's name or a variant's; None where the row is
        only quoted.
    changed : dict
        Parameters that this row replaces in the system's settings, such as ``{"n_samples": 1}``.
    published : dict of str to dict of str to float
        The paper's figures, by data set and metric.
    reproduced : dict of str to dict of str to float
        What others found, by data set and metric.
    reproduced_by : str
        Who found that.
    note : str
        What a reader must know of the row.

    Examples
    --------
    >>> from skrec.reproduce import Row
    >>> Row("EASE", "EASERecommender", published={"ml-20m": {"ndcg@100": 0.42}}).name
    'EASE'
    """

    name: str
    system: str | None = None
    changed: Mapping[str, Any] = field(default_factory=dict)
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    reproduced: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    reproduced_by: str = ""
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table of a paper.

    Parameters
    ----------
    paper : str
        Short name of the paper.
    table : str
        The table's name in the paper, such as ``"2"`` or ``"4-6"``.
    title : str
        What it compares.
    source : str
        Where it was published.
    protocol : {"ncf", "strong", "weak", "ratings"}
        How systems are trained and judged.
    metrics : tuple of str
        Its columns.
    data : tuple of str
        The paper's data sets.
    here : tuple of str
        Other data sets on which the table is run, for want of the paper's.
    rows : tuple of Row
        Its rows.
    options : dict
        Options of the protocol, such as ``{"test_users": 10_000}``, on the paper's data sets.
    settings : dict of str to dict
        The paper's parameters of a system, for its own data sets.
    note : str
        Where the protocol here differs from the paper's.

    Examples
    --------
    >>> from skrec.reproduce import find_table
    >>> find_table("mult_vae", "2").protocol
    'strong'
    """

    paper: str
    table: str
    title: str
    source: str
    protocol: str
    metrics: tuple[str, ...]
    data: tuple[str, ...]
    here: tuple[str, ...]
    rows: tuple[Row, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    note: str = ""


def register_table(table: Table) -> None:
    """Register a table, so that it can be found and run.

    Parameters
    ----------
    table : Table
        The table; it replaces one of the same paper and name.

    Examples
    --------
    >>> from skrec.reproduce import find_table, register_table
    >>> register_table(find_table("evcf", "4-2"))
    """
    _TABLES[table.paper, table.table] = table


def list_tables() -> list[Table]:
    """Return all tables.

    Returns
    -------
    tables : list of Table
        Sorted by paper and table.

    Examples
    --------
    >>> from skrec.reproduce import list_tables
    >>> [table.table for table in list_tables() if table.paper == "gerec"]
    ['2', '3']
    """
    return [_TABLES[key] for key in sorted(_TABLES)]


def find_table(paper: str, table: str) -> Table:
    """Return a table by its paper and name.

    Parameters
    ----------
    paper, table : str
        Names of the paper and of the table.

    Returns
    -------
    table : Table
        The table.

    Raises
    ------
    ValueError
        If there is none, with those that there are.

    Examples
    --------
    >>> from skrec.reproduce import find_table
    >>> find_table("evcf", "4-2").paper
    'evcf'
    """
    if (paper, table) not in _TABLES:
        raise ValueError(
            f"paper and table must be among {sorted(_TABLES)}; got {(paper, str(table))!r}"
        )
    return _TABLES[paper, table]
