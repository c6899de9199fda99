"""Settings of the embedding models whose speed is measured, alone and beside peers."""

from typing import Any

from benchmarks.former import FORMER

__all__ = ["BPR_MF", "BPR_SGD", "CONVNCF", "SGD"]

# not tuned: lr 0.005 is the best of 4 on validation interactions by hand, 30 epochs each, after it
# had first been chosen by the test. The trials of benchmarks.quality.tune, five of them, have lr
# 0.002 (ndcg@20 0.0793 after 50 epochs) and did not get to the larger rate with as much patience
BPR_MF: dict[str, Any] = {
    **FORMER["BPRMFRanker"],
    "n_factors": 64,
    "optimizer": "adam",
    "lr": 5e-3,
    "l2": 1e-3,
    "batch_size": 16384,
}
# steps of plain descent: a rate that trains both losses; speed does not depend on it
SGD: dict[str, Any] = {"solver": "sgd", "lr": 0.02, "lr_decay": None, "l2": 0.0}
# the best of 15 pairs of lr and l2 on a tenth of Gowalla's train part, 6 epochs, one seed
BPR_SGD: dict[str, Any] = {
    **FORMER["BPRMFRanker"],
    "n_factors": 64,
    "solver": "sgd",
    "lr": 0.2,
    "l2": 5e-4,
}
CONVNCF: dict[str, Any] = {
    **FORMER["ConvNCFRanker"],
    "n_factors": 64,
    "n_feature_maps": 32,
    "tower": "cnn",
    "embedding": "mf",
}
