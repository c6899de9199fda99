"""Interactions in a file of one's own."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Literal, TypeAlias, cast

import pandas as pd
from pandas.errors import EmptyDataError
from sklearn.utils import Bunch

from skrec.datasets._bunch import make_bunch

__all__ = ["load_interactions"]

# lower case, letters and digits only; the first that a file has is taken
_NAMES = {
    "user": ("user", "userid", "uid", "useridx", "reviewerid", "customerid", "customer",
             "visitorid", "sessionid", "session"),
    "item": ("item", "itemid", "iid", "itemidx", "movieid", "movie", "asin", "productid",
             "product", "artistid", "artist", "trackid", "track", "songid", "song", "bookid",
             "isbn", "businessid", "placeid", "locationid", "articleid", "newsid", "gameid"),
    "rating": ("rating", "ratings", "score", "stars", "overall", "value", "strength"),
    "timestamp": ("timestamp", "time", "unixreviewtime", "datetime", "date"),
}  # fmt: skip
_SEPARATORS = (",", "\t", ";", "|")
_SPACES = r"\s+"
_PARQUET = (".parquet", ".pq")

_Column: TypeAlias = str | int
_Chosen: TypeAlias = Mapping[str, _Column | None]  # False among them: a column not to take


def load_interactions(
    path: str | PathLike[str],
    *,
    user: str | int | None = None,
    item: str | int | None = None,
    rating: str | int | Literal[False] | None = None,
    timestamp: str | int | Literal[False] | None = None,
    sep: str | None = None,
) -> Bunch:
    r"""Load interactions from a CSV, TSV or Parquet file, one row an interaction.

    Parameters
    ----------
    path : str or path-like
        The file; text may be compressed (``.gz``, ``.zip``, ...).
    user, item : str or int, default=None
        Columns of the raw ids. None looks for a common name such as ``user``, ``userId``,
        ``user_id``, ``item``, ``movieId``. An integer is a position and says that the file has
        *no header line*: then all columns are given by position.
    rating, timestamp : str, int or False, default=None
        Columns of ratings and times, likewise; False takes none.
    sep : str, default=None
        Separator of a text file; None finds it in the first line.

    Returns
    -------
    data : Bunch
        What `fetch_movielens` returns: ``interactions``, ``encoder``, and ``frame`` with the
        chosen columns under the names ``user``, ``item``, ``rating``, ``timestamp``. What a
        file does not have is None.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a column is not found, if the file seems to have no header line, if there are no rows,
        or if ratings or times are missing or cannot be read.

    See Also
    --------
    skrec.Interactions.from_frame : The same for a DataFrame.

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
    by_position = _is_by_position(chosen)
    table = _read(Path(path).expanduser(), sep, by_position)
    columns = _find_columns(table, chosen, by_position, path)
    frame = cast(pd.DataFrame, table[list(columns.values())]).set_axis(list(columns), axis=1)
    if not len(frame):
        raise ValueError(f"{path} must hold interactions; got no rows")
    descr = f"Interactions of {path}: columns {columns}"
    return make_bunch({"ratings": _with_numbers(frame, columns)}, descr)


def _is_by_position(chosen: _Chosen) -> bool:
    # "is", for 0 == False and column 0 is a good one
    given = {
        n: column for n, column in chosen.items() if column is not None and column is not False
    }
    positions = [isinstance(column, int) for column in given.values()]
    if any(positions) and not (all(positions) and {"user", "item"} <= given.keys()):
        raise ValueError(
            "user and item, and rating and timestamp where given, must all be positions "
            f"(a file without a header line) or none; got {given}"
        )
    return any(positions)


def _read(path: Path, sep: str | None, by_position: bool) -> pd.DataFrame:
    if path.suffix.lower() in _PARQUET:
        if by_position:
            raise ValueError(f"columns of a Parquet file must be given by name; got {path}")
        return pd.read_parquet(path)
    sep = _find_separator(path) if sep is None else sep
    header = None if by_position else "infer"
    engine = "c" if len(sep) == 1 or sep == _SPACES else "python"
    # an id may be "NA"
    options = {"keep_default_na": False, "na_values": [""], "skipinitialspace": True}
    table = pd.read_csv(path, sep=sep, header=header, engine=engine, **options)
    if not by_position:
        _check_header(table, path)
    return table


def _find_separator(path: Path) -> str:
    line = _first_line(path)
    if "::" in line:
        return "::"
    best = max(_SEPARATORS, key=line.count)
    return best if best in line else _SPACES


def _first_line(path: Path) -> str:
    """Return the first line of a text file that may be compressed."""
    try:  # a separator that no text holds
        whole = {"sep": "\x01", "quoting": csv.QUOTE_NONE, "encoding_errors": "replace"}
        return str(pd.read_csv(path, header=None, nrows=1, dtype=str, **whole).iloc[0, 0])
    except EmptyDataError as error:
        raise ValueError(f"{path} must hold interactions; it is empty") from error


def _check_header(table: pd.DataFrame, path: Path) -> None:
    if len(table.columns) and all(map(_is_number, table.columns)):
        raise ValueError(
            f"{path} seems to have no header line: it starts with {list(table.columns)}; give "
            "the columns by position, such as user=0, item=1, rating=2, timestamp=3"
        )


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _find_columns(
    table: pd.DataFrame, chosen: _Chosen, by_position: bool, path: str | PathLike[str]
) -> dict[str, _Column]:
    """Return the column of the file for each of our names."""
    found: dict[str, _Column] = {}
    for name, column in chosen.items():
        if column is None and not by_position:
            column = _guess(table, name)
        if column is None and name in ("user", "item"):
            raise ValueError(
                f"{name} must name a column of {path}, no common name was found; "
                f"got columns {list(table.columns)}"
            )
        if column is not None and column is not False:
            found[name] = _checked(table, name, column, path)
    return found


def _guess(table: pd.DataFrame, name: str) -> _Column | None:
    # "user_id:token" is how RecBole's files say "user_id"
    plain = {re.sub(r":.*|[\W_]", "", str(c)).lower(): c for c in reversed(table.columns)}
    return next((plain[common] for common in _NAMES[name] if common in plain), None)


def _checked(table: pd.DataFrame, name: str, column: _Column, path: str | PathLike[str]) -> _Column:
    if column not in table.columns:
        raise ValueError(
            f"{name} must be a column of {path}; got {column!r}, not in {list(table.columns)}"
        )
    return column


def _with_numbers(frame: pd.DataFrame, columns: Mapping[str, _Column]) -> pd.DataFrame:
    """Check ratings and times, and turn dates into times."""
    for name in frame.columns.intersection(["rating", "timestamp"]):
        missing = int(cast(pd.Series, frame[name]).isna().sum())
        if missing:
            raise ValueError(f"{name} must not be missing; got {missing} that are")
    if "rating" in frame and not pd.api.types.is_numeric_dtype(frame["rating"]):
        raise ValueError(f"rating must hold numbers; got {columns['rating']!r} of other values")
    if "timestamp" in frame and pd.api.types.is_string_dtype(frame["timestamp"]):
        times = cast(pd.Series, frame["timestamp"])
        frame = frame.assign(timestamp=_parse_dates(times, columns["timestamp"]))
    return frame


def _parse_dates(times: pd.Series, column: _Column) -> pd.Series:
    try:
        return pd.to_datetime(times, utc=True).dt.tz_localize(None)
    except ValueError as error:
        raise ValueError(f"timestamp must hold times; {column!r} does not: {error}") from error
