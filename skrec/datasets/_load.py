"""Interactions in a file of one's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike
from sklearn.utils import Bunch

from skrec.datasets._bunch import make_bunch
from skrec.datasets._columns import by_position, check_header, find_columns
from skrec.datasets._files import as_path, open_text
from skrec.datasets._ids import SIGNED, as_integers
from skrec.datasets._records import ArrowTable, JSONTable
from skrec.datasets._text import TextTable
from skrec.interactions import as_timestamps

__all__ = ["load_interactions"]

_IDS = ("user", "item")
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")
_Table: TypeAlias = TextTable | ArrowTable | JSONTable


def load_interactions(
    path: str | PathLike[str],
    *,
    user: str | int | None = None,
    item: str | int | None = None,
    rating: str | int | Literal[False] | None = None,
    timestamp: str | int | Literal[False] | None = None,
    sep: str | None = None,
    encoding: str | None = None,
    dtype: DTypeLike | Mapping[str, DTypeLike] | None = None,
) -> Bunch:
    r"""Load interactions from a CSV, TSV, Parquet, Arrow or JSON lines file.

    One row, or one line, is one interaction.

    Parameters
    ----------
    path : str or path-like
        The file; text may be compressed (gzip, bzip2, xz, or zip with one file in it).
    user, item : str or int, default=None
        Columns of the raw ids. None looks for a common name such as ``user``, ``userId``,
        ``user_id``, ``item``, ``movieId``. An integer is a position, from 0, and says that the
        file has *no header line*: then all columns are given by position.
    rating, timestamp : str, int or False, default=None
        Columns of ratings and times, likewise; False takes none. Dates in text become datetimes.
    sep : str, default=None
        Separator of a text file, of several characters too (``"::"``); ``r"\s+"`` means any
        spaces. None finds it in the first lines.
    encoding : str, default=None
        Encoding of a text file, such as ``"latin-1"``; None means UTF-8, or UTF-16 where the
        file starts with its byte order mark.
    dtype : type or dict, default=None
        Type of the raw ids, ``str`` or ``int``, or a dict such as ``{"user": str}``. For None see
        Notes.

    Returns
    -------
    data : Bunch
        What `fetch_movielens` returns: ``interactions``, ``encoder``, and ``frame`` with the
        chosen columns under the names ``user``, ``item``, ``rating``, ``timestamp``. What a
        file does not have is None.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such file.
    ImportError
        If a Parquet or Arrow file is given and pyarrow is not installed.
    ValueError
        If the file is no table, is damaged or has another encoding; if a column is not found, if
        the file seems to have no header line, if there are no rows, or if ids, ratings or times
        are missing or cannot be read. The message names the lines.

    See Also
    --------
    skrec.Interactions.from_frame : The same for a DataFrame.

    Notes
    -----
    Raw ids in a text file are integers (int64) if *every* id of the column is written as one,
    without leading zeros or a plus sign. Else all ids of the column are text, as in the file. So
    007 and 7 are two users, 1.0, 1e5, NA and null are names, and one "guest" makes the whole column
    text. ``dtype=int`` makes one user of 007 and 7, ``dtype=str`` keeps all as text. Only an empty
    field is missing. Spaces right after a separator do not belong to a field.

    Parquet, Arrow and JSON lines say which values are numbers; a column of JSON with both numbers
    and texts becomes text.

    Examples
    --------
    >>> import os, tempfile
    >>> from skrec.datasets import load_interactions
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "plays.csv")
    ...     with open(path, "w") as file:
    ...         _ = file.write("userId,trackId,rating\nann,7,5\nbob,7,3\nbob,9,4\n")
    ...     data = load_interactions(path)
    >>> data.interactions.tocsr().toarray()
    array([[5., 0.],
           [3., 4.]], dtype=float32)
    >>> data.encoder.decode_items([1]).tolist()
    [9]
    """
    chosen = {"user": user, "item": item, "rating": rating, "timestamp": timestamp}
    positions, kinds = by_position(chosen), _kinds(dtype)
    table = _open(as_path(path, "path"), sep, encoding, positions)
    check_header(table.path, table.first, chosen, positions)
    columns = find_columns(table.path, table.first, chosen, positions, table.sep)
    frame = table.read(columns, [name for name, kind in kinds.items() if kind is str])
    if not len(frame):
        raise ValueError(f"{path} must hold interactions; got no rows")
    _check_missing(frame, table)
    for name in kinds:
        if kinds[name] is int:
            frame[name] = _integers(cast(pd.Series, frame[name]), name, table)
    if "rating" in frame:
        frame["rating"] = _numbers(cast(pd.Series, frame["rating"]), table)
    if "timestamp" in frame:
        frame["timestamp"] = _times(cast(pd.Series, frame["timestamp"]), table)
    names = {n: place if positions else table.first[place] for n, place in columns.items()}
    return make_bunch({"ratings": frame}, f"Interactions of {path}: columns {names}")


def _open(path: Path, sep: str | None, encoding: str | None, positions: bool) -> _Table:
    if path.suffix.lower() in ArrowTable.suffixes:
        if positions:
            raise ValueError(f"columns of a Parquet file must be given by name; got {path}")
        return ArrowTable(path)
    text = open_text(path, encoding)
    if not JSONTable.starts(text):
        return TextTable(text, sep, header=not positions)
    if positions:
        raise ValueError(f"columns of JSON lines must be given by name; got {path}")
    return JSONTable(text)


def _kinds(dtype: Any) -> dict[str, type]:
    """Return str or int for the columns of ids that `dtype` speaks of."""
    given = dict(dtype) if isinstance(dtype, Mapping) else dict.fromkeys(_IDS, dtype)
    if not given.keys() <= set(_IDS):
        raise ValueError(f'dtype must be for "user" and "item" only; got {sorted(given)}')
    return {name: _kind(kind) for name, kind in given.items() if kind is not None}


def _kind(kind: Any) -> type:
    try:
        plain = np.dtype(str if kind == "string" else kind)
    except TypeError:
        plain = np.dtype(bool)
    if plain.kind not in "iuUO":
        raise ValueError(
            f'dtype must be str or int, or a dict such as {{"user": str}}; got {kind!r}'
        )
    return int if plain.kind in "iu" else str


def _check_missing(frame: pd.DataFrame, table: _Table) -> None:
    for name, column in frame.items():
        rows = np.flatnonzero(column.isna())
        if len(rows):
            what = f"{name} ids" if name in _IDS else name
            raise ValueError(
                f"{table.where(rows)}: {what} must not be missing; got {len(rows)} that are"
            )


def _integers(column: pd.Series, name: str, table: _Table) -> pd.Series:
    if column.dtype == np.int64:
        return column
    texts = column.astype(str)
    rows = np.flatnonzero(~texts.str.fullmatch(SIGNED.pattern).to_numpy(dtype=bool))
    if len(rows):
        came = column.iloc[rows[0]]
        raise ValueError(f"{table.where(rows)}: {name} ids must be integers (dtype); got {came!r}")
    integers = as_integers(texts, SIGNED)
    if integers is None:
        raise ValueError(f"{name} ids of {table.path} must fit into 64 bits to be int (dtype)")
    return pd.Series(integers, index=column.index)


def _numbers(column: pd.Series, table: _Table) -> pd.Series:
    """Return the ratings, or raise where one is no finite number."""
    if column.dtype == np.int64:
        return column
    numbers = column
    if column.dtype == bool or not pd.api.types.is_numeric_dtype(column):
        numbers = cast(pd.Series, pd.to_numeric(column.astype(str), errors="coerce"))
    with np.errstate(over="ignore"):
        rows = np.flatnonzero(~np.isfinite(np.asarray(numbers, dtype=np.float32)))
    if len(rows):
        came, hint = column.to_list()[rows[0]], ""
        if isinstance(came, str) and _DECIMAL_COMMA.fullmatch(came):
            hint = (
                "; of decimal commas make points, or read the file with pandas.read_csv(..., "
                'decimal=",") and use Interactions.from_frame'
            )
        raise ValueError(
            f"{table.where(rows)}: rating must hold numbers that are finite; got {came!r}{hint}; "
            "rating=False takes no ratings"
        )
    return numbers


def _times(column: pd.Series, table: _Table) -> pd.Series:
    """Return times as they are, and dates in text as datetimes."""
    if column.dtype == np.int64:
        return column
    try:
        times, unit = as_timestamps(column)
    except ValueError as error:
        raise ValueError(f"{table.path}: {error}; timestamp=False takes no times") from error
    if pd.api.types.is_numeric_dtype(column):
        return column
    return pd.Series(times if unit is None else times.view("datetime64[ns]"))
