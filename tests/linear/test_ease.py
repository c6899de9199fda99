"""EASE against the constrained regression, solved a column at a time."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skrec import EASERecommender, Interactions, PopularityRecommender
from skrec.datasets import fetch_movielens, make_interactions
from skrec.exceptions import SkrecWarning
from skrec.linear import _ridge_inverse
from skrec.metrics import make_ranking_scorer
from skrec.utils import _memory, hide_entries


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
@pytest.mark.parametrize("n_columns", [300, 2000])  # what LAPACK inverts at once
def test_more_items_than_a_block_of_the_inverse(n_users, n_columns, monkeypatch):
    monkeypatch.setattr(_ridge_inverse, "_LAPACK_COLUMNS", n_columns)
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


def with_holes(X, n_users, n_items, seed=0):
    """Return X with its rows and columns spread over a larger frame, and where they are."""
    rng = np.random.RandomState(seed)
    rows = np.sort(rng.choice(n_users, X.shape[0], replace=False))
    columns = np.sort(rng.choice(n_items, X.shape[1], replace=False))
    coo = sp.coo_matrix(X)
    entries = (coo.data, (rows[coo.row], columns[coo.col]))
    return sp.csr_matrix(entries, shape=(n_users, n_items)), rows, columns


@pytest.mark.parametrize("shape", [(40, 9), (60, 9), (40, 21), (300, 100)])
def test_items_and_users_without_interactions_change_nothing(shape, X):
    whole, rows, columns = with_holes(X, *shape)
    small, large = EASERecommender(l2=2.0).fit(X), EASERecommender(l2=2.0).fit(whole)
    expected = np.zeros((shape[1], shape[1]))
    expected[np.ix_(columns, columns)] = ease(X, 2.0)
    np.testing.assert_allclose(large.item_weights_, expected, atol=1e-6)
    scores = small.decision_function(X)
    np.testing.assert_allclose(large.decision_function(users=rows)[:, columns], scores, atol=1e-6)
    new = whole.copy().tolil()
    new[:, np.setdiff1d(np.arange(shape[1]), columns)] = 1  # what nobody had adds nothing
    answers = large.decision_function(new.tocsr())
    np.testing.assert_allclose(answers[np.ix_(rows, columns)], scores, atol=1e-6)
    nearest = (
        est.similar_items(items, 3)[1] for est, items in ((large, columns), (small, range(9)))
    )
    np.testing.assert_allclose(*nearest, atol=1e-6)
    assert np.isfinite(large.predict_proba(whole)).all()


@pytest.mark.parametrize("candidates", [[0], [3, 0, 11], list(range(15))])
def test_candidates_may_be_items_that_nobody_has(candidates, X):
    whole, rows, _ = with_holes(X, 50, 21)
    est = EASERecommender(l2=2.0).fit(whole)
    lists, scores = est.recommend(
        users=rows, n_items=2, candidates=candidates, exclude_seen=False, return_scores=True
    )
    full, found = est.decision_function(users=rows), lists >= 0
    picked = np.take_along_axis(full, np.maximum(lists, 0), axis=1)
    np.testing.assert_allclose(scores[found], picked[found], atol=1e-6)
    best = np.sort(full[:, candidates], axis=1)[:, ::-1][:, :2]
    np.testing.assert_allclose(scores[:, : best.shape[1]], best, atol=1e-6)


def test_weights_that_are_set_count(X):
    whole, rows, _ = with_holes(X, 50, 21)
    est = EASERecommender(l2=2.0).fit(whole)
    before = est.decision_function(users=rows)
    est.item_weights_ = 2 * est.item_weights_
    np.testing.assert_allclose(est.decision_function(users=rows), 2 * before, rtol=1e-6)
    assert est._diagonal_.shape == (21,)


def test_too_many_items_are_refused_with_words_before_anything_is_allocated():
    X = sp.eye(3_000_000, format="csr")
    words = r"on 3,000,000 items with interactions needs at least 108 TB.*SLIMRecommender.*ItemKNN"
    est = EASERecommender()
    with pytest.raises(MemoryError, match=words):
        est.fit(X)
    assert not hasattr(est, "interactions_")
    few_users = sp.csr_matrix((np.ones(3_000_000), np.arange(3_000_000), [0, 10, 3_000_000]))
    with pytest.raises(MemoryError, match="needs at least 36 TB"):
        est.fit(few_users)


def test_only_items_with_interactions_count_as_memory(monkeypatch, X):
    monkeypatch.setattr(_memory, "_ALWAYS_FINE", 0)
    monkeypatch.setattr(_memory, "memory_limit", lambda: 12 * 9**2)
    whole, rows, _ = with_holes(X, 50, 21)
    est = EASERecommender(l2=2.0).fit(whole)
    assert est.recommend(users=rows, n_items=2).shape == (40, 2)
    with pytest.raises(MemoryError, match="item_weights_ of 21 items"):
        est.item_weights_  # noqa: B018
    monkeypatch.setattr(_memory, "memory_limit", lambda: 12 * 9**2 - 1)
    with pytest.raises(MemoryError, match="EASERecommender on 9 items"):
        est.fit(whole)


@settings(max_examples=60)
@example(76, 20, -162.0, False)  # the inverse overflows
@example(73, 40, -16.0, False)  # what is left of an item is 0
@given(st.integers(0, 99), st.sampled_from([20, 40, 58, 200]), st.floats(-300, -4), st.booleans())
def test_weights_solve_their_equations_or_l2_is_an_error(seed, n_users, exponent, equal_items):
    X = make_interactions(n_users, 60, 12 * n_users, random_state=seed).X.toarray()
    l2 = 10**exponent
    if equal_items:
        X[:, 1] = X[:, 0]
    try:
        B = EASERecommender(l2=l2).fit(X).item_weights_.astype(float)
    except ValueError:
        return  # its words are tested below
    gram, off = X.T @ X, ~np.eye(60, dtype=bool)
    assert abs(gram @ B + l2 * B - gram)[off].max() < 0.05 * gram.max() * max(1, abs(B).max())


@pytest.mark.parametrize("n_users", [30, 300])
def test_a_penalty_that_leaves_no_inverse_is_an_error(n_users):
    X = make_interactions(n_users, 60, 20 * n_users, random_state=0).X.toarray()
    X[:, 1] = X[:, 0]
    X[0] = X[1]
    with pytest.raises(ValueError, match="l2 must be large enough"):
        EASERecommender(l2=1e-300).fit(X)


@pytest.mark.parametrize("l2", [1e-8, 1e-3, 1e6])
def test_weights_are_right_for_small_and_large_penalties(l2):
    X = make_interactions(40, 60, 500, random_state=0).X
    X = X[:, X.getnnz(axis=0) > 0].toarray()
    np.testing.assert_allclose(EASERecommender(l2=l2).fit(X).item_weights_, ease(X, l2), atol=1e-5)


def test_a_penalty_that_leaves_no_weights_is_warned_of(X):
    with pytest.warns(SkrecWarning, match=r"all weights are 0.*l2=1e\+300 is too large"):
        EASERecommender(l2=1e300).fit(X)


@pytest.mark.parametrize("n_items", [True, 0, 2.0, "3", None])
def test_a_length_of_lists_is_checked(n_items, X):
    with pytest.raises(ValueError, match="n_items must be an integer >= 1"):
        EASERecommender().fit(X).similar_items([0], n_items)


def test_lists_are_as_long_as_asked_and_no_longer_than_memory(X):
    est = EASERecommender(l2=2.0).fit(X)
    indices, weights = est.similar_items([4], np.int16(1000))
    assert indices.shape == weights.shape == (1, 1000)
    assert (indices[0, 8:] == -1).all()
    with pytest.raises(MemoryError, match="n_items=1,000,000,000,000"):
        est.similar_items([4], 10**12)


@pytest.mark.parametrize("shape", [(60, 9), (40, 21)])
def test_held_out_scores_are_those_of_a_fit_without_the_user(shape, X):
    whole, rows, _ = with_holes(X, *shape)
    est = EASERecommender(l2=2.0).fit(whole)
    users = rows[np.diff(whole.indptr)[rows] >= 2][:8]
    history = whole[users].tolil()
    for place, items in enumerate(whole[users].tolil().rows):
        history[place, items[0]] = 0  # one entry is hidden
    history = sp.csr_matrix(history)
    row, column = np.nonzero(history.toarray() == 0)
    found = est._held_out_pairs(history, users, row, column)
    for place, user in enumerate(users):
        others = whole.tolil()
        others[user] = 0
        expected = history[place].toarray().ravel() @ ease(others.toarray(), 2.0)
        mine = row == place
        np.testing.assert_allclose(found[mine], expected[column[mine]], atol=1e-5)


@pytest.mark.parametrize("n_users", [20, 60])
def test_verbose_shows_a_bar_over_the_phases(n_users, capsys):
    X = make_interactions(n_users, 30, 300, random_state=0).X
    shown = EASERecommender(verbose=1).fit(X)
    assert "EASERecommender: 100%" in (bar := capsys.readouterr().err)
    assert "3/3" in bar
    silent = EASERecommender().fit(X)
    assert capsys.readouterr() == ("", "")
    np.testing.assert_array_equal(shown.item_weights_, silent.item_weights_)


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 4), st.integers(0, 5))
def test_the_automatic_penalty_is_that_of_the_items_mean_popularity(n_users, n_items, k, n_nobody):
    dense = np.random.default_rng(0).random((n_users, n_items)) < 0.5
    dense[0, 0] = True
    X = sp.csr_matrix(dense, dtype=float)
    mean = X.nnz / np.count_nonzero(X.getnnz(axis=0))
    est = EASERecommender(l2="auto").fit(X)
    assert est.l2_ == pytest.approx(50 * mean**0.5)
    explicit = EASERecommender(l2=est.l2_).fit(X)
    np.testing.assert_array_equal(est.item_weights_, explicit.item_weights_)
    # k times the users, some of them without interactions, and items that nobody has
    more = sp.block_array([[sp.vstack([X] * k), None], [None, sp.csr_matrix((3, n_nobody))]])
    est.fit(more.tocsr())
    assert est.l2_ == pytest.approx(50 * (k * mean) ** 0.5)


def test_a_given_penalty_is_the_one_that_is_used(X):
    assert EASERecommender(l2=500.0).fit(X).l2_ == 500
    assert EASERecommender().fit(X).l2_ == EASERecommender(l2="auto").fit(X).l2_
    with pytest.raises(ValueError, match="'l2' parameter of EASERecommender"):
        EASERecommender(l2="automatic").fit(X)


def edlae(X, l2, dropout, penalised=None):
    """Regress each column on all the others, each of which has a penalty of its own."""
    n_items = X.shape[1]
    penalty = l2 + dropout / (1 - dropout) * (X if penalised is None else penalised).sum(axis=0)
    B = np.zeros((n_items, n_items))
    for j in range(n_items):
        others = np.delete(np.arange(n_items), j)
        A = X[:, others]
        B[others, j] = np.linalg.solve(A.T @ A + np.diag(penalty[others]), A.T @ X[:, j])
    return B


@pytest.mark.parametrize("n_users", [6, 40])  # an inverse over users, and one over items
@pytest.mark.parametrize(("l2", "dropout"), [(0.5, 0.3), (3.0, 0.9), (20.0, 1e-3)])
def test_dropout_solves_the_regression_with_its_penalties(n_users, l2, dropout, X):
    X = X[:n_users]
    X = X[:, X.any(axis=0)]
    assert (X.shape[0] < X.shape[1]) == (n_users == 6)
    weights = EASERecommender(l2=l2, dropout=dropout).fit(X).item_weights_
    np.testing.assert_allclose(weights, edlae(X, l2, dropout), rtol=2e-5, atol=1e-7)
    assert not weights.diagonal().any()
    assert abs(weights - ease(X, l2)).max() > 1e-5


def test_dropout_is_the_mean_over_all_ways_to_drop(X):
    """The gradient of the emphasised loss, averaged over each mask of the inputs, is 0."""
    X, l2, p = X[:, 4:8], 2.0, 0.4
    B = EASERecommender(l2=l2, dropout=p).fit(X).item_weights_.astype(float)
    gradient = l2 * B
    for user in X:
        for mask in itertools.product([False, True], repeat=4):
            dropped = np.array(mask)
            share = np.prod(np.where(dropped, p, 1 - p))
            inputs = user * ~dropped / (1 - p)
            errors = (inputs @ B - user) * dropped  # they count where the item was dropped
            gradient += share / p * np.outer(inputs, errors)  # given that it was
    off = ~np.eye(4, dtype=bool)
    assert abs(gradient[off]).max() < 1e-5
    assert abs(X.T @ (X @ B - X) + l2 * B)[off].max() > 1  # the plain regression's is not


def test_no_dropout_changes_no_bit_and_the_automatic_penalty_composes(X):
    plain, none = (EASERecommender(l2=2.0, **d).fit(X) for d in ({}, {"dropout": 0}))
    np.testing.assert_array_equal(plain.item_weights_, none.item_weights_)
    automatic = EASERecommender(l2="auto", dropout=0.2).fit(X)
    np.testing.assert_allclose(automatic.item_weights_, edlae(X, automatic.l2_, 0.2), atol=1e-6)


@pytest.mark.parametrize("dropout", [1, -0.1, 1.5, "0.5", np.nan])
def test_a_bad_dropout_is_named(dropout, X):
    with pytest.raises(ValueError, match="'dropout' parameter of EASERecommender"):
        EASERecommender(dropout=dropout).fit(X)


def test_too_much_penalty_beside_dropout_is_warned_of(X):
    with pytest.warns(SkrecWarning, match=r"l2=1e\+300 with dropout=0.5 is too large"):
        EASERecommender(l2=1e300, dropout=0.5).fit(X)


@pytest.mark.parametrize("shape", [(60, 9), (40, 21)])
def test_held_out_scores_under_dropout_keep_the_penalties(shape, X):
    whole, rows, _ = with_holes(X, *shape)
    est = EASERecommender(l2=2.0, dropout=0.3).fit(whole)
    users = rows[np.diff(whole.indptr)[rows] >= 2][:8]
    history = whole[users].tolil()
    for place, items in enumerate(whole[users].tolil().rows):
        history[place, items[0]] = 0
    history = sp.csr_matrix(history)
    row, column = np.nonzero(history.toarray() == 0)
    found = est._held_out_pairs(history, users, row, column)
    for place, user in enumerate(users):
        others = whole.toarray()
        others[user] = 0
        B = edlae(others, 2.0, 0.3, penalised=whole.toarray())
        mine = row == place
        expected = history[place].toarray().ravel() @ B
        np.testing.assert_allclose(found[mine], expected[column[mine]], atol=1e-5)
