"""SLIM against the conditions of the constrained elastic net, and a loop over its coordinates."""

import tracemalloc
import warnings

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet

from skrec import SLIMRecommender
from skrec.datasets import make_interactions
from skrec.exceptions import SkrecWarning
from skrec.linear import _slim
from skrec.utils import hide_entries

# both the shared Gram matrix and one of candidates, here of all items
WAYS = {"all": {"n_candidates": None}, "candidates": {"n_candidates": 1000}}


def popular(n_users=60, n_items=12, seed=0):
    """Return interactions in which popular items are far from rare ones."""
    rng = np.random.RandomState(seed)
    return (rng.uniform(size=(n_users, n_items)) < np.linspace(0.05, 0.9, n_items)).astype(float)


@pytest.fixture
def X():
    return popular()


def slim(X, l1, l2, n_sweeps=3000):
    """Minimise over one weight of an item at a time, the others held."""
    n_items = X.shape[1]
    W = np.zeros((n_items, n_items))
    for j in range(n_items):
        w, residual = np.zeros(n_items), X[:, j].copy()
        for i in list(range(n_items)) * n_sweeps:
            x = X[:, i]
            if i == j or not x.any():
                continue
            best = max(0.0, x @ residual + w[i] * (x @ x) - l1) / (x @ x + l2)
            residual -= (best - w[i]) * x
            w[i] = best
        W[:, j] = w
    return W


def objective(X, W, l1, l2):
    """Give the objective of each item."""
    return ((X - X @ W) ** 2).sum(0) / 2 + l1 * abs(W).sum(0) + l2 * (W**2).sum(0) / 2


def assert_optimal(W, X, l1, l2, tolerance):
    """Check the conditions of Karush, Kuhn and Tucker, of each item."""
    gradient = X.T @ (X @ W - X) + l1 + l2 * W
    off = ~np.eye(len(W), dtype=bool)
    scale = X.sum(0).max()
    assert (W >= 0).all()
    assert not W.diagonal().any()
    assert abs(gradient[off & (W > 0)]).max(initial=0) <= tolerance * scale
    assert gradient[off & (W == 0)].min(initial=0) >= -tolerance * scale


def weights(X, **parameters):
    return SLIMRecommender(**parameters).fit(X).item_weights_


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("l1", "l2"), [(0.5, 2.0), (3.0, 0.5), (0.01, 30.0)])
def test_weights_are_those_of_the_loop(way, l1, l2, X):
    W = weights(X, l1=l1, l2=l2, tol=1e-10, **WAYS[way])
    expected = slim(X, l1, l2, n_sweeps=300)
    assert not np.allclose(expected, expected.T, atol=1e-2)  # sides matter
    assert 0 < np.mean(expected == 0) < 1
    np.testing.assert_allclose(W.toarray(), expected, atol=2e-6)
    assert sp.issparse(W)
    assert W.format == "csr"
    assert W.dtype == np.float32
    assert W.nnz == np.count_nonzero(W.toarray())


def test_penalties_in_the_units_of_scikit_learn(X):
    n_users, l1, l2 = len(X), 0.5, 2.0
    W = weights(X, l1=l1, l2=l2, tol=1e-10).toarray()
    net = ElasticNet(
        alpha=(l1 + l2) / n_users,
        l1_ratio=l1 / (l1 + l2),
        positive=True,
        fit_intercept=False,
        tol=1e-10,
    )
    others = np.arange(12) != 7
    np.testing.assert_allclose(W[others, 7], net.fit(X[:, others], X[:, 7]).coef_, atol=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_the_objective_is_within_the_tolerance(way, X):
    W = weights(X, l1=0.5, l2=2.0, tol=1e-4, **WAYS[way]).toarray()
    best = objective(X, slim(X, 0.5, 2.0, n_sweeps=300), 0.5, 2.0)
    assert (objective(X, W, 0.5, 2.0) <= best + 2e-4 * X.sum(0)).all()


@pytest.mark.filterwarnings("ignore:all weights are 0")
@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**16),
    n_users=st.integers(1, 30),
    n_items=st.integers(2, 15),
    l1=st.floats(0.05, 5.0),
    l2=st.floats(0.05, 50.0),
    way=st.sampled_from(sorted(WAYS)),
)
def test_weights_are_optimal(seed, n_users, n_items, l1, l2, way):
    X = popular(n_users, n_items, seed)
    X[0, 0] = 1  # at least one interaction
    est = SLIMRecommender(l1=l1, l2=l2, tol=1e-10, max_iter=100_000, **WAYS[way]).fit(X)
    assert_optimal(est.item_weights_.toarray().astype(float), X, l1, l2, 1e-4)


def test_more_items_than_a_task_solves():
    X = sp.csr_matrix(sp.random_array((300, 150), density=0.05, rng=0) > 0, dtype=float)
    for way in WAYS.values():
        W = weights(X, l1=0.5, l2=2.0, tol=1e-8, **way).toarray().astype(float)
        assert_optimal(W, X.toarray(), 0.5, 2.0, 1e-3)


@pytest.mark.parametrize("way", WAYS)
def test_threads_change_nothing(way):
    X = make_interactions(200, 150, 4000, random_state=0).X
    one = weights(X, l1=0.5, l2=5.0, **WAYS[way])
    two = weights(X, l1=0.5, l2=5.0, n_jobs=2, **WAYS[way])
    with joblib.parallel_config(backend="loky", n_jobs=2):
        three = weights(X, l1=0.5, l2=5.0, **WAYS[way])
    for other in (two, three):
        np.testing.assert_array_equal(one.toarray(), other.toarray())


@pytest.mark.parametrize("way", WAYS)
def test_the_largest_weights_of_each_item_are_kept(way, X):
    full = weights(X, l1=0.5, l2=2.0, **WAYS[way]).toarray()
    kept = weights(X, l1=0.5, l2=2.0, n_neighbors=3, **WAYS[way]).toarray()
    assert (np.count_nonzero(full, axis=0) > 3).any()
    threshold = -np.sort(-full, axis=0)[2]
    np.testing.assert_array_equal(kept, np.where(full >= threshold, full, 0))


def test_candidates_are_the_most_similar_items(X):
    """Each item is the solution on the items that are nearest by cosine, and on no others."""
    W = weights(X, l1=0.5, l2=2.0, n_candidates=4, tol=1e-10).toarray()
    lengths = np.linalg.norm(X, axis=0)
    cosine = X.T @ X / np.outer(lengths, lengths)
    cosine[X.T @ X <= 0.5] = 0
    np.fill_diagonal(cosine, -1)
    for j in range(X.shape[1]):
        near = np.argsort(-cosine[:, j], kind="stable")[:4]
        alone = slim(X[:, [j, *near]], 0.5, 2.0, n_sweeps=300)[1:, 0]
        np.testing.assert_allclose(W[near, j], alone, atol=2e-6)
        assert not np.delete(W[:, j], near).any()


def test_a_large_catalogue_has_candidates(monkeypatch):
    assert (_slim._LARGE, _slim._CANDIDATES) == (10_000, 1000)
    monkeypatch.setattr(_slim, "_LARGE", 100)
    monkeypatch.setattr(_slim, "_CANDIDATES", 5)
    X = popular(50, 101)
    auto, few, all_items = (
        weights(X, l1=0.2, l2=1.0, n_candidates=n).toarray() for n in ("auto", 5, None)
    )
    np.testing.assert_array_equal(auto, few)
    assert (auto != all_items).any()
    auto, all_items = (
        weights(X[:, 1:], l1=0.2, l2=1.0, n_candidates=n).toarray() for n in ("auto", None)
    )
    np.testing.assert_array_equal(auto, all_items)


def test_scores_are_the_rows_times_the_weights(X):
    est = SLIMRecommender(l1=0.5, l2=2.0, tol=1e-10).fit(X)
    W = slim(X, 0.5, 2.0, n_sweeps=300)
    new = popular(3, 12, seed=5)
    np.testing.assert_allclose(est.decision_function(new), new @ W, atol=1e-5)
    np.testing.assert_allclose(est.decision_function(users=[3]), X[[3]] @ W, atol=1e-5)
    indices, values = est.similar_items([4, 0], n_items=2)
    np.testing.assert_array_equal(indices, (-W[[4, 0]]).argsort(axis=1)[:, :2])
    np.testing.assert_allclose(values, -np.sort(-W[[4, 0]], axis=1)[:, :2], atol=1e-5)


def test_an_item_that_nobody_has_has_no_weights(X):
    X[:, 4] = 0
    for way in WAYS.values():
        W = weights(X, l1=0.5, l2=2.0, **way).toarray()
        assert not W[:, 4].any()
        assert not W[4].any()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_too_few_passes_are_said_once(way, n_jobs, X):
    est = SLIMRecommender(l1=0.5, l2=2.0, max_iter=1, n_jobs=n_jobs, **WAYS[way])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        est.fit(X)
    (warning,) = caught
    assert warning.category is ConvergenceWarning
    assert "of 12 items did not converge" in str(warning.message)
    assert "tol=0.0001" in str(warning.message)
    assert "max_iter=1 " in str(warning.message)


@pytest.mark.parametrize("name", ["l1", "l2", "tol", "max_iter", "n_neighbors", "n_candidates"])
def test_a_bad_parameter_is_named(name, X):
    with pytest.raises(ValueError, match=f"'{name}' parameter of SLIMRecommender"):
        SLIMRecommender(**{name: 0}).fit(X)


@pytest.mark.parametrize("way", WAYS)
def test_probabilities_hold_for_users_that_the_weights_have_not_seen(way):
    """With little data the weights know what was hidden, unless its user is left out."""
    data = make_interactions(1200, 80, 24_000, n_clusters=4, random_state=0).X
    X, new = data[:100], data[100:]
    est = SLIMRecommender(l1=0.1, l2=0.5, **WAYS[way]).fit(X)
    history, hidden = hide_entries(new, 0.1, 0)
    proba = est.predict_proba(history) * (history.toarray() == 0)
    assert 0.85 < proba.sum() / hidden.sum() < 1.15  # 1.58 if it is not
    # by what is shown: the length of the whole row would tell how much is hidden
    for rows in np.array_split(np.argsort(np.diff(history.indptr), kind="stable"), 5):
        assert 0.75 < proba[rows].sum() / hidden[rows].sum() < 1.3


@pytest.mark.parametrize("way", WAYS)
def test_items_without_interactions_change_nothing(way, X):
    whole, columns = np.zeros((60, 40)), np.arange(3, 39, 3)
    whole[:, columns] = X
    small, large = (SLIMRecommender(l1=0.5, l2=2.0, **WAYS[way]).fit(D) for D in (X, whole))
    W = large.item_weights_.toarray()
    np.testing.assert_array_equal(W[np.ix_(columns, columns)], small.item_weights_.toarray())
    assert np.count_nonzero(W) == small.item_weights_.nnz == large.item_weights_.nnz
    proba = large.predict_proba(whole)[:, columns]
    assert np.isfinite(proba).all()
    assert large.link_.slope_ > 0


@pytest.mark.parametrize("way", WAYS)
def test_millions_of_empty_columns_cost_next_to_nothing(way):
    n, last = 2_000_000, 1_999_999
    X = sp.csr_matrix((np.ones(4), ([0, 0, 1, 1], [5, last] * 2)), shape=(3, n))
    tracemalloc.start()
    est = SLIMRecommender(l1=0.1, l2=1.0, **WAYS[way]).fit(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * n  # bytes: some arrays of one number an item
    assert est.similar_items([5], 1)[0].tolist() == [[last]]


def test_a_gram_matrix_that_cannot_fit_is_refused_with_words():
    with pytest.raises(MemoryError, match=r"3,000,000 items.*n_candidates=None.*n_candidates=1000"):
        SLIMRecommender(n_candidates=None).fit(sp.eye(3_000_000, format="csr"))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["l1", "l2"])
def test_penalties_that_leave_no_weights_are_warned_of_alone(way, name, X):
    est = SLIMRecommender(**{"l1": 0.5, "l2": 2.0, **WAYS[way], name: 1e300})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert est.fit(X).item_weights_.nnz == 0
    (warning,) = [w for w in caught if "calibr" not in str(w.message)]
    assert warning.category is SkrecWarning
    assert f"{name}=1e+300 is too large" in str(warning.message)


def test_parameters_at_the_edges(X):
    expected = weights(X, l1=0.5, l2=2.0, n_neighbors=3).toarray()
    edges = {
        "n_jobs": 10**30,
        "max_iter": 10**30,
        "n_neighbors": np.int8(3),
        "l1": np.float16(0.5),
        "tol": np.float64(1e-4),
    }
    for name, value in edges.items():
        same = weights(X, **{"l1": 0.5, "l2": 2.0, "n_neighbors": 3, name: value}).toarray()
        np.testing.assert_array_equal(same, expected)
    with pytest.warns(SkrecWarning, match=r"tol=1e\+300 is too large"):
        weights(X, l1=0.5, l2=2.0, tol=1e300)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_verbose_shows_a_bar_over_chunks_of_items(n_jobs, monkeypatch, capsys):
    X = make_interactions(100, 90, 2000, random_state=0).X
    monkeypatch.setattr(_slim, "_CHUNK", 30)
    shown = SLIMRecommender(verbose=1, n_jobs=n_jobs).fit(X)
    assert "3/3" in (bar := capsys.readouterr().err)
    assert "SLIMRecommender: 100%" in bar
    silent = SLIMRecommender(n_jobs=n_jobs).fit(X)
    assert capsys.readouterr() == ("", "")
    np.testing.assert_array_equal(shown.item_weights_.toarray(), silent.item_weights_.toarray())
