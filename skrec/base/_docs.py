"""Text that several docstrings share, put in by substitution."""

import re
from collections.abc import Callable
from inspect import cleandoc
from textwrap import indent
from typing import TypeVar

__all__ = ["shared_docs"]

F = TypeVar("F", bound=Callable)

_TEXTS = {
    "histories": """
        X : sparse matrix or array-like of shape (n_rows, n_items), default=None
            Histories of any users, a row each.""",
    "histories_or_pairs": """
        X : sparse matrix or array-like of shape (n_rows, n_items), or Interactions, default=None
            Histories of any users, a row each; or pairs of users known from ``fit``.""",
    "users": """
        users : array-like of int of shape (n_rows,), default=None
            Rows of the fitted matrix. With ``X`` too, ``X`` is their newer history.""",
    "return_std": """
        return_std : bool, default=False
            Also return the deviation over posterior draws (probabilistic models).""",
    "std": """
        std : ndarray of the same shape
            Only with ``return_std``.""",
    "bad_input": """
        ValueError
            If an input does not fit the matrix of ``fit``.""",
    "targets": """
        y : sparse matrix or array-like of shape (n_users, n_items), default=None
            Targets. None or 1-D is ignored.""",
}


def shared_docs(function: F) -> F:
    """Replace each line ``%(name)s`` of a docstring by the shared text of that name.

    Parameters
    ----------
    function : callable
        A function or method; its docstring is changed.

    Returns
    -------
    function : callable
        The same one.
    """
    if function.__doc__:  # not with -OO
        function.__doc__ = re.sub(r"( *)%\((\w+)\)s", _text, function.__doc__)
    return function


def _text(match: re.Match) -> str:
    return indent(cleandoc(_TEXTS[match[2]]), match[1])
