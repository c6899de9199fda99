"""Each check of what comes in catches an estimator with one fault, or it would check nothing."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skrec import EASERecommender, MultDAERecommender
from skrec.interactions import Interactions
from skrec.testing import _checks_doors, estimator_checks, make_estimator

EASE = EASERecommender


class MendsIndices(EASE):
    def recommend(self, X=None, n_items=10, *, exclude=None, **options):
        if sp.issparse(exclude) and exclude.format == "csr":
            exclude.indices[:] = np.clip(exclude.indices, 0, exclude.shape[1] - 1)
        return super().recommend(X, n_items, exclude=exclude, **options)


class TakesTables(EASE):
    def fit(self, X, y=None):
        return super().fit(sp.csr_matrix(np.asarray(X)) if isinstance(X, list) else X)


class NarrowSums(EASE):
    def fit(self, X, y=None):
        return super().fit(X.tocsr() if sp.issparse(X) else X)


class FillsMasks(EASE):
    def fit(self, X, y=None):
        return super().fit(X.data if isinstance(X, np.ma.MaskedArray) else X)


class AnyIds(EASE):
    def score(self, X, y=None):
        return super().score(X.tocsr() if isinstance(X, Interactions) else X, y)


class Unvalidated(MultDAERecommender):
    def _validate_params(self):
        pass


class Wasteful(EASE):
    def recommend(self, X=None, n_items=10, **options):
        np.zeros((9, n_items)).sum()
        return super().recommend(X, n_items, **options)


class ScoresNaN(EASE):
    def score(self, X, y=None):
        return super().score(X, sp.csr_matrix(np.nan_to_num(y.toarray())) if sp.issparse(y) else y)


class InPlace(EASE):
    def fit(self, X, y=None):
        self._learn(X)
        return self


CATCHES = {
    "check_corrupt_matrices": MendsIndices,
    "check_long_tables": TakesTables,
    "check_strengths_are_summed_wide": NarrowSums,
    "check_masked_and_half_precision": FillsMasks,
    "check_other_ids": AnyIds,
    "check_whole_numbers": Unvalidated,
    "check_long_lists": Wasteful,
    "check_nan_at_every_door": ScoresNaN,
    "check_refits_serve": InPlace,
}


@pytest.fixture(autouse=True)
def _one_thread():
    """Run torch on one thread: more only slow such small data down."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.mark.parametrize(("name", "cls"), CATCHES.items(), ids=lambda value: str(value))
def test_fault_is_caught(name, cls):
    estimator = make_estimator(cls)
    checks = {check.__name__: check for check in estimator_checks(estimator)}
    with pytest.raises(AssertionError, match=cls.__name__):
        checks[name](cls.__name__, estimator)


def test_every_check_of_doors_has_a_fault_to_catch():
    checks = [*_checks_doors.CHECKS, *_checks_doors.IMPLICIT_CHECKS]
    assert {check.__name__ for check in checks} == set(CATCHES)
