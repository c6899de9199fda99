"""Cells of tables: which there are, running those that are not in a CSV, and keeping their rows."""

import json
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skrec.reproduce import (
    Cell,
    Outcome,
    Protocol,
    Task,
    append_rows,
    find_rows,
    find_settings,
    find_system,
    has_seed,
    list_settings,
    list_systems,
    load_data,
    make_protocol,
    read_rows,
    run_system,
)

__all__ = [
    "USERS",
    "cells_for",
    "is_finished",
    "keep_rows",
    "keep_study",
    "make_task",
    "parameters_for",
    "protocol_for",
    "run_cell",
    "run_once",
    "saved_values",
    "set_parameters",
    "settings_text",
    "smoke_parameters",
    "study_of_systems",
    "systems_for",
]

USERS = "benchmarks/results/users"  # folder of the values of single users

_SPLIT_OPTIONS = ("test_users", "split_seed", "train_share", "ranked_users")
# what --smoke makes small, of systems that have such a parameter
_SMOKE = {
    "max_epochs": 2,
    "hidden_sizes": (8,),
    "latent_size": 8,
    "anneal_steps": 10,
    "n_factors": 8,
    "n_feature_maps": 2,
    "n_draws": 2,
    "n_filters": 4,
    "n_samples": 4,
    "n_pseudo_inputs": 5,
    "hidden_size": 8,
    "joined_size": 8,
    "pretrain_epochs": 1,
    "fold_in_steps": 2,
}


def protocol_for(name: str, options: Namespace) -> Protocol:
    """Return the protocol of the options for a data set."""
    given = {key: getattr(options, key, None) for key in _SPLIT_OPTIONS}
    given = {key: value for key, value in given.items() if value is not None}
    return make_protocol(options.protocol, data=name, **given)


def systems_for(name: str, options: Namespace) -> list[str]:
    """Return the systems to run on a data set: those named, else those with settings, else all.

    Whole recipes of papers take hours, and run only where they are named.
    """
    if options.systems:
        return options.systems
    names = list_systems(make_protocol(options.protocol).feedback)
    chosen = {row.system for row in list_settings(data=name, protocol=options.protocol)}
    with_settings = [system for system in names if system in chosen]
    return [system for system in with_settings if not system.endswith("-paper")] or names


def parameters_for(system: str, name: str, options: Namespace) -> dict[str, Any]:
    """Return the parameters of a system: those of its settings, else none."""
    settings = find_settings(system, name, options.protocol)
    if not settings.known:
        print(f"{system} on {name} has no settings: defaults")
    return settings.parameters | (smoke_parameters(system) if options.smoke else {})


def set_parameters(system: str, options: Namespace) -> dict[str, Any]:
    """Return what ``--set`` changes of a system: parameters that it has."""
    known = find_system(system)().get_params()
    return {key: given for key, given in options.set.items() if key in known}


def smoke_parameters(system: str) -> dict[str, Any]:
    """Return what ``--smoke`` makes small of a system."""
    names = find_system(system)().get_params()
    return {key: value for key, value in _SMOKE.items() if key in names}


def settings_text(system: str, data: str, protocol: str, parameters: str) -> str:
    """Return where parameters come from.

    Parameters
    ----------
    system, data, protocol : str
        Of the cell.
    parameters : str
        JSON, as a table of cells has it.

    Returns
    -------
    text : str
        "tuned" with the number of trials where there were twelve or more of them, the bare number
        where there were fewer; or "published", "not tuned", "defaults"; "other" where the
        parameters are not those of the settings.
    """
    settings = find_settings(system, data, protocol)
    same = json.dumps(settings.parameters, sort_keys=True) == parameters
    return settings.text if same else "other"


def cells_for(system: str, name: str, options: Namespace) -> list[Cell]:
    """Return the cells of a system: one a seed, or one alone where no seed matters."""
    parameters, split = parameters_for(system, name, options), protocol_for(name, options).split
    seeds = options.seeds if has_seed(system) else [0]
    return [Cell(system, name, options.protocol, seed, split, parameters) for seed in seeds]


def make_task(name: str, options: Namespace) -> Task:
    """Load a data set and make its test task."""
    return protocol_for(name, options).test(load_data(name, options.data_home))


def run_cell(cell: Cell, task: Task, device: str | None = None) -> Outcome:
    """Run a cell and print its figures."""
    outcome = run_system(task, cell.system, cell.parameters, cell.seed, device)
    figures = "  ".join(f"{k} {v:.4f}" for k, v in outcome.summary["mean"].items())
    print(f"{cell.name}: {figures}  ({outcome.fit_seconds:.1f} s)", flush=True)
    return outcome


def run_once(
    cell: Cell,
    get_task: Callable[[], Task],
    path: str,
    device: str | None = None,
    per_user: str | None = None,
) -> None:
    """Run a cell and keep its rows, unless they are there.

    Parameters
    ----------
    cell : Cell
        What to run.
    get_task : callable
        Returns the task; not called where the cell is finished.
    path : str
        CSV of finished cells.
    device : str, default=None
        Where torch systems run.
    per_user : str, default=None
        Folder for the values of the users; None saves none.
    """
    saved = not per_user or cell.saved(per_user) is not None
    if saved and is_finished(path, cell.key):
        return
    outcome = run_cell(cell, get_task(), device)
    keep_rows(path, cell.key, outcome.rows())
    if per_user:
        outcome.save(cell, per_user)


def saved_values(
    cell: Cell, get_task: Callable[[], Task], per_user: str, device: str | None = None
) -> Mapping[str, np.ndarray]:
    """Return the values of a cell's users, from their file or from a run that writes it."""
    if cell.saved(per_user) is None:
        run_cell(cell, get_task(), device).save(cell, per_user)
    return cell.saved(per_user)


def is_finished(path: str, key: Mapping[str, Any]) -> bool:
    """Return whether a CSV has rows of a key, so that they need not be made again."""
    return not find_rows(path, key).empty


def keep_rows(path: str, key: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows to a CSV, each with the columns of a key before its own."""
    append_rows(path, [{**key, **row} for row in rows])


def keep_study(path: str, key: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows of a study, whose columns may differ from those before, to its CSV.

    What a row lacks is empty, and the file gets columns that it lacks. A file of something else,
    without the key's columns or with no other column of the rows, is an error as in `keep_rows`.
    """
    new = pd.DataFrame([{**key, **row} for row in rows])
    header = list(pd.read_csv(path, nrows=0)) if Path(path).exists() else list(new)
    if set(key) <= set(header) and (set(new) - set(key)) & set(header):
        wide = [*header, *(name for name in new if name not in header)]
        if len(wide) > len(header):
            _widen(Path(path), wide)
        new = new.reindex(columns=wide)
    append_rows(path, new.to_dict("records"))


def _widen(path: Path, columns: list[str]) -> None:
    """Add empty columns to a CSV, without a change to what is in it."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    written = path.with_name(f"{path.name}.wider")
    table.reindex(columns=columns, fill_value="").to_csv(written, index=False, lineterminator="\n")
    written.replace(path)


def study_of_systems(
    options: Namespace, rows: Callable[[str, int, Namespace], Iterable[Mapping[str, Any]]]
) -> None:
    """Keep the rows of systems together on each data set and seed, and print them.

    Parameters
    ----------
    options : Namespace
        With ``data``, ``seeds``, ``systems`` and ``output``, and ``set`` where parameters can be
        changed. Rows that are there are not made again.
    rows : callable
        Takes the name of a data set, a seed and the options, and returns the rows.
    """
    for name in options.data:
        for seed in options.seeds:
            split = protocol_for(name, options).split
            key = {"data": name, "protocol": options.protocol, "split": split, "seed": seed}
            key["systems"] = " ".join(options.systems)
            if "set" in options:
                key["set"] = json.dumps(options.set, sort_keys=True)
            if not is_finished(options.output, key):
                keep_study(options.output, key, rows(name, seed, options))
    table = read_rows(options.output)
    mine = table["data"].isin(options.data) & table["seed"].isin(options.seeds)
    print(table[mine].drop(columns="systems").round(4).to_string(index=False))
