"""What is known of all systems on the data at hand, beyond the tables of the five papers."""

from collections.abc import Sequence

from skrec.reproduce._papers._rows import DACREMA, NCF, beside, figures
from skrec.reproduce._tables import Row, Table, register_table

__all__: list[str] = []

_RENDLE = "Rendle et al. 2020"
_IALS = "Rendle et al. 2021"
_GEREC = "GeRec's paper, table 3"
_HE = "He et al. 2017"

# ml-1m: leave one out, 99 negatives


def _row(
    name: str,
    system: str,
    published: Sequence[float] | None = None,
    reproduced: Sequence[float | None] | None = None,
    by: str = "",
    note: str = "",
) -> Row:
    """Return a row of hit rate and NDCG on ml-1m."""
    return Row(
        name,
        system,
        published={"ml-1m": figures(NCF, published)} if published else {},
        reproduced={"ml-1m": figures(NCF, reproduced)} if reproduced else {},
        reproduced_by=by,
        note=note,
    )


_ML_1M = (
    _row("ItemPop", "PopularityRecommender", None, (0.4538, 0.2545), DACREMA, "optimistic ties"),
    _row("ItemKNN", "ItemKNNRecommender", None, (0.6694, 0.3979), DACREMA),
    _row("UserKNN", "UserKNNRecommender", None, (0.6768, 0.4100), DACREMA),
    _row("SLIM", "SLIMRecommender", None, (0.7162, 0.4468), DACREMA),
    _row("EASE", "EASERecommender", None, (0.7192, 0.4494), DACREMA, "l2 = 1320"),
    _row(
        "WMF", "WMFRecommender", (0.722, 0.445), (0.7109, 0.4382), DACREMA,
        f"{_IALS}, 64 factors",
    ),
    _row("WMF, 192 factors", "WMF-192", (0.730, 0.453), note=_IALS),
    _row(
        "MF, pointwise", "MFClassifier", (0.729, 0.452),
        note=f"{_RENDLE}: up to 192 factors, 8 negatives; 64 here",
    ),
    _row("MF, 192 factors", "MF-192", (0.729, 0.452), note=_RENDLE),
    _row("MF-BPR", "BPRMFRanker", (0.676, 0.398), (0.6305, 0.3730), DACREMA, _GEREC),
    _row("FISM", "FISMRanker"),
    _row("FISM, pointwise", "FISMClassifier"),
    _row("SVD++", "SVDppRanker"),
    _row("NAIS", "NAISClassifier", (0.7182, 0.4418), note=_GEREC),
    _row("GMF", "GMFClassifier"),
    _row("MLP", "NCFMLPClassifier"),
    _row("NeuMF", "NeuMFClassifier", (0.730, 0.447), (0.7093, 0.4349), DACREMA, _HE),
    _row("JRL", "JRLRanker"),
    _row("DeepCF", "DeepCFClassifier", (0.7326, 0.4680), note=_GEREC),
    _row("ConvNCF", "ConvNCFRanker", (0.7290, 0.4597), note=_GEREC),
    _row("ConvNCF-FISM", "ConvNCF-FISM"),
    _row("ConvNCF-SVD++", "ConvNCF-SVD++"),
    _row("Mult-DAE", "MultDAERecommender", (0.722, 0.446), note="Mult-VAE's paper, table 3"),
    _row("Mult-VAE", "MultVAERecommender"),
    _row("GER", "GERRanker", (0.7018, 0.4264), note=_GEREC),
    _row("MoG", "MoGClassifier", (0.7245, 0.4625), note=_GEREC),
    _row("GeRec", "GeRecClassifier", (0.7474, 0.4807), note=f"{_GEREC}, its own negatives"),
    _row("GeRec, product", "GeRec-product", note="the cube of GeRec's released code"),
)  # fmt: skip

register_table(
    Table(
        paper="baselines",
        table="ml-1m",
        title="Every system on MovieLens-1M, among 99 negatives",
        source="as each row says",
        protocol="ncf",
        metrics=NCF,
        data=("ml-1m",),
        here=(),
        rows=_ML_1M,
        settings={
            "EASERecommender": {"l2": 1320.0},
            "MultDAERecommender": {"hidden_sizes": (), "latent_size": 200},
        },
        note="The lists are those of He et al. 2017. GeRec's paper drew its own.",
    )
)

# Gowalla: LightGCN's test

_METRICS = "recall@20", "ndcg@20"
_MAO = "Mao et al. 2021"
_ON_TEST = "{}, epochs or settings chosen on the test part"


def _gowalla(
    name: str, system: str, published: Sequence[float] | None = None, note: str = "not in the paper"
) -> Row:
    """Return a row of recall and NDCG on Gowalla."""
    found = {"gowalla": figures(_METRICS, published)} if published else {}
    return Row(name, system, published=found, note=note)


register_table(
    Table(
        paper="baselines",
        table="gowalla",
        title="Linear models and autoencoders beside LightGCN on its own test",
        source="He, Deng, Wang, Li, Zhang and Wang 2020",
        protocol="weak",
        metrics=_METRICS,
        data=("gowalla",),
        here=(),
        rows=(
            _gowalla("LightGCN", "LightGCNRanker", (0.1824, 0.1547), "its own figures"),
            _gowalla("GF-CF", "GF-CF", (0.1849, 0.1518), _ON_TEST.format("Shen et al. 2021")),
            _gowalla("ChebyCF", "ChebyCF", (0.1941, 0.1616), _ON_TEST.format("Kim et al. 2025")),
            _gowalla("Turbo-CF", "Turbo-CF"),
            _gowalla("graph filter", "GraphFilterRecommender"),
            _gowalla("RP3beta", "RP3betaRecommender"),
            _gowalla("infinite-AE", "InfiniteAERecommender"),
            _gowalla("ELSA", "ELSARecommender"),
            *beside("weak", ("gowalla",)),
            _gowalla("MF-BPR", "BPRMFRanker"),
            _gowalla("MF-CCL", "MFRecommender", (0.1837, 0.1493), _ON_TEST.format(_MAO)),
            _gowalla("SimpleX", "SimpleX", (0.1872, 0.1557), _ON_TEST.format(_MAO)),
            _gowalla("MF, sampled softmax", "MF-softmax"),
            _gowalla("Mult-DAE", "MultDAERecommender"),
            _gowalla("Mult-VAE", "MultVAERecommender"),
            Row("H+Vamp (Gated)", "H+Vamp-gated-1", note="not in the paper; one hidden layer"),
        ),
        note="Recall divides by all targets of a user, as LightGCN does.",
    )
)
