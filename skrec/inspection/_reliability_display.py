"""A plot of observed rates against predicted probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skrec.inspection._matplotlib import add_legend, make_axes
from skrec.interactions import Interactions
from skrec.metrics import make_calibration_scorer, reliability_curve
from skrec.typing import MatrixLike, RandomState
from skrec.utils import check_share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ReliabilityDisplay"]

_SCALES = ("log", "linear")


class ReliabilityDisplay:
    """Plot observed rates against predicted probabilities, with intervals and the diagonal.

    Create one with `from_estimator` or `from_predictions`. The axes are logarithmic by default,
    because most items of a large catalogue have small probabilities.

    Parameters
    ----------
    table : DataFrame of shape (n_bins, 5)
        A row for each bin: the observed ``rate``, the ``mean`` prediction, the total ``weight`` of
        the pairs, and the confidence interval of the rate from ``low`` to ``high``.
    name : str, default=None
        Name of the system in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the plot.
    figure_ : matplotlib Figure
        The figure of the axes.
    curve_ : matplotlib ErrorbarContainer
        The curve with its intervals.

    See Also
    --------
    skrec.metrics.reliability_curve : Computes the numbers.
    skrec.metrics.make_calibration_scorer : Chooses the pairs.

    Examples
    --------
    >>> from skrec import EASERecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import ReliabilityDisplay
    >>> X = make_interactions(400, 100, 8000, random_state=0).X
    >>> est = EASERecommender(l2=50.0).fit(X[:300])
    >>> display = ReliabilityDisplay.from_estimator(est, X[300:], n_bins=5)
    >>> display.table.columns.tolist(), len(display.table)
    (['rate', 'mean', 'weight', 'low', 'high'], 5)
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
        n_bins: int = 10,
        strategy: Literal["uniform", "quantile"] = "quantile",
        n_unstored: int | None = 200,
        random_state: RandomState = 0,
        confidence: float = 0.95,
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
            `skrec.metrics.make_calibration_scorer`.
        y : None, array-like or sparse matrix, default=None
            Targets; None hides 20 % of each row of X, to be predicted from the rest.
        n_bins : int, default=10
            Number of bins.
        strategy : {"uniform", "quantile"}, default="quantile"
            Bins of equal width, or with equal numbers of pairs.
        n_unstored : int, default=200
            Number of pairs to draw for each user among those that are neither in the history nor
            targets, weighted by the inverse of the sampling rate; None takes all.
        random_state : int, RandomState instance or None, default=0
            Controls the choice of the hidden entries and the drawn pairs.
        confidence : float, default=0.95
            Coverage of the intervals.
        name : str, default=None
            Name in the legend; None takes that of the class.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : ReliabilityDisplay
            The plot and its numbers.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the estimator, X and y do not fit.
        """
        scorer = make_calibration_scorer(n_unstored=n_unstored, random_state=random_state)
        pairs = scorer.pairs(estimator, X, y)
        return cls.from_predictions(
            pairs["outcome"].to_numpy(),
            pairs["proba"].to_numpy(),
            n_bins=n_bins,
            strategy=strategy,
            sample_weight=pairs["weight"].to_numpy(),
            confidence=confidence,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: MatrixLike,
        y_prob: ArrayLike,
        *,
        n_bins: int = 10,
        strategy: Literal["uniform", "quantile"] = "quantile",
        sample_weight: ArrayLike | None = None,
        confidence: float = 0.95,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot probabilities against outcomes.

        Parameters
        ----------
        y_true : {array-like, sparse matrix} of shape (n,) or (n_users, n_items)
            Outcomes, 0 or 1; the non-zero entries of a sparse matrix are 1, all others 0.
        y_prob : array-like of the same shape
            Probabilities, dense.
        n_bins : int, default=10
            Number of bins.
        strategy : {"uniform", "quantile"}, default="quantile"
            Bins of equal width, or with equal numbers of pairs.
        sample_weight : array-like of the same shape, default=None
            The number of pairs that each pair represents; None means 1.
        confidence : float, default=0.95
            Coverage of the intervals.
        name : str, default=None
            Name in the legend.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : ReliabilityDisplay
            The plot and its numbers.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the arrays do not fit each other.
        """
        check_share(confidence, "confidence")
        curve: Any = reliability_curve(
            y_true,
            y_prob,
            n_bins=n_bins,
            strategy=strategy,
            sample_weight=sample_weight,
            confidence=confidence,
        )
        rate, mean, weight, interval = curve
        columns = {"rate": rate, "mean": mean, "weight": weight}
        table = pd.DataFrame({**columns, "low": interval[:, 0], "high": interval[:, 1]})
        return cls(table, name=name).plot(ax, **kwargs)

    def plot(
        self, ax: Axes | None = None, *, scale: Literal["log", "linear"] = "log", **kwargs: Any
    ) -> Self:
        """Plot the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure. Several displays may share axes.
        scale : {"log", "linear"}, default="log"
            Scale of both axes. Of a bin whose rate is 0, logarithmic axes show only the upper end
            of the interval.
        **kwargs : dict
            Passed to matplotlib's ``errorbar``.

        Returns
        -------
        self : ReliabilityDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the scale is unknown.
        """
        if scale not in _SCALES:
            raise ValueError(f"scale must be one of {_SCALES}; got {scale!r}")
        self.ax_ = make_axes(ax, "ReliabilityDisplay.plot")
        self.figure_ = self.ax_.figure
        rate, mean = (self.table[column].to_numpy() for column in ("rate", "mean"))
        # roundings may put an end of the interval on the wrong side of the rate
        errors = [rate - self.table["low"], self.table["high"] - rate]
        options = {"marker": "o", "capsize": 3, "label": self.name, **kwargs}
        self.curve_ = self.ax_.errorbar(mean, rate, yerr=np.maximum(errors, 0), **options)
        self._scale(scale)
        self._label()
        return self

    def _scale(self, scale: str) -> None:
        self.ax_.set_xscale(scale)
        self.ax_.set_yscale(scale)
        if not any(line.get_label() == "calibrated" for line in self.ax_.get_lines()):
            ends = (0, 0), (1, 1)
            if scale == "log":  # a line through two points is straight on either scale
                ends = (0.5, 0.5), (1, 1)
            self.ax_.axline(*ends, linestyle=":", color="black", label="calibrated")

    def _label(self) -> None:
        self.ax_.set_xlabel("mean predicted probability")
        self.ax_.set_ylabel("observed rate")
        add_legend(self.ax_)
