"""Scores of pairs of Gaussians that are computed from draws, against NumPy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from skrec.nn import (
    ExpectedLikelihood,
    GaussianPairModel,
    PairBatch,
    SoftContrastive,
    UserTable,
    make_gaussian_table,
)
from skrec.nn.gaussian import GaussianInteraction, mean_logit

B, M, SIZE, K = 4, 3, 5, 3
FLOOR = 1e-4


def soft(size=SIZE, n_draws=K, average="probability"):
    """Return the soft contrastive function with slope and threshold other than at the start."""
    module = SoftContrastive(size, n_draws, average, distance=2.5).double().eval()
    with torch.no_grad():
        module.raw_slope.fill_(0.9)
    return module


def expected(size=SIZE):
    return ExpectedLikelihood(size).double().eval()


MAKE = {"soft": soft, "expected": expected}


@pytest.fixture(params=MAKE)
def make(request):
    return MAKE[request.param]


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


# draws


def test_noise_is_that_of_its_number():
    module, like = SoftContrastive(200, 100), torch.zeros(1)
    first, other = (torch.stack(module.noise(draw, like)) for draw in (0, 1))
    assert first.shape == (2, 100, 200)
    assert torch.equal(first, torch.stack(module.noise(0, like)))
    assert torch.equal(first.double(), torch.stack(module.noise(0, like.double())))
    independent = torch.corrcoef(torch.cat([first, other]).flatten(1))
    torch.testing.assert_close(independent, torch.eye(4), rtol=0, atol=0.03)
    assert first.mean().abs() < 0.02
    assert abs(first.std() - 1) < 0.02


def test_noise_leaves_the_global_generator_alone():
    module = soft()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    module(vectors(B, 1), vectors(B, M))
    assert torch.equal(torch.get_rng_state(), before)


# the soft contrastive probability


@pytest.mark.parametrize("average", ["probability", "score"])
def test_several_draws_are_averaged(average):
    module, draws = soft(average=average), (0, 3, 4, 11)
    users, items = vectors(B, 1), vectors(B, M, seed=1)
    each = np.array([by_pair(soft_oracle, users, items, module, draw) for draw in draws])
    right = logit(each.mean(axis=0)) if average == "probability" else logit(each).mean(axis=0)
    several = module.under(draws)
    np.testing.assert_allclose(several(users, items).detach(), right, rtol=1e-9)
    shared = several.cross(users[:, 0], items[0]).detach()
    np.testing.assert_allclose(shared[0], right[0], rtol=1e-9)


@given(st.lists(st.floats(-80, 80), min_size=1, max_size=8))
def test_mean_logit_is_the_logit_of_the_mean(logits):
    one = mean_logit(torch.tensor(logits, dtype=torch.float64))
    p, q = expit(np.array(logits)).mean(), expit(-np.array(logits)).mean()
    assert one.item() == pytest.approx(np.log(p) - np.log(q), rel=1e-9, abs=1e-9)
    many = mean_logit(torch.tensor([logits, logits], dtype=torch.float64), dim=1)
    torch.testing.assert_close(many, one.expand(2))


# what depends on training


def test_training_draws_anew_for_each_pair():
    users, items = vectors(1, 1).expand(6, -1, -1), vectors(1, 1, seed=1).expand(6, 4, -1)
    module = soft()
    assert torch.equal(module(users, items), module(users, items))
    assert module(users, items).unique().numel() == 1
    module.train()
    torch.manual_seed(0)
    first = module(users, items)
    assert first.unique().numel() == 24
    assert not torch.equal(module(users, items), first)
    torch.manual_seed(0)
    assert torch.equal(module(users, items), first)


@pytest.mark.parametrize("own", [False, True], ids=["shared-user", "user-an-item"])
def test_training_has_the_mean_of_many_draws(own):
    module = soft()
    users = vectors(1, 1).expand(3000, 4 if own else 1, -1)
    items = vectors(1, 1, seed=1).expand(3000, 4, -1)
    right = module.under(range(3000))(users[:1, :1], items[:1, :1]).sigmoid().item()
    torch.manual_seed(0)
    drawn = module.train()(users, items).sigmoid()
    assert drawn.std() > 0.02
    assert drawn.mean().item() == pytest.approx(right, abs=5 * drawn.std().item() / 50)
    # the items of a row have one draw of the user in common, if there is one user for all
    between = np.corrcoef(drawn.detach().numpy().T)[np.triu_indices(4, 1)]
    assert (abs(between) < 0.1).all() if own else (between > 0.2).all()


def test_under_shares_weights_and_leaves_the_original_as_it_was(make):
    module = make()
    users, items = vectors(B, 1), vectors(B, M, seed=1)
    before = module(users, items)
    other = module.under((5,))
    assert not torch.allclose(other(users, items), before)
    assert torch.equal(module(users, items), before)
    mine, its = list(module.parameters()), list(other.parameters())
    assert all(a is b for a, b in zip(mine, its, strict=True))


def test_a_score_must_be_written():
    with pytest.raises(NotImplementedError):
        GaussianInteraction(SIZE).eval()(vectors(1, 1), vectors(1, 1))


# all pairs, gradients, types


@pytest.mark.parametrize("chunk", [2**25, 1000, 1])
@pytest.mark.parametrize("draws", [(0,), (1, 2)])
def test_all_pairs_are_what_forward_gives(make, draws, chunk, monkeypatch):
    monkeypatch.setattr("skrec.nn.interactions._CHUNK_BYTES", chunk)
    module = make().under(draws)
    users, items = vectors(B), vectors(11, seed=1)
    right = module(users[:, None], items.expand(B, -1, -1))
    crossed = module.cross(users, module.item_side(items))
    torch.testing.assert_close(crossed, right)
    again = module(users[:, None].expand(-1, 11, -1), items.expand(B, -1, -1))
    torch.testing.assert_close(again, right)


@pytest.mark.parametrize("draws", [(0,), (1, 2)])
def test_float32_is_close_to_float64(make, draws):
    module = make().under(draws)
    users, items = vectors(B), vectors(11, seed=1)
    right = module(users[:, None], items.expand(B, -1, -1))
    module = module.float()
    scores = module(users[:, None].float(), items.expand(B, -1, -1).float())
    crossed = module.cross(users.float(), items.float())
    assert scores.dtype == crossed.dtype == torch.float32
    torch.testing.assert_close(scores.double(), right, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(crossed.double(), right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("draws", [(0,), (1, 2)])
def test_gradients_of_vectors_are_right(make, draws):
    module = make(2).under(draws)
    users, items = vectors(2, 1, size=2), vectors(2, 2, size=2, seed=1)
    users, items = users.requires_grad_(), items.requires_grad_()
    assert torch.autograd.gradcheck(module, (users, items))
    assert torch.autograd.gradcheck(lambda u, i: module.cross(u[:, 0], i[0]), (users, items))


def test_no_users_have_no_scores(make):
    assert make()(vectors(0, 1), vectors(0, M)).shape == (0, M)
    assert make().cross(vectors(0), vectors(M)).shape == (0, M)


@pytest.mark.gpu
def test_cuda_gives_what_the_cpu_gives(make):
    module = make().under((0, 1))
    users, items = vectors(B), vectors(11, seed=1)
    right = module.cross(users, items)
    there = module.cuda()
    torch.testing.assert_close(there.cross(users.cuda(), items.cuda()).cpu(), right)
    each = there(users[:, None].cuda(), items.expand(B, -1, -1).cuda())
    torch.testing.assert_close(each.cpu(), right)


# the model of pairs


@pytest.fixture
def model(make):
    torch.manual_seed(0)
    users = UserTable(6, 2 * SIZE)
    users.free = make_gaussian_table(6, SIZE, 0.5, 0.4)
    items = make_gaussian_table(9, SIZE, 0.5, 0.4)
    return GaussianPairModel(users, items, make()).double().eval()


def test_penalties_are_those_of_the_means(model):
    batch = PairBatch(torch.tensor([4, 2, 2]), torch.tensor([[0, 3], [8, 8], [1, 0]]))
    scores, users, items = model(batch)
    free, table = model.users.free.weight, model.items.weight
    torch.testing.assert_close(
        scores, model.interaction(free[batch.users][:, None], table[batch.items])
    )
    assert torch.equal(users[:, 0], free[batch.users, :SIZE])
    assert torch.equal(items, table[batch.items][..., :SIZE])


@pytest.mark.parametrize("prior_variance", [0.3, 1.0, 4.0])
def test_the_divergence_is_that_of_all_gaussians_from_the_prior(model, prior_variance):
    tables = model.users.free.weight, model.items.weight
    right = 0.0
    for vector in np.concatenate([table.detach() for table in tables]):
        mean, variance = numpy_gaussian(vector)
        ratio = variance / prior_variance
        right += 0.5 * sum(ratio + mean**2 / prior_variance - 1 - np.log(ratio))
    found = model.divergence(prior_variance)
    assert found.item() == pytest.approx(right, rel=1e-9)
    found.backward()
    assert all((table.grad != 0).all() for table in tables)
    assert model.float().divergence(prior_variance).item() == pytest.approx(right, rel=1e-5)


def test_the_divergence_of_the_prior_itself_is_zero(model):
    with torch.no_grad():
        for table in (model.users.free.weight, model.items.weight):
            table[:, :SIZE], table[:, SIZE:] = 0.0, 1.5 - FLOOR
    assert model.divergence(2.5).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("make", [soft])
def test_a_model_without_draws_shares_its_vectors(model):
    other, free = model.train().without_draws(), model.users.free.weight
    assert other.users is model.users
    assert other.items is model.items
    assert not other.interaction.training
    right = model.interaction.without_draws().cross(free, model.items.weight)
    torch.testing.assert_close(other.score_all(free), right)


def test_a_model_under_draws_shares_its_weights(model):
    other, free = model.under((3,)), model.users.free.weight
    assert other.users is model.users
    assert other.items is model.items
    right = model.interaction.under((3,)).cross(free, model.items.weight)
    torch.testing.assert_close(other.score_all(free), right)
    assert not torch.allclose(model.score_all(free), right)
    assert not other.training
    assert model.train().under((3,)).training
