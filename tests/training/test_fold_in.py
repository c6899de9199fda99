"""Fold-in against scipy's minimiser of the same objective, written in NumPy."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.optimize import minimize

from skrec.neural.objectives import Pairwise, Pointwise
from skrec.nn import Dot, HistoryEncoder, PairModel, UserTable, make_table
from skrec.training import FoldIn, sparse_rows
from skrec.training._vector_fit import VectorFit

N_USERS, N_ITEMS, SIZE = 60, 30, 4
ALPHA = 0.5


def matrix(n_rows=N_USERS, seed=0):
    X = np.random.RandomState(seed).uniform(size=(n_rows, N_ITEMS)) < 0.25
    X[np.arange(n_rows), np.arange(n_rows) % N_ITEMS] = True
    return sp.csr_matrix(X, dtype=np.float32)


def make_model(history=False, bias=True, item_bias=None):
    """Return a model whose users are noisy sums of what they have."""
    torch.manual_seed(0)
    dot = Dot(SIZE, user_bias=bias, item_bias=bias if item_bias is None else item_bias)
    items = make_table(N_ITEMS, dot.item_size, 0.8)
    if history:
        users = HistoryEncoder(N_USERS, N_ITEMS, dot.user_size, ALPHA, 0.6)
    else:
        users = UserTable(N_USERS, dot.user_size)
    weight = torch.from_numpy(matrix().toarray()) @ items.weight[:, : dot.user_size]
    weight = torch.nn.functional.pad(weight, (0, dot.user_size - weight.shape[1]))
    with torch.no_grad():
        users.free.weight.copy_(0.4 * weight + 0.7 * torch.randn(weight.shape))
    return PairModel(users, items, dot)


def make_folder(model, n_steps=1000, sample=None, pairwise=True, n_negatives=3, X=None):
    sample = np.arange(1, N_ITEMS, 2) if sample is None else sample
    objective = Pairwise() if pairwise else Pointwise()
    folder = FoldIn(
        model,
        sparse_rows(matrix() if X is None else X),
        torch.arange(N_USERS),
        sample=torch.from_numpy(np.asarray(sample, dtype=np.int64)),
        row_loss=objective.row_loss(SimpleNamespace(n_negatives=n_negatives)),
        n_steps=n_steps,
    )
    folder.meant = pairwise, n_negatives  # for the oracle
    return folder


def softplus(x):
    return np.logaddexp(0, x)


class Objective:
    """What the fold-in of a user minimises, in NumPy: 15 items are sampled, all are compared."""

    def __init__(self, model, folder, start, has):
        self.q = model.items.weight.detach().numpy().astype(np.float64)
        self.history = np.zeros((N_ITEMS, model.interaction.user_size))
        if model.reads_history:
            self.history = model.users.history.weight.detach().numpy() / len(has) ** ALPHA
        self.bias = model.interaction.user_bias
        self.folder = folder
        self.pairwise, self.n_negatives = folder.meant
        self.tau = folder.deviation.numpy()
        self.start = start
        self.has = has
        self.lacks = [j for j in folder.sample.tolist() if j not in has]

    def score(self, x, items, without_itself=False):
        user = x + self.history[self.has].sum(axis=0) - self.history[items] * without_itself
        score = (user[:, :SIZE] * self.q[items, :SIZE]).sum(axis=1)
        return score + user[:, SIZE] + self.q[items, SIZE] if self.bias else score

    def __call__(self, x):
        prior = 0.5 * (((x - self.start) / self.tau) ** 2).sum()
        positives, negatives = self.score(x, self.has, True), self.score(x, self.lacks)
        if self.pairwise:
            pairs = softplus(negatives - positives[:, None])
            return prior + (pairs.mean(axis=1).sum() if self.lacks else 0)
        prior += softplus(-positives).sum()
        if not self.lacks:
            return prior
        weight = self.n_negatives * len(self.has) / len(self.lacks)
        return prior + weight * softplus(negatives).sum()

    def minimum(self):
        return minimize(self, self.start, method="BFGS", options={"gtol": 1e-5})


HISTORIES = {
    "some": [2, 5, 6, 11],
    "one": [7],
    "one-outside-the-sample": [8],
    "most": [*range(24)],
    "all-that-was-sampled": [*range(1, N_ITEMS, 2)],
    "everything": [*range(N_ITEMS)],
}


def rows_of(histories):
    dense = np.zeros((len(histories), N_ITEMS), dtype=np.float32)
    for row, has in enumerate(histories):
        dense[row, has] = 1
    return sparse_rows(sp.csr_matrix(dense))


@pytest.mark.parametrize("bias", [False, True], ids=["plain", "bias"])
@pytest.mark.parametrize("history", [False, True], ids=["free", "history"])
@pytest.mark.parametrize("pairwise", [True, False], ids=["bpr", "pointwise"])
def test_enough_steps_reach_the_minimum(pairwise, history, bias):
    model = make_model(history, bias)
    rows = rows_of(HISTORIES.values())
    start = make_folder(model, 0, pairwise=pairwise)(model, rows).double().numpy()
    folder = make_folder(model, pairwise=pairwise)
    got = folder(model, rows).double().numpy()
    moved = 0
    for row, has in enumerate(HISTORIES.values()):
        objective = Objective(model, folder, start[row], has)
        best = objective.minimum()
        assert objective(got[row]) - best.fun < 1e-5
        np.testing.assert_allclose(got[row], best.x, atol=2e-3)
        moved = max(moved, objective(start[row]) - best.fun)
    assert moved > 0.1  # the start is not the answer


@pytest.mark.parametrize("pairwise", [True, False])
def test_fifty_steps_get_near(pairwise):
    model = make_model()
    rows = rows_of(HISTORIES.values())
    start = make_folder(model, 0, pairwise=pairwise)(model, rows).double().numpy()
    folder = make_folder(model, 50, pairwise=pairwise)
    got = folder(model, rows).double().numpy()
    for row, has in enumerate(HISTORIES.values()):
        objective = Objective(model, folder, start[row], has)
        best = objective.minimum().fun
        assert objective(got[row]) - best <= 0.04 * (objective(start[row]) - best) + 1e-4


def test_a_large_sample_is_compared_by_parts_and_comes_near_the_whole():
    model = make_model()
    rows = rows_of(HISTORIES.values())
    sample = np.arange(N_ITEMS)  # more than the 16 that each positive is compared with
    start = make_folder(model, 0, sample=sample)(model, rows).double().numpy()
    folder = make_folder(model, sample=sample)
    got = folder(model, rows).double().numpy()
    for row, has in enumerate([HISTORIES["some"], HISTORIES["one"]]):
        objective = Objective(model, folder, start[row], has)
        best = objective.minimum().fun
        assert objective(got[row]) - best < 0.35 * (objective(start[row]) - best)


def test_the_start_knows_users_that_follow_from_their_histories():
    model = make_model(bias=False)
    X = matrix()
    means = np.asarray(X @ model.items.weight.detach().numpy()) / np.diff(X.indptr)[:, None]
    with torch.no_grad():
        model.users.free.weight.copy_(torch.from_numpy(means))
    new = matrix(20, seed=5)
    expected = np.asarray(new @ model.items.weight.detach().numpy()) / np.diff(new.indptr)[:, None]
    got = make_folder(model, n_steps=0)(model, sparse_rows(new)).numpy()
    assert ((got - expected) ** 2).mean() < 1e-2 * expected.var()


def test_the_deviation_is_what_the_start_leaves():
    model = make_model()
    folder = make_folder(model, n_steps=0)
    left = model.users.free.weight.detach().numpy() - folder(model, sparse_rows(matrix())).numpy()
    np.testing.assert_allclose(folder.deviation, np.sqrt((left**2).mean(axis=0)), rtol=1e-5)


@pytest.mark.parametrize("history", [False, True], ids=["free", "history"])
@pytest.mark.parametrize("pairwise", [True, False])
def test_a_row_does_not_depend_on_its_batch(pairwise, history):
    model = make_model(history)
    folder = make_folder(model, 50, pairwise=pairwise)
    X = matrix(12, seed=3)
    whole = folder(model, sparse_rows(X))
    alone = torch.cat([folder(model, sparse_rows(X[[row]])) for row in range(12)])
    torch.testing.assert_close(whole, alone, rtol=1e-6, atol=1e-7)
    order = np.random.RandomState(0).permutation(12)
    torch.testing.assert_close(folder(model, sparse_rows(X[order])), whole[order])
    np.testing.assert_array_equal(folder(model, sparse_rows(X)), whole)  # and nothing is random


def test_rows_that_need_much_memory_are_worked_on_in_parts():
    model = make_model()
    folder = make_folder(model, 3)
    X = sp.csr_matrix(np.ones((6000, N_ITEMS), dtype=np.float32))
    X[::2, 5:] = 0
    X.eliminate_zeros()
    whole = folder(model, sparse_rows(sp.csr_matrix(X)))
    few = folder(model, sparse_rows(sp.csr_matrix(X[:2])))
    torch.testing.assert_close(whole, few.repeat(3000, 1), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("has", [*HISTORIES.values(), []], ids=[*HISTORIES, "nothing"])
@pytest.mark.parametrize("history", [False, True], ids=["free", "history"])
@pytest.mark.parametrize("pairwise", [True, False])
def test_every_history_gives_finite_float32_vectors(pairwise, history, has):
    model = make_model(history)
    got = make_folder(model, 50, pairwise=pairwise)(model, rows_of([has]))
    assert got.shape == (1, model.interaction.user_size)
    assert got.dtype == torch.float32
    assert torch.isfinite(got).all()
    assert not got.requires_grad


def test_where_nothing_is_left_to_compare_with_the_start_stays():
    model = make_model()
    rows = rows_of([HISTORIES["everything"]])
    got, start = (make_folder(model, n)(model, rows) for n in (50, 0))
    torch.testing.assert_close(got, start)


def test_the_model_is_left_as_it_is():
    model = make_model(history=True)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    make_folder(model, 5)(model, rows_of([[1, 2]]))
    assert all(v.equal(before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_fold_in_works_where_gradients_are_off():
    model = make_model()
    folder, rows = make_folder(model, 20), rows_of([[1, 2]])
    with torch.no_grad():
        off = folder(model, rows)
    with torch.inference_mode():
        inference = folder(model, rows)
    np.testing.assert_array_equal(off.numpy(), folder(model, rows).numpy())
    np.testing.assert_array_equal(inference.numpy(), off.numpy())


# on real data


def overlap(one, other):
    return np.mean([len(np.intersect1d(a, b)) / len(a) for a, b in zip(one, other, strict=True)])


@pytest.fixture(scope="module")
def movielens(data_home):
    from skrec.datasets import load_interactions

    X = load_interactions(data_home / "ml-100k" / "ratings.csv.gz").interactions.tocsr()
    X.data[:] = 1
    return sp.csr_matrix(X)


# measured with these settings: .84, .89, .92; the smoothed popularity shares .3 with the trained
BOUNDS = {"BPRMFRanker": (8, 0.76), "MFClassifier": (6, 0.80), "SVDppRanker": (5, 0.84)}
NETS = {
    "BPRMFRanker": {"solver": "torch", "lr_decay": None, "n_negatives": 1},
    "MFClassifier": {"solver": "torch", "lr_decay": None, "n_negatives": 4},
}


@pytest.mark.parametrize("name", BOUNDS)
def test_folded_in_users_get_nearly_the_lists_that_they_were_trained_to(name, movielens):
    import skrec

    max_epochs, bound = BOUNDS[name]
    quick = {"n_factors": 16, "lr": 0.01, "l2": 1e-3, "random_state": 0, "device": "cpu"}
    quick |= {"init_std": 0.01, "early_stopping": False, **NETS.get(name, {})}
    est = getattr(skrec, name)(max_epochs=max_epochs, **quick).fit(movielens)
    users = np.arange(0, 943, 9)
    trained = est.recommend(users=users)
    folded = est.recommend(movielens[users])
    assert overlap(trained, folded) >= bound
    # the lists are the user's own
    neighbours = est.recommend(movielens[users - 1], exclude=movielens[users])
    assert overlap(trained, neighbours) < 0.6 * bound


BIASES = [(False, False), (True, True), (False, True), (True, False)]


@pytest.mark.parametrize(("bias", "item_bias"), BIASES)
def test_compiled_steps_are_those_of_autograd(bias, item_bias):
    model = make_model(bias=bias, item_bias=item_bias)
    rows = rows_of([*HISTORIES.values(), []])
    folder = make_folder(model, 20)
    start = (folder._features(model, rows) @ folder.weights).detach()
    loss = folder._loss(folder._frozen(model), rows)
    assert loss.ranks_products
    by_autograd = VectorFit._descend(folder, loss, start)
    torch.testing.assert_close(folder._descend(loss, start), by_autograd, rtol=1e-10, atol=1e-12)
    assert not torch.allclose(start, by_autograd)


def test_steps_are_compiled_for_rankings_by_inner_products_alone():
    rows = rows_of(HISTORIES.values())
    for model, options in (
        (make_model(history=True), {}),
        (make_model(), {"pairwise": False}),
    ):
        folder = make_folder(model, **options)
        assert not folder._loss(folder._frozen(model), rows).ranks_products


@pytest.mark.parametrize("name", [*HISTORIES, "nothing"])
@pytest.mark.parametrize("pairwise", [True, False])
def test_the_only_row_is_fitted_as_one_of_many(pairwise, name):
    model = make_model(bias=False, item_bias=True)
    folder = make_folder(model, 20, pairwise=pairwise)
    has = HISTORIES.get(name, [])
    alone, many = (rows_of(each) for each in ([has], [[3, 4], has]))
    frozen = folder._frozen(model)
    torch.testing.assert_close(folder._features(model, alone), folder._features(model, many)[1:])
    torch.testing.assert_close(folder._fit(frozen, alone), folder._fit(frozen, many)[1:])
