"""SparseRows and SparseLinear against dense NumPy."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from skrec.nn import SparseLinear, SparseRows


def to_dense(rows, n_items):
    """Write a batch into a dense array."""
    X = np.zeros((len(rows), n_items))
    X[rows.row.numpy(), rows.indices.numpy()] = rows.values.numpy()
    return X


def test_length_and_row_of_each_entry(to_rows, dense):
    rows = to_rows(dense)
    assert len(rows) == 5
    np.testing.assert_array_equal(rows.row.numpy(), np.nonzero(dense)[0])


def test_sum_of_entries_and_of_other_values(to_rows, dense):
    rows = to_rows(dense)
    np.testing.assert_allclose(rows.sum().numpy(), dense.sum(axis=1))
    np.testing.assert_allclose(rows.sum(rows.values**3).numpy(), (dense**3).sum(axis=1))


def test_normalized_rows_have_norm_one_and_empty_ones_stay_empty(to_rows, dense):
    got = to_dense(to_rows(dense).normalized(), 8)
    norms = np.sqrt((dense**2).sum(axis=1, keepdims=True))
    expected = np.divide(dense, norms, out=np.zeros_like(dense), where=norms > 0)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_dropout_keeps_everything_outside_training(to_rows, dense):
    rows = to_rows(dense)
    torch.testing.assert_close(rows.dropped_out(0.7, False).values, rows.values)


def test_dropout_zeroes_a_share_of_the_entries_and_scales_the_rest():
    n = 20_000
    offsets = torch.tensor([0, n])
    rows = SparseRows(torch.arange(n), offsets, torch.ones(n, dtype=torch.float64))
    values = rows.dropped_out(0.3, True).values.numpy()
    dropped = values == 0
    assert abs(dropped.mean() - 0.3) < 0.02
    np.testing.assert_allclose(values[~dropped], 1 / 0.7)


def test_to_gives_the_same_batch_on_its_own_device(to_rows, dense):
    rows = to_rows(dense)
    assert rows.to("cpu") is rows
    moved = rows.to("meta")
    assert moved.indices.device.type == moved.offsets.device.type == "meta"
    assert moved.values.device.type == "meta"


def test_sparse_linear_is_the_dense_product(to_rows, dense):
    layer = SparseLinear(8, 3).double()
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([1.0, -2.0, 0.5]))
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    got = layer(to_rows(dense)).detach().numpy()
    np.testing.assert_allclose(got, dense @ weight + bias, rtol=1e-12)
    np.testing.assert_allclose(got[2], bias)  # the empty row


def test_sparse_linear_has_the_gradients_of_the_dense_product(to_rows, dense):
    layer = SparseLinear(8, 3).double()
    upstream = torch.from_numpy(np.random.RandomState(1).normal(size=(5, 3)))
    layer(to_rows(dense)).backward(upstream)
    np.testing.assert_allclose(layer.weight.grad.numpy(), dense.T @ upstream.numpy(), rtol=1e-12)
    np.testing.assert_allclose(layer.bias.grad.numpy(), upstream.numpy().sum(axis=0))


@pytest.fixture(params=["sparse products", "none"])
def _kernels(request, monkeypatch):
    """Run with the sparse products of MKL, and as where there are none."""
    if request.param == "none":
        monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)


@pytest.mark.usefixtures("_kernels")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("with_dense", [False, True])
def test_gradients_of_sparse_and_normalised_dense_rows(to_rows, dtype, with_dense):
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(40, 60)) * (rng.uniform(size=(40, 60)) < 0.1)
    rows, layer = to_rows(X), SparseLinear(60, 7, parts=2).to(dtype)
    rows = replace(rows, values=rows.values.to(dtype))
    upstream, more_upstream = rng.normal(size=(40, 14)), rng.normal(size=(6, 14))
    U = rng.uniform(size=(6, 60))
    more = torch.from_numpy(U).to(dtype).requires_grad_()
    outputs = layer(rows, more) if with_dense else (layer(rows),)
    both = [torch.from_numpy(a).to(dtype) for a in (upstream, more_upstream)][: len(outputs)]
    torch.autograd.backward(outputs, both)
    norms = np.linalg.norm(U, axis=1, keepdims=True)
    weight = layer.weight.detach().double().numpy()
    expected = X.T @ upstream + with_dense * (U / norms).T @ more_upstream
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 1e-9}
    np.testing.assert_allclose(layer.weight.grad.numpy(), expected, **tolerance)
    if with_dense:
        np.testing.assert_allclose(
            outputs[1].detach().numpy(), U / norms @ weight, **(tolerance | {"atol": 1e-5})
        )
        raw = more_upstream @ weight.T / norms
        along = (raw * U).sum(axis=1, keepdims=True) / norms**2
        np.testing.assert_allclose(
            more.grad.numpy(), raw - along * U, **(tolerance | {"atol": 1e-5})
        )


def test_a_weight_that_needs_no_gradient_gets_none(to_rows, dense):
    layer, more = SparseLinear(8, 3).double(), torch.ones(2, 8).double().requires_grad_()
    layer.weight.requires_grad_(False)
    output, more_output = layer(to_rows(dense), more)
    (output.sum() + more_output.square().sum()).backward()
    assert layer.weight.grad is None
    assert layer.bias.grad is not None
    assert more.grad is not None


@pytest.mark.usefixtures("_kernels")
def test_sparse_linear_passes_gradcheck(to_rows, dense):
    rows, layer = to_rows(dense), SparseLinear(8, 2).double()

    def product(weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (rows,))

    parameters = [p.detach().requires_grad_() for p in (layer.weight, layer.bias)]
    assert torch.autograd.gradcheck(product, parameters)


@pytest.mark.parametrize("sizes", [(50, 20), (7, 300)])
def test_sparse_linear_starts_as_xavier_with_zero_bias(sizes):
    layer = SparseLinear(*sizes)
    assert layer.weight.shape == sizes
    bound = np.sqrt(6 / sum(sizes))
    assert 0.9 * bound < layer.weight.abs().max() <= bound
    assert not layer.bias.any()


def test_a_row_of_stored_zeros_has_no_norm():
    rows = SparseRows(torch.tensor([0, 2]), torch.tensor([0, 2]), torch.zeros(2))
    assert rows.normalized().values.tolist() == [0.0, 0.0]
