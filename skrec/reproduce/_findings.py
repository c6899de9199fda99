"""What of a paper came out and what did not, in sentences computed from the figures."""

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from skrec.reproduce._store import smaller_is_better
from skrec.reproduce._summary import PRIMARY, REFERENCES, mean_of

__all__ = ["findings"]

# the systems that a paper proposes, by the beginning of their names
_OWN = {
    "convncf": ("ConvNCF",),
    "cross_feedback": ("CrossFeedback",),
    "evcf": ("Vamp", "H+Vamp", "MultVAE-gated"),
    "gerec": ("GeRec",),
    "mult_vae": ("MultVAE", "MultDAE"),
}


def findings(tables, kept):
    """Say what of a paper came out.

    Parameters
    ----------
    tables : list of tuple of Table, DataFrame
        The paper's tables and their results.
    kept : Store
        Finished cells.

    Returns
    -------
    text : str
        A few sentences.
    """
    results = [_primary(table, frame) for table, frame in tables]
    sentences = [_published(pd.concat(results))]
    ran = [(t, r.dropna(subset="ours")) for (t, _), r in zip(tables, results)]
    chosen = _main(ran)
    if chosen is not None:
        sentences += [_place(*chosen), _order(*chosen), _reference(*chosen, kept)]
    return " ".join(filter(None, sentences))


def _primary(table, results):
    """Give the lines of the metric that a table is judged by."""
    wanted = PRIMARY[table.protocol]
    metric = wanted if wanted in table.metrics else table.metrics[0]
    return results[results["metric"] == metric]


def _gain(metric, difference):
    """Give a difference that is positive where it is better."""
    return -difference if smaller_is_better(metric) else difference


def _published(results):
    """Say how many published figures are reached, on the same data."""
    both = results.dropna(subset=["ours", "published"])
    both = both.drop_duplicates(["system", "data", "metric", "published", "ours"])
    if both.empty:
        return "No published figure is of data at hand with cells that are finished."
    gains = np.array([_gain(m, d) for m, d in zip(both["metric"], both["difference"])])
    data = ", ".join(dict.fromkeys(both["data"]))
    metric = " and ".join(dict.fromkeys(both["metric"]))
    best, worst = both.iloc[gains.argmax()], both.iloc[gains.argmin()]
    return (
        f"Of {len(both)} published figures on {data} ({metric}) {np.sum(gains >= 0)} are reached "
        f"or exceeded; the differences run from {worst['difference']:+.4f} ({worst['name']}, "
        f"{worst['data']}) to {best['difference']:+.4f} ({best['name']}, {best['data']}), with a "
        f"median of {both['difference'].median():+.4f}."
    )


def _main(ran):
    """Give table, data set and lines where most rows have run, the paper's own among them."""
    candidates = []
    for table, results in ran:
        for data, mine in results.groupby("data", sort=False):
            if _own(table, mine).any() and len(mine) > 1:
                candidates.append((table, data, mine))
    # the paper's own data first, then the table with most rows
    return max(candidates, key=lambda c: (c[1] in c[0].data, len(c[2])), default=None)


def _own(table, results):
    prefixes = _OWN.get(table.paper, ())
    return results["system"].str.startswith(prefixes) if prefixes else results["ours"].isna()


def _place(table, data, results):
    """Say where the paper's own systems stand."""
    metric = results["metric"].iloc[0]
    ranked = results.sort_values("ours", ascending=smaller_is_better(metric), kind="stable")
    own = _own(table, ranked)
    ours, others = ranked[own].iloc[0], ranked[~own]
    if others.empty:
        return ""
    gains = [_gain(metric, ours["ours"] - other) for other in others["ours"]]
    first = others.iloc[0]
    return (
        f"On {data} (table {table.table}) the paper's best is {ours['name']} with "
        f"{ours['ours']:.4f}, above {sum(g > 0 for g in gains)} of the {len(others)} other rows "
        f"that have run; the best of those is {first['name']} with {first['ours']:.4f}."
    )


def _order(table, data, results):
    """Say whether rows come out in the order in which they were published."""
    published = {row.name: _published_somewhere(table, row, results) for row in table.rows}
    pairs = [(published[n], ours) for n, ours in zip(results["name"], results["ours"])]
    pairs = np.array([p for p in pairs if p[0] is not None])
    if len(pairs) < 3 or np.ptp(pairs[:, 0]) == 0 or np.ptp(pairs[:, 1]) == 0:
        return ""
    rho = spearmanr(*pairs.T).statistic
    return f"The rank correlation of the {len(pairs)} rows with the published order is {rho:.2f}."


def _published_somewhere(table, row, results):
    """Give the published figure on the data set, or else on the first that has one."""
    data, metric = results["data"].iloc[0], results["metric"].iloc[0]
    for name in (data, *table.data):
        if metric in row.published.get(name, {}):
            return row.published[name][metric]
    return None


def _reference(table, data, results, kept):
    """Say how the paper's best compares with the plain references on the same split."""
    metric = results["metric"].iloc[0]
    if metric != PRIMARY[table.protocol]:
        return ""
    ranked = results.sort_values("ours", ascending=smaller_is_better(metric), kind="stable")
    ours = ranked[_own(table, ranked)].iloc[0]
    found = {
        name: mean_of(kept, system, data, table.protocol)
        for name, system in REFERENCES[table.protocol].items()
    }
    texts = [f"{ours['ours'] - v:+.4f} to {n}" for n, v in found.items() if not np.isnan(v)]
    return f"Its difference is {', '.join(texts)}." if texts else ""
