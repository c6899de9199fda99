"""Files that are written whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from typing import IO

__all__ = ["taking_the_place_of"]


@contextlib.contextmanager
def taking_the_place_of(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a new file beside a path, which it replaces at the end, or vanishes.

    Parameters
    ----------
    path : str or path-like
        The file to write.

    Yields
    ------
    file : file object
        To write bytes to. If anything fails before its end, what was at the path stays.

    Raises
    ------
    OSError
        If it cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> from skrec.utils import taking_the_place_of
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with taking_the_place_of(os.path.join(folder, "a")) as file:
    ...         _ = file.write(b"whole")
    ...     os.listdir(folder)
    ['a']
    """
    path = os.path.realpath(os.fspath(path))  # what a link leads to is replaced, not the link
    folder, name = os.path.split(path)
    if os.path.isdir(path):
        raise IsADirectoryError(f"path must be the name of a file; got a folder: {path}")
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"path must lie in a folder that is there; got {path}")
    aside = os.path.join(folder, f".{name}.{secrets.token_hex(8)}")
    with open(aside, "xb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()  # a file that is open cannot be renamed everywhere
            os.replace(aside, path)
        except BaseException:
            with contextlib.suppress(OSError):  # the rest of a buffer finds no place either
                file.close()
            with contextlib.suppress(FileNotFoundError):  # it may be in its place already
                os.unlink(aside)
            raise
    _flush_folder(folder)


def _flush_folder(folder: str) -> None:
    """Let the new name reach the disk too, where folders can be opened."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
