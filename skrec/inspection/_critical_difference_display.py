"""A diagram of average ranks over data sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skrec.inspection._matplotlib import make_axes
from skrec.model_selection import compare_over_datasets

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

    from skrec.model_selection import Comparison, RankComparison

__all__ = ["CriticalDifferenceDisplay"]

_STEP = 0.35  # height of a line of text, in units of the axes
_MOST_TICKS = 20
# inches of a line of text, of a letter in it, and of all else of a figure
_LINE, _LETTER, _REST = 0.22, 0.09, (4.0, 1.0)


class CriticalDifferenceDisplay:
    """Plot average ranks of systems on an axis, with bars over those that do not differ.

    Create one with `from_table` or `from_comparison`.

    Parameters
    ----------
    average_ranks : Series or dict of str to float
        Average rank of each system over data sets.
    critical_difference : float
        The smallest difference of ranks that is significant.
    groups : list of tuple of str, default=()
        Groups of systems that do not differ significantly; each gets a bar.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the plot; the best rank is on the left.
    figure_ : matplotlib Figure
        The figure of the axes.
    bars_ : list of matplotlib Line2D
        A bar for each group.
    ruler_ : matplotlib Line2D
        A line whose length is the critical difference.
    texts_ : dict of str to matplotlib Text
        Names and ranks of the systems.

    See Also
    --------
    skrec.model_selection.compare_over_datasets : Computes the numbers.

    References
    ----------
    Demsar (2006), "Statistical comparisons of classifiers over multiple data sets", Journal
    of Machine Learning Research 7, 1-30.

    Examples
    --------
    >>> from skrec.inspection import CriticalDifferenceDisplay
    >>> errors = {"MF": [0.86, 0.80, 0.79, 0.91], "KNN": [0.91, 0.85, 0.84, 0.99],
    ...           "mean": [0.98, 0.95, 0.94, 1.10]}
    >>> display = CriticalDifferenceDisplay.from_table(errors, greater_is_better=False)
    >>> len(display.bars_), display.texts_["KNN"].get_text()
    (2, 'KNN 2.00')
    """

    def __init__(
        self,
        *,
        average_ranks: pd.Series | Mapping[str, float],
        critical_difference: float,
        groups: Sequence[Iterable[str]] = (),
    ) -> None:
        self.average_ranks = average_ranks
        self.critical_difference = critical_difference
        self.groups = groups

    @classmethod
    def from_table(
        cls,
        table: pd.DataFrame | Mapping[str, ArrayLike] | ArrayLike,
        *,
        alpha: float = 0.05,
        greater_is_better: bool = True,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the ranks of the systems of a table.

        Parameters
        ----------
        table : DataFrame, dict or array-like of shape (n_datasets, n_systems)
            A row for each data set and a column for each system.
        alpha : float, default=0.05
            Significance level of the critical difference.
        greater_is_better : bool, default=True
            Whether a larger figure ranks first; False for errors such as RMSE.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : CriticalDifferenceDisplay
            The plot and its numbers.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the table has gaps, or fewer than two rows or columns.
        """
        found = compare_over_datasets(table, alpha=alpha, greater_is_better=greater_is_better)
        return cls.from_comparison(found, ax=ax, **kwargs)

    @classmethod
    def from_comparison(
        cls, comparison: RankComparison | Comparison, *, ax: Axes | None = None, **kwargs: Any
    ) -> Self:
        """Plot the ranks of a comparison.

        Parameters
        ----------
        comparison : RankComparison or Comparison
            The result of `skrec.model_selection.compare_over_datasets`, or of
            `skrec.model_selection.compare` on several data sets.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : CriticalDifferenceDisplay
            The plot and its numbers.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the comparison is on a single data set.
        """
        if not hasattr(comparison, "average_ranks"):
            raise TypeError(
                f"comparison must be a RankComparison or a Comparison; got {comparison!r}"
            )
        if comparison.average_ranks is None:
            raise ValueError("comparison must be over data sets; got one on a single data set")
        found: Any = comparison  # none of the three is None over data sets
        return cls(
            average_ranks=found.average_ranks,
            critical_difference=found.critical_difference,
            groups=found.groups,
        ).plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Plot the ranks, the critical difference and the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for the bars.

        Returns
        -------
        self : CriticalDifferenceDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        self.ax_ = make_axes(ax, "CriticalDifferenceDisplay.plot")
        self.figure_ = self.ax_.figure
        ranks = pd.Series(self.average_ranks, dtype=np.float64).sort_values(kind="stable")
        self._draw_axis(len(ranks))
        self.bars_ = self._draw_bars(ranks, kwargs)
        self.texts_ = self._draw_names(ranks, top=_STEP * (len(self.bars_) + 1))
        self._draw_ruler(depth=_STEP * (len(self.bars_) + 1 + (len(ranks) + 1) // 2))
        if ax is None:
            self._fit_figure()
        return self

    def _draw_axis(self, n_systems: int) -> None:
        for side in ("left", "right", "bottom"):
            self.ax_.spines[side].set_visible(False)
        self.ax_.xaxis.tick_top()
        self.ax_.xaxis.set_label_position("top")
        step = -(-n_systems // _MOST_TICKS)
        end = max(n_systems, 1 + self.critical_difference)  # the ruler must fit too
        self.ax_.set(xlim=(1, end), xticks=np.arange(1, n_systems + 1, step), yticks=[])
        self.ax_.set_xlabel("average rank")

    def _draw_ruler(self, depth: float) -> None:
        """Draw the critical difference below all names, where no line crosses its text."""
        ends = [1, 1 + self.critical_difference]
        style: dict[str, Any] = {"color": "grey", "marker": "|", "clip_on": False}
        (self.ruler_,) = self.ax_.plot(ends, [depth] * 2, **style)
        label = f"critical difference {self.critical_difference:.2f}"
        self.ax_.text(1, depth + _STEP / 4, label, color="grey", size="small", va="top")
        self.ax_.set_ylim(depth + 1.4 * _STEP, 0)

    def _fit_figure(self) -> None:
        """Make the figure as large as its names need it."""
        lines = self.ax_.get_ylim()[0] / _STEP
        letters = 2 * max(len(text.get_text()) for text in self.texts_.values())
        figure: Any = self.figure_
        figure.set_size_inches(_REST[0] + _LETTER * letters, _REST[1] + _LINE * lines)

    def _draw_bars(self, ranks: pd.Series, options: dict[str, Any]) -> list[Line2D]:
        """Draw a bar for each group, one below the other."""
        bars: list[Line2D] = []
        for place, group in enumerate(self.groups):
            members: Any = ranks[list(group)]
            ends = members.agg(["min", "max"]).to_numpy() + [-0.03, 0.03]
            style = {"color": "black", "linewidth": 3, "solid_capstyle": "butt", **options}
            bars += self.ax_.plot(ends, [_STEP * (place + 0.7)] * 2, **style)
        return bars

    def _draw_names(self, ranks: pd.Series, top: float) -> dict[str, Text]:
        """Write the better half on the left and the other on the right, the ends on top."""
        n, half = len(ranks), (len(ranks) + 1) // 2
        texts: dict[Any, Text] = {}
        for place, (name, rank) in enumerate(ranks.items()):
            left = place < half
            depth = top + _STEP * (place if left else n - 1 - place)
            edge, align, offset = (1, "right", -4) if left else (n, "left", 4)
            line: dict[str, Any] = {"color": "grey", "linewidth": 0.8, "clip_on": False}
            self.ax_.plot([rank, rank, edge], [0, depth, depth], **line)
            where = {"xytext": (offset, 0), "textcoords": "offset points", "ha": align}
            text = f"{name} {rank:.2f}"
            texts[name] = self.ax_.annotate(text, (edge, depth), va="center", **where)
        return texts
