"""The inner product of two Gaussians, against quadrature and SciPy's densities."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from skrec.nn import ExpectedLikelihood

B, M, SIZE = 4, 3, 5
FLOOR = 1e-4


def expected(size=SIZE):
    return ExpectedLikelihood(size).double().eval()


def vectors(*shape, size=SIZE, seed=0):
    """Return float64 Gaussians, their variances on both sides of one."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, 2 * size, generator=generator, dtype=torch.float64)


def numpy_gaussian(vector):
    """Return mean and variance by the formula."""
    mean, raw = np.split(np.asarray(vector, dtype=np.float64), 2)
    variance = [r + 1 if r > 0 else np.exp(r) for r in raw]
    return mean, np.array(variance) + FLOOR


def likelihood_oracle(user, item):
    (mu, su), (mi, si) = numpy_gaussian(user), numpy_gaussian(item)
    return norm.logpdf(mu, mi, np.sqrt(su + si)).sum()


def by_pair(oracle, users, items, *options):
    """Return a function's value for each item of each user."""
    users = users.expand(-1, items.shape[1], -1)
    return np.array(
        [[oracle(u, i, *options) for u, i in zip(*row, strict=True)] for row in zip(users, items)]
    )


@pytest.mark.parametrize(("user", "item"), [((0.3, 0.5), (-1.0, -0.7)), ((2.0, -3.0), (2.1, 1.5))])
def test_expected_likelihood_is_the_integral_in_one_dimension(user, item):
    (mu, su), (mi, si) = ((m[0], np.sqrt(v[0])) for m, v in map(numpy_gaussian, (user, item)))
    integral, _ = quad(
        lambda x: norm.pdf(x, mu, su) * norm.pdf(x, mi, si), -20, 20, points=[mu, mi]
    )
    pair = (torch.tensor([[side]], dtype=torch.float64) for side in (user, item))
    assert expected(1)(*pair).item() == pytest.approx(np.log(integral), rel=1e-7)


@pytest.mark.parametrize("size", [1, SIZE, 40])
def test_expected_likelihood_is_the_density_of_the_difference(size):
    users, items = vectors(B, 1, size=size), vectors(B, M, size=size, seed=1)
    right = by_pair(likelihood_oracle, users, items)
    np.testing.assert_allclose(expected(size)(users, items), right, rtol=1e-10)
    assert torch.equal(expected(size).under(range(4))(users, items), expected(size)(users, items))


def test_under_a_draw_the_user_is_a_point():
    users, items = vectors(B, 1), vectors(B, M, seed=1)
    scores = expected().under((3,))(users, items).numpy()
    densities = []
    for draw in range(400):
        densities.append(expected().under((draw,))(users, items).exp().numpy())
        assert np.isfinite(densities[-1]).all()
    np.testing.assert_allclose(np.log(densities[3]), scores, rtol=1e-9)
    # no point of the user's can be likelier than the item's mean
    top = by_pair(lambda _, i: norm.logpdf(0, 0, np.sqrt(numpy_gaussian(i)[1])).sum(), users, items)
    assert (np.log(densities) <= top + 1e-9).all()


def test_draws_have_the_likelihood_as_their_mean():
    users, items = vectors(1, 1, size=2), vectors(1, 4, size=2, seed=1)
    right = np.exp(by_pair(likelihood_oracle, users, items))
    module = expected(2)
    densities = np.array([module.under((d,))(users, items).exp().numpy() for d in range(4000)])
    error = densities.std(axis=0) / np.sqrt(len(densities))
    assert (error < 0.05 * right).all()
    assert (abs(densities.mean(axis=0) - right) < 4 * error).all()
