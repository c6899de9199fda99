"""The spaces of models of ratings, a part of those that ``benchmarks.quality.tune`` tries."""

from benchmarks.quality.search import Log, Space

__all__ = ["RATING_GRIDS"]

_AUTO_REC: Space = {
    "latent_size": [50, 100, 500],
    "hidden_sizes": [()],
    "weight_decay": Log(1e-5, 1e-3),
}

# the priors are drawn, so that little is left to choose
_BAYES: Space = {"n_factors": [8, 12, 16, 20, 24, 32], "burn_in": [60], "thin": [4, 8]}

_CROSS_FEEDBACK: Space = {
    "n_factors": [25],
    "hidden_sizes": [()],
    "joined_size": [50, 100],
    "beta_user": Log(0.03, 0.3),
    "beta_item": Log(0.03, 0.3),
    "batch_size": [100, 500],
    "item_batch_size": [100, 500],
    "lr": Log(2e-4, 2e-3),
    "weight_decay": [0.0, 1e-5, 1e-4],
}
_CROSS_FEEDBACK_SYSTEMS = [f"CrossFeedback-no-{part}" for part in ("attention", "data", "feedback")]

RATING_GRIDS: dict[str, Space] = {
    # -- ml-1m, ratings: within the ranges of the cross-feedback paper's table 2, but for penalties,
    # which are of another scale here, and for sizes that it leaves out
    "BiasedMFRegressor": {"n_factors": [32, 64], "l2": Log(0.02, 0.08), "lr": [1e-3, 2e-3]},
    **dict.fromkeys(("BayesianMFRegressor", "BayesianMF-none", "BayesianMF-svdpp"), _BAYES),
    "GMFRegressor": {"n_factors": [25, 50, 100], "l2": Log(0.01, 0.1)},
    "NCFMLPRegressor": {
        "n_factors": [25, 50, 100],
        "hidden_sizes": [(50,), (100, 50)],
        "l2": Log(0.005, 0.1),
    },
    "NeuMFRegressor": {
        "n_factors": [25, 50],
        "hidden_sizes": [(50,), (100, 50)],
        "l2": Log(0.005, 0.1),
    },
    "ConvNCFRegressor": {
        "n_factors": [32, 64],
        "n_feature_maps": [32],
        "l2": Log(0.01, 0.1),
        "lr": [1e-4, 3e-4],
        "tower_lr": [3e-4, 1e-3],
        "tower_l2": [0.0, 0.01, 0.05, 0.1, 0.3],
    },
    "GeRecRegressor": {"n_factors": [32], "l2": Log(0.01, 0.1), "lr": [3e-4, 1e-3]},
    **dict.fromkeys(("AutoRecRegressor", "U-AutoRec", "I-AutoRec"), _AUTO_REC),
    "VAERegressor": {
        "latent_size": [50, 100, 200],
        "hidden_sizes": [(), (200,)],
        "beta": Log(1e-3, 1.0),
    },
    "DAERegressor": {
        "latent_size": [50, 100, 200],
        "hidden_sizes": [(), (200,)],
        "weight_decay": [0.0, 4e-5, 4e-4],
    },
    **dict.fromkeys(_CROSS_FEEDBACK_SYSTEMS, _CROSS_FEEDBACK),
    "CrossFeedbackBMF": {**_CROSS_FEEDBACK, "attention_on": ["both", "means"]},
}
