"""Files of named arrays and text: the safetensors format, written whole or not at all.

A file is the length of its header (8 bytes), the header in JSON, and the arrays one after the
other. Here each array begins at a multiple of 64 bytes, and the header holds a checksum of all that
is in the file.
"""

import json
import math
import mmap
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from skrec.exceptions import PersistenceError
from skrec.typing import Array
from skrec.utils import taking_the_place_of

__all__ = ["read_file", "write_file"]

_ALIGNMENT = 64
_MOST_HEADER = 100_000_000  # bytes, the limit of the format
_PADDING = "padding."
_CHECKSUM = "crc32"
_UNKNOWN = "00000000"
_DTYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


def write_file(path: str, texts: Mapping[str, str], arrays: Mapping[str, Array]) -> None:
    """Write a file, in place of the old one if there is one.

    It is written under another name beside it, and takes the place of the old one when all of it
    has reached the disk.

    Parameters
    ----------
    path : str
        The file.
    texts : dict of str to str
        What is not an array.
    arrays : dict of str to ndarray
        Numbers and booleans, in any order of memory.

    Raises
    ------
    OSError
        If it cannot be written; the old file is then as it was.
    """
    parts = [*_with_padding(arrays)]
    header = _header(texts, parts)
    checksum = zlib.crc32(header)
    for _, array in parts:
        checksum = zlib.crc32(_bytes_of(array), checksum)
    header = header.replace(_checksum(_UNKNOWN), _checksum(f"{checksum:08x}"))
    with taking_the_place_of(path) as file:
        file.write(len(header).to_bytes(8, "little"))
        file.write(header)
        for _, array in parts:
            file.write(_bytes_of(array))


def _with_padding(arrays: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """Yield arrays by name, in between what brings each to a multiple of 64 bytes."""
    end = 0
    for number, (name, array) in enumerate(arrays.items()):
        if missing := -end % _ALIGNMENT:
            yield f"{_PADDING}{number}", np.zeros(missing, np.uint8)
        array = np.ascontiguousarray(array).reshape(array.shape)  # which makes a scalar 1-D
        if array.dtype.newbyteorder("<") not in _NAMES:
            raise TypeError(f"{name} must be an array of numbers; got dtype {array.dtype}")
        yield name, array.astype(array.dtype.newbyteorder("<"), copy=False)
        end += missing + array.nbytes


def _header(texts: Mapping[str, str], parts: list[tuple[str, Array]]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": {_CHECKSUM: _UNKNOWN, **texts}}
    end = 0
    for name, array in parts:
        offsets = [end, end + array.nbytes]
        entries[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": array.shape,
            "data_offsets": offsets,
        }
        end = offsets[1]
    header = json.dumps(entries, separators=(",", ":")).encode()
    return header + b" " * (-(8 + len(header)) % _ALIGNMENT)


def _checksum(value: str) -> bytes:
    return f'"{_CHECKSUM}":"{value}"'.encode()


def _bytes_of(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data if array.nbytes else memoryview(b"")


def read_file(path: str, mapped: bool) -> tuple[dict[str, str], dict[str, Array]]:
    """Read a file that `write_file` has written.

    Parameters
    ----------
    path : str
        The file.
    mapped : bool
        Whether arrays are views of the file, of which all processes share one copy in memory, until
        one writes to them: that changes its own copy alone, and never the file.

    Returns
    -------
    texts : dict of str to str
        What is not an array.
    arrays : dict of str to ndarray
        The arrays.

    Raises
    ------
    PersistenceError
        If it is no such file, or not as it was written.
    OSError
        If there is none that can be read.
    """
    if Path(path).is_dir():
        raise IsADirectoryError(
            f"path must be a file that save_model has written; got a folder: {path}"
        )
    if not Path(path).exists():
        raise FileNotFoundError(
            f"path must be a file that save_model has written; there is no {path}"
        )
    with open(path, "rb") as file:
        content = _mapped(file) if mapped else _read(file)
    try:
        header, data = _split(content)
        entries = _parsed(header)
        texts = entries.pop("__metadata__", None)
        if not isinstance(texts, dict) or not all(isinstance(t, str) for t in texts.values()):
            raise PersistenceError("its header must have texts under __metadata__")
        arrays = _arrays(entries, data)
        _check_sum(header, data, texts.pop(_CHECKSUM, ""))
    except PersistenceError as error:
        raise PersistenceError(f"{path} cannot be loaded: {error}") from None
    return texts, arrays


def _mapped(file: IO[bytes]) -> Array:
    if os.fstat(file.fileno()).st_size == 0:
        return np.empty(0, np.uint8)  # which cannot be mapped
    return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), np.uint8)


def _read(file: IO[bytes]) -> Array:
    """Read a file into memory that begins at a multiple of 64 bytes, as a mapped one does."""
    size = os.fstat(file.fileno()).st_size
    room = np.empty(size + _ALIGNMENT, np.uint8)
    start = -room.ctypes.data % _ALIGNMENT
    content = room[start : start + size]
    return content[: file.readinto(content.data)]  # type: ignore[attr-defined]


def _split(content: Array) -> tuple[bytes, Array]:
    """Return the header and the bytes of the arrays."""
    if bytes(content[:1]) == b"\x80" and bytes(content[-1:]) == b".":
        raise PersistenceError(
            "it is a pickle, which can run any code when it is opened; save_model writes no such "
            "files"
        )
    length = int.from_bytes(bytes(content[:8]), "little")
    if len(content) < 8 or length < 2 or bytes(content[8:9]) != b"{":
        raise PersistenceError("it is not a file that save_model has written")
    if length > _MOST_HEADER:
        raise PersistenceError(
            f"its header must have at most {_MOST_HEADER:,} bytes; it claims {length:,}"
        )
    if length > len(content) - 8:
        raise PersistenceError(
            f"it must be whole; its header claims {length:,} bytes of {len(content):,}"
        )
    return bytes(content[8 : 8 + length]), content[8 + length :]


def _parsed(header: bytes) -> dict[str, Any]:
    try:
        entries = json.loads(header, object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:
        raise PersistenceError(f"its header must be JSON: {error}") from None
    if not isinstance(entries, dict):
        raise PersistenceError(f"its header must be an object; got a {type(entries).__name__}")
    return entries


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a dict of JSON's pairs, after a check that no key comes twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def _arrays(entries: dict[str, Any], data: Array) -> dict[str, Array]:
    """Return the arrays, after a check that they fill the file one after the other."""
    arrays, end = {}, 0
    for name, entry in entries.items():
        dtype, shape, (begin, stop) = _described(name, entry)
        size = math.prod(shape) * dtype.itemsize
        if begin != end or stop - begin != size:
            raise PersistenceError(f"the array {name!r} must take the bytes that follow the last")
        if stop > len(data):
            raise PersistenceError(
                f"it must be whole; the array {name!r} ends at byte {stop:,} of {len(data):,}"
            )
        end = stop
        if not name.startswith(_PADDING):
            arrays[name] = _array(name, data[begin:stop], dtype, shape)
    if end != len(data):
        raise PersistenceError(f"{len(data) - end:,} bytes at its end belong to no array")
    return arrays


def _array(name: str, content: Array, dtype: np.dtype, shape: list[int]) -> Array:
    """Return the array of some bytes, after a check that compiled code can work on it."""
    if dtype.kind == "b" and content.size and content.max() > 1:
        raise PersistenceError(f"the array {name!r} must hold 0 or 1 for False and True")
    if content.size and content.ctypes.data % _ALIGNMENT:
        raise PersistenceError(f"the array {name!r} must begin at a multiple of {_ALIGNMENT} bytes")
    return content.view(dtype).reshape(shape)


def _described(name: str, entry: Any) -> tuple[np.dtype, list[int], list[int]]:
    """Return dtype, shape and place of an array."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise PersistenceError(f"the array {name!r} must have dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise PersistenceError(
            f"the array {name!r} must have a dtype of {[*_DTYPES]}; got {dtype!r}"
        )
    for each in (shape, offsets):
        if not isinstance(each, list) or not all(type(n) is int and 0 <= n < 2**62 for n in each):
            raise PersistenceError(
                f"the array {name!r} must have numbers for its place; got {each}"
            )
    if len(offsets) != 2 or len(shape) > 8:
        raise PersistenceError(f"the array {name!r} must have two offsets and up to 8 axes")
    return _DTYPES[dtype], shape, offsets


def _check_sum(header: bytes, data: Array, value: str) -> None:
    given = _checksum(value)
    if header.count(given) != 1:
        raise PersistenceError("it is not a file that save_model has written")
    found = zlib.crc32(header.replace(given, _checksum(_UNKNOWN)))
    found = zlib.crc32(data.data, found) if len(data) else found
    if f"{found:08x}" != value:
        raise PersistenceError("its checksum is not that of what is in it: the file was changed")
