"""Whether what was passed as a matrix is a long table of ids."""

import re
from datetime import date
from typing import Any

import numpy as np
import scipy.sparse as sp

from skrec.typing import Array

__all__ = ["refuse_long_table"]

_MESSAGE = (
    "X must be a matrix of users x items; got what looks like a long table of ids ({why}). "
    "Build it with Interactions.from_frame(df, user=..., item=...)."
)
_USERS = re.compile("user|customer|client|visitor|session|member|account|person|reviewer")
_ITEMS = re.compile("item|movie|film|product|track|song|artist|album|book|article|game|asin|sku")
_WIDEST = 12  # columns of a long table
_MANY = 20  # distinct values that a column of few columns has only where they are ids
_A_SCORE = 100  # whole numbers up to this may be a scale
_A_TIME = 1e8  # seconds since 1970 at the least, of any data of this kind


def refuse_long_table(X: Any) -> None:
    """Check that X is not a long table, with a row (user, item, ...) for each interaction.

    The signs of one are text or dates among the columns, names of columns, a column of times, and,
    in at most four columns, two of whole numbers that are too large or too well paired for scores.
    A small table of small integers may pass as a matrix.

    Parameters
    ----------
    X : object
        What a user passed as a matrix.

    Raises
    ------
    ValueError
        If X looks like such a table.
    """
    shape = () if isinstance(X, type) else getattr(X, "shape", ())
    if sp.issparse(X) or (len(shape) == 2 and shape[1] > _WIDEST):
        return
    if isinstance(X, dict):
        raise ValueError(_MESSAGE.format(why="a dict of columns"))
    names = [str(name).lower() for name in _names(X)]
    if any(map(_USERS.search, names)) and any(map(_ITEMS.search, names)):
        raise ValueError(_MESSAGE.format(why=f"columns {list(_names(X))}"))
    why = _why_ids(X)
    if why:
        raise ValueError(_MESSAGE.format(why=why))


def _names(X: Any) -> list:
    """Return the names of the columns of a frame of any library."""
    names = getattr(X, "column_names", getattr(X, "columns", ()))
    return list(names) if not callable(names) else []


def _why_ids(X: Any) -> str | None:
    """Return what in the values speaks for ids, None if nothing does."""
    try:
        table = np.asarray(X)
    except (TypeError, ValueError):
        return None  # no matrix at all, which is for others to say
    if table.ndim != 2 or not 2 <= table.shape[1] <= _WIDEST or not len(table):
        return None
    if table.dtype.kind in "USM" or (table.dtype.kind == "O" and _has_text(table)):
        return "text or dates"
    if table.dtype.kind not in "iuf" or table.shape[1] > 6:
        return None
    whole = [c for c in table.T if np.isfinite(c).all() and (c == np.rint(c)).all()]
    others = [c for c in whole if float(c.min()) < _A_TIME]
    if len(others) < len(whole) and len(others) >= 2:
        return "a column of times"
    if table.shape[1] <= 4 and _are_pairs([c for c in whole if len(np.unique(c)) > _MANY]):
        return "two columns of many different whole numbers"
    return None


def _are_pairs(columns: list[Array]) -> bool:
    """Return whether the first two columns are ids rather than scores or counts."""
    if len(columns) < 2:
        return False
    first, second = columns[:2]
    if min(first.max(), second.max()) > _A_SCORE:
        return True
    distinct = sorted(len(np.unique(column)) for column in (first, second))
    if distinct[0] == len(first):
        return True
    # each id many times, and yet no pair twice
    n_pairs = np.unique(np.stack([first, second]), axis=1).shape[1]
    return n_pairs == len(first) >= 4 * distinct[1]


def _has_text(table: Array) -> bool:
    """Return whether a column holds text or dates: its first value tells."""
    return any(isinstance(value, str | bytes | date | np.datetime64) for value in table[0])
