"""Nearest neighbours against double loops."""

import numpy as np
import pytest

from skrec import ItemKNNRecommender, UserKNNRecommender
from skrec.datasets import make_interactions

WEIGHTINGS = [None, "tf-idf", "bm25"]


@pytest.fixture
def X():
    rng = np.random.RandomState(4)
    return (rng.uniform(size=(30, 13)) < np.linspace(0.1, 0.8, 13)).astype(float)


def weigh(D, weighting, fitted_on=None):
    """Weigh documents (rows) by terms (columns), both loops written out."""
    corpus = D if fitted_on is None else fitted_on
    out = np.zeros_like(D)
    mean_length = corpus.sum() / len(corpus)
    for d in range(D.shape[0]):
        for t in range(D.shape[1]):
            if not D[d, t]:
                continue
            idf = np.log((1 + len(corpus)) / (1 + corpus[:, t].sum())) + 1
            saturated = 2.2 / (1 + 1.2 * (0.25 + 0.75 * D[d].sum() / mean_length))
            out[d, t] = {None: 1, "tf-idf": idf, "bm25": idf * saturated}[weighting]
    return out


def similarities(A, B, shrinkage, k, skip_own, alpha=0.5, power=1.0):
    """Give the similarity of each row of A to the k most similar rows of B, 0 to the others."""
    S = np.zeros((len(A), len(B)))
    for a in range(len(A)):
        for b in range(len(B)):
            product = A[a] @ B[b]
            if product > 0 and not (skip_own and a == b):
                own, other = np.linalg.norm(A[a]), np.linalg.norm(B[b])
                lengths = own ** (2 * alpha) * other ** (2 - 2 * alpha)
                S[a, b] = (product / (lengths + shrinkage)) ** power
        order = sorted(range(len(B)), key=lambda b: (-round(S[a, b], 5), b))
        S[a, order[k:]] = 0
    return S


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("shrinkage", [0.0, 10.0])
@pytest.mark.parametrize("n_neighbors", [1, 4, 100])
@pytest.mark.parametrize("normalize", [False, True])
def test_item_knn_is_the_double_loop(weighting, shrinkage, n_neighbors, normalize, X):
    est = ItemKNNRecommender(
        weighting=weighting, shrinkage=shrinkage, n_neighbors=n_neighbors, normalize=normalize
    ).fit(X)
    items = weigh(X.T, weighting)
    S = similarities(items, items, shrinkage, n_neighbors, skip_own=True)  # S[i, j]: j near i
    if normalize:
        S = S / S.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(est.item_weights_.toarray(), S.T, rtol=1e-5, atol=1e-7)
    new = (np.random.RandomState(0).uniform(size=(5, 13)) < 0.3).astype(float)
    new[:, 2] = 1
    expected = np.array([[sum(S[i, j] for j in np.flatnonzero(u)) for i in range(13)] for u in new])
    np.testing.assert_allclose(est.decision_function(new), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("alpha", "power"), [(0.2, 1.0), (0.5, 2.5), (0.8, 0.7)])
def test_asymmetry_and_power_are_the_double_loop(alpha, power, X):
    parameters = {"alpha": alpha, "power": power, "n_neighbors": 4, "shrinkage": 1.0}
    items = similarities(X.T, X.T, 1.0, 4, True, alpha, power)
    est = ItemKNNRecommender(**parameters).fit(X)
    np.testing.assert_allclose(est.item_weights_.toarray(), items.T, rtol=1e-4, atol=1e-7)
    new = (np.random.RandomState(0).uniform(size=(6, 13)) < 0.4).astype(float)
    new[:, 5] = 1
    users = similarities(new, X, 1.0, 4, False, alpha, power)
    est = UserKNNRecommender(**parameters).fit(X)
    np.testing.assert_allclose(est.decision_function(new), users @ X, rtol=1e-4, atol=1e-6)


def test_the_discount_divides_by_a_power_of_the_count(X):
    new = X[:4] * 1.0
    plain = UserKNNRecommender(n_neighbors=5).fit(X).decision_function(new)
    est = UserKNNRecommender(n_neighbors=5, popularity_discount=0.5).fit(X)
    expected = plain / np.sqrt(X.sum(axis=0) + 1)
    np.testing.assert_allclose(est.decision_function(new), expected, rtol=1e-5)


def test_each_item_keeps_its_own_neighbours(X):
    est = ItemKNNRecommender(n_neighbors=2, shrinkage=0.0).fit(X)
    W = est.item_weights_.toarray()
    assert ((W > 0).sum(axis=0) == 2).all()
    assert ((W > 0).sum(axis=1) != 2).any()
    assert not W.diagonal().any()


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("shrinkage", [0.0, 10.0])
@pytest.mark.parametrize("n_neighbors", [3, 100])
def test_user_knn_is_the_double_loop(weighting, shrinkage, n_neighbors, X):
    est = UserKNNRecommender(weighting=weighting, shrinkage=shrinkage, n_neighbors=n_neighbors)
    est.fit(X)
    new = (np.random.RandomState(0).uniform(size=(6, 13)) < 0.4).astype(float)
    new[:, 5] = 1
    users, rows = weigh(X, weighting), weigh(new, weighting, fitted_on=X)
    S = similarities(rows, users, shrinkage, n_neighbors, skip_own=False)
    expected = np.array([[S[u] @ X[:, i] for i in range(13)] for u in range(6)])
    np.testing.assert_allclose(est.decision_function(new), expected, rtol=1e-5, atol=1e-6)


def test_a_training_user_is_its_own_neighbour_and_its_ranking_of_unseen_items_is_not_changed(X):
    est = UserKNNRecommender(shrinkage=0.0).fit(X)
    S = similarities(X, X, 0.0, 100, skip_own=True)
    alone = S @ X
    unseen = X == 0
    np.testing.assert_allclose(est.decision_function(X)[unseen], alone[unseen], rtol=1e-5)
    np.testing.assert_allclose(
        est.decision_function(users=np.arange(30)), est.decision_function(X), rtol=1e-6
    )


def test_of_equal_neighbours_the_first_are_kept():
    est = ItemKNNRecommender(n_neighbors=2, shrinkage=0.0).fit(np.ones((4, 4)))
    expected = [[0, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(est.item_weights_.toarray(), expected, rtol=1e-6)


def test_similar_items_are_those_that_weigh_most(X):
    est = ItemKNNRecommender(shrinkage=1.0).fit(X)
    S = similarities(X.T, X.T, 1.0, 100, skip_own=True)
    indices, weights = est.similar_items([12, 3], n_items=4)
    np.testing.assert_allclose(weights, -np.sort(-S[[12, 3]], axis=1)[:, :4], rtol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(S[[12, 3]], indices, 1), weights, rtol=1e-5)
    assert 12 not in indices[0]
    assert 3 not in indices[1]


@pytest.mark.parametrize("cls", [ItemKNNRecommender, UserKNNRecommender])
@pytest.mark.parametrize(
    "parameters", [{"n_neighbors": 0}, {"shrinkage": -1.0}, {"weighting": "tfidf"}]
)
def test_bad_parameters_are_named(cls, parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter of {cls.__name__}"):
        cls(**parameters).fit(X)


@pytest.mark.parametrize("cls", [ItemKNNRecommender, UserKNNRecommender])
@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_neighbours_find_the_own_cluster(cls, weighting):
    data = make_interactions(400, 60, 6000, n_clusters=3, affinity=0.9, random_state=0)
    lists = cls(weighting=weighting).fit(data.X).recommend(data.X, n_items=3)
    same = data.item_clusters[lists] == data.user_clusters[:, None]
    assert same.mean() > 0.8


@pytest.mark.parametrize("cls", [ItemKNNRecommender, UserKNNRecommender])
def test_items_that_nobody_has_score_zero(cls, X):
    X[:, 4] = 0
    scores = cls().fit(X).decision_function(X)
    assert np.isfinite(scores).all()
    assert not scores[:, 4].any()
