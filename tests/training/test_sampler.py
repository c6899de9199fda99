"""Negatives: none a positive, in the right proportions, the same for the same seed."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from skrec.training import NegativeSampler


def matrix(seed, density, n_users=12, n_items=30):
    """Draw positives that leave every user at least one item."""
    X = np.random.RandomState(seed).uniform(size=(n_users, n_items)) < density
    X[np.arange(n_users), np.arange(n_users) % n_items] = False
    return sp.csr_matrix(X, dtype=np.float32)


@given(
    seed=st.integers(0, 100),
    density=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    power=st.sampled_from([0.0, 0.75]),
    n_negatives=st.integers(1, 4),
)
def test_no_negative_is_a_positive(seed, density, power, n_negatives):
    X = matrix(seed, density)
    users = np.random.RandomState(seed).randint(12, size=50)
    items = NegativeSampler(X, power).draw(users, n_negatives, np.random.RandomState(1))
    assert items.shape == (50, n_negatives)
    assert items.min() >= 0
    assert items.max() < 30
    assert not X.toarray()[users[:, None], items].any()
    again = NegativeSampler(X, power).draw(users, n_negatives, np.random.RandomState(1))
    np.testing.assert_array_equal(items, again)


@pytest.mark.parametrize("power", [0.0, 0.75, 1.0])
@pytest.mark.parametrize("density", [0.3, 0.93])
def test_what_a_user_lacks_keeps_its_share(power, density):
    X = matrix(3, density)
    user = int(np.argmax(np.diff(X.indptr) < 29))
    draws = NegativeSampler(X, power).draw(np.full(40_000, user), 1, np.random.RandomState(0))
    lacking = np.flatnonzero(X[[user]].toarray()[0] == 0)
    weights = np.asarray(X.sum(axis=0), dtype=np.float64).ravel()[lacking] ** power
    seen = np.bincount(draws.ravel(), minlength=30)[lacking]
    expected = weights / weights.sum() * 40_000
    possible = expected > 0
    assert seen[~possible].sum() == 0
    shares = expected[possible] / expected[possible].sum()
    assert chisquare(seen[possible], shares * seen.sum()).pvalue > 1e-3


def test_a_user_with_everything_is_an_error():
    sampler = NegativeSampler(sp.csr_matrix(np.ones((1, 3), np.float32)))
    with pytest.raises(ValueError, match="leave every sampled user an item"):
        sampler.draw(np.array([0]), 1, np.random.RandomState(0))


def test_the_global_generator_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    NegativeSampler(matrix(0, 0.9)).draw(np.arange(12), 3, np.random.RandomState(0))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("power", [0.0, 0.75])
@pytest.mark.parametrize("n_items", [1, 7, 30])
def test_a_sample_has_different_items_in_order(n_items, power):
    sampler = NegativeSampler(matrix(0, 0.3), power)
    items = sampler.sample(n_items, np.random.RandomState(0))
    assert items.dtype == np.int64
    assert items.shape == (n_items,)
    assert (np.diff(items) > 0).all()
    assert items[0] >= 0
    assert items[-1] < 30
    np.testing.assert_array_equal(items, sampler.sample(n_items, np.random.RandomState(0)))


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_a_sample_of_one_has_the_distribution_of_the_negatives(power):
    X = np.zeros((20, 3), dtype=np.float32)
    X[:12, 0] = X[12:18, 1] = X[18:, 2] = 1
    sampler, rng = NegativeSampler(sp.csr_matrix(X), power), np.random.RandomState(0)
    seen = np.bincount([sampler.sample(1, rng)[0] for _ in range(3000)], minlength=3)
    shares = np.array([12, 6, 2]) ** power
    assert chisquare(seen, 3000 * shares / shares.sum()).pvalue > 1e-3
