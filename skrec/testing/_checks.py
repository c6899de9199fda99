"""The list of checks, and ways to run them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from skrec.base import BaseRecommender
from skrec.testing import (
    _checks_docs,
    _checks_doors,
    _checks_errors,
    _checks_explain,
    _checks_files,
    _checks_fit,
    _checks_input,
    _checks_proba,
    _checks_ranking,
    _checks_resuming,
    _checks_search,
    _checks_threads,
    _checks_updates,
    _checks_vectors,
)
from skrec.testing._data import Check, is_explicit

if TYPE_CHECKING:
    import pytest  # the checks run without it

__all__ = ["check_recommender", "estimator_checks", "parametrize_with_recommender_checks"]

_MODULES = (
    _checks_ranking,
    _checks_vectors,
    _checks_explain,
    _checks_input,
    _checks_errors,
    _checks_doors,
    _checks_fit,
    _checks_resuming,
    _checks_updates,
    _checks_files,
    _checks_threads,
    _checks_proba,
    _checks_search,
    _checks_docs,
)


def estimator_checks(estimator: BaseRecommender) -> list[Check]:
    """Return skrec's own checks that apply to an estimator.

    Run them in addition to scikit-learn's ``check_estimator``. Which of them apply depends on the
    tag ``feedback``, on the parameters ``max_epochs`` and ``callbacks``, and on whether there is
    ``partial_fit``.

    Parameters
    ----------
    estimator : object
        A recommender. With its parameters, among them an integer ``random_state``, it must learn
        the data of the checks, 40 users of two blocks of 8 items, in a fraction of a second. It is
        not changed.

    Returns
    -------
    checks : list of callable
        Call each with the name of the estimator and the estimator. It raises AssertionError if
        something is wrong.

    See Also
    --------
    check_recommender : Runs them.
    parametrize_with_recommender_checks : Makes a pytest test of each.

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
    if hasattr(estimator, "partial_fit"):
        kinds.append("UPDATE_CHECKS")
    return [check for module in _MODULES for kind in kinds for check in getattr(module, kind, ())]


def check_recommender(estimator: BaseRecommender) -> None:
    """Check an estimator with all of skrec's own checks.

    Parameters
    ----------
    estimator : object
        As for `estimator_checks`.

    Raises
    ------
    AssertionError
        If a check fails; the remaining checks are not run.

    See Also
    --------
    estimator_checks : Lists the checks.

    Examples
    --------
    >>> from skrec import EASERecommender
    >>> from skrec.testing import check_recommender
    >>> check_recommender(EASERecommender(l2=1.0))  # doctest: +SKIP
    """
    for check in estimator_checks(estimator):
        check(type(estimator).__name__, estimator)


def parametrize_with_recommender_checks(
    estimators: Iterable[BaseRecommender],
    *,
    expected_failed_checks: Callable[[BaseRecommender], Mapping[str, str]] | None = None,
) -> pytest.MarkDecorator:
    """Return a pytest mark that runs a test once for each estimator and check.

    It does for skrec's own checks what
    `sklearn.utils.estimator_checks.parametrize_with_checks` does for those of scikit-learn.

    Parameters
    ----------
    estimators : list of object
        As for `estimator_checks`.
    expected_failed_checks : callable, default=None
        A function that takes an estimator and returns a dict of the checks that are expected to
        fail, with the reason for each. They are marked as strict xfails.

    Returns
    -------
    decorator : pytest.MarkDecorator
        For a test with the arguments ``estimator`` and ``check``, which calls
        ``check(estimator)``.

    See Also
    --------
    check_recommender : Runs all checks without pytest.

    Examples
    --------
    >>> from skrec import EASERecommender
    >>> from skrec.testing import parametrize_with_recommender_checks
    >>> @parametrize_with_recommender_checks([EASERecommender(l2=1.0)])
    ... def test_recommender(estimator, check):
    ...     check(estimator)
    """
    import pytest  # not at the top: the checks run without it

    cases = []
    for estimator in estimators:
        name = type(estimator).__name__
        expected = expected_failed_checks(estimator) if expected_failed_checks else {}
        for check in estimator_checks(estimator):
            reason = expected.get(check.__name__)
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            case = f"{name}-{check.__name__}"
            cases.append(pytest.param(estimator, partial(check, name), marks=marks, id=case))
    return pytest.mark.parametrize(("estimator", "check"), cases)
