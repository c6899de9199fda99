"""A small data set, one with a known answer, and quick estimators."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skrec import BPRMFRanker, MFClassifier
from skrec.datasets import make_interactions


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def X():
    return make_interactions(200, 60, 3000, n_clusters=4, random_state=0).X


@pytest.fixture(scope="session")
def checkerboard():
    """Return 40 users who have the items of their own parity, but one each."""
    dense = (np.add.outer(np.arange(40), np.arange(20)) % 2 == 0).astype(np.float32)
    places = np.arange(40), (np.arange(40) + 2 * (np.arange(40) // 2)) % 20
    hidden = np.zeros_like(dense)
    hidden[places] = dense[places]
    return sp.csr_matrix(dense - hidden), hidden


@pytest.fixture(scope="session")
def all_but_one():
    """Return 6 users of 5 items each of whom lacks one item: negatives are no matter of chance."""
    dense = np.ones((6, 5), dtype=np.float32)
    lacking = np.arange(6) % 5
    dense[np.arange(6), lacking] = 0
    return sp.csr_matrix(dense), lacking


QUICK = {"n_factors": 6, "max_epochs": 5, "lr": 0.02, "init_std": 0.3, "batch_size": 256}
QUICK |= {"early_stopping": False, "random_state": 0, "device": "cpu"}


@pytest.fixture(scope="session")
def quick():
    """Return a function that makes a quick estimator of a class."""
    nets = {"solver": "torch", "lr_decay": None, "l2": 0.0}

    def make(cls, **parameters):
        defaults = {}
        if issubclass(cls, MFClassifier | BPRMFRanker):
            defaults = {**nets, "n_negatives": 4 if cls is MFClassifier else 1}
        return cls(**QUICK | defaults | parameters)

    return make


EDGES = {
    "one-user": np.array([[1, 0, 1, 0, 0, 1.0]]),
    "one-item": np.ones((4, 1)),
    "one-item-that-one-lacks": np.array([[1.0], [0], [1]]),
    "one-pair": np.ones((1, 1)),
    "everybody-has-everything": np.ones((4, 5)),
    "one-has-everything": np.vstack([np.ones((1, 6)), np.eye(5, 6)]),
    "one-each": np.eye(5),
}


@pytest.fixture(params=EDGES.values(), ids=EDGES)
def edge(request):
    """Return matrices on the edge of what can be learnt from."""
    return request.param


@pytest.fixture
def check_edge(quick):
    """Return a function that checks that all answers are numbers and lists of the right shape."""

    def check(cls, dense, **parameters):
        est = quick(cls, **parameters).fit(dense)
        n_users, n_items = dense.shape
        assert np.isfinite(est.decision_function(dense)).all()
        assert np.isfinite(est.decision_function(users=range(n_users))).all()
        proba = est.predict_proba(dense)
        assert ((proba > 0) & (proba < 1)).all()
        for given in ({"X": dense}, {"users": range(n_users)}):
            lists = est.recommend(**given, n_items=2)
            assert lists.shape == (n_users, 2)
            n_left = np.minimum(n_items - dense.sum(axis=1), 2)
            np.testing.assert_array_equal((lists >= 0).sum(axis=1), n_left)
        return est

    return check
