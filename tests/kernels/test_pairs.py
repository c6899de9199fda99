"""Steps of stochastic descent against NumPy, and draws of what users lack."""

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from skrec import kernels


def positives(dense, weights=()):
    X = sp.csr_matrix(np.asarray(dense, dtype=np.float32))
    indptr, indices = X.indptr.astype(np.int64), X.indices.astype(np.int32)
    users = np.repeat(np.arange(len(indptr) - 1, dtype=np.int32), np.diff(indptr))
    marks = kernels.mark_items(indptr, indices)
    cumulative = np.cumsum(np.asarray(weights, dtype=np.float64))
    return kernels.Positives(indptr, indices, users, marks, cumulative)


def state(seed=1):
    return np.array([seed], dtype=np.uint64)


# what NumPy makes of it, in float64


def numpy_pairs(X, lacking, order, tables, n_negatives, rates, l2):
    """Take the steps of pointwise descent where each user lacks one item."""
    p, q, level = (np.array(table, dtype=np.float64) for table in tables)
    bias, size, cost = len(level), p.shape[1] - len(level), 0.0
    users, items = X.nonzero()
    for place, entry in enumerate(order):
        rate = rates[0] + (rates[1] - rates[0]) * place / len(order)
        u = users[entry]
        for i, y in [(items[entry], 1.0)] + [(lacking[u], 0.0)] * n_negatives:
            f = p[u, :size] @ q[i, :size]
            if bias:
                f += p[u, size] + q[i, size] + level[0]
            cost += np.logaddexp(0, -f if y else f)
            slope = expit(f) - y
            a, b = p[u].copy(), q[i].copy()
            p[u, :size] -= rate * (slope * b[:size] + 2 * l2 * a[:size])
            q[i, :size] -= rate * (slope * a[:size] + 2 * l2 * b[:size])
            if bias:
                p[u, size] -= rate * (slope + 2 * l2 * a[size])
                q[i, size] -= rate * (slope + 2 * l2 * b[size])
                level[0] -= rate * slope
    return (p, q, level), cost


def numpy_triplets(X, lacking, order, tables, n_negatives, rates, l2):
    """Take the steps of BPR where each user lacks one item."""
    p, q = (np.array(table, dtype=np.float64) for table in tables)
    size, cost = p.shape[1], 0.0
    bias = q.shape[1] > size
    users, items = X.nonzero()
    for place, entry in enumerate(order):
        rate = rates[0] + (rates[1] - rates[0]) * place / len(order)
        u, i = users[entry], items[entry]
        j = lacking[u]
        for _ in range(n_negatives):
            a, b, c = p[u].copy(), q[i].copy(), q[j].copy()
            f = a @ (b - c)[:size] + (b[size] - c[size] if bias else 0)
            cost += np.logaddexp(0, -f)
            miss = expit(-f)
            p[u] += rate * (miss * (b - c)[:size] - 2 * l2 * a)
            q[i, :size] += rate * (miss * a - 2 * l2 * b[:size])
            q[j, :size] -= rate * (miss * a + 2 * l2 * c[:size])
            if bias:
                q[i, size] += rate * (miss - 2 * l2 * b[size])
                q[j, size] -= rate * (miss + 2 * l2 * c[size])
    return (p, q), cost


def all_but_one(n_users, n_items, rng):
    """Return a matrix whose users lack one item each: negatives are no matter of chance."""
    lacking = rng.randint(n_items, size=n_users)
    dense = np.ones((n_users, n_items), dtype=np.float32)
    dense[np.arange(n_users), lacking] = 0
    return sp.csr_matrix(dense), lacking


CASES = {
    "n_users": st.integers(1, 5),
    "n_items": st.integers(2, 7),
    "size": st.integers(1, 40),
    "bias": st.booleans(),
    "n_negatives": st.integers(1, 4),
    "l2": st.sampled_from([0.0, 0.01, 0.3]),
    "weighted": st.booleans(),
    "seed": st.integers(0, 100),
}


def assert_steps(kernel, oracle, X, lacking, tables, *, n_negatives, l2, weighted, seed):
    order = np.random.RandomState(seed).permutation(X.nnz).astype(np.int32)
    options = n_negatives, (0.3, 0.1), l2
    expected, cost = oracle(X, lacking, order, tables, *options)
    weights = np.arange(1, X.shape[1] + 1) if weighted else ()
    rows = positives(X.toarray(), weights)
    found = kernel(rows, order, tables, *options, state(seed + 1))
    assert found == pytest.approx(cost, rel=1e-4)
    for table, wanted in zip(tables, expected, strict=True):
        np.testing.assert_allclose(table, wanted, rtol=1e-3, atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(**CASES)
def test_pairs_take_the_steps_of_the_formula(n_users, n_items, size, bias, seed, **options):
    rng = np.random.RandomState(seed)
    X, lacking = all_but_one(n_users, n_items, rng)
    shapes = (n_users, size + bias), (n_items, size + bias), (int(bias),)
    tables = tuple(rng.normal(0, 0.5, shape).astype(np.float32) for shape in shapes)
    assert_steps(kernels.descend_pairs, numpy_pairs, X, lacking, tables, seed=seed, **options)


@settings(max_examples=60, deadline=None)
@given(**CASES)
def test_triplets_take_the_steps_of_the_formula(n_users, n_items, size, bias, seed, **options):
    rng = np.random.RandomState(seed)
    X, lacking = all_but_one(n_users, n_items, rng)
    shapes = (n_users, size), (n_items, size + bias)
    tables = tuple(rng.normal(0, 0.5, shape).astype(np.float32) for shape in shapes)
    assert_steps(kernels.descend_triplets, numpy_triplets, X, lacking, tables, seed=seed, **options)


def test_many_negatives_and_large_scores_cost_what_they_should():
    X, lacking = all_but_one(1, 2, np.random.RandomState(0))
    tables: list[np.ndarray] = [np.full((n, 1), 30, dtype=np.float32) for n in (1, 2)]
    tables.append(np.zeros(0, dtype=np.float32))
    options = 2000, (0.0, 0.0), 0.0
    _, cost = numpy_pairs(X, lacking, [0], tables, *options)
    found = kernels.descend_pairs(
        positives(X.toarray()), np.array([0]), tuple(tables), *options, state()
    )
    assert found == pytest.approx(cost, rel=1e-6)
    small = tuple(np.zeros_like(table) for table in tables)  # ln 2 a pair: 2^2001 is no float
    found = kernels.descend_pairs(positives(X.toarray()), np.array([0]), small, *options, state())
    assert found == pytest.approx(2001 * np.log(2), rel=1e-6)


# draws


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 6), st.integers(2, 300), st.floats(0, 0.98), st.booleans(), st.integers(0, 99)
)
def test_what_is_drawn_is_lacked(n_users, n_items, density, weighted, seed):
    rng = np.random.RandomState(seed)
    dense = rng.uniform(size=(n_users, n_items)) < density
    dense[np.arange(n_users), rng.randint(n_items, size=n_users)] = False
    rows = positives(dense, rng.uniform(size=n_items) ** 4 if weighted else ())
    drawn = kernels.draw_lacking(rows, np.arange(n_users), 50, n_items, state(seed + 1))
    assert drawn.shape == (n_users, 50)
    assert not dense[np.arange(n_users)[:, None], drawn].any()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_lacking", [3, 40, 300])
def test_each_item_that_is_lacked_has_its_share(n_lacking, weighted):
    rng = np.random.RandomState(0)
    dense = np.ones((1, 300), dtype=bool)
    dense[0, rng.permutation(300)[:n_lacking]] = False
    weights = np.arange(300) % 7 + 0.5 if weighted else np.ones(300)
    rows = positives(dense, weights if weighted else ())
    drawn = kernels.draw_lacking(rows, np.array([0]), 60_000, 300, state())
    share = np.where(dense[0], 0, weights)
    expected = 60_000 * share / share.sum()
    counts = np.bincount(drawn[0], minlength=300)
    assert (np.abs(counts - expected) <= 5 * np.sqrt(expected) + 1e-9).all()


def test_a_row_whose_lacking_items_have_no_weight_is_drawn_from_evenly():
    rows = positives([[1, 1, 0, 0]], [1.0, 1.0, 0.0, 0.0])
    drawn = kernels.draw_lacking(rows, np.array([0]), 2000, 4, state())
    assert np.bincount(drawn[0], minlength=4)[2:].min() > 900


@given(st.integers(0, 60), st.integers(1, 2**63))
def test_a_shuffle_is_a_permutation(n, seed):
    order = np.arange(n, dtype=np.int32)
    kernels.shuffle(order, state(seed))
    assert sorted(order) == list(range(n))


def test_all_orders_are_as_likely():
    source, orders = state(), []
    for _ in range(12_000):
        order = np.arange(4, dtype=np.int32)
        kernels.shuffle(order, source)
        orders.append(order @ [64, 16, 4, 1])
    counts = np.unique(orders, return_counts=True)[1]
    assert len(counts) == 24
    assert np.abs(counts - 500).max() < 5 * np.sqrt(500)


# without the compiler


SCRIPT = """
import numpy as np
from skrec import kernels
indptr, indices = np.array([0, 2, 3, 3]), np.array([0, 2, 1], dtype=np.int32)
users, marks = np.array([0, 0, 1], dtype=np.int32), kernels.mark_items(indptr, indices)
for weights in ([], [1.0, 2.0, 4.0, 8.0]):
    rows = kernels.Positives(indptr, indices, users, marks, np.array(weights))
    state = np.array([7], dtype=np.uint64)
    order = np.arange(3, dtype=np.int32)
    kernels.shuffle(order, state)
    rng = np.random.RandomState(0)
    p, q = (rng.normal(size=(n, 3)).astype(np.float32) for n in (3, 4))
    level = np.zeros(1, dtype=np.float32)
    cost = kernels.descend_pairs(rows, order, (p, q, level), 3, (0.2, 0.1), 0.01, state)
    cost += kernels.descend_triplets(rows, order, (p[:, :2].copy(), q), 3, (0.2, 0.1), 0.01, state)
    drawn = kernels.draw_lacking(rows, np.array([0, 1, 2]), 5, 4, state)
    print([round(float(x), 3) for x in (cost, p.sum(), q.sum(), level[0])], drawn.tolist())
"""


def test_the_plain_functions_do_the_same():
    outcomes = [
        subprocess.run(
            [sys.executable, "-W", "error::RuntimeWarning", "-c", SCRIPT],
            env={**os.environ, "NUMBA_DISABLE_JIT": disabled},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for disabled in "01"
    ]
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0].splitlines()) == 2
