"""The infinite autoencoder against kernels that are computed by integrals and by finite nets."""

from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import dblquad

from skrec import InfiniteAERecommender
from skrec.datasets import make_interactions
from skrec.linear import _infinite_ae
from skrec.linear._infinite_ae import tangent_kernel
from skrec.utils import _memory, hide_entries

GAUSS = np.polynomial.legendre.leggauss(60)


@pytest.fixture
def X():
    """Return 40 x 9 interactions in which popular items are far from rare ones."""
    rng = np.random.RandomState(0)
    return (rng.uniform(size=(40, 9)) < np.linspace(0.1, 0.9, 9)).astype(float)


def expectation(function, u):
    """Return a mean over two standard normal variables of correlation u, by Gauss's rule.

    The variables are r cos t and r cos(t - angle); the sums over r are Gamma functions.
    """
    angle = np.arccos(np.clip(u, -1, 1))
    # both are positive between angle - pi / 2 and pi / 2
    nodes, weights = GAUSS
    low, high = angle - np.pi / 2, np.pi / 2
    t = (high - low) / 2 * nodes + (high + low) / 2
    return (high - low) / 2 * weights @ function(np.cos(t), np.cos(t - angle)) / (2 * np.pi)


def slopes(u):
    """Return twice the mean of the product of two slopes: E over r is 1."""
    return 2 * expectation(lambda a, b: np.ones_like(a), u)


def values(u):
    """Return twice the mean of the product of two values: that of r squared is 2."""
    return 2 * expectation(lambda a, b: 2 * a * b, u)


@cache
def kernel_by_integrals(u, depth=1):
    """Sum over the layers what the gradients by their weights contribute."""
    products = [u]
    for _ in range(depth):
        products.append(values(products[-1]))
    total = 0.0
    for layer in range(depth + 1):  # its inputs, times the slopes of all layers above
        total += products[layer] * np.prod([slopes(p) for p in products[layer:depth]])
    return total


def kernel_between(A, B, depth=1):
    """Return the kernel of the rows of two matrices, entry by entry."""
    K = np.zeros((len(A), len(B)))
    for i, a in enumerate(A):
        for j, b in enumerate(B):
            u = a @ b / np.sqrt((a @ a) * (b @ b))
            K[i, j] = kernel_by_integrals(min(u, 1.0), depth)
    return K


def scores_of(X, new, l2, depth=1):
    K = kernel_between(X, X, depth)
    ridge = l2 * np.trace(K) / len(K)
    return kernel_between(new, X, depth) @ np.linalg.solve(K + ridge * np.eye(len(K)), X)


@pytest.mark.parametrize("u", [0.0, 0.3, 0.8])
def test_the_expectations_of_the_oracle_are_double_integrals(u):
    def density(y, x):
        square = (x * x - 2 * u * x * y + y * y) / (1 - u * u)
        return np.exp(-square / 2) / (2 * np.pi * np.sqrt(1 - u * u))

    both = dblquad(density, 0, 9, 0, 9)[0]
    assert slopes(u) == pytest.approx(2 * both, abs=1e-7)
    both = dblquad(lambda y, x: x * y * density(y, x), 0, 9, 0, 9)[0]
    assert values(u) == pytest.approx(2 * both, abs=1e-7)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_the_kernel_is_that_of_the_integrals(depth):
    cosines = np.array([0.0, 1e-9, 0.1, 0.5, 0.9, 1 - 1e-12, 1.0])
    expected = [kernel_by_integrals(u, depth) for u in cosines]
    np.testing.assert_allclose(tangent_kernel(cosines, depth), expected, atol=1e-9)
    assert tangent_kernel(np.ones(1), depth)[0] == depth + 1


def kernel_of_a_net(rows, depth, width, generator):
    """Return the products of the gradients of a net whose weights are standard normal."""
    sizes = [rows.shape[1], *[width] * depth, 1]
    shapes = zip(sizes[1:], sizes, strict=False)
    weights = [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]
    gradients = []
    for row in rows:
        hidden = row
        for weight in weights[:-1]:
            hidden = (2 / len(weight)) ** 0.5 * torch.relu(weight @ hidden)
        parts = torch.autograd.grad(weights[-1] @ hidden, weights)
        gradients.append(torch.cat([part.ravel() for part in parts]))
    return (torch.stack(gradients) @ torch.stack(gradients).T).numpy()


@pytest.mark.parametrize(("depth", "width", "n_nets"), [(1, 50_000, 4), (2, 512, 40)])
def test_the_kernel_is_that_of_very_wide_nets(depth, width, n_nets):
    generator = torch.Generator().manual_seed(0)
    rows = torch.tensor([[1.0, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 0, 1, 1]])
    rows = torch.nn.functional.normalize(rows)
    nets = [kernel_of_a_net(rows, depth, width, generator) for _ in range(n_nets)]
    expected = tangent_kernel((rows @ rows.T).numpy().clip(0, 1).astype(float), depth)
    error = np.std(nets, axis=0) / np.sqrt(n_nets - 1)
    assert error.max() < 0.07
    assert (abs(np.mean(nets, axis=0) - expected) < 4 * error + 1e-3).all()


@pytest.mark.parametrize("l2", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("depth", [1, 3])
def test_scores_are_those_of_the_kernel_ridge(l2, depth, X):
    new = np.array([[1, 0, 0, 1, 0, 0, 0, 1, 0], [0, 0, 1, 0, 0, 0, 0, 0, 0]])
    est = InfiniteAERecommender(l2=l2, depth=depth).fit(X)
    expected = scores_of(X, new, l2, depth)
    np.testing.assert_allclose(est.decision_function(new), expected, atol=2e-6)
    np.testing.assert_allclose(est.decision_function(sp.coo_array(new)), expected, atol=2e-6)
    known = scores_of(X, X[[7]], l2, depth)
    np.testing.assert_allclose(est.decision_function(users=[7]), known, atol=2e-6)
    assert est.dual_coef_.shape == (9, 40)
    assert est.dual_coef_.dtype == np.float32


def test_users_and_items_without_interactions_change_nothing(X):
    whole = np.zeros((60, 12))
    rows = np.sort(np.random.RandomState(1).choice(60, 40, replace=False))
    whole[np.ix_(rows, np.arange(1, 10))] = X
    small, large = (InfiniteAERecommender(l2=0.5).fit(M) for M in (X, whole))
    np.testing.assert_array_equal(large.landmarks_, rows)
    scores = large.decision_function(users=rows)
    np.testing.assert_allclose(scores[:, 1:10], small.decision_function(X), atol=1e-6)
    assert not scores[:, [0, 10, 11]].any()


def nystroem(X, landmarks, new, l2):
    """Minimise the squared error of all users over functions that landmarks span."""
    K, M = kernel_between(X, X[landmarks]), kernel_between(X[landmarks], X[landmarks])
    ridge = l2 * 2
    beta = np.linalg.solve(K.T @ K + ridge * M, K.T @ X)
    return kernel_between(new, X[landmarks]) @ beta


@pytest.mark.parametrize("blocks", [1, 40])  # blocks of users
def test_landmarks_span_the_fit_of_all_users(blocks, X, monkeypatch):
    X = np.unique(X, axis=0)
    if blocks > 1:
        one_by_one = lambda n, *_, **__: (slice(i, i + 1) for i in range(n))  # noqa: E731
        monkeypatch.setattr(_infinite_ae, "row_blocks", one_by_one)
    est = InfiniteAERecommender(l2=0.3, max_landmarks=10, random_state=0).fit(X)
    assert len(np.unique(est.landmarks_)) == 10
    expected = nystroem(X, est.landmarks_, X[:8], 0.3)
    np.testing.assert_allclose(est.decision_function(X[:8]), expected, atol=5e-6)
    other = InfiniteAERecommender(l2=0.3, max_landmarks=10, random_state=1).fit(X)
    assert (other.landmarks_ != est.landmarks_).any()


def test_as_many_landmarks_as_users_are_the_exact_fit(X):
    exact = InfiniteAERecommender(l2=0.3, max_landmarks=40).fit(X)
    np.testing.assert_array_equal(exact.landmarks_, np.arange(40))
    unique = np.unique(X, axis=0)
    for n, close in ((len(unique) - 1, 0.05), (len(unique) // 2, 0.5)):
        part = InfiniteAERecommender(l2=0.3, max_landmarks=n, random_state=0).fit(unique)
        whole = InfiniteAERecommender(l2=0.3).fit(unique)
        apart = abs(part.decision_function(unique) - whole.decision_function(unique)).max()
        assert 0 < apart < close


def test_landmarks_may_be_alike():
    X = np.tile(np.eye(6), (20, 1))
    est = InfiniteAERecommender(l2=0.1, max_landmarks=30, random_state=0).fit(X)
    scores = est.decision_function(X[:6])
    assert (scores.argmax(axis=1) == np.arange(6)).all()
    expected = InfiniteAERecommender(l2=0.1).fit(X).decision_function(X[:6])
    np.testing.assert_allclose(scores, expected, atol=1e-3)


@pytest.mark.parametrize("max_landmarks", [100, 12])
def test_held_out_scores_are_those_of_a_fit_without_the_user(max_landmarks, X):
    X = np.unique(X, axis=0)
    est = InfiniteAERecommender(l2=0.4, max_landmarks=max_landmarks, random_state=0)
    kept = {}

    class Keeping(InfiniteAERecommender):
        def _tidy(self):
            kept["inverse"] = self._inverse_
            super()._tidy()

    est = Keeping(**est.get_params()).fit(X)
    est._inverse_ = kept["inverse"]
    users = np.array([5, 2, 11])
    history, _ = hide_entries(sp.csr_matrix(X[users], dtype=np.float32), 0.3, 1)
    found = est._held_out_scores(history, users)
    for place, user in enumerate(users):
        others, new = np.delete(X, user, axis=0), history[[place]].toarray().astype(float)
        if max_landmarks == 100:
            expected = scores_of(others, new, 0.4)
        else:
            K, L = kernel_between(others, X[est.landmarks_]), X[est.landmarks_]
            A = K.T @ K + 0.8 * kernel_between(L, L)
            expected = kernel_between(new, L) @ np.linalg.solve(A, K.T @ others)
        np.testing.assert_allclose(found[[place]], expected, atol=1e-5)
        assert abs(expected - est.decision_function(new)).max() > 1e-3  # the user matters


@pytest.mark.parametrize("max_landmarks", [1000, 150])
def test_probabilities_hold_for_users_that_the_fit_has_not_seen(max_landmarks):
    X = make_interactions(800, 80, 16_000, n_clusters=4, random_state=0).X
    est = InfiniteAERecommender(l2=0.1, max_landmarks=max_landmarks, random_state=0).fit(X[:400])
    test = X[400:]
    history, hidden = hide_entries(test, 0.1, 0)
    proba = est.predict_proba(history) * (history.toarray() == 0)
    for rows in np.array_split(np.argsort(np.diff(test.indptr)), 5):
        assert 0.75 < proba[rows].sum() / hidden[rows].sum() < 1.3


def test_similar_items_are_the_scores_of_histories_of_one_item(X):
    est = InfiniteAERecommender(l2=0.5).fit(X)
    scores = scores_of(X, np.eye(9)[[4, 0]], 0.5)
    scores[[0, 1], [4, 0]] = -np.inf
    indices, weights = est.similar_items([4, 0], n_items=3)
    np.testing.assert_array_equal(indices, (-scores).argsort(axis=1)[:, :3])
    np.testing.assert_allclose(weights, -np.sort(-scores, axis=1)[:, :3], atol=2e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.floats(-6, 3), st.integers(1, 3))
def test_a_row_is_scored_alike_by_history_and_by_number(seed, exponent, depth):
    X = make_interactions(30, 12, 120, random_state=seed).X
    est = InfiniteAERecommender(l2=10**exponent, depth=depth).fit(X)
    known = est.decision_function(users=np.arange(30))
    np.testing.assert_array_equal(est.decision_function(X), known)
    assert np.isfinite(known).all()


@pytest.mark.parametrize("columns", [[3], [8, 1, 0, 5]])
def test_candidates_get_the_same_scores(columns, X):
    est = InfiniteAERecommender(l2=0.5).fit(X)
    lists, scores = est.recommend(
        X[:5], 1, candidates=columns, exclude_seen=False, return_scores=True
    )
    full = est.decision_function(X[:5])[:, sorted(columns)]
    np.testing.assert_array_equal(lists[:, 0], np.sort(columns)[full.argmax(axis=1)])
    np.testing.assert_allclose(scores[:, 0], full.max(axis=1), atol=1e-6)


@pytest.mark.parametrize("max_landmarks", [40, 20])
def test_the_automatic_penalty_is_half_the_root_of_the_mean_length(max_landmarks, X):
    X[3] = 0
    params = {"max_landmarks": max_landmarks, "random_state": 0}
    est = InfiniteAERecommender(**params).fit(X)
    assert est.l2_ == pytest.approx(0.5 * (X.sum() / 39) ** 0.5)
    same = InfiniteAERecommender(l2=est.l2_, **params).fit(X)
    np.testing.assert_array_equal(est.dual_coef_, same.dual_coef_)


@pytest.mark.parametrize(
    "wrong", [{"l2": 0}, {"depth": 0}, {"depth": 1.5}, {"max_landmarks": 0}, {"l2": "none"}]
)
def test_wrong_parameters_are_named(wrong, X):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"'{name}' parameter of InfiniteAERecommender"):
        InfiniteAERecommender(**wrong).fit(X)


def test_a_penalty_that_leaves_no_digits_is_an_error(X):
    with pytest.raises(ValueError, match=r"l2 must be at least 1e-12.*got 1e-13 for 40 users"):
        InfiniteAERecommender(l2=1e-13).fit(X)


def test_what_does_not_fit_is_refused_before_anything_is_allocated(monkeypatch, X):
    many = sp.eye(200_000, format="csr")
    words = r"with 200,000 landmarks and 200,000 items needs at least 480 GB.*smaller max_landmarks"
    with pytest.raises(MemoryError, match=words):
        InfiniteAERecommender(max_landmarks=200_000).fit(many)
    monkeypatch.setattr(_memory, "_ALWAYS_FINE", 0)
    monkeypatch.setattr(_memory, "memory_limit", lambda: 12 * 40**2 - 1)
    with pytest.raises(MemoryError, match=r"40 landmarks and 9 items needs at least 19\.2 kB"):
        InfiniteAERecommender().fit(X)


def test_verbose_shows_a_bar_over_the_phases(X, capsys):
    for max_landmarks in (40, 10):
        InfiniteAERecommender(verbose=1, max_landmarks=max_landmarks).fit(X)
        assert "InfiniteAERecommender: 100%" in (bar := capsys.readouterr().err)
        assert "3/3" in bar
