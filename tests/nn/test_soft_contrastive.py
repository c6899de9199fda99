"""The mean probability of pairs of draws, against NumPy loops."""

import numpy as np
import pytest
import torch
from scipy.special import expit, logit

from skrec.nn import SoftContrastive

B, M, SIZE, K = 4, 3, 5, 3
FLOOR = 1e-4


def soft(size=SIZE, n_draws=K, average="probability"):
    """Return the soft contrastive function with slope and threshold other than at the start."""
    module = SoftContrastive(size, n_draws, average, distance=2.5).double().eval()
    with torch.no_grad():
        module.raw_slope.fill_(0.9)
    return module


def vectors(*shape, size=SIZE, seed=0):
    """Return float64 Gaussians, their variances on both sides of one."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, 2 * size, generator=generator, dtype=torch.float64)


def numpy_gaussian(vector):
    """Return mean and variance by the formula."""
    mean, raw = np.split(np.asarray(vector, dtype=np.float64), 2)
    variance = [r + 1 if r > 0 else np.exp(r) for r in raw]
    return mean, np.array(variance) + FLOOR


def numpy_draws(vector, noise):
    mean, variance = numpy_gaussian(vector)
    return np.array([mean + np.sqrt(variance) * epsilon for epsilon in noise.numpy()])


def soft_oracle(user, item, module, draw):
    """Return the mean probability of all pairs of draws."""
    a, b = np.log1p(np.exp(module.raw_slope.item())), module.bias.item()
    user_noise, item_noise = module.noise(draw, user)
    total = 0.0
    for z_u in numpy_draws(user, user_noise):
        for z_i in numpy_draws(item, item_noise):
            total += expit(b - a * np.sqrt(sum((z_u - z_i) ** 2)))
    return total / len(user_noise) ** 2


def by_pair(oracle, users, items, *options):
    """Return a function's value for each item of each user."""
    users = users.expand(-1, items.shape[1], -1)
    return np.array(
        [[oracle(u, i, *options) for u, i in zip(*row, strict=True)] for row in zip(users, items)]
    )


@pytest.mark.parametrize(("size", "n_draws"), [(SIZE, K), (1, K), (SIZE, 1), (1, 1), (2, 9)])
@pytest.mark.parametrize("draw", [0, 7])
def test_soft_contrastive_is_the_formula(size, n_draws, draw):
    module = soft(size, n_draws)
    users, items = vectors(B, 1, size=size), vectors(B, M, size=size, seed=1)
    right = logit(by_pair(soft_oracle, users, items, module, draw))
    assert right.std() > 0.05
    scores = module.under((draw,))(users, items).detach()
    np.testing.assert_allclose(scores, right, rtol=1e-9, atol=1e-9)
    if draw == 0:
        np.testing.assert_array_equal(module(users, items).detach(), scores)


def test_soft_contrastive_starts_with_a_slope_of_one_and_the_given_threshold():
    module, point = (
        SoftContrastive(2, 1, distance=3.0).double().eval(),
        torch.tensor([-50.0, -50.0]),
    )
    user, item = (torch.cat([torch.tensor(mean), point]).double() for mean in ([0, 0.0], [3, 4.0]))
    score = module(user[None, None], item[None, None])
    assert score.item() == pytest.approx(3.0 - 5.0, abs=0.1)  # the floor leaves a little noise


def test_far_and_equal_draws_have_finite_scores_and_gradients():
    module = SoftContrastive(1, 2)
    users = torch.zeros(1, 1, 2, 1, requires_grad=True)
    scores = module.pair(
        users, torch.tensor([0.0, 1e4, -1e4]).view(1, 3, 1, 1).expand(-1, -1, 2, -1)
    )
    np.testing.assert_allclose(scores[0].detach(), [1, 1 - 1e4, 1 - 1e4], rtol=1e-5)
    assert torch.autograd.grad(scores.sum(), users)[0].isfinite().all()


def test_slope_and_threshold_receive_gradients():
    module = soft()
    weights = list(module.parameters())
    loss = module(vectors(B, 1), vectors(B, M, seed=1)).sum()
    slope, bias = (gradient.item() for gradient in torch.autograd.grad(loss, weights))
    assert slope < 0 < bias


# without draws


def distance_of_means(user, item):
    return np.sqrt(((numpy_gaussian(user)[0] - numpy_gaussian(item)[0]) ** 2).sum())


def expected_distance(user, item):
    variances = numpy_gaussian(user)[1].sum() + numpy_gaussian(item)[1].sum()
    return np.sqrt(distance_of_means(user, item) ** 2 + variances)


@pytest.mark.parametrize("training", [False, True])
def test_no_draws_are_the_means(training):
    module = soft(n_draws=0).train(training)
    a, b = np.logaddexp(0, 0.9), 2.5
    users, items = vectors(B, 1), vectors(B, M, seed=1)
    right = b - a * by_pair(distance_of_means, users, items)
    np.testing.assert_allclose(module(users, items).detach(), right, rtol=1e-9)
    np.testing.assert_allclose(module.under((3, 4))(users, items).detach(), right, rtol=1e-9)
    crossed = module.cross(users[:, 0], items[0]).detach()
    np.testing.assert_allclose(crossed[0], right[0], rtol=1e-9)
    np.testing.assert_allclose(module.without_draws()(users, items).detach(), right, rtol=1e-9)


def test_a_score_without_draws_is_that_of_the_expected_distance():
    module = soft()
    a, b = np.logaddexp(0, 0.9), 2.5
    users, items = vectors(B, 1), vectors(B, M, seed=1)
    right = b - a * by_pair(expected_distance, users, items)
    bare = module.without_draws()
    np.testing.assert_allclose(bare(users, items).detach(), right, rtol=1e-9)
    crossed = bare.cross(users[:, 0], bare.item_side(items[0])).detach()
    np.testing.assert_allclose(crossed[0], right[0], rtol=1e-9)
    assert not np.allclose(module(users, items).detach(), right)


def test_without_draws_it_ranks_nearly_as_with_many():
    module = SoftContrastive(32, 9).eval().under(range(10))
    users, items = vectors(20, size=32).float(), vectors(300, size=32, seed=1).float()
    pair = module.cross(users, items), module.without_draws().cross(users, items)
    best = [set(scores.detach().topk(30).indices[0].tolist()) for scores in pair]
    assert len(best[0] & best[1]) >= 24
