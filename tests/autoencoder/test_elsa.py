"""ELSA: what it learns, beside EASE, and how much memory it takes."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from skrec import EASERecommender, ELSARecommender
from skrec.datasets import make_interactions

QUICK = {"latent_size": 8, "max_epochs": 30, "lr": 0.05, "random_state": 0, "device": "cpu"}


@pytest.fixture(scope="module")
def X():
    return make_interactions(300, 40, 4000, n_clusters=4, random_state=0).X


def test_scores_are_those_of_the_formula(X):
    est = ELSARecommender(**QUICK).fit(X)
    A = est.item_factors_.astype(float)
    np.testing.assert_allclose(np.linalg.norm(A, axis=1), np.ones(40), atol=1e-6)
    expected = X.toarray() @ (A @ A.T - np.eye(40))
    np.testing.assert_allclose(est.decision_function(X), expected, atol=1e-5)
    np.testing.assert_array_equal(
        est.decision_function(X[:7]), est.decision_function(users=np.arange(7))
    )
    indices, cosines = est.similar_items([3], n_items=5)
    products = A @ A[3]
    products[3] = -np.inf
    np.testing.assert_array_equal(indices[0], (-products).argsort()[:5])
    np.testing.assert_allclose(cosines[0], np.sort(products)[::-1][:5], atol=1e-6)


def test_candidates_get_the_same_scores(X):
    est = ELSARecommender(**QUICK).fit(X)
    full = est.decision_function(X[:20])
    items = np.array([2, 11, 30])
    lists, scores = est.recommend(
        X[:20], 3, candidates=items, exclude_seen=False, return_scores=True
    )
    np.testing.assert_array_equal(lists, items[(-full[:, items]).argsort(axis=1)])
    np.testing.assert_allclose(scores, -np.sort(-full[:, items], axis=1), atol=1e-5)
    lists = np.random.RandomState(0).permutation(np.arange(80).reshape(20, 4) % 40)
    lists[3, 1] = -1
    _, scores = est.recommend(X[:20], 1, candidates=lists, exclude_seen=False, return_scores=True)
    picked = np.where(lists < 0, -np.inf, np.take_along_axis(full, lists, axis=1))
    np.testing.assert_allclose(scores[:, 0], picked.max(axis=1), atol=1e-5)
    some = est.recommend(0 * X[:1], 3, candidates=items, exclude_seen=False, return_scores=True)
    np.testing.assert_allclose(np.sort(some[1][0]), np.sort(est._prior_scores()[items]), rtol=1e-6)


def loss_of(weights, X):
    f, x = X @ weights, X / np.linalg.norm(X, axis=1, keepdims=True)
    return ((f / np.linalg.norm(f, axis=1, keepdims=True) - x) ** 2).sum(axis=1).mean()


def test_with_many_factors_it_comes_near_the_weights_of_ease(X):
    """The optimum over A A' of full rank has weights that order items as EASE's do."""
    X = X.toarray()
    X = X[X.sum(axis=1) > 1]
    params = {**QUICK, "batch_size": len(X), "lr": 0.02, "max_epochs": 300}
    few, many = (ELSARecommender(**{**params, "latent_size": d}).fit(X) for d in (2, 40))
    off = ~np.eye(40, dtype=bool)
    ease = EASERecommender(l2=1.0).fit(X).item_weights_
    ease = (ease + ease.T)[off]
    alike = {}
    for est in (few, many):
        A = est.item_factors_
        weights = A @ A.T - np.eye(40)
        alike[est.latent_size] = np.corrcoef(weights[off], ease)[0, 1]
        assert est.net_.history[-1, "train_loss"] == pytest.approx(loss_of(weights, X), abs=0.01)
    assert alike[40] > 0.85
    assert alike[2] < alike[40] - 0.1


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_last_epoch_is_better_than_the_first(dropout, X):
    losses = ELSARecommender(**QUICK, dropout=dropout).fit(X).net_.history[:, "train_loss"]
    assert losses[-1] < 0.9 * losses[0]


def test_the_optimiser_of_the_authors_is_one_class_away(X):
    est = ELSARecommender(**{**QUICK, "optimizer": torch.optim.NAdam, "lr": 0.1}).fit(X)
    assert isinstance(est.net_.optimizer, type)
    assert np.isfinite(est.decision_function(X)).all()


@pytest.mark.parametrize("wrong", [{"latent_size": 0}, {"dropout": 1.0}, {"lr": 0.0}])
def test_wrong_parameters_are_named(wrong, X):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"'{name}' parameter of ELSARecommender"):
        ELSARecommender(**wrong).fit(X)


def test_vectors_that_do_not_fit_are_refused(X):
    with pytest.raises(MemoryError, match=r"latent_size=1000000000.*choose a smaller latent_size"):
        ELSARecommender(latent_size=10**9).fit(X)


LARGE = """
import resource
import numpy as np
import scipy.sparse as sp
from skrec import ELSARecommender
n_items, n_rows = {n_items}, 256
rng = np.random.RandomState(0)
columns = np.sort(rng.randint(0, n_items, (n_rows, 8)), axis=1)
indptr = np.arange(n_rows + 1) * 8
X = sp.csr_matrix((np.ones(columns.size), columns.ravel(), indptr), shape=(n_rows, n_items))
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
small = ELSARecommender(latent_size=8, max_epochs=1, device="cpu", random_state=0)
small.fit(X[:, :1000] + sp.eye(n_rows, 1000))  # what is imported late is there
before = peak()
est = ELSARecommender(latent_size=8, max_epochs=1, device="cpu", random_state=0).fit(X)
print(peak() - before, est.item_factors_.shape[0])
"""


@pytest.mark.slow
@pytest.mark.parametrize("n_items", [200_000, 10**6])
def test_many_items_take_memory_linear_in_them(n_items):
    """Of a million, a batch of 256 rows alone would be 1,024 MB; the vectors are 32 MB."""
    program = LARGE.replace("{n_items}", str(n_items))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    grown, found = map(float, done.stdout.split())
    assert found == n_items
    assert grown < 8e-4 * n_items
