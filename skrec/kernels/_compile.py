"""How every kernel is compiled."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from skrec.typing import Array

__all__ = ["compiled", "read_only"]

Function = TypeVar("Function", bound=Callable[..., Any])

# Division by 0 is what it is in NumPy, and loops that divide can be vectorised.
_OPTIONS = {"nogil": True, "error_model": "numpy"}


def compiled(function: Function, *, inline: bool = False, reorders: bool = False) -> Function:
    """Return a function that compiles itself when it is first called.

    Parameters
    ----------
    function : callable
        Takes and returns arrays and numbers. It holds no lock while it runs, so that threads run
        it side by side. What it calls must be compiled too and stand in the same file: a stored
        result is renewed when its own file changes, whatever changes elsewhere.
    inline : bool, default=False
        Whether callers get a copy of the function's body: in the innermost loops, calls that count
        references to their arrays cost more than what they do.
    reorders : bool, default=False
        Whether sums may be taken in another order, in which they can be vectorised.

    Returns
    -------
    kernel : callable
        The same function, compiled once for each combination of types. Results are stored beside
        the file or in a folder of the user's; where neither can be written, each process compiles.
    """
    options: dict[str, Any] = dict(_OPTIONS)
    if inline:
        options["inline"] = "always"
    if reorders:
        options["fastmath"] = {"reassoc", "contract"}
    try:
        return cast(Any, njit(cache=True, **options)(function))
    except RuntimeError:  # raised here, not at the first call: there is no place for the results
        return cast(Any, njit(**options)(function))


def read_only(*arrays: Array) -> tuple[Array, ...]:
    """Return views that cannot be written to, for what a kernel reads.

    A kernel is compiled for each combination of types, and numba takes arrays that are read-only,
    such as those of files or of other processes, for another type than those that are not.

    Parameters
    ----------
    *arrays : ndarray
        Left as they are.

    Returns
    -------
    views : tuple of ndarray
        As many, of the same memory.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.kernels import read_only
    >>> view, = read_only(np.ones(2))
    >>> view.flags.writeable
    False
    """
    views = tuple(np.asarray(array).view() for array in arrays)
    for view in views:
        view.flags.writeable = False
    return views
