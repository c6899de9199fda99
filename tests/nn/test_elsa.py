"""ELSA and its loss, against NumPy and dense torch."""

import numpy as np
import pytest
import torch

from skrec.nn import ELSA, CosineReconstruction, seeded

N_ITEMS, SIZE = 8, 3


@pytest.fixture
def module():
    torch.manual_seed(0)
    return ELSA(N_ITEMS, SIZE).double()


def unit(rows):
    """Divide each row by its length, in loops."""
    return np.array([row / max(sum(x * x for x in row) ** 0.5, 1e-300) for row in rows])


def reconstruct(X, weight):
    A = unit(weight)
    return np.array([[sum(x[j] * (A[j] @ a) for j in range(len(x))) for a in A] for x in X]) - X


def distance(X, weight, inputs=None):
    """Return the mean squared distance on the sphere, over the rows that have something."""
    f = reconstruct(X if inputs is None else inputs, weight)
    filled = X.any(axis=1)
    return ((unit(f) - unit(X))[filled] ** 2).sum(axis=1).mean()


def test_scores(module, dense, to_rows):
    expected = reconstruct(dense, module.weight.detach().numpy())
    rows, module = to_rows(dense), module.eval()
    with torch.no_grad():
        np.testing.assert_allclose(module(rows)[0], expected, rtol=1e-12, atol=1e-14)
        items = torch.tensor([6, 0, 3])
        np.testing.assert_allclose(module(rows, items)[0], expected[:, [6, 0, 3]], atol=1e-14)
        lists = torch.tensor([[6, 0, 3], [1, 2, 2], [0, 7, 5], [6, 5, 4], [7, 1, 0]])
        some = np.take_along_axis(expected, lists.numpy(), axis=1)
        np.testing.assert_allclose(module(rows, lists)[0], some, atol=1e-14)
        nothing = to_rows(np.zeros((2, N_ITEMS)))
        assert not module(nothing, items)[0].any()
    # an item alone explains nothing of itself, and others by the cosine
    one = np.eye(N_ITEMS)[[2]]
    A = unit(module.weight.detach().numpy())
    with torch.no_grad():
        np.testing.assert_allclose(module(to_rows(one))[0][0], A @ A[2] - one[0], atol=1e-14)


def test_vectors_have_norm_one(module):
    np.testing.assert_allclose(module.vectors().norm(dim=1).detach(), np.ones(N_ITEMS), rtol=1e-12)


def test_the_loss_is_the_distance_of_directions(module, dense, to_rows):
    rows = to_rows(dense)
    loss = CosineReconstruction()(module(rows), rows)
    assert loss.item() == pytest.approx(distance(dense, module.weight.detach().numpy()), abs=1e-10)


def test_with_dropout_the_whole_row_is_rebuilt_from_what_is_left(dense, to_rows):
    torch.manual_seed(0)
    module = ELSA(N_ITEMS, SIZE, dropout=0.4).double().train()
    rows = to_rows(dense)
    with seeded(3):
        vectors, values = module(rows)
    inputs = np.zeros_like(dense)
    inputs[rows.row, rows.indices] = values.numpy()
    assert 0 < np.count_nonzero(inputs) < np.count_nonzero(dense)
    kept = inputs > 0
    np.testing.assert_allclose(inputs[kept], dense[kept] / 0.6, rtol=1e-12)
    loss = CosineReconstruction()((vectors, values), rows)
    expected = distance(dense, module.weight.detach().numpy(), inputs)
    assert loss.item() == pytest.approx(expected, abs=1e-10)
    assert len(module.eval()(rows)) == 1


def test_gradients_are_those_of_the_dense_formula(module, dense, to_rows):
    rows = to_rows(dense)
    CosineReconstruction()(module(rows), rows).backward()
    weight = module.weight.detach().clone().requires_grad_()
    X = torch.from_numpy(dense)
    A = torch.nn.functional.normalize(weight, dim=1)
    normalize = torch.nn.functional.normalize
    losses = (normalize(X @ A @ A.T - X, dim=1) - normalize(X, dim=1)).square().sum(dim=1)
    losses[X.any(dim=1)].mean().backward()
    np.testing.assert_allclose(module.weight.grad, weight.grad, rtol=1e-8, atol=1e-12)
    # unit rows: a longer vector is no other one
    along = (module.weight.grad * module.weight.detach()).sum(dim=1)
    np.testing.assert_allclose(along, np.zeros(N_ITEMS), atol=1e-12)


def test_gradients_by_differences(module, dense, to_rows):
    rows = to_rows(dense)

    def loss(weight):
        vectors = torch.nn.functional.normalize(weight, dim=1)
        return CosineReconstruction()((vectors,), rows)

    assert torch.autograd.gradcheck(loss, (module.weight.detach().clone().requires_grad_(),))


@pytest.mark.parametrize("weight", [torch.eye(3), torch.ones(3, 2)])
def test_what_rebuilds_nothing_has_a_finite_loss(weight, to_rows):
    """Orthogonal vectors rebuild rows of zeros, whose direction is none."""
    module = ELSA(3, weight.shape[1]).double()
    module.weight.data = weight.double()
    for X in (np.eye(3), np.zeros((2, 3)), np.ones((1, 3))):
        module.weight.grad = None
        rows = to_rows(X)
        loss = CosineReconstruction()(module(rows), rows)
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(module.weight.grad).all()
