"""Everything public is annotated, and a checker knows the names that are imported lazily."""

import ast
from pathlib import Path

import pytest

import skrec
from skrec.testing import all_estimators

ROOT = Path(__file__).parents[2]
PARTS = sorted(p.relative_to(ROOT) for p in (ROOT / "skrec").iterdir() if p.name[:2] != "__")
PARTS = [part for part in PARTS if part.suffix in ("", ".py")]


def is_public(name):
    """Return whether a name is public or one of Python's own."""
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def public_functions(body, prefix=""):
    """Yield name and node of the public functions of a module and of its public classes."""
    for node in body:
        if isinstance(node, ast.ClassDef) and is_public(node.name):
            yield from public_functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef) and is_public(node.name):
            yield prefix + node.name, node
        elif isinstance(node, ast.If):
            yield from public_functions([*node.body, *node.orelse], prefix)


def unannotated(node, is_method):
    """Return the parameters of a function that have no annotation, and "return" if it has none."""
    decorators = {d.id for d in node.decorator_list if isinstance(d, ast.Name)}
    positional = [*node.args.posonlyargs, *node.args.args]
    if is_method and "staticmethod" not in decorators:
        positional = positional[1:]
    stars = [arg for arg in (node.args.vararg, node.args.kwarg) if arg is not None]
    parameters = [*positional, *node.args.kwonlyargs, *stars]
    missing = [arg.arg for arg in parameters if arg.annotation is None]
    return missing + ["return"] * (node.returns is None)


def unannotated_functions(source):
    """Return ``{name: what lacks an annotation}`` for the public functions of a module."""
    functions = public_functions(ast.parse(source).body)
    found = {name: unannotated(node, "." in name) for name, node in functions}
    return {name: missing for name, missing in found.items() if missing}


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_every_public_function_is_annotated(part):
    files = [ROOT / part] if part.suffix else sorted((ROOT / part).rglob("*.py"))
    assert files
    missing = {file.name: unannotated_functions(file.read_text("utf-8")) for file in files}
    assert {name: found for name, found in missing.items() if found} == {}


def test_door_is_annotated():
    assert unannotated_functions((ROOT / "skrec" / "__init__.py").read_text("utf-8")) == {}


def test_missing_annotations_are_found():
    source = """
def whole(a: int, *, b: int = 0) -> int: ...
def half(a, /, b: int, *c, d=0, **e: int): ...
def _private(a): ...
class Public:
    def __init__(self, a): ...
    @staticmethod
    def make(a) -> int: ...
    def _private(self, a): ...
class _Private:
    def method(self, a): ...
if True:
    def inside(): ...
"""
    assert unannotated_functions(source) == {
        "half": ["a", "d", "c", "return"],
        "Public.__init__": ["a", "return"],
        "Public.make": ["a"],
        "inside": ["return"],
    }


def imports_for_checkers():
    """Return ``{name: module}`` of what the package imports for type checkers only."""
    body = ast.parse((ROOT / "skrec" / "__init__.py").read_text("utf-8")).body
    blocks = [node for node in body if isinstance(node, ast.If) and is_type_checking(node.test)]
    imports = [node for block in blocks for node in block.body]
    assert all(alias.name == alias.asname for node in imports for alias in node.names)
    return {alias.name: node.module for node in imports for alias in node.names}


def is_type_checking(test):
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def test_checkers_know_the_estimators_that_are_there():
    known = imports_for_checkers()
    assert known.pop("reproduce") == "skrec"
    for name, package in {**skrec._DATA, **skrec._FILES}.items():
        assert known.pop(name) == f"skrec.{package}"
    lazy = {name: f"skrec.{family}" for name, family in skrec._ESTIMATORS.items()}
    found = {name: ".".join(cls.__module__.split(".")[:2]) for name, cls in all_estimators()}
    assert known == lazy == found


def test_names_come_in_on_first_use():
    assert {"MultVAERecommender", "reproduce", "Interactions"} <= set(dir(skrec))
    assert skrec.reproduce.__name__ == "skrec.reproduce"
    with pytest.raises(AttributeError, match="no attribute 'EASERecomender'"):
        skrec.EASERecomender  # noqa: B018
