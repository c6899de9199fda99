"""Threads over blocks of work."""

from collections.abc import Callable, Iterable
from typing import Any

from joblib import cpu_count
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed
from tqdm.auto import tqdm

__all__ = ["in_threads"]


def in_threads(
    function: Callable[..., Any],
    arguments: Iterable[tuple[Any, ...]],
    n_jobs: int | None,
    shared: bool = False,
    description: str | None = None,
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
    description : str, default=None
        What stands before a progress bar over the calls; None shows none.

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
        return list(_watched((function(*each) for each in calls), 1, description))
    # more threads than cores gain nothing, and joblib would start as many as it is told to
    n_jobs = None if n_jobs is None else min(int(n_jobs), cpu_count())
    where = {"require": "sharedmem"} if shared else {"prefer": "threads"}
    tasks = (delayed(function)(*each) for each in calls)
    if description is not None and _returns_one_by_one(where):
        done = Parallel(n_jobs=n_jobs, return_as="generator", **where)(tasks)
        return list(_watched(done, len(calls), description))
    # the bar of a backend that returns all at once runs ahead: it counts what has begun
    return list(Parallel(n_jobs=n_jobs, **where)(_watched(tasks, len(calls), description)))


def _watched(calls: Iterable[Any], total: int, description: str | None) -> Iterable[Any]:
    """Return the same calls, with a progress bar if there is a description."""
    return calls if description is None else tqdm(calls, description, total)


def _returns_one_by_one(where: dict[str, str]) -> bool:
    """Return whether joblib's backend hands out results while others are computed."""
    backend: Any = get_active_backend(**where)[0]
    return backend.supports_return_generator
