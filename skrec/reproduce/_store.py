"""Tables of results: a CSV that grows cell by cell."""

from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["append", "has_rows", "read", "rows_of", "smaller_is_better"]


def read(path):
    """Read a table, or give an empty one where there is none yet."""
    return pd.read_csv(path) if Path(path).exists() else pd.DataFrame()


def append(path, rows):
    """Add rows to a CSV, with its header if it is new.

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
    frame.to_csv(path, mode="a", header=not path.exists(), index=False)


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
