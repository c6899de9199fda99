"""Estimators of pairs: restarts, candidates, seen items, what is penalised, what was learnt."""

from typing import ClassVar

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn import config_context
from skorch.callbacks import Callback

from skrec import BPRMFRanker, FISMRanker, Interactions, MFClassifier, SVDppRanker
from skrec.neural import SampledPairRecommender
from skrec.neural._optimizers import OPTIMIZERS
from skrec.neural.objectives import Pairwise
from skrec.nn import Interaction

ALL = [BPRMFRanker, MFClassifier, FISMRanker, SVDppRanker]
QUICK = {"n_factors": 6, "max_epochs": 3, "lr": 0.02, "init_std": 0.1, "batch_size": 256}
QUICK |= {"l2": 0.0, "early_stopping": False, "lr_decay": None}
QUICK |= {"random_state": 0, "device": "cpu"}
NETS = {
    BPRMFRanker: {"solver": "torch", "n_negatives": 1},
    MFClassifier: {"solver": "torch", "n_negatives": 4},
}


def quick(cls=BPRMFRanker, **parameters):
    return cls(**QUICK | NETS.get(cls, {}) | parameters)


@pytest.fixture(params=ALL, ids=lambda cls: cls.__name__)
def cls(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(data):
    """Return each class fitted once."""
    return {cls: quick(cls).fit(data.X) for cls in ALL}


def weights(est):
    return {k: v.numpy().copy() for k, v in est.net_.module_.state_dict().items()}


def same(a, b):
    return all((a[name] == b[name]).all() for name in a)


# restarts


def test_warm_start_goes_on(X, cls):
    est = quick(cls, warm_start=True).fit(X)
    first = weights(est)
    est.fit(X)
    assert len(est.net_.history) == 6
    losses = est.net_.history[:, "train_loss"]
    assert losses[3] < losses[0]
    assert not same(first, weights(est))
    updates = {int(s["step"]) for s in est.net_.optimizer_.state.values()}
    assert updates == {6 * est.net_.history[-1]["train_batch_count"]}


def test_warm_start_without_epochs_changes_nothing(X, cls):
    est = quick(cls, warm_start=True).fit(X)
    before, scores = weights(est), est.decision_function(users=[0, 1])
    est.set_params(max_epochs=0).fit(X)
    assert same(before, weights(est))
    np.testing.assert_array_equal(est.decision_function(users=[0, 1]), scores)


def test_warm_start_takes_a_new_lr_for_all_weights(X):
    est = quick(warm_start=True).fit(X).set_params(lr=0.125).fit(X)
    assert {group["lr"] for group in est.net_.optimizer_.param_groups} == {0.125}


@pytest.mark.parametrize(
    ("shape", "parameters"),
    [((199, 60), {}), ((200, 59), {}), ((200, 60), {"n_factors": 5})],
    ids=["users", "items", "factors"],
)
def test_warm_start_refuses_other_sizes(shape, parameters, X):
    est = quick(warm_start=True).fit(X)
    before, net = weights(est), est.net_
    est.set_params(**parameters)
    with pytest.raises(ValueError, match="warm_start=True"):
        est.fit(X[: shape[0], : shape[1]])
    assert est.net_ is net
    assert same(before, weights(est))
    assert est.interactions_.shape == (200, 60)


def test_warm_start_without_free_users_takes_other_users(X):
    est = quick(FISMRanker, warm_start=True).fit(X).fit(X[:150])
    assert len(est.net_.history) == 6
    assert est.interactions_.shape == (150, 60)


# one user


@pytest.mark.parametrize("n", range(4))
def test_one_user_has_the_scores_of_the_block(n, fitted, data, cls):
    est, users = fitted[cls], [0, 5, 9, 20]
    for alone, block in (
        (est.decision_function(users=users[n : n + 1]), est.decision_function(users=users)),
        (est.decision_function(data.X[users[n]]), est.decision_function(data.X[users])),
    ):
        np.testing.assert_allclose(alone[0], block[n], rtol=1e-4, atol=1e-5)


def test_scores_of_one_user_are_their_own():
    est = quick().fit(sp.csr_matrix(np.eye(12, dtype=np.float32)))
    users, items = est.user_factors_.copy(), est.item_factors_.copy()
    scores = est.decision_function(users=[3])
    scores += 1
    np.testing.assert_array_equal(est.user_factors_, users)
    np.testing.assert_array_equal(est.item_factors_, items)


# candidates


def check_candidates(est, candidates, X=None, users=None):
    """Compare the scores of candidates with those picked from the full ones."""
    full = est.decision_function(X, users=users)
    m = candidates.shape[-1]
    got, scores = est.recommend(
        X, m, users=users, candidates=candidates, exclude_seen=False, return_scores=True
    )
    rows = np.broadcast_to(candidates, (len(full), m))
    for row, indices, values, wanted in zip(full, got, scores, rows, strict=True):
        wanted = np.unique(wanted[wanted >= 0])
        n = len(wanted)
        assert set(indices[:n]) == set(wanted)
        assert (indices[n:] == -1).all()
        assert np.isnan(values[n:]).all()
        np.testing.assert_allclose(values[:n], row[indices[:n]], rtol=1e-4, atol=1e-5)
        assert (np.diff(values[:n]) <= 0).all()


def mixed(X):
    """Return rows of fit, new ones, an empty one and one that has everything."""
    new = sp.random(3, X.shape[1], 0.2, "csr", np.float32, np.random.RandomState(3))
    new.data[:] = 1
    return sp.csr_matrix(sp.vstack([X[:4], new, X[:1] * 0, sp.csr_matrix(np.ones((1, 60)))]))


@pytest.mark.parametrize("size", [1, 7, 60])
def test_shared_candidates_have_their_full_scores(size, fitted, X, cls):
    candidates = np.random.RandomState(0).permutation(60)[:size]
    check_candidates(fitted[cls], candidates, mixed(X))
    check_candidates(fitted[cls], candidates, users=[3, 0, 0, 199])


@pytest.mark.parametrize("size", [1, 7, 60])
def test_candidates_of_each_row_have_their_full_scores(size, fitted, X, cls):
    rows = mixed(X)
    rng = np.random.RandomState(0)
    candidates = np.array([rng.permutation(60)[:size] for _ in range(rows.shape[0])])
    check_candidates(fitted[cls], candidates, rows)
    candidates[::2, size // 2 :] = -1
    check_candidates(fitted[cls], candidates, rows)
    check_candidates(fitted[cls], candidates[:3], users=[3, 0, 199])
    check_candidates(fitted[cls], candidates[:4], rows[3:7], users=[3, 0, 199, 2])


def test_candidates_that_users_have_or_have_not(fitted, X, cls):
    for has in (True, False):
        dense = X[:20].toarray() > 0
        picked = [np.flatnonzero(row == has)[:3] for row in dense]
        check_candidates(fitted[cls], np.array([p for p in picked if len(p) == 3]), X[:20])


@pytest.mark.parametrize("has", [True, False])
def test_one_candidate_that_nobody_or_everybody_has(has, fitted, X, cls):
    rows = X[np.flatnonzero((X[:, [5]].toarray() > 0).ravel() == has)[:4]]
    check_candidates(fitted[cls], np.array([5]), rows)


def test_candidates_that_were_seen_are_left_out_unless_asked_for(fitted, X, cls):
    seen = X[:1].indices[:2]
    candidates = np.append(seen, np.setdiff1d(np.arange(60), X[:1].indices)[0])
    got = fitted[cls].recommend(X[:1], 3, candidates=candidates)
    assert got.tolist() == [[candidates[2], -1, -1]]


@pytest.mark.parametrize("working_memory", [1e-3, 3e-3])
def test_candidates_are_scored_in_blocks(working_memory, fitted, X, cls):
    rows, rng = mixed(X), np.random.RandomState(0)
    candidates = np.array([rng.permutation(60)[:9] for _ in range(rows.shape[0])])
    whole = fitted[cls].recommend(rows, 9, candidates=candidates, exclude_seen=False)
    with config_context(working_memory=working_memory):
        parts = fitted[cls].recommend(rows, 9, candidates=candidates, exclude_seen=False)
    np.testing.assert_array_equal(whole, parts)


@pytest.mark.parametrize("history_cls", [FISMRanker, SVDppRanker])
def test_what_a_user_has_is_scored_without_itself(history_cls, fitted, X):
    est = fitted[history_cls]
    q, own = est.item_factors_.astype(np.float64), est.history_factors_.astype(np.float64)
    users = [0, 3, 199]
    expected = np.empty((3, 60))
    for row, user in enumerate(users):
        has = X[[user]].indices
        free = 0 if est.user_factors_ is None else est.user_factors_[user].astype(np.float64)
        for i in range(60):
            vector = sum(own[t] for t in has if t != i) / np.sqrt(len(has))
            expected[row, i] = (free + vector) @ q[i]
    got = est.decision_function(users=users)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


# rows of which nothing is known


@pytest.mark.parametrize("n_rows", [1, 3])
def test_only_empty_rows_get_the_prior(n_rows, fitted, X, cls):
    est = fitted[cls]
    rows = sp.csr_matrix((n_rows, 60), dtype=np.float32)
    order = np.lexsort((np.arange(60), -est.item_counts_))[:5]
    np.testing.assert_array_equal(est.recommend(rows, 5), [order] * n_rows)
    proba = est.predict_proba(rows)
    np.testing.assert_allclose(proba, [(est.item_counts_ + 0.5) / 201] * n_rows, rtol=1e-5)


def test_a_user_of_fit_without_interactions_is_folded_in_from_a_newer_history(X, cls):
    X = sp.csr_matrix(sp.vstack([X[:7], 0 * X[:1], X[8:]]))
    est = quick(cls).fit(X)
    both = est.decision_function(X[[3]], users=[7])
    np.testing.assert_allclose(both, est.decision_function(X[[3]]), rtol=1e-4, atol=1e-5)


def test_a_newer_history_leaves_a_free_vector_as_it_was_learnt(fitted, X):
    est = fitted[BPRMFRanker]
    own = est.decision_function(users=[3])
    np.testing.assert_array_equal(est.decision_function(X[[8]], users=[3]), own)
    assert not np.allclose(est.decision_function(X[[8]]), own)


# training


def test_every_positive_counts_and_the_loss_falls(X, cls):
    est = quick(cls, max_epochs=8).fit(X)
    losses = est.net_.history[:, "train_loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    sizes = [b["train_batch_size"] for b in est.net_.history[0, "batches"]]
    assert sum(sizes) == X.nnz
    assert max(sizes) == 256


def test_the_seed_fixes_the_model(X, cls):
    one, again, other = (weights(quick(cls, random_state=s).fit(X)) for s in (0, 0, 1))
    assert same(one, again)
    assert not same(one, other)


def test_l2_shrinks_the_vectors_and_weight_decay_leaves_them(X, cls):
    def norm(**parameters):
        return np.linalg.norm(quick(cls, max_epochs=10, **parameters).fit(X).item_factors_)

    free = norm()
    assert norm(l2=0.05) < 0.9 * free
    assert norm(weight_decay=10.0) == free


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_the_power_of_the_negatives_is_that_of_the_counts(power, X):
    q = quick(negative_power=power).fit(X).negative_probabilities_
    if power == 0:
        assert q is None
        return
    weights = np.maximum(np.asarray(X.sum(axis=0)).ravel(), 1e-9) ** power
    np.testing.assert_allclose(q, weights / weights.sum(), rtol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"n_factors": 0}, "n_factors"),
        ({"n_negatives": 0}, "n_negatives"),
        ({"n_negatives": 1.5}, "n_negatives"),
        ({"negative_power": -1.0}, "negative_power"),
        ({"l2": -0.1}, "l2"),
        ({"init_std": 0.0}, "init_std"),
        ({"validation_candidates": 0}, "validation_candidates"),
        ({"fold_in_steps": -1}, "fold_in_steps"),
    ],
)
def test_bad_parameters_are_named(parameters, name, X):
    with pytest.raises(ValueError, match=name):
        quick(**parameters).fit(X)


# what was learnt


def test_factors_have_their_shapes(fitted):
    shapes = {
        cls: (None if e.user_factors_ is None else e.user_factors_.shape, e.item_factors_.shape)
        for cls, e in fitted.items()
    }
    assert shapes == {
        BPRMFRanker: ((200, 6), (60, 6)),
        MFClassifier: ((200, 7), (60, 7)),
        FISMRanker: (None, (60, 6)),
        SVDppRanker: ((200, 6), (60, 6)),
    }


def test_similar_items_are_those_of_the_largest_cosine(fitted, cls):
    est = fitted[cls]
    q = est.item_factors_.astype(np.float64)
    indices, values = est.similar_items([4, 0], n_items=3)
    for item, got, cosines in zip([4, 0], indices, values, strict=True):
        cosine = q @ q[item] / np.linalg.norm(q, axis=1) / np.linalg.norm(q[item])
        cosine[item] = -np.inf
        assert got.tolist() == np.argsort(-cosine)[:3].tolist()
        np.testing.assert_allclose(cosines, cosine[got], rtol=1e-4)
    with pytest.raises(ValueError, match="items"):
        est.similar_items([60])


# a family of one's own


class Distance(Interaction):
    """Minus the squared distance of a user and an item."""

    def forward(self, users, items):
        return -(users - items).square().sum(-1)


class DistanceRanker(SampledPairRecommender):
    """A ranker by distance."""

    _objective: ClassVar = Pairwise()

    def _interaction(self):
        return Distance(self.n_factors, self.n_factors)


def test_an_interaction_is_all_that_a_new_family_must_bring(X):
    est = quick(DistanceRanker, max_epochs=20).fit(X)
    p, q = est.user_factors_, est.item_factors_
    expected = -((p[:5, None] - q[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(est.decision_function(users=range(5)), expected, rtol=1e-3)
    check_candidates(est, np.array([4, 8, 1]), X[:5])
    own, folded = est.recommend(users=range(100)), est.recommend(X[:100])
    assert np.mean([len(np.intersect1d(a, b)) for a, b in zip(own, folded, strict=True)]) > 6


@pytest.mark.gpu
@pytest.mark.parametrize("n_candidates", [None, 20])
def test_training_on_cuda(n_candidates, X, cls):
    options = {"early_stopping": True, "validation_candidates": n_candidates, "max_epochs": 10}
    est = quick(cls, **options | {"device": "cuda"}).fit(X)
    assert est.net_.module_.items.weight.device.type == "cuda"
    losses = est.net_.history[:, "train_loss"]
    assert losses[-1] < losses[0]
    rows = mixed(X)
    check_candidates(est, np.array([4, 8, 1]), rows)
    there = est.decision_function(rows)
    est.net_.module_.to("cpu")
    np.testing.assert_allclose(est.decision_function(rows), there, rtol=1e-3, atol=1e-4)


def test_few_pairs_are_scored_alone_and_as_in_the_whole(fitted, X, cls):
    est, rng = fitted[cls], np.random.RandomState(0)
    n_users, n_items = X.shape
    user, item = rng.randint(n_users, size=60), rng.randint(n_items, size=60)
    user[:5], item[:5] = X.nonzero()[0][:5], X.nonzero()[1][:5]  # seen ones too
    user[6], item[6] = user[5], item[5]  # and one twice
    pairs = Interactions.from_arrays(user, item, frame=X.shape)
    whole = est.decision_function(users=np.arange(n_users))
    np.testing.assert_allclose(est.decision_function(pairs), whole[user, item], 1e-5, 1e-6)
    many = Interactions.from_arrays(*map(np.ravel, np.indices(X.shape)), frame=X.shape)
    np.testing.assert_allclose(est.decision_function(many), whole.ravel(), 1e-5, 1e-6)


def test_few_pairs_are_scored_in_blocks_of_users(fitted, X, cls):
    est, rng = fitted[cls], np.random.RandomState(1)
    user, item = rng.randint(X.shape[0], size=80), rng.randint(X.shape[1], size=80)
    pairs = Interactions.from_arrays(user, item, frame=X.shape)
    whole = est.decision_function(users=np.arange(X.shape[0]))[user, item]
    with config_context(working_memory=1e-5):
        np.testing.assert_allclose(est.decision_function(pairs), whole, 1e-5, 1e-6)


# updates by rows


def sparse_tables(est):
    module = est.net_.module_
    return module.users.free.sparse, module.items.sparse


class Clipping(Callback):
    """A callback that reads gradients."""

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.sparse_ = [weight.grad.is_sparse for _, weight in named_parameters]


def many_users(n_users=400, n_items=30):
    X = sp.random(n_users, n_items, density=0.1, random_state=0, format="csr", dtype=np.float32)
    X.data[:] = 1
    return X


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "adagrad", "rmsprop", "sgd"])
@pytest.mark.parametrize("cls", [MFClassifier, BPRMFRanker])
def test_tables_of_which_a_batch_reads_little_are_updated_by_rows(cls, optimizer):
    X = many_users()
    options = {"n_factors": 4, "max_epochs": 1, "optimizer": optimizer}
    est = quick(cls, batch_size=16, **options).fit(X)
    assert sparse_tables(est) == (True, False)
    assert sparse_tables(quick(cls, batch_size=32, **options).fit(X)) == (False, False)
    wide = quick(cls, batch_size=2, **options).fit(X.T)
    assert sparse_tables(wide) == (False, True)


@pytest.mark.parametrize("optimizer", ["adagrad", "rmsprop", "sgd"])
def test_updates_by_rows_give_the_model_of_whole_tables(optimizer):
    X = many_users()
    options = {"n_factors": 4, "batch_size": 16, "optimizer": optimizer, "l2": 0.01}
    one = quick(**options).fit(X)
    clip = Clipping()
    two = quick(callbacks=[clip], **options).fit(X)
    assert sparse_tables(one) == (True, False)
    assert sparse_tables(two) == (False, False)
    assert not any(clip.sparse_)
    np.testing.assert_allclose(one.user_factors_, two.user_factors_, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(one.item_factors_, two.item_factors_, rtol=1e-3, atol=1e-6)


def test_an_optimiser_that_is_passed_as_a_class_has_whole_tables():
    est = quick(optimizer=torch.optim.Adam, max_epochs=1, batch_size=16).fit(many_users())
    assert sparse_tables(est) == (False, False)
    assert est.net_.optimizer is torch.optim.Adam


def test_a_warm_start_goes_on_by_rows():
    X = many_users()
    est = quick(max_epochs=1, batch_size=16, warm_start=True).fit(X)
    first = est.user_factors_.copy()
    est.fit(X)
    assert sparse_tables(est) == (True, False)
    assert not np.array_equal(first, est.user_factors_)
    state = est.net_.optimizer_.state[est.net_.module_.users.free.weight]
    assert float(state["step"]) == 2 * -(-X.nnz // 16)


@pytest.mark.parametrize(
    ("optimizer", "options", "by_rows"),
    [
        ("adam", {"betas": (0.0, 0.9), "eps": 1e-3}, True),
        ("adam", {"amsgrad": False}, True),
        ("adam", {"amsgrad": True}, False),
        ("adagrad", {"initial_accumulator_value": 0.1, "eps": 1e-3}, True),
        ("adagrad", {"lr_decay": 0.1}, False),
        ("sgd", {"momentum": 0.9}, False),
        ("sgd", {"fused": False}, True),
        ("rmsprop", {"alpha": 0.5}, True),
        ("rmsprop", {"centered": True}, False),
    ],
)
def test_options_are_followed_by_rows_or_whole_tables_are_updated(optimizer, options, by_rows):
    X = many_users()
    shared = {"n_factors": 4, "max_epochs": 2, "batch_size": 16, "l2": 0.01, "lr": 0.05}
    shared |= {"optimizer_options": options, "init_std": 0.3, "lr_decay": "linear"}
    rows = quick(optimizer=optimizer, **shared).fit(X)
    assert sparse_tables(rows) == (by_rows, False)
    whole = quick(optimizer=OPTIMIZERS[optimizer], **shared).fit(X)  # a class has no rows
    if optimizer == "adam" and by_rows and "betas" not in options:
        return  # it makes up for what it has missed in another way
    for name, table in weights(rows).items():
        np.testing.assert_allclose(table, weights(whole)[name], rtol=1e-3, atol=1e-5)


def test_a_restart_with_options_that_rows_cannot_follow_has_whole_tables():
    X = many_users()
    est = quick(optimizer="sgd", max_epochs=1, batch_size=16, warm_start=True).fit(X)
    assert sparse_tables(est) == (True, False)
    est.set_params(optimizer_options={"momentum": 0.9}).fit(X)
    assert sparse_tables(est) == (False, False)
    assert est.net_.optimizer_.param_groups[0]["momentum"] == 0.9
    est.set_params(optimizer="adam", optimizer_options=None).fit(X)
    assert sparse_tables(est) == (True, False)
    assert len(est.net_.history) == 3
