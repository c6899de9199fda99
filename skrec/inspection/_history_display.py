"""A plot of how a training went."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skrec.inspection._matplotlib import make_axes

__all__ = ["TrainingHistoryDisplay"]


class TrainingHistoryDisplay:
    """Training loss and validation metrics by epoch.

    It is recommended to make one by `from_estimator`.

    Parameters
    ----------
    train_loss : array-like of shape (n_epochs,)
        Mean loss of each epoch.
    validation : dict of str to array-like of shape (n_epochs,), default=None
        What each epoch was validated by, if it was.
    best_epoch : int, default=None
        The epoch, counted from 1, whose weights were kept.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the loss is drawn.
    validation_ax_ : matplotlib Axes or None
        The axes over them, with a scale on the right, where the metrics are drawn.
    figure_ : matplotlib Figure
        The figure of the axes.
    lines_ : dict of str to matplotlib Line2D
        The curves by name, and the line at the best epoch, ``"best_epoch"``.

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

    def __init__(self, *, train_loss, validation=None, best_epoch=None):
        self.train_loss = train_loss
        self.validation = validation
        self.best_epoch = best_epoch

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, **kwargs):
        """Plot the history of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted estimator that is trained in epochs, so that it has ``net_``.
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
            If the estimator is not trained in epochs, or was trained in none.
        """
        check_is_fitted(estimator)
        history = getattr(getattr(estimator, "net_", None), "history", None)
        if not history:
            raise ValueError(
                "estimator must have been trained in one epoch or more, with a history in "
                f"net_.history; got {estimator!r}"
            )
        return cls(**_curves(history)).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the curves.

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
        self.lines_ = {}
        self._draw(self.ax_, {"train_loss": self.train_loss}, kwargs)
        self.ax_.set(xlabel="epoch", ylabel="training loss")
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        self.validation_ax_ = self._draw_validation(kwargs) if self.validation else None
        top = self.validation_ax_ or self.ax_
        top.legend(handles=list(self.lines_.values()), loc="center right")
        return self

    def _draw(self, ax, curves, options):
        for name, values in curves.items():
            style = {"color": f"C{len(self.lines_)}", "label": name, **options}
            epochs = np.arange(1, len(values) + 1)
            (self.lines_[name],) = ax.plot(epochs, values, **style)

    def _draw_validation(self, options):
        ax = self.ax_.twinx()
        self._draw(ax, self.validation, options)
        ax.set_ylabel(", ".join(self.validation))
        if self.best_epoch is not None:
            style = {"color": "grey", "linestyle": ":", "label": f"best: epoch {self.best_epoch}"}
            self.lines_["best_epoch"] = ax.axvline(self.best_epoch, **style)
        return ax


def _curves(history):
    """Read the arguments of a display from skorch's history."""
    numbers = {key for key, value in history[-1].items() if _is_number(value)}
    names = sorted(name for name in numbers if name.startswith("valid_"))
    best = [key for key in history[-1] if key.startswith("valid_") and key.endswith("_best")]
    kept = np.flatnonzero(history[:, best[0]]) if best else []
    return {
        "train_loss": history[:, "train_loss"],
        "validation": {name: history[:, name] for name in names},
        "best_epoch": int(kept[-1]) + 1 if len(kept) else None,
    }


def _is_number(value):
    return isinstance(value, float | np.floating)
