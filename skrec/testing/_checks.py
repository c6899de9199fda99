"""The list of checks, and ways to run them."""

from functools import partial

from skrec.testing import (
    _checks_errors,
    _checks_fit,
    _checks_input,
    _checks_proba,
    _checks_ranking,
    _checks_search,
)
from skrec.testing._data import is_explicit

__all__ = ["check_recommender", "estimator_checks", "parametrize_with_recommender_checks"]

_MODULES = (
    _checks_ranking,
    _checks_input,
    _checks_errors,
    _checks_fit,
    _checks_proba,
    _checks_search,
)


def estimator_checks(estimator):
    """List skrec's own checks that apply to an estimator.

    They stand beside scikit-learn's ``check_estimator``. Which apply depends on the tag
    ``feedback`` and on the parameters ``max_epochs`` and ``callbacks``.

    Parameters
    ----------
    estimator : object
        An instance of a recommender, with settings and an integer ``random_state`` with which it
        learns 40 users of two blocks of 8 items in a fraction of a second. It is not changed.

    Returns
    -------
    checks : list of callable
        Each is called with the name of the estimator and the estimator, and raises an
        AssertionError if something is wrong.

    See Also
    --------
    check_recommender : Runs them.
    parametrize_with_recommender_checks : Makes a test of each.

    Examples
    --------
    >>> from skrec import EASERecommender
    >>> from skrec.testing import estimator_checks
    >>> estimator_checks(EASERecommender())[0].__name__
    'check_checkerboard_of_known_users'
    """
    params = estimator.get_params(deep=False)
    kinds = ["CHECKS", "EXPLICIT_CHECKS" if is_explicit(estimator) else "IMPLICIT_CHECKS"]
    if "max_epochs" in params:
        kinds += ["EPOCH_CHECKS"] + (["TORCH_CHECKS"] if "callbacks" in params else [])
    return [check for module in _MODULES for kind in kinds for check in getattr(module, kind, ())]


def check_recommender(estimator):
    """Run all of skrec's own checks on an estimator.

    Parameters
    ----------
    estimator : object
        As for `estimator_checks`.

    Raises
    ------
    AssertionError
        By the first check that fails.

    See Also
    --------
    estimator_checks : What is checked.

    Examples
    --------
    >>> from skrec import EASERecommender
    >>> from skrec.testing import check_recommender
    >>> check_recommender(EASERecommender(l2=1.0))  # doctest: +SKIP
    """
    for check in estimator_checks(estimator):
        check(type(estimator).__name__, estimator)


def parametrize_with_recommender_checks(estimators, *, expected_failed_checks=None):
    """Make a pytest test of each check and estimator.

    The counterpart of `sklearn.utils.estimator_checks.parametrize_with_checks`.

    Parameters
    ----------
    estimators : list of object
        As for `estimator_checks`.
    expected_failed_checks : callable, default=None
        Takes an estimator and gives a dict from names of checks to reasons why they fail; these
        are marked as strict xfails.

    Returns
    -------
    decorator : pytest.MarkDecorator
        For a test with the arguments ``estimator`` and ``check``, of which the second is called
        with the first.

    See Also
    --------
    check_recommender : All checks at once, without pytest.

    Examples
    --------
    >>> from skrec import EASERecommender
    >>> from skrec.testing import parametrize_with_recommender_checks
    >>> @parametrize_with_recommender_checks([EASERecommender(l2=1.0)])
    ... def test_recommender(estimator, check):
    ...     check(estimator)
    """
    import pytest  # not at the top: the checks run without it

    expected = expected_failed_checks or (lambda estimator: {})
    cases = []
    for estimator in estimators:
        name = type(estimator).__name__
        for check in estimator_checks(estimator):
            reason = expected(estimator).get(check.__name__)
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            case = f"{name}-{check.__name__}"
            cases.append(pytest.param(estimator, partial(check, name), marks=marks, id=case))
    return pytest.mark.parametrize(("estimator", "check"), cases)
