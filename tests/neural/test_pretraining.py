"""Starting from the vectors of another estimator."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from skrec import BPRMFRanker, EASERecommender, GMFRanker, Interactions, NeuMFRanker, SVDppRanker
from skrec.model_selection import StrongGeneralization
from skrec.neural import (
    Pretrain,
    SampledPairRecommender,
    copy_factors,
    factor_tables,
    fit_start,
    twin,
)
from skrec.neural.objectives import Pairwise
from skrec.nn import Dot, HistoryEncoder, PairModel, make_table

QUICK = {"n_factors": 6, "max_epochs": 3, "lr": 0.02, "batch_size": 256, "device": "cpu"}
QUICK |= {"init_std": 0.01, "l2": 0.0, "early_stopping": False}
BPR = {**QUICK, "solver": "torch", "lr_decay": None, "n_negatives": 1}


@pytest.fixture
def source():
    return BPRMFRanker(**BPR)


@pytest.fixture
def started(source):
    """Return a function that makes an estimator of no epochs, which keeps what it started from."""

    def make(**parameters):
        quick = {**QUICK, "max_epochs": 0, "random_state": 0, "pretrain": source}
        return GMFRanker(**quick | parameters)

    return make


class HistoryRanker(SampledPairRecommender):
    """FISM that can start from another."""

    pretrain: Pretrain = None

    _objective: ClassVar = Pairwise()
    _fold_in: ClassVar = "exact"
    _histories = True

    def _model(self, n_users, n_items):
        users = HistoryEncoder(None, n_items, self.n_factors)
        return PairModel(users, make_table(n_items, self.n_factors, 0.1), Dot(self.n_factors))

    @property
    def history_factors_(self):
        return self._module.users.history.weight.detach().numpy()


def test_it_starts_from_the_vectors_of_the_estimator(X, started):
    est = started().fit(X)
    assert isinstance(est.pretrained_, BPRMFRanker)
    assert len(est.pretrained_.net_.history) == 3
    np.testing.assert_array_equal(est.user_factors_, est.pretrained_.user_factors_)
    np.testing.assert_array_equal(est.item_factors_, est.pretrained_.item_factors_)
    users = range(20)
    np.testing.assert_allclose(
        est.decision_function(users=users), est.pretrained_.decision_function(users=users), 1e-5
    )


def test_it_goes_on_from_there(X, started):
    est = started(max_epochs=2).fit(X)
    moved = np.abs(est.item_factors_ - est.pretrained_.item_factors_).max()
    assert 1e-3 < moved < 0.5


def test_the_estimator_given_is_cloned(X, started, source):
    est = started().fit(X)
    assert not hasattr(source, "net_")
    assert est.pretrain is source
    assert source.random_state is None


def test_none_starts_at_random(X, started):
    assert started(pretrain=None).fit(X).pretrained_ is None


def test_reproducible_with_the_outer_seed_alone(X, started):
    first, second = started().fit(X), started().fit(X)
    np.testing.assert_array_equal(first.item_factors_, second.item_factors_)
    other = started(random_state=1).fit(X)
    assert np.abs(first.item_factors_ - other.item_factors_).max() > 1e-3


def test_a_seed_of_its_own_is_kept(X, started, source):
    est = started(pretrain=clone(source).set_params(random_state=7)).fit(X)
    assert est.pretrained_.random_state == 7
    alone = clone(source).set_params(random_state=7).fit(X)
    np.testing.assert_array_equal(est.item_factors_, alone.item_factors_)


def test_frozen_estimators_stay_as_they_are(X, started, source):
    fitted = source.fit(X)
    before = fitted.item_factors_.copy()
    est = started(pretrain=FrozenEstimator(fitted), max_epochs=1).fit(X)
    assert est.pretrained_.estimator is fitted
    np.testing.assert_array_equal(fitted.item_factors_, before)
    start = started(pretrain=FrozenEstimator(fitted)).fit(X)
    np.testing.assert_array_equal(start.item_factors_, before)
    assert not np.shares_memory(start.item_factors_, fitted.item_factors_)


def test_validation_pairs_are_not_pretrained_on(X, started):
    est = started(early_stopping=True, max_epochs=1, validation_fraction=0.5).fit(X)
    seen = est.pretrained_.interactions_
    assert X.nnz - 100 - 1 <= seen.nnz < X.nnz  # one pair of each of 100 of 200 users
    target = [int(np.setdiff1d(np.arange(60), X[u].indices)[0]) for u in range(5)]
    given = Interactions.from_arrays(np.arange(5), target, frame=X.shape)
    est = started(early_stopping=True, max_epochs=1, validation_data=given).fit(X)
    assert est.pretrained_.interactions_.nnz == X.nnz


def test_histories_start_from_the_vectors_of_histories(X):
    source = HistoryRanker(**QUICK)
    est = HistoryRanker(**{**QUICK, "max_epochs": 0}, pretrain=source, random_state=0).fit(X)
    np.testing.assert_array_equal(est.history_factors_, est.pretrained_.history_factors_)
    np.testing.assert_array_equal(est.item_factors_, est.pretrained_.item_factors_)
    assert factor_tables(est.net_.module_).keys() == {"history_factors_", "item_factors_"}


def test_wrong_width(X, started):
    est = started(pretrain=BPRMFRanker(n_factors=5, max_epochs=0))
    match = r"pretrain must have user_factors_ of shape \(200, 6\); got \(200, 5\)"
    with pytest.raises(ValueError, match=match):
        est.fit(X)
    assert not hasattr(est, "pretrained_")


def test_frozen_on_other_users(X, started, source):
    with pytest.raises(ValueError, match=r"\(200, 6\); got \(150, 6\)"):
        started(pretrain=FrozenEstimator(source.fit(X[:150]))).fit(X)


@pytest.mark.parametrize(
    "wrong", [EASERecommender(), HistoryRanker(**QUICK)], ids=lambda e: type(e).__name__
)
def test_estimators_without_vectors(X, started, wrong):
    with pytest.raises(ValueError, match=r"pretrain must have user_factors_ .* got None"):
        started(pretrain=wrong).fit(X)


@pytest.mark.parametrize("wrong", ["mf", 3, [1]])
def test_no_estimators(X, started, wrong):
    with pytest.raises(ValueError, match="'pretrain' parameter"):
        started(pretrain=wrong).fit(X)


def test_its_parameters_can_be_searched(X, started):
    grid = {"pretrain__max_epochs": [0, 12]}
    cv = StrongGeneralization(50, random_state=0)
    search = GridSearchCV(started(pretrain=BPRMFRanker(**{**BPR, "max_epochs": 1})), grid, cv=cv)
    search.fit(X)
    assert search.best_params_ == {"pretrain__max_epochs": 12}
    assert len(search.best_estimator_.pretrained_.net_.history) == 12


def test_warm_start_goes_on_from_itself(X, started):
    est = started(max_epochs=1, warm_start=True).fit(X)
    first = est.pretrained_
    two = started(max_epochs=2).fit(X)
    est.fit(X)
    assert est.pretrained_ is first
    assert len(est.net_.history) == 2
    moved = np.abs(est.item_factors_ - first.item_factors_).mean()
    assert (
        moved
        > 1.2 * np.abs(started(max_epochs=1).fit(X).item_factors_ - first.item_factors_).mean()
    )
    assert moved == pytest.approx(np.abs(two.item_factors_ - first.item_factors_).mean(), rel=0.3)
    est.set_params(warm_start=False).fit(X)
    assert est.pretrained_ is not first


def test_copy_factors_into_some_columns(X):
    source = SVDppRanker(n_factors=6, max_epochs=1, random_state=0).fit(X)
    items = make_table(X.shape[1], 9, 0.1)
    model = PairModel(HistoryEncoder(X.shape[0], X.shape[1], 9), items, Dot(9))
    before = {name: weight.detach().clone() for name, weight in factor_tables(model).items()}
    copy_factors(model, source, slice(2, 8))
    for name, weight in factor_tables(model).items():
        torch.testing.assert_close(weight[:, 2:8], torch.tensor(getattr(source, name)))
        torch.testing.assert_close(weight[:, [0, 1, 8]], before[name][:, [0, 1, 8]])


def test_fit_start_fits_a_clone(X, source):
    fitted = fit_start(source, X, 3)
    assert fitted is not source
    assert fitted.random_state == 3
    assert fitted.item_factors_.shape == (60, 6)


def test_twin_shares_what_both_have(source):
    est = GMFRanker(l2=0.5, lr=0.3, pretrain=source, warm_start=True, random_state=4)
    made = twin(est, BPRMFRanker, n_factors=3)
    assert isinstance(made, BPRMFRanker)
    shared = made.l2, made.lr, made.n_factors, made.warm_start, made.random_state
    assert shared == (0.5, 0.3, 3, False, None)
    assert twin(est, GMFRanker).pretrain is None


@pytest.mark.parametrize("pretrain", [[1], (None, None), ["auto"], BPRMFRanker])
def test_what_cannot_be_fitted_is_no_start(pretrain, X):
    with pytest.raises((TypeError, ValueError), match=r"pretrain.* must be"):
        NeuMFRanker(pretrain=pretrain, n_factors=4, max_epochs=1, device="cpu").fit(X)
