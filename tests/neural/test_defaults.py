"""Defaults: what stops early, and that small data train as they are."""

import inspect
import warnings

import numpy as np
import pytest
import scipy.sparse as sp

from skrec.datasets import make_interactions
from skrec.exceptions import SkrecWarning
from skrec.neural import SampledPairRecommender
from skrec.testing import all_estimators

STOPPED = {
    cls.__name__: inspect.signature(cls).parameters["early_stopping"].default
    for _, cls in all_estimators()
    if "early_stopping" in inspect.signature(cls).parameters
}
CLASSES = {name: cls for name, cls in all_estimators() if name in STOPPED}
QUICK = {"max_epochs": 2, "pretrain_epochs": 1, "n_samples": 2, "fold_in_steps": 2}
QUICK |= {"random_state": 0, "device": "cpu"}


def made(name):
    """Return an estimator of few epochs, all else as it is by default."""
    known = inspect.signature(CLASSES[name]).parameters
    return CLASSES[name](**{k: v for k, v in QUICK.items() if k in known})


def history(est):
    return est.net_.history if hasattr(est, "net_") else est.history_


def is_explicit(est):
    return est.__sklearn_tags__().feedback == "explicit"


def test_models_of_sampled_pairs_stop_early_but_those_whose_rate_falls():
    pairs = {n for n, cls in CLASSES.items() if issubclass(cls, SampledPairRecommender)}
    stopped = {n for n, stops in STOPPED.items() if stops}
    assert pairs - stopped == {
        "MFClassifier", "BPRMFRanker", "MFRecommender",
        "FISMClassifier", "FISMRanker", "SVDppRanker",
    }  # fmt: skip
    assert stopped - pairs == {
        "ConvNCFRegressor", "CrossFeedbackBMF", "NCFMLPRegressor", "NeuMFRegressor"
    }  # fmt: skip
    assert all(made(name).lr_decay == "linear" for name in pairs - stopped)


@pytest.mark.parametrize("name", CLASSES)
def test_training_is_watched_where_the_default_says_so(name):
    est, X = made(name), make_interactions(40, 30, 300, random_state=0).X
    if is_explicit(est):
        X.data = (X.indices % 5 + 1).astype(np.float32)
    est.fit(X)
    watched = {key for key in history(est)[-1] if key.startswith("valid_") and "best" not in key}
    assert bool(watched) == STOPPED[name]


@pytest.mark.parametrize("name", CLASSES)
def test_data_of_which_nothing_can_be_held_out_are_trained_on(name):
    est, X = made(name), sp.csr_matrix(np.eye(6, dtype=np.float32))
    if is_explicit(est):
        X = sp.csr_matrix(([4.0], ([1], [2])), (3, 4), dtype=np.float32)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        est.fit(X)
    assert len(history(est)) == 2
    assert np.isfinite(est.decision_function(X)).all()
    about = [each for each in caught if "validation_fraction" in str(each.message)]
    assert bool(about) == STOPPED[name]
    assert all(each.category is SkrecWarning for each in about)
