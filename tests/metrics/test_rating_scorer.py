"""Rating scorers on a small rating model."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, KFold

from skrec import Interactions
from skrec.metrics import make_rating_scorer
from skrec.utils import split_rows


class ItemMeans(BaseEstimator):
    """Predict the shrunk mean of an item, plus what the user's history says."""

    def __init__(self, shrinkage=1.0):
        self.shrinkage = shrinkage

    def fit(self, X, y=None):
        X = X.tocsr() if isinstance(X, Interactions) else sp.csr_matrix(X, dtype=float)
        self.interactions_ = X
        total, count = np.asarray(X.sum(axis=0)).ravel(), np.asarray((X != 0).sum(axis=0)).ravel()
        mean = X.data.mean()
        self.means_ = (total + self.shrinkage * mean) / (count + self.shrinkage)
        return self

    def predict(self, X=None, *, users=None):
        if isinstance(X, Interactions):
            return self._rows(self.interactions_)[X.user, X.item]
        return self._rows(self.interactions_[users] if X is None else X)

    def _rows(self, X):
        size = np.maximum(X.getnnz(axis=1), 1)
        return self.means_ + np.asarray(X.sum(axis=1)).reshape(-1, 1) / size[:, None] - 3


def ratings(n_users=40, n_items=15):
    rng = np.random.default_rng(0)
    return sp.csr_matrix(
        rng.integers(1, 6, (n_users, n_items)) * (rng.random((n_users, n_items)) < 0.4)
    )


def errors(metric, error):
    return -(np.sqrt(np.mean(error**2)) if metric == "neg_rmse" else np.mean(np.abs(error)))


@pytest.mark.parametrize("metric", ["neg_rmse", "neg_mae"])
@pytest.mark.parametrize("case", ["interactions", "rows", "targets", "dense"])
def test_value(metric, case):
    X = ratings()
    est, scorer = ItemMeans().fit(X), make_rating_scorer(metric, random_state=4)
    history, targets = split_rows(X, 0.2, 4 if case == "rows" else 5)
    pred = est.predict(history)
    if case == "interactions":
        targets, given, pred = X, (Interactions(X),), est.predict(X)
    elif case == "rows":
        given = (X, np.arange(40))
    else:
        given = (history, targets.toarray() if case == "dense" else targets)
    user, item = targets.nonzero()
    error = pred[user, item] - targets.toarray()[user, item]
    assert scorer(est, *given) == pytest.approx(errors(metric, error))
    values = scorer.per_user(est, *given)
    assert_array_equal(values.index, np.unique(user))
    expected = [errors(metric, error[user == u]) for u in values.index]
    assert_allclose(values[metric], expected)
    with config_context(working_memory=1e-3):
        assert scorer(est, *given) == pytest.approx(errors(metric, error))


def test_stored_zeros_are_ratings():
    X = ratings()
    est = ItemMeans().fit(X)
    zeros = sp.csr_matrix((np.zeros(2), ([0, 1], [2, 3])), shape=X.shape)
    error = est.predict(X)[[0, 1], [2, 3]]
    scorer = make_rating_scorer("neg_mae")
    assert scorer(est, X, zeros) == pytest.approx(-np.abs(error).mean())
    only_zeros = sp.csr_matrix((np.zeros(X.nnz), X.indices, X.indptr), shape=X.shape)
    assert len(scorer.per_user(est, only_zeros)) == (X.getnnz(axis=1) >= 2).sum()


@pytest.mark.parametrize("as_interactions", [False, True])
def test_grid_search(as_interactions):
    X = Interactions(ratings()) if as_interactions else ratings()
    search = GridSearchCV(
        ItemMeans(),
        {"shrinkage": [0.1, 10.0]},
        scoring=make_rating_scorer(),
        cv=KFold(3, shuffle=True, random_state=0),
    ).fit(X)
    assert search.best_params_ == {"shrinkage": 10.0}  # the ratings are noise
    assert search.best_score_ < 0


def test_copies():
    scorer = make_rating_scorer("neg_mae", random_state=7)
    assert repr(pickle.loads(pickle.dumps(scorer))) == repr(scorer)
    assert repr(scorer) == "RatingScorer('neg_mae', random_state=7)"


def test_bad_input():
    X = ratings()
    est = ItemMeans().fit(X)
    with pytest.raises(ValueError, match="metric must be one of"):
        make_rating_scorer("rmse")
    with pytest.raises(ValueError, match="y must have the shape of X"):
        make_rating_scorer()(est, X, np.ones((40, 1)))
    with pytest.raises(ValueError, match="at least one rating"):
        make_rating_scorer()(est, Interactions(X)[[]])
    with pytest.raises(ValueError, match="at least one rating"):
        make_rating_scorer()(est, X, sp.csr_matrix(X.shape))
    est.means_ = est.means_ * np.nan
    with pytest.raises(ValueError, match="must be finite"):
        make_rating_scorer()(est, X)
