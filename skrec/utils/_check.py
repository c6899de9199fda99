"""Checks of single arguments that many functions share."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skrec.typing import Array

__all__ = ["as_integers", "check_count", "check_flag"]


def check_count(value: Any, name: str, minimum: int = 0, maximum: int | None = None) -> int:
    """Return an integer as a Python int.

    Parameters
    ----------
    value : int
        What a user passed; NumPy's integers are integers too, booleans are not.
    name : str
        Parameter to name in the error.
    minimum : int, default=0
        Smallest value allowed.
    maximum : int, default=None
        Largest value allowed; None sets no limit.

    Returns
    -------
    value : int
        The integer.

    Raises
    ------
    ValueError
        If it is no integer or out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.utils import check_count
    >>> check_count(np.int8(3), "n_items", 1)
    3
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool | np.bool_)
    count = int(value) if whole else None
    if count is None or count < minimum or (maximum is not None and count > maximum):
        limit = f">= {minimum}" if maximum is None else f"in [{minimum}, {maximum}]"
        raise ValueError(f"{name} must be an integer {limit}; got {value!r}")
    return count


def check_flag(value: Any, name: str) -> bool:
    """Return a boolean as Python's.

    Parameters
    ----------
    value : bool
        What a user passed.
    name : str
        Parameter to name in the error.

    Returns
    -------
    value : bool
        The boolean.

    Raises
    ------
    ValueError
        If it is no boolean.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.utils import check_flag
    >>> check_flag(np.True_, "exclude_seen")
    True
    """
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False; got {value!r}")
    return bool(value)


def as_integers(values: ArrayLike, name: str, expected: str = "integers") -> Array:
    """Return an array of integers, of whatever shape.

    Parameters
    ----------
    values : array-like of int
        What a user passed.
    name : str
        Parameter to name in the error.
    expected : str, default="integers"
        What the error says was expected.

    Returns
    -------
    values : ndarray of int
        The same values; int64 where there are none.

    Raises
    ------
    ValueError
        If the values are no integers, are ragged or partly masked.

    Examples
    --------
    >>> from skrec.utils import as_integers
    >>> as_integers([3, 1], "users").tolist()
    [3, 1]
    """
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(f"{name} must be {expected}; got a masked array")
    try:
        array = np.asarray(values)
    except TypeError as error:  # such as Interactions, which are no array
        raise ValueError(f"{name} must be {expected}; got {type(values).__name__}") from error
    except ValueError as error:  # NumPy's words name no parameter
        raise ValueError(f"{name} must be {expected}; got lists of different lengths") from error
    if array.size == 0 and array.dtype.kind in "fiu":  # an empty list is an array of floats
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be {expected}; got {array.ndim}-D of {array.dtype}")
    return array
