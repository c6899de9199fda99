"""Parameters as annotated class fields, turned into an ordinary keyword-only ``__init__``.

A parameter is declared once, in its class::

    l2: Annotated[float, Interval(Real, 0, None, closed="neither"), "Ridge penalty."] = 500.0

The last string is its documentation, what stands between type and documentation are its
constraints in scikit-learn's form. ``None`` in the type, and ``bool``, are constraints by
themselves. A subclass changes a default by ``l2: float = 80.0``; what it leaves out it inherits.

A number is no boolean, whatever scikit-learn's constraints say, and may be one of NumPy's.
"""

import inspect
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral
from textwrap import wrap
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Union, get_args, get_origin

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

__all__ = ["Doc", "make_parameters", "plain_numbers"]

_SECTION_RULE = "-" * 10


class _Numbers(Interval):
    """An interval of Python's and NumPy's numbers: no boolean, nothing that no float can hold."""

    def is_satisfied_by(self, val: Any) -> bool:
        # others, such as fractions, are Real too, but torch and NumPy cannot compute with them
        plain = isinstance(val, int | float | np.integer | np.floating)
        if not plain or isinstance(val, bool) or not super().is_satisfied_by(val):
            return False
        return self.type is Integral or bool(abs(val) <= sys.float_info.max)


_SEEDS = [_Numbers(Integral, 0, 2**32 - 1, closed="both"), np.random.RandomState, None]


class Doc(NamedTuple):
    """Documentation of a parameter whose type reads better in words of its own.

    Parameters
    ----------
    text : str
        The description.
    kind : str
        What stands behind the name in numpydoc's form, without the default.
    """

    text: str
    kind: str


class Declaration(NamedTuple):
    """What the annotation of one field declares; None where it is left to a base."""

    constraints: list | None
    text: str | None
    kind: str | None


def make_parameters(cls: type) -> None:
    """Turn the annotated fields of a class into parameters.

    The class gets an explicit keyword-only ``__init__``, scikit-learn's
    ``_parameter_constraints`` and, in its docstring, the section on its parameters: its own come
    first, then those of its bases from the nearest to the farthest, as in the signature.

    Parameters
    ----------
    cls : type
        A class whose parameters are annotated fields; what is no parameter is a ``ClassVar``.

    Raises
    ------
    ValueError
        If a default is mutable or an estimator.
    """
    for name in inspect.get_annotations(cls):
        # dataclass refuses what cannot be hashed; an estimator can be, but would be shared
        if isinstance(cls.__dict__.get(name), BaseEstimator):
            raise ValueError(f"default of {name} must be immutable; got an estimator instance")
    own_init = "__init__" in cls.__dict__
    dataclass(kw_only=True, eq=False, repr=False)(cls)
    # dataclass reads all fields of each base in turn; with a class's own alone, the nearest base
    # decides however bases meet
    own = cls.__dataclass_fields__
    cls.__dataclass_fields__ = {name: own[name] for name in inspect.get_annotations(cls)}
    if not own_init:
        _order_signature(cls)
    names = [name for name in inspect.signature(cls.__init__).parameters if name != "self"]
    declared = {name: _declared(cls, name) for name in _introduced(cls)}
    cls._parameter_constraints = {
        name: found.constraints
        for name, found in declared.items()
        if name in names and found.constraints is not None
    }
    if cls.__dict__.get("__doc__"):
        cls.__doc__ = _with_parameters(cls, [(n, declared[n]) for n in names if n in declared])


@contextmanager
def plain_numbers(estimator: Any) -> Iterator[None]:
    """Let the parameters of an estimator be Python's own numbers inside the block.

    Sums of NumPy's small types overflow, and those of some of them with the numbers of torch are
    errors. Afterwards each parameter is again what was given.

    Parameters
    ----------
    estimator : estimator
        Whose parameters may hold NumPy's numbers, also inside tuples and lists.
    """
    given = estimator.get_params(deep=False)
    plain = {name: _plain(value) for name, value in given.items()}
    changed = {name: value for name, value in plain.items() if value is not given[name]}
    vars(estimator).update(changed)
    try:
        yield
    finally:
        vars(estimator).update({name: given[name] for name in changed})


def _plain(value: Any) -> Any:
    """Return a number of NumPy's, or a tuple or list of them, as Python's; else the value."""
    if type(value) in (tuple, list) and any(isinstance(each, np.generic) for each in value):
        return type(value)(_plain(each) for each in value)
    if not isinstance(value, np.generic) or isinstance(value, float):
        return value
    kinds = {"b": bool, "i": int, "u": int, "f": float}
    return kinds[value.dtype.kind](value) if value.dtype.kind in kinds else value


def _introduced(cls: type) -> list[str]:
    """List the parameters by the base that declares them first, a class's own before others."""
    classes = [base for base in cls.__mro__ if "__dataclass_fields__" in base.__dict__]
    origin = {name: base for base in classes for name in _own_parameters(base)}
    return [n for base in classes for n in _own_parameters(base) if origin[n] is base]


def _own_parameters(cls: type) -> list[str]:
    """List the parameters that a class itself annotates."""
    hints = inspect.get_annotations(cls)
    return [name for name, hint in hints.items() if ClassVar not in (hint, get_origin(hint))]


def _order_signature(cls: Any) -> None:
    """Put a class's own parameters before those of its bases: all are keywords."""
    signature = inspect.signature(cls.__init__)
    parameters = dict(signature.parameters)
    names = sorted(_introduced(cls), key=lambda n: parameters[n].kind)  # what has a place first
    ordered = [parameters["self"], *(parameters[name] for name in names)]
    cls.__init__.__signature__ = signature.replace(parameters=ordered)


def _declared(cls: type, name: str) -> Declaration:
    """Join what a class and its bases say of a parameter, the nearest winning."""
    constraints = text = kind = None
    for base in cls.__mro__:
        annotation = inspect.get_annotations(base).get(name)
        if annotation is None or "__dataclass_fields__" not in base.__dict__:
            continue
        found = _read(annotation)
        constraints = found.constraints if constraints is None else constraints
        text = found.text if text is None else text
        kind = found.kind if kind is None else kind
    return Declaration(constraints, text, kind)


def _read(annotation: Any) -> Declaration:
    """Read one annotation."""
    if get_origin(annotation) is not Annotated:
        return Declaration(None, None, None)
    hint, *rest = get_args(annotation)
    last = rest.pop() if rest and isinstance(rest[-1], str | Doc) else None
    # a shared annotation, with words of its own, may stand under other words
    docs = [last, *(each for each in rest if isinstance(each, Doc))]
    text = last.text if isinstance(last, Doc) else last
    kind = next((each.kind for each in docs if isinstance(each, Doc)), None)
    rest = [c for each in rest if not isinstance(each, Doc) for c in _strict(each)]
    members = _members(hint)
    implied = [*_implied(members)] if rest or _says_all(members) else []
    constraints = [*rest, *implied] or None
    if constraints and kind is None:
        words = [_word(member, rest) for member in members]
        words = [w for w in words if not (w.startswith("list of") and len(words) > 1)]
        kind = " or ".join(words)  # a list where a tuple goes too is not worth a word
    return Declaration(constraints, text, kind)


def _strict(constraint: Any) -> list[Any]:
    """Return what stands for a constraint where numbers are no booleans."""
    if isinstance(constraint, Interval):
        c = constraint
        return [_Numbers(c.type, c.left, c.right, closed=c.closed)]
    if isinstance(constraint, str) and constraint == "random_state":
        return _SEEDS
    return [constraint]


def _members(hint: Any) -> tuple:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _says_all(members: tuple) -> bool:
    """Return whether a type needs no constraint beside it."""
    return any(member is bool or get_origin(member) is Literal for member in members)


def _implied(members: tuple) -> Iterator[Any]:
    """Yield the constraints that a type is by itself."""
    for member in members:
        if member is bool:
            yield "boolean"
        elif member is type(None):
            yield None
        elif get_origin(member) is Literal:
            yield StrOptions(set(get_args(member)))


def _word(member: Any, constraints: list) -> str:
    """Return the word for a type in the docs of a parameter."""
    if get_origin(member) is Literal:
        options = [f'"{option}"' for option in get_args(member)]
        return options[0] if len(options) == 1 else "{" + ", ".join(options) + "}"
    if get_origin(member) is not None:
        return f"{get_origin(member).__name__} of {get_args(member)[0].__name__}"
    if member is Any and any(isinstance(c, HasMethods) for c in constraints):
        return "estimator"
    return "None" if member is type(None) else getattr(member, "__name__", "object")


def _with_parameters(cls: type, declared: list[tuple[str, Declaration]]) -> str:
    """Return the docstring with the section on parameters before the other sections."""
    lines = inspect.cleandoc(cls.__doc__ or "").splitlines()
    described = _described(cls, declared)
    if not described or "Parameters" in lines:
        return "\n".join(lines)
    rules = (i - 1 for i in range(1, len(lines)) if len(lines[i]) > 2 and set(lines[i]) == {"-"})
    place = next(rules, len(lines))
    before = lines[:place] if place < len(lines) else [*lines, ""]
    section = ["Parameters", _SECTION_RULE, *described, ""]
    return "\n".join([*before, *section, *lines[place:]]).rstrip()


def _described(cls: type, declared: list[tuple[str, Declaration]]) -> list[str]:
    parameters = inspect.signature(cls.__init__).parameters
    described = []
    for name, found in declared:
        if found.text is None:
            continue
        default = parameters[name].default
        shown = "" if default is inspect.Parameter.empty else f", default={_literal(default)}"
        described.append(f"{name} : {found.kind or 'object'}{shown}")
        described += wrap(found.text, 96, initial_indent="    ", subsequent_indent="    ")
    return described


def _literal(default: Any) -> str:
    return f'"{default}"' if isinstance(default, str) else repr(default)
