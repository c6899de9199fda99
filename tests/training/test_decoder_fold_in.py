"""The fit of a user's output weights to ratings, against SciPy's minimiser."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.optimize import minimize
from scipy.special import expit

from skrec.training import DecoderFoldIn, sparse_rows

N_USERS, N_ITEMS, SIZE = 60, 25, 3


@pytest.fixture(scope="module")
def world():
    """Return codes, ratings in [0, 1] and the weights that made them up to noise."""
    rng = np.random.RandomState(0)
    codes = np.abs(rng.normal(size=(N_ITEMS, SIZE))).astype(np.float32)
    weights = rng.normal(size=(N_USERS, SIZE + 1)).astype(np.float32)
    ratings = expit(weights[:, :-1] @ codes.T + weights[:, -1:])
    ratings = np.clip(ratings + 0.05 * rng.normal(size=ratings.shape), 0, 1)
    return codes, sp.csr_matrix(ratings * (rng.uniform(size=ratings.shape) < 0.6)), weights


def folder(world, n_steps):
    codes, X, weights = world
    tensors = torch.from_numpy(codes), sparse_rows(X[:40]), torch.from_numpy(weights[:40])
    return DecoderFoldIn(*tensors, n_steps=n_steps)


def fit(fold_in, world, X):
    return fold_in(torch.from_numpy(world[0]), sparse_rows(X)).numpy()


def objective(w, codes, x, start, fold_in):
    own = x.nonzero()[1]
    error = expit(codes[own].astype(float) @ w[:-1] + w[-1]) - x.toarray()[0, own]
    distance = (w - start) / fold_in.deviation.numpy()
    return (error**2).sum() / (2 * fold_in.noise_variance) + (distance**2).sum() / 2


def test_many_steps_reach_the_minimum(world):
    fold_in, X = folder(world, 400), world[1][45:46]
    start = fit(folder(world, 0), world, X)[0]
    found = fit(fold_in, world, X)[0]
    arguments = world[0], X, start, fold_in
    best = minimize(objective, found, args=arguments, method="Nelder-Mead", tol=1e-8)
    assert objective(found, world[0], X, start, fold_in) == pytest.approx(best.fun, rel=1e-3)
    assert objective(start, world[0], X, start, fold_in) > 1.2 * best.fun


def test_the_noise_is_that_of_trained_users(world):
    codes, X, weights = world
    row, item = X[:40].nonzero()
    predicted = expit((weights[row, :-1] * codes[item]).sum(1) + weights[row, -1])
    expected = np.mean((predicted - X[:40].toarray()[row, item]) ** 2)
    assert folder(world, 20).noise_variance == pytest.approx(expected, rel=1e-4)


def test_steps_come_nearer_to_the_true_weights_than_the_start(world):
    codes, X, weights = world
    right = expit(weights[40:, :-1] @ codes.T + weights[40:, -1:])
    errors = []
    for n_steps in (0, 20):
        w = fit(folder(world, n_steps), world, X[40:])
        errors.append(np.abs(expit(w[:, :-1] @ codes.T + w[:, -1:]) - right).mean())
    assert errors[1] < 0.8 * errors[0]
    assert errors[1] < 0.05


def test_a_row_does_not_depend_on_its_batch(world):
    fold_in, X = folder(world, 20), world[1]
    together = fit(fold_in, world, X)
    alone = np.concatenate([fit(fold_in, world, X[i]) for i in range(5)])
    np.testing.assert_allclose(alone, together[:5], rtol=1e-6, atol=1e-7)


def test_gradients_work_under_inference_mode(world):
    with torch.inference_mode():
        inside = fit(folder(world, 3), world, world[1][:4])
    np.testing.assert_array_equal(inside, fit(folder(world, 3), world, world[1][:4]))
