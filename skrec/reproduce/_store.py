"""Tables of results: a CSV that grows cell by cell."""

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skrec.reproduce._cells import Cell

__all__ = ["Store", "append_rows", "find_rows", "read_rows", "smaller_is_better", "without_seed"]

_WHAT = ["system", "data", "protocol", "parameters"]


def read_rows(path: str | PathLike[str]) -> pd.DataFrame:
    """Read a table, an empty one where there is none yet.

    Parameters
    ----------
    path : str or path-like
        The CSV.

    Returns
    -------
    rows : DataFrame
        All rows.

    Examples
    --------
    >>> from skrec.reproduce import read_rows
    >>> read_rows("no-such-file.csv").empty
    True
    """
    return pd.read_csv(path) if Path(path).exists() else pd.DataFrame()


def append_rows(path: str | PathLike[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows to a CSV, with its header if it is new.

    They are written at once: an interruption leaves all of them or none, and so do several
    processes that share the file.

    Parameters
    ----------
    path : str or path-like
        The file; its folder is made.
    rows : list of dict
        The rows, with the columns that the file has.

    Raises
    ------
    ValueError
        If the file has other columns.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skrec.reproduce import append_rows, read_rows
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rows.csv"
    ...     append_rows(path, [{"system": "EASERecommender", "mean": 0.5}])
    ...     append_rows(path, [{"system": "SLIMRecommender", "mean": 0.4}])
    ...     len(read_rows(path))
    2
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(rows)
    if not path.exists() and _created(path, _text(frame, header=True)):
        return
    header = list(pd.read_csv(path, nrows=0))
    if header != list(frame):
        raise ValueError(f"{path} must be a table with the columns {list(frame)}; got {header}")
    with open(path, "ab", buffering=0) as file:
        file.write(_text(frame, header=False))


def _text(frame: pd.DataFrame, header: bool) -> bytes:
    return frame.to_csv(header=header, index=False, lineterminator="\n").encode("utf-8")


def _created(path: Path, text: bytes) -> bool:
    """Return whether a file is new with its text; False where another process was first."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        written = Path(folder) / path.name
        written.write_bytes(text)
        try:
            os.link(written, path)  # a rename would replace what another process has written
        except FileExistsError:
            return False
    return True


def find_rows(path: str | PathLike[str], key: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of a table that have given values, such as those of a cell.

    Parameters
    ----------
    path : str or path-like
        The file.
    key : dict
        Values of columns; ``Cell.key`` identifies a cell.

    Returns
    -------
    rows : DataFrame
        Empty where the cell has not been run.

    Examples
    --------
    >>> from skrec.reproduce import Cell, find_rows
    >>> cell = Cell("EASERecommender", "ml-1m", "ncf", 0, "given", {})
    >>> find_rows("no-such-file.csv", cell.key).empty
    True
    """
    table = read_rows(path)
    if table.empty:
        return table
    return table.loc[np.logical_and.reduce([table[name] == value for name, value in key.items()])]


def smaller_is_better(metric: str) -> bool:
    """Return whether a metric is an error.

    Parameters
    ----------
    metric : str
        Its name.

    Returns
    -------
    smaller : bool
        True of errors of ratings, False of rankings.

    Examples
    --------
    >>> from skrec.reproduce import smaller_is_better
    >>> smaller_is_better("rmse"), smaller_is_better("ndcg@10")
    (True, False)
    """
    return metric in ("rmse", "mae", "mse")


class Store:
    """Finished cells: those of a CSV and those that are added to it.

    Parameters
    ----------
    path : str or path-like, default=None
        The CSV; None keeps the cells in memory alone. A cell that is there several times, since it
        was run again, counts once, as it was last.

    Examples
    --------
    >>> from skrec.reproduce import Cell, Store
    >>> store = Store()
    >>> cell = Cell("EASERecommender", "ml-1m", "ncf", 0, "given", {"l2": 1320.0})
    >>> store.add(cell, [{"metric": "sampled_ndcg@10", "mean": 0.4494}])
    >>> store.has(cell), store.data_of("ncf")
    (True, ['ml-1m'])
    """

    def __init__(self, path: str | PathLike[str] | None = None) -> None:
        self.path = path
        table = pd.DataFrame() if path is None else read_rows(path)
        missing = {*_WHAT, "seed", "split"} - set(table)
        if missing and len(table.columns):
            raise ValueError(
                f"{path} must be a table of cells, with {sorted(missing)}; got {list(table)}"
            )
        groups: Any = [] if table.empty else _latest(table).groupby(_WHAT, sort=False)
        # in the order in which they were last run
        self._runs: dict[tuple[Any, ...], pd.DataFrame]
        self._runs = dict(sorted(groups, key=lambda group: group[1].index[-1]))

    def has(self, cell: Cell) -> bool:
        """Return whether a cell is finished.

        Parameters
        ----------
        cell : Cell
            The cell.

        Returns
        -------
        finished : bool
            Whether it has rows.
        """
        return not self.rows([cell]).empty

    def add(self, cell: Cell, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep the rows of a cell.

        Parameters
        ----------
        cell : Cell
            What was run.
        rows : list of dict
            From `Outcome.rows`.
        """
        rows = [{**cell.key, **row} for row in rows]
        if self.path is not None:
            append_rows(self.path, rows)
        known = self._runs.pop(_what(cell), None)
        self._runs[_what(cell)] = _latest(pd.concat([known, pd.DataFrame(rows)]))

    def rows(self, cells: Sequence[Cell]) -> pd.DataFrame:
        """Return the rows of cells that differ in their seeds alone.

        Parameters
        ----------
        cells : sequence of Cell
            The cells.

        Returns
        -------
        rows : DataFrame
            Of the cells that are finished.
        """
        runs = self._runs.get(_what(cells[0]), pd.DataFrame())
        if runs.empty:
            return runs
        seeds = [cell.seed for cell in cells]
        return runs.loc[runs["seed"].isin(seeds) & (runs["split"] == cells[0].split)]

    def data_of(self, protocol: str) -> list[str]:
        """Return the data sets of finished cells of a protocol.

        Parameters
        ----------
        protocol : str
            Its name.

        Returns
        -------
        names : list of str
            Sorted.
        """
        return sorted({data for _, data, mine, _ in self._runs if mine == protocol})

    def all_runs(self, cell: Cell) -> pd.DataFrame:
        """Return the rows of a cell, of whatever seed and drawn split of the same sizes.

        Parameters
        ----------
        cell : Cell
            The cell; its seed and that of its split do not matter.

        Returns
        -------
        rows : DataFrame
            Of all runs.
        """
        return _of_split(self._runs.get(_what(cell), pd.DataFrame()), cell.split)

    def last_runs(self, cell: Cell) -> pd.DataFrame:
        """Return the runs of the parameters that a cell's system was last run with.

        Parameters
        ----------
        cell : Cell
            The cell; its parameters and seeds do not matter.

        Returns
        -------
        rows : DataFrame
            Of all runs with these parameters.
        """
        for what in reversed(self._runs):
            if what[:-1] == _what(cell)[:-1]:
                runs = _of_split(self._runs[what], cell.split)
                if not runs.empty:
                    return runs
        return pd.DataFrame()


def _latest(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row a cell and metric: a cell that was run again counts once, as it was last."""
    what = [*_WHAT, "seed", "split", "metric"]
    return runs.drop_duplicates([name for name in what if name in runs], keep="last")


def _of_split(runs: pd.DataFrame, split: str) -> pd.DataFrame:
    if runs.empty:
        return runs
    return runs.loc[runs["split"].map(without_seed) == without_seed(split)]


def _what(cell: Cell) -> tuple[Any, ...]:
    return tuple(cell.key[name] for name in _WHAT)


def without_seed(split: str) -> str:
    """Return the name of a split without its seed."""
    return re.sub(r"(?<=[ur])\d+$", "", split)
