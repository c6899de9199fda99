"""Fits that may be many: each with a time limit if there is one, some at a time, all kept."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from joblib import Parallel, delayed, parallel_config
from skorch import NeuralNet
from skorch.callbacks import Callback

from benchmarks.cells import keep_rows
from skrec.exceptions import DivergenceError
from skrec.reproduce import Cell, Task, find_rows, make_system, score_system
from skrec.training import StopTraining

__all__ = ["STOPPED", "TimeLimit", "in_parallel", "is_kept", "keep_trial", "stopped_after"]

STOPPED = "stopped_after_minutes"  # the metric of the row that says so


class TimeLimit(Callback):
    """End the training with the epoch in which the time is over.

    Early stopping then keeps the best epoch so far, as it always does. The time is that of this
    process on the processor, so that what else a machine does takes nothing from a trial.

    Parameters
    ----------
    minutes : float
        The time, over all threads; it runs from now on.
    """

    def __init__(self, minutes: float) -> None:
        self.minutes = minutes
        self.start = time.process_time()
        self.stopped = False

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Stop if there is no more time."""
        if time.process_time() - self.start >= 60 * self.minutes:
            self.stopped = True
            raise StopTraining


def keep_trial(
    cell: Cell, task: Task, path: str, device: str | None = None, minutes: float | None = None
) -> None:
    """Fit and score a cell, and keep its rows; one that is there is not run again (`is_kept`).

    Parameters
    ----------
    cell : Cell
        What to run. A training that diverges is a result: its rows have no values.
    task : Task
        What it is fitted on.
    path : str
        The CSV. Rows are written at once, so several processes may share it.
    device : str, default=None
        Where torch systems run.
    minutes : float, default=None
        When to end the training, of systems that have epochs and callbacks. A row with the metric
        `STOPPED` then says so, and after how many minutes.
    """
    if is_kept(cell, path, minutes):
        return
    rows = _rows(cell, task, device, minutes)
    keep_rows(path, cell.key, rows)
    figures = "  ".join(f"{row['metric']} {row['mean']:.4f}" for row in rows)
    print(f"{cell.name}: {figures}  ({rows[0]['fit_seconds']:.1f} s)", flush=True)


def is_kept(cell: Cell, path: str, minutes: float | None = None) -> bool:
    """Return whether a cell has rows, and there is no more time for it than there was.

    Parameters
    ----------
    cell : Cell
        The cell.
    path : str
        The CSV.
    minutes : float, default=None
        The time that there is now; None is no limit.

    Returns
    -------
    kept : bool
        False also where the training was ended by the clock and may now go further.
    """
    rows = find_rows(path, cell.key)
    limit = stopped_after(rows)
    return not rows.empty and (limit is None or (minutes is not None and minutes <= limit))


def stopped_after(rows: Any) -> float | None:
    """Return the minutes after which the last run of a cell was ended, None if it was not.

    Parameters
    ----------
    rows : DataFrame
        Of one cell, in the order in which they were added.

    Returns
    -------
    minutes : float or None
        The mean of the row with the metric `STOPPED`, which ends a run.
    """
    if rows.empty or rows["metric"].iloc[-1] != STOPPED:
        return None
    return float(rows["mean"].iloc[-1])


def _rows(
    cell: Cell, task: Task, device: str | None, minutes: float | None
) -> list[dict[str, Any]]:
    estimator = make_system(
        cell.system,
        cell.parameters,
        cell.seed,
        device,
        task.sampled_parameters,
        **task.fit_parameters,
    )
    limit = TimeLimit(minutes) if minutes and _takes_callbacks(estimator) else None
    if limit:
        estimator.set_params(callbacks=[limit])
    start = time.perf_counter()
    try:
        estimator.fit(task.train)
    except DivergenceError as error:
        print(f"{cell.name}: {error}", flush=True)
        return _no_values(task, time.perf_counter() - start)
    rows = score_system(task, estimator, time.perf_counter() - start).rows()
    if limit and limit.stopped:
        rows.append({**rows[0], "metric": STOPPED, "mean": minutes, "std_error": 0.0})
    return rows


def _takes_callbacks(estimator: Any) -> bool:
    """Return whether there are epochs to stop after: the compiled solver has none that are seen."""
    parameters = estimator.get_params(deep=False)
    return "callbacks" in parameters and parameters.get("solver") != "sgd"


def _no_values(task: Task, seconds: float) -> list[dict[str, Any]]:
    nothing = {"mean": np.nan, "std_error": np.nan, "n_users": np.nan}
    times = {"fit_seconds": round(seconds, 2), "score_seconds": 0.0, "n_epochs": None}
    names = getattr(task.scorer, "names", ("rmse", "mae"))
    return [{"metric": name, **nothing, **times} for name in names]


def in_parallel(
    function: Callable[..., None], calls: Iterable[tuple[Any, ...]], n_jobs: int = 1
) -> Iterator[None]:
    """Call a function with each of some arguments, and return as calls end.

    Parameters
    ----------
    function : callable
        What to call; it keeps what comes out.
    calls : iterable of tuple
        Arguments. The next are asked for when a call has ended, not before.
    n_jobs : int, default=1
        Calls at a time; more than one run in processes of their own with one thread each.

    Yields
    ------
    None
        At the end of each call.
    """
    if n_jobs == 1:
        for arguments in calls:
            yield function(*arguments)
        return
    with parallel_config(backend="loky", inner_max_num_threads=1):
        shape: dict[str, Any] = {"batch_size": 1, "pre_dispatch": "n_jobs"}
        parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered", **shape)
        results: Any = parallel(delayed(function)(*arguments) for arguments in calls)
        yield from results
