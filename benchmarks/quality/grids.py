"""What ``python -m benchmarks.quality.tune`` tries: the grids, and how torch systems train.

What it has chosen are rows of ``skrec/reproduce/settings.jsonl``.
"""

from typing import Any

__all__ = ["GRIDS", "TRAINING"]

# of systems that have such parameters, while their settings are chosen
TRAINING: dict[str, Any] = {"max_epochs": 300, "early_stopping": True, "patience": 20}

# as in the settings of Mult-VAE
_ANNEAL_STEPS = 5000

_AUTO_REC = {
    "latent_size": [50, 100, 500],
    "hidden_sizes": [()],
    "weight_decay": [1e-5, 1e-4, 1e-3],
}

# sweeps are a part of the grid: without early stopping nothing else would choose them
_WMF = {
    "l2": [0.002, 0.004, 0.008],
    "unobserved_weight": [0.1, 0.3, 1.0],
    "max_epochs": [8, 16],
}

# the rate falls to 0 over the epochs, so that they are a part of the grid too
_MF = {
    "solver": ["sgd"],
    "n_negatives": [8],
    "init_std": [0.1],
    "lr_decay": ["linear"],
    "early_stopping": [False],
    "max_epochs": [40],
    "lr": [0.01, 0.015, 0.02, 0.03],
    "l2": [0.0025, 0.0035, 0.005],
}

_CROSS_FEEDBACK = {
    "n_factors": [25],
    "hidden_sizes": [()],
    "joined_size": [50, 100],
    "beta_user": [0.1],
    "beta_item": [0.1],
    "batch_size": [500],
    "item_batch_size": [500],
    "lr": [2.5e-4, 1e-3],
    "weight_decay": [0.0, 1e-5, 1e-4],
}
_CROSS_FEEDBACK_SYSTEMS = ["CrossFeedbackBMF"] + [
    f"CrossFeedback-no-{part}" for part in ("attention", "data", "feedback")
]

# by system; one value is a fixed choice
GRIDS: dict[str, dict[str, list[Any]]] = {
    "BPRMFRanker": {"lr": [2e-3], "l2": [2e-3, 5e-3, 0.01, 0.02, 0.05], "init_std": [0.01, 0.1]},
    **dict.fromkeys(("MFClassifier", "MF-192"), _MF),
    "MFRecommender": {
        "margin": [0.0, 0.3, 0.6],
        "negative_weight": [1.0, 10.0],
        "init_std": [0.1],
        "lr": [2e-3, 0.01],
    },
    "PopularityRecommender": {},
    "ItemKNNRecommender": {
        "n_neighbors": [35, 50, 100, 20_000],
        "shrinkage": [0.0, 20.0],
        "alpha": [0.4, 0.5],
        "weighting": [None, "tf-idf"],
    },
    "UserKNNRecommender": {
        "n_neighbors": [100, 150, 200],
        "shrinkage": [0.0],
        "alpha": [0.35, 0.4, 0.5],
        "power": [1.0, 3.0],
        "popularity_discount": [0.0, 0.2, 0.3],
    },
    "EASERecommender": {"l2": [20.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1320.0, 2000.0, 4000.0]},
    **dict.fromkeys(("WMFRecommender", "WMF-192"), _WMF),
    "SLIMRecommender": {"l1": [0.3, 1.0, 3.0, 10.0, 20.0], "l2": [5.0, 20.0, 100.0, 300.0, 1000.0]},
    "MultDAERecommender": {
        "hidden_sizes": [(), (600,)],
        "dropout": [0.5],
        "weight_decay": [4e-5, 4e-4],
    },
    "MultVAERecommender": {
        "hidden_sizes": [(), (600,)],
        "beta": [0.1, 0.2, 0.4],
        "anneal_steps": [_ANNEAL_STEPS],
    },
    # -- ml-1m, ratings: within the ranges of the cross-feedback paper's table 2, but for penalties,
    # which are of another scale here, and for sizes that it leaves out
    "BiasedMFRegressor": {"n_factors": [32, 64], "l2": [0.02, 0.03, 0.04, 0.06], "lr": [2e-3]},
    "GMFRegressor": {"n_factors": [25, 50, 100], "l2": [0.01, 0.02, 0.05]},
    "NCFMLPRegressor": {
        "n_factors": [25, 50, 100],
        "hidden_sizes": [(50,), (100, 50)],
        "l2": [0.005, 0.02, 0.05],
    },
    "NeuMFRegressor": {
        "n_factors": [25, 50],
        "hidden_sizes": [(50,), (100, 50)],
        "l2": [0.005, 0.02, 0.05],
    },
    "ConvNCFRegressor": {
        "n_factors": [32, 64],
        "n_feature_maps": [32],
        "l2": [0.01, 0.02, 0.05, 0.1],
        "lr": [1e-4, 3e-4],
        "tower_lr": [3e-4, 1e-3],
        "tower_l2": [0.0, 0.01, 0.05, 0.1, 0.3],
    },
    "GeRecRegressor": {"n_factors": [32], "l2": [0.01, 0.02, 0.05]},
    **dict.fromkeys(("AutoRecRegressor", "U-AutoRec", "I-AutoRec"), _AUTO_REC),
    "VAERegressor": {
        "latent_size": [50, 100, 200],
        "hidden_sizes": [(), (200,)],
        "beta": [1e-3, 0.01, 0.1, 1.0],
    },
    "DAERegressor": {
        "latent_size": [50, 100, 200],
        "hidden_sizes": [(), (200,)],
        "weight_decay": [0.0, 4e-5, 4e-4],
    },
    **dict.fromkeys(_CROSS_FEEDBACK_SYSTEMS, _CROSS_FEEDBACK),
}
