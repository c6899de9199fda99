"""Ranking scorers of rating models: a threshold makes targets of held-out ratings."""

import copy

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, KFold

from skrec import GeRecRegressor, Interactions
from skrec.exceptions import SkrecWarning
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import InteractionKFold
from skrec.utils import split_rows

METRICS = ["recall@2", "ndcg@2", "recall@4", "ndcg@4"]
RULE = {"relevance_threshold": 4.0, "min_held_out": 2}


class Noise(BaseEstimator):
    """Random scores of a row's items, all different."""

    def __init__(self, seed=0, shift=0.0):
        self.seed = seed
        self.shift = shift

    def fit(self, X, y=None):
        X = X.tocsr() if isinstance(X, Interactions) else sp.csr_matrix(X)
        self.interactions_ = X
        rng = np.random.default_rng(self.seed)
        self.weights_ = rng.standard_normal((X.shape[1], X.shape[1]))
        self.item_scores_ = rng.standard_normal(X.shape[1]) + self.shift * X.toarray().sum(axis=0)
        self.scores_ = self.decision_function(X)
        return self

    def decision_function(self, X=None, *, users=None):
        if isinstance(X, Interactions):
            return self.scores_[X.user, X.item]
        return self.scores_[users] if X is None else X @ self.weights_ + self.item_scores_


def ratings(seed=0, n_users=25, n_items=14, low=1):
    rng = np.random.default_rng(seed)
    user, item = np.nonzero(rng.random((n_users, n_items)) < 0.5)
    value = rng.integers(low, 6, len(user))
    X = Interactions.from_arrays(user, item, value, frame=(n_users, n_items))
    side = rng.random(len(X)) < 0.5
    return X[side], X[~side]


def oracle(scores, train, test, candidates, threshold, min_held_out):
    """Rank user by user as Liang et al. (2018) define Recall@R and NDCG@R."""
    rows = {}
    for u in range(len(scores)):
        held_out = test.item[test.user == u]
        good = set(test.item[(test.user == u) & (test.value >= threshold)])
        if len(held_out) < min_held_out or not good:
            continue
        if candidates == "own":
            items = held_out
        else:
            items = np.setdiff1d(np.arange(scores.shape[1]), train.item[train.user == u])
        hits = np.array([i in good for i in items[np.argsort(-scores[u, items])]])
        rows[u] = []
        for k in (2, 4):
            top = hits[:k]
            best = min(k, len(good))
            dcg = sum((2**hit - 1) / np.log2(place + 2) for place, hit in enumerate(top))
            rows[u] += [top.sum() / best, dcg / sum(1 / np.log2(p + 2) for p in range(best))]
    return rows


@pytest.mark.parametrize("candidates", ["all", "own"])
@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([2.0, 3.5, 4.0, 5.0]), st.integers(1, 4))
def test_agrees_with_the_formulas(candidates, seed, threshold, min_held_out):
    train, test = ratings(seed)
    est = Noise(seed).fit(train)
    scorer = make_ranking_scorer(
        METRICS,
        candidates=candidates,
        relevance_threshold=threshold,
        min_held_out=min_held_out,
        unknown_users="include",
    )
    expected = oracle(est.scores_, train, test, candidates, threshold, min_held_out)
    values = scorer.per_user(est, test)
    assert_array_equal(values.index, list(expected))
    assert_allclose(values, list(expected.values()))
    assert scorer(est, test) == pytest.approx(dict(zip(scorer.names, values.mean())))


@pytest.mark.parametrize("candidates", ["all", "own"])
@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.coo_array, sp.csr_matrix.toarray, Interactions])
def test_histories_and_targets(candidates, kind):
    train, test = ratings()
    est = Noise().fit(train)
    scorer = make_ranking_scorer(METRICS, candidates=candidates, **RULE)
    values = scorer.per_user(est, train.tocsr(), kind(test.tocsr()))
    expected = scorer.per_user(est, test)
    assert_array_equal(values.index, expected.index)
    assert_allclose(values, expected)


@pytest.mark.parametrize("candidates", ["all", "own"])
def test_rows_are_split_where_there_are_no_targets(candidates):
    X = ratings()[0].tocsr()
    est = Noise().fit(X)
    scorer = make_ranking_scorer(METRICS, candidates=candidates, relevance_threshold=4)
    assert_allclose(scorer.per_user(est, X), scorer.per_user(est, *split_rows(X, 0.2, 0)))


def test_without_a_threshold_every_entry_is_a_target():
    train, test = ratings()
    est = Noise().fit(train)
    plain = make_ranking_scorer(METRICS).per_user(est, test)
    low = make_ranking_scorer(METRICS, relevance_threshold=1).per_user(est, test)
    assert_allclose(plain, low)
    few = make_ranking_scorer(METRICS, min_held_out=4).per_user(est, test)
    enough = np.bincount(test.user, minlength=25)[plain.index] >= 4
    assert 0 < len(few) < len(plain)
    assert_allclose(few, plain[enough])


@pytest.mark.parametrize("candidates", ["all", "own"])
def test_zeros_and_negative_ratings_count(candidates):
    train, test = ratings(low=-5)
    est = Noise().fit(train)
    scorer = make_ranking_scorer(METRICS, candidates=candidates, relevance_threshold=0)
    values = scorer.per_user(est, test)
    assert_allclose(values, list(oracle(est.scores_, train, test, candidates, 0, 1).values()))
    assert (test.value == 0).any()
    assert_allclose(scorer.per_user(est, train.tocsr(), test.tocsr()), values)


def test_own_items_alone_are_asked_for():
    train, test = ratings()
    est = Noise().fit(train)
    asked = []
    answer = est.decision_function
    est.decision_function = lambda X=None, **users: (asked.append(X), answer(X, **users))[1]
    make_ranking_scorer(candidates="own", **RULE)(est, test)
    pairs = {(u, i) for X in asked for u, i in zip(X.user, X.item)}
    assert pairs < {*zip(test.user, test.item)}


def test_who_likes_everything_has_one():
    test = Interactions(sp.csr_matrix([[5.0, 4, 0, 0], [5, 1, 0, 0]]))
    est = Noise().fit(sp.csr_matrix((2, 4)))
    est.scores_ = np.array([[1.0, 2, 3, 4], [1, 2, 3, 4]])
    scorer = make_ranking_scorer("ndcg", k=4, candidates="own", **RULE)
    with pytest.warns(SkrecWarning, match="2 of 2 users"):
        values = scorer.per_user(est, test)
    assert_allclose(values["own_ndcg@4"], [1, 1 / np.log2(3)])


def test_negatives_are_not_the_held_out_items():
    train, test = ratings()
    est = Noise().fit(train)
    asked = []
    answer = est.decision_function
    est.decision_function = lambda X=None, **users: (asked.append(X), answer(X, **users))[1]
    make_ranking_scorer(n_negatives=100, **RULE)(est, test)
    bad = {*zip(test.user[test.value < 4], test.item[test.value < 4])}
    assert not bad & {(u, i) for X in asked for u, i in zip(X.user, X.item)}


def test_blocks_do_not_matter():
    train, test = ratings(n_users=200, n_items=60)
    est = Noise().fit(train)
    for candidates in ("all", "own"):
        scorer = make_ranking_scorer([*METRICS, "mrr"], candidates=candidates, **RULE)
        whole = scorer.per_user(est, test)
        with config_context(working_memory=0.02):
            assert_allclose(scorer.per_user(est, test), whole)


def test_names_repr_and_copies():
    scorer = make_ranking_scorer(["ndcg", "recall"], 20, candidates="own", **RULE)
    assert scorer.names == ["own_ndcg@20", "own_recall@20"]
    assert repr(scorer) == (
        "RankingScorer(['own_ndcg@20', 'own_recall@20'], candidates='own', "
        "relevance_threshold=4.0, min_held_out=2, random_state=0)"
    )
    assert repr(copy.deepcopy(scorer)) == repr(scorer)


@pytest.mark.parametrize("as_interactions", [False, True])
def test_grid_search(as_interactions):
    X = ratings(n_items=60)[0]
    X = X if as_interactions else X.tocsr()
    scorer = make_ranking_scorer(["ndcg", "recall"], k=2, candidates="own", **RULE)
    folds = KFold(2, shuffle=True, random_state=0)
    grid = {"shift": [0.0, -1.0]}
    search = GridSearchCV(Noise(), grid, scoring=scorer, refit="own_ndcg@2", cv=folds).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_own_recall@2"]).all()


def test_grid_search_of_a_rating_model():
    X = ratings(n_users=60, n_items=20)[0]
    search = GridSearchCV(
        GeRecRegressor(n_factors=4, n_draws=2, n_filters=4, hidden_size=4, random_state=0),
        {"max_epochs": [1, 2]},
        scoring=make_ranking_scorer("ndcg", k=5, candidates="own", **RULE),
        cv=InteractionKFold(2),
    ).fit(X)
    assert 0 < search.best_score_ <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": "some"}, r"candidates must be one of \['all', 'own'\]; got 'some'"),
        ({"candidates": "own"}, "relevance_threshold must be given"),
        ({"candidates": "own", "n_negatives": 5, **RULE}, "where negatives are ranked"),
        ({"candidates": "own", "negatives": [[1]], **RULE}, "where negatives are ranked"),
        ({"relevance_threshold": "4"}, "relevance_threshold must be a finite number"),
        ({"relevance_threshold": np.nan}, "relevance_threshold must be a finite number"),
        ({"min_held_out": 0}, "min_held_out must be an integer >= 1"),
        ({"min_held_out": 1.5}, "min_held_out must be an integer >= 1"),
    ],
)
def test_bad_parameters(options, message):
    with pytest.raises(ValueError, match=message):
        make_ranking_scorer(**options)


def test_bad_input():
    train, test = ratings()
    est = Noise().fit(train)
    with pytest.raises(ValueError, match="interaction to be found rated 6 or more, of a user"):
        make_ranking_scorer(relevance_threshold=6)(est, test)
    with pytest.raises(ValueError, match="with 100 or more held-out ones"):
        make_ranking_scorer(min_held_out=100)(est, test)
    missing = Interactions.from_arrays([0, 0], [0, 1], [np.nan, 5], frame=(25, 14))
    with pytest.raises(ValueError, match="X must hold finite values; got NaN"):
        make_ranking_scorer(relevance_threshold=4)(est, missing)
