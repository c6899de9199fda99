"""Cells that are not finished are run, in parallel, and kept one by one."""

from collections import defaultdict

from joblib import Parallel, delayed
from tqdm.auto import tqdm

from skrec.reproduce._cells import run

__all__ = ["run_cells"]


def run_cells(cells, make_task, *, store, n_jobs=None, device=None, verbose=0):
    """Run cells, and write each to the store as soon as it is finished.

    Parameters
    ----------
    cells : sequence of Cell
        What is to run.
    make_task : callable
        Gives the task of a data set by its name.
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
    pending = defaultdict(dict)
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


def _run_data(name, cells, make_task, n_jobs, device):
    """Give cells of one data set as they finish: each with its rows, or with what went wrong."""
    try:
        task = make_task(name)
    except Exception as error:
        return [(cell, None, _message(error)) for cell in cells]
    jobs = (delayed(_attempt)(cell, task, device) for cell in cells)
    return Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)(jobs)


def _attempt(cell, task, device):
    try:
        outcome = run(task, cell.system, cell.parameters, cell.seed, device)
        return cell, outcome.rows(), None
    except Exception as error:
        return cell, None, _message(error)


def _message(error):
    return f"{type(error).__name__}: {error}".splitlines()[0]
