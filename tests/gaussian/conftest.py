"""A small data set, some with a known answer, and quick estimators."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skrec import GeRecClassifier, GeRecRanker, GERRanker, MoGClassifier
from skrec.datasets import make_interactions

QUICK = {"n_factors": 6, "max_epochs": 5, "lr": 0.02, "init_std": 0.3, "batch_size": 256}
QUICK |= {"n_samples": 5, "random_state": 0, "device": "cpu", "early_stopping": False}
# the cube and the start of GeRec's paper
CUBE = {"n_draws": 3, "n_filters": 8, "hidden_size": 8, "interaction": "concat", "pretrain": None}
SIZES = {
    GERRanker: {"pretrain": None},
    MoGClassifier: {"n_draws": 3, "pretrain": None},
    GeRecClassifier: CUBE,
    GeRecRanker: CUBE,
}
BY_NAME = {"ids": lambda cls: cls.__name__}


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


@pytest.fixture(params=SIZES, **BY_NAME)
def cls(request):
    """Return each class."""
    return request.param


@pytest.fixture(params=[cls for cls in SIZES if cls is not GERRanker], **BY_NAME)
def drawn_cls(request):
    """Return each class whose scores are averages over draws."""
    return request.param


@pytest.fixture(params=[GeRecClassifier, GeRecRanker], **BY_NAME)
def gerec_cls(request):
    return request.param


@pytest.fixture(scope="session")
def quick():
    """Return a function that makes a quick estimator of a class."""

    def make(cls, **parameters):
        free = {} if cls.__name__.endswith("Regressor") else {"l2": 0.0}
        return cls(**QUICK | SIZES[cls] | free | parameters)

    return make


@pytest.fixture(scope="session")
def fit(quick, X):
    """Return a function that gives a class fitted to the small data set, once for all tests."""
    fitted = {}

    def give(cls):
        if cls not in fitted:
            torch.set_num_threads(1)
            fitted[cls] = quick(cls, max_epochs=15).fit(X)
        return fitted[cls]

    return give


@pytest.fixture
def est_of(fit):
    """Return a function that gives a fitted class, whose number of draws may be changed."""
    yield fit
    for cls in SIZES:
        fit(cls).set_params(n_samples=QUICK["n_samples"])


@pytest.fixture
def est(cls, fit):
    """Return each class, fitted."""
    return fit(cls)
