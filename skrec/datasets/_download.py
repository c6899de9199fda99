"""Downloading a data set into the cache: wholly or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from collections.abc import Iterable
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO
from urllib.request import urlopen
from zipfile import BadZipFile

from tqdm.auto import tqdm

from skrec.datasets._layout import write_tables
from skrec.exceptions import SkrecWarning

if TYPE_CHECKING:
    import pandas as pd

    from skrec.datasets._sources import Dataset, Remote

__all__ = ["install"]

_TIMEOUT = 60
_CHUNK = 2**18


def install(dataset: Dataset, folder: Path) -> None:
    """Download a data set and put its tables into a folder, which is complete or untouched."""
    home = folder.parent
    new = not home.exists()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{folder.name}-", dir=home) as temporary:
            originals, ready = Path(temporary) / "originals", Path(temporary) / "ready"
            originals.mkdir()
            _download_all(dataset.remotes, originals)
            write_tables(_read(dataset, originals), ready)
            _move(ready, folder)
    except BaseException:
        if new:
            with contextlib.suppress(OSError):  # not there, or another process uses it by now
                home.rmdir()
        raise


def _download_all(remotes: Iterable[Remote], folder: Path) -> None:
    for remote in remotes:
        try:
            _download(remote, folder / remote.filename)
        except OSError as error:
            (folder / remote.filename).unlink(missing_ok=True)
            if not remote.optional:
                raise
            warnings.warn(f"{error}; going on without it", SkrecWarning, stacklevel=5)


def _download(remote: Remote, path: Path) -> None:
    digest = _Digest(remote.checksum)
    try:
        with urlopen(remote.url, timeout=_TIMEOUT) as response, open(path, "wb") as file:
            expected = response.headers.get("Content-Length")
            received = _copy(response, (file, digest), remote.filename, expected)
    except (OSError, HTTPException) as error:
        raise OSError(f"Downloading {remote.url} failed: {error}") from error
    if expected is not None and received != int(expected):
        raise OSError(f"Downloading {remote.url} broke off: {received} of {expected} bytes came")
    digest.check(remote.url)


def _copy(
    response: BinaryIO, targets: Iterable[BinaryIO | _Digest], name: str, expected: str | None
) -> int:
    received = 0
    total = None if expected is None else int(expected)
    # disable=None: a bar on a terminal only
    with tqdm(total=total, desc=name, unit="B", unit_scale=True, disable=None) as bar:
        while chunk := response.read(_CHUNK):
            for target in targets:
                target.write(chunk)
            received += len(chunk)
            bar.update(len(chunk))
    return received


class _Digest:
    """A sink of bytes that knows what they should hash to."""

    def __init__(self, checksum: str | None) -> None:
        algorithm, _, self.expected = (checksum or "sha256:").partition(":")
        self.hash = hashlib.new(algorithm, usedforsecurity=False)

    def write(self, chunk: bytes) -> None:
        """Add some more bytes."""
        self.hash.update(chunk)

    def check(self, url: str) -> None:
        """Raise where they hash to something else."""
        came = self.hash.hexdigest()
        if self.expected and came != self.expected:
            raise OSError(
                f"{url} must have the {self.hash.name} checksum {self.expected}; got {came}"
            )


def _read(dataset: Dataset, originals: Path) -> dict[str, pd.DataFrame]:
    """Return the tables of the downloaded files."""
    try:
        tables = dataset.read(originals)
    except (BadZipFile, IndexError, KeyError, ValueError) as error:
        urls = ", ".join(remote.url for remote in dataset.remotes)
        raise OSError(f"{urls} cannot be read: {error}") from error
    n_rows = len(tables["ratings"])
    if n_rows != dataset.n_interactions:
        url = dataset.remotes[0].url
        raise OSError(f"{url} must hold {dataset.n_interactions} interactions; got {n_rows}")
    return tables


def _move(ready: Path, folder: Path) -> None:
    """Put all files in place at once; into a folder that exists, the ratings last."""
    try:
        os.replace(ready, folder)
    except OSError:
        if not folder.is_dir():
            raise
        for path in sorted(ready.iterdir(), key=lambda path: path.name.startswith("ratings")):
            os.replace(path, folder / path.name)
