"""One column of any library as a pandas Series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from skrec.typing import Array

__all__ = ["as_column", "rows_of", "whole_column"]

_SHOWN = 5


def as_column(values: Any, name: str) -> pd.Series:
    """Return a column of any library as a pandas Series.

    Parameters
    ----------
    values : array-like of shape (n,)
        A list, an array, a Series of pandas or polars, an array of Arrow.
    name : str
        What to call it in errors.

    Returns
    -------
    column : Series
        The same values.

    Raises
    ------
    ValueError
        If it is no column, or partly masked.
    """
    if not isinstance(values, pd.Series):
        values = _series(values, name)
    if isinstance(values.dtype, pd.ArrowDtype):
        import pyarrow as pa

        values = pa.array(values).to_pandas()
    if isinstance(values.dtype, pd.SparseDtype):
        values = pd.Series(np.asarray(values))
    # pandas cannot look up numbers of half precision
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _series(values: Any, name: str) -> pd.Series:
    if hasattr(values, "to_arrow"):  # polars
        try:
            values = values.to_arrow()
        except ModuleNotFoundError:  # without pyarrow
            values = values.to_numpy()
    if hasattr(values, "to_pandas"):  # Arrow
        values = values.to_pandas()
    if np.ma.is_masked(values):
        mask = np.ma.getmaskarray(values).ravel()
        raise ValueError(f"{name} must not be missing; got masked values in {rows_of(mask)}")
    n_dimensions = np.ndim(values) if isinstance(values, np.ndarray | pd.DataFrame) else 1
    if n_dimensions != 1 or not pd.api.types.is_list_like(values):
        got = f"{n_dimensions}-D" if n_dimensions != 1 else repr(values)
        raise ValueError(f"{name} must be a 1-D array; got {got}")
    if isinstance(values, Mapping | set | frozenset):
        raise ValueError(f"{name} must be a 1-D array; got {type(values).__name__}")
    return pd.Series(np.ma.getdata(values) if isinstance(values, np.ma.MaskedArray) else values)


def whole_column(values: Any, name: str) -> pd.Series:
    """Return a column in which nothing is missing, in NumPy's types where there is one.

    Parameters
    ----------
    values : array-like of shape (n,)
        As for `as_column`.
    name : str
        What to call it in errors.

    Returns
    -------
    column : Series
        Categories are kept, nullable numbers are plain ones.

    Raises
    ------
    ValueError
        If a value is missing; the first rows are named.
    """
    column = as_column(values, name)
    missing = column.isna().to_numpy()
    if missing.any():
        raise ValueError(
            f"{name} must not be missing; got {missing.sum()} of {len(missing)} that are, "
            f"in {rows_of(missing)}"
        )
    numpy_dtype = getattr(column.dtype, "numpy_dtype", None)
    if isinstance(numpy_dtype, np.dtype) and numpy_dtype.kind in "biuf":
        column = pd.Series(column.to_numpy(dtype=numpy_dtype))
    return column


def rows_of(mask: Array) -> str:
    """Return the first rows of a mask in words.

    Parameters
    ----------
    mask : ndarray of bool of shape (n,)
        Which rows; at least one.

    Returns
    -------
    words : str
        Such as "row 3" or "rows 3, 5, ...", counted from 0.
    """
    rows = np.flatnonzero(mask)
    shown = ", ".join(str(row) for row in rows[:_SHOWN])
    more = ", ..." if len(rows) > _SHOWN else ""
    return f"{'row' if len(rows) == 1 else 'rows'} {shown}{more}"
