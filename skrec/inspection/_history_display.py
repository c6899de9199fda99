"""A plot of training loss and validation metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skrec.inspection._matplotlib import add_legend, make_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["TrainingHistoryDisplay"]


class TrainingHistoryDisplay:
    """Plot training loss and validation metrics by epoch.

    Create one with `from_estimator`.

    Parameters
    ----------
    train_loss : array-like of shape (n_epochs,)
        Mean loss of each epoch.
    validation : dict of str to array-like of shape (n_epochs,), default=None
        The validation metrics by name; None where there was no validation.
    best_epoch : int, default=None
        The epoch whose weights were kept, counted from 1.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the loss.
    validation_ax_ : matplotlib Axes or None
        The axes of the metrics, with their scale on the right.
    figure_ : matplotlib Figure
        The figure of the axes.
    lines_ : dict of str to matplotlib Line2D
        The curves by name, and the line ``"best_epoch"`` at the best epoch.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : A metric by the size of the training data.

    Examples
    --------
    >>> from skrec import MultVAERecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import TrainingHistoryDisplay
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = MultVAERecommender(latent_size=8, max_epochs=3, early_stopping=True, random_state=0)
    >>> display = TrainingHistoryDisplay.from_estimator(est.fit(X))
    >>> list(display.lines_)
    ['train_loss', 'valid_ndcg@100', 'best_epoch']
    """

    def __init__(
        self,
        *,
        train_loss: ArrayLike,
        validation: Mapping[str, ArrayLike] | None = None,
        best_epoch: int | None = None,
    ) -> None:
        self.train_loss = train_loss
        self.validation = validation
        self.best_epoch = best_epoch

    @classmethod
    def from_estimator(
        cls, estimator: BaseEstimator, *, ax: Axes | None = None, **kwargs: Any
    ) -> Self:
        """Plot the history of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted estimator that was trained in epochs; it has ``net_`` or
            ``history_``.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : TrainingHistoryDisplay
            The plot and its numbers.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the estimator is not trained in epochs, or was trained for none.
        """
        check_is_fitted(estimator)
        history = getattr(
            getattr(estimator, "net_", None), "history", getattr(estimator, "history_", None)
        )
        if not history:
            raise ValueError(
                "estimator must have been trained in one epoch or more, with a history in "
                f"net_.history or history_; got {estimator!r}"
            )
        return cls(**_curves(history)).plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Plot the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to matplotlib's ``plot``.

        Returns
        -------
        self : TrainingHistoryDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        self.ax_ = make_axes(ax, "TrainingHistoryDisplay.plot")
        self.figure_ = self.ax_.figure
        self.lines_: dict[str, Line2D] = {}
        self._draw(self.ax_, {"train_loss": self.train_loss}, kwargs)
        self.ax_.set(xlabel="epoch", ylabel="training loss")
        locator: Any = self.ax_.xaxis.get_major_locator()
        locator.set_params(integer=True)
        validation = self.validation
        self.validation_ax_ = self._draw_validation(validation, kwargs) if validation else None
        top = self.validation_ax_ or self.ax_
        add_legend(top, above=True, handles=list(self.lines_.values()))
        return self

    def _draw(self, ax: Axes, curves: Mapping[str, Any], options: dict[str, Any]) -> None:
        for name, values in curves.items():
            style = {"color": f"C{len(self.lines_)}", "label": name, **options}
            epochs = np.arange(1, len(values) + 1)
            (self.lines_[name],) = ax.plot(epochs, values, **style)

    def _draw_validation(self, curves: Mapping[str, ArrayLike], options: dict[str, Any]) -> Axes:
        ax = self.ax_.twinx()
        self._draw(ax, curves, options)
        # the names of many would be longer than the axis; the legend has them
        ax.set_ylabel(", ".join(curves) if len(curves) < 3 else "validation")
        if self.best_epoch is not None:
            label = f"best: epoch {self.best_epoch}"
            style: dict[str, Any] = {"color": "grey", "linestyle": ":", "label": label}
            self.lines_["best_epoch"] = ax.axvline(self.best_epoch, **style)
        return ax


def _curves(history: Any) -> dict[str, Any]:
    """Return the arguments of a display, read from skorch's history."""
    numbers = {key for key, value in history[-1].items() if _is_number(value)}
    names = sorted(name for name in numbers if name.startswith("valid_"))
    best = [key for key in history[-1] if key.startswith("valid_") and key.endswith("_best")]
    kept = np.flatnonzero(history[:, best[0]]) if best else []
    return {
        "train_loss": history[:, "train_loss"],
        "validation": {name: history[:, name] for name in names},
        "best_epoch": int(kept[-1]) + 1 if len(kept) else None,
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, float | np.floating)
