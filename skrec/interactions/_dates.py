"""Dates in text as moments, and none that could be another date."""

from __future__ import annotations

import re
from typing import cast

import numpy as np
import pandas as pd

from skrec.interactions._columns import rows_of
from skrec.typing import Array

__all__ = ["parse_dates"]

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_DAYS = "mon tue wed thu fri sat sun".split()
_OTHER_WORDS = {"am", "pm", "utc", "gmt", "z", "t", "th", "st", "nd", "rd", "of", "at"}
_LONG = (
    "january february march april june july august september october november december sept "
    "monday tuesday wednesday thursday friday saturday sunday tues thur thurs"
)
_WORDS = {*_MONTHS, *_DAYS, *_OTHER_WORDS, *_LONG.split()}

_TIME_OF_DAY = re.compile(r"T?\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([AaPp]\.?[Mm]\.?)?")
_WITH_SLASHES = r"^(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})(?!\d)(.*)$"


def parse_dates(text: pd.Series, name: str) -> pd.Series:
    """Return dates in text as moments of UTC.

    ISO 8601 in all its precisions, dates with the name of the month, and dates such as
    31/12/2015, of which one row must show whether the day or the month comes first.

    Parameters
    ----------
    text : Series of str
        The dates.
    name : str
        What to call them in errors.

    Returns
    -------
    moments : Series of datetime
        One a row, with time zone UTC.

    Raises
    ------
    ValueError
        If a text is no date, or could be two.
    """
    moments = _utc(text, "ISO8601")
    # pandas takes "now" and "today" for ISO, and a number for a year
    dated = text.str[:4].str.isdigit() & ~text.str.isdigit()
    other = (moments.isna() | ~dated).to_numpy()
    if not other.any():
        return moments
    parsed = _other_dates(text[other], name)
    unread = other.copy()
    unread[other] = parsed.isna()
    if unread.any():
        _refuse(text, unread, name)
    places = np.concatenate([np.flatnonzero(~other), np.flatnonzero(other)])
    return pd.concat([moments[~other], parsed]).iloc[np.argsort(places)]


def _utc(text: pd.Series, form: str) -> pd.Series:
    return cast(pd.Series, pd.to_datetime(text, format=form, utc=True, errors="coerce"))


def _other_dates(text: pd.Series, name: str) -> pd.Series:
    """Return the moments of dates that are not ISO, NaT where there is none."""
    parts = text.str.extract(_WITH_SLASHES)
    if cast(pd.Series, parts[2]).notna().all():
        return _utc(_in_iso_order(parts, text, name), "ISO8601")
    # a number of digits is the same everywhere, a word only where it is known
    return _utc(text.where(text.map(_names_a_month)), "mixed")


def _in_iso_order(parts: pd.DataFrame, text: pd.Series, name: str) -> pd.Series:
    """Return dates such as 31/12/2015 as 2015-12-31."""
    first, second = cast(pd.Series, parts[0]).astype(int), cast(pd.Series, parts[1]).astype(int)
    day_first, month_first = bool((first > 12).any()), bool((second > 12).any())
    if day_first == month_first and not bool((first == second).all()):
        raise ValueError(
            f"{name} must show whether the day or the month comes first; got dates such as "
            f"{text.iloc[0]!r}, {'both ways' if day_first else 'which could be either'}. "
            "Write 2015-12-31"
        )
    month, day = (second, first) if day_first else (first, second)
    date = parts[2] + "-" + month.astype(str).str.zfill(2) + "-" + day.astype(str).str.zfill(2)
    return date + parts[3].str.replace(r"^[,\s]+", " ", regex=True)


def _names_a_month(text: str) -> bool:
    """Return whether a text has the name of a month, a year of four digits and a day."""
    date = _TIME_OF_DAY.sub(" ", text)
    words = set(re.findall("[a-z]+", text.lower()))
    months = any(word[:3] in _MONTHS for word in words - _OTHER_WORDS)
    year = re.search(r"(?<![\d+-])\d{4}(?!\d)", date)
    day = re.search(r"(?<!\d)\d{1,2}(?!\d)", date)
    return bool(words <= _WORDS and months and year and day)


def _refuse(text: pd.Series, unread: Array, name: str) -> None:
    example = text.iloc[unread.argmax()]
    kind = "times of day without a date" if _TIME_OF_DAY.match(example) else "texts that are none"
    raise ValueError(
        f"{name} must hold numbers, or dates such as 2015-12-31 or 2015-12-31T18:00:00+01:00 of "
        f"the years 1678 to 2261; got {unread.sum()} of {len(unread)} {kind}, "
        f"such as {example!r} in {rows_of(unread)}"
    )
