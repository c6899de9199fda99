"""Parameters of estimators as plain values: each kind that may come has a name in the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator

from skrec.base import EncoderOf, Place
from skrec.base.fields import csr_of_parts, csr_parts
from skrec.exceptions import PersistenceError
from skrec.interactions import Interactions

__all__ = ["NotSavedError", "pack_value", "unpack_value"]

_FORMATS = ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")


class NotSavedError(PersistenceError):
    """A value is of a kind that no file holds."""


def pack_value(value: Any, at: Place) -> Any:
    """Return what is written of a parameter.

    Parameters
    ----------
    value : object
        The parameter.
    at : Place
        Where it is.

    Returns
    -------
    packed : object
        Numbers, text and arrays as they are, all else as a dict with the name of its kind.

    Raises
    ------
    NotSavedError
        If a file cannot hold it, or a part of it.
    """
    if value is None or type(value) in (bool, int, float, str) or isinstance(value, np.generic):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return value
    for kind, (is_one, pack, _) in _KINDS.items():
        if is_one(value):
            return {kind: pack(value, at)}
    shown = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
    raise NotSavedError(f"{at.name} ({shown})")


def unpack_value(packed: Any, at: Place) -> Any:
    """Return a parameter of which something was written.

    Parameters
    ----------
    packed : object
        What `pack_value` has returned.
    at : Place
        Where it is.

    Returns
    -------
    value : object
        The parameter.

    Raises
    ------
    PersistenceError
        If it is of no kind that a file can hold.
    """
    if not isinstance(packed, dict):
        return packed if not isinstance(packed, list) else at.refuse("of a kind", packed)
    kind, *others = packed
    if others or kind not in _KINDS:
        at.refuse(f"one of {[*_KINDS]}", packed)
    return _KINDS[kind][2](packed[kind], at)


def _pack_many(values: Any, at: Place) -> list[Any]:
    return [pack_value(each, at) for each in values]


def _unpack_many(packed: Any, at: Place) -> list[Any]:
    return [unpack_value(each, at) for each in _listed(packed, at)]


def _listed(packed: Any, at: Place) -> list[Any]:
    return packed if isinstance(packed, list) else at.refuse("a list", packed)


def _pack_dict(values: dict, at: Place) -> list[Any]:
    return [[pack_value(key, at), pack_value(each, at)] for key, each in values.items()]


def _unpack_dict(packed: Any, at: Place) -> dict:
    pairs = [_unpack_many(pair, at) for pair in _listed(packed, at)]
    if not all(len(pair) == 2 and isinstance(pair[0], bool | int | float | str) for pair in pairs):
        at.refuse("pairs of key and value", packed)
    return dict(pairs)


def _pack_sparse(X: Any, at: Place) -> dict[str, Any]:
    rows = sp.csr_matrix(X)
    return {"parts": csr_parts(rows), "format": X.format, "array": isinstance(X, sp.sparray)}


def _unpack_sparse(packed: Any, at: Place) -> Any:
    parts, format, is_array = _named(packed, ("parts", "format", "array"), at)
    if format not in _FORMATS or not isinstance(is_array, bool):
        at.refuse(f"a matrix in one of the formats {_FORMATS}", packed)
    rows = csr_of_parts(parts, at)
    return (sp.csr_array(rows) if is_array else rows).asformat(format)


def _named(packed: Any, names: tuple[str, ...], at: Place) -> list[Any]:
    """Return the values of a dict by their names, of which there may be no others."""
    if not isinstance(packed, dict) or set(packed) != set(names):
        at.refuse(f"values by the names {names}", packed)
    return [packed[name] for name in names]


def _pack_seeds(value: np.random.RandomState, at: Place) -> dict[str, Any]:
    state: Any = value.get_state(legacy=False)
    return {
        "key": state["state"]["key"],
        "pos": state["state"]["pos"],
        "gauss": [state["has_gauss"], state["gauss"]],
    }


def _unpack_seeds(packed: Any, at: Place) -> np.random.RandomState:
    key, pos, gauss = _named(packed, ("key", "pos", "gauss"), at)
    # compiled code reads on from pos without looking at it
    if not isinstance(key, np.ndarray) or key.shape != (624,) or key.dtype != np.uint32:
        at.refuse("the state of a Mersenne twister", key)
    if type(pos) is not int or not 0 <= pos <= 624 or len(_listed(gauss, at)) != 2:
        at.refuse("a place from 0 to 624", pos)
    state = np.random.RandomState()
    state.set_state(("MT19937", key, pos, int(gauss[0]), float(gauss[1])))
    return state


_ARRAYS = ("user", "item", "value", "timestamp")


def _pack_interactions(value: Interactions, at: Place) -> dict[str, Any]:
    arrays = {name: getattr(value, name) for name in _ARRAYS}
    encoder = None if value.encoder is None else EncoderOf().pack(value.encoder, at)
    return {
        **arrays,
        "frame": [*map(int, value.frame)],
        "unit": value.time_unit,
        "encoder": encoder,
    }


def _unpack_interactions(packed: Any, at: Place) -> Interactions:
    names = (*_ARRAYS, "frame", "unit", "encoder")
    user, item, value, timestamp, frame, unit, encoder = _named(packed, names, at)
    encoder = None if encoder is None else EncoderOf().unpack(encoder, at)
    try:
        return Interactions.from_arrays(
            user, item, value, timestamp, frame=frame, time_unit=unit, encoder=encoder
        )
    except (TypeError, ValueError) as error:
        raise PersistenceError(f"{at.name} must be interactions: {error}") from None


def _pack_estimator(value: Any, at: Place) -> Any:
    return at.pack(value, at.name, False)


def _unpack_estimator(packed: Any, at: Place) -> Any:
    return at.unpack(packed, at.name)


def _pack_device(value: Any, at: Place) -> str:
    return str(value)


def _unpack_device(packed: Any, at: Place) -> str:
    return packed if isinstance(packed, str) else at.refuse("a device", packed)


def _is_twister(value: Any) -> bool:
    is_state = type(value) is np.random.RandomState
    return is_state and value.get_state(legacy=False)["bit_generator"] == "MT19937"


def _is_device(value: Any) -> bool:
    return (type(value).__module__, type(value).__name__) == ("torch", "device")


# by the name in the file: whether a value is one, what is written of it, and the reverse
_KINDS: dict[str, tuple[Callable, Callable, Callable]] = {
    "list": (lambda value: type(value) is list, _pack_many, _unpack_many),
    "tuple": (
        lambda value: type(value) is tuple,
        _pack_many,
        lambda packed, at: tuple(_unpack_many(packed, at)),
    ),
    "dict": (lambda value: type(value) is dict, _pack_dict, _unpack_dict),
    "sparse": (sp.issparse, _pack_sparse, _unpack_sparse),
    "interactions": (
        lambda value: type(value) is Interactions,
        _pack_interactions,
        _unpack_interactions,
    ),
    "random_state": (_is_twister, _pack_seeds, _unpack_seeds),
    "device": (_is_device, _pack_device, _unpack_device),
    "estimator": (
        lambda value: isinstance(value, BaseEstimator),
        _pack_estimator,
        _unpack_estimator,
    ),
}
