"""Parts of docstrings that several metrics share."""

from __future__ import annotations

import re
from collections.abc import Callable
from textwrap import indent
from typing import Any, TypeVar

__all__ = ["shared_docs"]

_Function = TypeVar("_Function", bound=Callable[..., Any])

_TEXTS = {
    # rankings
    "targets": """\
y_true : {array-like, sparse matrix} of shape (n_users, n_items) or Interactions
    The non-zero entries are the targets (relevant items) of each user.""",
    "expected_ties": """\
y_score : array-like of shape (n_users, n_items), default=None
    Scores; larger is better, and an item with ``-inf`` is not ranked. For equal scores, the
    metric is the mean over all their orders.""",
    "random_ties": """\
y_score : array-like of shape (n_users, n_items), default=None
    Scores; larger is better, and an item with ``-inf`` is not ranked. Equal scores are put in a
    random order.""",
    "lists": """\
ranked : array-like of int of shape (n_users, m), default=None
    Item indices, best first and padded with -1. Pass either `y_score` or `ranked`.""",
    "cut_off": """\
k : int or None, default=10
    Cut-off; None uses the whole ranking.""",
    "exclude": """\
exclude : {array-like, sparse matrix} of shape (n_users, n_items), default=None
    Pairs to leave out, such as those seen in training. They are not ranked and are no targets.""",
    "tie_source": """\
random_state : int, RandomState instance or None, default=0
    Source of the order of equal scores.""",
    "per_user": """\
per_user : bool, default=False
    Whether to return a value for each user, NaN for users without targets.""",
    "value": """\
value : float or ndarray of shape (n_users,)
    The mean over the users that have targets; with ``per_user`` the value of each user.""",
    "ranking_errors": """\
ValueError
    If no user has a target and `per_user` is False, if a score is NaN, or if shapes differ.""",
    # lists
    "recommended": """\
ranked : array-like of int of shape (n_users, m)
    Recommended items, padded with -1.""",
    # probabilities
    "outcomes": """\
y_true : {array-like, sparse matrix} of shape (n,) or (n_users, n_items)
    Outcomes, 0 or 1. In a sparse matrix the non-zero entries are 1 and all others 0.""",
    "probabilities": """\
y_prob : array-like of the same shape
    Predicted probabilities, dense.""",
    "weights": """\
sample_weight : array-like of the same shape, default=None
    Number of pairs that each pair stands for, such as the inverse of the rate at which it was
    sampled. None means 1.""",
}


def shared_docs(function: _Function) -> _Function:
    """Replace every line ``%(name)s`` in the docstring of a function by the text of that name.

    Parameters
    ----------
    function : callable
        Function whose docstring is changed in place.

    Returns
    -------
    function : callable
        The function itself.
    """
    if function.__doc__ is not None:  # python -OO drops docstrings
        function.__doc__ = re.sub(r"(?m)^( *)%\((\w+)\)s$", _text, function.__doc__)
    return function


def _text(match: re.Match[str]) -> str:
    """Return a shared text at the indentation of the line that it replaces."""
    return indent(_TEXTS[match[2]], match[1])
