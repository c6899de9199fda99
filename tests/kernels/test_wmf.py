"""Ridge regressions by the kernel against normal equations in NumPy, exactly and by blocks."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from skrec import kernels
from skrec.kernels import _wmf
from tests.kernels import oracles


def problem(lengths, n_columns, n_factors, seed=0):
    """Return rows of given lengths with strengths, vectors of the columns, and ridges."""
    rng = np.random.RandomState(seed)
    stored = np.array([rng.permutation(n_columns) < n for n in lengths])
    R = stored * rng.uniform(0.5, 3, stored.shape)
    return R, rng.normal(size=(n_columns, n_factors)), rng.uniform(0.1, 2, len(lengths))


def rows_of(R, alpha, ridge, weight, n_jobs=None):
    """Return the same for the kernel."""
    X = sp.csr_matrix(R)
    return kernels.WeightedRidge((X.indptr, X.indices, X.data), alpha, ridge, weight, n_jobs)


problems = given(
    lengths=st.lists(st.integers(0, 25), min_size=1, max_size=12),
    n_factors=st.integers(1, 30),
    block_size=st.integers(1, 12),
    alpha=st.sampled_from([None, 0.5, 4.0]),
    weight=st.sampled_from([0.01, 0.3, 1.0]),
    seed=st.integers(0, 1000),
)


@settings(max_examples=60, deadline=None)
@problems
def test_rows_solve_their_normal_equations(lengths, n_factors, block_size, alpha, weight, seed):
    R, V, ridge = problem(lengths, 25, n_factors, seed)
    rows = rows_of(R, alpha, ridge, weight)
    expected = oracles.ridge_rows(R, alpha, V, ridge, weight)
    solved = rows.solve(V)
    np.testing.assert_allclose(solved, expected, rtol=1e-8, atol=1e-10)
    start = np.random.RandomState(seed).normal(size=solved.shape)
    same = rows.solve(V, start=start, block_size=n_factors)
    np.testing.assert_array_equal(same, solved)
    single = rows.solve(V.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=1e-3, atol=1e-3)


@settings(max_examples=60, deadline=None)
@problems
def test_blocks_are_solved_in_turn(lengths, n_factors, block_size, alpha, weight, seed):
    R, V, ridge = problem(lengths, 25, n_factors, seed)
    start = np.random.RandomState(seed).normal(size=(len(lengths), n_factors))
    solved = rows_of(R, alpha, ridge, weight).solve(V, start=start, block_size=block_size)
    arguments = R, alpha, V, ridge, weight
    expected = oracles.ridge_blocks(*arguments, start, block_size)
    short = (R > 0).sum(axis=1) <= block_size
    expected[short] = oracles.ridge_rows(*arguments)[short]  # which costs no more
    np.testing.assert_allclose(solved, expected, rtol=1e-7, atol=1e-9)
    before, after = (oracles.ridge_objective(*arguments, x) for x in (start, solved))
    assert (after <= before + 1e-9 * np.abs(before)).all()


@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("block_size", [None, 2])
def test_rows_longer_than_a_piece_and_more_of_them_than_a_task(block_size, n_jobs):
    R, V, ridge = problem([2500, 3000, 1, 0] + [7] * 3000, 3000, 5)
    start = np.zeros((len(R), 5))
    rows = rows_of(R, 2.0, ridge, 0.1, n_jobs)
    solved = rows.solve(V, start=start, block_size=block_size)
    assert len(list(_wmf._tasks(rows.entries[0].astype(np.int64)))) > 1
    expected = oracles.ridge_rows(R, 2.0, V, ridge, 0.1)
    if block_size:
        long = slice(0, 2)
        expected[:2] = oracles.ridge_blocks(R[long], 2.0, V, ridge[long], 0.1, start[long], 2)
        by_block = oracles.ridge_blocks(R[4:], 2.0, V, ridge[4:], 0.1, start[4:], 2)
        expected[4:] = by_block
    np.testing.assert_allclose(solved, expected, rtol=1e-8, atol=1e-10)


def test_some_columns_with_the_eigenbasis_of_all():
    R, V, ridge = problem([4, 0, 12, 5], 20, 6)
    R[:, 15:] = 0
    solved = rows_of(R[:, :15], 1.0, ridge, 0.5).solve(V[:15], kernels.eigenbasis(V))
    expected = oracles.ridge_rows(R, 1.0, V, ridge, 0.5)
    np.testing.assert_allclose(solved, expected, rtol=1e-8, atol=1e-10)


@given(n=st.integers(1, 70), seed=st.integers(0, 1000), single=st.booleans())
def test_positive_systems(n, seed, single):
    rng = np.random.RandomState(seed)
    S, b = rng.normal(size=(n, 20)), rng.normal(size=n)
    A = S @ S.T
    expected = np.linalg.solve(np.eye(n) + A, b)
    A[np.tril_indices(n, -1)] = np.nan  # only the other half counts
    dtype, tolerance = (np.float32, 1e-3) if single else (np.float64, 1e-10)
    A, solved = A.astype(dtype), b.astype(dtype)
    _wmf._solve_positive(A, solved)
    np.testing.assert_allclose(solved, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("n", range(1, 10))
@pytest.mark.parametrize("value", [-2.0, np.nan, np.inf])
def test_systems_that_are_not_positive(n, value):
    for k in range(n):
        A = np.zeros((n, n))
        A[k, k] = value
        with pytest.raises(np.linalg.LinAlgError, match="not positive"):
            _wmf._solve_positive(A, np.ones(n))


@pytest.mark.parametrize("length", [3, 30])
def test_systems_that_cannot_be_solved(length):
    R, V, ridge = problem([length] * 10, 40, 5)
    V[:] = np.inf if length > 5 else np.nan
    with pytest.raises(np.linalg.LinAlgError):
        rows_of(R, None, ridge, 0.1).solve(V, kernels.eigenbasis(np.eye(5)))


def test_rows_of_equal_ridges_after_an_empty_one():
    R, V, _ = problem([0, 4, 0, 12, 3, 9], 20, 6)
    ridge = np.repeat([0.5, 2.0], [5, 1])
    solved = rows_of(R, 1.0, ridge, 0.5).solve(V)
    expected = oracles.ridge_rows(R, 1.0, V, ridge, 0.5)
    np.testing.assert_allclose(solved, expected, rtol=1e-8, atol=1e-10)


def test_no_rows():
    assert rows_of(np.zeros((0, 4)), None, np.ones(0), 1.0).solve(np.eye(4)).shape == (0, 4)


def blas_threads():
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


def test_linear_algebra_has_one_core_until_the_last_one_leaves():
    before = blas_threads()
    inside, leave = Event(), Event()

    def other():
        with _wmf._blas_on_one_core:
            inside.set()
            leave.wait(10)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(other)
        assert inside.wait(10)
        with _wmf._blas_on_one_core:
            assert set(blas_threads()) == {1}
        assert set(blas_threads()) == {1}
        leave.set()
        done.result()
    assert blas_threads() == before
