"""Convolutional neural collaborative filtering: figures 4 to 7, curves without printed values.

Figure 3 shows the curves of table 3.
"""

from typing import Any

from skrec.reproduce._papers._rows import NCF
from skrec.reproduce._papers.convncf import SETTINGS, SOURCE
from skrec.reproduce._tables import Row, Table, register_table

__all__: list[str] = []

_DACREMA = "not in the paper: asked by Ferrari Dacrema et al. 2020"


def _conv(name: str, note: str = "", **changed: Any) -> Row:
    return Row(name, "ConvNCFRanker", changed=changed, note=note)


def _figure(
    number: int,
    title: str,
    rows: tuple[Row, ...],
    data: tuple[str, ...] = ("yelp",),
    note: str = "",
) -> None:
    register_table(
        Table(
            paper="convncf",
            table=f"figure-{number}",
            title=title,
            source=SOURCE,
            protocol="ncf",
            metrics=NCF,
            data=data,
            here=("amazon-music", "ml-100k"),
            rows=rows,
            options={"n_negatives": 999},
            settings=SETTINGS,
            note=f"The paper shows curves by epoch and prints no values. {note}".rstrip(),
        )
    )


_figure(
    4,
    "The outer product beside element-wise product and concatenation",
    (
        Row("GMF", "GMFRanker"),
        Row("JRL", "JRLRanker"),
        Row("MLP", "NCFMLPRanker"),
        _conv("ConvNCF"),
    ),
    data=("gowalla-convncf", "yelp"),
)
_figure(
    5,
    "Convolutions beside a perceptron on the map",
    (
        _conv("ConvNCF"),
        _conv("ONCF-mlp", tower="mlp"),
        _conv("ConvNCF, dimensions permuted", _DACREMA, permute_dims=True),
        _conv("ConvNCF, diagonal only", _DACREMA, map_part="diagonal"),
        _conv("ConvNCF, without the diagonal", _DACREMA, map_part="off_diagonal"),
    ),
    data=("gowalla-convncf", "yelp"),
)
_figure(
    6,
    "Feature maps of each convolution of ConvNCF-MF",
    tuple(_conv(f"C = {n}", n_feature_maps=n) for n in (8, 16, 32, 64)),
    note="Which numbers of maps it tries is not printed either; 32 are those of its table 3.",
)
_figure(
    7,
    "Pre-trained vectors and vectors from scratch",
    (
        _conv("ConvNCF-MF"),
        _conv("ConvNCF-MF, from scratch", pretrain=None),
        Row("ConvNCF-FISM", "ConvNCF-FISM"),
        Row("ConvNCF-FISM, from scratch", "ConvNCF-FISM", changed={"pretrain": None}),
        Row("ConvNCF-SVD++", "ConvNCF-SVD++"),
        Row("ConvNCF-SVD++, from scratch", "ConvNCF-SVD++", changed={"pretrain": None}),
    ),
)
