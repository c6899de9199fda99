"""GeRec's score against plain loops over the cube of all pairs of draws."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from skrec.nn import INTERACTIONS, GeRec, MeanProduct
from skrec.nn.gaussian import reparameterised

B, M, SIZE, K = 3, 4, 3, 4
SMALL = {"n_filters": 5, "hidden_size": 6}
KERNELS = [(1, 2), (2,), (2, 2), (1, 1), (3, 1, 2), (1,), (4,), (9, 2)]


def make(size=SIZE, n_draws=K, average="probability", seed=0, **options):
    """Return a module all of whose weights, biases too, are random, in float64."""
    module = GeRec(size, n_draws, average, **SMALL | options).double().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in module.parameters():
            weight.normal_(0, 0.5, generator=generator)
    return module


def vectors(*shape, size=SIZE, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, 2 * size, generator=generator, dtype=torch.float64)


def sides(n_users=B, n_items=M, size=SIZE):
    return vectors(n_users, 1, size=size), vectors(n_users, n_items, size=size, seed=1)


def relu(x):
    return np.where(x > 0, x, 0.0)


def numpy_draws(vector, noise):
    """Return mu + sigma epsilon, with variances ELU + 1 and the floor."""
    mean, raw = np.split(np.asarray(vector, dtype=np.float64), 2)
    variance = np.where(raw > 0, raw + 1, np.exp(np.minimum(raw, 0))) + 1e-4
    return mean + np.sqrt(variance) * np.asarray(noise, dtype=np.float64)


def cube_of(z_u, z_i, interaction):
    """Return the cube, of shape (channels, K, K)."""
    join = {
        "concat": lambda u, v: np.concatenate([u, v]),
        "product": lambda u, v: u * v,
        "concat+product": lambda u, v: np.concatenate([u, v, u * v]),
        "inner": lambda u, v: [u @ v],
    }[interaction]
    return np.array([[join(u, v) for v in z_i] for u in z_u]).transpose(2, 0, 1)


def elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def convolved(maps, weight, bias, function=relu):
    """Return a layer's output, entry by entry."""
    n_filters, _, side, _ = weight.shape
    n = maps.shape[1] - side + 1
    out = np.empty((n_filters, n, n))
    for t in range(n_filters):
        for k in range(n):
            for j in range(n):
                patch = maps[:, k : k + side, j : j + side]
                out[t, k, j] = (weight[t] * patch).sum() + bias[t]
    return function(out)


def oracle(module, user, item, draw=0):
    """Return one pair's score under one draw (equations 7 to 10)."""
    w = {name: weight.numpy() for name, weight in module.state_dict().items()}
    z_u, z_i = map(numpy_draws, (user, item), module.noise(draw, user))
    maps = cube_of(z_u, z_i, module.interaction)
    function = {"relu": relu, "elu": elu}[module.activation]
    for layer in range(len(module.layers)):
        maps = convolved(maps, w[f"layers.{layer}.weight"], w[f"layers.{layer}.bias"], function)

    def head(features):
        for name in [*(f"before.{n}" for n in range(len(module.before))), "hidden"]:
            features = function(w[f"{name}.weight"] @ features + w[f"{name}.bias"])
        return w["output.weight"][0] @ features + w["output.bias"][0]

    if module.aggregate == "cnn":
        return head(maps.ravel())
    n = maps.shape[1]
    scores = np.array([head(maps[:, k, j]) for k in range(n) for j in range(n)])
    return scores.mean() if module.average == "score" else logit(expit(scores).mean())


def by_oracle(module, users, items, draw=0):
    users = users.expand(-1, items.shape[1], -1)
    return np.array(
        [
            [oracle(module, *pair, draw) for pair in zip(*row, strict=True)]
            for row in zip(users, items, strict=True)
        ]
    )


@pytest.fixture(params=[(kind, agg) for kind in INTERACTIONS for agg in ("cnn", "mean")], ids=str)
def variant(request):
    """Return the options of each kind of cube and aggregation."""
    return dict(zip(("interaction", "aggregate"), request.param, strict=True))


# the formula


@pytest.mark.parametrize("kernels", KERNELS, ids=str)
def test_forward_is_the_formula(variant, kernels):
    module = make(kernel_sizes=kernels, **variant)
    users, items = sides()
    right = by_oracle(module, users, items)
    assert right.std() > 0.02
    np.testing.assert_allclose(module(users, items).detach(), right, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("hidden_size", [(7,), [8, 6], (5, 6, 7), np.int64(3)], ids=str)
@pytest.mark.parametrize("activation", ["relu", "elu"])
def test_other_layers(variant, activation, hidden_size):
    module = make(hidden_size=hidden_size, activation=activation, **variant)
    users, items = sides()
    right = by_oracle(module, users, items)
    np.testing.assert_allclose(module(users, items).detach(), right, rtol=1e-9, atol=1e-9)
    crossed = module.cross(users[:, 0], items[0]).detach()
    np.testing.assert_allclose(crossed[0], right[0], rtol=1e-9, atol=1e-9)


LAYERS = {"hidden_size": (7, 6), "kernel_sizes": (2, 3, 1)}


@pytest.mark.parametrize("layers", [{}, LAYERS], ids=["1-2", "2-3-1"])
@pytest.mark.parametrize("activation", ["relu", "elu"])
def test_without_draws_points_have_their_own_score(variant, activation, layers, monkeypatch):
    monkeypatch.setattr("skrec.nn.gaussian.VARIANCE_FLOOR", 0.0)
    module = make(activation=activation, **layers, **variant)
    weights = {name: weight.clone() for name, weight in module.state_dict().items()}
    users, items = sides()
    for side in (users, items):
        side[..., SIZE:] = -99.0
    right, bare = module(users, items), module.without_draws()
    torch.testing.assert_close(bare(users, items), right, rtol=1e-4, atol=1e-4)
    crossed = bare.cross(users[:, 0], items[0])
    torch.testing.assert_close(crossed[:1], bare(users[:1], items[:1]))
    assert all(torch.equal(w, weights[name]) for name, w in module.state_dict().items())


@pytest.mark.parametrize("kernel", [1, 2])
@pytest.mark.parametrize("activation", ["relu", "elu"])
@pytest.mark.parametrize("interaction", INTERACTIONS)
def test_the_expected_map_is_that_of_many_draws(interaction, activation, kernel):
    size = 30  # a sum of so many terms is nearly Gaussian
    module = make(size, 6, interaction=interaction, activation=activation, kernel_sizes=(kernel, 2))
    users, items = vectors(1, 1, size=size), vectors(1, 2, size=size, seed=1)
    found = module.without_draws().first_map(users, items).detach()[0]  # (2, T)
    total = torch.zeros_like(found)
    for draw in range(400):
        noises = module.noise(draw, users)
        z = [reparameterised(side, noise) for side, noise in zip((users, items), noises)]
        maps = module._first_map(module.user_side(z[0]), module.items_side(z[1]))
        total += maps.detach().mean((2, 3)) / 400
    torch.testing.assert_close(found, total, rtol=0.05, atol=0.05 * total.abs().max().item())


def test_the_last_map_and_hidden_layers_are_dropped_in_training(monkeypatch):
    seen = []

    def zeros(x, p, training):
        seen.append((x.shape[-1], p, training))
        return torch.zeros_like(x) if len(seen) == drop else x

    monkeypatch.setattr("skrec.nn.gerec.dropout", zeros)
    module, right = make(dropout=0.3, hidden_size=(7, 6)), make(hidden_size=(7, 6))
    users, items = sides()
    drop = 0
    assert torch.equal(module(users, items), right(users, items))
    assert not seen
    drop = 3  # what the output reads: only its bias is left
    assert (module.train()(users, items) == module.output.bias).all()
    assert seen == [(5 * 9, 0.3, True), (7, 0.3, True), (6, 0.3, True)]


@pytest.mark.parametrize("shared", [True, False])
def test_draws_of_a_user_are_shared_by_a_row_or_not(shared):
    module = make(shared_draws=shared).train()
    still = torch.cat([torch.ones(SIZE), torch.full((SIZE,), -99.0)]).double()
    users, items = vectors(1, 1).expand(400, -1, -1), still.expand(400, 2, -1)
    torch.manual_seed(0)
    with torch.no_grad():
        scores = module(users, items)
    between = np.corrcoef(scores.T)[0, 1]
    assert between > 0.99 if shared else abs(between) < 0.2


@pytest.mark.parametrize("n_draws", [1, 2, 9])
@pytest.mark.parametrize("size", [1, 4])
def test_other_numbers_of_draws_and_dimensions(variant, size, n_draws):
    module = make(size, n_draws, **variant)
    users, items = sides(size=size)
    right = by_oracle(module, users, items)
    np.testing.assert_allclose(module(users, items).detach(), right, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n_draws", [1, 3])
def test_one_pair_of_one_dimension(variant, n_draws):
    module = make(1, n_draws, **variant)
    users, items = sides(1, 1, size=1)
    right = by_oracle(module, users, items)
    np.testing.assert_allclose(module(users, items).detach(), right, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(module.cross(users[0], items[0]).detach(), right, rtol=1e-9)


@given(
    st.integers(1, 4),
    st.integers(1, 5),
    st.lists(st.integers(1, 3), min_size=1, max_size=3),
    st.sampled_from(INTERACTIONS),
    st.integers(0, 50),
)
@settings(max_examples=20)
def test_any_sizes(size, n_draws, kernels, interaction, seed):
    module = make(size, n_draws, seed=seed, kernel_sizes=kernels, interaction=interaction)
    users, items = sides(2, 2, size)
    right = by_oracle(module, users, items, seed)
    scores = module.under((seed,))(users, items).detach()
    np.testing.assert_allclose(scores, right, rtol=1e-8, atol=1e-8)


def test_kernels_are_cut_to_the_map_that_reaches_them():
    assert [layer.kernel_size[0] for layer in make(n_draws=1).layers] == [1, 1]
    cut = make(n_draws=4, kernel_sizes=(3, 3, 3))
    assert [layer.kernel_size[0] for layer in cut.layers] == [3, 2, 1]
    mean = make(kernel_sizes=(2, 2), aggregate="mean")
    assert [layer.kernel_size[0] for layer in mean.layers] == [1, 1]
    assert make().hidden.in_features == 5 * 3 * 3
    assert mean.hidden.in_features == 5


def test_a_gaussian_of_users_for_each_item(variant):
    module, (users, items) = make(**variant), sides()
    many = users + torch.arange(M)[:, None] / M
    right = by_oracle(module, many, items)
    np.testing.assert_allclose(module(many, items).detach(), right, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("average", ["probability", "score"])
def test_several_draws_are_averaged(average, variant):
    module, draws, (users, items) = make(average=average, **variant), (0, 3, 4), sides()
    each = np.array([by_oracle(module, users, items, draw) for draw in draws])
    assert each.std(axis=0).min() > 1e-3
    right = logit(expit(each).mean(axis=0)) if average == "probability" else each.mean(axis=0)
    scores = module.under(draws)(users, items).detach()
    np.testing.assert_allclose(scores, right, rtol=1e-9, atol=1e-9)


# training


def test_training_draws_anew_and_evaluation_does_not(variant):
    module = make(**variant)
    users, items = (side[:1, :1].expand(8, -1, -1) for side in sides())
    assert torch.equal(module(users, items), module.under((0,))(users, items))
    torch.testing.assert_close(module(users, items), module(users, items)[:1].expand(8, -1))
    module.train()
    torch.manual_seed(0)
    first = module(users, items)
    assert first.unique().numel() == 8
    assert not torch.equal(module(users, items), first)
    torch.manual_seed(0)
    assert torch.equal(module(users, items), first)


def test_training_has_the_mean_of_many_draws():
    module = make()
    users, items = (side[:1, :1] for side in sides())
    right = module.under(range(2000))(users, items).sigmoid().item()
    torch.manual_seed(0)
    drawn = module.train()(users.expand(2000, -1, -1), items.expand(2000, -1, -1)).sigmoid()
    assert drawn.std() > 0.01
    assert drawn.mean().item() == pytest.approx(right, abs=6 * drawn.std().item() / 45)


# all pairs, gradients, types


@pytest.mark.parametrize("chunk", [2**25, 3000, 1])
@pytest.mark.parametrize("kernels", [(1, 2), (2,)], ids=str)
def test_all_pairs_are_what_forward_gives(variant, kernels, chunk, monkeypatch):
    module = make(kernel_sizes=kernels, **variant).under((2, 5))
    users, items = vectors(B), vectors(7, seed=1)
    right = module(users[:, None], items.expand(B, -1, -1))
    for n_bytes in (chunk, 2**23):
        monkeypatch.setattr("skrec.nn.interactions._CHUNK_BYTES", n_bytes)
        torch.testing.assert_close(module.cross(users, module.item_side(items)), right)
        torch.testing.assert_close(module(users[:, None], items.expand(B, -1, -1)), right)


def test_rows_have_the_scores_that_they_have_alone(variant, monkeypatch):
    module, (users, items) = make(**variant), sides(5)
    right = by_oracle(module, users, items)
    for n_bytes in (1, 2 * M * module.pair_bytes(users)):
        monkeypatch.setattr("skrec.nn.interactions._CHUNK_BYTES", n_bytes)
        np.testing.assert_allclose(module(users, items).detach(), right, rtol=1e-9, atol=1e-9)


def test_all_pairs_of_the_paper_sizes_take_several_chunks():
    torch.manual_seed(0)
    module = GeRec(8).eval()
    users, items = vectors(6, size=8).float(), vectors(150, size=8, seed=1).float()
    assert 6 * 150 * module.pair_bytes(users) > 2**25
    crossed = module.cross(users, items)
    each = torch.cat([module(users[u : u + 1, None], items[None]) for u in range(6)])
    torch.testing.assert_close(crossed, each, rtol=1e-4, atol=1e-4)


def test_float32_is_close_to_float64(variant):
    module, (users, items) = make(**variant), sides()
    right = module(users, items)
    module = module.float()
    scores = module(users.float(), items.float())
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores.double(), right, rtol=1e-4, atol=1e-4)
    crossed = module.cross(users[:, 0].float(), items[0].float())
    torch.testing.assert_close(crossed[0], scores[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kernels", [(1, 2), (2,)], ids=str)
def test_gradients_are_right(variant, kernels):
    module = make(2, 2, n_filters=2, hidden_size=2, kernel_sizes=kernels, **variant).under((0, 1))
    users, items = (side.requires_grad_() for side in sides(2, 2, size=2))
    assert torch.autograd.gradcheck(module, (users, items))
    assert torch.autograd.gradcheck(lambda u, i: module.cross(u[:, 0], i[0]), (users, items))
    names, weights = zip(*module.named_parameters(), strict=True)
    fixed = users.detach(), items.detach()

    def scores(*weights):
        return torch.func.functional_call(module, dict(zip(names, weights, strict=True)), fixed)

    assert torch.autograd.gradcheck(scores, weights)


@pytest.mark.parametrize("chunk", [2**23, 2**12])
def test_writing_over_memory_changes_no_bit(variant, chunk, monkeypatch):
    monkeypatch.setattr("skrec.nn.interactions._CHUNK_BYTES", chunk)
    module = make(size=8, n_draws=5, **variant).float()
    inputs = [side.float().requires_grad_() for side in sides(n_users=9, size=8)]

    def results():
        wanted = [*inputs, *module.parameters()]
        scores = module(*inputs)
        used = torch.autograd.grad(scores.square().sum(), wanted, allow_unused=True)
        return [scores, *(x for x in used if x is not None)]

    got = results()
    monkeypatch.setattr("skrec.nn.gerec._Rectified.apply", torch.relu)
    for ours, plain in zip(got, results(), strict=True):
        assert torch.equal(ours, plain)


def test_every_weight_receives_a_gradient(variant):
    module, (users, items) = make(**variant).train(), sides(20)
    weights = dict(module.named_parameters())
    torch.manual_seed(0)
    gradients = torch.autograd.grad(module(users, items).square().sum(), list(weights.values()))
    assert {n for n, g in zip(weights, gradients, strict=True) if not g.abs().sum()} == set()


def test_layers_start_without_biases_and_keep_the_size_of_signals():
    torch.manual_seed(0)
    module = GeRec(50, 4, n_filters=100, hidden_size=200)
    assert all(not weight.any() for name, weight in module.named_parameters() if "bias" in name)
    for layer in (*module.layers[1:], module.hidden):
        n_inputs = layer.weight[0].numel()
        assert layer.weight.var().item() * n_inputs == pytest.approx(2, rel=0.05)
    points = torch.cat([torch.randn(300, 1, 50), torch.full((300, 1, 50), -50.0)], dim=-1)
    scores = module.eval()(points, points.flip(0))
    assert 0.3 < scores.std().item() < 3


@pytest.mark.parametrize("n_items", [0, M])
def test_no_users_have_no_scores(variant, n_items):
    module = make(**variant)
    assert module(vectors(0, 1), vectors(0, n_items)).shape == (0, n_items)
    assert module.cross(vectors(0), vectors(n_items)).shape == (0, n_items)


@pytest.mark.gpu
def test_cuda_gives_what_the_cpu_gives(variant):
    module = make(**variant).under((0, 1))
    users, items = vectors(B), vectors(11, seed=1)
    right = module.cross(users, items)
    there = module.cuda()
    torch.testing.assert_close(there.cross(users.cuda(), items.cuda()).cpu(), right)
    each = there(users[:, None].cuda(), items.expand(B, -1, -1).cuda())
    torch.testing.assert_close(each.cpu(), right)


@pytest.mark.parametrize("bias", [False, True])
def test_the_twin_is_the_inner_product_of_the_means(bias):
    module = MeanProduct(SIZE, bias).double()
    level = 0.0
    if bias:
        level = 0.7
        torch.nn.init.constant_(module.bias, level)
    users, items = sides()
    right = np.einsum("buk,bmk->bm", users[..., :SIZE].numpy(), items[..., :SIZE].numpy()) + level
    with torch.no_grad():
        np.testing.assert_allclose(module(users, items), right, rtol=1e-12)
        crossed = module.under((0, 1)).cross(users[:, 0], items[0])
        np.testing.assert_allclose(crossed[0], right[0], rtol=1e-12)
        np.testing.assert_allclose(module.without_draws()(users, items), right, rtol=1e-12)
