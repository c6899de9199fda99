"""Files as text: compression by content, encodings, and what is no text at all."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

__all__ = ["TextFile", "as_path", "check_path", "check_text", "open_text"]

_BLOCK = 2**18
_HEAD = 2**16
_BOM = codecs.BOM_UTF8
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DECOMPRESS = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress}
_ZIP = b"PK\x03\x04"
_NO_TEXT = {
    b"(\xb5/\xfd": "is compressed with zstd; decompress it first",
    b"PAR1": "is a Parquet file; its name must end in .parquet",
    b"ARROW1": "is an Arrow file; its name must end in .arrow or .feather",
}
_HTML = (b"<!doctype html", b"<html", b"<?xml")


def as_path(path: str | PathLike[str], name: str) -> Path:
    """Return a path that a user passed, with the home folder in place of "~"."""
    if not isinstance(path, str | PathLike) or isinstance(fspath(path), bytes):
        raise TypeError(f"{name} must be a path, as text or pathlib.Path; got {path!r}")
    return Path(path).expanduser()


@dataclass(frozen=True)
class TextFile:
    """Lines in UTF-8: a file as it is, or what came of decompressing or decoding it."""

    path: Path
    data: bytes | None = None  # None: the file itself

    def open(self) -> BinaryIO:
        """Return the bytes as a binary stream."""
        return open(self.path, "rb") if self.data is None else io.BytesIO(self.data)

    def source(self) -> str | BinaryIO:
        """Return what pandas reads fastest: the path where the file can be read as it is."""
        return str(self.path) if self.data is None else self.open()

    def read(self) -> bytes:
        """Return all bytes."""
        return self.path.read_bytes() if self.data is None else self.data

    @cached_property
    def head(self) -> bytes:
        """Return the first lines, as many as fit into a block, without a byte order mark."""
        with self.open() as file:
            start, more = file.read(_HEAD), file.read(1)
        whole = start[: start.rfind(b"\n") + 1] if more and b"\n" in start else start
        check_text(self, whole)
        return whole.removeprefix(_BOM)

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes in blocks that overlap by two, between line feeds and without a mark."""
        with self.open() as file:
            if file.read(len(_BOM)) != _BOM:
                file.seek(0)
            last = b"\n\n"
            while block := file.read(_BLOCK):
                yield last + block
                last = (last + block)[-2:]
            yield last + b"\n\n"


def check_path(path: Path) -> None:
    """Check that there is a file."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} must be a file; it is a folder")
    if not path.exists():
        raise FileNotFoundError(f"{path} must be a file; there is none of this name")


def open_text(path: Path, encoding: str | None = None) -> TextFile:
    """Return a file as text in UTF-8, decompressed whatever its name, or raise what is wrong."""
    check_path(path)
    _check_encoding(encoding)
    with open(path, "rb") as file:
        start = file.read(_HEAD)
    data = _decompressed(path, start)
    start = start if data is None else data[:_HEAD]
    if encoding is None and start.startswith(_UTF_16):
        encoding = "utf-16"
    if encoding is not None and codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig"):
        data = _recoded(path, path.read_bytes() if data is None else data, encoding)
        start = data[:_HEAD]
    _check_start(path, start)
    return TextFile(path, data)


def check_text(text: TextFile, block: bytes) -> None:
    """Check that a block of a file can be text, and where it is not ASCII, that it is UTF-8."""
    if b"\0" in block:
        raise ValueError(
            f"{text.path} must be a text file; it holds zero bytes: it is binary, or UTF-16 "
            'without a mark (encoding="utf-16-le")'
        )
    if not block.isascii():
        _check_utf8(text)


def _check_utf8(text: TextFile) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with text.open() as file:
            while block := file.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        _recoded(text.path, text.read(), "utf-8")  # once more, for the place


def _check_encoding(encoding: str | None) -> None:
    try:
        codecs.lookup(encoding or "utf-8")
    except (LookupError, TypeError) as error:
        raise ValueError(
            'encoding must be a name that Python knows, such as "utf-8", "latin-1", "cp1252" or '
            f'"utf-16"; got {encoding!r}'
        ) from error


def _decompressed(path: Path, start: bytes) -> bytes | None:
    try:
        for magic, decompress in _DECOMPRESS.items():
            if start.startswith(magic):
                return decompress(path.read_bytes())
        return _unzipped(path) if start.startswith(_ZIP) else None
    except (BadZipFile, EOFError, OSError, ValueError, lzma.LZMAError, zlib.error) as error:
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        raise ValueError(
            f"{path} must be whole; it cannot be decompressed ({error}): it is truncated or damaged"
        ) from error


def _unzipped(path: Path) -> bytes:
    with ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        names = [name for name in names if not name.startswith("__MACOSX/")]
        if len(names) != 1:
            raise ValueError(
                f"{path} must hold one file; it holds {len(names)}, such as {names[:5]}: unpack "
                "it and give the path of the one with the interactions"
            )
        return archive.read(names[0])


def _recoded(path: Path, data: bytes, encoding: str) -> bytes:
    try:
        return data.decode(encoding).encode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}, line {line}: text must be {error.encoding}; got the byte "
            f'0x{data[error.start]:02x}; give another encoding, such as encoding="latin-1"'
        ) from error
    except UnicodeError as error:
        raise ValueError(f"{path} must be {encoding}; {error}") from error


def _check_start(path: Path, start: bytes) -> None:
    if not start.removeprefix(_BOM).strip():
        raise ValueError(f"{path} must hold interactions; it is empty")
    for magic, what in _NO_TEXT.items():
        if start.startswith(magic):
            raise ValueError(f"{path} {what}")
    if start.removeprefix(_BOM).lstrip()[:20].lower().startswith(_HTML):
        raise ValueError(
            f"{path} must hold a table; it is an HTML page, such as a server sends in place of "
            "the file: download it again"
        )
