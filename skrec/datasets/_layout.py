"""The cache: one folder a data set, one gzipped CSV file a table."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

__all__ = ["find_home", "has_tables", "ratings_file", "read_tables", "write_tables"]

_TABLES = ("ratings", "items", "test", "ua_test", "loo_test", "loo_negatives")
_GZIP = {"method": "gzip", "compresslevel": 6, "mtime": 1}


def find_home(data_home: str | os.PathLike[str] | None) -> Path:
    """Return the folder of all data sets: the argument, else SKREC_DATA, else ~/skrec_data."""
    return Path(data_home or os.environ.get("SKREC_DATA") or "~/skrec_data").expanduser()


def ratings_file(folder: Path) -> Path:
    """Return the path of the one table that every data set has."""
    return folder / "ratings.csv.gz"


def has_tables(folder: Path) -> bool:
    """Return whether a data set is in the cache."""
    return ratings_file(folder).is_file()


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the tables of a data set, those it has, by name."""
    paths = {name: folder / f"{name}.csv.gz" for name in _TABLES}
    return {name: _read(path) for name, path in paths.items() if path.is_file()}


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write tables into a new folder."""
    folder.mkdir()
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv.gz", index=False, compression=_GZIP)


def _read(path: Path) -> pd.DataFrame:
    # a movie may be called "NA"; numbers are never missing
    return pd.read_csv(path, keep_default_na=False)
