"""Threads over blocks of work."""

from collections.abc import Callable, Iterable
from typing import Any

from joblib import cpu_count
from sklearn.utils.parallel import Parallel, delayed

__all__ = ["in_threads"]


def in_threads(
    function: Callable[..., Any],
    arguments: Iterable[tuple[Any, ...]],
    n_jobs: int | None,
    shared: bool = False,
) -> list[Any]:
    """Return what a function returns for each tuple of arguments, in order.

    Parameters
    ----------
    function : callable
        Holds no lock of Python's while it works, or threads gain nothing. It is a function of
        Python's and not a kernel: other processes find it by its name.
    arguments : iterable of tuple
        Those of each call.
    n_jobs : int or None
        Threads; None takes that of `joblib.parallel_config`.
    shared : bool, default=False
        Whether the calls must share memory. If not, another backend that `joblib.parallel_config`
        names does the work.

    Returns
    -------
    results : list
        One for each call.

    Examples
    --------
    >>> from skrec.kernels import in_threads
    >>> in_threads(pow, [(2, 3), (3, 2)], 2)
    [8, 9]
    """
    calls = list(arguments)
    if len(calls) == 1:
        return [function(*calls[0])]
    # more threads than cores gain nothing, and joblib would start as many as it is told to
    n_jobs = None if n_jobs is None else min(int(n_jobs), cpu_count())
    where = {"require": "sharedmem"} if shared else {"prefer": "threads"}
    return list(Parallel(n_jobs=n_jobs, **where)(delayed(function)(*each) for each in calls))
