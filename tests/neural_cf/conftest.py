"""A small data set, one with a known answer, and quick estimators."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skrec.datasets import make_interactions

QUICK = {"n_factors": 6, "max_epochs": 4, "lr": 0.02, "init_std": 0.1, "batch_size": 256}
QUICK |= {"random_state": 0, "device": "cpu", "early_stopping": False}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def X():
    return make_interactions(200, 60, 3000, n_clusters=4, random_state=0).X


@pytest.fixture(scope="session")
def checkerboard():
    """Return 40 users who have the items of their own parity but one, and that one of each."""
    users = np.arange(40)
    dense = (np.add.outer(users, np.arange(20)) % 2 == 0).astype(np.float32)
    missing = (users + 2 * (users // 2)) % 20
    dense[users, missing] = 0
    return sp.csr_matrix(dense), missing


@pytest.fixture(scope="session")
def quick():
    """Return a function that makes a quick estimator of a class."""

    def make(cls, **parameters):
        free = {} if cls.__name__.endswith("Regressor") else {"l2": 0.0}
        return cls(**QUICK | free | parameters)

    return make
