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
    table: Any,
    names: Mapping[str, Hashable],
    optional: Sequence[str] = (),
    name: str = "df",
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
    name : str, default="df"
        What to call the table in errors.

    Returns
    -------
    columns : dict of Series
        The columns, by parameter.

    Raises
    ------
    TypeError
        If it is no table.
    ImportError
        If a library that the table needs to be read is missing.
    ValueError
        If a column is missing or there twice, or if columns of a dict differ in length.
    """
    if isinstance(table, list) and table and all(isinstance(row, Mapping) for row in table):
        table = pd.DataFrame.from_records(table)
    elif isinstance(table, np.ndarray) and table.dtype.names:
        table = pd.DataFrame(table)
    if isinstance(table, pd.DataFrame):
        names = _found(table.columns.tolist(), names, optional, table.index.names)
        return {key: as_column(table[column], key) for key, column in names.items()}
    if isinstance(table, Mapping):
        names = _found(list(table), names, optional)
        columns = {key: as_column(table[column], key) for key, column in names.items()}
        return _of_one_length(columns, name)
    return _through_narwhals(table, names, optional, name)


def _through_narwhals(
    table: Any, names: Mapping[str, Hashable], optional: Sequence[str], name: str
) -> dict[str, pd.Series]:
    # narwhals takes one of two columns with the same name, or will not look at the table
    present = table.columns if nw.dependencies.is_duckdb_relation(table) else ()
    _found(getattr(table, "column_names", present), names, list(names))
    frame: Any = nw.from_native(table, pass_through=True)
    if not isinstance(frame, nw.DataFrame | nw.LazyFrame):
        raise TypeError(f"{name} must be {_TABLES}; got {type(table).__name__}")
    names = _found(frame.collect_schema().names(), names, optional)
    wanted: Any = dict.fromkeys(names.values())
    frame = frame.select(*wanted)
    if isinstance(frame, nw.LazyFrame):
        frame = _collected(frame, name)
    return {key: as_column(frame[column].to_native(), key) for key, column in names.items()}


def _collected(frame: Any, name: str) -> Any:
    try:
        return frame.collect()
    except ModuleNotFoundError as error:  # DuckDB hands its rows on as Arrow
        raise ImportError(
            f"{name} needs pyarrow to be read: pip install 'sklearn-recommenders[parquet]', "
            f"or give {name}.df()"
        ) from error


def _found(
    columns: Sequence[Hashable],
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
                f"{parameter}={name!r} must name a column; got {list(columns)}"
                f"{_hint(columns, name, index)}"
            )
    return {parameter: name for parameter, name in names.items() if name in columns}


def _hint(columns: Sequence[Hashable], name: Hashable, index: Sequence[Hashable]) -> str:
    if name in index:
        return ". It is in the index: use df.reset_index()"
    lower = {str(column).lower(): column for column in columns}
    close = get_close_matches(str(name).lower(), lower, n=1)
    return f". Did you mean {lower[close[0]]!r}?" if close else ""


def _of_one_length(columns: dict[str, pd.Series], name: str) -> dict[str, pd.Series]:
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{name} must have columns of one length; got {lengths}")
    return columns
