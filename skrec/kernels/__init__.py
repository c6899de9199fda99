"""Compiled loops for what NumPy cannot express; numba is imported when the first is needed.

Callers import the package and not its functions (``from skrec import kernels``), so that they do
not import numba before they call one.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

_FILES: dict[str, str] = {}  # the file of each kernel

if TYPE_CHECKING:  # the same names for type checkers, which do not run what is below
    pass

__all__ = list(_FILES)


if not TYPE_CHECKING:  # a checker that saw __getattr__ would take every name for one of ours

    def __getattr__(name: str) -> Any:
        if name not in _FILES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_FILES[name]}"), name)
