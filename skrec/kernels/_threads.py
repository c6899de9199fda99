"""Calls over blocks of work: in threads, or where `joblib.parallel_config` sends them."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import joblib
from joblib import cpu_count
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed
from tqdm.auto import tqdm

__all__ = ["count_jobs", "engine_workers", "in_threads"]

_workers: ContextVar[Any] = ContextVar("_workers", default=None)  # of `engine_workers`


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
        work. If not, other processes of joblib do it where `joblib.parallel_config` says so, and
        an engine that it names does within `engine_workers`.
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
    tasks = (delayed(function)(*common, *each) for each in calls)
    if not shared and _workers.get() is not None:
        return list(_workers.get()(_watched(tasks, len(calls), description)))
    where = _place(shared)
    n_jobs = count_jobs(n_jobs, shared)
    if description is not None and _returns_one_by_one(where):
        done = Parallel(n_jobs=n_jobs, return_as="generator", **where)(tasks)
        return list(_watched(done, len(calls), description))
    # the bar of a backend that returns all at once runs ahead: it counts what has begun
    return list(Parallel(n_jobs=n_jobs, **where)(_watched(tasks, len(calls), description)))


@contextmanager
def engine_workers(n_jobs: int | None) -> Iterator[None]:
    """Let the maps of a block of code be done by an engine, if `joblib.parallel_config` names one.

    All of them have the same workers, which Ray takes seconds to start. Elsewhere maps stay in the
    process: those of answers are short, and an engine is given whole batches of users.

    Parameters
    ----------
    n_jobs : int or None
        As for `in_threads`, whose own then does not count.

    Examples
    --------
    >>> from skrec.kernels import engine_workers, in_threads
    >>> with engine_workers(2):
    ...     in_threads(pow, [(2, 3), (3, 2)], 2)
    [8, 9]
    """
    backend: Any = get_active_backend()[0]
    if _is_of_joblib(backend) or _is_in_a_task() or _workers.get() is not None:
        yield
        return
    n_jobs = joblib.Parallel().n_jobs if n_jobs is None else n_jobs
    with Parallel(n_jobs=int(backend.effective_n_jobs(n_jobs))) as workers:
        token = _workers.set(workers)
        try:
            yield
        finally:
            _workers.reset(token)


def count_jobs(n_jobs: int | None, shared: bool = False) -> int:
    """Return how many calls `in_threads` does at once.

    Parameters
    ----------
    n_jobs : int or None
        Calls at once; None takes that of `joblib.parallel_config`, and 1 where this process does
        the work in place of an engine, whose number is that of other machines.
    shared : bool, default=False
        Whether the threads of this process must do the work.

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
    if not shared and _workers.get() is not None:
        return _workers.get().n_jobs
    if n_jobs is None:
        # asked for without a preference: with one, joblib drops the number
        here = _is_of_joblib(get_active_backend()[0]) and not _is_in_a_task()
        n_jobs = joblib.Parallel().n_jobs if here else 1
    backend: Any = get_active_backend(**_place(shared))[0]
    return min(int(backend.effective_n_jobs(n_jobs)), cpu_count())


def _place(shared: bool) -> dict[str, str]:
    """Return what joblib is told of where calls can be done."""
    here = shared or not _is_of_joblib(get_active_backend()[0])
    return {"require": "sharedmem"} if here else {"prefer": "threads"}


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
