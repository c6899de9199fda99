"""Estimators are found, made, and given to pytest with their checks."""

import subprocess
import sys

import pytest

import skrec
from skrec import EASERecommender, MultVAERecommender
from skrec.base import BaseRecommender
from skrec.testing import (
    all_estimators,
    check_recommender,
    estimator_checks,
    make_estimator,
    parametrize_with_recommender_checks,
)


def test_every_estimator_is_found_once_and_sorted():
    names = [name for name, _ in all_estimators()]
    assert names == sorted(set(names))
    assert {"EASERecommender", "MultVAERecommender", "PopularityRecommender"} <= set(names)


def test_estimators_are_those_that_skrec_shows():
    shown = {name: getattr(skrec, name) for name in skrec.__all__}
    classes = {n: c for n, c in shown.items() if isinstance(c, type)}
    estimators = {n: c for n, c in classes.items() if issubclass(c, BaseRecommender)}
    assert dict(all_estimators()) == estimators


def test_bases_are_no_estimators():
    assert not [name for name, cls in all_estimators() if "_fit" not in dir(cls)]
    bases = {"BaseRecommender", "RatingRecommender", "RowRecommender", "TorchRecommender"}
    assert not bases & set(dict(all_estimators()))


def test_make_estimator_takes_other_settings():
    assert make_estimator(EASERecommender).l2 == EASERecommender._test_parameters["l2"]
    assert make_estimator(EASERecommender, l2=7.0).l2 == 7.0


def test_checks_depend_on_what_an_estimator_has():
    names = {check.__name__ for check in estimator_checks(EASERecommender())}
    more = {check.__name__ for check in estimator_checks(MultVAERecommender())} - names
    assert {"check_every_weight_learns", "check_halving_search_over_epochs"} <= more


def test_import_switches_no_experiment_of_sklearn_on():
    code = "import sys, skrec.testing; print([m for m in sys.modules if 'enable_' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_check_recommender_raises_what_the_first_failing_check_says():
    class Backwards(EASERecommender):
        def _score_block(self, queries):
            return -super()._score_block(queries)

    with pytest.raises(AssertionError, match="Backwards"):
        check_recommender(Backwards(l2=1.0))


def test_parametrized_checks_carry_names_and_expected_failures():
    estimator = EASERecommender(l2=1.0)
    reasons = {"check_score": "for this test"}
    mark = parametrize_with_recommender_checks(
        [estimator], expected_failed_checks=lambda _: reasons
    ).mark
    names, cases = mark.args
    assert names == ("estimator", "check")
    assert len(cases) == len(estimator_checks(estimator))
    marked = {case.id for case in cases if case.marks}
    assert marked == {"EASERecommender-check_score"}
    case = next(case for case in cases if case.id.endswith("check_parameters"))
    case.values[1](case.values[0])
