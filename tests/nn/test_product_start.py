"""Networks over products that begin with their sum: inner products, before any training."""

import pytest
import torch

from skrec.nn import ConvTower, GeRec, MapMLP
from skrec.nn.neural_cf import JRL

KINDS = ["product", "concat+product", "inner"]


def towers():
    for size in (2, 8, 64):
        yield ConvTower(size, 2), size
        yield ConvTower(size, 5, "diagonal"), size
    yield ConvTower(8, 4, order=torch.randperm(8)), 8
    yield JRL(6, (2,)), 6
    yield JRL(8, (9, 3, 4), bias=True), 8
    yield MapMLP(8), 8
    yield MapMLP(5, (6, 2)), 5
    yield MapMLP(8, map_part="diagonal"), 8


def cnns():
    for kind in KINDS:
        for options in (
            {},
            {"aggregate": "mean"},
            {"hidden_size": (9, 2)},
            {"kernel_sizes": (2, 3)},
            {"kernel_sizes": (1,), "bias": False},
            {"kernel_sizes": (9, 2), "n_filters": 2},
        ):
            small = {"n_filters": 4, "hidden_size": 6, "interaction": kind, **options}
            yield GeRec(7, 5, "score", **small), small


@pytest.mark.parametrize(("tower", "size"), list(towers()))
def test_towers_begin_with_inner_products(tower, size):
    torch.manual_seed(0)
    users, items = torch.randn(6, 1, size).double(), torch.randn(6, 3, size).double()
    tower = tower.double()
    right = (users * items).sum(-1)
    assert not torch.allclose(tower(users, items), right)
    tower.start_at_product()
    torch.testing.assert_close(tower(users, items), right)
    torch.testing.assert_close(tower.cross(users[:, 0], items[0]), users[:, 0] @ items[0].T)


@pytest.mark.parametrize(("cnn", "options"), list(cnns()))
def test_gerec_begins_with_a_mean_of_inner_products(cnn, options):
    torch.manual_seed(0)
    cnn = cnn.double()
    cnn.start_at_product()
    own, others = torch.randn(6, 1, 5, 7).double(), torch.randn(6, 3, 5, 7).double()
    scores = cnn.pair(cnn.user_side(own), cnn.items_side(others))
    products = torch.einsum("bokd,bmld->bmkl", own, others)
    if options.get("kernel_sizes") == (1,) or options.get("aggregate") == "mean":
        torch.testing.assert_close(scores, products.mean((2, 3)))  # each pair weighs the same
    assert (scores >= products.amin((2, 3))).all()
    assert (scores <= products.amax((2, 3))).all()
    alike = [z[:, :, :1].expand_as(z).contiguous() for z in (own, others)]
    scores = cnn.pair(cnn.user_side(alike[0]), cnn.items_side(alike[1]))
    torch.testing.assert_close(scores, products[..., 0, 0])


@pytest.mark.parametrize(
    ("network", "size"),
    [(ConvTower(8, 4), 8), (MapMLP(8), 8), (GeRec(8, 4, n_filters=4, interaction="product"), 16)],
)
def test_all_channels_learn(network, size):
    torch.manual_seed(0)
    network.start_at_product()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    users, items = torch.randn(30, 1, size), torch.randn(30, 4, size)
    target = torch.randn(30, 4)
    starts = [parameter.detach().clone() for parameter in network.parameters()]
    for _ in range(3):  # the output reads the other channels after its first step
        optimizer.zero_grad()
        (network(users, items) - target).square().mean().backward()
        optimizer.step()
    for start, parameter in zip(starts, network.parameters(), strict=True):
        moved = (parameter != start).flatten(1) if parameter.ndim > 1 else parameter != start
        assert moved.any(-1).float().mean() > 0.5


@pytest.mark.parametrize(
    "network",
    [
        JRL(4, (3, 1)),
        ConvTower(8, 1),
        MapMLP(8, (4, 1)),
        GeRec(4, 3, hidden_size=1, interaction="inner"),
    ],
)
def test_one_channel_cannot_hold_both_signs(network):
    before = [parameter.detach().clone() for parameter in network.parameters()]
    with pytest.raises(ValueError, match=r"at least 2 wide; got \[.*1\]"):
        network.start_at_product()
    for start, parameter in zip(before, network.parameters(), strict=True):
        torch.testing.assert_close(parameter, start)
