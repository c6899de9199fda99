"""Hidden units and encoders of rows against NumPy."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from skrec.nn import RowEncoder, SparseLinear, make_hidden, make_linear


def units(values, gated):
    """Return tanh, or values times the logistic function of gates."""
    if not gated:
        return np.tanh(values)
    a, b = np.split(values, 2, axis=1)
    return a * expit(b)


def state_of(module):
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}


def with_biases(module):
    """Return the module in float64 with biases that are not zero."""
    module = module.double()
    with torch.no_grad():
        for name, p in module.named_parameters():
            if name.endswith("bias"):
                p.uniform_(-0.5, 0.5)
    return module


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("sizes", [(3,), (3, 4), (3, 4, 5)])
def test_hidden_layers_are_the_formula(gated, sizes):
    layers = with_biases(make_hidden(sizes, gated))
    h = X = np.random.RandomState(0).normal(size=(6, 3))
    state = state_of(layers)
    for k in range(len(sizes) - 1):
        h = units(h @ state[f"{2 * k}.weight"].T + state[f"{2 * k}.bias"], gated)
    assert h.shape == (6, sizes[-1])
    np.testing.assert_allclose(layers(torch.from_numpy(X)).detach().numpy(), h, rtol=1e-10)


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("hidden_sizes", [(), (6,), (6, 4)])
@pytest.mark.parametrize("side_size", [None, 2])
def test_encoder_is_the_formula(gated, hidden_sizes, side_size, to_rows, dense):
    encoder = with_biases(RowEncoder(8, hidden_sizes, 5, gated, side_size))
    side = None if side_size is None else np.random.RandomState(0).normal(size=(5, side_size))
    state = state_of(encoder)
    h = dense @ state["first.weight"] + state["first.bias"]
    if side is not None:
        h = h + side @ state["side.weight"].T
    for k in range(len(hidden_sizes)):
        h = units(h, gated)
        h = h @ state[f"rest.{2 * k + 1}.weight"].T + state[f"rest.{2 * k + 1}.bias"]
    side = None if side is None else torch.from_numpy(side)
    got = encoder(to_rows(dense), side).detach().numpy()
    assert got.shape == (5, 5)
    np.testing.assert_allclose(got, h, rtol=1e-10)


def test_dense_rows_are_read_as_normalised_sparse_ones(to_rows, dense):
    encoder, dense = with_biases(RowEncoder(8, (6,), 5, gated=True)), dense[[0, 1, 3, 4]]
    expected = encoder(to_rows(dense).normalized())
    torch.testing.assert_close(encoder.dense(torch.from_numpy(dense)), expected)


def test_both_at_once_are_each_alone_and_so_are_their_gradients(to_rows, dense):
    encoder = with_biases(RowEncoder(8, (6,), 5, gated=True))
    rows = to_rows(dense)
    more = torch.from_numpy(np.random.RandomState(0).uniform(size=(3, 8)))
    more[1] = 0
    more.requires_grad_()
    weights = [
        torch.from_numpy(np.random.RandomState(k).normal(size=(n, 5))) for k, n in ((1, 5), (2, 3))
    ]

    def gradients(codes):
        loss = sum((code * weight).sum() for code, weight in zip(codes, weights))
        return torch.autograd.grad(loss, [more, *encoder.parameters()])

    both, alone = encoder.with_dense(rows, more), (encoder(rows), encoder.dense(more))
    torch.testing.assert_close(both, alone)
    torch.testing.assert_close(gradients(both), gradients(alone))


@pytest.mark.parametrize("parts", [1, 2])
def test_layers_side_by_side_start_as_layers_of_their_own(parts):
    torch.manual_seed(0)
    sparse = SparseLinear(300, 100, parts=parts).weight.detach().T
    plain = make_linear(300, 100, gated=parts == 2).weight.detach()
    for weight in (sparse, plain):
        assert weight.shape == (100 * parts, 300)
        bound = np.sqrt(6 / 400)
        for part in weight.chunk(parts):
            assert 0.95 * bound < part.abs().max() <= bound


def test_linear_layers_start_with_a_zero_bias_or_have_none():
    assert not make_linear(3, 4).bias.any()
    assert make_linear(3, 4, bias=False).bias is None
