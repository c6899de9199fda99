"""Figures by data set and metric, and the rows that stand beside those of every paper."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from skrec.reproduce._tables import Row

__all__ = ["DACREMA", "NCF", "RANKINGS", "STRONG", "beside", "by_data", "figures"]

_Figures: TypeAlias = dict[str, float]

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


def figures(metrics: Sequence[str], values: Sequence[float | None]) -> _Figures:
    """Return figures by metric, without those that are None."""
    return {name: value for name, value in zip(metrics, values) if value is not None}


def by_data(
    data: Sequence[str], metrics: Sequence[str], *values: Sequence[float | None] | None
) -> dict[str, _Figures]:
    """Return figures by data set and metric.

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


# what others found of the baselines, by protocol and row: who, and figures, by data set
_FOUND: dict[tuple[str, str], dict[str, tuple[str, _Figures]]] = {
    ("ncf", "ItemPop"): {
        "ml-1m": (
            f"{DACREMA}, ties counted for the target; .4535 in expectation",
            figures(NCF, (0.4538, 0.2545)),
        ),
    },
    ("ncf", "ItemKNN"): {
        "ml-1m": (DACREMA, figures(NCF, (0.6694, 0.3979))),
        "amazon-music": ("plain cosine on the same lists", figures(NCF, (0.376, 0.224))),
        "yelp": (DACREMA, figures(NCF, (None, 0.2056))),
    },
    ("ncf", "UserKNN"): {"ml-1m": (DACREMA, figures(NCF, (0.6768, 0.4100)))},
    ("ncf", "WMF"): {
        "ml-1m": (
            f"Rendle et al. 2021, 64 factors; .7109 / .4382: {DACREMA}",
            figures(NCF, (0.722, 0.445)),
        ),
    },
    ("ncf", "SLIM"): {"ml-1m": (DACREMA, figures(NCF, (0.7162, 0.4468)))},
    ("ncf", "EASE"): {
        "ml-1m": (f"{DACREMA}, l2 = 1320", figures(NCF, (0.7192, 0.4494))),
        "amazon-music": ("l2 = 50 on the same lists", figures(NCF, (0.361, 0.230))),
    },
    ("strong", "EASE"): {"ml-20m": ("Steck 2019", figures(RANKINGS, (0.391, 0.521, 0.420)))},
    ("strong", "RecVAE"): {
        "ml-20m": ("Shenbin et al. 2020", figures(RANKINGS, (0.414, 0.553, 0.442))),
    },
}


def beside(
    protocol: str, data: Sequence[str], *there: str, more: Mapping[str, str] | None = None
) -> list[Row]:
    """Return the baselines that a table of a paper lacks.

    Parameters
    ----------
    protocol : str
        The table's protocol.
    data : tuple of str
        The data sets of the table, the paper's and those at hand.
    *there : str
        Names of baselines that it has.
    more : dict of str to str, default=None
        Names and systems of further rows.

    Returns
    -------
    rows : list of Row
        With what others found on these data sets.
    """
    systems = {**_BASELINES, **(more or {})}
    return [_beside(protocol, data, name, systems[name]) for name in systems if name not in there]


def _beside(protocol: str, data: Sequence[str], name: str, system: str) -> Row:
    found = _FOUND.get((protocol, name), {})
    found = {key: found[key] for key in data if key in found}
    return Row(
        name,
        system,
        reproduced={key: values for key, (_, values) in found.items()},
        reproduced_by="; ".join(f"{who} ({key})" for key, (who, _) in found.items()),
        note="not in the paper",
    )
