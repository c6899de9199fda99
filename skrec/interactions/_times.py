"""Times of any kind as 64-bit integers that keep their order."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import pandas as pd

from skrec.interactions._columns import rows_of, whole_column
from skrec.interactions._dates import parse_dates
from skrec.typing import Array

__all__ = ["TimeKind", "TimeUnit", "as_timestamps", "converted", "read_times", "unit_of"]

TimeKind: TypeAlias = Literal["integers", "seconds", "calendar"]
"""Plain integers, numbers with fractions of seconds, or dates; the last two in nanoseconds."""

TimeUnit: TypeAlias = Literal["ns"] | None
"""Nanoseconds since 1970, or the unit of the input, which nobody knows."""

# years of which every moment has its number of nanoseconds in int64
_FIRST, _LAST = "1678-01-01", "2262-01-01"
_SECONDS = tuple(int(np.datetime64(day, "s").astype(np.int64)) for day in (_FIRST, _LAST))
_FRACTIONS = "be seconds of the years 1678 to 2261 where there are fractions (or be integers)"
_EXACT = 2**53
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_SAFE_DIGITS = 18  # what is no longer fits into int64
_GIGA = 10**9


def as_timestamps(values: Any, name: str = "timestamp") -> tuple[Array, TimeUnit]:
    """Return times as integers, and their unit.

    Parameters
    ----------
    values : array-like of shape (n,)
        Integers (whole floats too) keep their own unit, whichever it is. All else becomes
        nanoseconds since 1970: numbers with fractions, which are seconds; datetimes and dates of
        NumPy, pandas, Arrow, polars and Python; dates in text, with or without time of day and
        offset. Without an offset, times are those of UTC. Numbers in text are numbers.
    name : str, default="timestamp"
        What to call them in errors.

    Returns
    -------
    times : ndarray of int64 of shape (n,)
        The times, in the order of the input.
    unit : "ns" or None
        "ns" for nanoseconds since 1970, None for integers in their own unit.

    Raises
    ------
    ValueError
        If a time is missing, is a time of day without a date, is a date whose day and month could
        be exchanged, lies outside the years 1678 to 2261 (where nanoseconds are needed), or is no
        time at all. The message shows one of them.

    Examples
    --------
    >>> from skrec.interactions import as_timestamps
    >>> as_timestamps([30, 10])
    (array([30, 10]), None)
    >>> as_timestamps(["1970-01-01 00:00:01.5", "1970-01-02"])
    (array([    1500000000, 86400000000000]), 'ns')
    """
    times, kind = read_times(values, name)
    return times, unit_of(kind)


def unit_of(kind: TimeKind) -> TimeUnit:
    """Return the unit in which a kind of times is kept.

    Parameters
    ----------
    kind : {"integers", "seconds", "calendar"}
        What the input was.

    Returns
    -------
    unit : "ns" or None
        As `as_timestamps` returns it.
    """
    return None if kind == "integers" else "ns"


def read_times(values: Any, name: str) -> tuple[Array, TimeKind]:
    """Return times as integers, and what they were.

    Parameters
    ----------
    values : array-like of shape (n,)
        As for `as_timestamps`.
    name : str
        What to call them in errors.

    Returns
    -------
    times : ndarray of int64 of shape (n,)
        The times.
    kind : {"integers", "seconds", "calendar"}
        What the input was.

    Raises
    ------
    ValueError
        As for `as_timestamps`.
    """
    column = whole_column(_plain_moments(values, name), name)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    kind = column.dtype.kind
    if kind in "iu":
        return _integers(column.to_numpy(), name), "integers"
    if kind == "f":
        return _floats(column.to_numpy(dtype=np.float64), name)
    if kind == "M":
        return _moments(column, name), "calendar"
    if kind == "O":
        return _objects(column, name)
    return _refuse(column, name)


def converted(times: Array, kind: TimeKind, wanted: TimeKind, name: str) -> Array:
    """Return times in the unit in which another kind of times is kept.

    Parameters
    ----------
    times : ndarray of int64
        Times of `read_times`.
    kind, wanted : {"integers", "seconds", "calendar"}
        What they were, and what the times are that they should go with.
    name : str
        What to call them in errors.

    Returns
    -------
    times : ndarray of int64
        The times.

    Raises
    ------
    ValueError
        If nobody knows how many nanoseconds a plain integer is.
    """
    if unit_of(kind) == unit_of(wanted):
        return times
    if (kind, wanted) == ("integers", "seconds"):
        outside = (times < _SECONDS[0]) | (times >= _SECONDS[1])
        _check_range(outside, times, name, "be seconds of the years 1678 to 2261, as in fit")
        return times * _GIGA
    words = {
        "integers": "plain integers",
        "seconds": "seconds with fractions",
        "calendar": "dates",
    }
    raise ValueError(
        f"{name} must be of the kind that fit saw, {words[wanted]}; got {words[kind]}. "
        "Convert one of them, for example with pandas.to_datetime"
    )


def _plain_moments(values: Any, name: str) -> Any:
    """Return moments that are finer than nanoseconds in nanoseconds; pandas knows none."""
    fine = isinstance(values, np.ndarray) and values.dtype.kind == "M"
    if not fine or np.datetime_data(values.dtype)[0] not in ("ps", "fs", "as"):
        return values
    plain = values.astype("datetime64[ns]")
    lost = (plain.astype(values.dtype) != values) & ~np.isnat(values)
    _check_range(lost, values, name, "be whole nanoseconds")
    return plain


def _integers(values: Array, name: str) -> Array:
    if values.dtype.kind == "u":
        _check_range(values > np.iinfo(np.int64).max, values, name, "fit into 64 bits with a sign")
    return values.astype(np.int64)


def _floats(values: Array, name: str) -> tuple[Array, TimeKind]:
    _check_range(~np.isfinite(values), values, name, "be finite")
    whole = np.floor(values)
    if (whole == values).all():
        inexact = np.abs(values) >= _EXACT
        _check_range(inexact, values, name, "be given as integers, not floats, from 2**53 on")
        return values.astype(np.int64), "integers"
    outside = (values < _SECONDS[0]) | (values >= _SECONDS[1])
    _check_range(outside, values, name, _FRACTIONS)
    fraction = np.rint((values - whole) * _GIGA).astype(np.int64)
    return whole.astype(np.int64) * _GIGA + fraction, "seconds"


def _moments(column: pd.Series, name: str) -> Array:
    if column.dt.tz is not None:
        column = column.dt.tz_convert(None)
    moments = column.to_numpy()
    if moments.dtype != np.dtype("datetime64[ns]"):
        first, last = np.array([_FIRST, _LAST], dtype=moments.dtype)
        outside = (moments < first) | (moments >= last)
        _check_range(outside, moments, name, "lie in the years 1678 to 2261")
    return moments.astype("datetime64[ns]").astype(np.int64)


def _objects(column: pd.Series, name: str) -> tuple[Array, TimeKind]:
    inferred = pd.api.types.infer_dtype(column, skipna=False)
    if inferred == "empty":
        return np.empty(0, dtype=np.int64), "integers"
    if inferred == "string":
        return _text(column.astype(str).str.strip(), name)
    if inferred == "integer":
        return _python_integers(column, name), "integers"
    if inferred in ("floating", "mixed-integer-float"):
        return _floats(column.to_numpy(dtype=np.float64), name)
    if inferred == "decimal":
        return _decimals(column.tolist(), name)
    if inferred in ("datetime", "datetime64", "date"):
        moments = cast(pd.Series, pd.to_datetime(column, utc=True, errors="coerce"))
        outside = moments.isna().to_numpy()
        _check_range(outside, column.to_numpy(), name, "lie in the years 1678 to 2261")
        return _moments(moments, name), "calendar"
    if inferred == "mixed" and all(_is_date(value) for value in column):
        dates = [v if isinstance(v, str) else pd.Timestamp(v).isoformat() for v in column]
        return _text(pd.Series(dates).str.strip(), name)
    return _refuse(column, name)


def _is_date(value: Any) -> bool:
    return isinstance(value, str | np.datetime64) or hasattr(value, "toordinal")


def _python_integers(column: pd.Series, name: str) -> Array:
    limits = np.iinfo(np.int64)
    values = column.to_numpy()
    outside = np.array([not limits.min <= value <= limits.max for value in values])
    _check_range(outside, values, name, "fit into 64 bits with a sign")
    return values.astype(np.int64)


def _text(text: pd.Series, name: str) -> tuple[Array, TimeKind]:
    """Return what is written: numbers if the first value is one, else dates."""
    if not _NUMBER.fullmatch(text.iloc[0]):
        return _moments(parse_dates(text, name), name), "calendar"
    values = text.to_numpy(dtype=object)
    if text.str.fullmatch(r"[+-]?\d+").all():
        if text.str.len().max() <= _SAFE_DIGITS:
            return values.astype(np.int64), "integers"
        return _python_integers(text.map(int).astype(object), name), "integers"
    no_numbers = ~text.str.fullmatch(_NUMBER.pattern).to_numpy(dtype=bool)
    _check_range(no_numbers, values, name, "be numbers in all rows or dates in all rows")
    return _decimals([Decimal(value) for value in text], name)


def _decimals(values: list[Decimal], name: str) -> tuple[Array, TimeKind]:
    shown = np.array(values, dtype=object)
    _check_range(np.array([not v.is_finite() for v in values]), shown, name, "be finite")
    # an exponent in text may ask for more digits than there is memory
    huge = np.array([not -(2**63) <= value < 2**63 for value in values])
    _check_range(huge, shown, name, "fit into 64 bits with a sign")
    if all(value == int(value) for value in values):
        return _python_integers(pd.Series([int(v) for v in values], dtype=object), name), "integers"
    outside = np.array([not _SECONDS[0] <= value < _SECONDS[1] for value in values])
    _check_range(outside, shown, name, _FRACTIONS)
    return np.array([round(value * _GIGA) for value in values], dtype=np.int64), "seconds"


def _check_range(bad: Array, values: Array, name: str, rule: str) -> None:
    if bad.any():
        raise ValueError(
            f"{name} must {rule}; got {values[bad.argmax()]!s} in {rows_of(bad)} "
            f"({bad.sum()} of {len(bad)} values)"
        )


def _refuse(column: pd.Series, name: str) -> Any:
    value = column.iloc[0]
    if pd.api.types.infer_dtype(column) == "time":
        raise ValueError(
            f"{name} must hold times with their dates; got times of day such as {value!s}"
        )
    raise ValueError(
        f"{name} must hold integers, seconds, datetimes or dates in text; "
        f"got {type(value).__name__} such as {value!s} (column of {column.dtype})"
    )
