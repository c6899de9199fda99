"""What ``python -m benchmarks.quality.tune`` tries: the spaces, and how torch systems train.

Every system of the tables has twelve points or more, so that all can have the same budget. What was
chosen are rows of ``skrec/reproduce/settings.jsonl``.
"""

from dataclasses import dataclass, field
from typing import Any

from benchmarks.quality.rating_grids import RATING_GRIDS
from benchmarks.quality.search import Log, Space
from skrec.reproduce import find_settings

__all__ = ["GRIDS", "TRAINING", "Start"]


@dataclass(frozen=True)
class Start:
    """A system with its settings, to start another from.

    Parameters
    ----------
    system : str
        Its name.
    changed : dict
        What replaces some of its settings.
    """

    system: str
    changed: dict[str, Any] = field(default_factory=dict)

    def on(self, data: str, protocol: str) -> dict[str, Any]:
        """Return the parameters for a data set and protocol, as a nested estimator has them."""
        found = find_settings(self.system, data, protocol).parameters
        return {"system": self.system, **found, **self.changed}


# of systems that have such parameters, while their settings are chosen
TRAINING: dict[str, Any] = {"max_epochs": 300, "early_stopping": True, "patience": 20}

_64: dict[str, Any] = {"n_factors": 64}
_FROM_MF = Start("MFClassifier", {**_64, "bias": False})
_FROM_BPR = Start("BPRMFRanker", _64)
# MoG's means, trained by distance without draws: settings chosen on ml-100k among five
_BY_DISTANCE: dict[str, Any] = {
    "system": "MoGClassifier",
    **_64,
    "n_draws": 0,
    "init_std": 0.1,
    "n_negatives": 4,
    "lr": 0.0154,
    "l2": 0.00338,
    "max_epochs": 39,
    "early_stopping": False,
}
_BATCHES = [2048, 4096]
_TOWERS = [(64, 32, 16), (128, 64)]


def _falling(*epochs: int) -> Space:
    """Return a space in which the rate falls to 0: its epochs are not found by early stopping."""
    return {"lr_decay": ["linear"], "early_stopping": [False], "max_epochs": list(epochs)}


_MF: Space = {
    **_falling(40),
    "solver": ["sgd"],
    "n_negatives": [8],
    "init_std": [0.1],
    "lr": Log(0.008, 0.04),
    "l2": Log(0.0015, 0.02),
}

# sweeps are a part of the space: without early stopping nothing else would choose them
_WMF: Space = {
    "l2": Log(0.001, 0.03),
    "unobserved_weight": Log(0.02, 1.0),
    "max_epochs": [8, 16],
}

_BPR: Space = {
    **_falling(40, 80),
    "solver": ["sgd"],
    "init_std": [0.1],
    "lr": Log(0.02, 0.15),
    "l2": Log(0.002, 0.05),
}

_PAIRS: Space = {
    **_falling(10, 20),
    "lr": Log(1e-3, 8e-3),
    "l2": Log(5e-4, 0.05),
    "init_std": [0.01, 0.1],
    "batch_size": _BATCHES,
}

# each vector of a history is penalised for each pair, so that l2 is smaller
_HISTORIES: Space = {**_PAIRS, "l2": Log(5e-6, 5e-4)}

# negatives that a batch shares: many, for one product
_SHARED: Space = {
    "shared_negatives": [True],
    "n_negatives": [300, 1000],
    "batch_size": [1024, 4096],
    "init_std": [0.1],
    "lr": Log(1e-3, 0.02),
}
_SHARED_MF: Space = {**_SHARED, "lr_decay": [None]}
_CCL: Space = {
    **_SHARED_MF,
    "loss": ["ccl"],
    "margin": [0.2, 0.4, 0.6, 0.8],
    "negative_weight": Log(3.0, 200.0),
}

# models with a tower: smaller rates, since they start from vectors that are trained
_TOWER: Space = {
    **_falling(5, 10),
    "lr": Log(2e-4, 4e-3),
    "l2": Log(5e-4, 0.03),
    "batch_size": _BATCHES,
}

# the authors' framework starts the accumulator there; from 0 the first step is a whole rate
_ADAGRAD: Space = {
    "optimizer": ["adagrad"],
    "optimizer_options": [{"initial_accumulator_value": 0.1}],
}

# -- ConvNCF's paper: rates of .001 to .005 for vectors and .01 to .05 for the tower; its penalties
# stand beside the sum over a batch of 512, ours beside the mean. Epochs are slow: less patience
_CONV_NCF: Space = {
    **_ADAGRAD,
    "patience": [5],
    "lr": Log(1e-3, 5e-3),
    "tower_lr": Log(0.01, 0.05),
    "tower_l2": Log(2e-5, 0.02),
    "l2": [0.0, 1e-4, 1e-3],
    "init_network": [None, "product"],
}

_GAUSSIAN: Space = {
    "pretrain": [_FROM_BPR],
    "lr": Log(2e-4, 2e-3),
    "init_variance": [0.05, 0.1, 0.15],
}
_GEREC: Space = {
    **_GAUSSIAN,
    "pretrain": [_FROM_MF],
    "patience": [5],
    "l2": Log(5e-4, 0.03),
}

# by system; a list of one value is a fixed choice
GRIDS: dict[str, Space] = {
    "PopularityRecommender": {},
    "ItemKNNRecommender": {
        "n_neighbors": [35, 50, 100, 200, 20_000],
        "shrinkage": [0.0, 20.0],
        "alpha": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5],
        "weighting": [None, "tf-idf"],
    },
    "UserKNNRecommender": {
        "n_neighbors": [100, 150, 200],
        "shrinkage": [0.0],
        "alpha": [0.35, 0.4, 0.5],
        "power": [1.0, 3.0],
        "popularity_discount": [0.0, 0.2, 0.3],
    },
    "RP3betaRecommender": {
        "alpha": [0.8, 1.0, 1.3],
        "beta": [0.3, 0.5, 0.7],
        "n_neighbors": [100, 300, 1000],
        "normalize": [True, False],
    },
    "GraphFilterRecommender": {
        "filter": ["chebyshev"],
        "flatness": [1.5, 3.0, 10.0],
        "n_factors": [256, 512],
        "ideal_weight": [0.2, 0.3, 0.6],
        "degree_power": [0.0, 0.1, 0.2, 0.4],
    },
    "EASERecommender": {"l2": Log(20.0, 5000.0)},
    "EDLAE": {"l2": Log(20.0, 2000.0), "dropout": Log(0.03, 0.6)},
    "ELSARecommender": {
        "latent_size": [256, 512],
        "lr": Log(2e-3, 0.05),
        "dropout": [0.0, 0.25],
        "batch_size": [128, 256, 512],
    },
    "InfiniteAERecommender": {"l2": Log(0.5, 20.0), "depth": [1, 2]},
    "SLIMRecommender": {"l1": Log(0.1, 20.0), "l2": Log(5.0, 1000.0)},
    **dict.fromkeys(("WMFRecommender", "WMF-192"), _WMF),
    **dict.fromkeys(("MFClassifier", "MF-192"), _MF),
    "BPRMFRanker": _BPR,
    "BPRMF-shared": {**_SHARED, "l2": Log(1e-4, 0.02)},
    "MFRecommender": _CCL,
    "SimpleX": {**_CCL, "history_weight": [0.3, 0.5, 0.7]},
    "MF-softmax": {**_SHARED_MF, "temperature": Log(0.05, 0.4), "negative_power": [0.0, 0.5]},
    "LightGCNRanker": {
        "n_layers": [2, 3, 4],
        "batch_size": [2048, 8192],
        "lr": Log(1e-3, 0.01),
        "l2": Log(1e-5, 1e-2),
    },
    # alpha is that of ConvNCF, which starts from these
    **dict.fromkeys(("FISMRanker", "SVDppRanker"), _HISTORIES),
    "FISMClassifier": {**_HISTORIES, "n_negatives": [4, 8]},
    # the paper: Adagrad, from a FISM of the same width that is trained alike
    "NAISClassifier": {
        "n_factors": [64],
        "pretrain": [Start("FISMClassifier", _64)],
        "patience": [5],
        **_ADAGRAD,
        "init_attention": [0.0, 1.0],
        "lr": Log(1e-3, 0.03),
        "l2": Log(1e-6, 1e-4),
        "attention": ["prod", "concat"],
        "beta": [0.5, 0.7],
    },
    "GMFClassifier": {**_PAIRS, "n_negatives": [4, 8], "pretrain": [None, _FROM_MF]},
    "NCFMLPClassifier": {
        **_TOWER,
        "n_negatives": [4, 8],
        "hidden_sizes": _TOWERS,
        "pretrain": [None, _FROM_MF],
    },
    "NeuMFClassifier": {
        **_TOWER,
        "n_negatives": [4, 8],
        "hidden_sizes": _TOWERS,
        "pretrain": ["halves", _FROM_MF],
        "pretrain_epochs": [5],
    },
    "JRLRanker": {
        **_TOWER,
        "hidden_sizes": _TOWERS,
        "pretrain": [None, _FROM_BPR],
        "init_network": [None, "product"],
    },
    "DeepCFClassifier": {
        **_falling(5, 10),
        "lr": Log(2e-4, 4e-3),
        "n_negatives": [4, 8],
        "batch_size": [1024, 2048],
        "representation_sizes": [(512, 64), (512, 256, 128, 64)],
        "matching_sizes": [(128, 64), (512, 256, 128, 64)],
        "pretrain": [None, "auto"],
        "pretrain_epochs": [5],
    },
    "ConvNCFRanker": {**_CONV_NCF, "pretrain": [_FROM_BPR]},
    "ConvNCF-FISM": {**_CONV_NCF, "pretrain": [Start("FISMRanker", _64)]},
    "ConvNCF-SVD++": {**_CONV_NCF, "pretrain": [Start("SVDppRanker", _64)]},
    "GERRanker": {**_GAUSSIAN, **_falling(5, 15), "l2": Log(1e-3, 0.1)},
    "MoGClassifier": {
        **_GAUSSIAN,
        **_falling(3, 6),
        "pretrain": [_FROM_BPR, _BY_DISTANCE],
        "l2": Log(1e-4, 0.05),
        "n_negatives": [4, 8],
        "kl_weight": [0.0, 1e-4, 1e-3, 1e-2],
    },
    "GeRecClassifier": {**_GEREC, "interaction": ["concat"]},
    "GeRec-product": {**_GEREC, "init_network": [None, "product"]},
    "MultDAERecommender": {
        "hidden_sizes": [(), (600,)],
        "dropout": [0.5, 0.7],
        "weight_decay": Log(1e-5, 1e-3),
    },
    "MultVAERecommender": {
        "hidden_sizes": [(), (600,)],
        "beta": Log(0.05, 0.6),
        "anneal_steps": [1000, 5000],
    },
    "RecVAERecommender": {"gamma": Log(1e-3, 0.03), "lr": Log(2e-4, 1e-3)},
    "CDAERecommender": {
        "likelihood": ["gaussian", "multinomial"],
        "weight_decay": Log(4e-5, 4e-3),
        "dropout": [0.3, 0.5],
    },
    **RATING_GRIDS,
}
