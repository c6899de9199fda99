"""The best columns and the sums of rows, against NumPy and scipy."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skrec import kernels, utils
from skrec.kernels import _topk

QUICK = settings(deadline=None, max_examples=60)
# few different values, so that most rows have ties; -0.0 equals 0.0
VALUES = st.sampled_from([-np.inf, -2.5, -1.0, -0.0, 0.0, 1.0, 3.0, 1e30])


@st.composite
def score_matrices(draw):
    shape = draw(st.tuples(st.integers(0, 4), st.integers(0, 150)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    return draw(hnp.arrays(dtype, shape, elements=VALUES.map(lambda v: dtype(v).item())))


def assert_as_in_numpy(scores, k):
    indices, values = kernels.top_k(scores, k)
    expected_indices, expected_values = utils.top_k(scores, k)
    np.testing.assert_array_equal(indices, expected_indices)
    np.testing.assert_array_equal(values, expected_values)
    assert indices.dtype == np.int64
    assert values.dtype == scores.dtype


@QUICK
@given(score_matrices(), st.integers(0, 160))
def test_top_k_is_that_of_numpy(scores, k):
    assert_as_in_numpy(scores, k)


@pytest.mark.parametrize("n_columns", [1, 63, 64, 65, 1000])
@pytest.mark.parametrize("k", [1, 7, 64, 1000])
def test_orders_of_columns(n_columns, k):
    falling = -np.arange(n_columns, dtype=np.float32)
    rng = np.random.RandomState(0)
    rows = [falling, -falling, np.zeros(n_columns), rng.randint(0, 20, n_columns)]
    rows += [rng.randn(n_columns), np.where(rng.rand(n_columns) < 0.9, -np.inf, falling)]
    assert_as_in_numpy(np.array(rows, dtype=np.float32), k)


def test_top_k_of_what_is_not_contiguous():
    scores = np.random.RandomState(0).randn(90, 30).astype(np.float32)
    assert_as_in_numpy(scores.T, 5)
    assert_as_in_numpy(scores[:, ::3], 5)


@st.composite
def histories_and_weights(draw):
    n_items, n_columns = draw(st.integers(1, 12)), draw(st.integers(0, 9))
    rng = np.random.RandomState(draw(st.integers(0, 1000)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    history = sp.random(draw(st.integers(0, 5)), n_items, 0.6, "csr", np.float32, rng)
    weights = sp.random(n_items, n_columns, 0.5, "csr", dtype, rng)
    return history, weights


@QUICK
@given(histories_and_weights())
def test_sums_are_scipys_product_to_the_last_bit(case):
    history, weights = case
    sums = kernels.sum_rows(history, weights)
    np.testing.assert_array_equal(sums, (history @ weights).toarray())
    assert sums.dtype == weights.dtype
    dense = weights.toarray()
    np.testing.assert_array_equal(kernels.sum_rows(history, dense), history @ dense)
    for i in range(history.shape[0]):
        np.testing.assert_array_equal(kernels.sum_rows(history[i], weights)[0], sums[i])


def test_python_sums_and_ranks_alike():
    rng = np.random.RandomState(0)
    history = sp.random(3, 8, 0.7, "csr", np.float32, rng)
    weights = sp.random(8, 130, 0.5, "csr", np.float32, rng)
    arrays = (history.data, history.indices, history.indptr)
    sums = kernels.sum_rows(history, weights)
    for kernel, given_weights in (
        (_topk._sum_dense, (weights.toarray(),)),
        (_topk._sum_sparse, (weights.data, weights.indices, weights.indptr)),
    ):
        out = np.zeros_like(sums)
        getattr(kernel, "py_func", kernel)(*arrays, *given_weights, out)
        np.testing.assert_array_equal(out, sums)
    indices, values = np.empty((3, 5), np.int64), np.empty((3, 5), np.float32)
    getattr(_topk._top_k, "py_func", _topk._top_k)(sums, indices, values)
    np.testing.assert_array_equal(indices, utils.top_k(sums, 5)[0])
    np.testing.assert_array_equal(values, utils.top_k(sums, 5)[1])


@pytest.mark.parametrize("column", [0, 70, 149])
def test_nan_is_an_error_wherever_it_is(column):
    for scores in (np.zeros((3, 150)), -np.arange(450.0).reshape(3, 150)):
        scores[1, column] = np.nan
        with pytest.raises(ValueError, match="scores must be numbers; got NaN"):
            kernels.top_k(scores, 3)
