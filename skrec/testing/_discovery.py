"""Finding every estimator, and making one that the checks can run in a fraction of a second."""

import inspect
import pkgutil
from importlib import import_module

import skrec
from skrec.base import BaseRecommender

__all__ = ["all_estimators", "make_estimator"]

# tools of later rows, which hold no estimators and may need optional packages
_NO_FAMILIES = {"inspection", "reproduce", "testing"}


def all_estimators():
    """List every public estimator of skrec.

    The public packages are walked as `sklearn.utils.discovery.all_estimators` does, so that a new
    model is found by the name in its family's ``__all__``. torch is imported on the way.

    Returns
    -------
    estimators : list of (str, type)
        Name and class, sorted by name, without the bases of `skrec.base` and `skrec.neural`.

    See Also
    --------
    make_estimator : An instance to test.

    Examples
    --------
    >>> from skrec.testing import all_estimators
    >>> "EASERecommender" in dict(all_estimators())
    True
    """
    packages = (m.name for m in pkgutil.iter_modules(skrec.__path__) if m.ispkg)
    modules = [import_module(f"skrec.{p}") for p in packages if p not in _NO_FAMILIES]
    public = (getattr(m, name) for m in modules for name in m.__all__)
    found = {thing for thing in public if inspect.isclass(thing) and _is_estimator(thing)}
    return sorted((cls.__name__, cls) for cls in found)


def _is_estimator(cls):
    """Tell estimators from the bases that the families build on."""
    bases = {"skrec.base", "skrec.neural"}
    at_home = ".".join(cls.__module__.split(".")[:2])
    return issubclass(cls, BaseRecommender) and at_home not in bases


def make_estimator(estimator_class, **params):
    """Make an instance with the settings that a class has for tests.

    Parameters
    ----------
    estimator_class : type
        An estimator. Its ``_test_parameters`` are a dict with which it learns the checkerboard of
        the checks in a fraction of a second.
    **params
        Settings that take their place.

    Returns
    -------
    estimator : object
        Not fitted.

    See Also
    --------
    all_estimators : The classes.

    Examples
    --------
    >>> from skrec import EASERecommender
    >>> from skrec.testing import make_estimator
    >>> make_estimator(EASERecommender)
    EASERecommender(l2=1.0)
    """
    return estimator_class(**{**_test_parameters(estimator_class), **params})


def _test_parameters(estimator_class):
    """Give the settings of a class for tests; one that wraps others gets a linear model."""
    settings = estimator_class._test_parameters
    if "estimator" in inspect.signature(estimator_class).parameters:
        return {"estimator": make_estimator(skrec.EASERecommender), **settings}
    return settings
