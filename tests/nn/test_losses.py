"""The likelihoods of rows and the divergence against formulas in NumPy."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import log_expit, log_softmax
from scipy.stats import multivariate_normal, norm

from skrec.nn import (
    SparseRows,
    gaussian_nll,
    logistic_nll,
    multinomial_nll,
    standard_normal_kl,
)


def dense_multinomial(f, x):
    return -(x * log_softmax(f, axis=1)).sum(axis=1)


def dense_logistic(f, x):
    return -(x * log_expit(f) + (1 - x) * log_expit(-f)).sum(axis=1)


def dense_gaussian(f, x, c1=1.0, c0=0.1):
    confidence = np.where(x > 0, c1, c0)
    return (confidence / 2 * (x - f) ** 2).sum(axis=1)


def naive_multinomial(f, x):
    return -(x * torch.log_softmax(f, dim=1)).sum(dim=1)


def naive_logistic(f, x):
    p = torch.sigmoid(f)
    return -(x * p.log() + (1 - x) * (1 - p).log()).sum(dim=1)


def naive_gaussian(f, x):
    confidence = torch.where(x > 0, 1.0, torch.full_like(x, 0.1))
    return (confidence / 2 * (x - f) ** 2).sum(dim=1)


LOSSES = {
    "multinomial": (multinomial_nll, dense_multinomial, naive_multinomial),
    "logistic": (logistic_nll, dense_logistic, naive_logistic),
    "gaussian": (gaussian_nll, dense_gaussian, naive_gaussian),
}


@pytest.fixture
def logits():
    return np.random.RandomState(1).normal(scale=2, size=(5, 8))


@pytest.mark.parametrize("name", LOSSES)
def test_value_is_the_dense_formula(name, to_rows, dense, logits):
    loss, oracle, _ = LOSSES[name]
    got = loss(torch.from_numpy(logits), to_rows(dense)).numpy()
    np.testing.assert_allclose(got, oracle(logits, dense), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_that_of_the_naive_formula(name, to_rows, dense, logits):
    loss, _, naive = LOSSES[name]
    upstream = torch.tensor([0.5, -1.0, 2.0, 3.0, 0.1], dtype=torch.float64)
    f, g = (torch.from_numpy(logits).requires_grad_() for _ in range(2))
    loss(f, to_rows(dense)).backward(upstream)
    naive(g, torch.from_numpy(dense)).backward(upstream)
    torch.testing.assert_close(f.grad, g.grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_passes_gradcheck(name, to_rows, dense, logits):
    rows, f = to_rows(dense), torch.from_numpy(logits).requires_grad_()
    assert torch.autograd.gradcheck(lambda f: LOSSES[name][0](f, rows), (f,))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("n_columns", [2**19 + 3, 2**20 + 1])
def test_large_batches_are_worked_on_in_parts_with_the_same_result(name, n_columns, to_rows):
    rng = np.random.RandomState(0)
    x = np.zeros((3, n_columns))
    x[np.repeat([0, 1, 2], 4), rng.randint(n_columns, size=12)] = 1
    f = rng.normal(size=x.shape)
    loss, oracle, naive = LOSSES[name]
    a, b = (torch.from_numpy(f).requires_grad_() for _ in range(2))
    value = loss(a, to_rows(x))
    np.testing.assert_allclose(value.detach().numpy(), oracle(f, x), rtol=1e-9)
    value.sum().backward()
    naive(b, torch.from_numpy(x)).sum().backward()
    torch.testing.assert_close(a.grad, b.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_float32_and_extreme_logits_stay_finite(name, to_rows):
    x = np.array([[1, 0, 1], [0, 1, 0]])
    f = torch.tensor([[200.0, -200.0, 0.0], [-150.0, 100.0, 100.0]], requires_grad=True)
    rows = to_rows(x)
    rows = type(rows)(rows.indices, rows.offsets, rows.values.float())
    value = LOSSES[name][0](f, rows)
    assert value.dtype == torch.float32
    expected = LOSSES[name][1](f.detach().numpy().astype(float), x)
    np.testing.assert_allclose(value.detach().numpy(), expected, rtol=1e-5)
    value.sum().backward()
    assert torch.isfinite(f.grad).all()


@pytest.mark.parametrize(("c1", "c0"), [(1.0, 0.0), (3.0, 0.5)])
def test_gaussian_weighs_stored_and_other_entries(c1, c0, to_rows, dense, logits):
    got = gaussian_nll(torch.from_numpy(logits), to_rows(dense), c1=c1, c0=c0).numpy()
    np.testing.assert_allclose(got, dense_gaussian(logits, dense, c1, c0), rtol=1e-12)


def test_likelihoods_are_probabilities():
    # rows of one interaction: the multinomial's outcomes sum to 1; so do all rows of the logistic
    f = torch.tensor([[0.3, -1.0, 2.0]], dtype=torch.float64)
    ones = torch.ones(3, dtype=torch.float64)
    singles = SparseRows(torch.arange(3), torch.arange(4), ones)
    total = multinomial_nll(f.repeat(3, 1), singles).neg().exp().sum()
    assert total.item() == pytest.approx(1)
    subsets = [[], [0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]]
    indices = torch.tensor([i for s in subsets for i in s])
    offsets = torch.tensor(np.cumsum([0, *map(len, subsets)]))
    every = SparseRows(indices, offsets, torch.ones(len(indices), dtype=torch.float64))
    total = logistic_nll(f.repeat(8, 1), every).neg().exp().sum()
    assert total.item() == pytest.approx(1)


MEAN = np.array([[0.0, 0.0], [1.0, -2.0], [0.3, 0.0]])
LOG_VARIANCE = np.array([[0.0, 0.0], [0.5, -1.0], [-3.0, 1.5]])


def test_divergence_is_zero_for_the_prior_and_sums_over_dimensions():
    got = standard_normal_kl(torch.from_numpy(MEAN), torch.from_numpy(LOG_VARIANCE)).numpy()
    expected = 0.5 * (np.exp(LOG_VARIANCE) + MEAN**2 - 1 - LOG_VARIANCE).sum(axis=1)
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert got[0] == 0
    assert (got[1:] > 0).all()


def test_divergence_is_the_integral():
    def one(mean, log_variance):
        q = norm(mean, np.exp(log_variance / 2))
        reach = 12 * np.exp(log_variance / 2)
        return quad(
            lambda z: q.pdf(z) * (q.logpdf(z) - norm.logpdf(z)), mean - reach, mean + reach
        )[0]

    expected = np.vectorize(one)(MEAN, LOG_VARIANCE).sum(axis=1)
    got = standard_normal_kl(torch.from_numpy(MEAN), torch.from_numpy(LOG_VARIANCE)).numpy()
    np.testing.assert_allclose(got, expected, atol=1e-7)


def test_divergence_is_the_mean_over_draws():
    rng = np.random.RandomState(0)
    for mean, log_variance in zip(MEAN[1:], LOG_VARIANCE[1:]):
        q = multivariate_normal(mean, np.diag(np.exp(log_variance)))
        prior = multivariate_normal(np.zeros(2), np.eye(2))
        draws = q.rvs(100_000, random_state=rng)
        logs = q.logpdf(draws) - prior.logpdf(draws)
        got = standard_normal_kl(
            torch.from_numpy(mean[None]), torch.from_numpy(log_variance[None])
        ).item()
        assert abs(got - logs.mean()) < 5 * logs.std() / np.sqrt(len(logs))


def test_divergence_passes_gradcheck():
    parameters = [torch.from_numpy(a).requires_grad_() for a in (MEAN, LOG_VARIANCE)]
    assert torch.autograd.gradcheck(standard_normal_kl, parameters)
