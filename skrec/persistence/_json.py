"""Plain values with arrays among them, as JSON and the arrays beside it."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from skrec.exceptions import PersistenceError
from skrec.persistence._container import unique_keys
from skrec.typing import Array

__all__ = ["from_json", "to_json"]

_ARRAY, _NUMBER, _FLOAT = "$array", "$number", "$float"


def to_json(value: Any) -> tuple[str, dict[str, Array]]:
    """Return JSON, and the arrays by the names that it has for them.

    Parameters
    ----------
    value : object
        None, booleans, numbers, text, arrays, and lists and dicts of these.

    Returns
    -------
    text : str
        The JSON.
    arrays : dict of str to ndarray
        In the order of memory that the file keeps; what shares its memory is there once.
    """
    writer = _Writer()
    text = json.dumps(writer.plain(value, ""), separators=(",", ":"), allow_nan=False)
    return text, writer.arrays


class _Writer:
    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self._names: dict[tuple, str] = {}  # of arrays by their place in memory

    def plain(self, value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return {key: self.plain(each, f"{name}.{key}") for key, each in value.items()}
        if isinstance(value, list):
            return [self.plain(each, f"{name}.{n}") for n, each in enumerate(value)]
        if isinstance(value, np.ndarray):
            return self._array(value, name)
        if isinstance(value, np.generic):
            return {_NUMBER: [value.dtype.str, self.plain(value.item(), name)]}
        if isinstance(value, float) and not math.isfinite(value):
            return {_FLOAT: repr(value)}
        return value

    def _array(self, array: Array, name: str) -> dict[str, str]:
        turned = array.flags.f_contiguous and not array.flags.c_contiguous
        where = array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str
        if where not in self._names:
            self._names[where] = name.removeprefix(".")
            self.arrays[self._names[where]] = array.T if turned else array
        return {_ARRAY: self._names[where], **({"order": "F"} if turned else {})}


def from_json(text: str, arrays: dict[str, Array]) -> Any:
    """Return the value of which `to_json` has returned JSON and arrays.

    Parameters
    ----------
    text : str
        The JSON.
    arrays : dict of str to ndarray
        The arrays by name.

    Returns
    -------
    value : object
        The value.

    Raises
    ------
    PersistenceError
        If the arrays are not those of the JSON.
    """
    used: set[str] = set()

    def restored(value: Any) -> Any:
        if isinstance(value, list):
            return [restored(each) for each in value]
        if not isinstance(value, dict):
            return value
        if _ARRAY in value:
            name = value[_ARRAY]
            if value not in ({_ARRAY: name}, {_ARRAY: name, "order": "F"}) or name not in arrays:
                raise PersistenceError(f"it has no array {value!r:.80}")
            used.add(name)
            return arrays[name].T if "order" in value else arrays[name]
        if _NUMBER in value:
            return _number(*value[_NUMBER])
        if _FLOAT in value:
            return float(value[_FLOAT])
        return {key: restored(each) for key, each in value.items()}

    value = restored(json.loads(text, object_pairs_hook=unique_keys))
    if unused := sorted(set(arrays) - used):
        raise PersistenceError(f"it has arrays that belong to nothing: {unused[:5]}")
    return value


def _number(kind: str, value: Any) -> np.generic:
    """Return a number of NumPy."""
    dtype = np.dtype(kind)
    if dtype.kind not in "biuf":
        raise PersistenceError(f"a number must be of a type of numbers; got {kind!r}")
    value = float(value["$float"]) if isinstance(value, dict) else value
    return dtype.type(value)
