"""Which results of a paper were reproduced, in sentences computed from the figures."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmarks.quality.page._summary import PRIMARY, REFERENCES, mean_of
from skrec.reproduce import Row, Store, Table, smaller_is_better

__all__ = ["findings"]

_Results: TypeAlias = tuple[Table, pd.DataFrame]

# the systems that a paper proposes, by the beginning of their names
_OWN = {
    "convncf": ("ConvNCF",),
    "cross_feedback": ("CrossFeedback",),
    "evcf": ("Vamp", "H+Vamp", "MultVAE-gated"),
    "gerec": ("GeRec",),
    "mult_vae": ("MultVAE", "MultDAE"),
}


def findings(tables: Sequence[_Results], kept: Store) -> str:
    """Describe which results of a paper were reproduced.

    Parameters
    ----------
    tables : list of tuple of Table, DataFrame
        The paper's tables and their results.
    kept : Store
        Finished cells.

    Returns
    -------
    text : str
        A sentence on the published figures, and one on where the paper's own system stands on each
        of its data sets at hand, else on the one that stands in for them.
    """
    results = [(table, _primary(table, frame)) for table, frame in tables]
    sentences = [_published(pd.concat([lines for _, lines in results]))]
    sentences += [_standing(*case, kept) for case in _cases(results)]
    return " ".join(sentences)


def _primary(table: Table, results: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of the metric that a table is judged by."""
    wanted = PRIMARY[table.protocol]
    metric = wanted if wanted in table.metrics else table.metrics[0]
    return results.loc[results["metric"] == metric]


def _gain(metric: str, difference: float) -> float:
    """Return a difference that is positive where it is better."""
    return -difference if smaller_is_better(metric) else difference


def _published(results: pd.DataFrame) -> str:
    """Count how many published figures are reached, on the same data."""
    both = results.dropna(subset=["ours", "published"])
    both = both.drop_duplicates(["system", "data", "metric", "published", "ours"])
    if both.empty:
        return "None of its published figures can be compared: their data are not here, or not run."
    gains = np.array([_gain(*pair) for pair in zip(both["metric"], both["difference"])])
    near = (gains < 0) & (gains >= -2 * both["std_error"].to_numpy())
    worst, best = (both.iloc[i] for i in (gains.argmin(), gains.argmax()))
    where = " and ".join(dict.fromkeys(both["metric"] + " on " + both["data"]))
    return (
        f"Of {len(both)} published figures ({where}) "
        f"{np.sum(gains >= 0)} are reached or exceeded and {near.sum()} are missed by less than "
        f"two standard errors; the differences run from {_at(worst)} to {_at(best)}, with a median "
        f"of {both['difference'].median():+.4f}."
    )


def _at(line: pd.Series) -> str:
    return f"{line['difference']:+.4f} ({line['name']}, {line['data']})"


def _cases(results: Sequence[_Results]) -> list[_Results]:
    """Return a table and its lines for each of the paper's data sets, else for a stand-in.

    Of several tables the one counts in which most other systems have run.
    """
    found = []
    for table, lines in results:
        for data, mine in lines.dropna(subset="ours").groupby("data", sort=False):
            others = (~_own(table, mine)).sum()
            if 0 < others < len(mine):
                found.append(((data in table.data, others, len(mine)), data, table, mine))
    found.sort(key=lambda case: case[0], reverse=True)
    chosen = {}
    for (theirs, *_), data, table, mine in found:
        cases = chosen.setdefault(table.protocol, {})
        if theirs or not cases:
            cases.setdefault(data, (table, mine))
    return [case for cases in chosen.values() for case in cases.values()]


def _own(table: Table, lines: pd.DataFrame) -> pd.Series:
    prefixes = _OWN.get(table.paper, ())
    return pd.Series([name.startswith(prefixes) for name in lines["system"]], lines.index)


def _standing(table: Table, lines: pd.DataFrame, kept: Store) -> str:
    """Describe where the paper's own system stands on a data set."""
    metric, data = lines["metric"].iloc[0], lines["data"].iloc[0]
    ranked = lines.sort_values("ours", ascending=smaller_is_better(metric), kind="stable")
    own = _own(table, ranked)
    ours, others = ranked[own].iloc[0], ranked[~own]
    above = np.sum(_gain(metric, ours["ours"] - others["ours"]) > 0)
    first = others.iloc[0]
    parts = [
        f"On {data} (table {table.table}) the paper's best is {ours['name']} with "
        f"{ours['ours']:.4f}, better than {above} of {len(others)} other rows, of which "
        f"{first['name']} is the best with {first['ours']:.4f}",
        _order(table, lines),
        _references(table, data, metric, ours["ours"], kept),
    ]
    return "; ".join(filter(None, parts)) + "."


def _order(table: Table, lines: pd.DataFrame) -> str:
    """Describe whether rows come out in the order in which they were published."""
    data, metric = lines["data"].iloc[0], lines["metric"].iloc[0]
    rows = {row.name: row for row in table.rows}
    published = [_figure(rows[name], (data, *table.data), metric) for name in lines["name"]]
    pairs = pd.DataFrame({"published": published, "ours": lines["ours"].to_numpy()}).dropna()
    if len(pairs) < 3 or pairs.nunique().min() < 2:
        return ""
    rho, _ = spearmanr(pairs["published"], pairs["ours"])
    return f"the {len(pairs)} published rows come out with a rank correlation of {rho:.2f}"


def _figure(row: Row, data: Sequence[str], metric: str) -> float:
    """Return the published figure on the first data set that has one."""
    found = (row.published.get(name, {}).get(metric) for name in data)
    return next((value for value in found if value is not None), np.nan)


def _references(table: Table, data: str, metric: str, ours: float, kept: Store) -> str:
    """Describe how far the plain references are on the same split."""
    if metric != PRIMARY[table.protocol]:
        return ""
    systems = REFERENCES[table.protocol].items()
    found = {name: mean_of(kept, system, data, table.protocol) for name, system in systems}
    texts = [f"{ours - value:+.4f} to {n}" for n, value in found.items() if not np.isnan(value)]
    return f"the difference is {', '.join(texts)}" if texts else ""
