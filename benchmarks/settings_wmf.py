"""Settings and grids of weighted matrix factorisation, a part of `benchmarks.settings`."""

__all__ = ["GRIDS", "SETTINGS"]

# (system, data, protocol): parameters of the estimator
SETTINGS = {
    # tuned: sampled_ndcg@10 0.4587 on validation, the best of 6
    ("WMFRecommender", "ml-1m", "ncf"): {"max_epochs": 16, "l2": 0.004, "unobserved_weight": 0.3},
    # tuned: sampled_ndcg@10 0.4605 on validation, the best of 2 (l2 0.004 and 0.008)
    ("WMF-192", "ml-1m", "ncf"): {"max_epochs": 12, "l2": 0.008, "unobserved_weight": 0.3},
    # tuned: sampled_ndcg@10 0.3810 on validation, the best of 15 in two grids
    ("WMFRecommender", "amazon-music", "ncf"): {
        "max_epochs": 16,
        "l2": 0.016,
        "unobserved_weight": 0.03,
    },
}

# sweeps are fixed: the model changes little after the first dozen, and nothing stops it early
_GRID = {
    "l2": [0.002, 0.004, 0.008],
    "unobserved_weight": [0.1, 0.3, 1.0],
    "max_epochs": [16],
}

# system: what ``python -m benchmarks.tune`` tries
GRIDS = dict.fromkeys(("WMFRecommender", "WMF-192"), _GRID)
