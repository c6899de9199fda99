"""The defaults of earlier versions, so that what was measured with them still means the same."""

from collections.abc import Mapping
from typing import Any

from skrec.reproduce import find_system

__all__ = ["FORMER", "with_former"]

_WATCHED: dict[str, Any] = {"validation_fraction": 0.1, "validation_metric": "ndcg@10"}
_TO_THE_END: dict[str, Any] = {**_WATCHED, "early_stopping": False}
_PAIRS: dict[str, Any] = {**_TO_THE_END, "l2": 0.0}
_HISTORIES: dict[str, Any] = {
    **_WATCHED, "l2": 0.0, "lr": 2e-3, "lr_decay": None, "max_epochs": 100, "n_negatives": 1
}  # fmt: skip
_DESCENT: dict[str, Any] = {
    **_WATCHED,
    "l2": 0.0,
    "lr": 2e-3,
    "solver": "torch",
    "lr_decay": None,
    "max_epochs": 100,
    "n_negatives": 1,
    "init_std": 0.01,
}
_CUBE: dict[str, Any] = {
    **_PAIRS, "interaction": "concat", "init_network": None, "pretrain": None
}  # fmt: skip
_STARTED = (
    "GMFClassifier", "NCFMLPClassifier", "NCFMLPRanker", "NeuMFClassifier", "GERRanker",
)  # fmt: skip

FORMER: dict[str, dict[str, Any]] = {
    "ItemKNNRecommender": {"alpha": 0.5},
    "UserKNNRecommender": {"alpha": 0.5, "shrinkage": 10.0, "weighting": None},
    "EASERecommender": {"l2": 500.0},
    "RP3betaRecommender": {"beta": 0.4},
    "WMFRecommender": {"l2": 0.003, "unobserved_weight": 0.1},
    "CDAERecommender": {"weight_decay": 4e-3},
    "MultDAERecommender": {"hidden_sizes": (600,)},
    "BPRMFRanker": _DESCENT,
    "MFClassifier": {**_DESCENT, "n_negatives": 4},
    **dict.fromkeys(("FISMRanker", "SVDppRanker"), _HISTORIES),
    "FISMClassifier": {**_HISTORIES, "n_negatives": 4},
    "GMFRanker": {**_PAIRS, "pretrain": None, "lr": 2e-3},
    "ConvNCFRanker": {
        **_PAIRS,
        "pretrain": "twin",
        "init_network": None,
        "lr": 5e-3,
        "tower_lr": 0.01,
    },
    "MFRecommender": {
        **_WATCHED,
        "loss": "ccl",
        "lr": 2e-3,
        "lr_decay": None,
        "max_epochs": 100,
        "n_negatives": 100,
        "shared_negatives": False,
        "temperature": 0.1,
    },
    "NAISClassifier": {
        **_PAIRS,
        "n_factors": 16,
        "lr": 2e-3,
        "pretrain": None,
        "init_attention": 1.0,
    },
    **dict.fromkeys(("GeRecClassifier", "GeRecRanker"), _CUBE),
    **{name: {**_PAIRS, "pretrain": None} for name in _STARTED},
    "NeuMFRanker": {**_PAIRS, "pretrain": None, "lr": 2e-3},
    "DeepCFClassifier": {**_TO_THE_END, "pretrain": None},
    "JRLRanker": {**_PAIRS, "pretrain": None, "init_network": None},
    "MoGClassifier": {**_TO_THE_END, "pretrain": None},
    "NCFMLPRegressor": {"early_stopping": False, "weight_decay": 0.0},
    "NeuMFRegressor": {"early_stopping": False, "weight_decay": 0.0},
    "ConvNCFRegressor": {
        "early_stopping": False,
        "init_network": None,
        "lr": 3e-4,
        "tower_lr": 1e-3,
    },
    "CrossFeedbackBMF": {"early_stopping": False, "hidden_sizes": (50,), "lr": 3e-3},
}
"""What was the default and is not any more, by class."""


def with_former(system: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a system, with the former defaults where they name none.

    Parameters
    ----------
    system : str
        Its name.
    parameters : mapping
        What differs from the defaults of then.

    Returns
    -------
    parameters : dict
        What differs from the defaults of now.
    """
    return {**FORMER.get(find_system(system).__name__, {}), **parameters}
