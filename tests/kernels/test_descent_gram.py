"""The elastic net against scikit-learn's, and the conditions of Karush, Kuhn and Tucker."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec import kernels
from tests.kernels import oracles


def popular(n_users, n_items, seed):
    """Return interactions in which popular items are far from rare ones."""
    rng = np.random.RandomState(seed)
    X = (rng.uniform(size=(n_users, n_items)) < np.linspace(0.05, 0.9, n_items)).astype(float)
    X[0] = 1
    return X


def solved(X, item, l1, l2, tol=1e-8, max_iter=100_000, counted=False, dtype=np.float64):
    """Return the kernel's weights of all columns, and whether it converged."""
    gram = (X.T @ X).astype(dtype)
    others = np.flatnonzero(gram[item] > l1).astype(np.int32)
    others = others[others != item]
    columns = kernels.index_arrays(sp.csr_matrix(X.T))
    sums = np.zeros(len(X) if counted else 0)
    source = np.empty((0, 0), dtype=dtype) if counted else gram
    part, converged = kernels.elastic_net(
        source, columns, sums, item, others, l1, l2, tol, max_iter
    )
    assert part.dtype == np.float64
    assert not sums.any()
    weights = np.zeros(X.shape[1])
    weights[others] = part
    return weights, converged


def reference(X, item, l1, l2, tol=1e-8, max_iter=100_000):
    """Return scikit-learn's weights of all columns."""
    others = np.delete(np.arange(X.shape[1]), item)
    gram = X.T @ X
    weights = np.zeros(X.shape[1])
    weights[others] = oracles.elastic_net(
        gram[np.ix_(others, others)], gram[item, others], gram[item, item], l1, l2, tol, max_iter
    )
    return weights


def objective(X, item, weights, l1, l2):
    """Return the objective of an item's weights."""
    gram = X.T @ X
    return oracles.objective(weights, gram, gram[item], gram[item, item], l1, l2)


problems = given(
    seed=st.integers(0, 2**16),
    n_users=st.integers(1, 60),  # at least a third of the items: equal columns take many passes
    n_items=st.sampled_from([2, 5, 20, 90, 200]),  # above 64 the working set grows
    l1=st.floats(0.05, 5.0),
    l2=st.floats(0.05, 50.0),
    counted=st.booleans(),
)


@settings(deadline=None, max_examples=60)
@problems
def test_weights_are_those_of_scikit_learn(seed, n_users, n_items, l1, l2, counted):
    X = popular(max(n_users, n_items // 3), n_items, seed)
    item = seed % n_items
    weights, converged = solved(X, item, l1, l2, 1e-12, counted=counted)
    expected = reference(X, item, l1, l2, 1e-12)
    assert converged
    np.testing.assert_allclose(weights, expected, atol=2e-5)
    # conditions of optimality, without the reference
    slope = X.T @ (X[:, item] - X @ weights) - l2 * weights - l1
    slope[item] = -1
    assert (weights >= 0).all()
    assert weights[item] == 0
    assert abs(slope[weights > 0]).max(initial=0) <= 1e-6 * len(X)
    assert slope.max() <= 1e-6 * len(X)


@settings(deadline=None, max_examples=60)
@problems
def test_the_objective_is_as_low_as_scikit_learns(seed, n_users, n_items, l1, l2, counted):
    X = popular(max(n_users, n_items // 3), n_items, seed)
    item = seed % n_items
    dtype = np.float64 if counted else np.float32
    weights, converged = solved(X, item, l1, l2, 1e-4, counted=counted, dtype=dtype)
    ours = objective(X, item, weights, l1, l2)
    best = objective(X, item, reference(X, item, l1, l2, 1e-12), l1, l2)
    assert converged
    assert ours <= best + 1e-4 * X[:, item].sum()  # the gap


@pytest.mark.parametrize("counted", [False, True])
def test_the_excess_is_far_below_the_gap(counted):
    X = popular(300, 150, 0)
    for item in range(0, 150, 7):
        weights, _ = solved(X, item, 1.0, 20.0, 1e-4, counted=counted)
        theirs = reference(X, item, 1.0, 20.0, 1e-4)
        excess = objective(X, item, weights, 1.0, 20.0) - objective(X, item, theirs, 1.0, 20.0)
        assert excess <= 6e-7 * X[:, item].sum()


@pytest.mark.parametrize("counted", [False, True])
def test_too_few_passes_are_told(counted):
    X = popular(60, 12, 0)
    weights, converged = solved(X, 7, 0.5, 2.0, max_iter=1, counted=counted)
    assert not converged
    assert weights.any()
    assert solved(X, 7, 0.5, 2.0, counted=counted)[1]


@pytest.mark.parametrize("counted", [False, True])
def test_nothing_to_weigh_is_done_at_once(counted):
    X = popular(20, 6, 0)
    for l1, tol in ((1e300, 1e-4), (0.5, 1e30)):
        weights, converged = solved(X, 3, l1, 1.0, tol, max_iter=0, counted=counted)
        assert converged
        assert not weights.any()


def test_a_gram_matrix_may_be_read_only():
    X = popular(30, 8, 0)
    expected, _ = solved(X, 3, 0.5, 1.0)
    gram = X.T @ X
    gram.setflags(write=False)
    others = np.delete(np.arange(8, dtype=np.int32), 3)
    columns = kernels.index_arrays(sp.csr_matrix(X.T))
    weights, _ = kernels.elastic_net(gram, columns, np.empty(0), 3, others, 0.5, 1.0, 1e-8, 100_000)
    np.testing.assert_allclose(weights, np.delete(expected, 3), atol=1e-9)
