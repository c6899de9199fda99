"""What fitted attributes are, so that they can be written to a file and checked when read.

A class lists its own as ``_fitted``, a dict of fields by name; those of its bases count too. Sizes
are numbers, or names of sizes that are the same wherever they occur in a model, such as "users" and
"items"; None is any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from skrec.base._place import Place
from skrec.base._plain_fields import (
    Field,
    Flag,
    Floats,
    Integers,
    Length,
    Matrix,
    Number,
    Text,
    Texts,
    csr_of_parts,
    csr_parts,
)
from skrec.exceptions import PersistenceError

__all__ = [
    "Anything",
    "Both",
    "Field",
    "Flag",
    "Floats",
    "Integers",
    "Length",
    "Made",
    "Matrix",
    "Maybe",
    "Model",
    "Number",
    "OneOf",
    "Several",
    "Text",
    "Texts",
    "csr_of_parts",
    "csr_parts",
    "fields_of",
    "pack_fields",
    "unpack_fields",
]


@dataclass
class Maybe(Field):
    """A value of a kind, or None.

    Parameters
    ----------
    kind : Field
        The kind.
    """

    kind: Field

    def pack(self, value: Any, at: Place) -> Any:
        return None if value is None else self.kind.pack(value, at)

    def unpack(self, packed: Any, at: Place) -> Any:
        return None if packed is None else self.kind.unpack(packed, at)


@dataclass
class Several(Field):
    """A list of values of a kind.

    Parameters
    ----------
    kind : Field
        The kind.
    """

    kind: Field

    def pack(self, value: Any, at: Place) -> list[Any]:
        return [self.kind.pack(each, at) for each in self._listed(value, at)]

    def unpack(self, packed: Any, at: Place) -> list[Any]:
        return [self.kind.unpack(each, at) for each in self._listed(packed, at)]

    def _listed(self, value: Any, at: Place) -> list[Any]:
        return value if isinstance(value, list) else at.refuse("a list", value)


class Both(Field):
    """A tuple of values, each of its own kind.

    Parameters
    ----------
    *kinds : Field
        One for each place.
    """

    def __init__(self, *kinds: Field) -> None:
        self.kinds = kinds

    def pack(self, value: Any, at: Place) -> list[Any]:
        if not isinstance(value, tuple) or len(value) != len(self.kinds):
            at.refuse(f"a tuple of {len(self.kinds)}", value)
        return [kind.pack(each, at) for kind, each in zip(self.kinds, value, strict=True)]

    def unpack(self, packed: Any, at: Place) -> tuple[Any, ...]:
        if not isinstance(packed, list) or len(packed) != len(self.kinds):
            at.refuse(f"a list of {len(self.kinds)}", packed)
        return tuple(kind.unpack(each, at) for kind, each in zip(self.kinds, packed, strict=True))


class Anything(Field):
    """A value of one of some kinds, the first that it is.

    Parameters
    ----------
    *kinds : Field
        What is tried in turn.
    """

    def __init__(self, *kinds: Field) -> None:
        self.kinds = kinds

    def pack(self, value: Any, at: Place) -> Any:
        return self._first("pack", value, at)

    def unpack(self, packed: Any, at: Place) -> Any:
        return self._first("unpack", packed, at)

    def _first(self, way: str, value: Any, at: Place) -> Any:
        for kind in self.kinds[:-1]:
            try:
                return getattr(kind, way)(value, replace(at, sizes=dict(at.sizes)))
            except PersistenceError:
                continue
        return getattr(self.kinds[-1], way)(value, at)


class Model(Field):
    """An estimator inside another.

    Parameters
    ----------
    is_asked : bool, default=True
        Whether the other asks it for answers, so that its probabilities have to be calibrated.
    """

    def __init__(self, is_asked: bool = True) -> None:
        self.is_asked = is_asked

    def pack(self, value: Any, at: Place) -> Any:
        return at.pack(value, at.name, self.is_asked)

    def unpack(self, packed: Any, at: Place) -> Any:
        return at.unpack(packed, at.name)


class Made(Field):
    """An object of a class by its attributes; nothing of the class is run.

    Parameters
    ----------
    class_ : type
        The class, which may be a named tuple.
    optional : tuple of str, default=()
        Attributes that may be missing.
    **fields : Field
        The attributes.
    """

    def __init__(self, class_: type, optional: tuple[str, ...] = (), **fields: Field) -> None:
        self.cls, self.fields, self.optional = class_, fields, optional

    def pack(self, value: Any, at: Place) -> dict[str, Any]:
        if type(value) is not self.cls:
            at.refuse(f"a {self.cls.__name__}", value)
        attributes = value._asdict() if issubclass(self.cls, tuple) else vars(value)
        return pack_fields(self.fields, attributes, at)

    def unpack(self, packed: Any, at: Place) -> Any:
        attributes: dict[str, Any] = {}
        unpack_fields(self.fields, packed, at, attributes)
        if missing := sorted(set(self.fields) - set(attributes) - set(self.optional)):
            raise PersistenceError(f"{at.name} lacks the attributes {missing}")
        if issubclass(self.cls, tuple):
            return self.cls(**attributes)
        made = object.__new__(self.cls)
        made.__dict__.update(attributes)
        return made


class OneOf(Field):
    """A value of a kind that is known by a name.

    Parameters
    ----------
    **kinds : Made
        By name.
    """

    def __init__(self, **kinds: Made) -> None:
        self.kinds = kinds

    def pack(self, value: Any, at: Place) -> dict[str, Any]:
        for name, kind in self.kinds.items():
            if type(value) is kind.cls:
                return {"kind": name, "value": kind.pack(value, at)}
        at.refuse(f"one of {[*self.kinds]}", value)

    def unpack(self, packed: Any, at: Place) -> Any:
        if not isinstance(packed, dict) or set(packed) != {"kind", "value"}:
            at.refuse(f"one of {[*self.kinds]}", packed)
        kind = Text(tuple(self.kinds)).check(packed["kind"], at.inside("kind"))
        return self.kinds[kind].unpack(packed["value"], at)


def fields_of(class_: type, name: str = "_fitted") -> dict[str, Field]:
    """Return the fields of a class and its bases, those of the bases first.

    Parameters
    ----------
    class_ : type
        The class.
    name : str, default="_fitted"
        Under which it lists its own.

    Returns
    -------
    fields : dict of str to Field
        By attribute.
    """
    found: dict[str, Field] = {}
    for base in reversed(class_.__mro__):
        found.update(base.__dict__.get(name, {}))
    return found


def pack_fields(fields: Mapping[str, Field], attributes: dict[str, Any], at: Place) -> dict:
    """Return what is written of attributes.

    Parameters
    ----------
    fields : dict of str to Field
        What they may be.
    attributes : dict
        Their values.
    at : Place
        What has them.

    Returns
    -------
    packed : dict
        By attribute, in the order of the fields.

    Raises
    ------
    PersistenceError
        If one is not among the fields, or not of its kind.
    """
    if unknown := sorted(set(attributes) - set(fields)):
        raise PersistenceError(f"{at.name} has attributes that it does not list: {unknown}")
    return {
        name: kind.pack(attributes[name], at.inside(name))
        for name, kind in fields.items()
        if name in attributes
    }


def unpack_fields(
    fields: Mapping[str, Field], packed: Any, at: Place, into: dict[str, Any]
) -> None:
    """Put attributes into a dict, after a check that each is of its kind.

    Parameters
    ----------
    fields : dict of str to Field
        What they may be.
    packed : dict
        What was written of them.
    at : Place
        What has them.
    into : dict
        Where to put them, in the order of the fields.

    Raises
    ------
    PersistenceError
        If one is not among the fields, or not of its kind.
    """
    if not isinstance(packed, dict):
        at.refuse("attributes by name", packed)
    if unknown := sorted(set(packed) - set(fields)):
        raise PersistenceError(f"{at.name} has no attributes {unknown}")
    for name, kind in fields.items():
        if name in packed:
            into[name] = kind.unpack(packed[name], at.inside(name))
