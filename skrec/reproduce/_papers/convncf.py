"""Convolutional neural collaborative filtering: table 3.

Tables 1 and 2 explain notation; the figures are in `convncf_figures`.
"""

from skrec.reproduce._papers._rows import DACREMA, beside, by_data
from skrec.reproduce._tables import Row, Table, register_table

__all__ = ["SETTINGS", "SOURCE"]

SOURCE = "Du, He, Yuan, Tang, Qin and Chua 2019"

# section 6.1: 64 dimensions and the BPR loss for all; every model but MF starts from MF's vectors,
# ConvNCF from its shallow twin's. Adagrad has rates of .001 to .005 for vectors and .01 to .05 for
# the tower; those of the other models are not stated, so they keep their own optimiser. Penalties
# are from {0, 1e-7, 1e-6} and {1e-2, .1, 1, 10}, beside the summed loss of a batch.
_SHARED = {"n_factors": 64}
_STARTED = {**_SHARED, "pretrain": {"system": "BPRMFRanker", **_SHARED}}
_TOWER = {
    **_SHARED,
    "n_feature_maps": 32,
    "pretrain": "twin",
    "init_network": None,
    "optimizer": "adagrad",
    "lr": 5e-3,
    "tower_lr": 0.05,
    "l2": 0.0,
    "early_stopping": False,
}
SETTINGS = {
    **dict.fromkeys(("BPRMFRanker", "FISMRanker", "SVDppRanker"), _SHARED),
    **dict.fromkeys(("GMFRanker", "NCFMLPRanker", "NeuMFRanker"), _STARTED),
    "JRLRanker": {**_STARTED, "init_network": None},
    **dict.fromkeys(("ConvNCFRanker", "ConvNCF-FISM", "ConvNCF-SVD++"), _TOWER),
}

_DATA = "gowalla-convncf", "yelp"
_HERE = "ml-1m", "amazon-music", "ml-100k"
_METRICS = tuple(f"sampled_{name}@{k}" for name in ("hit_rate", "ndcg") for k in (5, 10, 20))

_SYSTEMS = {
    "ItemPop": "PopularityRecommender",
    "MF-BPR": "BPRMFRanker",
    "FISM": "FISMRanker",
    "SVD++": "SVDppRanker",
    "MLP": "NCFMLPRanker",
    "JRL": "JRLRanker",
    "NeuMF": "NeuMFRanker",
    "ConvNCF-MF": "ConvNCFRanker",
    "ConvNCF-FISM": "ConvNCF-FISM",
    "ConvNCF-SVD++": "ConvNCF-SVD++",
}
_GOWALLA = {
    "ItemPop": (0.2003, 0.2785, 0.3739, 0.1099, 0.1350, 0.1591),
    "MF-BPR": (0.6284, 0.7480, 0.8422, 0.4825, 0.5214, 0.5454),
    "FISM": (0.6170, 0.7381, 0.8347, 0.4742, 0.5135, 0.5381),
    "SVD++": (0.6545, 0.7634, 0.8475, 0.5111, 0.5465, 0.5679),
    "MLP": (0.6359, 0.7590, 0.8535, 0.4802, 0.5202, 0.5443),
    "JRL": (0.6685, 0.7747, 0.8561, 0.5270, 0.5615, 0.5821),
    "NeuMF": (0.6744, 0.7793, 0.8602, 0.5319, 0.5660, 0.5865),
    "ConvNCF-MF": (0.6914, 0.7936, 0.8695, 0.5494, 0.5826, 0.6019),
    "ConvNCF-FISM": (0.6716, 0.7767, 0.8572, 0.5312, 0.5654, 0.5859),
    "ConvNCF-SVD++": (0.6949, 0.7930, 0.8657, 0.5532, 0.5851, 0.6036),
}
_YELP = {
    "ItemPop": (0.0710, 0.1147, 0.1732, 0.0365, 0.0505, 0.0652),
    "MF-BPR": (0.1752, 0.2817, 0.4203, 0.1104, 0.1447, 0.1796),
    "FISM": (0.1852, 0.2884, 0.4262, 0.1174, 0.1505, 0.1852),
    "SVD++": (0.1893, 0.2998, 0.4360, 0.1208, 0.1562, 0.1905),
    "MLP": (0.1766, 0.2831, 0.4203, 0.1103, 0.1446, 0.1792),
    "JRL": (0.1858, 0.2922, 0.4343, 0.1177, 0.1519, 0.1877),
    "NeuMF": (0.1881, 0.2958, 0.4385, 0.1189, 0.1536, 0.1895),
    "ConvNCF-MF": (0.1978, 0.3086, 0.4430, 0.1243, 0.1600, 0.1939),
    "ConvNCF-FISM": (0.1925, 0.3028, 0.4423, 0.1243, 0.1598, 0.1949),
    "ConvNCF-SVD++": (0.1991, 0.3092, 0.4457, 0.1275, 0.1629, 0.1973),
}


def _row(name: str) -> Row:
    found = name == "ConvNCF-MF"
    return Row(
        name,
        _SYSTEMS[name],
        published=by_data(_DATA, _METRICS, _GOWALLA[name], _YELP[name]),
        reproduced={"yelp": {"sampled_ndcg@10": 0.1608}} if found else {},
        reproduced_by=DACREMA if found else "",
    )


register_table(
    Table(
        paper="convncf",
        table="3",
        title="ConvNCF on three embeddings beside linear and neural models",
        source=SOURCE,
        protocol="ncf",
        metrics=_METRICS,
        data=_DATA,
        here=_HERE,
        rows=(*(_row(name) for name in _SYSTEMS), *beside("ncf", (*_DATA, *_HERE), "ItemPop")),
        options={"n_negatives": 999},
        settings=SETTINGS,
        note="The paper ranks among 999 negatives, here there are 99, and reports means of the "
        "last ten epochs. Its Gowalla is not LightGCN's: 54,156 users and 52,400 items.",
    )
)
