"""Lists every estimator, and makes instances that the checks can fit in a fraction of a second."""

import inspect
import pkgutil
from importlib import import_module
from typing import Any, TypeGuard, TypeVar

import skrec
from skrec.base import BaseRecommender
from skrec.linear import EASERecommender, ItemKNNRecommender

__all__ = ["all_estimators", "make_estimator"]

Estimator = TypeVar("Estimator", bound=BaseRecommender)

# tools of later rows, which hold no estimators and may need optional packages
_NO_FAMILIES = {"inspection", "reproduce", "testing"}


def all_estimators() -> list[tuple[str, type[BaseRecommender]]]:
    """Return every public estimator of skrec.

    The public packages are searched as by `sklearn.utils.discovery.all_estimators`: a new model is
    found when its name is in the ``__all__`` of its family. The search imports torch.

    Returns
    -------
    estimators : list of (str, type)
        Names and classes, sorted by name, without the bases of `skrec.base` and `skrec.neural`.

    See Also
    --------
    make_estimator : Makes an instance to test.

    Examples
    --------
    >>> from skrec.testing import all_estimators
    >>> "EASERecommender" in dict(all_estimators())
    True
    """
    packages = (m.name for m in pkgutil.iter_modules(skrec.__path__) if m.ispkg)
    modules = [import_module(f"skrec.{p}") for p in packages if p not in _NO_FAMILIES]
    public = (getattr(m, name) for m in modules for name in m.__all__)
    found = {thing for thing in public if _is_estimator(thing)}
    return sorted((cls.__name__, cls) for cls in found)


def _is_estimator(thing: object) -> TypeGuard[type[BaseRecommender]]:
    """Return whether something is an estimator, and no base that the families build on."""
    if not inspect.isclass(thing) or not issubclass(thing, BaseRecommender):
        return False
    return ".".join(thing.__module__.split(".")[:2]) not in {"skrec.base", "skrec.neural"}


def make_estimator(estimator_class: type[Estimator], **params: Any) -> Estimator:
    """Return an instance with the parameters that a class has for tests.

    Parameters
    ----------
    estimator_class : type
        An estimator. Its ``_test_parameters`` are a dict of parameters, with which it learns the
        checkerboard of the checks in a fraction of a second.
    **params
        Parameters that replace or extend these.

    Returns
    -------
    estimator : object
        Not fitted.

    See Also
    --------
    all_estimators : Lists the classes.

    Examples
    --------
    >>> from skrec import EASERecommender
    >>> from skrec.testing import make_estimator
    >>> make_estimator(EASERecommender)
    EASERecommender(l2=1.0)
    """
    return estimator_class(**{**_test_parameters(estimator_class), **params})


def _test_parameters(estimator_class: type[BaseRecommender]) -> dict[str, Any]:
    """Return the parameters of a class for tests; a class that wraps others gets linear models."""
    settings = estimator_class._test_parameters
    names = inspect.signature(estimator_class).parameters
    if "estimators" in names:
        both = {"ease": EASERecommender, "knn": ItemKNNRecommender}
        return {"estimators": [(n, make_estimator(c)) for n, c in both.items()], **settings}
    if "estimator" in names:
        return {"estimator": make_estimator(EASERecommender), **settings}
    return settings
