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
        pyplot, axes = import_module("matplotlib.pyplot"), import_module("matplotlib.axes")
    except ImportError as error:
        raise ImportError(f"{caller} needs matplotlib: pip install 'skrec[plot]'") from error
    if ax is not None and not isinstance(ax, axes.Axes):
        raise TypeError(f"ax must be a matplotlib Axes or None; got {ax!r}")
    return pyplot.subplots()[1] if ax is None else ax
