"""Tables in text: separators, the header line, ids as they are written, lines in messages."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, BinaryIO, cast

import numpy as np
import pandas as pd
from pandas.errors import DtypeWarning, ParserError

from skrec.datasets._files import TextFile
from skrec.datasets._ids import INTEGER, as_integers, scan
from skrec.typing import Array

__all__ = ["TextTable"]

_SEPARATORS = (",", "\t", ";", "|")
_SPACES = r"\s+"
_LONG = "\x1f"  # stands for a separator of several bytes, for pandas' fast parser takes one
_SAMPLE = 50
_QUOTED = re.compile(r'"[^"]*"')
_IDS = ("user", "item")


class TextTable:
    """A table in a text file.

    Parameters
    ----------
    text : TextFile
        The file.
    sep : str, default=None
        Its separator; None finds it in the first lines.
    header : bool, default=True
        Whether the first line names the columns.
    """

    def __init__(self, text: TextFile, sep: str | None = None, header: bool = True) -> None:
        self.path, self.header = text.path, header
        self.sep = _find_separator(text.head) if sep is None else _checked_separator(sep)
        self.text, self._sep = text, self.sep
        if self.sep != _SPACES and len(self.sep.encode()) > 1:
            whole = text.read().replace(self.sep.encode(), _LONG.encode())
            self.text, self._sep = TextFile(text.path, whole), _LONG

    @cached_property
    def first(self) -> list[str]:
        """Return the fields of the first line."""
        row = self._parse(io.BytesIO(self.text.head), True, header=None, nrows=1, dtype=str)
        return row.iloc[0].fillna("").tolist()

    def read(self, columns: Mapping[str, int], as_text: Collection[str] = ()) -> pd.DataFrame:
        """Return columns by position, under their new names.

        Columns called "user" and "item" are int64 where every id is an integer as a person
        writes it, and the texts of the file otherwise, or where they are in `as_text`.
        """
        ids = {name: columns[name] for name in _IDS if name in columns}
        texts = {name for name in columns if name in as_text or self._starts_as_text(name, ids)}
        table, odd = self._read_and_scan(columns, texts)
        odd_ids = ids if odd else ()
        wrong = {
            name
            for name in columns.keys() - texts
            if name in odd_ids or _is_unsure(_series(table, name), name in ids)
        }
        if wrong:
            again = self._columns({name: columns[name] for name in wrong}, wrong, odd)
            table[list(wrong)] = again[list(wrong)]
        for name in ids.keys() - set(as_text):
            table[name] = _integers_where_possible(_series(table, name))
        return table

    def lines(self, rows: Array) -> list[int]:
        """Return the numbers of the lines, from 1, that rows of the table end in."""
        wanted, numbers = set(np.asarray(rows).tolist()), []
        for row, (line, _) in enumerate(self._records(), start=-int(self.header)):
            if row in wanted:
                numbers.append(line)
            if len(numbers) == len(wanted):
                break
        return numbers

    def where(self, rows: Array) -> str:
        """Return the file and the lines of rows, for messages."""
        shown = ", ".join(map(str, self.lines(rows[:5])))
        more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
        return f"{self.path}, line{'s' if len(rows) > 1 else ''} {shown}{more}"

    def _starts_as_text(self, name: str, ids: Mapping[str, int]) -> bool:
        """Return whether the first lines have an id that is no integer, to read it once only."""
        if name not in ids or ids[name] not in self._sample:
            return False
        sample = cast(pd.Series, self._sample[ids[name]]).dropna()
        return not all(INTEGER.fullmatch(field) for field in sample)

    def _read_and_scan(
        self, columns: Mapping[str, int], as_text: Collection[str]
    ) -> tuple[pd.DataFrame, bool]:
        """Return the table, and whether an id in it may be no integer though it was read as one."""
        with ThreadPoolExecutor(1) as pool:
            scanned = pool.submit(scan, self.text, self._sep)
            try:
                table = self._columns(columns, as_text, False)
            except ValueError:
                scanned.result()  # what is wrong with the bytes comes first
                table = self._columns(columns, as_text, True)
            odd = scanned.result()
        # blanks before a field are odd
        return self._columns(columns, as_text, True) if odd else table, odd

    @cached_property
    def _sample(self) -> pd.DataFrame:
        lines = self.text.head.split(b"\n")[int(self.header) : _SAMPLE]
        try:
            return self._parse(io.BytesIO(b"\n".join(lines)), True, header=None, dtype=str)
        except ValueError:  # the whole file will tell
            return pd.DataFrame()

    def _columns(
        self, columns: Mapping[str, int], as_text: Collection[str], blanks: bool
    ) -> pd.DataFrame:
        header = 0 if self.header else None
        dtype = {columns[name]: str for name in as_text}
        # to skip blanks takes pandas a fifth longer
        table = self._parse(self.text.source(), blanks, header=header, dtype=dtype)
        self._check_shape(table)
        places = list(columns.values())
        if places != [*range(table.shape[1])]:  # all of them need no copy
            table = table.iloc[:, places]
        return table.set_axis(list(columns), axis=1)

    def _parse(self, source: str | BinaryIO, blanks: bool, **options: Any) -> pd.DataFrame:
        # a field is missing where it is empty only: an id may be "NA"
        missing = {"keep_default_na": False, "na_values": [""]}
        options |= {"sep": self._sep, "compression": None, "skipinitialspace": blanks}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DtypeWarning)  # such columns are read once more
                return pd.read_csv(source, **missing, **options)
        except ParserError as error:
            raise ValueError(self._explained(str(error))) from error

    def _explained(self, message: str) -> str:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)
        if found:
            expected, line, got = found.groups()
            return self._ragged(line, got, expected)
        if "EOF inside string" in message:
            return f'{self.path} must close every quotation mark it opens; a field has one " only'
        return f"{self.path} cannot be read: {message}"

    def _ragged(self, line: object, got: object, expected: object) -> str:
        return (
            f"{self.path}, line {line}: {expected} fields are expected, as in the first line; got "
            f"{got}; quote fields that hold the separator {self.sep!r}, or give another (sep=)"
        )

    def _check_shape(self, table: pd.DataFrame) -> None:
        """Raise where pandas is silent: a longer second line, or short lines without separators."""
        if not isinstance(table.index, pd.RangeIndex):
            width = len(self.first)
            raise ValueError(self._ragged(2, width + table.index.nlevels, width))
        if self.sep != _SPACES:
            return
        short = np.flatnonzero(table.iloc[:, -1].isna())
        if len(short):
            got = int(table.iloc[short[0]].notna().sum())
            raise ValueError(self._ragged(self.lines(short[:1])[0], got, len(self.first)))

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the lines that are not blank, with their numbers."""
        delimiter = self._sep if len(self._sep) == 1 else _LONG
        with io.TextIOWrapper(self.text.open(), encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
            for fields in reader:
                if len(fields) > 1 or (fields and fields[0].strip()):
                    yield reader.line_num, fields


def _series(table: pd.DataFrame, name: str) -> pd.Series:
    return cast(pd.Series, table[name])


def _is_unsure(column: pd.Series, is_id: bool) -> bool:
    """Return whether pandas' guess may have lost what the file says."""
    if is_id:
        return column.dtype != np.int64
    return column.dtype == object or column.dtype == bool


def _integers_where_possible(column: pd.Series) -> pd.Series:
    if column.dtype == np.int64 or column.isna().any():
        return column
    integers = as_integers(column)
    return column if integers is None else pd.Series(integers, index=column.index)


def _checked_separator(sep: str) -> str:
    if not isinstance(sep, str) or not sep or sep in ('"', "\n", "\r"):
        raise ValueError(
            f'sep must be a text such as ",", ";", "\\t", "::" or r"\\s+" (any spaces); got {sep!r}'
        )
    return sep


def _find_separator(head: bytes) -> str:
    """Return the separator that the first lines have most often, each of them at least once."""
    lines = head.decode("utf-8", errors="replace").splitlines()[:_SAMPLE]
    lines = [_QUOTED.sub("", line) for line in lines if line.strip()]
    if all("::" in line for line in lines):
        return "::"
    counts = {sep: min(line.count(sep) for line in lines) for sep in _SEPARATORS}
    if not any(counts.values()):
        counts = {sep: lines[0].count(sep) for sep in _SEPARATORS}
    best = max(_SEPARATORS, key=counts.__getitem__)
    return best if counts[best] else _SPACES
