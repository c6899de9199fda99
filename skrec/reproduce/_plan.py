"""From a table to its cells: which settings, splits and seeds, and what cannot run and why."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

from skrec.reproduce._cells import Cell
from skrec.reproduce._data import is_here
from skrec.reproduce._protocols import Protocol, make_protocol
from skrec.reproduce._settings import find_settings
from skrec.reproduce._systems import VARIANTS, find_system, has_seed, is_system
from skrec.reproduce._tables import Row, Table

__all__ = ["Plan", "make_plans", "protocol_of"]


@dataclass(frozen=True)
class Plan:
    """A row of a table on a data set: what is to run.

    Parameters
    ----------
    row : Row
        The row.
    data : str
        The data set.
    cells : tuple of Cell
        One a seed; none where the row cannot run.
    settings : str
        Where the parameters come from: `Settings.text`, or the ``"paper's"``.
    trials : int
        Number of trials on validation data that they were chosen from.
    missing : str
        Why there are no figures, where there are none.
    """

    row: Row
    data: str
    cells: tuple[Cell, ...]
    settings: str
    trials: int
    missing: str


def protocol_of(table: Table, data: str, options: Mapping[str, Any] | None = None) -> Protocol:
    """Return the protocol of a table on a data set.

    Parameters
    ----------
    table : Table
        The table; its options are for the paper's data sets.
    data : str
        The data set.
    options : dict, default=None
        What replaces some of them.

    Returns
    -------
    protocol : Protocol
        What `make_protocol` makes of them.
    """
    theirs = table.options if data in table.data else {}
    return make_protocol(table.protocol, data=data, **{**theirs, **(options or {})})


def make_plans(
    table: Table,
    data: Sequence[str],
    seeds: Sequence[int] = (0,),
    parameters: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    data_home: str | PathLike[str] | None = None,
    given: Collection[str] = (),
) -> list[Plan]:
    """Return the plans of all rows of a table on some data sets.

    Parameters
    ----------
    table : Table
        The table.
    data : sequence of str
        The data sets.
    seeds : sequence of int, default=(0,)
        Training seeds.
    parameters : dict, default=None
        Replaces parameters of the estimators that have them.
    options : dict, default=None
        Replaces options of the protocol.
    data_home : str or path-like, default=None
        Folder of the data.
    given : sequence of str, default=()
        Data sets that need not be there.

    Returns
    -------
    plans : list of Plan
        Data set by data set.
    """
    plans: list[Plan] = []
    for name in data:
        split = protocol_of(table, name, options).split
        here = name in given or is_here(name, data_home)
        plans += [_plan(table, row, name, split, seeds, parameters, here) for row in table.rows]
    return plans


def _plan(
    table: Table,
    row: Row,
    data: str,
    split: str,
    seeds: Sequence[int],
    parameters: Mapping[str, Any] | None,
    here: bool,
) -> Plan:
    if row.system is None:
        return Plan(row, data, (), "", 0, "quoted")
    if not is_system(row.system):
        return Plan(row, data, (), "", 0, f"no {row.system} here")
    found, settings, trials = _settings(table, row, row.system, data, parameters)
    seeds = seeds if has_seed(row.system) else (0,)
    cells = tuple(Cell(row.system, data, table.protocol, s, split, found) for s in seeds)
    return Plan(row, data, cells, settings, trials, "not run" if here else "no data")


def _settings(
    table: Table, row: Row, system: str, data: str, parameters: Mapping[str, Any] | None
) -> tuple[dict[str, Any], str, int]:
    """Return the parameters of a row, where they come from, and of how many trials."""
    chosen = find_settings(system, data, table.protocol)
    base, origin = chosen.parameters, chosen.text
    if not chosen.known and system in table.settings:
        base, origin = {**table.settings[system]}, "paper's"
    names = find_system(system)().get_params()
    names |= VARIANTS.get(system, ("", {}))[1]
    # a change to what is so anyway is none: the cell is the same
    changed = {k: v for k, v in row.changed.items() if k in base or v != names.get(k)}
    asked = {k: v for k, v in (parameters or {}).items() if k in names}
    found, trials = {**base, **changed, **asked}, chosen.trials
    if trials and found != base:  # what was chosen for another variant of the system
        origin, trials = "not tuned", 0
    return found, origin, trials
