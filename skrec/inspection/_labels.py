"""Names beside points that lie neither on each other nor on points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skrec.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

__all__ = ["place_labels"]

_DISTANCES = (2.0, 7.0, 14.0, 23.0, 34.0, 47.0)  # in typographic points
_N_ANGLES = 24
_LEADER = 10.0  # from this distance on, a line leads from the point to its name
# what a place costs, by what the name would lie on; a distance costs its points
_ON_TEXT, _ON_POINT, _ON_LINE = 1e6, 200.0, 15.0


def place_labels(
    ax: Axes,
    points: Array,
    texts: Sequence[str],
    *,
    radii: Array,
    others: Array | None = None,
    **options: Any,
) -> list[Annotation | None]:
    """Write a text beside each of the first points, and none where there is no room for it.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to write; their limits must be final.
    points : ndarray of shape (n_points, 2)
        Points that should not be covered, in units of the data; texts are of the first of them.
    texts : sequence of str
        The texts, the most important first.
    radii : ndarray of shape (n_points,)
        Radii of the points, in typographic points.
    others : ndarray of shape (n_others, 2), default=None
        What had better not be covered either, such as points along a line.
    **options : dict
        Passed to matplotlib's ``annotate``.

    Returns
    -------
    labels : list of matplotlib Annotation or None
        The labels, None for a text that would lie on another, on a point (but for the first) or
        outside of the axes.
    """
    figure: Any = ax.get_figure(root=True)
    figure.draw_without_rendering()  # before that the layout is not known
    scale = ax.figure.dpi / 72
    at = ax.transData.transform(points) / scale
    lines = np.empty((0, 2)) if others is None else ax.transData.transform(others) / scale
    frame = np.array(ax.get_window_extent().extents) / scale
    boxes, labels = np.empty((0, 4)), []
    for place, text in enumerate(texts):
        size = _size(ax, text, options) / scale
        shifts, costs = _candidates(size, radii[place])
        found = at[place] + shifts
        around = np.hstack([found - size / 2, found + size / 2])
        costs = costs + _ON_TEXT * (_outside(around, frame) + _hits(around, boxes))
        costs += _ON_TEXT * _crossings(at[place], found, boxes)
        on_points = _covered(around, at, radii)
        costs += _ON_POINT * on_points + _ON_LINE * _covered(around, lines)
        best = int(np.argmin(costs))
        # the first may lie on a point: better so than no text at all
        if costs[best] >= _ON_TEXT or (place and on_points[best]):
            labels.append(None)
            continue
        boxes = np.vstack([boxes, around[best]])
        labels.append(_write(ax, text, points[place], shifts[best], size, radii[place], options))
        lines = np.vstack([lines, np.linspace(at[place], found[best], 8)[:-1]])
    return labels


def _size(ax: Axes, text: str, options: dict[str, Any]) -> Array:
    """Return width and height of a text, in pixels."""
    trial = ax.annotate(text, (0, 0), xycoords="axes fraction", annotation_clip=False, **options)
    box = trial.get_window_extent()
    trial.remove()
    return np.array([box.width, box.height]) + 2


def _candidates(size: Array, radius: float) -> tuple[Array, Array]:
    """Return shifts of the middle of a text from its point, and what they cost."""
    angles = np.arange(_N_ANGLES) * 2 * np.pi / _N_ANGLES
    ways = np.column_stack([np.cos(angles), np.sin(angles)])
    shifts = [ways * (radius + distance + size / 2) for distance in _DISTANCES]
    # to the right reads best
    costs = [distance + 1 - ways[:, 0] for distance in _DISTANCES]
    return np.vstack(shifts), np.concatenate(costs)


def _outside(boxes: Array, frame: Array) -> Array:
    return np.any((boxes[:, :2] < frame[:2]) | (boxes[:, 2:] > frame[2:]), axis=1)


def _hits(boxes: Array, others: Array) -> Array:
    """Return for each box the number of other boxes that it overlaps."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return (low < high).all(axis=2).sum(axis=1)


def _covered(boxes: Array, points: Array, radii: Array | float = 0.0) -> Array:
    """Return for each box the number of points in it."""
    margin = np.broadcast_to(radii, len(points))[None, :, None]
    above = points[None] > boxes[:, None, :2] - margin
    below = points[None] < boxes[:, None, 2:] + margin
    return (above & below).all(axis=2).sum(axis=1)


def _crossings(start: Array, ends: Array, boxes: Array) -> Array:
    """Return for each end the number of boxes that the line to it runs through."""
    steps = start + np.linspace(0.1, 0.9, 9)[:, None, None] * (ends - start)
    return np.array([(_covered(boxes, part) > 0).sum() for part in steps.transpose(1, 0, 2)])


def _write(
    ax: Axes,
    text: str,
    point: Array,
    shift: Array,
    size: Array,
    radius: float,
    options: dict[str, Any],
) -> Annotation:
    gap = np.maximum(np.abs(shift) - size / 2, 0)
    leader = {"arrowstyle": "-", "color": "grey", "linewidth": 0.5, "shrinkA": 0}
    arrow = {**leader, "shrinkB": radius} if np.hypot(*gap) - radius > _LEADER else None
    middle: dict[str, Any] = {"ha": "center", "va": "center", "textcoords": "offset points"}
    xy: Any = point
    return ax.annotate(text, xy, xytext=tuple(shift), arrowprops=arrow, **middle, **options)
