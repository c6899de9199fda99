"""The columns of a table of any library."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from skrec.interactions._columns import as_column

__all__ = ["take_columns"]

_TABLES = (
    "a DataFrame of pandas or polars, a table of Arrow, a relation of DuckDB or a dict of columns"
)


def take_columns(
    table: Any, names: Mapping[str, Hashable], optional: Sequence[str] = ()
) -> dict[str, pd.Series]:
    """Return some columns of a table, all of one length.

    Parameters
    ----------
    table : DataFrame, LazyFrame, Table, relation, dict of columns or list of dicts
        A table of pandas, polars, Arrow or DuckDB, whatever narwhals reads, or plain Python.
    names : dict
        The column to take for each parameter, such as ``{"user": "who"}``.
    optional : sequence of str, default=()
        The parameters whose column may be missing.

    Returns
    -------
    columns : dict of Series
        The columns, by parameter.

    Raises
    ------
    TypeError
        If it is no table.
    ValueError
        If a column is missing or there twice, or if columns of a dict differ in length.
    """
    if isinstance(table, list) and table and all(isinstance(row, Mapping) for row in table):
        table = pd.DataFrame.from_records(table)
    elif isinstance(table, np.ndarray) and table.dtype.names:
        table = pd.DataFrame(table)
    if isinstance(table, pd.DataFrame):
        names = _found(table.columns.tolist(), names, optional, table.index.names)
        return {key: as_column(table[name], key) for key, name in names.items()}
    if isinstance(table, Mapping):
        names = _found(list(table), names, optional)
        return _of_one_length({key: as_column(table[name], key) for key, name in names.items()})
    return _through_narwhals(table, names, optional)


def _through_narwhals(
    table: Any, names: Mapping[str, Hashable], optional: Sequence[str]
) -> dict[str, pd.Series]:
    # narwhals will not look at an Arrow table with two columns of a name
    _found(list(getattr(table, "column_names", ())), names, list(names))
    frame: Any = nw.from_native(table, pass_through=True)
    if not isinstance(frame, nw.DataFrame | nw.LazyFrame):
        raise TypeError(f"df must be {_TABLES}; got {type(table).__name__}")
    names = _found(frame.collect_schema().names(), names, optional)
    frame = frame.select(list(dict.fromkeys(names.values())))
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    return {key: as_column(frame[name].to_native(), key) for key, name in names.items()}


def _found(
    columns: list[Hashable],
    names: Mapping[str, Hashable],
    optional: Sequence[str],
    index: Sequence[Hashable] = (),
) -> dict[str, Hashable]:
    """Return the names that are there, once, and refuse where others are missing."""
    for parameter, name in names.items():
        count = columns.count(name)
        if count > 1:
            raise ValueError(
                f"{parameter}={name!r} must name one column; got {count} columns of that name"
            )
        if count == 0 and parameter not in optional:
            raise ValueError(
                f"{parameter}={name!r} must name a column; got {columns}"
                f"{_hint(columns, name, index)}"
            )
    return {parameter: name for parameter, name in names.items() if name in columns}


def _hint(columns: Sequence[Hashable], name: Hashable, index: Sequence[Hashable]) -> str:
    if name in index:
        return ". It is in the index: use df.reset_index()"
    lower = {str(column).lower(): column for column in columns}
    close = get_close_matches(str(name).lower(), lower, n=1)
    return f". Did you mean {lower[close[0]]!r}?" if close else ""


def _of_one_length(columns: dict[str, pd.Series]) -> dict[str, pd.Series]:
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"df must have columns of one length; got {lengths}")
    return columns
