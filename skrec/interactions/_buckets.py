"""Entries put aside on disk by ranges of rows, so that each range fits into memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from skrec.typing import Array
from skrec.utils import entry_blocks

__all__ = ["Buckets"]

_MOST = 2**20  # entries of a bucket, about 150 bytes each while they are sorted by time


class Buckets:
    """Files of entries, one for each range of rows.

    Parameters
    ----------
    stem : str
        What the names of the files begin with.
    counts : ndarray of int64 of shape (n_rows,)
        The most entries that each row will have.
    **dtypes : dtype
        Those of the columns of an entry, beside its row.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from skrec.interactions._buckets import Buckets
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     buckets = Buckets(f"{folder}/a", np.array([1, 1]), item=np.int32)
    ...     buckets.put(np.array([1, 0]), item=np.array([5, 6]))
    ...     [(rows, part["row"].tolist(), part["item"].tolist()) for rows, part in buckets]
    [(slice(0, 2, None), [1, 0], [5, 6])]
    """

    def __init__(self, stem: str, counts: Array, **dtypes: DTypeLike) -> None:
        ends = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        self.ranges = list(entry_blocks(ends, _MOST))
        self.dtype = np.dtype([("row", np.int32), *dtypes.items()])
        self._starts = np.array([rows.start for rows in self.ranges])
        self._stem = stem

    def put(self, row: Array, **columns: Array) -> None:
        """Put entries aside, in their order.

        Parameters
        ----------
        row : ndarray of int of shape (n,)
            Their rows.
        **columns : ndarray of shape (n,)
            What else there is of each.
        """
        bucket = np.searchsorted(self._starts, row, side="right") - 1
        order = np.argsort(bucket, kind="stable")
        bucket = bucket[order]
        entries = np.empty(len(row), self.dtype)
        entries["row"] = row[order] - self._starts[bucket]
        for name, column in columns.items():
            entries[name] = column[order]
        first = np.flatnonzero(np.diff(bucket, prepend=-1))
        for start, stop in zip(first, np.append(first, len(row))[1:], strict=True):
            with open(self._path(bucket[start]), "ab") as file:
                file.write(entries[start:stop].data)

    def __iter__(self) -> Iterator[tuple[slice, Array]]:
        """Iterate over ranges of rows and their entries, whose rows count from the range's first.

        A file is removed before its entries are handed out.
        """
        for number, rows in enumerate(self.ranges):
            path = self._path(number)
            entries = np.empty(0, self.dtype)
            if path.exists():
                entries = np.fromfile(path, self.dtype)
                path.unlink()
            yield rows, entries

    def _path(self, number: int) -> Path:
        return Path(f"{self._stem}-{number}.tmp")
