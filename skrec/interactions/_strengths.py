"""Strengths and ratings of any kind as float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skrec.interactions._columns import as_column, rows_of, whole_column
from skrec.typing import Array

__all__ = ["as_strengths"]


def as_strengths(values: Any, name: str, *, finite: bool = True) -> Array:
    """Return strengths or ratings as float32.

    Parameters
    ----------
    values : array-like of shape (n,)
        Numbers of any type: booleans, small and nullable ones, decimals, categories of numbers.
    name : str
        What to call them in errors.
    finite : bool, default=True
        Whether NaN and infinity in an array of floats are an error.

    Returns
    -------
    strengths : ndarray of float32 of shape (n,)
        The same numbers.

    Raises
    ------
    ValueError
        If a value is missing, infinite, no number or beyond float32; the first rows are named.
    """
    column = as_column(values, name)
    if finite or not _plain_floats(column):
        column = whole_column(column, name)
    numbers = _numbers(column, name)
    if finite and not np.isfinite(numbers).all():
        _refuse(~np.isfinite(numbers), numbers, name, "be finite")
    with np.errstate(over="ignore"):
        strengths = numbers.astype(np.float32)
    if numbers.dtype.kind != "f":
        return strengths
    beyond = np.isinf(strengths) & np.isfinite(numbers)
    if beyond.any():
        _refuse(beyond, numbers, name, "be in the range of float32")
    return strengths


def _plain_floats(column: pd.Series) -> bool:
    return isinstance(column.dtype, np.dtype) and column.dtype.kind == "f"


def _numbers(column: pd.Series, name: str) -> Array:
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    values = column.to_numpy()
    if values.dtype.kind in "buif":
        return values
    if values.dtype.kind == "O":
        text = np.array([isinstance(value, str | bytes) for value in values], dtype=bool)
        if text.any():
            _refuse(text, values, name, "hold numbers")
        try:
            return values.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            pass
    if len(values) == 0:
        return np.empty(0)
    raise ValueError(
        f"{name} must hold numbers; got {column.dtype} with values such as {values[0]!s}"
    )


def _refuse(bad: Array, values: Array, name: str, rule: str) -> None:
    raise ValueError(
        f"{name} must {rule}; got {values[bad.argmax()]!r} in {rows_of(bad)} "
        f"({bad.sum()} of {len(bad)} values)"
    )
