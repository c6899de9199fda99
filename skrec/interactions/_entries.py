"""From matrices and arrays of indices to entries in a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec.interactions._columns import as_column
from skrec.interactions._times import TimeUnit, as_timestamps
from skrec.typing import Array, MatrixLike
from skrec.utils import check_count, check_dense, check_structure

__all__ = ["check_frame", "coordinates", "indices", "times_of"]

_COO: TypeAlias = sp.coo_matrix | sp.coo_array

# an index that is as large and as rare is no row number
_LARGE = 10_000_000
_RARE = 1_000


def coordinates(X: MatrixLike, name: str) -> _COO:
    """Return the stored entries of a matrix in the order of its rows, zeros and repeats kept.

    Parameters
    ----------
    X : sparse matrix or array-like of shape (n_users, n_items)
        What a user passed.
    name : str
        Parameter to name in errors.

    Returns
    -------
    entries : coo_matrix or coo_array
        A copy.

    Raises
    ------
    ValueError
        If X is corrupt, or no matrix of numbers.
    """
    if not sp.issparse(X):
        return sp.coo_matrix(check_dense(X, name))
    matrix: Any = check_structure(X, name)
    if matrix.dtype.kind not in "buif":
        raise ValueError(f"{name} must hold real numbers; got a sparse matrix of {matrix.dtype}")
    return check_structure(matrix.tocoo(copy=True), name)


def times_of(entries: _COO, timestamps: MatrixLike) -> tuple[Array, TimeUnit]:
    """Return the times of entries, and their unit.

    Parameters
    ----------
    entries : coo_matrix or coo_array
        The entries.
    timestamps : sparse matrix or array-like of shape (n_users, n_items)
        Their times, in any order; dense ones are read at the entries.

    Returns
    -------
    times : ndarray of int64 of shape (nnz,)
        In the order of the entries.
    unit : "ns" or None
        As `as_timestamps` returns it.

    Raises
    ------
    ValueError
        If the patterns differ.
    """
    if not sp.issparse(timestamps):
        return _dense_times(entries, timestamps)
    times = coordinates(timestamps, "timestamps")
    message = "timestamps must store the same entries as X"
    if entries.shape != times.shape or entries.nnz != times.nnz:
        raise ValueError(
            f"{message}; got shapes {entries.shape} and {times.shape} with "
            f"{entries.nnz} and {times.nnz} entries"
        )
    mine, theirs = (np.lexsort((m.col, m.row)) for m in (entries, times))
    same = (entries.row[mine] == times.row[theirs]) & (entries.col[mine] == times.col[theirs])
    if not same.all():
        raise ValueError(f"{message}; {np.count_nonzero(~same)} entries differ")
    values, unit = as_timestamps(times.data, "timestamps")
    timestamp = np.empty(entries.nnz, dtype=np.int64)
    timestamp[mine] = values[theirs]
    return timestamp, unit


def _dense_times(entries: _COO, timestamps: Any) -> tuple[Array, TimeUnit]:
    try:
        times = np.asanyarray(timestamps)
    except TypeError as error:  # such as Interactions, which are no array
        got = type(timestamps).__name__
        raise TypeError(f"timestamps must be a matrix as X is; got {got}") from error
    except ValueError as error:  # NumPy's words name no parameter
        raise ValueError("timestamps must have rows of one length; got a ragged list") from error
    if times.shape != entries.shape:
        raise ValueError(
            "timestamps must store the same entries as X; "
            f"got shapes {entries.shape} and {times.shape}"
        )
    if times.dtype.kind in "iufO":
        stray = np.ma.filled(times, 0)
        stray = np.where(pd.isna(stray), 1, stray) != 0  # what is missing is no 0 either
        stray[entries.row, entries.col] = False
        if stray.any():
            raise ValueError(
                "timestamps must store the same entries as X; "
                f"got {np.count_nonzero(stray)} times where X has no entry"
            )
    return as_timestamps(times[entries.row, entries.col], "timestamps")


def indices(values: Any, name: str) -> Array:
    """Return rows or columns as integers.

    Parameters
    ----------
    values : array-like of int of shape (n,)
        What a user passed.
    name : str
        Parameter to name in errors.

    Returns
    -------
    index : ndarray of int64 of shape (n,)
        The same integers.

    Raises
    ------
    ValueError
        If they are no integers.
    """
    expected = f"{name} must be a 1-D array of integers"
    hint = "(raw ids go through Interactions.from_frame)"
    if np.ndim(values if isinstance(values, np.ndarray) else ()) > 1 or _nested(values):
        raise ValueError(f"{expected}; got 2-D {hint}")
    column = as_column(values, name)
    if not len(column):
        return np.empty(0, dtype=np.int64)
    if column.isna().any():
        raise ValueError(f"{expected}; got missing ones {hint}")
    if column.dtype.kind not in "iu":
        raise ValueError(f"{expected}; got 1-D of {column.dtype} {hint}")
    array = column.to_numpy()
    if array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{expected}; got {array.max()} {hint}")
    return array.astype(np.int64)


def _nested(values: Any) -> bool:
    return isinstance(values, list | tuple) and any(isinstance(v, list | tuple) for v in values)


def check_frame(
    frame: Sequence[int] | None, user: Array | None = None, item: Array | None = None
) -> tuple[int, int]:
    """Return the frame of rows and columns, after a check that they lie within it.

    Parameters
    ----------
    frame : tuple of int or None
        ``(n_users, n_items)``; None takes the largest indices.
    user, item : ndarray of int64, default=None
        The rows and columns.

    Returns
    -------
    frame : tuple of int
        ``(n_users, n_items)``.

    Raises
    ------
    ValueError
        If the frame is none, is so large that its cells cannot be numbered, or does not hold the
        indices; without a frame, if indices look like raw ids.
    """
    if frame is None:
        sizes = [_size_of(index, name) for index, name in ((user, "user"), (item, "item"))]
    else:
        if (
            not isinstance(frame, Sequence | np.ndarray)
            or isinstance(frame, str)
            or len(frame) != 2
        ):
            raise ValueError(f"frame must be two integers, (n_users, n_items); got {frame!r}")
        sizes = [check_count(n, f"frame[{place}]") for place, n in enumerate(frame)]
    if sizes[0] * sizes[1] > np.iinfo(np.int64).max:
        raise ValueError(
            "frame must have less than 2**63 pairs of users and items; "
            f"got {sizes[0]} x {sizes[1]} (raw ids go through Interactions.from_frame)"
        )
    for name, index, size in (("user", user, sizes[0]), ("item", item, sizes[1])):
        if index is not None and len(index) and (index.min() < 0 or index.max() >= size):
            raise ValueError(
                f"{name} must lie in [0, {size}), the frame; "
                f"got values from {index.min()} to {index.max()}"
            )
    return sizes[0], sizes[1]


def _size_of(index: Array | None, name: str) -> int:
    """Return how many rows or columns indices need, where they are not raw ids."""
    if index is None or not len(index):
        return 0
    size = int(index.max()) + 1
    if size > max(_LARGE, _RARE * len(index)):
        raise ValueError(
            f"{name} must hold numbers from 0 on, not raw ids; got {len(index)} interactions "
            f"up to {size - 1}, for which a frame takes {8 * size / 2**30:.1f} GiB and more. Use "
            "Interactions.from_frame, which numbers raw ids, or give frame="
        )
    return size
