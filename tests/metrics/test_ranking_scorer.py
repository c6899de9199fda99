"""Ranking scorers on a small estimator with the public API of a recommender."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import check_scoring
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    cross_validate,
    learning_curve,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrec import Interactions
from skrec.metrics import evaluate_ranking, make_ranking_scorer
from skrec.utils import split_rows

# of small data split at random, many users may be on one side alone
FEW = pytest.mark.filterwarnings("ignore:.*have no interactions in fit")
NAMES = ["ndcg@2", "recall@3", "precision@2", "hit_rate@1", "mrr@5", "map@3"]


class Cooccurrence(BaseEstimator):
    """Scores of neighbours and popularity; many ties."""

    def __init__(self, weight=1.0, levels=None):
        self.weight = weight
        self.levels = levels

    def fit(self, X, y=None):
        X = X.tocsr() if isinstance(X, Interactions) else X
        X = sp.csr_matrix(X, dtype=np.float32, copy=True)
        X.sum_duplicates()
        X.data[:] = 1
        self.interactions_ = X
        self.item_item_ = (X.T @ X).toarray() * np.float32(self.weight)
        self.popularity_ = np.asarray(X.sum(axis=0)).ravel()
        self.asked_ = []
        return self

    def decision_function(self, X=None, *, users=None):
        if isinstance(X, Interactions):
            self.asked_.append(X)
            return self._score(self.interactions_)[X.user, X.item]
        rows = self.interactions_[users] if X is None else X
        self.asked_.append(rows.shape[0])
        return self._score(rows)

    def _score(self, rows):
        scores = rows @ self.item_item_ + self.popularity_
        return (scores if self.levels is None else np.minimum(scores, self.levels)).astype(
            np.float32
        )


def frame(n_users=30, n_items=12, density=0.3, seed=0):
    rng = np.random.default_rng(seed)
    return sp.csr_matrix((rng.random((n_users, n_items)) < density).astype(np.float32))


def parts(seed=0, n_items=12):
    """Return train and test interactions of one frame; some pairs are in both."""
    X = Interactions(frame(seed=seed, n_items=n_items))
    side = np.random.default_rng(seed).random(len(X))
    return X[side < 0.7], X[side > 0.6]


def by_hand(est, X):
    """Score the entries of an `Interactions` with arrays of the whole frame."""
    targets, seen = X.tocsr().toarray() != 0, est.interactions_.toarray() != 0
    scores = est.decision_function(users=np.arange(len(targets)))
    exclude = sp.csr_matrix(seen & ~targets)
    values = evaluate_ranking(targets, scores, metrics=NAMES, exclude=exclude)
    return {name: values[name][targets.any(axis=1)] for name in NAMES}


@FEW
@given(st.integers(0, 1000))
def test_known_users(seed):
    train, test = parts(seed)
    est = Cooccurrence().fit(train)  # scores are integers: ties abound
    values = make_ranking_scorer(NAMES).per_user(est, test)
    expected = by_hand(est, test)
    assert list(values.columns) == NAMES
    assert_array_equal(values.index, np.unique(test.user))
    for name in NAMES[:4]:
        assert_allclose(values[name], expected[name])


def test_known_users_without_ties():
    train, test = parts()
    est = Cooccurrence().fit(train)
    est.popularity_ = est.popularity_ + np.linspace(0, 0.5, 12)
    values = make_ranking_scorer(NAMES).per_user(est, test)
    expected = by_hand(est, test)
    for name in NAMES:
        assert_allclose(values[name], expected[name])


def test_targets_that_fit_saw_are_ranked():
    train, _ = parts()
    est = Cooccurrence().fit(train)
    assert make_ranking_scorer("recall", k=None)(est, train) == 1


def test_a_pair_given_twice_is_one_target():
    train, test = parts()
    est = Cooccurrence().fit(train)
    scorer = make_ranking_scorer(NAMES)
    twice = test[np.r_[np.arange(len(test)), np.arange(len(test))]]
    assert scorer(est, twice) == scorer(est, test)


@pytest.mark.parametrize(
    "kind", [sp.csr_matrix, sp.csc_array, sp.coo_matrix, sp.csr_matrix.toarray]
)
@pytest.mark.parametrize("labels", [None, np.arange(30) % 2])
def test_rows_are_split_where_there_are_no_targets(kind, labels):
    X = frame()
    est = Cooccurrence().fit(X)
    values = make_ranking_scorer(NAMES, random_state=3).per_user(est, kind(X), labels)
    history, targets = split_rows(X, 0.2, 3)
    scores = est.decision_function(history)
    expected = evaluate_ranking(targets, scores, metrics=NAMES, exclude=history)
    kept = np.flatnonzero(targets.getnnz(axis=1))
    assert_array_equal(values.index, kept)
    for name in NAMES[:4]:
        assert_allclose(values[name], expected[name][kept])


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_array, sp.csr_matrix.toarray, Interactions])
def test_histories_and_targets(kind):
    X = frame()
    history, targets = split_rows(X, 0.4, 1)
    both = sp.csr_matrix(targets + history.multiply(frame(seed=8)))  # some are in the history too
    est = Cooccurrence().fit(X)
    values = make_ranking_scorer(NAMES).per_user(est, history, kind(both))
    only = sp.csr_matrix(history.toarray() * (both.toarray() == 0))
    expected = evaluate_ranking(both, est.decision_function(history), metrics=NAMES, exclude=only)
    kept = np.flatnonzero(both.getnnz(axis=1))
    assert_array_equal(values.index, kept)
    for name in NAMES[:4]:
        assert_allclose(values[name], expected[name][kept])


def test_value_is_the_mean_over_users():
    train, test = parts()
    est = Cooccurrence().fit(train)
    several = make_ranking_scorer(["ndcg", "recall@5"], k=[1, 2])
    assert several(est, test) == several.per_user(est, test).mean().to_dict()
    assert list(several(est, test)) == ["ndcg@1", "ndcg@2", "recall@5"]
    one = make_ranking_scorer("ndcg", k=2)(est, test)
    assert isinstance(one, float)
    assert one == several(est, test)["ndcg@2"]


def test_truncated_recall():
    train, test = parts()
    est = Cooccurrence().fit(train)
    full = make_ranking_scorer("recall", k=1, truncated=False)
    assert full(est, test) < make_ranking_scorer("recall", k=1)(est, test)
    assert "truncated=False" in repr(full)


# Sampled protocols


def test_given_negatives():
    train, test = parts()
    est = Cooccurrence().fit(train)
    rng = np.random.default_rng(0)
    negatives = rng.integers(-1, 12, (30, 6))  # with targets, seen items and repetitions
    scorer = make_ranking_scorer(NAMES, negatives=negatives)
    values = scorer.per_user(est, test)
    targets, seen = test.tocsr().toarray() != 0, est.interactions_.toarray() != 0
    for u, row in values.iterrows():
        good = {i for i in negatives[u] if i >= 0 and not targets[u, i] and not seen[u, i]}
        items = [*np.flatnonzero(targets[u]), *good]
        scores = est.decision_function(users=[u])[:, items]
        expected = evaluate_ranking(targets[[u]][:, items], scores, metrics=NAMES)
        for name in NAMES[:4]:
            assert row[f"sampled_{name}"] == pytest.approx(expected[name][0])


def test_drawn_negatives():
    train, test = parts(n_items=40)
    est = Cooccurrence().fit(train)
    make_ranking_scorer(n_negatives=7)(est, test)
    asked = [pairs for pairs in est.asked_ if isinstance(pairs, Interactions)]
    user = np.concatenate([pairs.user for pairs in asked])
    item = np.concatenate([pairs.item for pairs in asked])
    known = (est.interactions_ + test.tocsr()).toarray() != 0
    targets = test.tocsr().toarray() != 0
    for u in np.unique(test.user):
        drawn = item[user == u]
        assert len(set(drawn)) == len(drawn) == 7 + targets[u].sum()
        assert set(np.flatnonzero(targets[u])) <= set(drawn)
        assert known[u, drawn].sum() == targets[u].sum()


@pytest.mark.parametrize("n_negatives", [1, 3, 5, 6])
def test_negatives_are_drawn_uniformly(n_negatives):
    n_users, n_items = 6000, 9
    seen = sp.csr_matrix(np.tile([0, 1.0, 0, 0, 0, 0, 0, 0, 1], (n_users, 1)))
    targets = sp.csr_matrix(np.tile([0, 0, 0, 1.0, 0, 0, 0, 0, 0], (n_users, 1)))
    est = Cooccurrence().fit(seen)
    make_ranking_scorer(n_negatives=n_negatives)(est, Interactions(targets))
    pairs = [pairs for pairs in est.asked_ if isinstance(pairs, Interactions)]
    counts = sum(np.bincount(p.item, minlength=n_items) for p in pairs)
    p = n_negatives / 6
    assert_array_equal(counts[[1, 8, 3]], [0, 0, n_users])
    error = 4 * np.sqrt(n_users * p * (1 - p))
    assert (np.abs(counts[[0, 2, 4, 5, 6, 7]] - n_users * p) <= error).all()


@FEW
@given(st.integers(0, 200))
def test_all_negatives_are_the_full_ranking(seed):
    train, test = parts(seed)
    est = Cooccurrence().fit(train)
    full = make_ranking_scorer(NAMES[:4]).per_user(est, test)
    sampled = make_ranking_scorer(NAMES[:4], n_negatives=100).per_user(est, test)
    # items that are seen and targets count as targets in both
    assert_allclose(sampled, full)
    X = frame(seed=seed)
    full = make_ranking_scorer(NAMES[:4]).per_user(est, X)
    sampled = make_ranking_scorer(NAMES[:4], n_negatives=100).per_user(est, X)
    assert_allclose(sampled, full)


def test_sampled_is_said_everywhere():
    scorer = make_ranking_scorer(["ndcg", "hit_rate"], n_negatives=5)
    assert scorer.names == ["sampled_ndcg@10", "sampled_hit_rate@10"]
    assert repr(scorer) == (
        "RankingScorer(['sampled_ndcg@10', 'sampled_hit_rate@10'], n_negatives=5, random_state=0)"
    )
    given = make_ranking_scorer("ndcg", negatives=np.zeros((4, 2), dtype=int))
    assert repr(given).startswith(
        "RankingScorer('sampled_ndcg@10', negatives=<array of shape (4, 2)>"
    )
    train, test = parts()
    assert list(scorer(Cooccurrence().fit(train), test)) == scorer.names


def test_same_seed_same_value():
    train, test = parts(n_items=40)
    est = Cooccurrence(weight=0.01, levels=2.0).fit(train)

    def value(seed):
        return make_ranking_scorer(["mrr", "map"], n_negatives=9, random_state=seed)(est, test)

    assert value(0) == value(0)
    assert value(0) != value(1)
    assert value(np.random.RandomState(5)) == value(np.random.RandomState(5))


def test_global_random_state_is_left_alone():
    train, test = parts()
    est = Cooccurrence().fit(train)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    make_ranking_scorer(["mrr"], n_negatives=3)(est, test)
    make_ranking_scorer()(est, frame())
    assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


# Blocks


@pytest.mark.parametrize("n_negatives", [None, 20])
def test_blocks_do_not_matter_and_bound_the_memory(n_negatives):
    X = frame(400, 300, 0.02)
    est = Cooccurrence(levels=3.0).fit(X)
    scorer = make_ranking_scorer(NAMES, n_negatives=n_negatives)
    whole = [scorer.per_user(est, X), scorer.per_user(est, Interactions(X))]
    est.asked_.clear()
    with config_context(working_memory=0.5):
        blocks = [scorer.per_user(est, X), scorer.per_user(est, Interactions(X))]
    for a, b in zip(whole, blocks):
        pd.testing.assert_frame_equal(a, b)
    rows = [n for n in est.asked_ if isinstance(n, int)]
    assert len(rows) > 2
    assert max(rows) * 300 * 4 <= 0.5 * 2**20 / 2


def test_arrays_of_the_estimator_are_left_alone():
    X = frame(density=0.6)
    history, targets = split_rows(X)
    est = Cooccurrence().fit(X)
    kept = est.decision_function(history)
    values = []
    for scores in (kept.copy(), np.broadcast_to(kept[:1], kept.shape), kept):
        before = scores.copy()
        est.decision_function = lambda X, s=scores: s
        values.append(make_ranking_scorer()(est, history, targets))
        assert_array_equal(scores, before)
    assert values[0] == values[2] != values[1]


def test_users_are_scored_once():
    X = frame(100, 50)
    est = Cooccurrence().fit(X)
    make_ranking_scorer(NAMES, k=[1, 2, 3])(est, Interactions(X))
    assert sum(est.asked_) == 100


def test_stored_zeros_of_fit_are_seen():
    est = Cooccurrence().fit(sp.csr_matrix([[1.0, 1, 1, 0], [0, 1, 0, 0]]))
    est.interactions_ = est.interactions_.copy()
    est.interactions_.data[:3] = 0  # ratings of 0
    test = Interactions(sp.csr_matrix([[0, 0, 0, 1.0], [0, 0, 0, 0]]))
    assert make_ranking_scorer("mrr")(est, test) == 1


# scikit-learn


@pytest.mark.parametrize("as_interactions", [False, True])
def test_grid_search(as_interactions):
    X = frame(60)
    X = Interactions(X) if as_interactions else X
    folds = KFold(3, shuffle=True, random_state=0)
    grid = {"weight": [0.0, 1.0]}
    scorer = make_ranking_scorer(["ndcg", "recall"], k=[2, 5])
    search = GridSearchCV(Cooccurrence(), grid, scoring=scorer, refit="ndcg@5", cv=folds).fit(X)
    assert {f"mean_test_{name}" for name in scorer.names} <= set(search.cv_results_)
    single = GridSearchCV(
        Cooccurrence(), grid, scoring=make_ranking_scorer("ndcg", k=5), cv=folds
    ).fit(X)
    assert_allclose(single.cv_results_["mean_test_score"], search.cv_results_["mean_test_ndcg@5"])
    assert single.best_params_ == search.best_params_
    by_hand = []
    for train, test in folds.split(X):
        est = Cooccurrence(weight=1.0).fit(X[train])
        by_hand.append(scorer(est, X[test])["recall@2"])
    assert search.cv_results_["mean_test_recall@2"][1] == pytest.approx(np.mean(by_hand))


def test_other_tools_of_scikit_learn():
    X, scorer = Interactions(frame(60)), make_ranking_scorer("ndcg", k=3)
    folds = KFold(3, shuffle=True, random_state=0)
    assert check_scoring(Cooccurrence(), scoring=scorer) is scorer
    assert cross_validate(Cooccurrence(), X, scoring=scorer, cv=folds)["test_score"].shape == (3,)
    many = make_ranking_scorer(["ndcg", "recall"])
    result = cross_validate(Cooccurrence(), frame(60), scoring=many, cv=folds)
    assert {"test_ndcg@10", "test_recall@10"} <= set(result)
    _, train_scores, _ = learning_curve(
        Cooccurrence(), X, None, scoring=scorer, cv=folds, train_sizes=[0.9]
    )
    assert np.isfinite(train_scores).all()
    halving = HalvingGridSearchCV(
        Cooccurrence(), {"weight": [0.0, 1.0]}, scoring=scorer, cv=folds, random_state=0
    )
    assert halving.fit(X).best_score_ > 0
    train, test = train_test_split(X, random_state=0)
    assert scorer(Cooccurrence().fit(train), test) > 0


@FEW
def test_nested_search_and_pipeline():
    X, scorer = Interactions(frame(60)), make_ranking_scorer("ndcg", k=3)
    folds = KFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(Cooccurrence(), {"weight": [0.0, 1.0]}, scoring=scorer, cv=folds)
    for X in (Interactions(frame(60)), frame(60)):
        assert (cross_validate(search, X, scoring=scorer, cv=folds)["test_score"] > 0).all()
    pipeline = make_pipeline(FunctionTransformer(accept_sparse=True), Cooccurrence())
    assert cross_validate(pipeline, frame(60), scoring=scorer, cv=folds)["test_score"].min() > 0


def test_metadata_routing():
    folds = KFold(2, shuffle=True, random_state=0)
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            Cooccurrence(), {"weight": [1.0]}, scoring=make_ranking_scorer(), cv=folds
        )
        assert search.fit(frame(60)).best_score_ > 0


def test_copies():
    train, test = parts()
    est = Cooccurrence().fit(train)
    negatives = np.zeros((30, 3), dtype=int)
    for scorer in (make_ranking_scorer(NAMES), make_ranking_scorer(negatives=negatives)):
        for other in (pickle.loads(pickle.dumps(scorer)), copy.deepcopy(scorer)):
            assert repr(other) == repr(scorer)
            assert other(est, test) == scorer(est, test)
        clone(GridSearchCV(Cooccurrence(), {}, scoring=scorer))


# Errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": "auc"}, "metrics must be among"),
        ({"metrics": []}, "at least one metric"),
        ({"k": 0}, "k must be a positive integer or None"),
        ({"k": []}, "at least one metric"),
        ({"n_negatives": 0}, "n_negatives must be an integer >= 1"),
        ({"n_negatives": 2, "negatives": [[1]]}, "At most one of n_negatives and negatives"),
        ({"negatives": [1, 2]}, "negatives must be a two-dimensional array"),
        ({"negatives": [[0.5]]}, "negatives must be a two-dimensional array"),
        ({"negatives": [[-2]]}, "negatives must be item indices or -1"),
    ],
)
def test_bad_parameters(options, message):
    with pytest.raises(ValueError, match=message):
        make_ranking_scorer(**options)


def test_bad_input():
    train, test = parts()
    X, est, scorer = frame(), Cooccurrence().fit(train), make_ranking_scorer()
    with pytest.raises(ValueError, match=r"X must have the frame seen in fit, \(30, 12\)"):
        scorer(est, Interactions(frame(31)))
    with pytest.raises(ValueError, match="No user has a target"):
        scorer(est, test[[]])
    with pytest.raises(ValueError, match="No user has a target"):
        scorer(est, sp.eye_array(30, 12, format="csr"))
    with pytest.raises(ValueError, match=r"y must have shape \(30, 12\)"):
        scorer(est, X, np.ones((30, 1)))
    with pytest.raises(ValueError, match="y must be None"):
        scorer(est, test, X)
    with pytest.raises(ValueError, match="a row for each of 30 users"):
        make_ranking_scorer(negatives=[[1]])(est, test)
    with pytest.raises(ValueError, match="a largest index of 12"):
        make_ranking_scorer(negatives=[[12]] * 30)(est, test)
    est.popularity_ = est.popularity_ * np.nan
    with pytest.raises(ValueError, match="decision_function must not hold NaN"):
        scorer(est, test)
    est.decision_function = lambda X=None, *, users=None: np.ones((len(users), 3))
    with pytest.raises(ValueError, match="decision_function must have shape"):
        scorer(est, test)


# Published figures


def test_popularity_on_movielens(data_home):
    folder = data_home / "ml-1m"
    tables = {name: folder / f"{name}.csv.gz" for name in ("ratings", "loo_test", "loo_negatives")}
    if not all(path.is_file() for path in tables.values()):
        pytest.skip("no ml-1m in SKREC_DATA")
    ratings, test, negatives = (pd.read_csv(path) for path in tables.values())
    users, items = (np.unique(ratings[name]) for name in ("user", "item"))
    size = len(users), len(items)

    def pairs(table):
        return Interactions.from_arrays(
            users.searchsorted(table["user"]), items.searchsorted(table["item"]), frame=size
        )

    keys = {*zip(test["user"], test["item"])}
    held_out = np.array([pair in keys for pair in zip(ratings["user"], ratings["item"])])
    est = Cooccurrence(weight=0.0).fit(pairs(ratings[~held_out]))
    lists = np.full((size[0], 99), -1)
    lists[users.searchsorted(negatives["user"])] = [
        items.searchsorted([int(i) for i in row.split()]) for row in negatives["negatives"]
    ]
    scorer = make_ranking_scorer("hit_rate", k=10, negatives=lists)
    est.decision_function = lambda X: est.popularity_[X.item]
    assert scorer(est, pairs(test)) == pytest.approx(0.4535, abs=5e-5)
