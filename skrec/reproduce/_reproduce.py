"""Run a table of a paper, and set what comes out beside what was published."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skrec.exceptions import SkrecWarning
from skrec.interactions import Interactions
from skrec.reproduce._cells import Cell
from skrec.reproduce._data import load_data
from skrec.reproduce._plan import Plan, make_plans, protocol_of
from skrec.reproduce._runner import run_cells
from skrec.reproduce._store import Store
from skrec.reproduce._tables import Table, find_table
from skrec.reproduce._task import Task

__all__ = ["collect", "reproduce"]


def reproduce(
    paper: str,
    table: str | int,
    *,
    data: str | Sequence[str] | None = None,
    systems: Sequence[str] | None = None,
    seeds: Sequence[int] = (0,),
    parameters: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    interactions: Interactions | None = None,
    store: str | PathLike[str] | None = None,
    n_jobs: int | None = None,
    data_home: str | PathLike[str] | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    """Run a table of a paper: its systems, protocol and metrics.

    A system runs with the settings that were chosen for the data set and protocol, if there are
    any, else with the paper's, else with its defaults. Nothing is downloaded: what runs is what is
    there.

    Parameters
    ----------
    paper, table : str
        A table, of `list_tables`.
    data : str or list of str, default=None
        Data sets, those of the cache or ``"synthetic"``; None takes the paper's and those that
        stand in for them.
    systems : list of str, default=None
        Names of the rows to run; None runs all that skrec has.
    seeds : sequence of int, default=(0,)
        Training seeds, of systems that have one.
    parameters : dict, default=None
        Replaces parameters of the estimators that have them, such as ``{"max_epochs": 5}``.
        ``{"device": "cuda"}`` says where torch systems run.
    options : dict, default=None
        Replaces options of the protocol: ``test_users`` and ``split_seed`` (strong),
        ``train_share``, ``split_seed`` and ``ranked_users`` (ratings), ``n_negatives`` (ncf, of
        data that come without).
    interactions : Interactions, default=None
        What to run on in place of the data set that `data` names.
    store : str or path-like, default=None
        CSV in which each cell is kept as soon as it is finished; what it has is not run again.
        None keeps nothing.
    n_jobs : int, default=None
        Cells that run at a time, as joblib understands it; the cores are shared among them.
    data_home : str or path-like, default=None
        Folder of the data; None takes the environment variable ``SKREC_DATA``.
    verbose : int, default=0
        1 shows a progress bar over the cells.

    Returns
    -------
    results : DataFrame
        A line for each data set, row and metric: ``paper``, ``table``, ``name``, ``system``,
        ``data``, ``metric``; what was ``published``, what others ``reproduced`` and
        ``reproduced_by`` whom; ``ours``, the mean over users and seeds, its ``std_error`` over
        users and ``std_error_seeds``, ``n_seeds``, the ``difference`` to what was published;
        where the ``settings`` come from, with the number of trials on validation data, which is
        ``n_trials`` too, and a ``note``. Where there are no figures the note says why.

    Raises
    ------
    ValueError
        If there is no such table, row or option, or if `interactions` come without one name in
        `data`.

    Warns
    -----
    SkrecWarning
        If cells failed, with what went wrong. The others are not lost.

    See Also
    --------
    list_tables : What there is to run.
    find_settings : The settings of a system.
    to_markdown : Writes the results down.

    Examples
    --------
    >>> from skrec.reproduce import reproduce
    >>> results = reproduce("mult_vae", "2", data="synthetic", systems=["EASE"])
    >>> results[["name", "metric"]].values.tolist()[0]
    ['EASE', 'recall@20']
    >>> bool(results["ours"].between(0, 1).all())
    True
    """
    chosen = choose_rows(find_table(paper, str(table)), systems)
    names = _names(chosen, data)
    given = _given(names, interactions)
    parameters = {**(parameters or {})}
    device = parameters.pop("device", None)
    plans = make_plans(chosen, names, seeds, parameters, options, data_home, given)
    cells = [cell for plan in plans for cell in plan.cells if plan.missing == "not run"]

    def make_task(name: str) -> Task:
        dataset = given[name] if name in given else load_data(name, data_home)
        return protocol_of(chosen, name, options).test(dataset)

    kept = Store(store)
    failed = run_cells(cells, make_task, store=kept, n_jobs=n_jobs, device=device, verbose=verbose)
    _warn(failed, cells)
    return results_of(chosen, plans, lambda plan: kept.rows(plan.cells), failed)


def collect(
    paper: str,
    table: str | int,
    store: str | PathLike[str] | Store,
    *,
    data: str | Sequence[str] | None = None,
    data_home: str | PathLike[str] | None = None,
) -> pd.DataFrame:
    """Collect the results of a table from finished cells; nothing is run.

    Parameters
    ----------
    paper, table : str
        A table, of `list_tables`.
    store : str, path-like or Store
        Finished cells, or the CSV that holds them.
    data : str or list of str, default=None
        Data sets; None takes the paper's and those that stand in for them.
    data_home : str or path-like, default=None
        Folder of the data, which decides whether a cell lacks data or has not been run.

    Returns
    -------
    results : DataFrame
        As `reproduce` returns them. Figures are means over all training seeds, and over all splits
        of the same sizes.

    See Also
    --------
    reproduce : Runs what is missing.

    Examples
    --------
    >>> from skrec.reproduce import collect
    >>> results = collect("mult_vae", "2", "no-such-file.csv", data="synthetic")
    >>> results["ours"].count().item()
    0
    """
    found = find_table(paper, str(table))
    kept = store if isinstance(store, Store) else Store(store)
    plans = make_plans(found, _names(found, data), data_home=data_home)
    return results_of(found, plans, lambda plan: kept.all_runs(plan.cells[0]))


def choose_rows(table: Table, systems: Sequence[str] | None) -> Table:
    """Return a table with some of its rows."""
    names = [row.name for row in table.rows]
    unknown = [name for name in systems or [] if name not in names]
    if unknown:
        raise ValueError(f"systems must be among {names}; got {unknown}")
    rows = tuple(row for row in table.rows if systems is None or row.name in systems)
    return replace(table, rows=rows)


def _names(table: Table, data: str | Sequence[str] | None) -> list[str]:
    if data is None:
        return [*table.data, *table.here]
    return [data] if isinstance(data, str) else list(data)


def _given(names: list[str], interactions: Interactions | None) -> dict[str, Bunch]:
    if interactions is None:
        return {}
    if len(names) != 1:
        raise ValueError(f"data must be one name where interactions are given; got {names}")
    return {names[0]: Bunch(interactions=interactions)}


def _warn(failed: Mapping[tuple[Any, ...], str], cells: Sequence[Cell]) -> None:
    if failed:
        names = {tuple(cell.key.values()): cell.name for cell in cells}
        lines = [f"{names[key]}: {error}" for key, error in failed.items()]
        warnings.warn("\n".join(["cells that failed:", *lines]), SkrecWarning)


def results_of(
    table: Table,
    plans: Sequence[Plan],
    find: Callable[[Plan], pd.DataFrame],
    failed: Mapping[tuple[Any, ...], str] | None = None,
) -> pd.DataFrame:
    """Return the results of a table.

    Parameters
    ----------
    table : Table
        The table.
    plans : list of Plan
        Of its rows.
    find : callable
        Returns the rows of the cells of a plan.
    failed : dict of tuple to str, default=None
        What went wrong, by the values of the cell's key.

    Returns
    -------
    results : DataFrame
        As `reproduce` returns them.
    """
    lines = [line for plan in plans for line in _lines(table, plan, find, failed or {})]
    return pd.DataFrame(lines)


def _lines(
    table: Table,
    plan: Plan,
    find: Callable[[Plan], pd.DataFrame],
    failed: Mapping[tuple[Any, ...], str],
) -> Iterator[dict[str, Any]]:
    runs = find(plan) if plan.cells else pd.DataFrame()
    errors = [failed[k] for c in plan.cells if (k := tuple(c.key.values())) in failed]
    why = f"failed: {errors[0]}" if errors else plan.missing if runs.empty else ""
    row, data = plan.row, plan.data
    for metric in table.metrics:
        ours = _summary(runs, metric)
        published = row.published.get(data, {}).get(metric, np.nan)
        yield {
            "paper": table.paper,
            "table": table.table,
            "name": row.name,
            "system": row.system,
            "data": data,
            "metric": metric,
            "published": published,
            "reproduced": row.reproduced.get(data, {}).get(metric, np.nan),
            "reproduced_by": row.reproduced_by if data in row.reproduced else "",
            **ours,
            "difference": ours["ours"] - published,
            "settings": "" if runs.empty else plan.settings,
            "n_trials": 0 if runs.empty else plan.trials,
            "note": row.note if why and row.note.startswith(why) else _joined(why, row.note),
        }


def _joined(*texts: str) -> str:
    return "; ".join(filter(None, texts))


def _summary(runs: pd.DataFrame, metric: str) -> dict[str, Any]:
    """Average a metric over the runs of a cell."""
    if not runs.empty:
        runs = runs.loc[runs["metric"] == metric]
    n = len(runs)
    return {
        "ours": runs["mean"].mean() if n else np.nan,
        "std_error": runs["std_error"].mean() if n else np.nan,
        "std_error_seeds": runs["mean"].sem() if n > 1 else np.nan,
        "n_seeds": n,
    }
