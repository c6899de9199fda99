"""The variants of ConvNCF, the twins whose vectors they start from, and what is claimed of them."""

from typing import Any

__all__ = ["CLAIMS", "TWINS", "VARIANTS"]

# the shallow twins: the best of 10, 4 and 2 trials of benchmarks.quality.tune with 64 factors, here
# with fewer factors
TWINS: dict[str, tuple[str, dict[str, Any]]] = {
    "mf": ("BPRMFRanker", {"l2": 0.02, "max_epochs": 120}),
    "fism": ("FISMRanker", {"l2": 0.01, "max_epochs": 100}),
    "svdpp": ("SVDppRanker", {"l2": 0.01, "max_epochs": 80}),
}
# learning rates: for the start from trained vectors, on a validation item and one seed
_CONV: dict[str, Any] = {"max_epochs": 10, "lr": 5e-3, "tower_lr": 0.05}


def _conv(**parameters: Any) -> tuple[str, dict[str, Any]]:
    return "ConvNCFRanker", {**_CONV, **parameters}


# name: system, parameters, and the twin whose vectors it starts from (None: its own start)
VARIANTS: dict[str, tuple[str, dict[str, Any] | None, str | None]] = {
    "ItemPop": ("PopularityRecommender", {}, None),
    "ItemKNN": (
        "ItemKNNRecommender",
        {"alpha": 0.4, "n_neighbors": 20_000, "weighting": "tf-idf"},
        None,
    ),
    "MF-BPR": ("BPRMFRanker", None, "mf"),
    "FISM": ("FISMRanker", None, "fism"),
    "SVD++": ("SVDppRanker", None, "svdpp"),
    "MF-BPR, ten more epochs": (*_conv(tower="dot", l2=0.02), "mf"),
    "GMF": ("GMFRanker", {"max_epochs": 10, "lr": 5e-4, "l2": 0.02}, "mf"),
    "MLP": ("NCFMLPRanker", {"max_epochs": 10, "lr": 5e-4, "l2": 0.02}, "mf"),
    "JRL": ("JRLRanker", {"max_epochs": 10, "lr": 5e-4, "l2": 0.02}, "mf"),
    "ConvNCF-MF": (*_conv(), "mf"),
    "ConvNCF-FISM": (*_conv(embedding="fism"), "fism"),
    "ConvNCF-SVD++": (*_conv(embedding="svdpp"), "svdpp"),
    "ONCF-mlp": (*_conv(tower="mlp"), "mf"),
    "ConvNCF-MF, from scratch": (*_conv(pretrain=None), None),
    "ConvNCF-MF, permuted": (*_conv(permute_dims=True), "mf"),
    "ConvNCF-MF, diagonal": (*_conv(map_part="diagonal"), "mf"),
    "ConvNCF-MF, off-diagonal": (*_conv(map_part="off_diagonal"), "mf"),
    "ConvNCF-MF, 4 maps": (*_conv(n_feature_maps=4), "mf"),
    "ConvNCF-MF, 16 maps": (*_conv(n_feature_maps=16), "mf"),
}

# what is claimed to be better, and than what
CLAIMS: dict[str, tuple[str, str]] = {
    "ConvNCF-MF beats its twin": ("ConvNCF-MF", "MF-BPR"),
    "ConvNCF-MF beats its twin after as many epochs": ("ConvNCF-MF", "MF-BPR, ten more epochs"),
    "ConvNCF-FISM beats its twin": ("ConvNCF-FISM", "FISM"),
    "ConvNCF-SVD++ beats its twin": ("ConvNCF-SVD++", "SVD++"),
    "outer product beats concatenation": ("ConvNCF-MF", "MLP"),
    "outer product beats element-wise product (GMF)": ("ConvNCF-MF", "GMF"),
    "outer product beats element-wise product (JRL)": ("ConvNCF-MF", "JRL"),
    "CNN beats MLP on the map": ("ConvNCF-MF", "ONCF-mlp"),
    "pre-training helps": ("ConvNCF-MF", "ConvNCF-MF, from scratch"),
    "32 feature maps beat 4": ("ConvNCF-MF", "ConvNCF-MF, 4 maps"),
    "32 feature maps beat 16": ("ConvNCF-MF", "ConvNCF-MF, 16 maps"),
    "the order of the dimensions matters": ("ConvNCF-MF", "ConvNCF-MF, permuted"),
    "the full map beats its diagonal": ("ConvNCF-MF", "ConvNCF-MF, diagonal"),
    "the full map beats what is off the diagonal": ("ConvNCF-MF", "ConvNCF-MF, off-diagonal"),
    "ConvNCF-MF beats ItemKNN": ("ConvNCF-MF", "ItemKNN"),
}
