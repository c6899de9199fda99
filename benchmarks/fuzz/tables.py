"""Odd long tables, columns of ids and of times, and files of interactions."""

import datetime
import gzip
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.fuzz.case import Odd

__all__ = ["columns_of_ids", "files", "frames", "times"]


def frames() -> list[Odd]:
    """Return the same three rows as tables of every kind, and tables that cannot be used."""
    columns = {"user": ["b", "a", "b"], "item": [7, 7, 9], "rating": [1.0, 2.0, 3.0]}
    table = pd.DataFrame(columns)
    odds = [Odd(f"pandas {label}", f, "take", columns) for label, f in _pandas_forms(table)]
    for name, make in _LIBRARIES.items():
        try:
            odds.append(Odd(name, make(columns), "take", columns))
        except ImportError:
            continue
    odds += [Odd("dict of columns", columns, "take", columns)]
    wrong = {
        "no columns": table[[]],
        "another column": table.rename(columns={"item": "thing"}),
        "two columns user": pd.concat([table, table[["user"]]], axis=1),
        "a missing id": table.assign(user=["b", None, "b"]),
        "list ids": table.assign(user=[[1], [2], [1]]),
        "text ratings": table.assign(rating=["good", "bad", "x"]),
        "NaN rating": table.assign(rating=[1.0, np.nan, 2.0]),
        "infinite rating": table.assign(rating=[1.0, np.inf, 2.0]),
        "None": None,
        "array": table.to_numpy(),
        "list of dicts": table.to_dict("records"),
        "Series": table["user"],
        "ragged dict": {"user": [1, 2], "item": [1]},
        "text": "user,item",
        "no rows": table[:0],
    }
    free = ("no rows", "array", "list of dicts")
    return odds + [Odd(n, w, "any" if n in free else "refuse") for n, w in wrong.items()]


def _pandas_forms(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "plain", table
    yield "category", table.astype({"user": "category", "item": "category"})
    yield "object", table.astype(object)
    yield "nullable", table.convert_dtypes()
    yield "shuffled index", table.set_axis([5, 5, 2])
    yield "with more columns", table.assign(other=1)


_LIBRARIES: dict[str, Callable[[dict[str, list]], Any]] = {
    "polars": lambda columns: import_module("polars").DataFrame(columns),
    "polars lazy": lambda columns: import_module("polars").LazyFrame(columns),
    "pyarrow": lambda columns: import_module("pyarrow").table(columns),
    "pandas arrow": lambda columns: pd.DataFrame(columns).convert_dtypes(dtype_backend="pyarrow"),
}


def columns_of_ids() -> list[Odd]:
    """Return columns of three raw ids; the truth is what decoding must give back."""
    good: list[list[Any]] = [
        ["007", "7", "07"],
        ["NA", "null", "nan"],
        [10**17, 10**17 + 1, 3],
        [1, "1", 2],
        [(1, 2), (1, 3), "a"],
        [0, -1, -(2**62)],
        ["a", "A", " a"],
        ["", "b", "é"],
        [2**63 + 1, 2**63, 5],
        [datetime.date(2020, 1, 1), datetime.date(2020, 1, 2), datetime.date(2020, 1, 3)],
    ]
    odds = [Odd(repr(ids), pd.Series(ids, dtype=object), "take", ids) for ids in good]
    wrong: list[list[Any]] = [["a", None, "b"], [1.0, float("nan"), 2.0], [pd.NaT, 1, 2]]
    return odds + [Odd(repr(ids), pd.Series(ids, dtype=object), "refuse") for ids in wrong]


def times() -> list[Odd]:
    """Return three times in growing order, of every kind; the truth is their order."""
    order = [0, 1, 2]
    good: dict[str, Any] = {
        "int": [1, 2, 3],
        "i4": np.array([1, 2, 3], "i4"),
        "fractions of a second": [1.1, 1.2, 1.3],
        "large fractions": [1.6e9 + 0.1, 1.6e9 + 0.2, 1.6e9 + 0.3],
        "nanoseconds": np.array([1, 2, 3], "datetime64[ns]"),
        "milliseconds": np.array([1, 2, 3], "datetime64[ms]"),
        "days": np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "datetime64[D]"),
        "ISO dates": ["2020-01-01", "2020-01-02", "2020-01-03"],
        "ISO fractions": ["2020-01-01T00:00:00.1", "2020-01-01T00:00:00.2", "2020-01-01T00:00:01"],
        "ISO mixed": ["2020-01-01T00:00:00", "2020-01-01T00:00:00.5", "2020-01-01T00:00:01"],
        "offsets": ["2020-01-01T01:00:00+02:00", "2020-01-01T00:30:00+00:00", "2020-01-01T01:00Z"],
        "datetimes": [datetime.datetime(2020, 1, 1, 0, 0, 0, i) for i in (1, 2, 3)],
        "dates": [datetime.date(2020, 1, day) for day in (1, 2, 3)],
        "Timestamps": [pd.Timestamp(i) for i in (1, 2, 3)],
        "with a zone": pd.date_range("2020-01-01", periods=3, tz="Europe/Berlin", freq="1ms"),
        "nullable ints": pd.array([1, 2, 3], "Int64"),
        "Decimal-like text": ["1", "2", "10"],
        "before 1970": [-5, -4, -3],
    }
    odds = [Odd(label, pd.Series(value), "take", order) for label, value in good.items()]
    wrong: dict[str, Any] = {
        "NaN": [1.0, np.nan, 3.0],
        "infinite": [1.0, np.inf, 3.0],
        "NaT": np.array(["2020", "NaT", "2021"], "datetime64[s]"),
        "None": pd.Series([1, None, 3], dtype=object),
        "out of range": [1e30, 2e30, 3e30],
        "uint64 beyond": np.array([1, 2, 2**63 + 5], "u8"),
        "words": ["a", "b", "c"],
        "time of day": ["10:00", "11:00", "12:00"],
        "time objects": [datetime.time(10), datetime.time(11), datetime.time(12)],
        "bool": [True, False, True],
        "complex": [1j, 2j, 3j],
        "pd.NA": pd.array([1, pd.NA, 3], "Int64"),
        "lists": [[1], [2], [3]],
        "timedelta": pd.to_timedelta([1, 2, 3]),
        "a date of 9999": ["9999-01-01", "9999-01-02", "9999-01-03"],
    }
    free = ("bool", "timedelta", "a date of 9999")
    return odds + [Odd(n, pd.Series(w), "any" if n in free else "refuse") for n, w in wrong.items()]


def files(folder: Path) -> list[Odd]:
    """Write files of interactions; the truth is the set of user ids, as text."""
    odds = []
    for name, (content, truth) in _CONTENTS.items():
        path = folder / name
        path.write_bytes(content)
        verdict = "refuse" if truth is None else "any" if name in _READ_OR_NOT else "take"
        odds.append(Odd(name, path, verdict, truth or None))
    missing = [
        Odd("no such file", folder / "none.csv", "refuse"),
        Odd("a folder", folder, "refuse"),
    ]
    return odds + missing + [Odd("None", None, "refuse"), Odd("3", 3, "refuse")]


# what a reader may refuse, but not read otherwise
_READ_OR_NOT = {"utf16.csv", "text.csv.gz", "twice.csv", "spaces.csv"}
_ROWS = b"user,item,rating\n"
_CONTENTS: dict[str, tuple[bytes, Any]] = {
    "plain.csv": (_ROWS + b"1,2,3\n2,2,4\n", {"1", "2"}),
    "zeros.csv": (_ROWS + b"007,1,1\n7,2,1\n07,1,1\n", {"007", "7", "07"}),
    "guest.csv": (_ROWS + b"".join(b"%d,1,1\n" % i for i in range(30)) + b"guest,1,1\n",
                  {str(i) for i in range(30)} | {"guest"}),
    "missing-names.csv": (_ROWS + b"NA,1,1\nnull,2,1\nNone,1,1\nnan,1,2\n",
                          {"NA", "null", "None", "nan"}),
    "large.csv": (_ROWS + b"9007199254740993,1,1\n9007199254740992,1,1\n",
                  {"9007199254740993", "9007199254740992"}),
    "huge.csv": (_ROWS + b"100000000000000000000001,1,1\n100000000000000000000002,1,1\n",
                 {"100000000000000000000001", "100000000000000000000002"}),
    "codes.csv": (_ROWS + b"1e5,1,1\n100000,1,1\n", {"1e5", "100000"}),
    "decimal.csv": (_ROWS + b"1.0,1,1\n1,1,1\n", {"1.0", "1"}),
    "signs.csv": (_ROWS + b"+1,1,1\n1,1,1\n", {"+1", "1"}),
    "truth.csv": (_ROWS + b"True,1,1\nfalse,1,1\n", {"True", "false"}),
    "tabs.tsv": (b"user\titem\n1\t2\n2\t3\n", {"1", "2"}),
    "semicolons.csv": (b"user;item\n1;2\n2;3\n", {"1", "2"}),
    "quotes.csv": (b'user,item\n"a,b",1\nc,2\n', {"a,b", "c"}),
    "bom.csv": ("\ufeffuser,item\n1,2\n2,2\n".encode(), {"1", "2"}),
    "crlf.csv": (b"user,item\r\n1,2\r\n2,2\r\n", {"1", "2"}),
    "packed.csv.gz": (gzip.compress(_ROWS + b"1,2,3\n2,2,4\n"), {"1", "2"}),
    "latin.csv": ("user,item\nJosé,1\n".encode("latin-1"), None),
    "utf16.csv": ("user,item\n1,2\n".encode("utf-16"), {"1"}),
    "text.csv.gz": (_ROWS + b"1,2,3\n", {"1"}),
    "cut.csv.gz": (gzip.compress(_ROWS + b"1,2,3\n" * 999)[:-20], None),
    "empty.csv": (b"", None),
    "header.csv": (_ROWS, None),
    "no-header.csv": (b"1,2,3\n2,3,4\n", None),
    "page.csv": (b"<!DOCTYPE html><html><body>404</body></html>\n", None),
    "binary.csv": (bytes(range(256)) * 4, None),
    "ragged.csv": (_ROWS + b"1,2,3\n1,2,3,4,5\n", None),
    "words.csv": (_ROWS + b"1,2,good\n", None),
    "nan.csv": (_ROWS + b"1,2,nan\n", None),
    "infinite.csv": (_ROWS + b"1,2,inf\n", None),
    "no-id.csv": (_ROWS + b",2,3\n", None),
    "other-names.csv": (b"foo,bar\n1,2\n", None),
    "twice.csv": (b"user,item,user\n1,2,3\n", set()),
    "text.parquet": (b"user,item\n1,2\n", None),
    "empty.parquet": (b"", None),
    "times.csv": (b"user,item,timestamp\n1,2,2020-01-01\n2,2,2020-01-02\n", {"1", "2"}),
    "no-time.csv": (b"user,item,timestamp\n1,2,\n", None),
    "clock.csv": (b"user,item,timestamp\n1,2,10:00\n2,2,11:00\n", None),
    "spaces.csv": (b"user item\n1 2\n2 2\n", {"1", "2"}),
    "blank.csv": (b"\n\n\n", None),
    "zip.zip": (b"no zip", None),
}  # fmt: skip
