"""Cells that are not finished are run, in parallel, and kept one by one."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, cast

from joblib import Parallel, delayed
from tqdm.auto import tqdm

from skrec.reproduce._cells import Cell, run_system
from skrec.reproduce._store import Store
from skrec.reproduce._task import Task

__all__ = ["run_cells"]

_Attempt: TypeAlias = tuple[Cell, list[dict[str, Any]], str]


def run_cells(
    cells: Sequence[Cell],
    make_task: Callable[[str], Task],
    *,
    store: Store,
    n_jobs: int | None = None,
    device: str | None = None,
    verbose: int = 0,
) -> dict[tuple[Any, ...], str]:
    """Run cells, and write each to the store as soon as it is finished.

    Parameters
    ----------
    cells : sequence of Cell
        What is to run.
    make_task : callable
        Returns the task of a data set by its name.
    store : Store
        Where rows are kept; what it has is not run.
    n_jobs : int, default=None
        Cells at a time, as joblib understands it. Workers share the cores: joblib limits the
        threads of each.
    device : str, default=None
        Where torch systems run.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    failed : dict of tuple to str
        What went wrong, by the values of the cell's key.
    """
    pending: defaultdict[str, dict[tuple[Any, ...], Cell]] = defaultdict(dict)
    for cell in cells:
        if not store.has(cell):
            pending[cell.data][tuple(cell.key.values())] = cell
    failed = {}
    total = sum(map(len, pending.values()))
    with tqdm(total=total, desc="cells", disable=not verbose or not total) as bar:
        for name, wanted in pending.items():
            for cell, rows, error in _run_data(name, wanted.values(), make_task, n_jobs, device):
                if error:
                    failed[tuple(cell.key.values())] = error
                else:
                    store.add(cell, rows)
                bar.set_postfix_str(cell.name)
                bar.update()
    return failed


def _run_data(
    name: str,
    cells: Iterable[Cell],
    make_task: Callable[[str], Task],
    n_jobs: int | None,
    device: str | None,
) -> Iterable[_Attempt]:
    """Return cells of one data set as they finish: each with its rows, or with what went wrong."""
    try:
        task = make_task(name)
    except Exception as error:
        return [(cell, [], _message(error)) for cell in cells]
    jobs = (delayed(_attempt)(cell, task, device) for cell in cells)
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)  # pyright: ignore[reportArgumentType]
    return cast("Iterable[_Attempt]", parallel(jobs))


def _attempt(cell: Cell, task: Task, device: str | None) -> _Attempt:
    try:
        outcome = run_system(task, cell.system, cell.parameters, cell.seed, device)
        return cell, outcome.rows(), ""
    except Exception as error:
        return cell, [], _message(error)


def _message(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
