"""The contract, tried with a second and a third kind of estimator."""

import warnings
from typing import ClassVar

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.pipeline import make_pipeline

from skrec import Interactions, PopularityRecommender, WMFRecommender
from skrec.base import BaseRecommender
from skrec.exceptions import SkrecWarning


class Mean(BaseRecommender):
    """A rating model: the mean rating of each item."""

    _feedback: ClassVar[str] = "explicit"

    def _fit(self, X):
        sums = np.asarray(X.sum(axis=0)).ravel()
        self.means_ = sums / np.maximum(self.item_counts_, 1)

    def _score_block(self, queries):
        return np.broadcast_to(self.means_, queries.history.shape).copy()


class Factors(BaseRecommender):
    """Free user vectors: what was learnt for a user, and a ridge solution for any row."""

    n_factors: int = 3

    _fold_in: ClassVar[str] = "approximate"

    def _fit(self, X):
        U, s, Vt = np.linalg.svd(X.toarray().astype(float), full_matrices=False)
        k = self.n_factors
        self.user_factors_, self.item_factors_ = U[:, :k] * s[:k] + 0.25, Vt[:k].T

    def _solve(self, history):
        V = self.item_factors_
        rows = history.toarray() @ V
        return np.linalg.solve(V.T @ V + np.eye(V.shape[1]), rows.T).T

    def _score_block(self, queries):
        vectors = self._solve(queries.history)
        if queries.users is not None:
            vectors = self.user_factors_[queries.users]
        return vectors @ self.item_factors_.T


# a rating model


RATINGS = np.array([[5, 3, 0, 0], [4, 0, 1, 0], [0, 2, 2, 0]])


def test_tags_of_a_rating_model():
    tags = Mean().__sklearn_tags__()
    assert tags.feedback == "explicit"
    assert not tags.input_tags.positive_only
    assert PopularityRecommender().__sklearn_tags__().input_tags.positive_only
    assert tags.input_tags.sparse


def test_ratings_are_kept_as_they_are():
    est = Mean().fit(RATINGS)
    np.testing.assert_array_equal(est.interactions_.toarray(), RATINGS)
    np.testing.assert_allclose(est.means_, [4.5, 2.5, 1.5, 0])
    assert Mean().fit(-RATINGS).means_[0] == -4.5


@pytest.mark.parametrize("kind", ["coo", "interactions"])
def test_repeated_ratings_without_timestamps_are_an_error(kind):
    user, item, value = [0, 0, 1], [1, 1, 0], [3.0, 4.0, 5.0]
    X = sp.coo_matrix((value, (user, item)), shape=(2, 2))
    X = X if kind == "coo" else Interactions.from_arrays(user, item, value)
    with pytest.raises(ValueError, match=r"one rating a pair, or timestamps .* 1 repeated pairs"):
        Mean().fit(X)


def test_repeats_within_csr_are_found_too():
    X = sp.csr_matrix((2, 2))
    X.data, X.indices = np.array([3.0, 4.0]), np.array([1, 1], dtype=np.int32)
    X.indptr = np.array([0, 2, 2], dtype=np.int32)
    with pytest.raises(ValueError, match="1 repeated pairs"):
        Mean().fit(X)


def test_the_latest_rating_wins_with_timestamps():
    X = Interactions.from_arrays([0, 0, 1], [1, 1, 0], [3.0, 4.0, 5.0], [20, 10, 0])
    assert Mean().fit(X).interactions_.toarray().tolist() == [[0, 3], [5, 0]]


@pytest.mark.parametrize("timestamp", [None, [1, 2, 3]])
@pytest.mark.parametrize("kind", ["csr", "coo", "interactions"])
def test_stored_zeros_are_ratings(kind, timestamp):
    user, item, value = [0, 0, 1], [0, 1, 1], [0.0, 4.0, 2.0]
    X = Interactions.from_arrays(user, item, value, timestamp)
    if kind != "interactions":
        X = sp.coo_matrix((value, (user, item)), shape=(2, 2)).asformat(kind)
    est = Mean().fit(X)
    assert est.interactions_.nnz == 3
    assert est.item_counts_.tolist() == [1, 2]
    assert est.recommend(X if kind == "coo" else X.tocsr(), n_items=1).tolist() == [[-1], [0]]


def test_zeros_of_a_dense_array_are_missing():
    assert Mean().fit(RATINGS).item_counts_.tolist() == [2, 2, 2, 0]


def test_equal_ratings_warn():
    with pytest.warns(SkrecWarning, match="All ratings in X are equal to 4"):
        Mean().fit([[4, 0], [4, 4]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Mean().fit([[4, 0], [4, 3]])
        Mean().fit([[4, 0], [0, 0]])
        PopularityRecommender().fit([[4, 0], [4, 4]])


def test_implicit_models_count_what_rating_models_keep():
    repeated = sp.coo_matrix(([2.0, 3.0, 0.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    est = PopularityRecommender().fit(repeated)
    assert est.interactions_.nnz == 1
    assert est.interactions_.toarray().tolist() == [[0, 1], [0, 0]]


def test_infinite_and_missing_ratings_are_errors():
    for value in (np.nan, np.inf):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            Mean().fit([[value, 1.0], [2.0, 3.0]])
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            Mean().fit(Interactions.from_arrays([0, 1], [0, 1], [value, 1.0]))


# a model with free user vectors


@pytest.fixture
def X():
    X = np.random.RandomState(0).uniform(size=(12, 8)) < 0.4
    X[np.arange(12), np.arange(12) % 8] = True  # no row and no column is empty
    return sp.csr_matrix(X, dtype=float)


def test_users_are_answered_with_what_was_learnt(X):
    est = Factors().fit(X)
    expected = est.user_factors_[[5, 0]] @ est.item_factors_.T
    np.testing.assert_allclose(est.decision_function(users=[5, 0]), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(est.decision_function(users=5), expected[:1], rtol=1e-5, atol=1e-6)


def test_rows_are_folded_in(X):
    est = Factors().fit(X)
    V = est.item_factors_
    expected = X[:4] @ V @ np.linalg.inv(V.T @ V + np.eye(3)) @ V.T
    np.testing.assert_allclose(est.decision_function(X[:4]), expected, rtol=1e-4, atol=1e-6)
    assert not np.allclose(est.decision_function(X[:4]), est.decision_function(users=range(4)))


def test_both_together_are_the_learnt_vector_with_a_newer_history(X):
    est = Factors().fit(X)
    newer = sp.csr_matrix(np.eye(8)[[6, 7]])
    both = est.decision_function(newer, users=[2, 3])
    np.testing.assert_array_equal(both, est.decision_function(users=[2, 3]))
    for items, user, row in zip(est.recommend(newer, 8, users=[2, 3]), (2, 3), newer):
        seen = set(X[user].indices) | set(row.indices)
        assert sorted(items[items >= 0]) == sorted(set(range(8)) - seen)


def test_an_exact_model_given_both_reads_the_newer_history(X):
    est = PopularityRecommender().fit(X)
    lists = est.recommend(sp.csr_matrix(np.eye(8)[[6]]), 8, users=[2])
    assert set(lists[0][lists[0] >= 0]) == set(range(8)) - {6} - set(X[2].indices)


def test_an_empty_newer_history_does_not_make_a_known_user_unknown(X):
    est, nothing = Factors().fit(X), sp.csr_matrix((1, 8))
    learnt = est.decision_function(users=[2])
    np.testing.assert_array_equal(est.decision_function(nothing, users=[2]), learnt)
    prior = np.log((est.item_counts_ + 1) / (est.item_counts_ + 1).sum())
    np.testing.assert_allclose(est.decision_function(nothing)[0], prior, rtol=1e-6)


def test_a_user_without_interactions_gets_the_prior(X):
    X = sp.vstack([X, sp.csr_matrix((1, 8))]).tocsr()
    est = Factors().fit(X)
    prior = np.log((est.item_counts_ + 1) / (est.item_counts_ + 1).sum())
    np.testing.assert_allclose(est.decision_function(users=[12])[0], prior, rtol=1e-6)
    rate = (est.item_counts_ + 0.5) / (13 + 1)
    np.testing.assert_allclose(est.predict_proba(users=[12])[0], rate, rtol=1e-6)


def test_pairs_are_answered_by_user(X):
    est = Factors().fit(X)
    pairs = Interactions.from_arrays([7, 0, 7, 3], [1, 2, 0, 7], frame=(12, 8))
    full = est.decision_function(users=range(12))
    np.testing.assert_array_equal(est.decision_function(pairs), full[pairs.user, pairs.item])
    p = est.predict_proba(users=range(12))
    np.testing.assert_array_equal(est.predict_proba(pairs), p[pairs.user, pairs.item])


def test_answers_do_not_depend_on_the_blocks(X):
    est = Factors().fit(X)
    pairs = Interactions(X)
    whole = est.decision_function(X), est.recommend(X, 3), est.decision_function(pairs)
    with sklearn.config_context(working_memory=2e-4):
        parts = est.decision_function(X), est.recommend(X, 3), est.decision_function(pairs)
    for one, other in zip(whole, parts):
        np.testing.assert_allclose(one, other, rtol=1e-5)


# recommend


@pytest.fixture
def fixed():
    """Return a model whose scores of every row are 0, 1, ..., 7."""
    counts = np.triu(np.ones((8, 8)))
    return PopularityRecommender().fit(counts)


def test_best_first_without_what_is_seen(fixed):
    row = np.eye(8)[[7]]
    assert fixed.recommend(row, 3).tolist() == [[6, 5, 4]]
    assert fixed.recommend(row, 3, exclude_seen=False).tolist() == [[7, 6, 5]]


def test_shared_candidates(fixed):
    row = np.eye(8)[[7]]
    assert fixed.recommend(row, 3, candidates=[1, 7, 4, 1]).tolist() == [[4, 1, -1]]


def test_candidates_of_each_row(fixed):
    rows = np.eye(8)[[7, 0]]
    candidates = [[1, 7, 4], [2, -1, 2]]
    lists, scores = fixed.recommend(rows, 2, candidates=candidates, return_scores=True)
    assert lists.tolist() == [[4, 1], [2, -1]]
    expected = fixed.decision_function(rows)
    np.testing.assert_array_equal(scores[0], expected[0, [4, 1]])
    assert np.isnan(scores[1, 1])


def test_no_candidates_at_all(fixed):
    assert fixed.recommend(np.eye(8)[:2], 2, candidates=[]).tolist() == [[-1, -1], [-1, -1]]


def test_excluded_items_and_pairs(fixed):
    rows = np.eye(8)[[0, 1]]
    assert fixed.recommend(rows, 2, exclude=[7, 5]).tolist() == [[6, 4], [6, 4]]
    pairs = sp.csr_matrix(([1, 1], ([0, 1], [7, 6])), shape=(2, 8))
    assert fixed.recommend(rows, 2, exclude=pairs).tolist() == [[6, 5], [7, 5]]
    lists = fixed.recommend(rows, 2, exclude=pairs, candidates=[7, 6, 3])
    assert lists.tolist() == [[6, 3], [7, 3]]
    assert fixed.recommend(rows, 2, exclude=[7], candidates=[[7, 6], [3, 7]]).tolist() == [
        [6, -1],
        [3, -1],
    ]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_items": 0}, "n_items must be an integer >= 1; got 0"),
        ({"n_items": 2.5}, "n_items must be an integer >= 1"),
        ({"n_items": True}, "n_items must be an integer >= 1"),
        ({"exclude": Interactions(np.eye(8))}, "exclude must be a sparse .*; got Interactions"),
        ({"strategy": "best"}, "strategy must be one of"),
        ({"strategy": "ucb"}, "strategy must be 'mean'"),
        ({"return_std": True}, "return_std must be False"),
        ({"candidates": [8]}, r"candidates must lie in \[0, 8\)"),
        ({"candidates": [-1]}, r"candidates must lie in \[0, 8\)"),
        ({"candidates": [0.5]}, "candidates must be integer columns"),
        ({"candidates": [[1], [2], [3]]}, "candidates must have 2 rows; got 3"),
        ({"candidates": 3}, "candidates must have the shape"),
        ({"exclude": [9]}, r"exclude must lie in \[0, 8\)"),
        ({"exclude": sp.csr_matrix((3, 8))}, "exclude must have the shape"),
        ({"users": [0]}, "users must have one entry a row of X, 2; got 1"),
        ({"users": [0, 8]}, r"users must be rows of the fitted matrix, in \[0, 8\); .* \[8\]"),
        ({"users": [0, -1]}, r"got unknown \[-1\]"),
        ({"users": [0.0, 1.0]}, "users must be integer rows"),
        ({"users": [True, False]}, "users must be integer rows"),
        ({"users": ["a", "b"]}, "users must be integer rows"),
    ],
)
def test_bad_requests_are_named(parameters, message, fixed):
    with pytest.raises(ValueError, match=message):
        fixed.recommend(np.eye(8)[:2], **parameters)


def test_lists_that_no_memory_holds_name_n_items(fixed):
    with pytest.raises(MemoryError, match="n_items=9,223,372,036,854,775,808 needs at least"):
        fixed.recommend(np.eye(8)[:2], 2**63)


# bad input


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.array([[1], [1, 2]], dtype=object), ValueError, "must have rows of one length"),
        (sp.csr_matrix, TypeError, "must be .*matrix.*; got the class"),
    ],
)
def test_what_is_no_matrix_is_named(X, error, message, fixed):
    for call in (fixed.recommend, clone(fixed).fit):
        with pytest.raises(error, match=message):
            call(X)


def test_targets_are_no_class(fixed):
    with pytest.raises(TypeError, match="y must be a matrix of targets; got the class csr_matrix"):
        fixed.score(np.eye(8), sp.csr_matrix)


def test_dense_values_of_another_byte_order_are_the_same(fixed):
    X = np.eye(8)[:3]
    expected, foreign = fixed.decision_function(X), X.astype(">f8")
    np.testing.assert_array_equal(fixed.decision_function(foreign), expected)
    assert clone(fixed).fit(foreign).interactions_.dtype == np.float32


def test_neither_rows_nor_users_is_an_error(fixed):
    for method in (fixed.decision_function, fixed.predict_proba, fixed.recommend):
        with pytest.raises(ValueError, match="X or users must be given"):
            method()


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[np.nan, 1.0]], "NaN"),
        ([[np.inf, 1.0]], "infinity"),
        ([[-1.0, 1.0]], "Negative values in data passed to PopularityRecommender"),
        ([[0, 0], [0, 0]], r"at least one interaction; got an empty matrix \(2, 2\)"),
        (sp.csr_matrix(([0.0], ([0], [0])), shape=(1, 2)), "at least one interaction"),
        (Interactions.from_arrays([], [], frame=(3, 4)), "at least one interaction"),
        ([[1e300, 1.0]], "finite values in the range of float32"),
        (Interactions.from_arrays([0], [0], [-2.0]), "Negative values"),
    ],
)
def test_bad_data_are_one_clear_error_and_nothing_is_learnt(X, message):
    est = PopularityRecommender()
    with pytest.raises(ValueError, match=message):
        est.fit(X)
    assert vars(est) == {}


def test_another_number_of_items_is_an_error(fixed):
    with pytest.raises(ValueError, match="8"):
        fixed.recommend(np.eye(7))
    other = Interactions.from_arrays([0], [0], frame=(8, 9))
    with pytest.raises(ValueError, match="X has 9 items in its frame"):
        fixed.recommend(other)
    with pytest.raises(ValueError, match=r"in the frame of fit, \(8, 8\); got \(8, 9\)"):
        fixed.decision_function(other)


def test_interactions_of_another_encoder_are_an_error():
    train = {"user": ["a", "a", "b"], "item": ["x", "y", "y"]}
    test = {"user": ["b", "a", "a"], "item": ["y", "x", "y"]}
    known, encoder = Interactions.from_frame(train)
    est = PopularityRecommender().fit(known)
    assert est.encoder_.item_ids_.tolist() == ["x", "y"]
    other, _ = Interactions.from_frame(test)
    for call in (est.decision_function, est.predict_proba):
        call(encoder.transform(test))
        with pytest.raises(ValueError, match=r"the user ids that fit saw.*encoder\.transform"):
            call(other)
    histories, _ = Interactions.from_frame({"user": ["z", "z"], "item": ["y", "x"]})
    with pytest.raises(ValueError, match="the item ids that fit saw"):
        est.recommend(histories)
    unseen, _ = Interactions.from_frame({"user": ["z", "z"], "item": ["x", "y"]})
    est.recommend(unseen)  # histories may be of any users
    est.decision_function(Interactions(np.eye(2)))  # without an encoder nothing is known
    assert PopularityRecommender().fit(known.tocsr()).encoder_ is None


def test_users_beside_pairs_are_an_error(fixed):
    with pytest.raises(ValueError, match="users must be None where X is Interactions"):
        fixed.decision_function(Interactions.from_arrays([0], [0], frame=(8, 8)), users=[0])


def test_weights_that_a_model_takes_as_ones_are_a_warning():
    counts = np.random.default_rng(0).poisson(0.8, (20, 9))
    steps = make_pipeline(TfidfTransformer(), PopularityRecommender())
    with pytest.warns(SkrecWarning, match="X holds weights from .* PopularityRecommender takes"):
        steps.fit(counts)
    steps.predict_proba(counts)  # once, and not for each history
    PopularityRecommender().fit(counts / 2)
    confident = WMFRecommender(n_factors=2, max_epochs=1, weighting="confidence")
    make_pipeline(TfidfTransformer(), confident).fit(counts)


class Picky(PopularityRecommender):
    """Fails in the midst of its fit."""

    def _fit(self, X):
        self.half_ = True
        if X.shape[0] == 3:
            raise KeyboardInterrupt


def test_a_failed_fit_leaves_the_estimator_as_it_was(X):
    est = Picky().fit(X)
    before = dict(vars(est))
    for bad, error in ((X[:3], KeyboardInterrupt), (-X, ValueError)):
        with pytest.raises(error):
            est.fit(bad)
        assert vars(est).keys() == before.keys()
        assert all(vars(est)[name] is before[name] for name in before)


def test_fit_begins_anew(X):
    est = Picky().fit(X)
    est.extra_ = 1
    est.note = 2
    est.fit(X[:, :5])
    assert not hasattr(est, "extra_")
    assert est.note == 2
    assert est.n_features_in_ == 5


def test_input_is_not_changed_nor_kept(X):
    dirty = sp.coo_matrix(([2.0, 0.0, 3.0], ([0, 1, 0], [1, 0, 1])), shape=(2, 3))
    before = dirty.copy()
    PopularityRecommender().fit(dirty)
    assert dirty.data.tolist() == before.data.tolist()
    est = PopularityRecommender().fit(X)
    X.data[:] = 0
    assert est.interactions_.sum() > 0


def test_score_is_the_ndcg_of_given_targets(fixed):
    history, targets = np.eye(8)[[0, 1]], np.eye(8)[[7, 6]]
    # 7 is first and 6 second
    assert fixed.score(history, targets) == pytest.approx((1 + 1 / np.log2(3)) / 2)


def test_labels_are_ignored(X):
    est = PopularityRecommender().fit(X, np.arange(12))
    assert est.score(X) == est.score(X, np.arange(12))
