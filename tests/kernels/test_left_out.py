"""Sums of similarities without a user against the formula, pair by pair."""

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec import kernels
from tests.kernels import oracles


def problem(seed, n_users, n_items, k, binary, formula):
    """Return neighbours of items and the next ones, the users' entries, those shown, and pairs."""
    rng = np.random.RandomState(seed)
    values = 1.0 if binary else rng.uniform(0.5, 2, (n_users, n_items))
    X = values * (rng.uniform(size=(n_users, n_items)) < 0.4)
    near, least = oracles.similar_items(X, k=k, **formula)
    own = sp.csr_matrix(X)
    shown = rng.uniform(size=own.nnz) < 0.7
    row, column = (x.ravel() for x in np.indices(X.shape))
    return X, near, least, own, shown, row, column


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**16),
    n_users=st.integers(1, 6),
    n_items=st.integers(1, 8),
    k=st.sampled_from([1, 2, 5, 100]),
    binary=st.booleans(),
    alpha=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    shrinkage=st.sampled_from([0.0, 2.5]),
    power=st.sampled_from([0.7, 1.0, 2.0]),
    normalize=st.booleans(),
)
def test_sums_are_those_of_the_formula(
    seed, n_users, n_items, k, binary, alpha, shrinkage, power, normalize
):
    formula = {"alpha": alpha, "shrinkage": shrinkage, "power": power}
    X, near, least, own, shown, row, column = problem(seed, n_users, n_items, k, binary, formula)
    vectors = least, (X**2).sum(axis=0), own
    options = {"normalize": normalize, **formula}
    sums = kernels.sums_without(sp.csr_matrix(near), *vectors, shown, row, column, **options)
    histories = X > 0
    histories[histories] = shown
    expected = [
        oracles.sum_without(X, near, least[item], user, histories[user], item, **options)
        for user, item in zip(row, column)
    ]
    np.testing.assert_allclose(sums, expected, rtol=2e-5, atol=1e-9)


def test_what_only_the_user_has_is_near_to_nothing():
    X = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    near, least = oracles.similar_items(X, 5, alpha=0.5, shrinkage=0.0, power=1.0)
    shown, at = np.array([True, False]), (np.zeros(3, int), np.arange(3))
    own, squares = sp.csr_matrix(X[:1]), (X**2).sum(axis=0)
    sums = kernels.sums_without(sp.csr_matrix(near), least, squares, own, shown, *at)
    np.testing.assert_array_equal(sums, 0)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**16),
    n_users=st.integers(1, 6),
    n_items=st.integers(1, 8),
    k=st.sampled_from([1, 2, 5, 100]),
    source=st.sampled_from([0.0, 0.5, 1.0]),
    target=st.sampled_from([0.0, 0.7, 1.0]),
    power=st.sampled_from([0.7, 1.0, 2.0]),
    normalize=st.booleans(),
)
def test_walks_are_those_of_the_formula(
    seed, n_users, n_items, k, source, target, power, normalize
):
    rng = np.random.RandomState(seed)
    X = (rng.uniform(size=(n_users, n_items)) < 0.4).astype(float)
    shares = rng.uniform(0.5, 2, n_users)
    formula = {"source": source, "target": target, "power": power}
    near, least = oracles.walk_weights(X, shares, k, **formula)
    own = sp.csr_matrix(X)
    shown = rng.uniform(size=own.nnz) < 0.7
    row, column = (x.ravel() for x in np.indices(X.shape))
    sums = kernels.walks_without(
        sp.csr_matrix(near), least, X.sum(axis=0), own, shares, shown, row, column,
        normalize=normalize, **formula,
    )  # fmt: skip
    histories = X > 0
    histories[histories] = shown
    expected = [
        oracles.walk_without(
            X, shares, near, least, user, histories[user], item, normalize=normalize, **formula
        )
        for user, item in zip(row, column)
    ]
    np.testing.assert_allclose(sums, expected, rtol=1e-5, atol=1e-9)


def test_walks_over_the_user_alone_weigh_nothing():
    X = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    formula = {"source": 1.0, "target": 0.5}
    near, least = oracles.walk_weights(X, np.ones(2), 5, power=1.0, **formula)
    shown, at = np.array([True, False]), (np.zeros(3, int), np.arange(3))
    user = sp.csr_matrix(X[:1]), np.ones(1), shown
    for normalize in (False, True):
        sums = kernels.walks_without(
            sp.csr_matrix(near), least, X.sum(axis=0), *user, *at, normalize=normalize, **formula
        )
        np.testing.assert_array_equal(sums, 0)
