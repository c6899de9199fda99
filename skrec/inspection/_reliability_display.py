"""A plot of how often things happen against how probable they were said to be."""

import numpy as np
import pandas as pd

from skrec.inspection._matplotlib import make_axes
from skrec.metrics import make_calibration_scorer, reliability_curve

__all__ = ["ReliabilityDisplay"]

_SCALES = ("log", "linear")


class ReliabilityDisplay:
    """Observed rate against predicted probability, with intervals, beside the diagonal.

    It is recommended to make one by `from_estimator` or `from_predictions`. The axes are
    logarithmic by default, since an item of a large catalogue is rarely probable.

    Parameters
    ----------
    table : DataFrame of shape (n_bins, 5)
        A row for each bin: the observed ``rate``, the ``mean`` prediction, the ``weight`` of its
        pairs, and the interval of the rate from ``low`` to ``high``.
    name : str, default=None
        Name of the system, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of the axes.
    curve_ : matplotlib ErrorbarContainer
        The curve and its intervals.

    See Also
    --------
    skrec.metrics.reliability_curve : The numbers.
    skrec.metrics.make_calibration_scorer : The pairs.

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

    def __init__(self, table, *, name=None):
        self.table = table
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        n_bins=10,
        strategy="quantile",
        n_unstored=200,
        random_state=0,
        confidence=0.95,
        name=None,
        ax=None,
        **kwargs,
    ):
        """Ask an estimator for held-out pairs, and plot.

        Parameters
        ----------
        estimator : object
            Fitted recommender.
        X : {array-like, sparse matrix} of shape (n_rows, n_items) or Interactions
            Histories, or targets of users of fit, as of `skrec.metrics.make_calibration_scorer`.
        y : None, array-like or sparse matrix, default=None
            Targets; None hides 20 % of each row of X.
        n_bins : int, default=10
            Number of bins.
        strategy : {"uniform", "quantile"}, default="quantile"
            Bins of equal width, or of equally many pairs.
        n_unstored : int, default=200
            Pairs drawn for each user among those that are neither shown nor targets, weighted by
            the inverse of the rate; None takes all.
        random_state : int, RandomState instance or None, default=0
            Source of the hidden entries and the drawn pairs.
        confidence : float, default=0.95
            Level of the intervals.
        name : str, default=None
            Name for the legend; None takes that of the class.
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
        y_true,
        y_prob,
        *,
        n_bins=10,
        strategy="quantile",
        sample_weight=None,
        confidence=0.95,
        name=None,
        ax=None,
        **kwargs,
    ):
        """Plot probabilities against outcomes.

        Parameters
        ----------
        y_true : {array-like, sparse matrix} of shape (n,) or (n_users, n_items)
            Outcomes 0 and 1; the non-zero entries of a sparse matrix are 1, all others 0.
        y_prob : array-like of the same shape
            Probabilities, dense.
        n_bins : int, default=10
            Number of bins.
        strategy : {"uniform", "quantile"}, default="quantile"
            Bins of equal width, or of equally many pairs.
        sample_weight : array-like of the same shape, default=None
            How many pairs each one stands for; None means 1.
        confidence : float, default=0.95
            Level of the intervals.
        name : str, default=None
            Name for the legend.
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
        rate, mean, weight, interval = reliability_curve(
            y_true,
            y_prob,
            n_bins=n_bins,
            strategy=strategy,
            sample_weight=sample_weight,
            confidence=confidence,
        )
        columns = {"rate": rate, "mean": mean, "weight": weight}
        table = pd.DataFrame({**columns, "low": interval[:, 0], "high": interval[:, 1]})
        return cls(table, name=name).plot(ax, **kwargs)

    def plot(self, ax=None, *, scale="log", **kwargs):
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure. Several displays may share one.
        scale : {"log", "linear"}, default="log"
            Scale of both axes. On logarithmic ones, of a bin whose rate is 0 only the upper end
            of the interval is seen.
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

    def _scale(self, scale):
        self.ax_.set_xscale(scale)
        self.ax_.set_yscale(scale)
        if not any(line.get_label() == "calibrated" for line in self.ax_.get_lines()):
            ends = (0, 0), (1, 1)
            if scale == "log":  # a line through two points is straight on either scale
                ends = (0.5, 0.5), (1, 1)
            self.ax_.axline(*ends, linestyle=":", color="black", label="calibrated")

    def _label(self):
        self.ax_.set_xlabel("mean predicted probability")
        self.ax_.set_ylabel("observed rate")
        self.ax_.legend()
