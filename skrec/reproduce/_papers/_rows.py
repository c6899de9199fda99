"""Figures by data set and metric, and the rows that stand beside those of every paper."""

from skrec.reproduce._tables import Row

__all__ = ["DACREMA", "NCF", "RANKINGS", "STRONG", "beside", "by_data", "figures"]

NCF = "sampled_hit_rate@10", "sampled_ndcg@10"
RANKINGS = "recall@20", "recall@50", "ndcg@100"
STRONG = "ndcg@100", "ndcg@20", "recall@50", "recall@20", "recall@10"

DACREMA = "Ferrari Dacrema et al. 2021"

_BASELINES = {
    "ItemPop": "PopularityRecommender",
    "ItemKNN": "ItemKNNRecommender",
    "UserKNN": "UserKNNRecommender",
    "WMF": "WMFRecommender",
    "SLIM": "SLIMRecommender",
    "EASE": "EASERecommender",
}


def figures(metrics, values):
    """Give figures by metric, without those that there are not."""
    return {name: value for name, value in zip(metrics, values) if value is not None}


def by_data(data, metrics, *values):
    """Give figures by data set and metric.

    Parameters
    ----------
    data : tuple of str
        Data sets.
    metrics : tuple of str
        Metrics.
    *values : tuple of float or None
        The figures on each data set; None where there are none.

    Returns
    -------
    figures : dict of str to dict of str to float
        Without data sets and metrics that have none.
    """
    return {
        name: figures(metrics, row) for name, row in zip(data, values, strict=True) if row
    }  # fmt: skip


# what others found of the baselines, by protocol: who, and figures by data set
_FOUND = {
    ("ncf", "ItemPop"): (
        f"{DACREMA}, ties counted for the target; .4535 in expectation",
        {"ml-1m": figures(NCF, (0.4538, 0.2545))},
    ),
    ("ncf", "ItemKNN"): (
        f"{DACREMA} on ml-1m and yelp; plain cosine on the same lists on amazon-music",
        by_data(
            ("ml-1m", "amazon-music", "yelp"),
            NCF,
            (0.6694, 0.3979),
            (0.376, 0.224),
            (None, 0.2056),
        ),
    ),
    ("ncf", "UserKNN"): (DACREMA, {"ml-1m": figures(NCF, (0.6768, 0.4100))}),
    ("ncf", "WMF"): (
        f"Rendle et al. 2021, 64 factors; .7109 / .4382: {DACREMA}",
        {"ml-1m": figures(NCF, (0.722, 0.445))},
    ),
    ("ncf", "SLIM"): (DACREMA, {"ml-1m": figures(NCF, (0.7162, 0.4468))}),
    ("ncf", "EASE"): (
        f"{DACREMA} on ml-1m, l2 = 1320; l2 = 50 on the same lists on amazon-music",
        by_data(("ml-1m", "amazon-music"), NCF, (0.7192, 0.4494), (0.361, 0.230)),
    ),
    ("strong", "EASE"): ("Steck 2019", {"ml-20m": figures(RANKINGS, (0.391, 0.521, 0.420))}),
}


def beside(protocol, *there):
    """Give the baselines that a table of a paper lacks.

    Parameters
    ----------
    protocol : str
        The table's protocol.
    *there : str
        Names of baselines that it has.

    Returns
    -------
    rows : list of Row
        With what others found.
    """
    rows = []
    for name, system in _BASELINES.items():
        if name not in there:
            who, found = _FOUND.get((protocol, name), ("", {}))
            rows.append(
                Row(name, system, reproduced=found, reproduced_by=who, note="not in the paper")
            )
    return rows
