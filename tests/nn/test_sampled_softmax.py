"""The likelihood under a sample of the items against the formula in NumPy."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from skrec.nn import SampledLogits, SampledRows, multinomial_nll, sampled_multinomial_nll
from skrec.nn.rows import SparseLinear, compact
from skrec.nn.sampled_softmax import sampled_outputs

INCLUSION = np.array([0.5, 1.0, 0.2, 0.25, 1.0, 0.9, 0.1, 0.4])


def numpy_nll(f, x, items, inclusion):
    losses = []
    for scores, row in zip(f, x):
        own = np.flatnonzero(row)
        others = np.setdiff1d(items, own)
        total = np.exp(scores[own]).sum() + (np.exp(scores[others]) / inclusion[others]).sum()
        losses.append(-(row * (scores - np.log(total))).sum())
    return np.array(losses)


def sampled(rows, items, inclusion=INCLUSION, by_rows=True):
    items = torch.as_tensor(items)
    places = torch.full((len(inclusion),), -1)
    places[items] = torch.arange(len(items))
    log_inclusion = torch.from_numpy(np.log(inclusion))[items]
    return SampledRows(
        **vars(rows),
        items=items,
        log_inclusion=log_inclusion,
        places=places[rows.indices],
        by_rows=by_rows,
    )


def logits_of(f, rows):
    return SampledLogits(f[rows.row, rows.indices], f[:, rows.items])


@pytest.fixture
def f():
    return torch.from_numpy(np.random.RandomState(1).normal(scale=2, size=(5, 8)))


@pytest.mark.parametrize("items", [[0, 1, 4, 7], [6], [1, 4], list(range(8))])
def test_value_is_the_formula(items, to_rows, dense, f):
    rows = sampled(to_rows(dense), items)
    got = sampled_multinomial_nll(logits_of(f, rows), rows).numpy()
    expected = numpy_nll(f.numpy(), dense, np.array(items), INCLUSION)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


def test_with_all_items_it_is_the_exact_likelihood(to_rows, dense, f):
    rows = sampled(to_rows(dense), range(8), np.ones(8))
    got = sampled_multinomial_nll(logits_of(f, rows), rows)
    np.testing.assert_allclose(got, multinomial_nll(f, rows), rtol=1e-12)
    np.testing.assert_allclose(got, -(dense * log_softmax(f.numpy(), axis=1)).sum(axis=1))


def test_large_and_small_scores_are_finite(to_rows, dense, f):
    rows = sampled(to_rows(dense), [0, 3])
    for shift in (-1e4, 1e4):
        logits = (f + shift).requires_grad_()
        loss = sampled_multinomial_nll(logits_of(logits, rows), rows)
        torch.testing.assert_close(loss, sampled_multinomial_nll(logits_of(f, rows), rows))
        loss.sum().backward()
        assert torch.isfinite(logits.grad).all()


def test_a_row_that_has_the_whole_sample(to_rows):
    x = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    rows = sampled(to_rows(x), [0, 1], np.full(3, 0.5))
    f = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], dtype=torch.float64, requires_grad=True)
    loss = sampled_multinomial_nll(logits_of(f, rows), rows)
    expected = numpy_nll(f.detach().numpy(), x, np.array([0, 1]), np.full(3, 0.5))
    np.testing.assert_allclose(loss.detach(), expected)
    loss.sum().backward()
    assert torch.isfinite(f.grad).all()


def test_the_estimate_of_the_normaliser_has_no_bias():
    """The mean over all samples, each with its probability, is the normaliser."""
    f, inclusion = np.array([0.3, -1.0, 2.0]), np.array([0.5, 0.25, 0.25])  # one is drawn
    normaliser = sum(p * np.exp(f[i]) / inclusion[i] for i, p in enumerate(inclusion))
    assert normaliser == pytest.approx(np.exp(f).sum())
    # its logarithm is too small
    mean_log = sum(p * np.log(np.exp(f[i]) / inclusion[i]) for i, p in enumerate(inclusion))
    assert mean_log < np.log(np.exp(f).sum())


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return torch.nn.Linear(3, 8, dtype=torch.float64)


def test_outputs_are_those_of_the_layer(to_rows, dense, layer):
    hidden, rows = torch.randn(5, 3, dtype=torch.float64), sampled(to_rows(dense), [1, 5, 6])
    f, got = layer(hidden), sampled_outputs(layer, hidden, rows)
    torch.testing.assert_close(got.stored, f[rows.row, rows.indices])
    torch.testing.assert_close(got.sampled, f[:, rows.items])


@pytest.mark.parametrize("by_rows", [False, True])
def test_gradients_are_those_of_the_whole_layer(by_rows, to_rows, dense, layer):
    hidden = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    rows = sampled(to_rows(dense), [1, 5, 6], by_rows=by_rows)
    inputs = hidden, layer.weight, layer.bias
    loss = sampled_multinomial_nll(sampled_outputs(layer, hidden, rows), rows).sum()
    got = torch.autograd.grad(loss, inputs)
    loss = sampled_multinomial_nll(logits_of(layer(hidden), rows), rows).sum()
    expected = torch.autograd.grad(loss, inputs)
    assert got[1].is_sparse == by_rows
    for own, other in zip(got, expected):
        torch.testing.assert_close(own.to_dense() if own.is_sparse else own, other)


def test_a_sparse_gradient_holds_the_rows_that_were_read_and_no_others(to_rows, dense, layer):
    dense[:, [0, 7]] = 0
    rows = sampled(to_rows(dense), [1, 5])
    hidden = torch.randn(5, 3, dtype=torch.float64)
    sampled_multinomial_nll(sampled_outputs(layer, hidden, rows), rows).sum().backward()
    read = np.union1d(rows.indices, [1, 5])
    np.testing.assert_array_equal(layer.weight.grad._indices()[0], read)
    assert len(read) < 8


def test_the_first_layer_has_a_sparse_gradient_of_what_was_not_dropped(to_rows, dense):
    layer = SparseLinear(8, 4).double()
    rows = to_rows(dense)
    keep = torch.arange(len(rows.values)) % 2
    rows = type(rows)(rows.indices, rows.offsets, rows.values * keep)
    weights = torch.randn(5, 4, dtype=torch.float64)
    (layer(rows) * weights).sum().backward()
    expected, layer.weight.grad = layer.weight.grad, None
    (layer(sampled(rows, [2])) * weights).sum().backward()
    assert layer.weight.grad.is_sparse
    torch.testing.assert_close(layer.weight.grad.to_dense(), expected)
    read = np.unique(rows.indices[keep == 1])
    np.testing.assert_array_equal(layer.weight.grad._indices()[0], read)


def test_columns_are_numbered():
    touched, places = compact(torch.tensor([5, 1, 5, 7]), 9)
    assert touched.tolist() == [1, 5, 7]
    assert places.tolist() == [1, 0, 1, 2]
