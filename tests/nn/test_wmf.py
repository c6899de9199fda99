"""Rows of weighted least squares against normal equations in NumPy, one row at a time."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import skrec.nn.wmf
from skrec.nn import WeightedRows


def normal_equations(dense, scales, targets, V, ridge, weight):
    """Solve each row of a matrix, dense where an entry is stored, by its normal equations."""
    solved = np.zeros((len(dense), V.shape[1]))
    for u, stored in enumerate(dense):
        own = V[stored] * scales[u, stored, None]
        A = own.T @ own + weight * V.T @ V + ridge[u] * np.eye(V.shape[1])
        solved[u] = np.linalg.solve(A, own.T @ targets[u, stored])
    return solved


def problem(lengths, n_columns, n_factors, seed=0):
    """Return rows of given lengths, and the vectors of the columns, in float64."""
    rng = np.random.RandomState(seed)
    dense = np.array([rng.permutation(n_columns) < n for n in lengths])
    scales, targets = rng.uniform(0.5, 3, (2, *dense.shape))
    ridge = rng.uniform(0.1, 2, len(lengths))
    return dense, scales, targets, rng.normal(size=(n_columns, n_factors)), ridge


def rows_of(dense, scales, targets, ridge, weight, n_factors, dtype=torch.float64):
    """Return the same as WeightedRows."""
    indptr = np.append(0, dense.sum(axis=1).cumsum())
    pattern = torch.from_numpy(indptr), torch.from_numpy(dense.nonzero()[1])
    numbers = [torch.tensor(a, dtype=dtype) for a in (scales[dense], targets[dense], ridge)]
    return WeightedRows(*pattern, *numbers, weight, n_factors)


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 25), min_size=1, max_size=12),
    n_factors=st.integers(1, 30),
    weight=st.sampled_from([0.01, 0.3, 1.0]),
    seed=st.integers(0, 1000),
)
def test_rows_solve_their_normal_equations(lengths, n_factors, weight, seed):
    dense, scales, targets, V, ridge = problem(lengths, 25, n_factors, seed)
    rows = rows_of(dense, scales, targets, ridge, weight, n_factors)
    solved = rows.solve(torch.from_numpy(V)).numpy()
    expected = normal_equations(dense, scales, targets, V, ridge, weight)
    np.testing.assert_allclose(solved, expected, rtol=1e-8, atol=1e-10)


KINDS = {"short": 3, "as-long-as-factors": 8, "long": 40, "all": 60, "empty": 0}


@pytest.mark.parametrize("length", KINDS.values(), ids=KINDS)
def test_single_precision(length):
    dense, scales, targets, V, ridge = problem([length] * 5, 60, 8)
    rows = rows_of(dense, scales, targets, ridge, 0.1, 8, torch.float32)
    solved = rows.solve(torch.tensor(V, dtype=torch.float32)).numpy()
    expected = normal_equations(dense, scales, targets, V, ridge, 0.1)
    np.testing.assert_allclose(solved, expected, rtol=1e-4, atol=1e-5)
    assert length or not solved.any()


def test_rows_longer_than_a_piece_and_more_of_them_than_a_group():
    lengths = [2500, 3000, 1, 0] + [7] * 3000
    dense, scales, targets, V, ridge = problem(lengths, 3000, 5)
    rows = rows_of(dense, scales, targets, ridge, 0.1, 5)
    solved = rows.solve(torch.from_numpy(V)).numpy()
    expected = normal_equations(dense, scales, targets, V, ridge, 0.1)
    np.testing.assert_allclose(solved, expected, rtol=1e-8, atol=1e-10)


def test_some_columns_with_the_gram_matrix_of_all():
    dense, scales, targets, V, ridge = problem([4, 0, 12, 5], 20, 6)
    dense[:, 15:] = False
    rows = rows_of(dense, scales, targets, ridge, 0.5, 6)
    given_columns = torch.from_numpy(V[:15].copy())
    solved = rows.solve(given_columns, gram=torch.from_numpy(V.T @ V)).numpy()
    expected = normal_equations(dense, scales, targets, V, ridge, 0.5)
    np.testing.assert_allclose(solved, expected, rtol=1e-8, atol=1e-10)


def test_conjugate_gradients_reach_the_solution_and_go_on_from_a_start():
    dense, scales, targets, V, ridge = problem([4, 0, 30, 9], 40, 6)
    rows = rows_of(dense, scales, targets, ridge, 0.2, 6)
    V, zero = torch.from_numpy(V), torch.zeros(4, 6, dtype=torch.float64)
    exact = rows.solve(V).numpy()
    done = rows.solve(V, start=zero, n_steps=8).numpy()
    np.testing.assert_allclose(done, exact, rtol=1e-6, atol=1e-9)
    rough = rows.solve(V, start=zero, n_steps=2)
    errors = [np.abs(x.numpy() - exact).max() for x in (zero, rough)]
    better = rows.solve(V, start=rough, n_steps=2).numpy()
    assert np.abs(better - exact).max() < errors[1] < errors[0]
    at_home = rows.solve(V, start=torch.from_numpy(exact), n_steps=3).numpy()
    np.testing.assert_allclose(at_home, exact, rtol=1e-6, atol=1e-9)


@pytest.fixture(params=[1, 3])
def n_threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_groups_are_solved_alike_in_several_threads(n_threads):
    lengths = [30] * 10 + [7] * 9000 + [2] * 9000
    dense, scales, targets, V, ridge = problem(lengths, 40, 5)
    rows = rows_of(dense, scales, targets, ridge, 0.1, 5)
    solved = rows.solve(torch.from_numpy(V)).numpy()
    expected = normal_equations(dense, scales, targets, V, ridge, 0.1)
    np.testing.assert_allclose(solved, expected, rtol=1e-8, atol=1e-10)
    assert torch.get_num_threads() == n_threads
    with pytest.raises(torch.linalg.LinAlgError):
        rows_of(dense, scales, targets, -100 * ridge, 0.1, 5).solve(torch.from_numpy(V))
    assert torch.get_num_threads() == n_threads


@pytest.mark.gpu
def test_cuda_solves_alike():
    dense, scales, targets, V, ridge = problem([4, 0, 30, 9] * 20, 40, 6)
    args = [torch.tensor(a, device="cuda") for a in (scales[dense], targets[dense], ridge)]
    indptr = torch.tensor(np.append(0, dense.sum(axis=1).cumsum()), device="cuda")
    columns = torch.tensor(dense.nonzero()[1], device="cuda")
    rows = WeightedRows(indptr, columns, *args, 0.2, 6)
    solved = rows.solve(torch.tensor(V, device="cuda")).cpu().numpy()
    expected = normal_equations(dense, scales, targets, V, ridge, 0.2)
    np.testing.assert_allclose(solved, expected, rtol=1e-8, atol=1e-10)


def test_new_threads_have_all_cores_while_groups_are_solved(n_threads, monkeypatch):
    right = skrec.nn.wmf.solve_group

    def threads_of_a_new_one():
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(torch.get_num_threads).result()

    def solve(*args):
        end = time.monotonic() + 5  # all workers have started a moment later
        while threads_of_a_new_one() != n_threads:
            assert time.monotonic() < end
        seen.append(torch.get_num_threads())
        return right(*args)

    seen = []
    monkeypatch.setattr(skrec.nn.wmf, "solve_group", solve)
    dense, scales, targets, V, ridge = problem([30] * 10 + [7] * 9000 + [2] * 9000, 40, 5)
    rows_of(dense, scales, targets, ridge, 0.1, 5).solve(torch.from_numpy(V))
    assert set(seen) == {1}
