"""What is said of defaults: values, mean ranks, a verdict, and which candidates win."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.trials import stopped_after
from skrec.reproduce import Cell, read_rows, smaller_is_better

__all__ = ["PLAIN", "Trial", "report", "table_of", "write_table"]

PLAIN = "plain biases"
_REFERENCE, _SHARE = "ItemKNNRecommender", 0.95
_NOT_JUDGED = ("PopularityRecommender", PLAIN)  # they are there to compare with
_CRITERIA = {"ratings": "rmse"}  # of other protocols it is this:
_RANKING = "ndcg@100"


@dataclass(frozen=True)
class Trial:
    """A fit, and what it has in place of the defaults.

    Parameters
    ----------
    cell : Cell
        What was run, with all parameters.
    changed : dict
        Parameters of the candidate; empty where these are the defaults.
    """

    cell: Cell
    changed: dict[str, Any]


def table_of(trials: Sequence[Trial], path: str) -> Any:
    """Return the values of trials, means over seeds.

    Parameters
    ----------
    trials : list of Trial
        What was run.
    path : str
        The CSV.

    Returns
    -------
    table : DataFrame
        ``protocol``, ``system``, ``changed`` as JSON, ``data``, ``value``, and ``stopped``: whether
        a training was ended by the clock. What is not in the CSV is left out.
    """
    rows: Any = read_rows(path)
    keys = [*Cell("", "", "", 0, "", {}).key]
    found = {} if rows.empty else dict(iter(rows.groupby(keys)))
    lines = []
    for trial in trials:
        mine = found.get(tuple(trial.cell.key.values()))
        if mine is not None:
            metric = _CRITERIA.get(trial.cell.protocol, _RANKING)
            lines.append({
                "protocol": trial.cell.protocol,
                "system": trial.cell.system,
                "changed": json.dumps(trial.changed, sort_keys=True),
                "data": trial.cell.data,
                "value": mine.loc[mine["metric"] == metric, "mean"].iloc[-1],
                "stopped": stopped_after(mine) is not None,
            })  # fmt: skip
    if not lines:
        raise SystemExit("no results")
    groups: Any = pd.DataFrame(lines).groupby([*lines[0]][:4], sort=False)
    return groups.agg(value=("value", "mean"), stopped=("stopped", "any")).reset_index()


def report(trials: Sequence[Trial], path: str) -> str:
    """Return everything that is printed.

    Parameters
    ----------
    trials : list of Trial
        What was run.
    path : str
        The CSV.

    Returns
    -------
    text : str
        Tables and verdicts.
    """
    table = table_of(trials, path)
    parts = []
    for protocol, mine in table.groupby("protocol", sort=False):
        metric = _CRITERIA.get(str(protocol), _RANKING)
        defaults = mine[mine["changed"] == "{}"]
        parts.append(f"Defaults, {protocol}: {metric} on validation data")
        parts.append(_text(defaults, "system", metric))
        parts.append(_verdict(defaults, metric))
        for system, own in mine.groupby("system", sort=False):
            if own["changed"].nunique() > 1:
                parts += [f"Candidates of {system}", _text(own, "changed", metric)]
                parts.append(_choice(own, metric))
    parts.append(
        "mean rank: among the lines of the table, over the data sets that a line has (n). "
        "*: the training was ended by --minutes. –: diverged, ranked last"
    )
    return "\n\n".join(parts)


def mean_ranks(table: Any, by: str | list[str], metric: str) -> Any:
    """Return mean ranks of lines, best first, over the data sets that each has.

    Parameters
    ----------
    table : DataFrame
        From `table_of`.
    by : str or list of str
        The columns that name the lines.
    metric : str
        Of the values.

    Returns
    -------
    ranks : DataFrame
        ``mean_rank`` and ``n``.
    """
    ranks = table.groupby("data")["value"].rank(
        ascending=smaller_is_better(metric), na_option="bottom"
    )
    groups: Any = table.assign(rank=ranks).groupby(by, sort=False)["rank"]
    return groups.agg(mean_rank="mean", n="size").sort_values("mean_rank", kind="stable")


def write_table(trials: Sequence[Trial], path: str, file: str) -> None:
    """Write the defaults of now and of before as a CSV.

    Parameters
    ----------
    trials : list of Trial
        Of defaults, and of what was the default before.
    path : str
        The CSV that has their values.
    file : str
        The CSV to write: a line for each system, now and before, with a column for each data set,
        and the mean rank among all lines of the protocol.
    """
    table = table_of(trials, path)
    table["defaults"] = np.where(table["changed"] == "{}", "now", "before")
    parts = []
    for protocol, mine in table.groupby("protocol", sort=False):
        wide = _wide(mine, ["system", "defaults"], _CRITERIA.get(str(protocol), _RANKING))
        parts.append(wide.reset_index().assign(protocol=protocol))
    pd.concat(parts).to_csv(file, index=False)


def _wide(table: Any, by: str | list[str], metric: str) -> Any:
    """Return a line for each of what ``by`` names, and a column for each data set, as text."""
    marks = table["stopped"].map({True: "*", False: ""})
    values = table["value"].map("{:.4f}".format).replace("nan", "–") + marks
    wide: Any = table.assign(text=values).pivot(index=by, columns="data", values="text")
    ranks = mean_ranks(table, by, metric)
    wide = wide[list(dict.fromkeys(table["data"]))].loc[ranks.index].fillna("")
    return wide.assign(**{"mean rank": ranks["mean_rank"].map("{:.2f}".format), "n": ranks["n"]})


def _text(table: Any, by: str, metric: str) -> str:
    return _wide(table, by, metric).rename_axis(index=None, columns=None).to_string()


def _verdict(table: Any, metric: str) -> str:
    """Return the defaults that do not serve: below the reference on some data set."""
    explicit = smaller_is_better(metric)
    reference = PLAIN if explicit else _REFERENCE
    least = table[table["system"] == reference].set_index("data")["value"]
    if least.empty:
        return f"Verdict: none, since {reference} was not run"
    judged = table[~table["system"].isin([*_NOT_JUDGED, reference])]
    judged = judged[judged["data"].isin(least.index)]
    ratio = judged["value"] / judged["data"].map(least.to_dict()).astype(float)
    poor = judged[~(ratio < 1 if explicit else ratio >= _SHARE)]
    what = f"worse than {PLAIN}" if explicit else f"below {_SHARE:g} of {_REFERENCE}'s"
    lines = [
        f"  {row.system} on {row.data}: {row.value:.4f}, {share:.2f} of it"
        for row, share in zip(poor.itertuples(), ratio[poor.index])
    ]
    return "\n".join([f"Verdict: defaults {what}: {len(lines) or 'none'}", *lines])


def _choice(table: Any, metric: str) -> str:
    """Return which line wins, over the data sets that all of them have."""
    n_lines = table["changed"].nunique()
    shared = table[table.groupby("data")["value"].transform("size") == n_lines]
    if shared.empty:
        return "Choice: none, since no data set has all of them"
    first = mean_ranks(shared, "changed", metric).index[0]
    what = "keep the defaults" if first == "{}" else f"take {first}"
    return f"Choice over {', '.join(dict.fromkeys(shared['data']))}: {what}"
