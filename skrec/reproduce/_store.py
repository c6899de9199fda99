"""Tables of results: a CSV that grows cell by cell."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = [
    "Store",
    "append",
    "has_rows",
    "read",
    "rows_of",
    "smaller_is_better",
    "without_seed",
]

_WHAT = ["system", "data", "protocol", "parameters"]


def read(path):
    """Read a table, or give an empty one where there is none yet."""
    return pd.read_csv(path) if Path(path).exists() else pd.DataFrame()


def append(path, rows):
    """Add rows to a CSV, with its header if it is new.

    They are written at once: an interruption leaves all of them or none, and so do several
    processes that share the file.

    Parameters
    ----------
    path : str or path-like
        The file; its folder is made.
    rows : list of dict
        The rows, with the columns that the file has.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(rows)
    if path.exists():
        header = list(pd.read_csv(path, nrows=0))
        if header != list(frame):
            raise ValueError(f"{path} must be a table with the columns {list(frame)}; got {header}")
    text = frame.to_csv(header=not path.exists(), index=False, lineterminator="\n")
    with open(path, "ab", buffering=0) as file:
        file.write(text.encode("utf-8"))


def rows_of(path, key):
    """Give the rows of a cell.

    Parameters
    ----------
    path : str or path-like
        The file.
    key : dict
        Values of the columns that identify the cell.

    Returns
    -------
    rows : DataFrame
        Empty where the cell has not been run.
    """
    table = read(path)
    if table.empty:
        return table
    return table[np.logical_and.reduce([table[name] == value for name, value in key.items()])]


def has_rows(path, key):
    """Tell whether a table has rows of a cell, so that it need not be run again."""
    return not rows_of(path, key).empty


def smaller_is_better(metric):
    """Tell whether a metric is an error."""
    return metric in ("rmse", "mae", "mse")


class Store:
    """Finished cells: those of a CSV and those that are added to it.

    Parameters
    ----------
    path : str or path-like, default=None
        The CSV; None keeps the cells in memory alone.
    """

    def __init__(self, path=None):
        self.path = path
        table = pd.DataFrame() if path is None else read(path)
        missing = {*_WHAT, "seed", "split"} - set(table)
        if missing and len(table.columns):
            raise ValueError(
                f"{path} must be a table of cells, with {sorted(missing)}; got {list(table)}"
            )
        groups = [] if table.empty else table.groupby(_WHAT, sort=False)
        # in the order in which they were last run
        self._runs = dict(sorted(groups, key=lambda group: group[1].index[-1]))

    def has(self, cell):
        """Tell whether a cell is finished."""
        return not self.rows([cell]).empty

    def add(self, cell, rows):
        """Keep the rows of a cell."""
        rows = [{**cell.key, **row} for row in rows]
        if self.path is not None:
            append(self.path, rows)
        known = self._runs.pop(_what(cell), None)
        new = pd.DataFrame(rows)
        self._runs[_what(cell)] = new if known is None else pd.concat([known, new])

    def rows(self, cells):
        """Give the rows of cells that differ in their seeds alone.

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
        return runs[runs["seed"].isin(seeds) & (runs["split"] == cells[0].split)]

    def data_of(self, protocol):
        """Name the data sets of finished cells of a protocol, sorted."""
        return sorted({data for _, data, mine, _ in self._runs if mine == protocol})

    def all_runs(self, cell):
        """Give the rows of a cell, of whatever seed and drawn split of the same sizes."""
        return _of_split(self._runs.get(_what(cell), pd.DataFrame()), cell.split)

    def last_runs(self, cell):
        """Give those of the parameters, whatever they are, that its system was last run with."""
        for what in reversed(self._runs):
            if what[:-1] == _what(cell)[:-1]:
                runs = _of_split(self._runs[what], cell.split)
                if not runs.empty:
                    return runs
        return pd.DataFrame()


def _of_split(runs, split):
    return runs if runs.empty else runs[runs["split"].map(without_seed) == without_seed(split)]


def _what(cell):
    return tuple(cell.key[name] for name in _WHAT)


def without_seed(split):
    """Give the name of a split without its seed."""
    return re.sub(r"(?<=[ur])\d+$", "", split)
