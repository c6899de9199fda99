"""Settings of the protocol "weak"."""

from skrec.reproduce._settings._shared import _SOON, _VAE

__all__ = ["SETTINGS"]

# (system, data, protocol): parameters of the estimator
SETTINGS = {
    # -- gowalla, LightGCN's own test ------------------------------------------------------------
    ("PopularityRecommender", "gowalla", "weak"): {},  # has no parameters
    # tuned: ndcg@20 0.1179 on validation, against 0.0882 with hidden_sizes=(600,)
    ("MultVAERecommender", "gowalla", "weak"): {**_VAE, "hidden_sizes": (), "max_epochs": 42},
    # tuned: ndcg@20 0.1071 on validation, the best of 21; 0.0862 with 64 factors
    ("WMFRecommender", "gowalla", "weak"): {
        "l2": 3e-4,
        "max_epochs": 16,
        "n_factors": 192,
        "unobserved_weight": 0.03,
    },
    # tuned: ndcg@20 0.1318 on validation, the best of 2
    ("SLIMRecommender", "gowalla", "weak"): {"l1": 1.0, "l2": 20.0},
    # not tuned yet
    ("EASERecommender", "gowalla", "weak"): {"l2": 200.0},
    ("ItemKNNRecommender", "gowalla", "weak"): {"shrinkage": 0.0},
    ("UserKNNRecommender", "gowalla", "weak"): {"shrinkage": 0.0},
    ("MultDAERecommender", "gowalla", "weak"): {"hidden_sizes": (), "max_epochs": 50},
    # tuned: ndcg@20 0.0792 on validation, the best of 5
    ("BPRMFRanker", "gowalla", "weak"): {
        "batch_size": 16384,
        "init_std": 0.01,
        "l2": 0.001,
        "lr": 2e-3,
        "max_epochs": 50,
    },
    # epochs by validation, where it reached 0.0846
    ("H+Vamp-gated-1", "gowalla", "weak"): {
        **_SOON,
        "batch_size": 500,
        "lr": 1e-3,
        "max_epochs": 23,
    },
}
