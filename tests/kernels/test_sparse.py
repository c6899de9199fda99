"""Nearest rows against scipy's product and a sort."""

import warnings
from itertools import pairwise

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec import kernels
from skrec.kernels import _sparse
from tests.kernels import oracles


def matrix(rng, n_rows, n_columns, density, binary, dtype=np.float32):
    """Return a CSR matrix with few distinct values, so that many sums are equal."""
    D = rng.uniform(size=(n_rows, n_columns)) < density
    values = np.ones(D.shape) if binary else rng.choice([0.1, 0.7, 1.0, 3.3], size=D.shape)
    return sp.csr_matrix((D * values).astype(dtype))


def problem(seed=0, n_a=20, n_features=15, n_b=30, density=0.3, binary=False, dtype=np.float32):
    """Return the arguments that all calls need."""
    rng = np.random.RandomState(seed)
    A = matrix(rng, n_a, n_features, density, binary, dtype)
    B = matrix(rng, n_features, n_b, density, binary, dtype)
    factors = [1.0, 2.0, 3.7]
    return A, B, rng.choice(factors, size=n_a), rng.choice(factors, size=n_b)


def assert_same(found, expected):
    """Check that two CSR matrices store the same, bit for bit."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 2**16),
    n_a=st.integers(1, 12),
    n_features=st.integers(1, 12),
    n_b=st.sampled_from([1, 7, 30, 300, 2000]),  # wide: columns are collected, not scanned
    density=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    binary=st.booleans(),
    dtype=st.sampled_from([np.float32, np.float64]),
    shrinkage=st.sampled_from([0.0, 2.5]),
    k=st.sampled_from([1, 2, 5, 40, 10**30]),
    least=st.sampled_from([0.0, 1.0]),
    alone=st.booleans(),
)
def test_rows_are_those_of_the_sort(
    seed, n_a, n_features, n_b, density, binary, dtype, shrinkage, k, least, alone
):
    A, B, own, other = problem(seed, n_a, n_features, n_b, density, binary, dtype)
    itself = np.arange(n_a) % n_b if alone else np.full(n_a, -1)
    found = kernels.nearest_rows(
        A, B, own, other, shrinkage, k=k, least=least, itself=itself if alone else None
    )
    expected = oracles.nearest_rows(A, B, own, other, shrinkage, k, least, itself)
    assert_same(found, expected)


def test_both_ways_to_sum_find_the_same():
    sums, columns = np.zeros(2000, np.float32), np.empty(2000, np.int32)
    A, B, *_ = problem(n_b=2000, density=0.2)
    i = int(np.diff(A.indptr).argmax())
    a, b = ((X.data, *kernels.index_arrays(X)) for X in (A, B))
    scanned = columns[: _sparse._scan(a, b, i, sums, columns)].copy()
    totals = sums.copy()
    sums[:] = 0
    collected = columns[: _sparse._collect(a, b, i, sums, columns)]
    np.testing.assert_array_equal(np.sort(collected), scanned)
    np.testing.assert_array_equal(sums, totals)
    assert (collected != scanned).any()


def test_products_that_are_rounded_to_nothing_are_no_entries():
    tiny = np.float32(1e-30)
    A = sp.csr_matrix(np.array([[tiny, tiny, 1]], dtype=np.float32))
    B = sp.csr_matrix((np.array([tiny, tiny, 1], dtype=np.float32), ([0, 1, 2], [9, 9, 9])))
    B.resize(3, 100)
    found = kernels.nearest_rows(A, B, np.ones(1), np.ones(100), k=3)
    assert found.indices.tolist() == [9]
    B.data[2] = 0
    assert kernels.nearest_rows(A, B, np.ones(1), np.ones(100), k=3).nnz == 0


def test_sums_that_are_no_numbers_do_no_harm():
    A, B, own, other = problem(density=0.8)
    B.data[::3] = np.nan
    found = kernels.nearest_rows(A, B, own, other, k=4)
    assert (np.diff(found.indptr) <= 4).all()
    assert found.indices.max(initial=0) < B.shape[1]


def test_what_is_given_is_left_alone_and_may_be_read_only():
    A, B, own, other = problem()
    expected = kernels.nearest_rows(A, B, own, other, k=4)
    for array in (A.data, A.indices, A.indptr, B.data, B.indices, B.indptr, own, other):
        array.setflags(write=False)
    assert_same(kernels.nearest_rows(A, B, own, other, k=4), expected)


def test_wide_indices_of_scipy_are_the_same():
    A, B, own, other = problem()
    expected = kernels.nearest_rows(A, B, own, other, k=4)
    for X in (A, B):
        X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    assert_same(kernels.nearest_rows(A, B, own, other, k=4), expected)


def test_no_rows_are_no_similarities():
    A, B, own, other = problem()
    found = kernels.nearest_rows(A[:0], B, own[:0], other, k=4)
    assert found.shape == (0, 30)
    assert found.nnz == 0


@pytest.mark.parametrize("n_jobs", [None, 2, 10**30])
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_blocks_and_threads_change_nothing(n_jobs, backend, monkeypatch):
    A, B, own, other = problem()
    expected = kernels.nearest_rows(A, B, own, other, 1.0, k=4, itself=np.arange(20))
    monkeypatch.setattr(_sparse, "_PRODUCTS", 150)
    with joblib.parallel_config(backend, n_jobs=2), warnings.catch_warnings():
        found = kernels.nearest_rows(
            A, B, own, other, 1.0, k=4, itself=np.arange(20), n_jobs=n_jobs
        )
    assert_same(found, expected)


def test_blocks_are_of_bounded_work_and_memory():
    assert list(kernels.similarity_blocks(np.ones(100_000), 100)) == [slice(0, 100_000)]
    for n_products, k, most in ((10**6, 1, 16), (10**5, 10**5, 41)):
        blocks = list(kernels.similarity_blocks(np.full(1000, n_products), k))
        assert blocks[0].start == 0
        assert blocks[-1].stop == 1000
        assert all(a.stop == b.start for a, b in pairwise(blocks))
        assert max(b.stop - b.start for b in blocks) == most
    huge = [slice(i, i + 1) for i in range(3)]
    assert list(kernels.similarity_blocks(np.full(3, 10**12), 100)) == huge


def test_where_no_memory_is_allowed_a_block_is_a_row():
    with sklearn.config_context(working_memory=0):
        assert len(list(kernels.similarity_blocks(np.full(5, 10), 100))) == 5
