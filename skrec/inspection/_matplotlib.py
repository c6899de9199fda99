"""Access to matplotlib, which is optional."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

__all__ = ["add_legend", "make_axes", "makes_room", "raise_top"]

_MOST = 0.6  # share of the axes that a legend within them may take
_LEAST = 5.2  # inches that a legend beside axes leaves them


def make_axes(ax: Axes | None, caller: str) -> Axes:
    """Return the given axes, or new ones; without matplotlib the error says how to install it.

    The figure of new axes makes room for names and legends outside of them.
    """
    try:
        pyplot, axes = import_module("matplotlib.pyplot"), import_module("matplotlib.axes")
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib: pip install 'sklearn-recommenders[plot]'"
        ) from error
    if ax is not None and not isinstance(ax, axes.Axes):
        raise TypeError(f"ax must be a matplotlib Axes or None; got {ax!r}")
    return pyplot.subplots(layout="constrained")[1] if ax is None else ax


def makes_room(ax: Axes) -> bool:
    """Return whether the figure makes room for what is outside of its axes."""
    return ax.figure.get_layout_engine() is not None


def add_legend(ax: Axes, *, above: bool = False, **options: Any) -> Legend:
    """Write the legend beside or above the axes, or within where the figure makes no room."""
    if not makes_room(ax):
        return ax.legend(**options)
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1)}
    if above:
        place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.01), "ncols": 2}
    legend = ax.legend(**{"borderaxespad": 0, "fontsize": "small", **place, **options})
    if not above:
        _widen(ax, legend)
    return legend


def _widen(ax: Axes, legend: Legend) -> None:
    """Make a figure of these axes alone so wide that a legend beside them leaves them enough."""
    figure: Any = ax.figure
    width = _LEAST + legend.get_window_extent().width / figure.dpi
    if figure.axes == [ax] and width > figure.get_figwidth():
        figure.set_figwidth(width)


def raise_top(ax: Axes, legend: Legend) -> None:
    """Raise the upper limit of the axes, so that a legend at the top covers no data."""
    box = legend.get_window_extent().transformed(ax.transAxes.inverted())
    low, high = ax.get_ylim()
    ax.set_ylim(low, low + (high - low) / (1 - min(box.height + 0.03, _MOST)))
