"""Nearest neighbours against double loops."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

from skrec import ItemKNNRecommender, UserKNNRecommender
from skrec.datasets import make_interactions
from skrec.exceptions import SkrecWarning
from skrec.linear import _knn
from skrec.utils import entry_blocks, hide_entries

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
        weighting=weighting,
        shrinkage=shrinkage,
        n_neighbors=n_neighbors,
        normalize=normalize,
        alpha=0.5,
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
    parameters = {
        "alpha": alpha,
        "power": power,
        "n_neighbors": 4,
        "shrinkage": 1.0,
        "weighting": None,
    }
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
    options = {"shrinkage": shrinkage, "n_neighbors": n_neighbors, "alpha": 0.5}
    est = UserKNNRecommender(weighting=weighting, **options).fit(X)
    new = (np.random.RandomState(0).uniform(size=(6, 13)) < 0.4).astype(float)
    new[:, 5] = 1
    users, rows = weigh(X, weighting), weigh(new, weighting, fitted_on=X)
    S = similarities(rows, users, shrinkage, n_neighbors, skip_own=False)
    expected = np.array([[S[u] @ X[:, i] for i in range(13)] for u in range(6)])
    np.testing.assert_allclose(est.decision_function(new), expected, rtol=1e-5, atol=1e-6)


def test_a_training_user_is_its_own_neighbour_and_its_ranking_of_unseen_items_is_not_changed(X):
    est = UserKNNRecommender(weighting=None, alpha=0.5, shrinkage=0.0).fit(X)
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


def test_one_item_has_similar_ones_as_a_list_of_one_has(X):
    est = ItemKNNRecommender().fit(X)
    for one, other in zip(est.similar_items(3), est.similar_items([3]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_similar_items_are_those_that_weigh_most(X):
    est = ItemKNNRecommender(alpha=0.5, shrinkage=1.0).fit(X)
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


def equal_sparse(A, B):
    """Return whether two CSR matrices store the same, bit for bit."""
    names = ("data", "indices", "indptr")
    return A.shape == B.shape and all(np.array_equal(getattr(A, n), getattr(B, n)) for n in names)


@pytest.mark.parametrize("weighting", [None])
def test_items_and_users_without_interactions_change_nothing(weighting, X):
    parameters = {"weighting": weighting, "n_neighbors": 4, "shrinkage": 1.0}
    whole = np.zeros((50, 40))
    rows, columns = np.arange(10, 40), np.arange(2, 28, 2)
    whole[np.ix_(rows, columns)] = X
    small, large = (ItemKNNRecommender(**parameters).fit(D) for D in (X, whole))
    part = sp.csr_matrix(large.item_weights_[columns][:, columns])
    assert equal_sparse(part, small.item_weights_)
    assert large.item_weights_.nnz == part.nnz
    small, large = (UserKNNRecommender(**parameters).fit(D) for D in (X, whole))
    scores = large.decision_function(whole)
    np.testing.assert_array_equal(scores[np.ix_(rows, columns)], small.decision_function(X))
    assert large._weighted_.shape[0] == 30


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_weights_of_a_frame_with_holes_are_the_double_loop(weighting, X):
    X[:, [2, 7]] = 0
    options = {"n_neighbors": 4, "shrinkage": 1.0, "alpha": 0.5}
    est = ItemKNNRecommender(weighting=weighting, **options).fit(X)
    items = weigh(X.T, weighting)
    S = similarities(items, items, 1.0, 4, skip_own=True)
    np.testing.assert_allclose(est.item_weights_.toarray(), S.T, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("cls", [ItemKNNRecommender, UserKNNRecommender])
def test_millions_of_empty_columns_and_rows_cost_next_to_nothing(cls):
    n, last = 2_000_000, 1_999_999
    for shape, at in (
        ((3, n), ([0, 0, 1, 1], [5, last] * 2)),
        ((n, 3), ([5, last] * 2, [0, 0, 1, 1])),
    ):
        X = sp.csr_matrix((np.ones(4), at), shape=shape)
        tracemalloc.start()
        est = cls().fit(X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 100 * n  # bytes: some arrays of one number an item
        lists = est.recommend(X[:1], 2, exclude_seen=False)
        assert lists.shape == (1, 2)


@pytest.mark.parametrize("cls", [ItemKNNRecommender, UserKNNRecommender])
def test_threads_change_nothing(cls, monkeypatch):
    X = make_interactions(300, 200, 20_000, random_state=0).X
    expected = cls().fit(X).decision_function(X[:99])
    monkeypatch.setattr("skrec.kernels._sparse._PRODUCTS", 100_000)
    for n_jobs in (None, 2):
        scores = cls(n_jobs=n_jobs).fit(X).decision_function(X[:99])
        np.testing.assert_array_equal(scores, expected)


@pytest.mark.parametrize("cls", [ItemKNNRecommender, UserKNNRecommender])
def test_small_integers_of_numpy_are_integers(cls):
    X = make_interactions(300, 200, 20_000, random_state=0).X
    scores = [cls(n_neighbors=k).fit(X).decision_function(X[:9]) for k in (np.int8(100), 100)]
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize("cls", [ItemKNNRecommender, UserKNNRecommender])
@pytest.mark.parametrize("parameters", [{"power": 1000.0}, {"shrinkage": 1e300}])
def test_parameters_that_leave_no_similarity_are_warned_of(cls, parameters, X):
    ((name, value),) = parameters.items()
    with pytest.warns(SkrecWarning, match="all similarities are 0") as caught:
        cls(**{"alpha": 0.5, "shrinkage": 10.0, "weighting": None, **parameters}).fit(X)
    assert f"{name}={value:g} is too large" in str(caught[0].message)


def test_a_discount_that_leaves_no_scores_is_warned_of(X):
    with pytest.warns(SkrecWarning, match="popularity_discount=1000 is too large"):
        UserKNNRecommender(popularity_discount=1000.0).fit(X)


def test_similarities_beyond_float32_are_an_error():
    X = np.ones((4, 3))
    X[0, 0] = 0
    with pytest.raises(ValueError, match="power must be small enough"):
        ItemKNNRecommender(weighting="bm25", alpha=0.0, shrinkage=0.0, power=1e300).fit(X)


FORMULAS = [
    {},
    {"shrinkage": 0.0, "weighting": "tf-idf"},
    {"alpha": 0.2, "power": 1.7},
    {"alpha": 1.0, "shrinkage": 3.0, "normalize": True, "weighting": "tf-idf"},
    {"shrinkage": 0.0, "power": 0.5, "normalize": True},
]


@pytest.mark.parametrize("parameters", FORMULAS)
def test_held_out_scores_are_those_of_a_fit_without_the_user(parameters, X, monkeypatch):
    monkeypatch.setattr(ItemKNNRecommender, "_tidy", lambda self: None)
    X = np.insert(X, 4, 0, axis=1)  # an item that nobody has
    est = ItemKNNRecommender(**parameters).fit(X)
    users = np.flatnonzero(X.sum(axis=1) >= 2)[:8]
    history = X[users]
    history[np.arange(len(users)), history.argmax(axis=1)] = 0  # one entry is hidden
    row, column = np.nonzero(history == 0)
    found = est._held_out_pairs(sp.csr_matrix(history), users, row, column)
    for place, user in enumerate(users):
        others = X * (np.arange(len(X)) != user)[:, None]
        expected = history[place] @ ItemKNNRecommender(**parameters).fit(others).item_weights_
        mine = row == place
        np.testing.assert_allclose(found[mine], expected[column[mine]], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_the_next_of_the_largest_is_split_off(k):
    rows = np.array([[3, 1, 0, 2, 1], [0, 2, 2, 2, 0], [0, 0, 0, 0, 4], [0] * 5], dtype=np.float32)
    order = [[0, 3, 1, 4], [1, 2, 3], [4], []]
    expected, following = np.zeros(rows.shape), np.zeros(4)
    most = np.zeros(rows.shape, dtype=np.float32)
    for i, columns in enumerate(order):
        most[i, columns[: k + 1]] = rows[i, columns[: k + 1]]
        expected[i, columns[:k]] = rows[i, columns[:k]]
        following[i] = rows[i, columns[k : k + 1]].sum()
    found, least = _knn.without_next(sp.csr_matrix(most), k)
    np.testing.assert_array_equal(found.toarray(), expected)
    np.testing.assert_array_equal(least, following)


def test_probabilities_hold_for_users_that_the_weights_have_not_seen():
    """Similarities of rare items know what was hidden, unless its users are left out."""
    X = make_interactions(2000, 3000, 30_000, n_clusters=10, random_state=0).X
    est, test = ItemKNNRecommender().fit(X[:1000]), X[1000:]
    history, hidden = hide_entries(test, 0.1, 0)
    proba = est.predict_proba(history) * (history.toarray() == 0)
    for rows in np.array_split(np.argsort(np.diff(history.indptr)), 3):
        assert 0.75 < proba[rows].sum() / hidden[rows].sum() < 1.3


def test_verbose_shows_a_bar_over_blocks_of_items(monkeypatch, capsys):
    X = make_interactions(300, 200, 20_000, random_state=0).X
    monkeypatch.setattr("skrec.kernels._sparse._PRODUCTS", 500_000)
    shown = [ItemKNNRecommender(verbose=1, n_jobs=n_jobs).fit(X) for n_jobs in (None, 2)]
    assert capsys.readouterr().err.count("ItemKNNRecommender: 100%") == 2
    silent = ItemKNNRecommender().fit(X).item_weights_.toarray()
    assert capsys.readouterr() == ("", "")
    for est in shown:
        np.testing.assert_array_equal(est.item_weights_.toarray(), silent)


@pytest.mark.parametrize("cls", [ItemKNNRecommender, UserKNNRecommender])
def test_many_lists_show_a_bar(cls, monkeypatch, capsys):
    X = make_interactions(100, 50, 1000, random_state=0).X
    est = cls(verbose=1).fit(X)
    capsys.readouterr()
    expected = est.recommend(X)
    assert capsys.readouterr() == ("", "")  # all in one block
    monkeypatch.setattr("skrec.base._recommender._SCORES_AT_ONCE", 50 * 30)
    lists = est.recommend(X)
    assert f"{cls.__name__}: 100%" in (bar := capsys.readouterr().err)
    assert "100/100" in bar
    np.testing.assert_array_equal(lists, expected)
    np.testing.assert_array_equal(est.set_params(verbose=0).recommend(X), expected)
    assert capsys.readouterr() == ("", "")


def test_norms_by_blocks_are_those_of_all_rows(monkeypatch):
    X = sp.random(50, 30, 0.3, format="csr", random_state=0, dtype=np.float32)
    whole = np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())
    monkeypatch.setattr(_knn, "entry_blocks", lambda indptr: entry_blocks(indptr, 7))
    for dtype, expected in ((None, whole), (np.float32, whole)):
        found = _knn.norms(X, dtype)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)
    exact = X.astype(np.float64)
    exact = np.sqrt(np.asarray(exact.multiply(exact).sum(axis=1)).ravel())
    np.testing.assert_array_equal(_knn.norms(X, np.float64), exact)
