"""Tables of results: a CSV that grows row by row, and what is printed of it."""

from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["append", "has_rows", "quality_table", "read", "rows_of", "smaller_is_better"]

_KEY = ["system", "data", "protocol", "seed", "split", "parameters"]


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
            raise ValueError(
                f"--output {path} must be a table with the columns {list(frame)}; got {header}"
            )
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


def quality_table(table):
    """Average over seeds and splits: one line a system, ``mean ± standard error`` a metric.

    Parameters
    ----------
    table : DataFrame
        Rows of the CSV that `append` wrote.

    Returns
    -------
    summary : DataFrame
        Indexed by data, protocol and system, best first by the first metric. The standard error
        over users is the mean of those of the runs. Where there are several runs, of other seeds or
        splits, the number in brackets is the standard error over them.
    """
    table = table.drop_duplicates([*_KEY, "metric"], keep="last")
    settings = ["data", "protocol", "system", "parameters"]
    groups = table.groupby([*settings, "metric"], sort=False)
    cells = groups.agg(
        mean=("mean", "mean"),
        users=("std_error", "mean"),
        seeds=("mean", "sem"),
        n_runs=("mean", "size"),
        fit_seconds=("fit_seconds", "mean"),
    ).reset_index()
    cells["text"] = [_text(*row) for row in cells[["mean", "users", "seeds"]].to_numpy()]
    parts = [_one_protocol(part, settings) for _, part in cells.groupby(settings[:2], sort=False)]
    return pd.concat(parts).droplevel("parameters").fillna("")


def _one_protocol(cells, settings):
    first = cells["metric"].iloc[0]
    order = cells[cells["metric"] == first]
    order = order.sort_values("mean", ascending=smaller_is_better(first))
    wide = cells.pivot(index=settings, columns="metric", values="text")
    wide = wide[list(dict.fromkeys(cells["metric"]))]
    counts = cells.drop_duplicates(settings).set_index(settings)[["n_runs", "fit_seconds"]]
    return wide.join(counts.round(1)).loc[pd.MultiIndex.from_frame(order[settings])]


def _text(mean, users, seeds):
    text = f"{mean:.4f} ±{users:.4f}"
    return text if np.isnan(seeds) else f"{text} ({seeds:.4f})"
