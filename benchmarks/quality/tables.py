"""What is printed of a table of cells."""

import numpy as np
import pandas as pd

from benchmarks.cells import settings_text
from skrec.reproduce import smaller_is_better

__all__ = ["quality_table"]

_CELL = ["system", "data", "protocol", "seed", "split", "parameters"]
_LINE = ["data", "protocol", "system", "parameters"]


def quality_table(table: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds and splits: one line a system, ``mean ± standard error`` a metric.

    Parameters
    ----------
    table : DataFrame
        Rows of a CSV of cells.

    Returns
    -------
    summary : DataFrame
        Indexed by data, protocol and system, best first by the first metric. The standard error
        over users is the mean of those of the runs. Where there are several runs, of other seeds or
        splits, the number in brackets is the standard error over them. ``settings`` tells where the
        parameters come from, as `settings_text` does.
    """
    table = table.drop_duplicates([*_CELL, "metric"], keep="last")
    cells = table.groupby([*_LINE, "metric"], sort=False).agg(
        mean=("mean", "mean"),
        users=("std_error", "mean"),
        seeds=("mean", "sem"),
        n_runs=("mean", "size"),
        fit_seconds=("fit_seconds", "mean"),
    )
    cells = cells.reset_index()
    cells["text"] = [_text(*row) for row in cells[["mean", "users", "seeds"]].to_numpy()]
    parts = [_one_protocol(part) for _, part in cells.groupby(_LINE[:2], sort=False)]
    return pd.concat(parts).droplevel("parameters").fillna("")


def _one_protocol(cells: pd.DataFrame) -> pd.DataFrame:
    first = cells["metric"].iloc[0]
    order = cells[cells["metric"] == first]
    order = order.sort_values("mean", ascending=smaller_is_better(first))
    wide = cells.pivot(index=_LINE, columns="metric", values="text")
    wide = wide[list(dict.fromkeys(cells["metric"]))]
    counts = cells.drop_duplicates(_LINE).set_index(_LINE)[["n_runs", "fit_seconds"]]
    wide = wide.join(counts.round(1))
    wide["settings"] = [
        settings_text(system, data, protocol, parameters)
        for data, protocol, system, parameters in wide.index
    ]
    return wide.loc[pd.MultiIndex.from_frame(order[_LINE])]


def _text(mean: float, users: float, seeds: float) -> str:
    text = f"{mean:.4f} ±{users:.4f}"
    return text if np.isnan(seeds) else f"{text} ({seeds:.4f})"
