"""Rows of weighted least squares against normal equations in NumPy, one row at a time."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec.kernels import WeightedRidge
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


def test_some_columns_with_the_eigenbasis_of_all():
    dense, scales, targets, V, ridge = problem([4, 0, 12, 5], 20, 6)
    dense[:, 15:] = False
    rows = rows_of(dense, scales, targets, ridge, 0.5, 6)
    given_columns = torch.from_numpy(V[:15].copy())
    solved = rows.solve(given_columns, torch.linalg.eigh(torch.from_numpy(V.T @ V))).numpy()
    expected = normal_equations(dense, scales, targets, V, ridge, 0.5)
    np.testing.assert_allclose(solved, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("block_size", [1, 4, 6])
def test_blocks_are_those_of_the_kernel(block_size):
    lengths = [0, 2500, 30, 9, 7]  # rows that are as short as a block may be padded to more
    dense, _, _, V, ridge = problem(lengths, 3000, 6)
    strengths = np.random.RandomState(1).uniform(0.5, 3, dense.shape)
    scales = np.sqrt(2 * strengths)
    rows = rows_of(dense, scales, (1 + 2 * strengths) / scales, ridge, 0.2, 6)
    X = sp.csr_matrix(strengths * dense)
    kernel = WeightedRidge((X.indptr, X.indices, X.data), 2.0, ridge, 0.2)
    start = np.random.RandomState(2).normal(size=(len(lengths), 6))
    tensors = torch.from_numpy(V), torch.from_numpy(start)
    ours = rows.solve(tensors[0], start=tensors[1], block_size=block_size).numpy()
    theirs = kernel.solve(V, start=start, block_size=block_size)
    np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)


def test_systems_that_cannot_be_solved():
    dense, scales, targets, V, ridge = problem([30] * 10, 40, 5)
    with pytest.raises(torch.linalg.LinAlgError):
        rows_of(dense, scales, targets, -100 * ridge, 0.1, 5).solve(torch.from_numpy(V))


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
