"""EASE against the constrained regression, solved a column at a time."""

import numpy as np
import pytest
import scipy.sparse as sp

from skrec import EASERecommender, Interactions, PopularityRecommender
from skrec.datasets import fetch_movielens, make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.utils import hide_entries


@pytest.fixture
def X():
    """Return 40 x 9 interactions in which popular items are far from rare ones."""
    rng = np.random.RandomState(0)
    return (rng.uniform(size=(40, 9)) < np.linspace(0.05, 0.9, 9)).astype(float)


def ease(X, l2):
    """Regress each column on all the others."""
    n_items = X.shape[1]
    B = np.zeros((n_items, n_items))
    for j in range(n_items):
        others = np.delete(np.arange(n_items), j)
        A = X[:, others]
        B[others, j] = np.linalg.solve(A.T @ A + l2 * np.eye(n_items - 1), A.T @ X[:, j])
    return B


@pytest.mark.parametrize("l2", [0.1, 3.0, 500.0])
def test_weights_solve_the_constrained_regression(l2, X):
    weights = EASERecommender(l2=l2).fit(X).item_weights_
    expected = ease(X, l2)
    assert not np.allclose(expected, expected.T, rtol=1e-2, atol=1e-7)  # sides matter
    np.testing.assert_allclose(weights, expected, rtol=2e-5, atol=1e-7)
    assert weights.dtype == np.float32
    assert not weights.diagonal().any()


@pytest.mark.parametrize("n_users", [20, 300, 1100, 1300])  # fewer users: an inverse over them
def test_more_items_than_a_block_of_the_inverse(n_users):
    X = sp.csr_matrix(sp.random_array((n_users, 1100), density=0.02, rng=0) > 0, dtype=float)
    weights = EASERecommender(l2=5.0).fit(X).item_weights_
    P = np.linalg.inv((X.T @ X).toarray() + 5 * np.eye(1100))
    expected = -P / P.diagonal()
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(weights, expected, atol=1e-6)


def test_scores_are_the_rows_times_the_weights(X):
    est = EASERecommender(l2=2.0).fit(X)
    new = np.array([[1, 0, 0, 1, 0, 0, 0, 1, 0], [0, 0, 1, 0, 0, 0, 0, 0, 0]])
    np.testing.assert_allclose(est.decision_function(new), new @ ease(X, 2.0), atol=1e-6)
    np.testing.assert_allclose(est.decision_function(users=[3]), X[[3]] @ ease(X, 2.0), atol=1e-6)


@pytest.mark.parametrize("candidates", [[7, 1], [0, 1, 2, 3, 4, 5, 6]])
def test_few_candidates_get_the_same_scores(candidates, X):
    est = EASERecommender(l2=2.0).fit(X)
    lists, scores = est.recommend(X[:6], 2, candidates=candidates, return_scores=True)
    full = est.decision_function(X[:6])
    full[X[:6] > 0] = -np.inf
    for row, items, values in zip(full, lists, scores):
        best = sorted((j for j in candidates if row[j] > -np.inf), key=lambda j: -row[j])[:2]
        assert items[items >= 0].tolist() == best
        np.testing.assert_allclose(values[items >= 0], row[best], rtol=1e-6)


def test_similar_items_are_the_largest_weights_of_the_items_row(X):
    est = EASERecommender(l2=2.0).fit(X)
    B = ease(X, 2.0)
    np.fill_diagonal(B, -np.inf)
    indices, weights = est.similar_items([4, 0], n_items=3)
    np.testing.assert_array_equal(indices, (-B[[4, 0]]).argsort(axis=1)[:, :3])
    np.testing.assert_allclose(weights, -np.sort(-B[[4, 0]], axis=1)[:, :3], atol=1e-6)


def test_more_similar_items_than_there_are(X):
    indices, weights = EASERecommender(l2=2.0).fit(X).similar_items(4, n_items=12)
    assert sorted(indices[0, :8]) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert (indices[0, 8:] == -1).all()
    assert np.isnan(weights[0, 8:]).all()


@pytest.mark.parametrize("l2", [0, -1.0, "x"])
def test_a_bad_penalty_is_named(l2, X):
    with pytest.raises(ValueError, match="'l2' parameter of EASERecommender"):
        EASERecommender(l2=l2).fit(X)


def test_strengths_do_not_count_only_interactions_do(X):
    rng = np.random.RandomState(1)
    strengths = X * rng.randint(1, 9, size=X.shape)
    ones, strong = (EASERecommender(l2=2.0).fit(M).item_weights_ for M in (X, strengths))
    np.testing.assert_array_equal(ones, strong)


@pytest.fixture(scope="module")
def movielens(data_home):
    """Return ml-1m with the leave-one-out test of the NCF paper, and its scorer."""
    data = fetch_movielens("1m", data_home=data_home, download_if_missing=False)
    frame = data.interactions.frame
    test = Interactions.from_arrays(np.arange(frame[0]), data.loo_test, frame=frame)
    scorer = make_ranking_scorer(["hit_rate@10", "ndcg@10"], negatives=data.loo_negatives)
    return data.loo_train, test, scorer


def test_published_figures_of_ease(movielens):
    train, test, scorer = movielens
    values = scorer(EASERecommender(l2=1320).fit(train), test)
    assert round(values["sampled_hit_rate@10"], 4) == 0.7192
    assert round(values["sampled_ndcg@10"], 4) == 0.4494


def test_published_figures_of_popularity(movielens):
    train, test, scorer = movielens
    values = scorer(PopularityRecommender().fit(train), test)
    assert round(values["sampled_hit_rate@10"], 4) == 0.4535


def test_probabilities_hold_for_users_that_the_weights_have_not_seen():
    """With little shrinkage the weights know what was hidden, unless its users are left out."""
    X = make_interactions(800, 80, 16_000, n_clusters=4, random_state=0).X
    est, test = EASERecommender(l2=1.0).fit(X[:400]), X[400:]
    history, hidden = hide_entries(test, 0.1, 0)
    proba = est.predict_proba(history) * (history.toarray() == 0)
    for rows in np.array_split(np.argsort(np.diff(test.indptr)), 5):
        assert 0.75 < proba[rows].sum() / hidden[rows].sum() < 1.3
