"""Readers of the formats in which the data sets are published.

Each takes the folder of the downloaded files and returns the tables of the cache by name.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, cast
from zipfile import ZipFile

import numpy as np
import pandas as pd

from skrec.typing import Array

__all__ = ["read_adjacency", "read_deepcf", "read_movielens_100k"]
__all__ += ["read_movielens_csv", "read_movielens_dat"]

_RATING_COLUMNS = ["user", "item", "rating", "timestamp"]
_FIRST_GENRE = 5  # columns of u.item before it: id, title, two dates, address


def read_movielens_100k(folder: Path, *, archive: str) -> dict[str, pd.DataFrame]:
    """Read u.data, u.item and the official test ua.test."""
    with ZipFile(folder / archive) as files:
        ratings = _read_member(files, "u.data", sep="\t", header=None, names=_RATING_COLUMNS)
        test = _read_member(files, "ua.test", sep="\t", header=None, names=_RATING_COLUMNS)
        text = {"sep": "|", "header": None, "encoding": "latin-1", "quoting": csv.QUOTE_NONE}
        genres = _read_member(files, "u.genre", **text)[0].to_numpy()
        items = _read_member(files, "u.item", **text)
    flags = items.iloc[:, _FIRST_GENRE:].to_numpy(dtype=bool)
    joined = ["|".join(genres[row]) for row in flags]
    items = pd.DataFrame({"item": items[0], "title": items[1], "genres": joined})
    return {
        "ratings": ratings,
        "items": items,
        "ua_test": cast(pd.DataFrame, test[["user", "item"]]),
    }


def read_movielens_dat(
    folder: Path, *, archive: str, encoding: str, negatives: str | None = None
) -> dict[str, pd.DataFrame]:
    """Read ratings.dat and movies.dat, and the NCF negatives where they were downloaded."""
    with ZipFile(folder / archive) as files:
        # pandas' fast parser takes one character: of "1::2::3::4" every other field is empty
        ratings = _read_member(files, "ratings.dat", sep=":", header=None, usecols=[0, 2, 4, 6])
        items = _read_member(
            files,
            "movies.dat",
            sep="::",
            engine="python",
            header=None,
            names=["item", "title", "genres"],
            encoding=encoding,
            quoting=csv.QUOTE_NONE,
            keep_default_na=False,
        )
    tables = {"ratings": ratings.set_axis(_RATING_COLUMNS, axis=1), "items": items}
    if negatives is not None and (folder / negatives).exists():
        tables |= _with_raw_ids(read_negatives(folder / negatives), ratings)
    return tables


def read_movielens_csv(folder: Path, *, archive: str) -> dict[str, pd.DataFrame]:
    """Read ratings.csv and movies.csv."""
    with ZipFile(folder / archive) as files:
        ratings = _read_member(files, "ratings.csv")
        items = _read_member(files, "movies.csv", encoding="utf-8", keep_default_na=False)
    items = items.set_axis(["item", "title", "genres"], axis=1)
    return {"ratings": ratings.set_axis(_RATING_COLUMNS, axis=1), "items": items}


def read_adjacency(folder: Path) -> dict[str, pd.DataFrame]:
    """Read train.txt and test.txt, whose lines hold a user and the items of that user."""
    train, test = (_read_lists(folder / name) for name in ("train.txt", "test.txt"))
    return {"ratings": pd.concat([train, test], ignore_index=True), "test": test}


def read_deepcf(folder: Path, *, name: str) -> dict[str, pd.DataFrame]:
    """Read the train and test ratings and the negatives of a DeepCF data set."""
    parts = [
        pd.read_csv(folder / f"{name}.{part}.rating", sep="\t", header=None).iloc[:, :3]
        for part in ("train", "test")
    ]
    ratings = pd.concat(parts, ignore_index=True).set_axis(_RATING_COLUMNS[:3], axis=1)
    user, item, negatives = read_negatives(folder / f"{name}.test.negative")
    return {"ratings": ratings, **_leave_one_out(user, item, negatives)}


def read_negatives(path: Path) -> tuple[Array, Array, Array]:
    """Read lines "(user,item)<tab>negative<tab>..." as two arrays and a matrix."""
    table = pd.read_csv(path, sep="\t", header=None)
    pairs = table[0].str.strip("()").str.split(",", expand=True).astype(np.int64).to_numpy()
    return pairs[:, 0], pairs[:, 1], table.iloc[:, 1:].to_numpy(dtype=np.int64)


def _with_raw_ids(
    numbered: tuple[Array, Array, Array], ratings: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Return the NCF test in raw ids: it numbers users and items in order of appearance."""
    users, items = cast(Array, ratings[0].unique()), cast(Array, ratings[2].unique())
    user, item, negatives = numbered
    return _leave_one_out(users[user], items[item], items[negatives])


def _leave_one_out(user: Array, item: Array, negatives: Array) -> dict[str, pd.DataFrame]:
    joined = [" ".join(row) for row in negatives.astype(str)]
    test = pd.DataFrame({"user": user, "item": item})
    return {"loo_test": test, "loo_negatives": test.assign(negatives=joined)}


def _read_lists(path: Path) -> pd.DataFrame:
    lines = [line.split() for line in path.read_text().splitlines()]
    lengths = np.array([len(line) - 1 for line in lines if line])
    users = np.array([line[0] for line in lines if line], dtype=np.int64)
    items = np.array([item for line in lines for item in line[1:]], dtype=np.int64)
    return pd.DataFrame({"user": np.repeat(users, lengths), "item": items})


def _read_member(archive: ZipFile, name: str, **kwargs: Any) -> pd.DataFrame:
    found = [path for path in archive.namelist() if f"/{path}".endswith(f"/{name}")]
    if not found:
        raise ValueError(f"{archive.filename} must hold {name}; got {archive.namelist()[:20]}")
    with archive.open(found[0]) as file:
        return pd.read_csv(file, **kwargs)
