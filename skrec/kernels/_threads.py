"""Calls over blocks of work: in threads, or where `joblib.parallel_config` sends them."""

import sys
from collections.abc import Callable, Iterable
from typing import Any

import joblib
from joblib import cpu_count
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed
from tqdm.auto import tqdm

__all__ = ["count_jobs", "in_threads"]


def in_threads(
    function: Callable[..., Any],
    arguments: Iterable[tuple[Any, ...]],
    n_jobs: int | None,
    shared: bool = False,
    description: str | None = None,
    common: tuple[Any, ...] = (),
) -> list[Any]:
    """Return what a function returns for each tuple of arguments, in order.

    Parameters
    ----------
    function : callable
        Holds no lock of Python's while it works, or threads gain nothing. It is a function of
        Python's and not a kernel: other processes find it by its name.
    arguments : iterable of tuple
        Those of each call. Engines send each array among them in a message of its own: several
        belong into a tuple.
    n_jobs : int or None
        Calls at once; None takes that of `joblib.parallel_config`.
    shared : bool, default=False
        Whether the calls write into arrays of this process, so that its own threads must do the
        work. If not, another backend that `joblib.parallel_config` names does it.
    description : str, default=None
        What stands before a progress bar over the calls; None shows none.
    common : tuple, default=()
        The first arguments of every call. Engines send each of them once, if it is an array: what
        hides in a tuple or a `functools.partial` goes along with every call.

    Returns
    -------
    results : list
        One for each call.

    Examples
    --------
    >>> from skrec.kernels import in_threads
    >>> in_threads(pow, [(2, 3), (3, 2)], 2)
    [8, 9]
    >>> in_threads(pow, [(2,), (3,)], 2, common=(5,))
    [25, 125]
    """
    calls = list(arguments)
    if len(calls) == 1:
        done = (function(*common, *each) for each in calls)
        return list(_watched(done, 1, description))
    where = _place(shared)
    n_jobs = count_jobs(n_jobs, shared)
    tasks = (delayed(function)(*common, *each) for each in calls)
    if description is not None and _returns_one_by_one(where):
        done = Parallel(n_jobs=n_jobs, return_as="generator", **where)(tasks)
        return list(_watched(done, len(calls), description))
    # the bar of a backend that returns all at once runs ahead: it counts what has begun
    return list(Parallel(n_jobs=n_jobs, **where)(_watched(tasks, len(calls), description)))


def count_jobs(n_jobs: int | None, shared: bool = False) -> int:
    """Return how many calls `in_threads` does at once.

    Parameters
    ----------
    n_jobs : int or None
        Calls at once; None takes that of `joblib.parallel_config`, negative numbers count from the
        number of cores, those of a cluster where there is one.
    shared : bool, default=False
        Whether the threads of this process must do the work. None then is 1 where an engine is
        asked for: its number is that of other machines.

    Returns
    -------
    n_jobs : int
        At least 1. More threads than cores gain nothing, and joblib would start them.

    Examples
    --------
    >>> from joblib import parallel_config
    >>> from skrec.kernels import count_jobs
    >>> count_jobs(None)
    1
    >>> with parallel_config(n_jobs=1):
    ...     count_jobs(None)
    1
    """
    if n_jobs is None:
        # asked for without a preference: with one, joblib drops the number
        elsewhere = shared and not _is_of_joblib(get_active_backend()[0])
        n_jobs = 1 if elsewhere or _is_in_a_task() else joblib.Parallel().n_jobs
    backend: Any = get_active_backend(**_place(shared))[0]
    at_once = int(backend.effective_n_jobs(n_jobs))
    return min(at_once, cpu_count()) if _is_of_joblib(backend) else at_once


def _place(shared: bool) -> dict[str, str]:
    """Return what joblib is told of where calls can be done."""
    return {"require": "sharedmem"} if shared or _is_in_a_task() else {"prefer": "threads"}


def _is_in_a_task() -> bool:
    """Return whether this thread does a task of dask.

    Other engines leave what a task calls to its process. dask hands it back to the scheduler, which
    takes longer than our calls do.
    """
    worker: Any = sys.modules.get("distributed.worker")
    return worker is not None and hasattr(worker.thread_state, "execution_state")


def _is_of_joblib(backend: Any) -> bool:
    """Return whether a backend starts threads or processes of this machine."""
    return type(backend).__module__ == "joblib._parallel_backends"


def _watched(calls: Iterable[Any], total: int, description: str | None) -> Iterable[Any]:
    """Return the same calls, with a progress bar if there is a description."""
    return calls if description is None else tqdm(calls, description, total)


def _returns_one_by_one(where: dict[str, str]) -> bool:
    """Return whether joblib's backend hands out results while others are computed."""
    backend: Any = get_active_backend(**where)[0]
    return backend.supports_return_generator
