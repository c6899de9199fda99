"""From a table to its cells: which settings, splits and seeds, and what cannot run and why."""

from dataclasses import dataclass
from types import SimpleNamespace

from skrec.reproduce._cells import Cell
from skrec.reproduce._data import is_here
from skrec.reproduce._protocols import PROTOCOLS
from skrec.reproduce._settings import origin_of, settings_of
from skrec.reproduce._systems import VARIANTS, find_system, has_seed, is_system
from skrec.reproduce._tables import Row

__all__ = ["Plan", "default_split", "make_plans", "make_protocol"]

_OPTIONS = {
    "n_negatives": 99,
    "ranked_users": None,
    "split_seed": 0,
    "test_users": 500,
    "train_share": 0.7,
}
# where a table does not say; a tenth of the users, as the papers have
_OPTIONS_OF_DATA = {"gowalla": {"test_users": 3000}, "synthetic": {"test_users": 50}}


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
        Where the parameters come from, as `origin_of` has it, or the ``"paper's"``.
    missing : str
        Why there are no figures, where there are none.
    """

    row: Row
    data: str
    cells: tuple[Cell, ...]
    settings: str
    missing: str


def make_protocol(table, data, options=None):
    """Make the protocol of a table on a data set.

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
    protocol : object
        One of the classes in `PROTOCOLS`.
    """
    theirs = table.options if data in table.data else {}
    merged = {**_OPTIONS, **_OPTIONS_OF_DATA.get(data, {}), **theirs, **(options or {})}
    return PROTOCOLS[table.protocol](SimpleNamespace(**merged))


def default_split(protocol, data):
    """Name the split of a protocol on a data set that no paper says anything of."""
    options = {**_OPTIONS, **_OPTIONS_OF_DATA.get(data, {})}
    return PROTOCOLS[protocol](SimpleNamespace(**options)).split


def make_plans(table, data, seeds=(0,), parameters=None, options=None, data_home=None, given=()):
    """Give the plans of all rows of a table on some data sets.

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
    plans = []
    for name in data:
        split = make_protocol(table, name, options).split
        here = name in given or is_here(name, data_home)
        plans += [_plan(table, row, name, split, seeds, parameters, here) for row in table.rows]
    return plans


def _plan(table, row, data, split, seeds, parameters, here):
    if row.system is None:
        return Plan(row, data, (), "", "quoted")
    if not is_system(row.system):
        return Plan(row, data, (), "", f"no {row.system} here")
    found, settings = _settings(table, row, data, parameters)
    seeds = seeds if has_seed(row.system) else (0,)
    cells = tuple(Cell(row.system, data, table.protocol, s, split, found) for s in seeds)
    return Plan(row, data, cells, settings, "not run" if here else "no data")


def _settings(table, row, data, parameters):
    """Give the parameters of a row, and where they come from."""
    base, known = settings_of(row.system, data, table.protocol)
    origin = origin_of(row.system, data, table.protocol)
    if not known and row.system in table.settings:
        base, origin = {**table.settings[row.system]}, "paper's"
    names = find_system(row.system)().get_params()
    names |= VARIANTS.get(row.system, (None, {}))[1]
    # a change to what is so anyway is none: the cell is the same
    changed = {k: v for k, v in row.changed.items() if k in base or v != names.get(k)}
    asked = {k: v for k, v in (parameters or {}).items() if k in names}
    return {**base, **changed, **asked}, origin
