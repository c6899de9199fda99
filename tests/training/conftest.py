"""A small net and a small matrix."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skrec.nn import ELBO, MultVAE
from skrec.training import RecommenderNet


@pytest.fixture(autouse=True)
def _one_thread_and_seed():
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def X():
    """Return 23 x 12 interactions without an empty row."""
    X = np.random.RandomState(0).uniform(size=(23, 12)) < 0.4
    X[:, 0] = True
    return sp.csr_matrix(X, dtype=np.float32)


@pytest.fixture
def make_net():
    """Return a function that makes a net with given callbacks."""

    def make(*callbacks, module=MultVAE, lr=0.01, **parameters):
        return RecommenderNet(
            module,
            module__n_items=12,
            module__hidden_sizes=(),
            module__latent_size=4,
            criterion=ELBO,
            optimizer=torch.optim.Adam,
            lr=lr,
            train_split=None,
            callbacks=[*callbacks],
            callbacks__print_log=None,
            callbacks__valid_loss=None,
            verbose=0,
            **parameters,
        )

    return make
