"""A plot of a learnt prior and the posteriors of users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch

from skrec.base import BaseRecommender
from skrec.inspection._labels import place_labels
from skrec.inspection._matplotlib import add_legend, make_axes
from skrec.inspection._prior import prior_components
from skrec.typing import MatrixLike
from skrec.utils import check_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

__all__ = ["PriorDisplay"]

_AREA = 1500  # square points of a component that has all users
_APART = 0.3, 0.12  # least distance of two names, as a part of the width and height


class PriorDisplay:
    """Plot posterior means of users and components of the prior, on two principal axes.

    The area of a component grows with the share of the users whose posterior means it is
    nearest to. The largest components are labelled with items, where the labels do not overlap.
    Create one with `from_estimator`.

    Parameters
    ----------
    result : Bunch
        The result of `prior_components`.
    item_names : array-like of str of shape (n_items,), default=None
        Names of the items; None writes column indices.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the plot.
    figure_ : matplotlib Figure
        The figure of the axes.
    posterior_, prior_ : matplotlib PathCollection
        The points of users and of components.
    texts_ : list of matplotlib Annotation
        Labels of the largest components.

    See Also
    --------
    prior_components : Computes the numbers.

    References
    ----------
    Kim, D., & Suh, B. (2019). Enhancing VAEs for collaborative filtering: flexible priors & gating
    mechanisms. RecSys. https://doi.org/10.1145/3298689.3347015

    Examples
    --------
    >>> from skrec import VampVAERecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import PriorDisplay
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = VampVAERecommender(hidden_sizes=(), latent_size=8, n_pseudo_inputs=10, max_epochs=5)
    >>> display = PriorDisplay.from_estimator(est.fit(X), n_labels=1)
    >>> len(display.texts_)
    1
    """

    def __init__(self, result: Bunch, *, item_names: ArrayLike | None = None) -> None:
        self.result = result
        self.item_names = item_names

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseRecommender,
        X: MatrixLike | None = None,
        *,
        users: ArrayLike | None = None,
        n_items: int = 3,
        popularity_discount: float = 0.0,
        item_names: ArrayLike | None = None,
        n_labels: int = 5,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the prior of a fitted model and the posteriors of users.

        Parameters
        ----------
        estimator : estimator
            A fitted recommender that has ``prior_means_``.
        X : sparse matrix or array-like of shape (n_users, n_items), default=None
            Histories of the users; None takes the users of ``fit``.
        users : array-like of int of shape (n_users,), default=None
            Rows of the fitted matrix, instead of ``X``.
        n_items : int, default=3
            Number of items in a label.
        popularity_discount : float, default=0.0
            Factor of the log popularity that is subtracted from the scores of items, as in
            `prior_components`.
        item_names : array-like of str of shape (n_items,), default=None
            Names of the items; None writes column indices.
        n_labels : int, default=5
            Number of components to label at most, the largest shares first.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : PriorDisplay
            The plot and its numbers.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the model has no learnt prior.
        """
        result = prior_components(
            estimator, X, users=users, n_items=n_items, popularity_discount=popularity_discount
        )
        return cls(result, item_names=item_names).plot(ax, n_labels=n_labels, **kwargs)

    def plot(self, ax: Axes | None = None, *, n_labels: int = 5, **kwargs: Any) -> Self:
        """Plot users, components and labels.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        n_labels : int, default=5
            Number of components to label at most, the largest shares first.
        **kwargs : dict
            Passed to matplotlib's ``scatter`` of the components.

        Returns
        -------
        self : PriorDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        n_labels = check_count(n_labels, "n_labels")
        self._check_item_names()
        self.ax_ = make_axes(ax, "PriorDisplay.plot")
        self.figure_ = self.ax_.figure
        result = self.result
        self.posterior_ = self.ax_.scatter(
            *result.posterior.T, s=6, color="0.75", linewidths=0, label="users"
        )
        area = np.maximum(_AREA * result.table["share"].to_numpy(), 4)
        options = {"s": area, "alpha": 0.6, "label": "components", **kwargs}
        self.prior_ = self.ax_.scatter(*result.prior.T, **options)
        for axis, part in zip("xy", result.explained):
            getattr(self.ax_, f"set_{axis}label")(f"principal axis ({part:.0%} of the variance)")
        legend: Any = add_legend(self.ax_)
        for mark in legend.legend_handles:
            mark.set_sizes([20])  # the size of a component may be that of the legend
        self.texts_ = self._write_names(self._places_apart(n_labels))
        return self

    def _check_item_names(self) -> None:
        if self.item_names is None:
            return
        n_named = 1 + max(item for items in self.result.table["items"] for item in items)
        shape = np.shape(np.asarray(self.item_names, dtype=object))
        if len(shape) != 1 or shape[0] < n_named:
            raise ValueError(f"item_names must have a name for each item, (n_items,); got {shape}")

    def _places_apart(self, n_labels: int) -> list[int]:
        """Return components whose labels do not overlap, the largest shares first."""
        extent = np.ptp(np.vstack([self.result.prior, self.result.posterior]), axis=0)
        points = self.result.prior / np.maximum(extent, 1e-12)
        chosen: list[int] = []
        for place, point in enumerate(points):
            if len(chosen) == n_labels:
                break
            if (np.abs(points[chosen] - point) > _APART).any(axis=1).all():
                chosen.append(place)
        return chosen

    def _write_names(self, places: list[int]) -> list[Annotation]:
        """Write the items of components beside them, where they cover no component."""
        n = len(self.result.prior)
        order = [*places, *np.setdiff1d(np.arange(n), places)]
        labels = place_labels(
            self.ax_,
            self.result.prior[order],
            [self._name(place) for place in places],
            radii=np.sqrt(self.prior_.get_sizes()[order]) / 2,
            others=self.result.posterior,
            fontsize="x-small",
        )
        return [label for label in labels if label is not None]

    def _name(self, place: int) -> str:
        items = self.result.table["items"].iloc[place]
        names = items if self.item_names is None else np.asarray(self.item_names)[items]
        return "\n".join(map(str, names))
