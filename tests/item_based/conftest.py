"""A small data set, and a fit of each model on it."""

import numpy as np
import pytest
import torch

from skrec import FISMClassifier, FISMRanker, NAISClassifier, SVDppRanker
from skrec.datasets import make_interactions

QUICK = {"n_factors": 6, "batch_size": 64, "lr": 0.02, "init_std": 0.1, "random_state": 0}
QUICK |= {"l2": 0.0, "early_stopping": False, "lr_decay": None}
MODELS = {
    "fism": (FISMRanker, {"alpha": 0.7, "item_bias": True}),
    "fism-pointwise": (FISMClassifier, {"alpha": 0.4}),
    "svdpp": (SVDppRanker, {"alpha": 0.3}),
    "nais-prod": (NAISClassifier, {"beta": 0.4, "pretrain": None}),
    "nais-concat": (
        NAISClassifier,
        {"attention": "concat", "beta": 1.0, "item_bias": False, "pretrain": None},
    ),
}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def X():
    return make_interactions(120, 50, 1500, n_clusters=4, random_state=0).X


@pytest.fixture(scope="session")
def fitted(X):
    """Return the models, fitted, by name."""
    torch.set_num_threads(1)
    options = {**QUICK, "max_epochs": 4, "device": "cpu"}
    return {name: cls(**options, **extra).fit(X) for name, (cls, extra) in MODELS.items()}


@pytest.fixture(scope="session")
def histories(X):
    """Return the items of each user."""
    return [row.indices for row in X]


@pytest.fixture
def left_out():
    """Return a function that sums vectors over a history without the target."""

    def left_out(vectors, history, target, weights=None):
        kept = history[history != target]
        weights = np.ones(len(kept)) if weights is None else weights
        return weights @ vectors[kept].astype(float)

    return left_out
