"""Settings of each system on each data set and protocol: the rows of ``settings.jsonl``.

A later system adds rows to that file and nothing else. Without a row a system runs with its
defaults, and the results say so.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from skrec.reproduce._protocols import list_protocols
from skrec.reproduce._systems import find_system, make_system

__all__ = ["BUDGET", "Settings", "find_settings", "list_settings", "read_settings"]

_FILE = Path(__file__).with_name("settings.jsonl")
_SOURCES = ("validation", "published", "not tuned", "defaults")
BUDGET = 12  # trials that make settings "tuned": the same for every system


@dataclass(frozen=True)
class Settings:
    """Parameters of a system on a data set and protocol, and where they come from.

    Parameters
    ----------
    system : str
        One of `list_systems`.
    data : str
        Name of the data set.
    protocol : str
        One of `list_protocols`.
    parameters : dict
        Parameters of the estimator. A dict with ``"system"`` among them, or in a tuple, stands for
        a nested estimator.
    source : {"validation", "published", "not tuned", "defaults"}, default="defaults"
        ``"validation"``: the best of some trials on validation data, which are rows of
        ``benchmarks/results/tuning.csv``. ``"published"``: of others, for this data set and
        protocol. ``"not tuned"``: such as what was chosen for another data set, or for a variant
        of the system. ``"defaults"``: nothing was chosen.
    trials : int, default=0
        Number of trials that the best one was chosen from.
    note : str, default=""
        More on the source.
    known : bool, default=True
        Whether this is a row of the table; without one a system runs with its defaults.

    See Also
    --------
    find_settings : The settings of a system.

    Examples
    --------
    >>> from skrec.reproduce import find_settings
    >>> find_settings("WMF-192", "ml-1m", "ncf").text
    'tuned, best of 24'
    """

    system: str
    data: str
    protocol: str
    parameters: dict[str, Any] = field(default_factory=dict)
    source: str = "defaults"
    trials: int = 0
    note: str = ""
    known: bool = True

    @property
    def tuned(self) -> bool:
        """Whether the parameters are the best of twelve or more trials on validation data."""
        return self.trials >= BUDGET

    @property
    def text(self) -> str:
        """The source in words, with the number of trials, as tables print it."""
        if self.source != "validation":
            return self.source
        best = "one trial" if self.trials == 1 else f"best of {self.trials}"
        return f"tuned, {best}" if self.tuned else best

    def check(self) -> None:
        """Check that the system exists and takes the parameters.

        Raises
        ------
        ValueError
            If there is no such system or parameter, or if a value is refused.
        """
        _check_parameters(self.system, self.parameters, f"{self.data}, {self.protocol}")


def find_settings(system: str, data: str, protocol: str) -> Settings:
    """Return the settings of a system on a data set and protocol.

    Parameters
    ----------
    system : str
        One of `list_systems`.
    data : str
        Name of the data set.
    protocol : str
        One of `list_protocols`.

    Returns
    -------
    settings : Settings
        ``settings.parameters`` go to `make_system`. Where nothing was chosen they are empty, and
        ``settings.known`` is False.

    Raises
    ------
    ValueError
        If the system does not take the parameters.

    See Also
    --------
    list_settings : All that there are.

    Examples
    --------
    >>> from skrec.reproduce import find_settings, make_system
    >>> settings = find_settings("EASERecommender", "ml-1m", "ncf")
    >>> list(settings.parameters), settings.source
    (['l2'], 'validation')
    >>> type(make_system("EASERecommender", settings.parameters)).__name__
    'EASERecommender'
    """
    found = _table().get((system, data, protocol))
    if found is None:
        return Settings(system, data, protocol, known=False)
    found.check()
    return replace(found, parameters=deepcopy(found.parameters))


def list_settings(*, data: str | None = None, protocol: str | None = None) -> list[Settings]:
    """Return all settings that there are.

    Parameters
    ----------
    data : str, default=None
        Those of one data set alone.
    protocol : str, default=None
        Those of one protocol alone.

    Returns
    -------
    settings : list of Settings
        In the order of the file.

    See Also
    --------
    find_settings : Those of one system.

    Examples
    --------
    >>> from skrec.reproduce import list_settings
    >>> tuned = [s.system for s in list_settings(data="ml-1m", protocol="ncf") if s.tuned]
    >>> "WMFRecommender" in tuned
    True
    """
    return [
        replace(row, parameters=deepcopy(row.parameters))
        for row in _table().values()
        if data in (None, row.data) and protocol in (None, row.protocol)
    ]


@cache
def _table() -> dict[tuple[str, str, str], Settings]:
    return read_settings(_FILE)


def read_settings(path: Path) -> dict[tuple[str, str, str], Settings]:
    """Read a table of settings.

    Parameters
    ----------
    path : Path
        JSON lines, one object a row with the keys ``system``, ``data``, ``protocol``,
        ``parameters``, ``source``, ``trials`` and ``note``.

    Returns
    -------
    table : dict of tuple to Settings
        By system, data set and protocol.

    Raises
    ------
    ValueError
        If a row is not of this form or repeats another, with its line.
    """
    table: dict[tuple[str, str, str], Settings] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        row = _parse(line, where := f"{path.name}, line {number}")
        key = row.system, row.data, row.protocol
        if key in table:
            raise ValueError(f"{where}: each row must be the only one of its key; got {key} again")
        table[key] = row
    return table


def _parse(line: str, where: str) -> Settings:
    row = json.loads(line)
    names = [f.name for f in fields(Settings) if f.name != "known"]
    if list(row) != names:
        raise ValueError(f"{where}: keys must be {names}; got {list(row)}")
    if row["protocol"] not in list_protocols():
        raise ValueError(
            f"{where}: protocol must be among {list_protocols()}; got {row['protocol']!r}"
        )
    if row["source"] not in _SOURCES:
        raise ValueError(f"{where}: source must be among {list(_SOURCES)}; got {row['source']!r}")
    if (row["source"] == "validation") != (row["trials"] > 0):
        raise ValueError(
            f"{where}: trials must be positive where source is 'validation' and 0 elsewhere; "
            f"got {row['trials']} and {row['source']!r}"
        )
    return Settings(**{**row, "parameters": _tuples(row["parameters"])})


def _tuples(value: Any) -> Any:
    """Return a value of JSON with tuples in place of lists."""
    if isinstance(value, dict):
        return {name: _tuples(inner) for name, inner in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _check_parameters(system: str, parameters: Mapping[str, Any], where: str) -> None:
    names = sorted(find_system(system)().get_params(deep=False))
    unknown = sorted(set(parameters) - set(names))
    if unknown:
        raise ValueError(f"settings of {system} ({where}) must be among {names}; got {unknown}")
    for value in parameters.values():
        for each in value if isinstance(value, tuple | list) else (value,):
            if isinstance(each, dict) and "system" in each:
                nested = {name: v for name, v in each.items() if name != "system"}
                _check_parameters(each["system"], nested, f"{where}, within {system}")
    try:
        make_system(system, parameters)._validate_params()
    except ValueError as error:
        raise ValueError(f"settings of {system} ({where}): {error}") from error
