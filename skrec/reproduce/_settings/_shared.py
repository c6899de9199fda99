"""What rows of the settings share."""

__all__ = ["TRAINING"]

# What every torch system is tuned with: long enough, stopped by validation.
TRAINING = {"max_epochs": 300, "early_stopping": True, "patience": 20}

# The divergence's weight rises by 1 / 5000 an update, so that a cap of 0.2 is reached after 1000
# updates: 77 epochs of ml-1m with batches of 500. A share of the planned epochs would depend on
# where early stopping ends.
_VAE = {"anneal_steps": 5000}

# as Mult-VAE's; the papers have batches of 200 and a rate of 5e-4
_VAMP = {"batch_size": 500, "lr": 1e-3, "beta": 0.2}

# beta at 0.4 after 400 updates, where 0.2 takes _VAE 1000
_SOON = {"anneal_steps": 1000, "beta": 0.4}

# What others start from: rows of BPRMFRanker below, as nested estimators.
_BPR_MF = {
    "ml-1m": {
        "system": "BPRMFRanker",
        "batch_size": 4096,
        "init_std": 0.1,
        "l2": 0.004,
        "max_epochs": 54,
        "random_state": 0,
    },
    "amazon-music": {
        "system": "BPRMFRanker",
        "l2": 0.02,
        "max_epochs": 120,
        "random_state": 0,
    },
    "ml-100k": {
        "system": "BPRMFRanker",
        "init_std": 0.1,
        "l2": 0.005,
        "max_epochs": 52,
    },
}

_MF = {
    "ml-1m": {
        "system": "MFClassifier",
        "bias": False,
        "batch_size": 4096,
        "init_std": 0.1,
        "l2": 0.002,
        "max_epochs": 35,
        "random_state": 0,
    },
    "amazon-music": {
        "system": "MFClassifier",
        "bias": False,
        "l2": 0.02,
        "max_epochs": 150,
        "random_state": 0,
    },
    "ml-100k": {
        "system": "MFClassifier",
        "bias": False,
        "init_std": 0.1,
        "l2": 0.005,
        "max_epochs": 40,
    },
}
_FISM = {
    "ml-1m": {
        "system": "FISMRanker",
        "n_factors": 16,
        "item_bias": True,
        "batch_size": 4096,
        "l2": 0.002,
        "max_epochs": 32,
        "random_state": 0,
    },
    "amazon-music": {
        "system": "FISMRanker",
        "n_factors": 16,
        "item_bias": True,
        "l2": 0.01,
        "max_epochs": 100,
        "random_state": 0,
    },
}
