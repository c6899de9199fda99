"""What is printed of a table of results."""

import numpy as np
import pandas as pd

from skrec.reproduce._store import smaller_is_better

__all__ = ["quality_table"]

_KEY = ["system", "data", "protocol", "seed", "split", "parameters"]


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
