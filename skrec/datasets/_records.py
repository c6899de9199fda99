"""Tables whose values have types: Parquet and Arrow files, JSON lines."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from skrec.datasets._files import TextFile, check_path
from skrec.typing import Array

__all__ = ["ArrowTable", "JSONTable"]

_PARQUET = (".parquet", ".pq")
_ARROW = (".arrow", ".feather")
_MAGIC = (b"PAR1", b"ARROW1", b"FEA1")


class ArrowTable:
    """A table in a Parquet or Arrow file.

    Parameters
    ----------
    path : Path
        The file, or a folder of Parquet files.
    """

    suffixes = (*_PARQUET, *_ARROW)
    header = True
    sep = None

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_dir():
            check_path(path)
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise ImportError(
                f"{path} needs pyarrow to be read: pip install 'sklearn-recommenders[parquet]'"
            ) from error
        self.first = self._schema()

    def _schema(self) -> list[str]:
        from pyarrow import ArrowException, feather, parquet

        try:
            if self.path.suffix.lower() in _ARROW:
                return feather.read_table(self.path, memory_map=True).column_names
            return parquet.ParquetDataset(self.path).schema.names
        except (ArrowException, OSError, ValueError) as error:
            kind = "an Arrow" if self.path.suffix.lower() in _ARROW else "a Parquet"
            raise ValueError(f"{self.path} must be {kind} file, {self._fault()}") from error

    def _fault(self) -> str:
        if self.path.is_file() and not self.path.read_bytes()[:6].startswith(_MAGIC):
            return "it is none: if it is text, give it a name such as x.csv"
        return "and whole: it is truncated or damaged"

    def read(self, columns: Mapping[str, int], as_text: Collection[str] = ()) -> pd.DataFrame:
        """Return columns by position, under their new names, of the types that the file has."""
        from pyarrow import ArrowException, feather, parquet

        names = [self.first[position] for position in columns.values()]
        arrow = self.path.suffix.lower() in _ARROW
        try:
            read = feather.read_table if arrow else parquet.read_table
            table = read(self.path, columns=names).to_pandas(ignore_metadata=True)
        except (ArrowException, OSError, ValueError) as error:
            raise ValueError(f"{self.path} cannot be read: {error}") from error
        frame = table[names].set_axis(list(columns), axis=1)
        plain = {name: _plain(column) for name, column in frame.items()}
        return pd.DataFrame(
            {name: c.astype(str) if name in as_text else c for name, c in plain.items()}
        )

    def where(self, rows: Array) -> str:
        """Return the file and the rows, for messages."""
        return f"{self.path}, row{_numbers(rows)}"


class JSONTable:
    """A table in a text file with one JSON object a line.

    Parameters
    ----------
    text : TextFile
        The file.
    """

    header = True
    sep = None

    def __init__(self, text: TextFile) -> None:
        self.text, self.path = text, text.path

    @staticmethod
    def starts(text: TextFile) -> bool:
        """Return whether a text file starts as JSON does."""
        head = text.head.lstrip()
        if head.startswith(b"[") and head[1:].lstrip()[:1] in (b"{", b"["):
            raise ValueError(
                f"{text.path} must be a table or JSON lines, one object a line; it is one JSON "
                "array: read it with pandas.read_json and use Interactions.from_frame"
            )
        return head.startswith(b'{"') or head.startswith(b"{'") or head.startswith(b"{\n")

    @cached_property
    def first(self) -> list[str]:
        """Return the keys of the first object."""
        return list(next(self._records())[1])

    def read(self, columns: Mapping[str, int], as_text: Collection[str] = ()) -> pd.DataFrame:
        """Return columns by position among the first object's keys, under their new names.

        A column of ids is int64 where all values are integers, else text as in the file.
        """
        keys = {name: self.first[position] for name, position in columns.items()}
        values: dict[str, list[Any]] = {name: [] for name in keys}
        for _, record in self._records():
            for name, key in keys.items():
                values[name].append(record.get(key))
        ids = {name for name in keys if name in ("user", "item")}
        return pd.DataFrame(
            {
                name: _ids(column, name in as_text) if name in ids else pd.Series(column)
                for name, column in values.items()
            }
        )

    def where(self, rows: Array) -> str:
        """Return the file and the lines of rows, for messages."""
        wanted = set(np.asarray(rows[:5]).tolist())
        lines = [line for row, (line, _) in enumerate(self._records()) if row in wanted]
        return f"{self.path}, line{_numbers(np.array(lines) - 1, len(rows))}"

    def _records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        with io.TextIOWrapper(self.text.open(), encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, self._record(number, line)

    def _record(self, number: int, line: str) -> dict[str, Any]:
        try:
            record = json.loads(line, parse_constant=_no_constant)
        except ValueError as error:
            raise ValueError(f"{self.path}, line {number}: JSON is expected; {error}") from error
        if not isinstance(record, dict):
            raise ValueError(f"{self.path}, line {number}: a JSON object is expected; got {record}")
        return record


def _no_constant(name: str) -> None:
    """Read NaN and infinities, which are no JSON, as missing."""


def _plain(column: pd.Series) -> pd.Series:
    """Return a column without dictionary, and integers that fit as int64."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _plain(column.astype(dtype.categories.dtype))
    if dtype.kind in "iu" and not column.isna().any():
        fits = dtype.kind == "i" or cast(Any, dtype).itemsize < 8 or column.max() < 2**63
        return column.astype(np.int64) if fits else column
    return column


def _ids(values: list[Any], as_text: bool) -> pd.Series:
    if not as_text and all(type(value) is int and abs(value) < 2**63 for value in values):
        return pd.Series(values, dtype=np.int64)
    texts = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
    return pd.Series([None if text == "" else text for text in texts], dtype=object)


def _numbers(rows: Array, n_rows: int | None = None) -> str:
    """Return "s 1, 2, 3 and 4 more" of positions that start at 0."""
    n_rows = len(rows) if n_rows is None else n_rows
    shown = ", ".join(str(row + 1) for row in rows[:5])
    return f"{'s' if n_rows > 1 else ''} {shown}{f' and {n_rows - 5} more' if n_rows > 5 else ''}"
