"""A small data set and a quick estimator."""

import pytest
import torch

from skrec import MultDAERecommender
from skrec.datasets import make_interactions


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data():
    return make_interactions(200, 60, 3000, n_clusters=4, random_state=0)


@pytest.fixture
def X(data):
    return data.X.copy()


@pytest.fixture
def make():
    """Return a function that makes a quick estimator."""

    def make(**parameters):
        quick = {"hidden_sizes": (), "latent_size": 8, "batch_size": 50, "max_epochs": 3}
        quick |= {"lr": 0.01, "random_state": 0, "device": "cpu"}
        return MultDAERecommender(**quick | parameters)

    return make
