"""Parameters that several autoencoders have, and the callback that raises beta."""

from numbers import Integral
from typing import Annotated, Any

from sklearn.utils._param_validation import Interval

from skrec.training import LinearAnnealing

__all__ = ["AnnealSteps", "HiddenSizes", "annealing"]

_CAP_AT = 0.8  # share of the planned updates after which beta has reached its cap

HiddenSizes = Annotated[
    tuple[int, ...] | list[int],
    tuple,
    list,
    "Widths of the encoder's hidden layers, none, one or more; the decoder has them in reverse.",
]
AnnealSteps = Annotated[
    int | None,
    Interval(Integral, 1, None, closed="left"),
    "Updates in which beta would rise from 0 to 1. None makes it reach its cap after 80 % of the "
    "planned updates.",
]


def annealing(
    estimator: Any, batches: Any, cap: float, pace: float | None = None
) -> tuple[str, LinearAnnealing]:
    """Return the callback that raises beta by updates, from where the last fit left it.

    Parameters
    ----------
    estimator : RowRecommender
        With ``anneal_steps`` and ``max_epochs``.
    batches : iterable
        The batches of an epoch.
    cap : float
        Where beta stops.
    pace : float or None, default=None
        What beta would reach after 80 % of the planned updates, where there are no
        ``anneal_steps``; it may lie above the cap, which None takes.

    Returns
    -------
    callback : tuple of str and LinearAnnealing
        Its name and itself.
    """
    pace = cap if pace is None else pace
    done = len(estimator._last_net.history) if hasattr(estimator, "_last_net") else 0
    planned = max(1, len(batches) * (done + estimator.max_epochs))
    n_steps = estimator.anneal_steps or max(1.0, _CAP_AT * planned / max(pace, 1e-12))
    return "annealing", LinearAnnealing(n_steps, cap, start=done * len(batches))
