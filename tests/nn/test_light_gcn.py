"""LightGCN against the matrix of the whole graph, in NumPy and float64."""

import numpy as np
import pytest
import torch

from skrec.nn import Dot, Graph, LightGCN, PairBatch, PairwiseLoss, UserTable, make_table
from skrec.nn.pairs import MASKED

SIZE, LR, L2 = 3, 0.7, 0.05
BATCH = np.array([[0, 3, 1, 2], [4, 0, 2, 5], [0, 0, 4, 1], [3, 6, 0, 7]])  # user, item, negatives


@pytest.fixture
def make(dense, to_rows):
    """Return a function that makes the model of the matrix `dense`."""

    def made(n_layers):
        torch.manual_seed(0)
        tables = UserTable(5, SIZE, 1.0), make_table(8, SIZE, 1.0)
        graph = Graph(to_rows(dense), to_rows(dense.T))
        return LightGCN(*tables, Dot(SIZE), graph, n_layers).double()

    return made


def graph_mean(dense, n_layers):
    """Return (I + A + ... + A^K) / (K + 1), A the normalised matrix of all nodes."""
    n_users, n_nodes = len(dense), sum(dense.shape)
    A = np.zeros((n_nodes, n_nodes))
    A[:n_users, n_users:] = dense > 0
    A += A.T
    degree = A.sum(axis=1)
    for a, b in np.argwhere(A):
        A[a, b] /= np.sqrt(degree[a]) * np.sqrt(degree[b])
    powers = [np.linalg.matrix_power(A, k) for k in range(n_layers + 1)]
    return sum(powers) / (n_layers + 1)


def vectors(model):
    free, items = model.users.free.weight, model.items.weight
    return np.concatenate([free.detach().numpy(), items.detach().numpy()])


def batch_of(rows, **parts):
    rows = torch.from_numpy(rows)
    return PairBatch(rows[:, 0], rows[:, 1:], **parts)


@pytest.mark.parametrize("n_layers", [0, 1, 2, 3])
def test_scores_are_those_of_the_mean_of_the_powers(n_layers, make, dense, to_rows):
    model = make(n_layers)
    mean = graph_mean(dense, n_layers) @ vectors(model)
    scores = mean[:5] @ mean[5:].T
    found, _, _ = model(batch_of(BATCH))
    expected = [[scores[row[0], i] for i in row[1:]] for row in BATCH]
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-12)
    settled = model.settled()
    states = settled.states(settled.users.free.weight, to_rows(dense))
    np.testing.assert_allclose(settled.score_all(states), scores, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(settled.items.weight, mean[5:], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n_layers", [0, 1, 3])
def test_a_step_of_descent_is_that_of_the_formula(n_layers, make, dense):
    model = make(n_layers)
    E, M = vectors(model), graph_mean(dense, n_layers)
    mean, slope = M @ E, np.zeros_like(E)
    penalty = np.zeros_like(E)
    n_negatives = BATCH.shape[1] - 2
    for u, i, *negatives in BATCH:
        for j in negatives:
            difference = mean[5 + i] - mean[5 + j]
            pull = -1 / (1 + np.exp(mean[u] @ difference)) / n_negatives / len(BATCH)
            slope[u] += pull * difference
            slope[5 + i] += pull * mean[u]
            slope[5 + j] -= pull * mean[u]
            penalty[5 + j] += 2 * L2 * E[5 + j] / n_negatives / len(BATCH)
        penalty[u] += 2 * L2 * E[u] / len(BATCH)
        penalty[5 + i] += 2 * L2 * E[5 + i] / len(BATCH)
    expected = E - LR * (M.T @ slope + penalty)
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    PairwiseLoss(L2, L2)(model(batch_of(BATCH)), None).backward()
    optimizer.step()
    np.testing.assert_allclose(vectors(model), expected, rtol=1e-10)


def test_shared_negatives_are_those_of_each_row(make):
    model, rows = make(2), BATCH[:, :2]
    shared, hits = torch.tensor([7, 0, 4]), torch.tensor([[1, 2], [1, 2]])
    batch = batch_of(rows, shared=shared, hits=hits)
    scores, users, items = model(batch)
    others = shared.expand(len(rows), 3)
    single, own, each = model(batch_of(np.column_stack([rows, others])))
    single = single.detach().clone()
    single[hits[0], 1 + hits[1]] = MASKED
    torch.testing.assert_close(scores.detach(), single)
    torch.testing.assert_close(users(), own())
    torch.testing.assert_close(items(), each())


def test_what_scores_is_made_anew_when_weights_may_have_changed(make):
    model = make(2).eval()
    first = model.settled()
    assert model.settled() is first
    weights = {name: 2 * weight for name, weight in model.state_dict().items()}
    model.load_state_dict(weights)
    torch.testing.assert_close(model.settled().items.weight, 2 * first.items.weight)
    assert model.settled() is model.settled()
    assert model.float().settled().items.weight.dtype == torch.float32
    assert "_settled" not in dict(model.named_modules())
    assert len(list(model.parameters())) == 2
