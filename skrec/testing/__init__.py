"""A list of all estimators, and the checks that each of them has to pass."""

from skrec.testing._checks import (
    check_recommender,
    estimator_checks,
    parametrize_with_recommender_checks,
)
from skrec.testing._discovery import all_estimators, make_estimator

__all__ = [
    "all_estimators",
    "check_recommender",
    "estimator_checks",
    "make_estimator",
    "parametrize_with_recommender_checks",
]
