"""A plot of how unsure a model is of groups of users."""

import numpy as np
import pandas as pd

from skrec.inspection._matplotlib import make_axes
from skrec.inspection._uncertainty import user_uncertainty

__all__ = ["UncertaintyDisplay"]

_APART = 0.12  # half the distance of a group's two points
_X_LABELS = {
    "activity": "$o_1$: log10 of the user's interactions",
    "diversity": "$o_2$: diversity of the user's genres",
}
_Y_LABELS = {"variance": "mean variance of the user", "spread": "mean deviation of the scores"}


class UncertaintyDisplay:
    """Mean uncertainty of groups of users with intervals, a placebo beside it.

    It is recommended to make one by `from_estimator` or `from_table`.

    Parameters
    ----------
    table : DataFrame
        ``table`` of what `user_uncertainty` gives.
    placebo : DataFrame, default=None
        The same for a placebo.
    xlabel, ylabel : str, default=None
        What users are grouped by, and what is measured.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of the axes.
    points_ : dict of str to matplotlib ErrorbarContainer
        The means with intervals, of "model" and, if there is one, of "placebo".

    See Also
    --------
    user_uncertainty : The numbers.
    skrec.preprocessing.permute_items : What a placebo is fitted to.

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

    def __init__(self, table, *, placebo=None, xlabel=None, ylabel=None):
        self.table = table
        self.placebo = placebo
        self.xlabel = xlabel
        self.ylabel = ylabel

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X=None,
        *,
        placebo=None,
        users=None,
        groups="activity",
        item_groups=None,
        measure="variance",
        n_items=10,
        n_bins=6,
        strategy="uniform",
        edges=None,
        confidence=0.95,
        ax=None,
        **kwargs,
    ):
        """Measure the uncertainty of a fitted model, and plot.

        Parameters
        ----------
        estimator : estimator
            A fitted recommender.
        X : Interactions, sparse matrix or array-like of shape (n_rows, n_items), default=None
            What the users have; None takes what ``estimator`` was fitted to.
        placebo : estimator, default=None
            The same model fitted to `skrec.preprocessing.permute_items` of the data. It is asked
            for the same users, who are grouped by what they really have.
        users : array-like of int of shape (n_rows,), default=None
            Rows of the fitted matrix.
        groups : {"activity", "diversity"} or array-like of shape (n_rows,), default="activity"
            As in `user_uncertainty`, like all that follows.
        item_groups : array-like or sparse matrix of shape (n_items, n_genres), default=None
            Genres of the items.
        measure : {"variance", "spread"}, default="variance"
            The uncertainty of a user.
        n_items : int, default=10
            Length of the lists of "spread".
        n_bins : int, default=6
            Number of groups.
        strategy : {"uniform", "quantile"}, default="uniform"
            Groups of equal width or size.
        edges : array-like of shape (n_groups + 1,), default=None
            Where groups end.
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
        options = {
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
        if placebo is not None:
            placebo = _of_placebo(placebo, estimator, X, options)
        return cls.from_table(
            table,
            placebo=placebo,
            xlabel=_X_LABELS.get(groups if isinstance(groups, str) else None, "group of users"),
            ylabel=_Y_LABELS.get(measure if isinstance(measure, str) else None),
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_table(cls, table, *, placebo=None, xlabel=None, ylabel=None, ax=None, **kwargs):
        """Plot what has been measured.

        Parameters
        ----------
        table : DataFrame or Bunch
            What `user_uncertainty` gives, or its ``table``.
        placebo : DataFrame or Bunch, default=None
            The same for a placebo.
        xlabel, ylabel : str, default=None
            What users are grouped by, and what is measured.
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
        tables = (
            t if t is None or isinstance(t, pd.DataFrame) else t.table for t in (table, placebo)
        )
        table, placebo = tables
        return cls(table, placebo=placebo, xlabel=xlabel, ylabel=ylabel).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the means and their intervals.

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
        tables = {"model": self.table, "placebo": self.placebo}
        tables = {name: table for name, table in tables.items() if table is not None}
        groups = _all_groups(tables.values())
        self.points_ = {}
        for place, (name, table) in enumerate(tables.items()):
            x = groups.get_indexer(table.index) + _APART * (2 * place - len(tables) + 1)
            self.points_[name] = self._draw(x, table, {"label": name, **kwargs})
        self._label(groups)
        return self

    def _draw(self, x, table, options):
        mean, low, high = table[["mean", "low", "high"]].to_numpy(dtype=np.float64).T
        errors = np.nan_to_num([mean - low, high - mean])  # of one user there is no interval
        return self.ax_.errorbar(x, mean, yerr=errors, **{"fmt": "o", "capsize": 3, **options})

    def _label(self, groups):
        self.ax_.set_xticks(np.arange(len(groups)), [_name(group) for group in groups])
        self.ax_.tick_params(axis="x", labelsize="small")
        self.ax_.set_xlabel(self.xlabel or "group of users")
        self.ax_.set_ylabel(self.ylabel or "uncertainty")
        if len(self.points_) > 1:
            self.ax_.legend()


def _of_placebo(placebo, estimator, X, options):
    """Measure a placebo on the users that the model was asked for, with the same groups."""
    if X is None:
        users = options["users"]
        X = estimator.interactions_ if users is None else estimator.interactions_[users]
        options = {**options, "users": np.arange(X.shape[0]) if users is None else users}
    return user_uncertainty(placebo, X, **options).table


def _all_groups(tables):
    """Give the groups of all tables, in order."""
    indices = [pd.Index(table.index.astype(object)) for table in tables]
    union = indices[0].append(indices[1:]).unique()
    return union.sort_values() if len(indices) > 1 else union


def _name(group):
    return f"{group.left:g}–{group.right:g}" if isinstance(group, pd.Interval) else str(group)
