"""The papers' tables as recipes that run: ``skrec.reproduce("evcf", "ml-20m")``."""

import sys
from types import ModuleType

from skrec.reproduce import _autoencoders, _papers  # noqa: F401  (register recipes and tables)
from skrec.reproduce._recipe import Recipe, System, find_recipe, list_recipes
from skrec.reproduce._run import reproduce
from skrec.reproduce._splits import strong_generalization_parts
from skrec.reproduce._tables import Row, Table, find_table, list_tables

__all__ = [
    "Recipe",
    "Row",
    "System",
    "Table",
    "find_recipe",
    "find_table",
    "list_recipes",
    "list_tables",
    "reproduce",
    "strong_generalization_parts",
]


class _CallableModule(ModuleType):
    """``skrec.reproduce`` is a package, for ``python -m``, and the function of its name."""

    def __call__(self, *args, **kwargs):
        return reproduce(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
