"""Access to matplotlib, which is optional."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["make_axes"]


def make_axes(ax: Axes | None, caller: str) -> Axes:
    """Return the given axes, or new ones; without matplotlib the error says how to install it."""
    try:
        pyplot = import_module("matplotlib.pyplot")
    except ImportError as error:
        raise ImportError(f"{caller} needs matplotlib: pip install 'skrec[plot]'") from error
    return pyplot.subplots()[1] if ax is None else ax
