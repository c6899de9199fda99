"""The papers' tables, as data and as a command: ``skrec.reproduce("mult_vae", "3")``."""

import sys
from types import ModuleType

from skrec.reproduce import _papers  # noqa: F401  (registers its tables)
from skrec.reproduce._markdown import to_markdown
from skrec.reproduce._report import report
from skrec.reproduce._reproduce import reproduce
from skrec.reproduce._splits import strong_generalization_parts
from skrec.reproduce._systems import find_system, list_systems, make_system
from skrec.reproduce._tables import Row, Table, find_table, list_tables, register_table

__all__ = [
    "Row",
    "Table",
    "find_system",
    "find_table",
    "list_systems",
    "list_tables",
    "make_system",
    "register_table",
    "report",
    "reproduce",
    "strong_generalization_parts",
    "to_markdown",
]


class _CallableModule(ModuleType):
    """``skrec.reproduce`` is a package, for ``python -m``, and the function of its name."""

    def __call__(self, *args, **kwargs):
        return reproduce(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
