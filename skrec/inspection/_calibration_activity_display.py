"""A plot of calibration by the activity of users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skrec.inspection._calibration_activity import calibration_by_activity
from skrec.inspection._matplotlib import add_legend, make_axes
from skrec.interactions import Interactions
from skrec.metrics import make_calibration_scorer
from skrec.typing import Array, MatrixLike, RandomState
from skrec.utils import canonical_csr, check_rng, split_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.lines import Line2D

__all__ = ["CalibrationByActivityDisplay"]


class CalibrationByActivityDisplay:
    """Plot mean predictions against mean outcomes by groups of activity, with standard errors.

    Create one with `from_estimator` or `from_predictions`. The calibration error of each group is
    written below it.

    Parameters
    ----------
    table : DataFrame
        The result of `calibration_by_activity`.
    name : str, default=None
        Name of the system in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the plot.
    figure_ : matplotlib Figure
        The figure of the axes.
    observed_ : matplotlib ErrorbarContainer
        The mean outcomes, with a standard error over users on either side.
    predicted_ : matplotlib Line2D
        The mean predictions.

    See Also
    --------
    calibration_by_activity : Computes the numbers.
    ReliabilityDisplay : Shows the calibration of all users by the size of the prediction.
    ActivityDisplay : Shows a metric by activity.

    Notes
    -----
    Outcomes are those of the targets that were hidden. A larger hidden share means a higher rate,
    for every group; `skrec.metrics.make_calibration_scorer` says which share models predict for.

    Examples
    --------
    >>> from skrec import EASERecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import CalibrationByActivityDisplay
    >>> X = make_interactions(400, 100, 8000, random_state=0).X
    >>> est = EASERecommender(l2=50.0).fit(X[:300])
    >>> display = CalibrationByActivityDisplay.from_estimator(est, X[300:], n_groups=3)
    >>> bool((display.table["difference"].abs() < display.table["observed"]).all())
    True
    """

    def __init__(self, table: pd.DataFrame, *, name: str | None = None) -> None:
        self.table = table
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Interactions | MatrixLike,
        y: MatrixLike | None = None,
        *,
        n_groups: int = 5,
        n_bins: int = 10,
        strategy: Literal["uniform", "quantile"] = "quantile",
        n_unstored: int | None = 200,
        random_state: RandomState = 0,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the probabilities that an estimator predicts for held-out pairs.

        Parameters
        ----------
        estimator : object
            Fitted recommender.
        X : {array-like, sparse matrix} of shape (n_rows, n_items) or Interactions
            Histories, or the targets of users of ``fit`` as Interactions, as in
            `skrec.metrics.make_calibration_scorer`. The activity of a user is the length of her
            history.
        y : None, array-like or sparse matrix, default=None
            Targets; None hides 20 % of each row of X, to be predicted from the rest.
        n_groups : int, default=5
            Number of groups.
        n_bins : int, default=10
            Number of bins of the calibration error.
        strategy : {"uniform", "quantile"}, default="quantile"
            Bins of equal width, or with equal numbers of pairs.
        n_unstored : int, default=200
            Number of pairs to draw for each user among those that are neither in the history nor
            targets, weighted by the inverse of the sampling rate; None takes all.
        random_state : int, RandomState instance or None, default=0
            Controls the choice of the hidden entries and the drawn pairs.
        name : str, default=None
            Name in the legend; None takes that of the class.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : CalibrationByActivityDisplay
            The plot and its numbers.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the estimator, X and y do not fit.
        """
        rng = check_rng(random_state)
        seed = int(rng.randint(2**31 - 1))
        if y is None and not isinstance(X, Interactions):
            X, y = split_rows(canonical_csr(X, "X"), random_state=rng)
        scorer = make_calibration_scorer(n_unstored=n_unstored, random_state=seed)
        pairs = scorer.pairs(estimator, X, y)
        return cls.from_predictions(
            pairs["outcome"].to_numpy(),
            pairs["proba"].to_numpy(),
            pairs["user"].to_numpy(),
            _activity(estimator, X),
            sample_weight=pairs["weight"].to_numpy(),
            n_groups=n_groups,
            n_bins=n_bins,
            strategy=strategy,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_prob: ArrayLike,
        users: ArrayLike,
        n_interactions: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        n_groups: int = 5,
        n_bins: int = 10,
        strategy: Literal["uniform", "quantile"] = "quantile",
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot probabilities against outcomes.

        Parameters
        ----------
        y_true : array-like of shape (n_pairs,)
            Outcomes, 0 or 1.
        y_prob : array-like of shape (n_pairs,)
            Probabilities.
        users : array-like of int of shape (n_pairs,)
            The user of each pair, an index into ``n_interactions``.
        n_interactions : array-like of shape (n_users,)
            The activity of each user.
        sample_weight : array-like of shape (n_pairs,), default=None
            The number of pairs that each pair represents; None means 1.
        n_groups : int, default=5
            Number of groups.
        n_bins : int, default=10
            Number of bins of the calibration error.
        strategy : {"uniform", "quantile"}, default="quantile"
            Bins of equal width, or with equal numbers of pairs.
        name : str, default=None
            Name in the legend.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : CalibrationByActivityDisplay
            The plot and its numbers.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the arrays do not fit each other.
        """
        options: dict[str, Any] = {"n_groups": n_groups, "n_bins": n_bins, "strategy": strategy}
        pairs = y_true, y_prob, users, n_interactions
        table = calibration_by_activity(*pairs, sample_weight=sample_weight, **options)
        return cls(table, name=name).plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Plot both means of each group.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to matplotlib's ``errorbar`` of the outcomes.

        Returns
        -------
        self : CalibrationByActivityDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        self.ax_ = make_axes(ax, "CalibrationByActivityDisplay.plot")
        self.figure_ = self.ax_.figure
        x, table = np.arange(len(self.table)), self.table
        options = {"fmt": "o", "capsize": 3, "label": "mean outcome", **kwargs}
        errors = table["observed_se"].fillna(0)  # of one user there is none
        self.observed_: ErrorbarContainer
        self.observed_ = self.ax_.errorbar(x, table["observed"], yerr=errors, **options)
        label = "mean prediction" + (f" of {self.name}" if self.name else "")
        style: dict[str, Any] = {"marker": "_", "markersize": 22, "markeredgewidth": 2}
        self.predicted_: Line2D
        (self.predicted_,) = self.ax_.plot(
            x, table["predicted"], **style, linestyle="", color="C1", label=label
        )
        self._label(x)
        return self

    def _label(self, x: Array) -> None:
        ticks = [_tick(row) for row in self.table.to_dict("records")]
        self.ax_.set_xticks(x, ticks)
        self.ax_.tick_params(axis="x", labelsize="small")
        self.ax_.set_xlabel("interactions of the user; below, the calibration error")
        self.ax_.set_ylabel("probability")
        self.ax_.margins(x=0.1)
        add_legend(self.ax_, above=True)


def _tick(row: dict[Any, Any]) -> str:
    ends = f"{row['least']:g}–{row['most']:g}"
    spread = "" if np.isnan(row["error_se"]) else f"\n±{row['error_se']:.2g}"
    return f"{ends}\n{row['error']:.2g}{spread}"


def _activity(estimator: Any, X: Interactions | MatrixLike) -> Array:
    """Return the length of each history: of the rows of X, or of what fit saw but the targets."""
    if not isinstance(X, Interactions):
        return np.diff(canonical_csr(X, "X").indptr)
    stored = canonical_csr(estimator.interactions_)
    targets = canonical_csr(X.tocsr())
    seen, judged = (_ones(matrix) for matrix in (stored, targets))
    both = np.asarray(seen.multiply(judged).sum(axis=1)).ravel()
    return np.diff(stored.indptr) - both.astype(np.int64)


def _ones(matrix: Any) -> Any:
    ones = matrix.copy()
    ones.data = np.ones(len(ones.data))
    return ones
