"""Draws of rows and of weights against their conditional distributions in NumPy."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec import kernels
from skrec.kernels import _gibbs


def problem(lengths, n_columns, size, seed):
    """Return ratings with rows of given lengths, vectors, centres and precisions."""
    rng = np.random.default_rng(seed)
    stored = np.array([rng.permutation(n_columns) < n for n in lengths])
    row, column = np.nonzero(stored)
    X = sp.csr_matrix((rng.normal(3, 1, len(row)), (row, column)), shape=stored.shape)
    X.data[::3] = 0  # a stored zero is a rating
    centres = rng.normal(size=(len(lengths), size))
    return X, rng.normal(size=(n_columns, size)), centres, rng.uniform(0.1, 3, size)


def entries(X):
    return X.indptr, X.indices, X.data


def conditional(X, row, vectors, centre, precision, noise):
    """Return mean and covariance of a row by the formula, a rating at a time."""
    A, g = np.diag(precision), precision * centre
    for p in range(X.indptr[row], X.indptr[row + 1]):
        *q, c = vectors[X.indices[p]]
        v = np.array([*q, 1.0])
        A = A + noise * np.outer(v, v)
        g = g + noise * (X.data[p] - c) * v
    return np.linalg.solve(A, g), np.linalg.inv(A)


problems = given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=8),
    size=st.integers(1, 12),
    noise=st.sampled_from([0.2, 1.0, 30.0]),
    seed=st.integers(0, 1000),
)


@settings(max_examples=40, deadline=None)
@problems
def test_rows_have_the_mean_and_covariance_of_their_conditional(lengths, size, noise, seed):
    X, vectors, centres, precision = problem(lengths, 30, size, seed)
    given_all_else = entries(X), vectors, centres, precision, noise
    off = []
    for unit in np.eye(size):  # what each standard normal number adds
        means, draws, _ = kernels.draw_rows(*given_all_else, np.tile(unit, (len(lengths), 1)))
        off.append(draws - means)
    for row in range(len(lengths)):
        mean, covariance = conditional(X, row, vectors, centres[row], precision, noise)
        np.testing.assert_allclose(means[row], mean, rtol=1e-8, atol=1e-9)
        root = np.array([each[row] for each in off]).T
        np.testing.assert_allclose(root @ root.T, covariance, rtol=1e-8, atol=1e-10)


@settings(max_examples=30, deadline=None)
@problems
def test_errors_are_those_of_the_draw(lengths, size, noise, seed):
    X, vectors, centres, precision = problem(lengths, 30, size, seed)
    normals = np.random.default_rng(seed).normal(size=centres.shape)
    _, draws, errors = kernels.draw_rows(entries(X), vectors, centres, precision, noise, normals)
    row, column = np.repeat(np.arange(len(lengths)), np.diff(X.indptr)), X.indices
    predicted = (draws[row, :-1] * vectors[column, :-1]).sum(axis=1)
    predicted += draws[row, -1] + vectors[column, -1]
    expected = np.bincount(row, (X.data - predicted) ** 2, len(lengths))
    np.testing.assert_allclose(errors, expected, rtol=1e-9, atol=1e-10)


def test_covariance_of_many_draws():
    X, vectors, centres, precision = problem([6], 10, 3, 0)
    normals = np.random.default_rng(1).normal(size=(20_000, 3))
    many = sp.csr_matrix(sp.vstack([X] * len(normals)))
    centres = np.repeat(centres, len(normals), axis=0)
    _, draws, _ = kernels.draw_rows(entries(many), vectors, centres, precision, 2.0, normals)
    mean, covariance = conditional(X, 0, vectors, centres[0], precision, 2.0)
    deviation = np.sqrt(np.diag(covariance))
    z = (draws.mean(axis=0) - mean) / deviation * np.sqrt(len(normals))
    assert np.abs(z).max() < 4
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.05 * covariance.max())


@pytest.mark.parametrize("n_entries", [1, 40, 10**6])
def test_draws_depend_neither_on_threads_nor_on_tasks(monkeypatch, n_entries):
    X, vectors, centres, precision = problem([3, 0, 300, 9, 17, 1, 0, 25] * 5, 400, 7, 0)
    normals = np.random.default_rng(0).normal(size=centres.shape)
    right = kernels.draw_rows(entries(X), vectors, centres, precision, 1.3, normals)
    monkeypatch.setattr(_gibbs, "_ENTRIES", n_entries)
    for n_jobs in (1, 2):
        again = kernels.draw_rows(entries(X), vectors, centres, precision, 1.3, normals, n_jobs)
        for one, other in zip(right, again, strict=True):
            np.testing.assert_array_equal(one, other)


def test_numbers_beyond_the_type_are_an_error():
    X, vectors, centres, precision = problem([3], 5, 2, 0)
    with pytest.raises(np.linalg.LinAlgError):
        kernels.draw_rows(entries(X), 1e200 * vectors, centres, precision, 1.0, centres)


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=8),
    size=st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_weights_are_drawn_in_turn_from_their_conditionals(lengths, size, seed):
    by_feature, *_ = problem(lengths, 9, 1, seed)
    rng = np.random.default_rng(seed)
    n_features, n_rows = by_feature.shape
    x, weights = rng.normal(size=(n_rows, size)), rng.normal(size=(n_features, size))
    precision, prior = rng.uniform(0.1, 3, (2, size))
    normals = rng.normal(size=weights.shape)
    A, y = by_feature.toarray().T, weights.copy()
    for j in range(n_features):
        for k in range(size):
            others = x[:, k] - A @ y[:, k] + A[:, j] * y[j, k]
            h = prior[k] + precision[k] * A[:, j] @ A[:, j]
            y[j, k] = precision[k] * A[:, j] @ others / h + normals[j, k] / np.sqrt(h)
    residuals = x - A @ weights
    kernels.draw_weights(entries(by_feature), residuals, weights, precision, prior, normals)
    np.testing.assert_allclose(weights, y, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(residuals, x - A @ y, rtol=1e-9, atol=1e-10)


def test_products_of_lists_leave_padding_out():
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=(4, 9)), rng.normal(size=(7, 9)).astype(np.float32)
    lists = rng.integers(-1, 7, size=(4, 5))
    products = kernels.list_products(users, items[:, ::-1], lists)
    expected = np.where(lists < 0, 0, np.take_along_axis(users @ items[:, ::-1].T, lists, axis=1))
    np.testing.assert_allclose(products, expected, rtol=1e-5, atol=1e-6)
    assert kernels.list_products(users, items, lists[:, :0]).shape == (4, 0)
