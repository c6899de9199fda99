"""Each check of models that take in more users catches one fault, or it would check nothing."""

import pytest

from skrec import EASERecommender, ItemKNNRecommender
from skrec.testing import _checks_updates, estimator_checks, make_estimator

EASE, KNN = EASERecommender, ItemKNNRecommender


class ForgetsTheOthers(EASE):
    def _fit_more(self, X, new):
        super()._fit_more(new, new)


class KeepsItsFirstWeights(EASE):
    def _fit_more(self, X, new):
        pass


class AddsTwice(KNN):
    def _fit_more(self, X, new):
        super()._fit_more(X, new)
        super()._fit_more(X, new)


class DropsNewItems(EASE):
    def partial_fit(self, X, y=None):
        return super().partial_fit(X[:, : getattr(self, "n_features_in_", X.shape[1])])


class TakesNarrowRows(EASE):
    def partial_fit(self, X, y=None):
        X = X.copy()
        X.resize(X.shape[0], max(getattr(self, "n_features_in_", 0), X.shape[1]))
        return super().partial_fit(X)


class CountsBeforeItLooks(EASE):
    def partial_fit(self, X, y=None):
        self.n_blocks_ = getattr(self, "n_blocks_", 0) + 1
        return super().partial_fit(X)


class MergesTheOtherWay(EASE):
    def merge(self, other):
        self.__dict__ = EASE.merge(other, self).__dict__
        return self


class MergesAnything(EASE):
    def merge(self, other):
        return self.partial_fit(other.interactions_)


class ReturnsAnother(EASE):
    def merge(self, other):
        super().merge(other)
        return other


CATCHES = {
    "check_partial_fit_in_blocks": [ForgetsTheOthers, KeepsItsFirstWeights, AddsTwice],
    "check_more_items_later": [DropsNewItems, TakesNarrowRows, KeepsItsFirstWeights],
    "check_failed_partial_fit_changes_nothing": [CountsBeforeItLooks, AddsTwice],
    "check_merge": [MergesTheOtherWay, MergesAnything, ReturnsAnother, KeepsItsFirstWeights],
}


@pytest.mark.parametrize(
    ("name", "cls"),
    [pytest.param(n, cls, id=f"{n}-{cls.__name__}") for n, c in CATCHES.items() for cls in c],
)
def test_fault_is_caught(name, cls):
    estimator = make_estimator(cls)
    checks = {check.__name__: check for check in estimator_checks(estimator)}
    with pytest.raises((AssertionError, IndexError, ValueError)):
        checks[name](cls.__name__, estimator)


def test_every_check_has_a_fault_to_catch():
    assert {check.__name__ for check in _checks_updates.UPDATE_CHECKS} == set(CATCHES)
