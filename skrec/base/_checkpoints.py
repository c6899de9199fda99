"""Checkpoints as a parameter of estimators."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Annotated, Any, TypeAlias

import skrec
from skrec.base._parameters import Doc
from skrec.typing import CSRMatrix
from skrec.utils import Checkpoints, fingerprint

__all__ = ["CheckpointFolder", "checkpoints_of", "kept_seed"]

CheckpointFolder: TypeAlias = Annotated[
    str | PathLike | None,
    str,
    PathLike,
    Doc(
        "Folder for the state of the training, written after an epoch where that takes little of "
        "the time. A ``fit`` with the same parameters, data and version goes on from there, and "
        "ends with the weights of one that was never ended, bit for bit; a finished one is not "
        "repeated. Each fit has a file of its own, so that a search can share the folder. With "
        "``random_state=None`` the seed is kept, too. Callbacks of your own see the epochs that "
        "are left. Nothing is executed when it is read; delete it to begin anew.",
        "str or path-like",
    ),
]

# what has no influence on the outcome
_FREE = {"checkpoint", "verbose", "n_jobs", "callbacks"}


@contextmanager
def checkpoints_of(estimator: Any, X: CSRMatrix, start: Any = None) -> Iterator[Checkpoints]:
    """Keep the checkpoints of one fit as ``_checkpoints`` of an estimator, while it lasts.

    Parameters
    ----------
    estimator : BaseRecommender
        With the parameter ``checkpoint``.
    X : csr_matrix of shape (n_users, n_items)
        What it is fitted to.
    start : object, default=None
        What else the outcome depends on, such as weights to go on from.

    Yields
    ------
    checkpoints : Checkpoints
        One for each phase.
    """
    folder, key = estimator.checkpoint, ""
    if folder is not None:
        parameters = estimator.get_params(deep=False)
        kinds = [type(each).__qualname__ for each in parameters.get("callbacks") or ()]
        given = {name: value for name, value in parameters.items() if name not in _FREE}
        name = type(estimator).__qualname__
        key = f"{name}-{fingerprint(name, skrec.__version__, given, kinds, X, start)}"
    estimator._checkpoints = Checkpoints(folder, key)
    try:
        yield estimator._checkpoints
    finally:
        del estimator._checkpoints


def kept_seed(estimator: Any, checkpoints: Checkpoints, seed: int) -> int:
    """Return the seed of a fit, that of the ended one where it cannot be drawn again.

    Parameters
    ----------
    estimator : BaseRecommender
        With a ``random_state``.
    checkpoints : Checkpoints
        Of the fit.
    seed : int
        Drawn just now.

    Returns
    -------
    seed : int
        That one, or the one that is kept.
    """
    if estimator.random_state is not None:
        return seed
    checkpoint = checkpoints.next()
    kept = checkpoint.load()
    if kept is not None:
        return kept
    checkpoint.save(seed, must=True)
    return seed
