"""LightGCN: its scores against the whole graph, unseen users, and what it is trained on."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp

from skrec import BPRMFRanker, LightGCNRanker
from skrec.datasets import make_interactions

QUICK = {"n_factors": 6, "max_epochs": 5, "lr": 0.02, "batch_size": 256, "random_state": 0}
QUICK |= {"early_stopping": False, "device": "cpu"}


@pytest.fixture(scope="module")
def X():
    return make_interactions(120, 50, 1500, n_clusters=4, random_state=0).X


def free_vectors(est):
    module = est.net_.module_
    return [t.weight.detach().numpy().astype(float) for t in (module.users.free, module.items)]


def averaged(p, q, dense, n_layers):
    """Return the mean of the layers of users and items, layer by layer."""
    d_u, d_i = np.maximum(dense.sum(1), 1), np.maximum(dense.sum(0), 1)
    R = dense / np.sqrt(d_u[:, None] * d_i)
    layers = [(p, q)]
    for _ in range(n_layers):
        p, q = R @ q, R.T @ p
        layers.append((p, q))
    return [sum(parts) / (n_layers + 1) for parts in zip(*layers, strict=True)]


@pytest.mark.parametrize("n_layers", [0, 1, 3])
def test_scores_of_users_are_the_formula(n_layers, X):
    est = LightGCNRanker(**QUICK, n_layers=n_layers).fit(X)
    users, items = averaged(*free_vectors(est), X.toarray(), n_layers)
    np.testing.assert_allclose(est.user_factors_, users, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(est.item_factors_, items, rtol=1e-4, atol=1e-6)
    scores = est.decision_function(users=range(120))
    np.testing.assert_allclose(scores, users @ items.T, rtol=1e-4, atol=1e-6)


def test_unseen_users_take_what_their_items_give(X):
    # without steps the free vector is that of the regression; the rest is propagation
    est = LightGCNRanker(**QUICK).fit(X)
    p, q = free_vectors(est)
    module, rows = est._module, X[:4]
    free = est.folder_(module, _rows(rows)).numpy()
    d_i, R = np.maximum(X.toarray().sum(0), 1), X.toarray()
    R = R / np.sqrt(np.maximum(R.sum(1), 1)[:, None] * d_i)
    of_items = [q, R.T @ p, R.T @ R @ q]  # layers 0 to 2
    for row, vector in zip(rows.toarray(), free, strict=True):
        given = row / np.sqrt(row.sum() * d_i) @ sum(of_items) / 4
        scores = (vector + given) @ est.item_factors_.T
        found = est.decision_function(row[None])[0]
        np.testing.assert_allclose(found, scores, rtol=1e-4, atol=1e-5)


def _rows(X):
    from skrec.training import sparse_rows

    return sparse_rows(sp.csr_matrix(X, dtype=np.float32))


def test_a_history_changes_the_scores_of_a_known_user(X):
    est = LightGCNRanker(**QUICK).fit(X)
    own = est.decision_function(X[:3], users=[0, 1, 2])
    np.testing.assert_array_equal(own, est.decision_function(users=[0, 1, 2]))
    assert not np.allclose(own, est.decision_function(X[3:6], users=[0, 1, 2]))


def test_the_graph_lacks_what_is_held_out(X):
    est = LightGCNRanker(**QUICK | {"early_stopping": True, "validation_fraction": 0.5}).fit(X)
    graph = est.net_.module_.graph
    assert len(graph.user_edges) == len(graph.item_edges) == X.nnz - 60
    assert not hasattr(est, "_graph_of")
    assert len(LightGCNRanker(**QUICK).fit(X).net_.module_.graph.user_edges) == X.nnz


def test_without_layers_it_is_matrix_factorisation(X):
    options = {**QUICK, "l2": 1e-3, "init_std": 0.1, "n_negatives": 1, "lr_decay": None}
    one = LightGCNRanker(**options, n_layers=0).fit(X)
    other = BPRMFRanker(**options, solver="torch").fit(X)
    np.testing.assert_allclose(one.user_factors_, other.user_factors_, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        one.decision_function(X[:5]), other.decision_function(X[:5]), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("unseen", [False, True])
def test_the_checkerboard_is_completed(unseen, shared):
    dense = (np.add.outer(np.arange(40), np.arange(20)) % 2 == 0).astype(np.float32)
    hidden = (np.arange(40) + 2 * (np.arange(40) // 2)) % 20
    dense[np.arange(40), hidden] = 0
    options = {**QUICK, "max_epochs": 20, "n_negatives": 1 + 9 * shared}
    est = LightGCNRanker(**options, shared_negatives=shared).fit(dense)
    top = est.recommend(dense, 1) if unseen else est.recommend(users=range(40), n_items=1)
    np.testing.assert_array_equal(top[:, 0], hidden)


def test_training_goes_on_and_survives_a_pickle(X):
    whole = LightGCNRanker(**QUICK, warm_start=True).fit(X)
    scores = whole.decision_function(X[:4])
    copy = pickle.loads(pickle.dumps(whole))
    np.testing.assert_array_equal(copy.decision_function(X[:4]), scores)
    loss = whole.net_.history[-1, "train_loss"]
    assert whole.fit(X).net_.history[-1, "train_loss"] < loss
    assert not np.allclose(whole.decision_function(X[:4]), scores)


def test_nobody_and_nothing_isolated_breaks_it():
    X = np.zeros((6, 7), dtype=np.float32)
    X[1:, :4] = np.tri(5, 4)
    est = LightGCNRanker(**QUICK).fit(X)
    assert np.isfinite(est.decision_function(X)).all()
    assert np.isfinite(est.decision_function(users=range(6))).all()
    assert np.isfinite(est.predict_proba(np.eye(7)[5:])).all()
