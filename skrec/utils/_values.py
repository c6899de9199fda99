"""Checks of numbers, switches, choices and seeds that a user passes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from skrec.typing import Array, RandomState
from skrec.utils._matrix import check_dense

__all__ = [
    "as_numbers",
    "check_choice",
    "check_finite",
    "check_number",
    "check_rng",
    "check_share",
]

_LARGEST = float(np.finfo(np.float32).max)


def as_numbers(values: ArrayLike, name: str, ndim: int | None = None) -> Array:
    """Return a dense array of real numbers, in the type of the input.

    Parameters
    ----------
    values : array-like
        What a user passed, such as scores, ratings or weights.
    name : str
        Parameter to name in errors.
    ndim : int, default=None
        Number of dimensions; None allows any.

    Returns
    -------
    values : ndarray
        Numbers or booleans, NaN where a value of a frame is missing; float16 becomes
        float32, and long doubles become float64.

    Raises
    ------
    TypeError
        If the values are sparse, or no array at all.
    ValueError
        If they are ragged, partly masked, of another number of dimensions, or no real numbers.

    Examples
    --------
    >>> from skrec.utils import as_numbers
    >>> as_numbers([4, 2], "y_pred", ndim=1).tolist()
    [4, 2]
    """
    if sp.issparse(values):
        raise TypeError(f"{name} must be a dense array, got {type(values).__name__}.")
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name} must have no masked entries; got {np.ma.count_masked(values)}")
    array = _as_array(values, name)
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} dimensions; got shape {array.shape}")
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} must hold real numbers")
    if array.dtype.kind == "O":
        array = _from_objects(array, name)
    if array.dtype.kind not in "buif":
        raise ValueError(f"{name} must hold numbers; got an array of {array.dtype}")
    if array.dtype in (np.float16, np.longdouble):
        return array.astype(np.float32 if array.dtype == np.float16 else np.float64)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _as_array(values: Any, name: str) -> Array:
    if isinstance(values, pd.DataFrame):
        return check_dense(values, name)
    if isinstance(values, pd.Series) and pd.api.types.is_extension_array_dtype(values.dtype):
        if pd.api.types.is_numeric_dtype(values.dtype):
            return values.to_numpy(dtype=np.float64, na_value=np.nan)
    try:
        return np.asarray(values)
    except TypeError as error:  # such as Interactions, which are no array
        raise TypeError(f"{name} must be an array; got {type(values).__name__}") from error
    except ValueError as error:  # NumPy's words name no parameter
        raise ValueError(f"{name} must have rows of one length; got a ragged list") from error


def _from_objects(array: Array, name: str) -> Array:
    for value in array.flat:
        if not isinstance(value, Real | Decimal | np.bool_):
            raise ValueError(f"{name} must hold numbers; got {value!r}")
    try:
        return array.astype(np.float64)
    except OverflowError as error:
        raise ValueError(f"{name} must hold numbers in the range of float64") from error


def check_finite(values: Array, name: str) -> None:
    """Check that an array holds finite numbers in the range of float32, in which models compute.

    Parameters
    ----------
    values : ndarray
        The numbers.
    name : str
        Parameter to name in the error.

    Raises
    ------
    ValueError
        If one is NaN, infinite or beyond float32.
    """
    if values.dtype.kind != "f" or not values.size:
        return
    low, high = values.min(), values.max()  # NaN if any value is; no temporary array
    if -_LARGEST <= low and high <= _LARGEST:
        return
    if np.isnan(low):
        raise ValueError(f"{name} must hold finite values; got NaN")
    kind = "infinity" if np.isinf([low, high]).any() else "larger ones"
    raise ValueError(f"{name} must hold finite values in the range of float32; got {kind}")


def check_choice(value: Any, name: str, options: Sequence[str]) -> str:
    """Return a string after a check that it is one of some options.

    Parameters
    ----------
    value : str
        What a user passed.
    name : str
        Parameter to name in the error.
    options : sequence of str
        What is allowed.

    Returns
    -------
    value : str
        The same.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {list(options)}; got {value!r}")
    return value


def check_number(value: Any, name: str) -> float:
    """Return a finite number as a float.

    Parameters
    ----------
    value : float
        What a user passed; booleans are no numbers.
    name : str
        Parameter to name in the error.

    Returns
    -------
    value : float
        The number.

    Raises
    ------
    ValueError
        If it is no number, NaN, infinite or too large for a float.
    """
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else np.nan
    except OverflowError:
        number = np.inf
    if not np.isfinite(number):
        raise ValueError(f"{name} must be a finite number; got {value!r}")
    return number


def check_share(value: Any, name: str) -> float:
    """Return a share as a float.

    Parameters
    ----------
    value : float
        What a user passed.
    name : str
        Parameter to name in the error.

    Returns
    -------
    value : float
        The number, strictly between 0 and 1.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    number: Any = value if isinstance(value, Real) and not isinstance(value, bool) else np.nan
    if not 0 < number < 1:
        raise ValueError(f"{name} must be a number in (0, 1); got {value!r}")
    return float(number)


def check_rng(random_state: RandomState, name: str = "random_state") -> np.random.RandomState:
    """Return a generator as `sklearn.utils.check_random_state` does, with an error that says more.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        What a user passed. An instance is returned as it is, and nothing is drawn from it.
    name : str, default="random_state"
        Parameter to name in the error.

    Returns
    -------
    rng : RandomState
        The generator.

    Raises
    ------
    ValueError
        If it is a boolean, a seed that is negative or beyond 32 bits, or of another kind.

    Examples
    --------
    >>> from skrec.utils import check_rng
    >>> check_rng(-1)
    Traceback (most recent call last):
        ...
    ValueError: random_state must be an integer in [0, 2**32), a RandomState or None; got -1
    """
    message = (
        f"{name} must be an integer in [0, 2**32), a RandomState or None; got {random_state!r}"
    )
    if isinstance(random_state, bool):
        raise ValueError(message)
    try:
        return check_random_state(random_state)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(message) from error
