"""matplotlib, which is optional."""

from importlib import import_module

__all__ = ["make_axes"]


def make_axes(ax, caller):
    """Give the axes, new ones where there are none; without matplotlib say how to get it."""
    try:
        pyplot = import_module("matplotlib.pyplot")
    except ImportError as error:
        raise ImportError(f"{caller} needs matplotlib: pip install 'skrec[plot]'") from error
    return pyplot.subplots()[1] if ax is None else ax
