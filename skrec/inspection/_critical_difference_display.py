"""A diagram of average ranks over data sets."""

import numpy as np
import pandas as pd

from skrec.inspection._matplotlib import make_axes
from skrec.model_selection import compare_over_datasets

__all__ = ["CriticalDifferenceDisplay"]

_STEP = 0.35  # height of a line of text, in units of the axes


class CriticalDifferenceDisplay:
    """Average ranks of systems on an axis, with bars over those that do not differ.

    It is recommended to make one by `from_table` or `from_comparison`.

    Parameters
    ----------
    average_ranks : Series or dict of str to float
        Average rank of each system over data sets.
    critical_difference : float
        Difference of ranks that is significant.
    groups : list of tuple of str, default=()
        Systems that do not differ; each gets a bar.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn; the best rank is on the left.
    figure_ : matplotlib Figure
        The figure of the axes.
    bars_ : list of matplotlib Line2D
        A bar for each group.
    ruler_ : matplotlib Line2D
        As long as the critical difference.
    texts_ : dict of str to matplotlib Text
        Names and ranks of the systems.

    See Also
    --------
    skrec.model_selection.compare_over_datasets : The numbers.

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

    def __init__(self, *, average_ranks, critical_difference, groups=()):
        self.average_ranks = average_ranks
        self.critical_difference = critical_difference
        self.groups = groups

    @classmethod
    def from_table(cls, table, *, alpha=0.05, greater_is_better=True, ax=None, **kwargs):
        """Rank the systems of a table and plot.

        Parameters
        ----------
        table : DataFrame, dict or array-like of shape (n_datasets, n_systems)
            A row for each data set and a column for each system.
        alpha : float, default=0.05
            Level of the critical difference.
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
    def from_comparison(cls, comparison, *, ax=None, **kwargs):
        """Plot what has been compared.

        Parameters
        ----------
        comparison : RankComparison or Comparison
            What `skrec.model_selection.compare_over_datasets` gives, or
            `skrec.model_selection.compare` for several data sets.
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
            If the comparison is one on a single data set.
        """
        if comparison.average_ranks is None:
            raise ValueError("comparison must be over data sets; got one on a single data set")
        return cls(
            average_ranks=comparison.average_ranks,
            critical_difference=comparison.critical_difference,
            groups=comparison.groups,
        ).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the ranks, the critical difference and the bars.

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
        self.texts_ = self._draw_names(ranks, top=_STEP * (len(self.bars_) + 2))
        return self

    def _draw_axis(self, n_systems):
        for side in ("left", "right", "bottom"):
            self.ax_.spines[side].set_visible(False)
        self.ax_.xaxis.tick_top()
        self.ax_.xaxis.set_label_position("top")
        self.ax_.set(xlim=(1, n_systems), xticks=np.arange(1, n_systems + 1), yticks=[])
        self.ax_.set_xlabel("average rank")
        ends = [1, 1 + self.critical_difference]
        style = {"color": "grey", "marker": "|", "clip_on": False}
        (self.ruler_,) = self.ax_.plot(ends, [_STEP / 2] * 2, **style)
        label = f"critical difference {self.critical_difference:.2f}"
        self.ax_.text(1, _STEP * 0.65, label, color="grey", size="small", va="top")

    def _draw_bars(self, ranks, options):
        """Draw a bar for each group, one below the other."""
        bars = []
        for place, group in enumerate(self.groups):
            ends = ranks[list(group)].agg(["min", "max"]).to_numpy() + [-0.03, 0.03]
            style = {"color": "black", "linewidth": 3, "solid_capstyle": "butt", **options}
            bars += self.ax_.plot(ends, [_STEP * (place + 1.7)] * 2, **style)
        return bars

    def _draw_names(self, ranks, top):
        """Write the better half on the left and the other on the right, the ends on top."""
        n, half, texts = len(ranks), (len(ranks) + 1) // 2, {}
        for place, (name, rank) in enumerate(ranks.items()):
            left = place < half
            depth = top + _STEP * (place if left else n - 1 - place)
            edge, align, offset = (1, "right", -4) if left else (n, "left", 4)
            self.ax_.plot([rank, rank, edge], [0, depth, depth], color="grey", linewidth=0.8)
            where = {"xytext": (offset, 0), "textcoords": "offset points", "ha": align}
            text = f"{name} {rank:.2f}"
            texts[name] = self.ax_.annotate(text, (edge, depth), va="center", **where)
        self.ax_.set_ylim(top + _STEP * half, 0)
        return texts
