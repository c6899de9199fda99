"""The sampler leaves the joint distribution of parameters and ratings as it is."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import gamma, ks_2samp, kstest, norm

from skrec.factorization._gibbs import (
    HyperPrior,
    Sampler,
    draw_normal_gamma,
    draw_precision,
    implicit_features,
)
from skrec.factorization._split_r_hat import SplitRHat

PRIOR = HyperPrior(shape=4.0, rate=3.0, strength=2.0)
# the last user and the last item have no ratings
PATTERN = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]])


class Joint:
    """A sampler in the units of its ratings, of which all unknowns can be drawn from the prior."""

    def __init__(self, implicit, seed=0):
        self.rng = np.random.default_rng(seed)
        X = sp.csr_matrix(PATTERN * np.arange(1.0, 6.0)[:, None])
        self.sampler = Sampler(X, 1, implicit, PRIOR, self.rng)
        # which rating of X each one of the transpose is
        places = sp.csr_matrix((np.arange(X.nnz) + 1, X.indices, X.indptr), shape=X.shape)
        self.place = sp.csr_matrix(places.T).data - 1

    def draw_prior(self):
        rng, sampler = self.rng, self.sampler
        sampler.noise = rng.gamma(PRIOR.shape, 1 / PRIOR.rate)
        for side in (sampler.users, sampler.items):
            size = len(side.mean)
            side.precision = rng.gamma(PRIOR.shape, 1 / PRIOR.rate, size)
            side.mean = rng.normal(size=size) / np.sqrt(PRIOR.strength * side.precision)
            if side.weights is not None:
                side.weight_precision = rng.gamma(PRIOR.shape, 1 / PRIOR.rate, size)
                side.weights = rng.normal(size=side.weights.shape) / np.sqrt(side.weight_precision)
            noise = rng.normal(size=side.vectors.shape) / np.sqrt(side.precision)
            side.vectors = side.centres() + noise

    def draw_ratings(self):
        users, items = self.sampler.users, self.sampler.items
        row, column = PATTERN.nonzero()
        (p, b), (q, c) = users.vectors[row].T, items.vectors[column].T
        noise = self.rng.normal(size=len(row)) / np.sqrt(self.sampler.noise)
        users.X.data = p * q + b + c + noise
        items.X.data = users.X.data[self.place]

    def unknowns(self):
        """Return numbers whose distribution a sweep must leave as it is."""
        users, items = self.sampler.users, self.sampler.items
        score = (users.vectors[:, :1] @ items.vectors[:, :1].T)[:4, :3]
        numbers = {
            "noise": self.sampler.noise,
            "product": score.sum(),
            "square": np.square(score).sum(),
            "off": np.square(users.vectors - users.centres()).sum(),
            "ratings": np.square(users.X.data).sum(),
            "with ratings": users.X.data @ users.vectors[PATTERN.nonzero()[0], 1],
        }
        for name, side in (("users", users), ("items", items)):
            for k in range(2):
                numbers[f"precision {k} of {name}"] = side.precision[k]
                numbers[f"mean {k} of {name}"] = side.mean[k]
                numbers[f"vector {k} of {name}"] = side.vectors[0, k]
                numbers[f"unrated {k} of {name}"] = side.vectors[-1, k]
                if side.weights is not None:
                    numbers[f"weight {k} of {name}"] = side.weights[0, k] * side.centres()[0, k]
                    numbers[f"unused {k} of {name}"] = side.weights[-1, k]
                    numbers[f"weight precision {k} of {name}"] = side.weight_precision[k]
        return numbers


def replications(implicit, n, n_sweeps, seed):
    joint, rows = Joint(implicit, seed), []
    for _ in range(n):
        joint.draw_prior()
        joint.draw_ratings()
        for _ in range(n_sweeps):
            joint.sampler.sweep()
        rows.append(joint.unknowns())
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


@pytest.mark.parametrize("implicit", ["none", "flipped"])
def test_sweeps_leave_the_prior_as_it_is_over_ratings_drawn_from_it(implicit):
    """Parameters from the prior, ratings given them, and sweeps: parameters from the prior again.

    Gandy, A., & Scott, J. (2020). Unit testing for MCMC and other Monte Carlo methods.
    https://arxiv.org/abs/2001.06465
    """
    before = replications(implicit, 3000, 0, seed=1)
    after = replications(implicit, 1500, 2, seed=2)
    p_values = {name: ks_2samp(before[name], after[name]).pvalue for name in before}
    least = min(p_values, key=p_values.get)
    assert p_values[least] > 0.05 / len(p_values) / 4, (least, p_values[least])
    assert kstest(after["noise"], gamma(PRIOR.shape, scale=1 / PRIOR.rate).cdf).pvalue > 1e-3


def test_means_and_precisions_come_from_their_posterior():
    values = np.random.default_rng(0).normal(1, 0.5, (6, 1))
    rng = np.random.default_rng(1)
    draws = [draw_normal_gamma(values, PRIOR, rng) for _ in range(3000)]
    mean, precision = np.array(draws)[:, :, 0].T
    n = len(values)
    average = values.sum() / (n + PRIOR.strength)
    rate = PRIOR.rate + (np.sum(values**2) - (n + PRIOR.strength) * average**2) / 2
    assert kstest(precision, gamma(PRIOR.shape + n / 2, scale=1 / rate).cdf).pvalue > 1e-3
    z = (mean - average) * np.sqrt((n + PRIOR.strength) * precision)
    assert kstest(z, norm.cdf).pvalue > 1e-3
    own = np.array([draw_precision(values, PRIOR, rng)[0] for _ in range(3000)])
    rate = PRIOR.rate + np.sum(values**2) / 2
    assert kstest(own, gamma(PRIOR.shape + n / 2, scale=1 / rate).cdf).pvalue > 1e-3


def test_squared_error_is_that_of_the_current_vectors():
    rng = np.random.default_rng(0)
    X = sp.random(30, 20, 0.3, format="csr", random_state=0, data_rvs=lambda n: rng.normal(size=n))
    sampler = Sampler(X, 3, "flipped", HyperPrior(), rng)
    for _ in range(3):
        sampler.sweep()
    U, V = sampler.users.vectors, sampler.items.vectors
    scores = U[:, :-1] @ V[:, :-1].T + U[:, -1:] + V[:, -1]
    standard = (X.toarray() - X.data.mean()) / X.data.std()
    expected = np.square(standard - scores)[X.toarray() != 0].sum()
    assert sampler.users.squared_error == pytest.approx(expected, rel=1e-10)


def test_features_are_rows_of_length_one():
    features = implicit_features(sp.csr_matrix([[3.0, 0, 1, 5, 2], [0, 0, 0, 0, 0]]))
    np.testing.assert_allclose(features.toarray(), [[0.5, 0, 0.5, 0.5, 0.5], [0] * 5])


@pytest.mark.parametrize("n_samples", [4, 7])
@pytest.mark.parametrize("n_chains", [1, 3])
def test_r_hat_is_that_of_the_textbook(n_chains, n_samples):
    draws = np.random.default_rng(0).normal(1e3, 1, (n_chains, n_samples, 5))
    draws[0] += 2
    halves = SplitRHat(n_chains, n_samples)
    for number, values in enumerate(draws.reshape(-1, 5)):
        halves.add(number, values)
    n = n_samples // 2
    parts = [part for chain in draws for part in (chain[:n], chain[-n:])]
    W = np.mean([part.var(axis=0, ddof=1) for part in parts], axis=0)
    B = n * np.var([part.mean(axis=0) for part in parts], axis=0, ddof=1)
    expected = np.sqrt(((n - 1) / n * W + B / n) / W)
    np.testing.assert_allclose(halves.result(), expected, rtol=1e-8)


def test_r_hat_of_a_constant_is_one():
    halves = SplitRHat(1, 4)
    for number in range(4):
        halves.add(number, np.full(2, 3.0))
    np.testing.assert_array_equal(halves.result(), 1)
