"""Parameters as annotated class fields, turned into an ordinary keyword-only ``__init__``."""

import inspect
from dataclasses import dataclass
from typing import Any, ClassVar, dataclass_transform

from sklearn.base import BaseEstimator

__all__ = ["ParameterFields"]


@dataclass_transform(kw_only_default=True, eq_default=False)
class ParameterFields:
    """Give every subclass an explicit keyword-only ``__init__`` made from its annotated fields.

    ``get_params``, ``clone``, the signature and pickle see ordinary parameters. Class attributes
    that are no parameters are annotated as ``ClassVar``. Constraints in scikit-learn's form and
    the docs of parameters that a base declares are handed down to its subclasses.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {}
    _parameter_docs: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name in inspect.get_annotations(cls):
            # dataclass refuses what cannot be hashed; an estimator can be, but would be shared
            if isinstance(cls.__dict__.get(name), BaseEstimator):
                raise ValueError(f"default of {name} must be immutable; got an estimator instance")
        dataclass(kw_only=True, eq=False, repr=False)(cls)
        cls._parameter_constraints = _merged(cls, "_parameter_constraints")
        cls._parameter_docs = _merged(cls, "_parameter_docs")
        names = set(inspect.signature(cls.__init__).parameters) - {"self"}
        shared = {k: v for k, v in cls._parameter_docs.items() if k in names}
        if cls.__doc__ and not cls.__dict__.get("_keep_docstring"):
            cls.__doc__ = _with_parameters(inspect.cleandoc(cls.__doc__), shared)


def _merged(cls, name):
    """Join the dicts that a class and its bases hold under one name, the nearest winning."""
    merged = {}
    for base in reversed(cls.__mro__):
        merged.update(base.__dict__.get(name, {}))
    return merged


def _with_parameters(doc, shared):
    """Insert docs of parameters that the docstring does not describe into its section."""
    lines = doc.splitlines()
    if "Parameters" not in lines:
        return doc
    start = lines.index("Parameters") + 2
    sections = (i - 1 for i in range(start, len(lines)) if _is_rule(lines[i]))
    end = next(sections, len(lines))
    while end > start and not lines[end - 1].strip():
        end -= 1
    described = {line.split(" :")[0] for line in lines[start:end] if " : " in line}
    new = [inspect.cleandoc(text) for name, text in shared.items() if name not in described]
    return "\n".join([*lines[:end], *new, *lines[end:]])


def _is_rule(line):
    return len(line) > 2 and set(line) == {"-"}
