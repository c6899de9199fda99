"""The towers over the outer product against loops and convolutions written from the paper."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from skrec.nn import _outer_product_kernel as kernel
from skrec.nn.outer_product import MAP_PARTS, ConvTower, MapMLP

N_MAPS = 3
SIZES = [2, 4, 16, 64]


@pytest.fixture(params=[2**22, 2**10], ids=["one chunk", "many chunks"])
def chunks(request, monkeypatch):
    """Let the passes run over one chunk and over many."""
    monkeypatch.setattr(kernel, "_CPU_CHUNK_BYTES", request.param)


def make(cls, *args, **kwargs):
    """Return a float64 tower whose biases are not zero."""
    torch.manual_seed(0)
    tower = cls(*args, **kwargs).double()
    with torch.no_grad():
        for name, p in tower.named_parameters():
            if name.endswith("bias"):
                p.uniform_(-0.5, 0.5)
    return tower


def vectors(*shape, seed=0):
    return torch.from_numpy(np.random.RandomState(seed).normal(size=shape))


def outer(users, items, part="full"):
    """Return the interaction map of equation 5 with the entries of a part."""
    maps = users[..., :, None] * items[..., None, :]
    eye = torch.eye(maps.shape[-1], dtype=maps.dtype)
    return maps * {"full": 1, "diagonal": eye, "off_diagonal": 1 - eye}[part]


def by_loops(tower, user, item):
    """Return the score of one pair by equations 5 to 7, entry by entry."""
    below = np.outer(user, item)[:, :, None]
    for layer in tower.convolutions:
        t = layer.weight.detach().numpy().transpose(2, 3, 1, 0)  # t[a, b, d, c]
        bias, half = layer.bias.detach().numpy(), len(below) // 2
        above = np.empty((half, half, len(bias)))
        for i in range(half):
            for j in range(half):
                total = bias.copy()
                for a in range(2):
                    for b in range(2):
                        total += below[2 * i + a, 2 * j + b] @ t[a, b]
                above[i, j] = np.maximum(total, 0)
        below = above
    return below[0, 0] @ tower.output.weight.detach().numpy()[0]


def by_conv2d(tower, maps):
    """Return the scores of maps of shape (B, m, size, size) by torch's convolutions."""
    x = maps.flatten(0, 1)[:, None]
    for layer in tower.convolutions:
        x = F.relu(F.conv2d(x, layer.weight, layer.bias, stride=2))
    return (x.flatten(1) @ tower.output.weight[0]).view(maps.shape[:2])


def by_mlp(tower, maps):
    """Return the scores of maps of shape (B, m, size, size) by layers on the flat map."""
    x = maps.flatten(-2)
    for layer in tower.layers:
        x = (x @ layer.weight.T + layer.bias).clamp_min(0)
    return x @ tower.output.weight[0]


ORACLES = {ConvTower: by_conv2d, MapMLP: by_mlp}


def check_gradients(tower, users, items, part="full", tolerance=1e-10):
    """Compare scores and gradients of users, items and all weights with the oracle."""
    users, items = (t.clone().requires_grad_() for t in (users, items))
    scores = tower(users, items)
    expected = ORACLES[type(tower)](tower, outer(users, items, part))
    torch.testing.assert_close(scores, expected, rtol=tolerance, atol=tolerance)
    weight = vectors(*scores.shape, seed=9).to(scores.dtype)
    wanted = [users, items, *tower.parameters()]
    got = torch.autograd.grad(scores, wanted, weight)
    for ours, theirs in zip(got, torch.autograd.grad(expected, wanted, weight), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("size", [2, 4, 16])
def test_scores_are_those_of_the_equations(size):
    tower, users, items = make(ConvTower, size, N_MAPS), vectors(2, 1, size), vectors(2, 3, size)
    expected = [[by_loops(tower, users[b, 0], items[b, m]) for m in range(3)] for b in range(2)]
    np.testing.assert_allclose(tower(users, items).detach(), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("part", MAP_PARTS)
@pytest.mark.parametrize("size", SIZES)
def test_scores_and_gradients_are_those_of_convolutions(size, part):
    tower = make(ConvTower, size, N_MAPS, part)
    check_gradients(tower, vectors(3, 1, size), vectors(3, 4, size, seed=1), part)


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize(
    ("users", "items"),
    [((3, 1), (3, 4)), ((3, 4), (3, 4)), ((3, 1), (1, 4)), ((1, 1), (1, 1)), ((5, 1), (5, 1))],
)
@pytest.mark.parametrize("cls", [ConvTower, MapMLP])
def test_vectors_are_broadcast(cls, users, items):
    check_gradients(make(cls, 8), vectors(*users, 8), vectors(*items, 8, seed=1))


@given(
    halvings=st.integers(1, 4),
    n_maps=st.integers(1, 4),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    shared=st.booleans(),
    part=st.sampled_from(MAP_PARTS),
    limit=st.integers(1, 2**14),
)
@settings(deadline=None, max_examples=30)
def test_any_cut_into_chunks_is_exact(halvings, n_maps, shape, shared, part, limit):
    size = 2**halvings
    users = vectors(shape[0], 1 if shared else shape[1], size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "_CPU_CHUNK_BYTES", limit)
        check_gradients(make(ConvTower, size, n_maps, part), users, vectors(*shape, size), part)


def test_autograd_agrees_with_differences():
    tower = make(ConvTower, 4, 2)
    inputs = [vectors(2, 1, 4).requires_grad_(), vectors(2, 3, 4, seed=1).requires_grad_()]
    assert torch.autograd.gradcheck(tower, inputs)


@pytest.mark.parametrize(
    ("cls", "args"), [(ConvTower, (64, 32)), (ConvTower, (4, 1)), (MapMLP, (8,))]
)
def test_single_precision_is_close(cls, args):
    torch.manual_seed(0)
    users, items = vectors(6, 1, args[0]).float(), vectors(6, 2, args[0], seed=1).float()
    tower = cls(*args)
    scores = tower(users, items)
    assert scores.dtype == torch.float32
    expected = tower.double()(users.double(), items.double())
    torch.testing.assert_close(scores.double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("frozen", ["weights", "items", "users", "vectors"])
def test_what_is_frozen_gets_no_gradient_and_the_rest_the_same(frozen):
    tower = make(ConvTower, 8, N_MAPS)
    users, items = vectors(3, 1, 8).requires_grad_(), vectors(3, 2, 8).requires_grad_()
    tower(users, items).sum().backward()
    expected = [p.grad for p in (users, items, *tower.parameters())]
    groups = {"weights": [*tower.parameters()], "users": [users], "items": [items]}
    for p in groups.get(frozen, [users, items]):
        p.requires_grad_(False)
    everything = [users, items, *tower.parameters()]
    for p in everything:
        p.grad = None
    tower(users, items).sum().backward()
    for p, grad in zip(everything, expected, strict=True):
        assert p.requires_grad == (p.grad is not None)
        if p.requires_grad:
            torch.testing.assert_close(p.grad, grad, rtol=1e-12, atol=1e-12)


def test_a_batch_may_be_worked_back_in_another_order_than_forward():
    tower = make(ConvTower, 8, N_MAPS)
    users, items = vectors(2, 1, 8).requires_grad_(), vectors(2, 2, 8)
    first, second = tower(users, items), tower(2 * users, items)
    got = torch.autograd.grad(first.sum() + 3 * second.sum(), users)[0]
    maps = outer(users, items)
    expected = by_conv2d(tower, maps).sum() + 3 * by_conv2d(tower, 2 * maps).sum()
    torch.testing.assert_close(got, torch.autograd.grad(expected, users)[0])


@pytest.mark.parametrize("shape", [(0, 3), (2, 0)])
@pytest.mark.parametrize("cls", [ConvTower, MapMLP])
def test_an_empty_batch_has_empty_scores_and_zero_gradients(cls, shape):
    tower = make(cls, 8)
    users = vectors(shape[0], 1, 8).requires_grad_()
    scores = tower(users, vectors(*shape, 8))
    assert scores.shape == shape
    scores.sum().backward()
    assert not users.grad.any()
    assert not any(p.grad.any() for p in tower.parameters())


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("part", MAP_PARTS)
@pytest.mark.parametrize("cls", [ConvTower, MapMLP])
@pytest.mark.parametrize("limit", [1, 2**25])
def test_cross_scores_all_pairs(cls, part, limit, monkeypatch):
    monkeypatch.setattr("skrec.nn.interactions._CHUNK_BYTES", limit)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(1))
    tower = make(cls, 8, map_part=part, order=order)
    users, items = vectors(5, 8), vectors(7, 8, seed=1)
    expected = tower(users[:, None], items[None].expand(5, 7, 8))
    torch.testing.assert_close(tower.cross(users, tower.item_side(items)), expected)
    with torch.no_grad():
        torch.testing.assert_close(tower.cross(users, tower.item_side(items)), expected)


@pytest.mark.parametrize("part", MAP_PARTS)
@pytest.mark.parametrize("cls", [ConvTower, MapMLP])
def test_an_order_permutes_both_vectors(cls, part):
    order = torch.tensor([3, 0, 7, 5, 1, 2, 6, 4])
    tower, same = make(cls, 8, map_part=part, order=order), make(cls, 8, map_part=part)
    users, items = vectors(3, 1, 8), vectors(3, 2, 8, seed=1)
    expected = same(users[..., order], items[..., order])
    torch.testing.assert_close(tower(users, items), expected)
    assert not torch.allclose(tower(users, items), same(users, items))


def test_an_order_is_saved_with_the_weights():
    order = torch.tensor([1, 0, 3, 2])
    tower, other = ConvTower(4, order=order), ConvTower(4, order=torch.arange(4))
    other.load_state_dict(tower.state_dict())
    users, items = torch.randn(2, 1, 4), torch.randn(2, 1, 4)
    torch.testing.assert_close(other(users, items), tower(users, items), rtol=0, atol=0)
    assert "order" not in ConvTower(4).state_dict()


@pytest.mark.parametrize("part", MAP_PARTS)
def test_the_mlp_is_that_of_the_flat_map(part):
    check_gradients(make(MapMLP, 6, map_part=part), vectors(3, 1, 6), vectors(3, 4, 6), part)
    check_gradients(make(MapMLP, 6, (5,), part), vectors(3, 4, 6), vectors(3, 4, 6), part)


def test_the_mlp_has_the_half_size_tower_of_the_paper():
    assert [layer.out_features for layer in MapMLP(16).layers] == [128, 64, 32]
    assert [layer.out_features for layer in MapMLP(4, (9, 7)).layers] == [9, 7]


def test_the_tower_has_the_parameters_of_the_paper():
    shapes = {name: tuple(p.shape) for name, p in ConvTower(64).named_parameters()}
    assert shapes.pop("convolutions.0.weight") == (32, 1, 2, 2)
    assert shapes.pop("output.weight") == (1, 32)
    for layer in range(6):
        assert shapes.pop(f"convolutions.{layer}.bias") == (32,)
    assert shapes == {f"convolutions.{n}.weight": (32, 32, 2, 2) for n in range(1, 6)}


@pytest.mark.parametrize(("cls", "args"), [(ConvTower, (64, 64)), (MapMLP, (16,))])
def test_layers_start_as_he_with_zero_bias(cls, args):
    torch.manual_seed(0)
    for name, p in cls(*args).named_parameters():
        if name.endswith("bias"):
            assert not p.any()
        else:
            gain = 1 if name == "output.weight" else math.sqrt(2)
            expected = gain / math.sqrt(p[0].numel())
            assert p.std().item() == pytest.approx(expected, rel=5 * (2 * p.numel()) ** -0.5)


def test_scores_neither_vanish_nor_explode_with_depth():
    torch.manual_seed(0)
    deviations = [
        ConvTower(size)(torch.randn(50, 1, size), torch.randn(50, 2, size)).std().item()
        for size in SIZES
    ]
    assert 0.1 < min(deviations)
    assert max(deviations) < 10


@pytest.mark.parametrize("size", [0, 1, 12, 63])
def test_a_size_that_cannot_be_halved_is_an_error(size):
    with pytest.raises(ValueError, match=rf"power of two, such as 32 or 64.* got {size}"):
        ConvTower(size)


@pytest.mark.parametrize("cls", [ConvTower, MapMLP])
def test_wrong_parts_and_orders_are_errors(cls):
    with pytest.raises(ValueError, match=r"map_part must be one of .*'diagonal'.* got 'upper'"):
        cls(4, map_part="upper")
    for order in ([0, 1, 2], [0, 1, 1, 3], [1, 2, 3, 4]):
        with pytest.raises(ValueError, match="order must be a permutation of 0 to 3"):
            cls(4, order=torch.tensor(order))


@pytest.mark.parametrize("widths", [(4, 8), (8, 4), (8, 8), (2, 4)])
@pytest.mark.parametrize("cls", [ConvTower, MapMLP])
def test_vectors_of_another_width_are_errors(cls, widths):
    wrong = next(width for width in widths if width != 4)
    with pytest.raises(ValueError, match=f"4 wide, got {wrong}"):
        cls(4)(torch.randn(2, 1, widths[0]), torch.randn(2, 3, widths[1]))


def test_an_mlp_without_layers_is_an_error():
    with pytest.raises(ValueError, match="hidden_sizes must name at least one layer"):
        MapMLP(4, ())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("part", MAP_PARTS)
def test_a_gpu_gives_the_same(part):
    tower = make(ConvTower, 16, 8, part)
    users, items = vectors(5, 1, 16).requires_grad_(), vectors(5, 3, 16).requires_grad_()
    expected = torch.autograd.grad(tower(users, items).sum(), [users, items])
    moved = [t.detach().cuda().requires_grad_() for t in (users, items)]
    got = torch.autograd.grad(tower.cuda()(*moved).sum(), moved)
    for ours, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(ours.cpu(), theirs)
