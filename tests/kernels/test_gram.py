"""Gram matrices against products of dense arrays."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec import kernels
from skrec.kernels import _gram


def matrix(seed, n_rows, n_columns, density, binary, dtype=np.float32):
    """Return a CSR matrix of ones or of few other values."""
    rng = np.random.RandomState(seed)
    values = rng.choice([1.0] if binary else [0.5, 1.0, 3.0], size=(n_rows, n_columns))
    return sp.csr_matrix((values * (rng.uniform(size=values.shape) < density)).astype(dtype))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**16),
    n_rows=st.integers(0, 30),
    n_columns=st.sampled_from([1, 2, 31, 32, 33, 70, 300]),
    density=st.sampled_from([0.0, 0.1, 1.0]),
    binary=st.booleans(),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_products_are_those_of_dense_arrays(seed, n_rows, n_columns, density, binary, dtype):
    X = matrix(seed, n_rows, n_columns, density, binary)
    gram = kernels.dense_gram(X, dtype)
    assert gram.dtype == dtype
    D = X.toarray().astype(np.float64)
    np.testing.assert_array_equal(gram, D.T @ D)  # all sums are exact


def test_columns_in_any_order():
    X = matrix(0, 20, 15, 0.4, binary=False)
    shuffled = X.copy()
    for start, stop in zip(X.indptr[:-1], X.indptr[1:]):
        shuffled.indices[start:stop] = X.indices[start:stop][::-1]
        shuffled.data[start:stop] = X.data[start:stop][::-1]
    shuffled.has_sorted_indices = False
    before = shuffled.indices.copy()
    np.testing.assert_array_equal(kernels.dense_gram(shuffled), kernels.dense_gram(X))
    np.testing.assert_array_equal(shuffled.indices, before)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_threads_change_nothing(n_jobs, monkeypatch):
    X = matrix(1, 60, 50, 0.3, binary=True)
    expected = kernels.dense_gram(X)
    monkeypatch.setattr(_gram, "_COLUMNS", 7)
    np.testing.assert_array_equal(kernels.dense_gram(X, n_jobs=n_jobs), expected)


def test_blocks_of_rows_change_no_bit(monkeypatch):
    X = matrix(2, 60, 50, 0.3, binary=False)
    X.data[:] = np.random.RandomState(0).standard_normal(X.nnz)
    expected = kernels.dense_gram(X)
    monkeypatch.setattr(_gram, "_ENTRIES", 20)
    np.testing.assert_array_equal(kernels.dense_gram(X), expected)


def test_counts_beyond_those_of_float32_are_exact():
    n = 2**24 + 3
    gram = kernels.dense_gram(sp.csr_matrix(np.ones((n, 1), dtype=np.float32)))
    assert gram.tolist() == [[n]]


@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 100])
def test_what_is_above_the_diagonal_is_mirrored(n):
    matrix = np.random.RandomState(0).normal(size=(n, n))
    expected = np.triu(matrix) + np.triu(matrix, 1).T
    kernels.mirror(matrix)
    np.testing.assert_array_equal(matrix, expected)
