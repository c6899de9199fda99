"""Answers of one fit, whatever happens to the model meanwhile."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

__all__ = ["of_one_fit", "view_of"]

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M")


def view_of(model: M) -> M:
    """Return an object with the attributes that a model has now.

    A fit gives its model other attributes in one step; a view keeps those that it began with.

    Parameters
    ----------
    model : BaseRecommender
        The model.

    Returns
    -------
    view : BaseRecommender
        Of the same class; what is set on it is set on the model, until the model is fitted.
    """
    view = object.__new__(type(model))
    view.__dict__ = model.__dict__
    return view


def of_one_fit(
    method: Callable[Concatenate[Any, P], R],
) -> Callable[Concatenate[Any, P], R]:
    """Let a method answer from one fit, though another thread fits the model meanwhile.

    Parameters
    ----------
    method : callable
        A method that reads several attributes of a fitted model.

    Returns
    -------
    method : callable
        The same on a view of the model.
    """

    @wraps(method)
    def run(self: Any, *args: P.args, **kwargs: P.kwargs) -> R:
        return method(view_of(self), *args, **kwargs)

    return run
