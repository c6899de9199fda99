"""A plot of the uncertainty of a model about groups of users."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils import Bunch

from skrec.base import BaseRecommender
from skrec.inspection._matplotlib import add_legend, make_axes
from skrec.inspection._uncertainty import user_uncertainty
from skrec.interactions import Interactions
from skrec.typing import Array, MatrixLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer

__all__ = ["UncertaintyDisplay"]

_APART = 0.12  # half the distance of a group's two points
_X_LABELS = {
    "activity": "$o_1$: log10 of the user's interactions",
    "diversity": "$o_2$: diversity of the user's genres",
}
_Y_LABELS = {"variance": "mean variance of the user", "spread": "mean deviation of the scores"}


class UncertaintyDisplay:
    """Plot the mean uncertainty about groups of users with intervals, and that of a placebo.

    Create one with `from_estimator` or `from_table`.

    Parameters
    ----------
    table : DataFrame
        The ``table`` of the result of `user_uncertainty`.
    placebo : DataFrame, default=None
        The same for a placebo.
    xlabel, ylabel : str, default=None
        Labels of the axes: what users are grouped by, and what is measured.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the plot.
    figure_ : matplotlib Figure
        The figure of the axes.
    points_ : dict of str to matplotlib ErrorbarContainer
        The means with intervals of "model" and, if there is one, of "placebo".

    See Also
    --------
    user_uncertainty : Computes the numbers.
    skrec.preprocessing.permute_items : Makes the data to fit a placebo to.

    References
    ----------
    Jiang, J., Yang, D., Xiao, Y., & Shen, C. (2019). Convolutional Gaussian embeddings for
    personalized recommendation with uncertainty. IJCAI. Table 4.
    https://doi.org/10.24963/ijcai.2019/367

    Examples
    --------
    >>> from skrec import MultVAERecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import UncertaintyDisplay
    >>> X = make_interactions(200, 50, 3000, random_state=0).X
    >>> est = MultVAERecommender(hidden_sizes=(), latent_size=8, max_epochs=5, random_state=0)
    >>> display = UncertaintyDisplay.from_estimator(est.fit(X), measure="spread", n_bins=3)
    >>> list(display.points_), len(display.table)
    (['model'], 3)
    """

    def __init__(
        self,
        table: pd.DataFrame,
        *,
        placebo: pd.DataFrame | None = None,
        xlabel: str | None = None,
        ylabel: str | None = None,
    ) -> None:
        self.table = table
        self.placebo = placebo
        self.xlabel = xlabel
        self.ylabel = ylabel

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseRecommender,
        X: Interactions | MatrixLike | None = None,
        *,
        placebo: BaseRecommender | None = None,
        users: ArrayLike | None = None,
        groups: str | ArrayLike = "activity",
        item_groups: MatrixLike | None = None,
        measure: str | ArrayLike = "variance",
        n_items: int = 10,
        n_bins: int = 6,
        strategy: Literal["uniform", "quantile"] = "uniform",
        edges: ArrayLike | None = None,
        confidence: float = 0.95,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the uncertainty of a fitted model.

        Parameters
        ----------
        estimator : estimator
            A fitted recommender.
        X : Interactions, sparse matrix or array-like of shape (n_rows, n_items), default=None
            Histories of the users; None takes those that ``estimator`` was fitted to.
        placebo : estimator, default=None
            The same model fitted to `skrec.preprocessing.permute_items` of the data. It is asked
            about the same users, who are grouped by their real histories.
        users : array-like of int of shape (n_rows,), default=None
            Rows of the fitted matrix.
        groups : {"activity", "diversity"} or array-like of shape (n_rows,), default="activity"
            What to group users by; this and the following are as in `user_uncertainty`.
        item_groups : array-like or sparse matrix of shape (n_items, n_genres), default=None
            Genres of the items.
        measure : {"variance", "spread"}, default="variance"
            The uncertainty of a user.
        n_items : int, default=10
            Number of recommended items for "spread".
        n_bins : int, default=6
            Number of groups.
        strategy : {"uniform", "quantile"}, default="uniform"
            Groups of equal width or size.
        edges : array-like of shape (n_groups + 1,), default=None
            Edges of the groups.
        confidence : float, default=0.95
            Coverage of the intervals.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : UncertaintyDisplay
            The plot and its numbers.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the model has no such uncertainty, or the arrays do not fit each other.
        """
        options: dict[str, Any] = {
            "users": users,
            "groups": groups,
            "item_groups": item_groups,
            "measure": measure,
            "n_items": n_items,
            "n_bins": n_bins,
            "strategy": strategy,
            "edges": edges,
            "confidence": confidence,
        }
        table = user_uncertainty(estimator, X, **options).table
        beside = None if placebo is None else _of_placebo(placebo, estimator, X, options)
        return cls.from_table(
            table,
            placebo=beside,
            xlabel=_X_LABELS.get(groups if isinstance(groups, str) else "", "group of users"),
            ylabel=_Y_LABELS.get(measure if isinstance(measure, str) else ""),
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_table(
        cls,
        table: pd.DataFrame | Bunch,
        *,
        placebo: pd.DataFrame | Bunch | None = None,
        xlabel: str | None = None,
        ylabel: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot a table of `user_uncertainty`.

        Parameters
        ----------
        table : DataFrame or Bunch
            The result of `user_uncertainty`, or its ``table``.
        placebo : DataFrame or Bunch, default=None
            The same for a placebo.
        xlabel, ylabel : str, default=None
            Labels of the axes: what users are grouped by, and what is measured.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : UncertaintyDisplay
            The plot and its numbers.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        beside = None if placebo is None else _table_of(placebo, "placebo")
        display = cls(_table_of(table, "table"), placebo=beside, xlabel=xlabel, ylabel=ylabel)
        return display.plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Plot the means and their intervals.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to matplotlib's ``errorbar``.

        Returns
        -------
        self : UncertaintyDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        self.ax_ = make_axes(ax, "UncertaintyDisplay.plot")
        self.figure_ = self.ax_.figure
        tables = {"model": self.table}
        if self.placebo is not None:
            tables["placebo"] = self.placebo
        groups = _all_groups(tables.values())
        self.points_: dict[str, ErrorbarContainer] = {}
        for place, (name, table) in enumerate(tables.items()):
            x = groups.get_indexer(table.index) + _APART * (2 * place - len(tables) + 1)
            self.points_[name] = self._draw(x, table, {"label": name, **kwargs})
        self._label(groups)
        return self

    def _draw(self, x: Array, table: pd.DataFrame, options: dict[str, Any]) -> ErrorbarContainer:
        mean, low, high = table[["mean", "low", "high"]].to_numpy(dtype=np.float64).T
        # the mean of a single user has no interval
        errors = np.nan_to_num([mean - low, high - mean])
        return self.ax_.errorbar(x, mean, yerr=errors, **{"fmt": "o", "capsize": 3, **options})

    def _label(self, groups: pd.Index) -> None:
        self.ax_.set_xticks(np.arange(len(groups)), [_name(group) for group in groups])
        self.ax_.tick_params(axis="x", labelsize="small")
        self.ax_.set_xlabel(self.xlabel or "group of users")
        self.ax_.set_ylabel(self.ylabel or "uncertainty")
        if len(self.points_) > 1:
            add_legend(self.ax_)


def _table_of(result: Any, name: str) -> pd.DataFrame:
    table = getattr(result, "table", result) if isinstance(result, Bunch) else result
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"{name} must be a result of user_uncertainty; got {result!r}")
    return table


def _of_placebo(
    placebo: BaseRecommender, estimator: Any, X: Any, options: dict[str, Any]
) -> pd.DataFrame:
    """Return the table of a placebo for the users of the model, in the same groups."""
    if X is None:
        users = options["users"]
        X = estimator.interactions_ if users is None else estimator.interactions_[users]
        options = {**options, "users": np.arange(X.shape[0]) if users is None else users}
    return user_uncertainty(placebo, X, **options).table


def _all_groups(tables: Iterable[pd.DataFrame]) -> pd.Index:
    """Return the groups of all tables, in order."""
    indices = [table.index.astype(object) for table in tables]
    union = indices[0].append(indices[1:]).unique()
    return union.sort_values() if len(indices) > 1 else union


def _name(group: Any) -> str:
    return f"{group.left:g}–{group.right:g}" if isinstance(group, pd.Interval) else str(group)
