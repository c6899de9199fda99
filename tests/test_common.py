"""scikit-learn's checks and skrec's own, over every estimator: what a new model gets for free."""

from functools import partial

import pytest
import torch
from sklearn.utils.estimator_checks import check_param_validation, estimator_checks_generator

from skrec.testing import (
    all_estimators,
    estimator_checks,
    make_estimator,
    parametrize_with_recommender_checks,
)
from skrec.testing._data import quick

ESTIMATORS = [make_estimator(cls) for _, cls in all_estimators()]

# These take whatever has predict_proba for a classifier with four labels, and look at its shape.
FOR_CLASSIFIERS = {"check_estimator_sparse_array", "check_estimator_sparse_matrix"}

EXPECTED_FAILURES = {
    "PopularityRecommender": {
        "check_checkerboard_of_known_users": "it knows no taste",
        "check_checkerboard_of_unseen_rows": "it knows no taste",
    }
}

# They are other estimators under another objective, or half of NeuMF, and take long:
# scikit-learn's checks run each time, ours with -m slow.
TWINS = {
    "ConvNCFRegressor",
    "DAERegressor",
    "FISMRanker",
    "GMFClassifier",
    "GMFRanker",
    "GeRecRanker",
    "GeRecRegressor",
    "NCFMLPClassifier",
    "NCFMLPRanker",
    "NCFMLPRegressor",
    "NeuMFRanker",
    "NeuMFRegressor",
    "VAERegressor",
}

# The numbers of checks never shrink; raise them when checks are added.
# ratings may be negative, so rating models have no check_fit_non_negative
LEAST_OF_SKLEARN = {"implicit": 42, "explicit": 41}
LEAST_OF_OURS = {"implicit": 61, "explicit": 59}
MORE_WITH = {"max_epochs": 1, "callbacks": 3}
LEAST_OF_UPDATES = 4  # of those that have partial_fit


@pytest.fixture(autouse=True)
def _one_thread():
    """Run torch on one thread: more only slow such small data down."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def check_name(check):
    """Return the name of a check, which may be a partial of a partial."""
    while isinstance(check, partial):
        check = check.func
    return check.__name__


def hiding_predictions(estimator):
    """Return the same estimator without predict_proba and predict."""

    def hidden(self):
        raise AttributeError("hidden from a check for classifiers")

    cls = type(estimator)
    names = ("predict_proba", "predict")
    without = type(cls.__name__, (cls,), {name: property(hidden) for name in names})
    return without(**estimator.get_params(deep=False))


def sklearn_checks(estimator):
    """List scikit-learn's whole check_estimator as (estimator, check)."""
    estimator = quick(estimator)  # none of them needs taste
    hiding = hiding_predictions(estimator)
    pairs = estimator_checks_generator(estimator)
    return [(hiding if check_name(c) in FOR_CLASSIFIERS else est, c) for est, c in pairs]


def sklearn_cases():
    """Return a pytest case for each of scikit-learn's checks and each estimator."""
    cases = []
    for estimator in ESTIMATORS:
        name = type(estimator).__name__
        for number, (instance, check) in enumerate(sklearn_checks(estimator)):
            cases.append(pytest.param(instance, check, id=f"{name}-{number}-{check_name(check)}"))
    return cases


# scikit-learn's data are fractions at random
@pytest.mark.filterwarnings("ignore:X holds weights:skrec.exceptions.SkrecWarning")
@pytest.mark.parametrize(("estimator", "check"), sklearn_cases())
def test_sklearn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_sklearn_validation_of_parameters(estimator):
    check_param_validation(type(estimator).__name__, estimator)


@parametrize_with_recommender_checks(
    [e for e in ESTIMATORS if type(e).__name__ not in TWINS],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES.get(type(estimator).__name__, {}),
)
def test_ours(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_recommender_checks([e for e in ESTIMATORS if type(e).__name__ in TWINS])
def test_ours_of_twins(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_no_checks_went_missing(estimator):
    ours = [check_name(check) for check in estimator_checks(estimator)]
    assert len(set(ours)) == len(ours)
    more = sum(n for name, n in MORE_WITH.items() if name in estimator.get_params())
    more += LEAST_OF_UPDATES * hasattr(estimator, "partial_fit")
    assert len(ours) >= LEAST_OF_OURS[estimator.__sklearn_tags__().feedback] + more
    theirs = [check_name(check) for _, check in sklearn_checks(estimator)]
    assert len(theirs) >= LEAST_OF_SKLEARN[estimator.__sklearn_tags__().feedback]
    assert set(theirs) >= FOR_CLASSIFIERS


def test_which_models_take_in_more_users():
    found = {type(e).__name__ for e in ESTIMATORS if hasattr(e, "partial_fit")}
    assert found == {
        "EASERecommender",
        "ItemKNNRecommender",
        "PopularityRecommender",
        "RP3betaRecommender",
        "SLIMRecommender",
    }
    assert found == {type(e).__name__ for e in ESTIMATORS if callable(getattr(e, "merge", None))}


def test_expected_failures_are_of_checks_that_exist():
    by_name = {type(e).__name__: {check_name(c) for c in estimator_checks(e)} for e in ESTIMATORS}
    unknown = {n: set(checks) - by_name[n] for n, checks in EXPECTED_FAILURES.items()}
    assert not any(unknown.values()), unknown


@pytest.mark.parametrize("likelihood", ["gaussian", "logistic"])
@pytest.mark.parametrize(
    "cls", [type(e) for e in ESTIMATORS if "likelihood" in e.get_params()], ids=lambda c: c.__name__
)
def test_probabilities_under_other_likelihoods(cls, likelihood):
    estimator = make_estimator(cls, likelihood=likelihood)
    assert estimator.__sklearn_tags__().proba == "bernoulli"
    checks = {check_name(check): check for check in estimator_checks(estimator)}
    for name in ("check_probabilities", "check_calibration", "check_deviations"):
        checks[name](cls.__name__, estimator)
