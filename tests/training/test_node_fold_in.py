"""Fold-in of nodes against scipy's minimiser of the same objective, written in NumPy."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.optimize import minimize
from scipy.special import log_expit, log_softmax, logsumexp

from skrec.neural.objectives import LIKELIHOODS as LIKELIHOOD_OBJECTIVES
from skrec.nn import CDAE
from skrec.training import NodeFoldIn, sparse_rows

N_USERS, N_ITEMS, SIZE = 60, 30, 4
ALL = np.arange(N_ITEMS)
SOME = np.array([1, 4, 5, 9, 13, 22, 28])
LIKELIHOODS = pytest.mark.parametrize("likelihood", ["gaussian", "logistic", "multinomial"])


def matrix(n_rows=N_USERS, seed=0):
    X = np.random.RandomState(seed).uniform(size=(n_rows, N_ITEMS)) < 0.25
    X[np.arange(n_rows), np.arange(n_rows) % N_ITEMS] = True
    return sp.csr_matrix(X, dtype=np.float32)


def make_model(likelihood="gaussian"):
    """Return a model whose nodes follow from the rows but for noise."""
    torch.manual_seed(0)
    model = CDAE(N_USERS, N_ITEMS, SIZE, bounded=likelihood == "gaussian").eval()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1.5)
        nodes = model.encode(sparse_rows(matrix())) @ torch.randn(SIZE, SIZE)
        model.nodes.weight.copy_(nodes + 0.5 * torch.randn(nodes.shape))
    return model


def make_folder(model, n_steps=1000, sample=ALL, likelihood="gaussian"):
    objective = LIKELIHOOD_OBJECTIVES[likelihood]
    folder = NodeFoldIn(
        model,
        sparse_rows(matrix()),
        torch.arange(N_USERS),
        sample=torch.from_numpy(sample),
        n_steps=n_steps,
        term=objective.row_term(SimpleNamespace(confidence=(1.0, 0.2))),
        estimates_variance=objective.estimates_variance,
    )
    folder.likelihood = likelihood  # for the oracle
    return folder


def encoded(model, X):
    with torch.no_grad():
        return model.encode(sparse_rows(X)).numpy().astype(float)


class Objective:
    """What the fold-in of a row minimises, in NumPy."""

    def __init__(self, model, folder, row, sample=ALL):
        self.x = row.toarray()[0].astype(float)
        self.code = encoded(model, row)[0]
        self.out = [p.detach().numpy().astype(float) for p in model.last.parameters()]
        self.folder = folder
        self.start = np.append(self.code, 1) @ folder.weights.numpy()
        self.share = np.zeros(N_ITEMS)
        free = np.setdiff1d(sample, np.flatnonzero(self.x))
        self.share[free] = (self.x == 0).sum() / max(1, len(free))
        self.weight = self.share + (self.x > 0)

    def data(self, node):
        f = self.out[0] @ np.tanh(self.code + node) + self.out[1]
        if self.folder.likelihood == "gaussian":
            weight = 1.0 * (self.x > 0) + 0.2 * self.share
            square = (weight * (self.x - np.tanh(f)) ** 2).sum()
            return square / 2 / self.folder.noise_variance
        if self.folder.likelihood == "logistic":
            return -(self.weight * np.where(self.x > 0, log_expit(f), log_expit(-f))).sum()
        kept = self.weight > 0
        total = logsumexp(f[kept], b=self.weight[kept])
        return self.x.sum() * total - self.x @ f

    def __call__(self, node):
        tau = self.folder.deviation.numpy()
        return self.data(node) + 0.5 * (((node - self.start) / tau) ** 2).sum()

    def minimum(self):
        return minimize(self, self.start, method="BFGS", options={"gtol": 1e-5})


def test_the_objective_of_a_whole_catalogue_is_the_likelihood():
    model = make_model("multinomial")
    objective = Objective(model, make_folder(model, likelihood="multinomial"), matrix()[3])
    node = np.arange(SIZE) / 3.0
    f = objective.out[0] @ np.tanh(objective.code + node) + objective.out[1]
    assert objective.data(node) == pytest.approx(-(objective.x * log_softmax(f)).sum())


@LIKELIHOODS
@pytest.mark.parametrize("sample", [ALL, SOME], ids=["all", "sample"])
def test_enough_steps_reach_the_minimum(likelihood, sample):
    model = make_model(likelihood)
    folder = make_folder(model, sample=sample, likelihood=likelihood)
    X, moved = matrix(6, seed=5), 0
    got = folder(model, sparse_rows(X)).double().numpy()
    for row in range(6):
        objective = Objective(model, folder, X[row], sample)
        best = objective.minimum()
        assert objective(got[row]) - best.fun < 1e-4
        np.testing.assert_allclose(got[row], best.x, atol=5e-3)
        moved = max(moved, objective(objective.start) - best.fun)
    assert moved > 0.1  # the start is not the answer


@LIKELIHOODS
def test_more_steps_lower_the_objective(likelihood):
    model, X = make_model(likelihood), matrix(10, seed=5)
    values = []
    for n_steps in (0, 5, 20, 100):
        folder = make_folder(model, max(n_steps, 1), likelihood=likelihood)
        folder.n_steps = n_steps
        nodes = folder(model, sparse_rows(X)).double().numpy()
        values.append(sum(Objective(model, folder, X[row])(nodes[row]) for row in range(10)))
    assert values[0] > values[1] > values[2] > values[3] - 1e-9
    assert values[2] - values[3] < 0.1 * (values[0] - values[3])


def test_the_start_is_the_ridge_regression_of_the_trained_nodes():
    model = make_model()
    folder = make_folder(model, n_steps=0)
    features = np.column_stack([encoded(model, matrix()), np.ones(N_USERS)])
    nodes = model.nodes.weight.detach().numpy()
    gram = features.T @ features
    ridge = 1e-3 * np.diag(gram).mean() * np.eye(SIZE + 1)
    weights = np.linalg.solve(gram + ridge, features.T @ nodes)
    new = matrix(7, seed=8)
    expected = np.column_stack([encoded(model, new), np.ones(7)]) @ weights
    np.testing.assert_allclose(folder(model, sparse_rows(new)), expected, rtol=1e-4, atol=1e-5)
    left = np.sqrt(((nodes - features @ weights) ** 2).mean(axis=0))
    np.testing.assert_allclose(folder.deviation, left, rtol=1e-4)


def test_the_variance_is_what_trained_users_have_around_their_scores():
    model = make_model()
    with torch.no_grad():
        rows = sparse_rows(matrix())
        (f,) = model(rows, nodes=model.nodes.weight)
    X = matrix().toarray()
    expected = (np.where(X > 0, 1.0, 0.2) * (X - f.numpy()) ** 2).mean()
    assert make_folder(model, 1).noise_variance == pytest.approx(expected, rel=1e-5)


@LIKELIHOODS
@pytest.mark.parametrize("sample", [ALL, SOME], ids=["all", "sample"])
def test_a_row_does_not_depend_on_its_batch(likelihood, sample):
    model = make_model(likelihood)
    folder = make_folder(model, 20, sample, likelihood)
    X = matrix(150, seed=3)  # more than are worked on at a time
    whole = folder(model, sparse_rows(X))
    alone = torch.cat([folder(model, sparse_rows(X[[row]])) for row in range(150)])
    torch.testing.assert_close(whole, alone, rtol=1e-6, atol=1e-7)
    order = np.random.RandomState(0).permutation(150)
    torch.testing.assert_close(folder(model, sparse_rows(X[order])), whole[order])


@LIKELIHOODS
@pytest.mark.parametrize("has", [[], [8], SOME, ALL], ids=["nothing", "one", "sample", "all"])
def test_every_row_gives_a_finite_node(likelihood, has):
    model = make_model(likelihood)
    X = np.zeros((1, N_ITEMS), dtype=np.float32)
    X[0, has] = 1
    with torch.inference_mode():
        got = make_folder(model, 20, SOME, likelihood)(model, sparse_rows(sp.csr_matrix(X)))
    assert got.shape == (1, SIZE)
    assert got.dtype == torch.float32
    assert torch.isfinite(got).all()
    assert not got.requires_grad


def test_the_model_is_left_as_it_is():
    model = make_model()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    make_folder(model, 5)(model, sparse_rows(matrix(3)))
    assert all(v.equal(before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
