"""Parameters that several autoencoders have, and the callback that raises beta."""

from numbers import Integral, Real
from typing import Annotated, Any

from sklearn.utils._param_validation import Interval

from skrec.training import LinearAnnealing

__all__ = ["AnnealEpochs", "AnnealSteps", "HiddenSizes", "annealing"]

HiddenSizes = Annotated[
    tuple[int, ...] | list[int],
    tuple,
    list,
    "Widths of the encoder's hidden layers, none, one or more; the decoder has them in reverse.",
]
AnnealEpochs = Annotated[
    float,
    Interval(Real, 0, None, closed="left"),
    "Epochs in which beta rises from 0 to its cap, update by update, however many epochs there "
    "are; 0 begins at the cap.",
]
AnnealSteps = Annotated[
    int | None,
    Interval(Integral, 1, None, closed="left"),
    "Updates in which beta would rise from 0 to 1, in place of ``anneal_epochs``.",
]


def annealing(
    estimator: Any, batches: Any, cap: float, pace: float | None = None
) -> tuple[str, LinearAnnealing]:
    """Return the callback that raises beta by updates, from where the last fit left it.

    Parameters
    ----------
    estimator : RowRecommender
        With ``anneal_epochs`` and ``anneal_steps``.
    batches : iterable
        The batches of an epoch.
    cap : float
        Where beta stops.
    pace : float or None, default=None
        What beta would reach in ``anneal_epochs``, where there are no ``anneal_steps``; it may
        lie above the cap, which None takes.

    Returns
    -------
    callback : tuple of str and LinearAnnealing
        Its name and itself.
    """
    pace = cap if pace is None else pace
    done = len(estimator._last_net.history) if hasattr(estimator, "_last_net") else 0
    n_steps = estimator.anneal_steps
    if n_steps is None:
        n_steps = estimator.anneal_epochs * len(batches) / max(pace, 1e-12)
    return "annealing", LinearAnnealing(n_steps, cap, start=done * len(batches))
