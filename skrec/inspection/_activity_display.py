"""A plot of a metric by the activity of users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skrec.inspection._activity import activity_quintiles
from skrec.inspection._matplotlib import add_legend, make_axes, makes_room, raise_top
from skrec.metrics import evaluate_ranking, make_ranking_scorer
from skrec.typing import Array, CSRMatrix, MatrixLike, RandomState
from skrec.utils import as_numbers, canonical_csr, check_finite, check_rng, split_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.text import Text

__all__ = ["ActivityDisplay"]

_STARS = (0.05, 0.01, 0.001)
_GROUP_WIDTH = 0.8


class ActivityDisplay:
    """Plot a metric by quintile of activity, with standard errors and paired t-tests.

    Create one with `from_estimators`, `from_predictions` or `from_scores`.

    Parameters
    ----------
    table : DataFrame
        The result of `activity_quintiles`.
    metric : str, default=None
        Name of the metric, the label of the axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the plot.
    figure_ : matplotlib Figure
        The figure of the axes.
    bars_ : dict of str to matplotlib BarContainer
        The bars of each system.
    stars_ : list of matplotlib Text
        The stars of the paired t-test against the reference: ``*`` for p < .05, ``**`` for
        p < .01, ``***`` for p < .001.

    See Also
    --------
    activity_quintiles : Computes the numbers.

    References
    ----------
    Liang, D., Krishnan, R. G., Hoffman, M. D., & Jebara, T. (2018). Variational autoencoders for
    collaborative filtering. WWW. Figure 3. https://doi.org/10.1145/3178876.3186150

    Examples
    --------
    >>> from skrec import EASERecommender, PopularityRecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import ActivityDisplay
    >>> X = make_interactions(400, 100, 8000, random_state=0).X
    >>> systems = {"ItemPop": PopularityRecommender(), "EASE": EASERecommender(l2=50)}
    >>> fitted = {name: est.fit(X[:300]) for name, est in systems.items()}
    >>> display = ActivityDisplay.from_estimators(fitted, X[300:], metric="recall@20")
    >>> display.table.loc[1, "mean"].round(2).to_dict()
    {'ItemPop': 0.48, 'EASE': 0.86}
    """

    def __init__(self, table: pd.DataFrame, *, metric: str | None = None) -> None:
        self.table = table
        self.metric = metric

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, BaseEstimator],
        X: MatrixLike,
        y: MatrixLike | None = None,
        *,
        metric: str = "ndcg@100",
        reference: str | None = None,
        n_groups: int = 5,
        random_state: RandomState = 0,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the scores of estimators on the same users.

        Parameters
        ----------
        estimators : dict of str to estimator
            Fitted recommenders, by name.
        X : sparse matrix or array-like of shape (n_users, n_items)
            Histories. The length of each is the activity of the user.
        y : sparse matrix or array-like of shape (n_users, n_items), default=None
            Targets; None hides 20 % of each row of X, to be predicted from the rest.
        metric : str, default="ndcg@100"
            A metric of `skrec.metrics.make_ranking_scorer`; without a cut-off it evaluates the
            whole ranking.
        reference : str, default=None
            The system to compare the others with; None takes the first.
        n_groups : int, default=5
            Number of groups.
        random_state : int, RandomState instance or None, default=0
            Controls the choice of the hidden entries.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : ActivityDisplay
            The plot and its numbers.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the estimators, X and y do not fit.
        """
        _check_systems(estimators, "estimators")
        rng, shown = check_rng(random_state), X
        if y is None:
            shown, y = split_rows(_as_csr(X, "X"), random_state=rng)
        scorer = make_ranking_scorer(metric, k=None)
        tables = {name: scorer.per_user(est, shown, y) for name, est in estimators.items()}
        users = next(iter(tables.values())).index
        values = {name: table.iloc[:, 0].to_numpy() for name, table in tables.items()}
        options = {"metric": metric, "reference": reference, "n_groups": n_groups, "ax": ax}
        return cls.from_scores(_row_lengths(shown)[users], values, **options, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        history: MatrixLike,
        targets: MatrixLike,
        predictions: Mapping[str, Array],
        *,
        metric: str = "ndcg@100",
        reference: str | None = None,
        n_groups: int = 5,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the evaluation of scores of all items, for the same users.

        Parameters
        ----------
        history : sparse matrix or array-like of shape (n_users, n_items)
            Items that each user has. They are not ranked; their number is the activity.
        targets : sparse matrix or array-like of shape (n_users, n_items)
            Items to be found.
        predictions : dict of str to ndarray of shape (n_users, n_items)
            The result of ``decision_function`` of each system.
        metric : str, default="ndcg@100"
            A metric of `skrec.metrics.evaluate_ranking`; without a cut-off it evaluates the whole
            ranking.
        reference : str, default=None
            The system to compare the others with; None takes the first.
        n_groups : int, default=5
            Number of groups.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : ActivityDisplay
            The plot and its numbers.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the arrays do not fit each other.
        """
        _check_systems(predictions, "predictions")
        history, targets = _as_csr(history, "history"), _as_csr(targets, "targets")
        if history.shape != targets.shape:
            raise ValueError(
                f"targets must have the shape of history, {history.shape}; got {targets.shape}"
            )
        values = {}
        for name, scores in predictions.items():
            scores = as_numbers(scores, f"predictions[{name!r}]", ndim=2)
            values[name] = _per_user(targets, scores, metric, history)
        options = {"metric": metric, "reference": reference, "n_groups": n_groups, "ax": ax}
        return cls.from_scores(_row_lengths(history), values, **options, **kwargs)

    @classmethod
    def from_scores(
        cls,
        n_interactions: ArrayLike,
        values: Mapping[str, ArrayLike] | pd.DataFrame,
        *,
        metric: str | None = None,
        reference: str | None = None,
        n_groups: int = 5,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot a metric that was computed for each user.

        Parameters
        ----------
        n_interactions : array-like of shape (n_users,)
            The activity of each user.
        values : dict of str to array-like of shape (n_users,)
            The metric of each user, by system.
        metric : str, default=None
            Its name, the label of the axis.
        reference : str, default=None
            The system to compare the others with; None takes the first.
        n_groups : int, default=5
            Number of groups.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : ActivityDisplay
            The plot and its numbers.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the arrays do not fit each other.
        """
        table = activity_quintiles(n_interactions, values, reference=reference, n_groups=n_groups)
        return cls(table, metric=metric).plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Plot the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to matplotlib's ``bar``.

        Returns
        -------
        self : ActivityDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        self.ax_ = make_axes(ax, "ActivityDisplay.plot")
        self.figure_ = self.ax_.figure
        self.bars_: dict[str, BarContainer] = {}
        self.stars_: list[Text] = []
        systems = self.table.index.unique("system")
        width = _GROUP_WIDTH / len(systems)
        part = self.table
        for place, system in enumerate(systems):
            part = self.table.xs(system, level="system")
            x = np.arange(len(part)) + (place - (len(systems) - 1) / 2) * width
            self._draw_system(system, part, x, {"width": width, "capsize": 3, **kwargs})
        self._label(part)
        return self

    def _draw_system(
        self, system: str, part: pd.DataFrame, x: Array, options: dict[str, Any]
    ) -> None:
        errors = part["std_error"].fillna(0)  # of one user there is none
        self.bars_[system] = self.ax_.bar(x, part["mean"], yerr=errors, label=system, **options)
        for place, top, p_value in zip(x, part["mean"] + errors, part["t_pvalue"]):
            if p_value < _STARS[0]:
                stars = "*" * sum(p_value < level for level in _STARS)
                options = {"ha": "center", "va": "bottom", "fontsize": "small"}
                self.stars_.append(self.ax_.text(place, top, stars, **options))

    def _label(self, part: pd.DataFrame) -> None:
        ranges = [f"{low}–{high}" for low, high in zip(part["least"], part["most"])]
        self.ax_.set_xticks(np.arange(len(part)), ranges)
        self.ax_.set_xlabel("interactions of the user")
        self.ax_.set_ylabel(self.metric or "metric")
        self.ax_.margins(y=0.1)
        if makes_room(self.ax_):
            add_legend(self.ax_)
        else:  # above the stars
            raise_top(self.ax_, self.ax_.legend(loc="upper left", fontsize="small", ncols=2))


def _check_systems(systems: Any, name: str) -> None:
    if not isinstance(systems, Mapping) or not systems:
        raise ValueError(f"{name} must be a dict with a system or more; got {systems!r}")


def _per_user(targets: MatrixLike, scores: Array, metric: str, history: MatrixLike) -> Array:
    (values,) = evaluate_ranking(targets, scores, metrics=metric, exclude=history).values()
    return values


def _as_csr(X: MatrixLike, name: str) -> CSRMatrix:
    matrix = canonical_csr(X, name)
    check_finite(matrix.data, name)
    return matrix


def _row_lengths(X: MatrixLike) -> Array:
    return np.diff(canonical_csr(X).indptr)
