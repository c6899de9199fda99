"""Checks of what a reader meets first: the parameters in the docstring, and the bases to read."""

import ast
import inspect
import re

from skrec.testing._data import AnyRecommender

__all__ = ["CHECKS"]

_MOST_CLASSES = 8
_REQUEST = re.compile(r"set_\w+_request")  # scikit-learn's metadata routing
# by Python, by dataclass and by scikit-learn; _test_parameters are the checks' own
_MADE_FOR_EVERY_CLASS = {
    *vars(type("Empty", (), {})),
    "__annotations__",
    "__dataclass_fields__",
    "__dataclass_params__",
    "__doc__",
    "__firstlineno__",
    "__init__",
    "__match_args__",
    "__replace__",
    "__static_attributes__",
    "_fitted",  # of each class its own, joined over all of them
    "_parameter_constraints",
    "_test_parameters",
}
_RULE = re.compile(r"-{3,}")
_DEFAULT = re.compile(r"\bdefault=(.+)$")


def check_documented_parameters(name: str, estimator: AnyRecommender) -> None:
    """Check that the class docstring has every parameter once, in order, with its default."""
    documented = _documented_parameters(type(estimator))
    parameters = inspect.signature(type(estimator)).parameters
    faults = _faults_of_names([key for key, _ in documented], [*parameters])
    for key, text in documented:
        if key in parameters and _value(text) != (right := _default(parameters[key])):
            said = "not documented" if text is None else f"documented as {text}"
            faults.append(f"the default of {key} is {said}, and is {right or 'missing'}")
    assert not faults, "\n".join([f"{name}: the docstring differs from the signature", *faults])


def _documented_parameters(cls: type) -> list[tuple[str, str | None]]:
    """Return names of parameters and what is written after ``default=``, in their order."""
    entries = []
    for line in _parameter_lines(cls):
        names, _, kind = line.partition(" : ")
        default = _DEFAULT.search(kind)
        entries += [(name, default[1] if default else None) for name in names.split(", ")]
    return entries


def _parameter_lines(cls: type) -> list[str]:
    """Return the lines of the section on parameters that name them.

    Of a class whose docstring has no such section, those of the first of its bases that has one.
    """
    for base in cls.__mro__:
        lines = inspect.cleandoc(base.__doc__ or "").splitlines()
        heads = [i - 1 for i, line in enumerate(lines) if _RULE.fullmatch(line)]
        for start, end in zip(heads, [*heads[1:], len(lines)]):
            if lines[start] == "Parameters":
                return [line for line in lines[start + 2 : end] if line and line[0] != " "]
    return []


def _faults_of_names(documented: list[str], right: list[str]) -> list[str]:
    repeated = sorted({name for name in documented if documented.count(name) > 1})
    faults = [f"{name} is documented {documented.count(name)} times" for name in repeated]
    faults += [f"{name} is not documented" for name in right if name not in documented]
    faults += [f"{name} is documented but no parameter" for name in documented if name not in right]
    if not faults and documented != right:
        places = zip(documented, right)
        here, there = next((a, b) for a, b in places if a != b)
        faults.append(f"{here} is documented where the signature has {there}")
    return faults


def _value(text: str | None) -> str | None:
    """Return the repr of a literal, so that 3e-4 is 0.0003, and other text as it is."""
    try:
        return None if text is None else repr(ast.literal_eval(text))
    except (SyntaxError, ValueError):
        return text


def _default(parameter: inspect.Parameter) -> str | None:
    return None if parameter.default is parameter.empty else repr(parameter.default)


def check_resolution_order(name: str, estimator: AnyRecommender) -> None:
    """Check that at most eight classes of skrec make up an estimator, with its own."""
    ours = [c.__name__ for c in type(estimator).__mro__ if c.__module__.startswith("skrec.")]
    assert len(ours) <= _MOST_CLASSES, f"{name}: {len(ours)} classes of skrec, {', '.join(ours)}"


def check_order_of_bases(name: str, estimator: AnyRecommender) -> None:
    """Check that no two bases decide the same thing, so that their order does not matter."""
    bases = [c for c in type(estimator).__mro__ if c.__module__.startswith("skrec.")]
    for place, one in enumerate(bases):
        for other in bases[place + 1 :]:
            shared = {*vars(one)} & {*vars(other)} - _MADE_FOR_EVERY_CLASS
            shared = {each for each in shared if not _REQUEST.fullmatch(each)}
            both = ", ".join(sorted(shared))
            assert not shared or issubclass(one, other), (
                f"{name}: {one.__name__} and {other.__name__}, of which neither is a base of the "
                f"other, both have {both}"
            )


CHECKS = [check_documented_parameters, check_resolution_order, check_order_of_bases]
