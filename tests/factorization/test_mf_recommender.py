"""MF by cosines: its losses over a whole catalogue, shared negatives, the history of SimpleX."""

import numpy as np
import pytest

from skrec import BPRMFRanker, MFRecommender
from skrec.neural.objectives import fold_in_disagreement
from skrec.utils import hide_entries

MARGIN, WEIGHT, TEMPERATURE, L2 = 0.1, 3.0, 0.4, 1e-3


def user_vectors(est, X):
    """Return the vectors of users beside items that they lack, and beside each item they have."""
    p, q = est.user_factors_.astype(float), est.item_factors_.astype(float)
    if est.history is None:
        return p, lambda u, i: p[u]
    V = est.net_.module_.users.map.weight.detach().numpy().astype(float)
    n, ratio = X.sum(1), est.history_weight / (1 - est.history_weight)
    whole = p + ratio * (X @ q / n[:, None]) @ V.T
    return whole, lambda u, i: whole[u] - ratio * V @ q[i] / n[u]


def cosine(p, q):
    return p @ q / np.linalg.norm(p) / np.linalg.norm(q)


def cost(est, X, u, i):
    """Return the loss of a positive against all that the user lacks, with its penalty."""
    whole, beside = user_vectors(est, X)
    p, q = est.user_factors_.astype(float), est.item_factors_.astype(float)
    own, others = cosine(beside(u, i), q[i]), np.flatnonzero(X[u] == 0)
    cosines = np.array([cosine(whole[u], q[j]) for j in others])
    if est.loss == "ccl":
        loss = 1 - own + WEIGHT * np.maximum(0, cosines - MARGIN).mean()
    else:
        top = np.exp(own / TEMPERATURE)
        loss = -np.log(top / (top + np.exp(cosines / TEMPERATURE).sum()))
    everything = (q**2).sum(1).mean()
    return loss + L2 * ((p[u] ** 2).sum() + (q[i] ** 2).sum() + everything)


@pytest.mark.parametrize("history", [None, "mean"])
@pytest.mark.parametrize("power", [0.0, 0.75])
@pytest.mark.parametrize("loss", ["ccl", "softmax"])
def test_with_all_items_shared_the_loss_is_exact(loss, power, history, quick, X):
    X = X[:25]
    options = {"margin": MARGIN, "negative_weight": WEIGHT, "temperature": TEMPERATURE, "l2": L2}
    options |= {"loss": loss, "history": history, "history_weight": 0.3, "negative_power": power}
    options |= {"n_negatives": 100, "shared_negatives": True, "lr": 1e-12, "max_epochs": 1}
    est = quick(MFRecommender, **options).fit(X)
    dense = X.toarray()
    expected = np.mean([cost(est, dense, u, i) for u, i in np.argwhere(dense)])
    assert est.net_.history[0, "train_loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("power", [0.0, 0.75])
def test_a_sample_estimates_the_softmax_over_all(power, shared, quick, X):
    X, options = X[:60], {"loss": "softmax", "temperature": 1.0, "lr": 1e-12, "max_epochs": 4}
    whole = {"n_negatives": 60, "shared_negatives": True, "max_epochs": 1}
    exact = quick(MFRecommender, **{**options, **whole}).fit(X).net_.history[0, "train_loss"]
    sampled = {"n_negatives": 20, "shared_negatives": shared, "negative_power": power}
    est = quick(MFRecommender, **options, **sampled, batch_size=32).fit(X)
    assert np.mean(est.net_.history[:, "train_loss"]) == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("shared", [False, True])
def test_bpr_takes_the_mean_over_all_where_all_are_shared(shared, quick, all_but_one):
    X, _ = all_but_one  # whatever is drawn, one item is left
    options = {"n_negatives": 5, "l2": 0.0, "max_epochs": 3}
    est = quick(BPRMFRanker, **options, shared_negatives=shared).fit(X)
    other = quick(BPRMFRanker, **{**options, "n_negatives": 1}).fit(X)
    losses = [each.net_.history[:, "train_loss"] for each in (est, other)]
    np.testing.assert_allclose(*losses, rtol=1e-4)


@pytest.mark.parametrize("history", [None, "mean"])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("loss", ["ccl", "softmax"])
def test_the_checkerboard_is_completed(loss, shared, history, quick, checkerboard):
    X, hidden = checkerboard
    options = {"loss": loss, "shared_negatives": shared, "history": history, "n_negatives": 10}
    options |= {"lr_decay": None}
    est = quick(MFRecommender, **options, l2=0.01, max_epochs=60).fit(X)
    for given in ({"X": X}, {"users": range(40)}):
        top = est.recommend(**given, n_items=1)
        np.testing.assert_array_equal(top[:, 0], hidden.argmax(axis=1))


@pytest.mark.parametrize("options", [{"loss": "softmax"}, {"loss": "softmax", "history": "mean"}])
def test_unseen_users_are_folded_in_under_the_softmax(options, quick, X):
    est = quick(MFRecommender, **options, temperature=0.5).fit(X)
    assert fold_in_disagreement(est) < 1e-7
    row_loss = est.folder_.row_loss
    est.folder_.row_loss = type(row_loss)(row_loss.func, n_items=60, temperature=1.0)
    assert fold_in_disagreement(est) > 0.05


def test_logits_are_cosines_over_the_temperature(quick, X):
    est = quick(MFRecommender, loss="softmax", temperature=0.25).fit(X)
    p, q = est.user_factors_, est.item_factors_
    cosines = p @ q.T / np.linalg.norm(p, axis=1)[:, None] / np.linalg.norm(q, axis=1)
    scores = est.decision_function(users=range(200))
    np.testing.assert_allclose(scores, cosines / 0.25, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(est.decision_function(users=[3])[0], scores[3], rtol=1e-5)


@pytest.mark.parametrize("loss", ["ccl", "softmax"])
def test_probabilities_add_up_to_what_is_hidden(loss, quick, X):
    est = quick(MFRecommender, loss=loss, shared_negatives=True, max_epochs=10).fit(X)
    X = X[:100]
    history, hidden = hide_entries(X, 0.1, np.random.RandomState(3))
    expected = est.predict_proba(history)[history.toarray() == 0].sum()
    assert 0.67 < expected / hidden.nnz < 1.5


@pytest.mark.parametrize("options", [{"loss": "softmax"}, {"history": "mean"}])
@pytest.mark.parametrize("shared", [False, True])
def test_edges_give_finite_answers(shared, options, edge, check_edge):
    check_edge(MFRecommender, edge, shared_negatives=shared, n_negatives=3, **options)


def test_descent_by_pairs_shares_nothing(X):
    with pytest.raises(ValueError, match='shared_negatives must be False with solver="sgd"'):
        BPRMFRanker(solver="sgd", shared_negatives=True).fit(X)


@pytest.mark.parametrize(
    ("name", "value"),
    [("history", "sum"), ("history_weight", 1.0), ("temperature", 0.0), ("shared_negatives", 2)],
)
def test_wrong_values_are_refused(name, value, X):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MFRecommender must be"):
        MFRecommender(**{name: value}).fit(X)


def test_training_goes_on_under_another_loss(quick, X):
    est = quick(MFRecommender, warm_start=True, max_epochs=2).fit(X)
    vectors = est.item_factors_.copy()
    est.set_params(loss="softmax", temperature=0.3, shared_negatives=True, lr=1e-12).fit(X)
    assert est.net_.criterion_.temperature == 0.3
    np.testing.assert_allclose(est.item_factors_, vectors, atol=1e-6)
    assert est.set_params(loss="ccl", margin=0.2).fit(X).net_.criterion_.margin == 0.2
