"""Models as plain values, and back."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils._param_validation import validate_parameter_constraints

import skrec
from skrec.base import BaseRecommender, Place
from skrec.base.fields import fields_of, pack_fields, unpack_fields
from skrec.exceptions import PersistenceError, SkrecWarning
from skrec.persistence._values import NotSavedError, pack_value, unpack_value

__all__ = ["pack_model", "unpack_model"]

_FROZEN = "FrozenEstimator"
_DATA_PARAMETERS = ("validation_data",)
# a path to write to: that of another machine, or of somebody who means harm
_NOT_SAVED = {"checkpoint"}
_KEYS = {"class", "parameters", "fitted"}
_ALWAYS = {"n_features_in_", "interactions_", "item_counts_", "link_"}


def pack_model(model: Any, name: str, training_data: bool, is_asked: bool = True) -> dict[str, Any]:
    """Return what is written of an estimator, fitted or not.

    Parameters
    ----------
    model : object
        An estimator of skrec, frozen or not, or a search that has found one.
    name : str
        What errors call it.
    training_data : bool
        Whether the interactions of fit are among it.
    is_asked : bool, default=True
        Whether its probabilities may be asked for, which then have to be calibrated.

    Returns
    -------
    packed : dict
        Plain values and arrays.

    Raises
    ------
    PersistenceError
        If it is none of these, or has attributes that its class does not list.
    """
    if isinstance(model, FrozenEstimator):
        return {
            "class": _FROZEN,
            "model": pack_model(model.estimator, name, training_data, is_asked),
        }
    if isinstance(model, BaseSearchCV):
        found = "best_estimator_" if hasattr(model, "best_estimator_") else "estimator"
        _warn(f"{name} is a {type(model).__name__}, of which only its {found} is saved")
        return pack_model(getattr(model, found), name, training_data, is_asked)
    cls = type(model)
    if _public(cls.__name__) is not cls:
        shown = name if name == cls.__name__ else f"{name} ({cls.__name__})"
        raise NotSavedError(f"{shown} is not one of the estimators of skrec")
    place = _place(model, name, training_data)
    parameters = _packed_parameters(model, place, training_data)
    fitted = None
    if "link_" in vars(model):
        if is_asked:
            model.link_.complete(model)
        fitted = pack_fields(fields_of(cls), _fitted(model, training_data), place)
    return {"class": cls.__name__, "parameters": parameters, "fitted": fitted}


def _place(model: Any, name: str, training_data: bool) -> Place:
    def pack(inner: Any, inside: str, is_asked: bool) -> Any:
        return pack_model(inner, inside, training_data, is_asked)

    return Place(model, name, pack, unpack_model)


def _public(name: str) -> type[BaseRecommender] | None:
    """Return the estimator of a name, from the list of those that the package has."""
    return getattr(skrec, name) if name in skrec._ESTIMATORS else None


def _packed_parameters(model: Any, place: Place, training_data: bool) -> dict[str, Any]:
    """Return what is written of parameters; a warning names those that no file can hold."""
    given = model.get_params(deep=False)
    BaseEstimator._validate_params(model)  # or what is written could not be read
    packed, left_out = {}, []
    for name, value in given.items():
        if name in _NOT_SAVED or (name in _DATA_PARAMETERS and not training_data):
            continue
        try:
            packed[name] = pack_value(value, place.inside(name))
        except NotSavedError as error:
            left_out.append(str(error))
    if left_out:
        _warn(
            "parameters that no file can hold are left out, and load_model gives their defaults: "
            + ", ".join(left_out)
        )
    return packed


def _warn(message: str) -> None:
    warnings.warn(message, SkrecWarning, stacklevel=2)


def _fitted(model: Any, training_data: bool) -> dict[str, Any]:
    """Return the attributes that are no parameters."""
    parameters = model.get_params(deep=False)
    own = {k: v for k, v in vars(model).items() if k not in parameters and k != "_metadata_request"}
    return own if training_data else {**own, **model._without_interactions()}


def unpack_model(packed: Any, name: str) -> Any:
    """Return an estimator of which something was written.

    Parameters
    ----------
    packed : dict
        What `pack_model` has returned.
    name : str
        What errors call it.

    Returns
    -------
    model : object
        The estimator.

    Raises
    ------
    PersistenceError
        If it is not as `pack_model` would have it.
    """
    if (
        isinstance(packed, Mapping)
        and set(packed) == {"class", "model"}
        and packed["class"] == _FROZEN
    ):
        return FrozenEstimator(unpack_model(packed["model"], name))
    if not isinstance(packed, dict) or set(packed) != _KEYS:
        raise PersistenceError(f"{name} must have the keys {sorted(_KEYS)}")
    cls = _public(packed["class"]) if isinstance(packed["class"], str) else None
    if cls is None:
        raise PersistenceError(f"{name} must be an estimator of skrec; got {packed['class']!r:.80}")
    place = _place(None, cls.__name__, True)
    model = place.model = cls(**_parameters(cls, packed["parameters"], place))
    if packed["fitted"] is not None:
        place.sizes.clear()
        unpack_fields(fields_of(cls), packed["fitted"], place, vars(model))
        if missing := sorted(_ALWAYS - set(vars(model))):
            raise PersistenceError(f"{name} lacks the attributes {missing}")
    return model


def _parameters(cls: type[BaseRecommender], packed: Any, place: Place) -> dict[str, Any]:
    known = [name for name in cls._get_param_names() if name not in _NOT_SAVED]
    if not isinstance(packed, dict) or not set(packed) <= set(known):
        raise PersistenceError(
            f"{cls.__name__} must have parameters among {known}; got {packed!r:.80}"
        )
    values = {name: unpack_value(each, place.inside(name)) for name, each in packed.items()}
    constraints = {k: v for k, v in cls._parameter_constraints.items() if k in values}
    validate_parameter_constraints(constraints, values, caller_name=cls.__name__)
    return values
