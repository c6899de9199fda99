"""Walks of two steps against double loops."""

import numpy as np
import pytest
import scipy.sparse as sp

from skrec import RP3betaRecommender
from skrec.datasets import make_interactions
from skrec.exceptions import SkrecWarning
from skrec.linear._walks import walks
from skrec.utils import hide_entries


@pytest.fixture
def X():
    rng = np.random.RandomState(4)
    return (rng.uniform(size=(30, 13)) < np.linspace(0.1, 0.8, 13)).astype(float)


def weights_of(X, alpha=1.0, beta=0.4, k=100, normalize=True):
    """Return the weights from item i (row) to item j, every step written out."""
    n_items = X.shape[1]
    W = np.zeros((n_items, n_items))
    users, items = X.sum(axis=1), X.sum(axis=0)
    for i in range(n_items):
        for j in range(n_items):
            for u in range(len(X)):
                if i != j and X[u, i] and X[u, j]:
                    to_user, to_item = 1 / items[i], 1 / users[u]
                    W[i, j] += to_user**alpha * to_item**alpha / items[j] ** beta
        order = sorted(range(n_items), key=lambda j: (-round(W[i, j], 12), j))
        W[i, order[k:]] = 0
        if normalize and W[i].any():
            W[i] /= W[i].sum()
    return W


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.5])
@pytest.mark.parametrize("beta", [0.0, 0.6])
@pytest.mark.parametrize("k", [1, 4, 100])
@pytest.mark.parametrize("normalize", [False, True])
def test_weights_are_the_double_loop(alpha, beta, k, normalize, X):
    est = RP3betaRecommender(alpha=alpha, beta=beta, n_neighbors=k, normalize=normalize).fit(X)
    W = weights_of(X, alpha, beta, k, normalize)
    np.testing.assert_allclose(est.item_weights_.toarray(), W, rtol=2e-7, atol=1e-12)
    new = (np.random.RandomState(0).uniform(size=(5, 13)) < 0.3).astype(float)
    new[:, 2] = 1
    np.testing.assert_allclose(est.decision_function(new), new @ W, rtol=1e-6)


def test_rows_sum_to_one_or_nothing(X):
    X[:, 4] = 0
    sums = RP3betaRecommender(beta=0.4, n_neighbors=3).fit(X).item_weights_.sum(axis=1)
    np.testing.assert_allclose(np.delete(sums, 4), 1, rtol=1e-6)
    assert sums[4] == 0


def test_without_beta_it_is_p3alpha(X):
    est = RP3betaRecommender(beta=0.0, normalize=False).fit(X)
    steps = X / X.sum(axis=1, keepdims=True)
    P = (X / X.sum(axis=0)).T @ steps
    np.fill_diagonal(P, 0)
    np.testing.assert_allclose(est.item_weights_.toarray(), P, rtol=1e-6)
    # the paper's third step comes first: uniform over the user's own items
    expected = steps @ P
    scores = est.decision_function(X) / X.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_a_larger_beta_recommends_less_popular_items():
    X = make_interactions(300, 80, 6000, random_state=0).X
    popularity = np.asarray(X.sum(axis=0)).ravel()
    means = [
        popularity[RP3betaRecommender(beta=beta).fit(X).recommend(X, 5)].mean()
        for beta in (0.0, 0.5, 1.0)
    ]
    assert means[0] > means[1] > means[2]


@pytest.mark.parametrize(
    ("n_items", "beta"),
    [(1, 0.0), (9, 0.0), (24, 0.2452), (150, 0.7034), (600, 1.0)],
)
def test_the_automatic_beta_grows_with_the_mean_history(n_items, beta):
    X = sp.lil_matrix((6, 700))
    for user in range(4):  # of the other two nobody knows anything
        X[user, 20 * user : 20 * user + n_items] = 1
    est = RP3betaRecommender().fit(X.tocsr())
    assert est.beta_ == pytest.approx(beta, abs=1e-4)
    given = RP3betaRecommender(beta=est.beta_).fit(X.tocsr())
    assert equal_sparse(est.item_weights_, given.item_weights_)


def test_the_automatic_beta_follows_the_users_of_all_calls():
    X = make_interactions(90, 60, 2500, random_state=0).X
    est = RP3betaRecommender().partial_fit(X[:40]).partial_fit(X[40:])
    whole = RP3betaRecommender().fit(X)
    assert est.beta_ == whole.beta_ > 0
    np.testing.assert_allclose(
        est.item_weights_.toarray(), whole.item_weights_.toarray(), rtol=1e-6
    )


def test_of_equal_weights_the_first_are_kept():
    est = RP3betaRecommender(n_neighbors=2).fit(np.ones((4, 4)))
    expected = [[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0], [1, 1, 0, 0]]
    np.testing.assert_allclose(est.item_weights_.toarray(), np.array(expected) / 2)


def equal_sparse(A, B):
    """Return whether two CSR matrices store the same, bit for bit."""
    names = ("data", "indices", "indptr")
    return A.shape == B.shape and all(np.array_equal(getattr(A, n), getattr(B, n)) for n in names)


def test_threads_and_blocks_change_no_bit(monkeypatch):
    X = make_interactions(150, 100, 4000, random_state=0).X
    expected = RP3betaRecommender().fit(X).item_weights_
    for n_products in (1000, 50_000):
        monkeypatch.setattr("skrec.kernels._sparse._PRODUCTS", n_products)
        for n_jobs in (None, 2):
            found = RP3betaRecommender(n_jobs=n_jobs).fit(X).item_weights_
            assert equal_sparse(found, expected)


def test_items_and_users_without_interactions_change_nothing(X):
    whole = np.zeros((50, 40))
    rows, columns = np.arange(10, 40), np.arange(2, 28, 2)
    whole[np.ix_(rows, columns)] = X
    small, large = (RP3betaRecommender(n_neighbors=4).fit(D) for D in (X, whole))
    part = sp.csr_matrix(large.item_weights_[columns][:, columns])
    assert equal_sparse(part, small.item_weights_)
    assert large.item_weights_.nnz == part.nnz
    histories = large.predict_proba(whole)[np.ix_(rows, columns)]
    assert np.isfinite(histories).all()


@pytest.mark.parametrize(
    "parameters",
    [{"alpha": -1.0}, {"beta": -0.1}, {"beta": "more"}, {"n_neighbors": 0}, {"normalize": "l1"}],
)
def test_bad_parameters_are_named(parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter of RP3betaRecommender"):
        RP3betaRecommender(**parameters).fit(X)


@pytest.mark.parametrize("parameters", [{"alpha": 1e4}, {"beta": 1e4}])
def test_exponents_that_leave_no_weight_are_warned_of(parameters):
    ((name, value),) = parameters.items()
    with pytest.warns(SkrecWarning, match=f"all weights are 0.*{name}={value:g} is too large"):
        RP3betaRecommender(**parameters).fit(np.ones((5, 4)))


class Untidy(RP3betaRecommender):
    """Keeps what only the fit of probabilities needs."""

    def _tidy(self):
        pass


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (0.8, 0.6), (0.0, 1.0)])
def test_held_out_pairs_are_those_of_a_fit_without_the_user(normalize, alpha, beta, X):
    params = {"alpha": alpha, "beta": beta, "normalize": normalize}
    est = Untidy(**params).fit(X)
    rows = np.array([3, 3, 8, 20])
    history, _ = hide_entries(sp.csr_matrix(X[rows]), 0.3, np.random.RandomState(0))
    row, column = (each.ravel() for each in np.indices((len(rows), 13)))
    found = est._held_out_pairs(sp.csr_matrix(history), rows, row, column).reshape(-1, 13)
    for place, user in enumerate(rows):
        W = weights_of(np.delete(X, user, axis=0), alpha, beta, normalize=normalize)
        shown = history.toarray()[place]
        np.testing.assert_allclose(found[place], shown @ W, rtol=1e-6, atol=1e-9)


def test_walks_keep_the_diagonal_if_asked(X):
    found = walks(sp.csr_matrix(X), 0.8, 0.6, 0.3, k=100, with_itself=True).toarray()
    users, items = X.sum(axis=1), X.sum(axis=0)
    expected = (X.T / users**0.8) @ X / np.outer(items**0.6, items**0.3)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
