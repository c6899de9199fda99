"""Fits in threads: what others draw changes nothing, and neither does a fit for others."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skrec import (
    BPRMFRanker,
    CrossFeedbackBMF,
    GeRecRanker,
    MultVAERecommender,
    NCFMLPClassifier,
)

QUICK = {"max_epochs": 3, "batch_size": 40, "random_state": 0, "device": "cpu"}
BPR = {**QUICK, "n_factors": 4, "solver": "torch", "n_negatives": 1}
ESTIMATORS = [
    BPRMFRanker(**BPR),
    GeRecRanker(n_factors=2, n_samples=1, n_filters=2, **QUICK | {"max_epochs": 1}),
    MultVAERecommender(hidden_sizes=(8,), latent_size=4, **QUICK),
    NCFMLPClassifier(dropout=0.3, **QUICK),
    CrossFeedbackBMF(n_factors=4, max_epochs=2, random_state=0, device="cpu"),
]


def weights(est):
    return torch.cat([w.detach().flatten() for w in est.net_.module_.parameters()])


@contextmanager
def meanwhile(action):
    """Call a function again and again in another thread."""
    stop = threading.Event()

    def work():
        while not stop.is_set():
            action()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture(params=ESTIMATORS, ids=lambda est: type(est).__name__)
def est(request):
    return clone(request.param)


@pytest.fixture
def X(data, est):
    X = data.X[:60].copy()
    if est.__sklearn_tags__().feedback == "explicit":
        X.data = np.arange(X.nnz, dtype=np.float32) % 5 + 1
    return X


@pytest.fixture(autouse=True)
def _state_is_left_alone():
    before = torch.get_rng_state()
    yield
    torch.set_rng_state(before)


def test_what_another_thread_draws_does_not_change_a_fit(est, X):
    alone = weights(clone(est).fit(X))
    with meanwhile(lambda: torch.rand(3)):
        assert torch.equal(weights(est.fit(X)), alone)


def test_a_fit_does_not_change_what_another_thread_draws(est, X):
    def state():
        numpy_state = np.random.get_state()  # noqa: NPY002
        seen.add((torch.get_rng_state().numpy().tobytes(), numpy_state[1].tobytes()))

    seen = set()
    with meanwhile(state):
        est.fit(X)
    assert len(seen) == 1


def test_fits_in_threads_are_those_alone_and_do_not_wait(est, X):
    alone = [weights(clone(est).set_params(random_state=seed).fit(X)) for seed in (0, 1)]
    both = threading.Barrier(2, timeout=30)
    first = type(est)._network

    class Meeting(type(est)):
        def _network(self):
            both.wait()  # no fit gets here before the other: neither holds a lock
            return first(self)

    def fit(seed):
        parameters = {**est.get_params(deep=False), "random_state": seed}
        return weights(Meeting(**parameters).fit(X))

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(fit, (0, 1)))
    assert torch.equal(together[0], alone[0])
    assert torch.equal(together[1], alone[1])
    assert not torch.equal(*alone)


class Noisy(torch.optim.SGD):
    """An optimiser that is not torch's, and draws."""

    def step(self, closure=None):
        loss = super().step(closure)
        for group in self.param_groups:
            for weight in group["params"]:
                weight.data.add_(torch.randn_like(weight), alpha=0.01)
                weight.data.add_(torch.randn(weight.shape), alpha=0.01)
        return loss


def test_an_optimiser_that_draws_takes_the_numbers_of_the_fit(data):
    est = BPRMFRanker(optimizer=Noisy, **BPR)
    before = torch.get_rng_state()
    one = weights(clone(est).fit(data.X))
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(5)
    assert torch.equal(one, weights(clone(est).fit(data.X)))
    assert not torch.equal(one, weights(clone(est).set_params(random_state=1).fit(data.X)))
