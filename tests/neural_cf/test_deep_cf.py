"""DeepCF as an estimator: rows and columns, fold-in, restarts and parameters."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.frozen import FrozenEstimator

from skrec import EASERecommender
from skrec.datasets import make_interactions
from skrec.neural_cf._deep_cf import DeepCFClassifier

QUICK = {
    "representation_sizes": (12, 6),
    "item_sizes": (10, 8, 6),
    "matching_sizes": (10, 5),
    "n_factors": 7,
    "batch_size": 128,
    "max_epochs": 3,
    "lr": 0.01,
    "early_stopping": False,
    "device": "cpu",
    "random_state": 0,
}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def X():
    return make_interactions(120, 50, 1500, n_clusters=4, random_state=0).X


@pytest.fixture(scope="module")
def fitted(X):
    torch.set_num_threads(1)
    return DeepCFClassifier(**QUICK).fit(X)


def two_views(weights, side, x):
    """Return the representation and the embedding of rows, layer after layer."""
    w = {k.removeprefix(f"{side}.net."): v.numpy() for k, v in weights.items()}
    return representation(weights, side, x), x @ w["embedding.weight"] + w["embedding.bias"]


def representation(weights, side, x):
    w = {k.removeprefix(f"{side}.net."): v.numpy() for k, v in weights.items()}
    seen = x @ w["first.weight"] + w["first.bias"]
    layer = 0
    while f"layers.{layer}.weight" in w:
        seen = seen @ w[f"layers.{layer}.weight"].T + w[f"layers.{layer}.bias"]
        seen, layer = np.maximum(seen, 0), layer + 1
    return seen


def test_scores_are_the_formula(fitted, X):
    weights = fitted.net_.module_.state_dict()
    rows, columns = X[:30].toarray(), X.T.toarray()
    (user, left), (item, right) = (
        two_views(weights, side, x) for side, x in (("users", rows), ("items", columns))
    )
    np.testing.assert_allclose(fitted.item_factors_, np.hstack([item, right]), rtol=1e-4, atol=1e-5)
    w = {k.removeprefix("interaction."): v.numpy() for k, v in weights.items()}
    pairs = np.concatenate(
        [np.repeat(left, len(right), axis=0), np.tile(right, (len(left), 1))], axis=1
    )
    hidden = np.maximum(pairs @ w["first.weight"].T + w["first.bias"], 0)
    hidden = np.maximum(hidden @ w["layers.0.weight"].T + w["layers.0.bias"], 0)
    product = (user[:, None] * item[None]).reshape(len(pairs), -1)
    scores = np.hstack([product, hidden]) @ w["out.weight"][0] + w["out.bias"]
    got = fitted.decision_function(X[:30])
    np.testing.assert_allclose(got, scores.reshape(30, -1), rtol=1e-4, atol=1e-5)


def test_history_is_enough_and_changes_no_item(fitted, X):
    before = fitted.item_factors_
    by_row = fitted.decision_function(users=np.arange(len(X.indptr) - 1))
    np.testing.assert_allclose(fitted.decision_function(X), by_row, rtol=1e-5, atol=1e-6)
    fitted.decision_function(sp.csr_matrix(np.eye(X.shape[1])))
    assert np.array_equal(fitted.item_factors_, before)


def test_candidates_score_as_among_all(fitted, X):
    candidates = np.arange(40, 20, -1)
    items, scores = fitted.recommend(
        X[:10], n_items=20, candidates=candidates, exclude_seen=False, return_scores=True
    )
    every = np.take_along_axis(fitted.decision_function(X[:10]), items, axis=1)
    np.testing.assert_allclose(scores, every, rtol=1e-4, atol=1e-5)


def test_empty_history_gets_the_prior(fitted, X):
    scores = fitted.decision_function(sp.csr_matrix((1, X.shape[1])))[0]
    order = np.argsort(np.asarray(X.sum(0)).ravel(), kind="stable")
    assert np.all(np.diff(scores[order]) >= -1e-6)


def test_columns_are_of_what_was_trained_on(X):
    held = DeepCFClassifier(**QUICK | {"early_stopping": True, "validation_fraction": 0.5}).fit(X)
    columns = held.net_.module_.items.columns
    assert 0 < len(columns.indices) < X.nnz


def test_a_restart_reads_the_new_columns(X):
    est = DeepCFClassifier(**QUICK, warm_start=True).fit(X)
    other = X.copy()
    other.data[:] = np.arange(X.nnz) % 3 > 0
    other.eliminate_zeros()
    est.set_params(max_epochs=0).fit(other)
    rows = est.net_.module_.items.columns
    assert len(rows.indices) == other.nnz
    again = est.net_.module_.items.net
    fresh = DeepCFClassifier(**QUICK).fit(other)
    fresh.net_.module_.items.net.load_state_dict(again.state_dict())
    fresh.net_.module_.train().eval()
    np.testing.assert_allclose(est.item_factors_, fresh.item_factors_, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"representation_sizes": ()}, "representation_sizes must be one or more positive"),
        ({"matching_sizes": (4, 0)}, "matching_sizes must be one or more positive"),
        ({"item_sizes": (8, 5)}, "item_sizes must end in the last of representation_sizes, 6"),
        ({"item_sizes": 8}, "item_sizes"),
    ],
)
def test_wrong_sizes_are_named(parameters, match, X):
    with pytest.raises(ValueError, match=match):
        DeepCFClassifier(**QUICK | parameters).fit(X)


# halves, and how it starts from them

HALVES = "representation", "matching"


@pytest.mark.parametrize("parts", HALVES)
def test_a_half_is_the_formula_without_the_other(parts, X):
    est = DeepCFClassifier(**QUICK, parts=parts).fit(X)
    weights = est.net_.module_.state_dict()
    w = {k.removeprefix("interaction."): v.numpy() for k, v in weights.items()}
    rows, columns = X[:30].toarray(), X.T.toarray()
    names = ["first", "embedding"]
    assert any(names[1] in name for name in weights) == (parts == "matching")
    if parts == "representation":
        user, item = (
            representation(weights, side, x) for side, x in (("users", rows), ("items", columns))
        )
        expected = (user * w["out.weight"][0]) @ item.T + w["out.bias"]
        np.testing.assert_allclose(est.item_factors_, item, rtol=1e-4, atol=1e-5)
    else:
        left, right = (
            x @ w[f"{side}.net.embedding.weight"] + w[f"{side}.net.embedding.bias"]
            for side, x in (("users", rows), ("items", columns))
        )
        pairs = [[np.concatenate([a, b]) for b in right] for a in left]
        hidden = np.maximum(pairs @ w["first.weight"].T + w["first.bias"], 0)
        hidden = np.maximum(hidden @ w["layers.0.weight"].T + w["layers.0.bias"], 0)
        expected = hidden @ w["out.weight"][0] + w["out.bias"]
    np.testing.assert_allclose(est.decision_function(X[:30]), expected, rtol=1e-4, atol=1e-5)
    some = np.array([4, 9, 0])
    lists, scores = est.recommend(X[:5], 3, candidates=some, exclude_seen=False, return_scores=True)
    np.testing.assert_allclose(
        scores, np.take_along_axis(expected[:5], lists, axis=1), rtol=1e-4, atol=1e-5
    )
    losses = est.net_.history[:, "train_loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("alpha", [0.5, 0.2, 1.0])
def test_it_starts_as_the_weighted_mean_of_its_halves(alpha, X):
    est = DeepCFClassifier(**{**QUICK, "max_epochs": 0}, pretrain="auto", pretrain_epochs=2)
    est.set_params(pretrain_alpha=alpha).fit(X)
    first, second = est.pretrained_
    assert (first.parts, second.parts, first.max_epochs) == (*HALVES, 2)
    assert first.random_state != second.random_state
    expected = alpha * first.decision_function(X) + (1 - alpha) * second.decision_function(X)
    np.testing.assert_allclose(est.decision_function(X), expected, rtol=1e-4, atol=1e-5)


def test_it_starts_from_a_pair_with_parameters_of_its_own(X):
    pair = tuple(
        DeepCFClassifier(**{**QUICK, "max_epochs": n}, parts=half, n_negatives=n)
        for n, half in enumerate(HALVES, start=1)
    )
    options = {**QUICK, "optimizer": "sgd", "max_epochs": 0}
    est = DeepCFClassifier(**options, pretrain=pair).fit(X)
    first, second = est.pretrained_
    expected = (first.decision_function(X) + second.decision_function(X)) / 2
    np.testing.assert_allclose(est.decision_function(X), expected, rtol=1e-4, atol=1e-5)
    frozen = [FrozenEstimator(half) for half in est.pretrained_]
    again = DeepCFClassifier(**options, pretrain=frozen).fit(X)
    np.testing.assert_array_equal(again.decision_function(X), est.decision_function(X))
    before = again.net_.history
    assert len(again.set_params(max_epochs=1, warm_start=True).fit(X).net_.history) > len(before)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"parts": "all"}, "The 'parts' parameter"),
        ({"pretrain": "twin"}, "The 'pretrain' parameter"),
        ({"pretrain": DeepCFClassifier()}, "The 'pretrain' parameter"),
        ({"pretrain_alpha": 1.5}, "The 'pretrain_alpha' parameter"),
        (
            {"pretrain": (DeepCFClassifier(**QUICK),) * 2, "parts": "matching"},
            'pretrain must be "auto" or None unless parts="both"',
        ),
        ({"pretrain": (DeepCFClassifier(**QUICK),)}, "pretrain must be a pair of DeepCFClassifier"),
        ({"pretrain": (EASERecommender(),) * 2}, "pretrain must be a pair of DeepCFClassifier"),
        ({"pretrain": (DeepCFClassifier(**QUICK),) * 2}, "pretrain must be a pair with parts="),
        (
            {"pretrain": [DeepCFClassifier(**QUICK, parts=half) for half in HALVES[::-1]]},
            "pretrain must be a pair with parts=",
        ),
        (
            {
                "pretrain": [DeepCFClassifier(**QUICK, parts=half) for half in HALVES],
                "matching_sizes": (9, 5),
            },
            "and the widths of this estimator",
        ),
    ],
)
def test_other_starts_are_named(parameters, match, X):
    with pytest.raises(ValueError, match=match):
        DeepCFClassifier(**QUICK | parameters).fit(X)
