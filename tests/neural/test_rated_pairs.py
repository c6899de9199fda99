"""Models of rated pairs: what they learn, watch, and make of unseen users."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from skrec import GeRecRegressor, Interactions
from skrec.exceptions import SkrecWarning
from skrec.neural import hold_out_ratings

QUICK = {"n_factors": 6, "n_draws": 3, "n_filters": 8, "hidden_size": 8, "n_samples": 2}
QUICK |= {"lr": 0.02, "batch_size": 64, "max_epochs": 15, "init_std": 0.3}
QUICK |= {"random_state": 0, "device": "cpu"}


def quick(**parameters):
    return GeRecRegressor(**QUICK | parameters)


@pytest.fixture(scope="module")
def X():
    """Return ratings 1 or 5: users and items of one colour like each other."""
    rng = np.random.RandomState(0)
    X = sp.random(60, 30, 0.4, format="csr", random_state=rng, dtype=np.float32)
    row = np.repeat(np.arange(60), np.diff(X.indptr))
    X.data[:] = np.where(row % 2 == X.indices % 2, 5, 1)
    return X


@pytest.fixture(scope="module")
def fitted(X):
    return quick().fit(X)


def likes(X):
    return np.arange(X.shape[0])[:, None] % 2 == np.arange(X.shape[1]) % 2


def test_taste_is_learnt(fitted, X):
    ratings = fitted.predict(users=np.arange(60))
    assert ratings[likes(X)].mean() > 4
    assert ratings[~likes(X)].mean() < 2
    assert fitted.rating_mean_ == pytest.approx(X.data.mean())


def test_unseen_users_are_folded_in_by_what_they_say_of_items(fitted, X):
    ratings = fitted.predict(X)
    assert ratings[likes(X)].mean() > ratings[~likes(X)].mean() + 1
    turned = X.copy()
    turned.data = 6 - turned.data  # the same items, the opposite taste
    opposite = fitted.predict(turned)
    assert opposite[likes(X)].mean() < opposite[~likes(X)].mean() - 1


def test_pairs_are_entries_of_the_matrix(fitted, X):
    pairs = Interactions(X)[::7]
    whole = fitted.predict(users=np.arange(60))
    np.testing.assert_allclose(fitted.predict(pairs), whole[pairs.user, pairs.item], rtol=1e-4)
    proba, std = fitted.predict_proba(pairs, return_std=True)
    dense, dense_std = fitted.predict_proba(users=np.arange(60), return_std=True)
    np.testing.assert_allclose(proba, dense[pairs.user, pairs.item], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(std, dense_std[pairs.user, pairs.item], rtol=1e-2, atol=1e-4)


def test_early_stopping_watches_held_out_ratings_and_keeps_the_best(X):
    est = quick(early_stopping=True, patience=3, max_epochs=40, validation_fraction=0.2).fit(X)
    watched = est.net_.history[:, "valid_neg_rmse"]
    assert max(watched) > -2
    assert len(watched) <= 40
    assert est.link_.std_ == pytest.approx(-max(watched))  # what probabilities are made with
    shown, hidden = Interactions(X)[::2], Interactions(X)[1::2]
    est = quick(early_stopping=True, max_epochs=3, validation_data=hidden).fit(shown)
    assert len(est.net_.history) == 3


def test_another_metric_is_refused(X):
    with pytest.raises(ValueError, match='validation_metric must be "rmse"'):
        quick(early_stopping=True, validation_metric="ndcg@10").fit(X)


def test_a_single_rating_is_trained_on_unwatched():
    X = sp.csr_matrix(([3.0], ([0], [1])), shape=(2, 3))
    with pytest.warns(SkrecWarning, match=r"single rating, .* validation_fraction=0\.1 .* nothing"):
        est = quick(early_stopping=True).fit(X)
    assert len(est.net_.history) == 15
    np.testing.assert_array_equal(est.item_factors_, quick().fit(X).item_factors_)


@given(st.integers(2, 30), st.floats(1e-6, 1 - 1e-6), st.integers(0, 99))
def test_of_two_ratings_or_more_some_are_held_out_and_some_are_not(n, fraction, seed):
    X = sp.csr_matrix((np.arange(1.0, n + 1), (np.arange(n) % 3, np.arange(n) // 3)))
    given = SimpleNamespace(validation_data=None, validation_fraction=fraction)
    train, targets = hold_out_ratings(given, X, np.random.RandomState(seed))
    assert train.nnz > 0
    assert targets.nnz > 0
    np.testing.assert_array_equal((train + targets).toarray(), X.toarray())
    assert train.nnz + targets.nnz == n


def test_the_penalty_shrinks_means(X, fitted):
    shrunk = quick(l2=1.0).fit(X)
    assert np.square(shrunk.user_means_).mean() < np.square(fitted.user_means_).mean()
