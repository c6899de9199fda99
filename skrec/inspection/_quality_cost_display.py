"""A plot of what systems are worth against what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd

from skrec.inspection._labels import place_labels
from skrec.inspection._matplotlib import make_axes
from skrec.typing import Array
from skrec.utils import check_choice, check_flag

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.lines import Line2D
    from matplotlib.text import Annotation

__all__ = ["QualityCostDisplay"]

_SCALES = ("log", "linear")
_LABELS = ("all", "front", "none")
_ROOMY = 20  # so many names have room in a figure of the usual size
_SIZE = 5.0  # of a point, in typographic points
_EQUAL = 1 + 1e-9  # no larger ratio of two costs can be seen
_AROUND = 3.0  # from equal costs to either end of an axis of logarithms


class QualityCostDisplay:
    """Plot the quality of systems against their cost, with the front of those that nothing beats.

    Create one with `from_frame` or `from_results`. A system is on the Pareto front if no other has
    at least its quality at no higher cost.

    Parameters
    ----------
    table : DataFrame of shape (n_systems, 4)
        A row for each system, named by the index, with ``cost``, ``quality``, ``std_error`` (NaN
        where it is not known) and ``front``, whether the system is on the Pareto front.
    cost : str, default=None
        What the cost is, the label of its axis.
    quality : str, default=None
        What the quality is, the label of its axis.
    greater_is_better : bool, default=True
        Whether a larger quality is better; False for errors such as RMSE.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the plot.
    figure_ : matplotlib Figure
        The figure of the axes.
    points_ : matplotlib ErrorbarContainer
        The points with their standard errors.
    front_ : matplotlib Line2D
        The front, as steps: the best quality that each cost buys.
    texts_ : dict of str to matplotlib Annotation
        The names beside the points. A name that would lie on another one is left out.

    See Also
    --------
    ActivityDisplay : Compares systems by the activity of users.
    CriticalDifferenceDisplay : Compares systems over data sets.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.inspection import QualityCostDisplay
    >>> runs = pd.DataFrame(
    ...     {"ndcg@10": [0.21, 0.42, 0.40, 0.43], "seconds": [0.01, 1.5, 4.0, 60.0]},
    ...     index=["Popularity", "EASE", "ItemKNN", "Mult-VAE"],
    ... )
    >>> display = QualityCostDisplay.from_frame(runs, cost="seconds", quality="ndcg@10")
    >>> display.table.index[display.table["front"]].tolist()
    ['Popularity', 'EASE', 'Mult-VAE']
    """

    def __init__(
        self,
        table: pd.DataFrame,
        *,
        cost: str | None = None,
        quality: str | None = None,
        greater_is_better: bool = True,
    ) -> None:
        self.table = table
        self.cost = cost
        self.quality = quality
        self.greater_is_better = greater_is_better

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        cost: str,
        quality: str,
        std_error: str | None = None,
        name: str | None = None,
        greater_is_better: bool = True,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the rows of a table.

        Parameters
        ----------
        frame : DataFrame
            A row for each system.
        cost : str
            The column of the costs, such as seconds, bytes or milliseconds. They are positive.
        quality : str
            The column of the quality.
        std_error : str, default=None
            The column of the standard errors of the quality; None draws none.
        name : str, default=None
            The column of the names; None takes the index.
        greater_is_better : bool, default=True
            Whether a larger quality is better.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : QualityCostDisplay
            The plot and its numbers.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        TypeError
            If frame is no DataFrame.
        ValueError
            If a column is missing, or holds what is no number; if a name is there twice.
        """
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"frame must be a DataFrame; got {type(frame).__name__}")
        wanted = {"cost": cost, "quality": quality, "std_error": std_error, "name": name}
        for parameter, column in wanted.items():
            if column is not None and column not in frame:
                raise ValueError(f"{parameter} must be one of {list(frame)}; got {column!r}")
        names = frame.index if name is None else frame[name]
        errors = np.full(len(frame), np.nan) if std_error is None else frame[std_error]
        table = _make_table(names, frame[cost], frame[quality], errors, greater_is_better)
        labels = {"cost": str(cost), "quality": str(quality)}
        return cls(table, **labels, greater_is_better=greater_is_better).plot(ax, **kwargs)

    @classmethod
    def from_results(
        cls,
        cv_results: Mapping[str, Any],
        *,
        metric: str = "score",
        names: Sequence[str] | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the candidates of a search: the mean test score against the mean time of a fit.

        Parameters
        ----------
        cv_results : dict of str to array
            ``cv_results_`` of scikit-learn's searches. Their scores are better when larger. The
            standard error of a mean is that over the splits, which share data: it is rather small.
        metric : str, default="score"
            The metric of a search with several: the results are ``mean_test_<metric>``.
        names : sequence of str, default=None
            A name for each candidate; None writes the parameters that differ.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : QualityCostDisplay
            The plot and its numbers.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If there are no such results, or not a name for each.
        """
        key = f"mean_test_{metric}"
        if not isinstance(cv_results, Mapping) or key not in cv_results:
            raise ValueError(
                f"cv_results must be cv_results_ of a search and hold {key!r}; got {cv_results!r}"
            )
        quality = np.asarray(cv_results[key], dtype=np.float64)
        names = _names(cv_results["params"]) if names is None else list(names)
        if len(names) != len(quality):
            raise ValueError(f"names must have {len(quality)} entries; got {len(names)}")
        splits = [k for k in cv_results if k.startswith("split") and k.endswith(f"_test_{metric}")]
        errors = np.asarray(cv_results[f"std_test_{metric}"]) / np.sqrt(max(len(splits) - 1, 1))
        fine = np.isfinite(quality)  # a fit that failed has no score
        parts: list[Any] = [cv_results["mean_fit_time"], quality, errors]
        names = [name for name, there in zip(names, fine) if there]
        cost, quality, errors = (np.asarray(part)[fine] for part in parts)
        table = _make_table(names, cost, quality, errors, True)
        return cls(table, cost="seconds of a fit", quality=metric).plot(ax, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        scale: Literal["log", "linear"] = "log",
        labels: Literal["all", "front", "none"] = "all",
        **kwargs: Any,
    ) -> Self:
        """Plot points, front and names.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        scale : {"log", "linear"}, default="log"
            Scale of the costs.
        labels : {"all", "front", "none"}, default="all"
            Which points to name: all where there is room and those on the front first, only those
            on the front, or none.
        **kwargs : dict
            Passed to matplotlib's ``errorbar``.

        Returns
        -------
        self : QualityCostDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If an option is unknown.
        """
        check_choice(scale, "scale", _SCALES)
        check_choice(labels, "labels", _LABELS)
        self.ax_ = make_axes(ax, "QualityCostDisplay.plot")
        self.figure_ = self.ax_.figure
        cost, quality, error = self.table[["cost", "quality", "std_error"]].to_numpy(float).T
        self.ax_.set_xscale(scale)
        options = {"fmt": "o", "markersize": _SIZE, "elinewidth": 1, **kwargs}
        self.points_: ErrorbarContainer
        self.points_ = self.ax_.errorbar(cost, quality, yerr=np.nan_to_num(error), **options)
        self.front_ = self._draw_front()
        self.ax_.set_xlabel(self.cost or "cost")
        self.ax_.set_ylabel(self.quality or "quality")
        self.ax_.margins(x=0.12, y=0.12)
        if scale == "log":
            # of equal costs, rounding may leave an extent, and so little that there is no axis
            if cost.size and cost.max() <= _EQUAL * cost.min():
                ends = cost.min() / _AROUND, cost.max() * _AROUND
                self.ax_.update_datalim([(end, quality[0]) for end in ends])
                self.ax_.autoscale_view()
            self._set_ticks()
        if ax is None and labels == "all" and (n := len(self.table)):  # many names need room
            figure: Any = self.figure_
            figure.set_size_inches(figure.get_size_inches() * np.clip(n / _ROOMY, 1, 1.8))
        self.texts_ = self._write_names(labels)
        return self

    def _set_ticks(self) -> None:
        """Write costs as plain numbers, between powers of ten too where these are few."""
        ticker: Any = import_module("matplotlib.ticker")
        low, high = self.ax_.get_xlim()
        between = () if high / low > 100 else (2.0, 5.0)
        axis = self.ax_.xaxis
        axis.set_major_locator(ticker.LogLocator(subs=(1.0, *between)))
        axis.set_major_formatter(ticker.FuncFormatter(lambda x, _: f"{x:g}"))
        axis.set_minor_formatter(ticker.NullFormatter())

    def _draw_front(self) -> Line2D:
        """Draw the best quality that each cost buys, over the points."""
        found: Any = self.table[self.table["front"]]
        found = found.sort_values(["cost", "quality"])
        style: dict[str, Any] = {"color": "grey", "linewidth": 1, "linestyle": "--", "zorder": 0}
        (line,) = self.ax_.step(found["cost"], found["quality"], where="post", **style)
        return line

    def _write_names(self, labels: str) -> dict[str, Annotation]:
        # the front comes first, and of the rest the best
        sign = -1 if self.greater_is_better else 1
        order = np.lexsort([sign * self.table["quality"], ~self.table["front"].to_numpy(bool)])
        ranked = self.table.iloc[order]
        n_named = {"all": len(ranked), "front": int(ranked["front"].sum()), "none": 0}[labels]
        if not n_named:
            return {}
        written = place_labels(
            self.ax_,
            ranked[["cost", "quality"]].to_numpy(np.float64),
            [str(name) for name in ranked.index[:n_named]],
            radii=np.full(len(ranked), _SIZE / 2),
            others=self._lines(ranked),
            fontsize="small",
        )
        return {name: text for name, text in zip(ranked.index, written) if text is not None}

    def _lines(self, ranked: pd.DataFrame) -> Array:
        """Return points along the standard errors and along the front."""
        cost, quality, error = ranked[["cost", "quality", "std_error"]].to_numpy(float).T
        error = np.nan_to_num(error)
        ends = [np.column_stack([cost, quality + way * error]) for way in np.linspace(-1, 1, 7)]
        corners = self.ax_.transData.transform(self.front_.get_path().vertices)
        x, y = corners.T
        steps = np.linspace(0, len(x) - 1, 40 * len(x))
        between = np.column_stack([np.interp(steps, np.arange(len(x)), part) for part in (x, y)])
        return np.vstack([*ends, self.ax_.transData.inverted().transform(between)])


def pareto_front(cost: Array, quality: Array) -> Array:
    """Return which points no other beats: none is as good and cheaper, or better and as cheap."""
    as_good = quality[None] >= quality[:, None]
    as_cheap = cost[None] <= cost[:, None]
    differs = (quality[None] != quality[:, None]) | (cost[None] != cost[:, None])
    return ~(as_good & as_cheap & differs).any(axis=1)


def _make_table(
    names: Any, cost: Any, quality: Any, errors: Any, greater_is_better: bool
) -> pd.DataFrame:
    index = pd.Index(names, name="system")
    if not len(index):
        raise ValueError("there must be a system or more; got none")
    if not index.is_unique:
        twice = index[index.duplicated()].unique().tolist()
        raise ValueError(f"names must differ; got {twice} more than once")
    columns = {"cost": cost, "quality": quality, "std_error": errors}
    arrays = {name: _as_floats(values, name) for name, values in columns.items()}
    if not (np.isfinite(arrays["cost"]) & (arrays["cost"] > 0)).all():
        raise ValueError(f"cost must be positive and finite; got {arrays['cost'].tolist()}")
    if not np.isfinite(arrays["quality"]).all():
        raise ValueError(f"quality must be finite; got {arrays['quality'].tolist()}")
    if (arrays["std_error"] < 0).any():
        raise ValueError(f"std_error must not be negative; got {arrays['std_error'].tolist()}")
    sign = 1 if check_flag(greater_is_better, "greater_is_better") else -1
    front = pareto_front(arrays["cost"], sign * arrays["quality"])
    return pd.DataFrame({**arrays, "front": front}, index=index)


def _as_floats(values: Any, name: str) -> Array:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers; got {list(values)}") from None


def _names(candidates: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the parameters of each candidate that differ between candidates, as text."""
    shown = {key for params in candidates for key in params}
    texts = [{key: repr(params.get(key)) for key in shown} for params in candidates]
    differ = sorted(key for key in shown if len({text[key] for text in texts}) > 1)
    names = [", ".join(f"{key.split('__')[-1]}={t[key]}" for key in differ) for t in texts]
    return names if len(set(names)) == len(names) else [f"{i} {n}" for i, n in enumerate(names)]
