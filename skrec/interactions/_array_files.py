"""Arrays in .npy files: written piece by piece, and mapped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from skrec.typing import Array

__all__ = ["ArrayFile", "map_file"]

_HEADER = 4096  # bytes of a file that is at most a header: it cannot be mapped, or is broken


class ArrayFile:
    """A .npy file of a 1-D array that grows.

    Parameters
    ----------
    path : Path
        The file, which is made anew.
    dtype : dtype
        Of the array.
    """

    def __init__(self, path: Path, dtype: DTypeLike) -> None:
        self.path, self.dtype, self.length = path, np.dtype(dtype), 0
        self._file = open(path, "xb")
        self._write_header()
        self._start = self._file.tell()

    def append(self, array: Array) -> None:
        """Write more of the array.

        Parameters
        ----------
        array : ndarray of shape (n,)
            What comes next.
        """
        self._file.write(np.ascontiguousarray(array, dtype=self.dtype).view(np.uint8).data)
        self.length += len(array)

    def close(self) -> None:
        """Write the length, and let all reach the disk."""
        if self._file.closed:
            return
        self._file.seek(0)
        self._write_header()
        if self._file.tell() != self._start:
            raise OSError(f"the header of {self.path} has not the room for {self.length} entries")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, *exception: Any) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()

    def _write_header(self) -> None:
        # NumPy leaves room for the length to grow
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self._file, header)


def map_file(path: Path) -> Array:
    """Return the 1-D array of a .npy file, mapped; an empty one is in memory.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    array : ndarray
        Read-only.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it is cut short, or holds anything else.
    """
    try:
        array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        if os.path.getsize(path) > _HEADER:
            raise ValueError(f"{path.name} is cut short or no array: {error}") from error
        try:
            array = np.load(path, allow_pickle=False)
        except (ValueError, EOFError) as broken:
            raise ValueError(f"{path.name} is cut short or no array: {broken}") from broken
    if not isinstance(array, np.ndarray) or array.ndim != 1:
        raise ValueError(f"{path.name} is no 1-D array")
    array = array.view(np.ndarray)
    array.flags.writeable = False
    return array
