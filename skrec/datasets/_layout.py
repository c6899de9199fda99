"""The cache: one folder a data set, one gzipped CSV file a table."""

from __future__ import annotations

import os
from collections.abc import Collection, Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skrec.datasets._files import as_path, open_text
from skrec.datasets._ids import scan
from skrec.datasets._text import TextTable

__all__ = ["find_home", "has_tables", "ratings_file", "read_tables", "write_tables"]

_TABLES = ("ratings", "items", "test", "ua_test", "loo_test", "loo_negatives")
_IDS = ("user", "item")
_GZIP = {"method": "gzip", "compresslevel": 6, "mtime": 1}


def find_home(data_home: str | os.PathLike[str] | None) -> Path:
    """Return the folder of all data sets: the argument, else SKREC_DATA, else ~/skrec_data."""
    return as_path(data_home or os.environ.get("SKREC_DATA") or "~/skrec_data", "data_home")


def ratings_file(folder: Path) -> Path:
    """Return the path of the one table that every data set has."""
    return folder / "ratings.csv.gz"


def has_tables(folder: Path) -> bool:
    """Return whether a data set is in the cache."""
    return ratings_file(folder).is_file()


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the tables of a data set, those it has, by name."""
    paths = {name: folder / f"{name}.csv.gz" for name in _TABLES}
    paths = {name: path for name, path in paths.items() if path.is_file()}
    tables = {name: _read(path) for name, path in paths.items()}
    kinds = {name: {t[name].dtype for t in tables.values() if name in t} for name in _IDS}
    texts = [name for name in _IDS if len(kinds[name]) > 1]
    # ids that are numbers in one table and text in another are text in all
    return {name: _read(path, texts) for name, path in paths.items()} if texts else tables


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write tables into a new folder."""
    folder.mkdir()
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv.gz", index=False, compression=_GZIP)


def _read(path: Path, as_text: Collection[str] = ()) -> pd.DataFrame:
    """Read a table; its ids are what they are in `load_interactions`."""
    dtype: dict[Hashable, Any] = {"negatives": str}  # one id alone would be read as a number
    try:
        text = open_text(path)
        odd = scan(text, ",")
        # a movie may be called "NA"; numbers are never missing
        table = pd.read_csv(text.source(), keep_default_na=False, compression=None, dtype=dtype)
        ids = {name: place for place, name in enumerate(table.columns) if name in _IDS}
        if odd or as_text or any(table[name].dtype != np.int64 for name in ids):
            exact = TextTable(text, ",").read(ids, [name for name in as_text if name in ids])
            table = table.assign(**{name: exact[name] for name in ids})
    except ValueError as error:
        raise ValueError(
            f"{error}; it is a file of the cache: delete {path}, and what is fetched can be "
            "fetched again"
        ) from error
    return table
