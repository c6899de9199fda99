"""Fits that are timed from within: their batches, or their epochs."""

import time
from itertools import pairwise
from typing import Any

import numpy as np
from skorch import NeuralNet
from skorch.callbacks import Callback

from benchmarks.speed.measure import seconds
from skrec.typing import CSRMatrix

__all__ = ["BatchTimer", "EstimatorBatches", "EstimatorEpochs", "SharedCallback", "epoch_seconds"]


class SharedCallback(Callback):
    """A callback that is read after the fit: estimators copy theirs, and this one stays itself."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "SharedCallback":
        return self


class BatchTimer(SharedCallback):
    """Note the time at the end of each batch; a skorch callback is part of the estimator's loop."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_batch_end(self, net: NeuralNet, training: bool | None = None, **kwargs: Any) -> None:
        """Note the time."""
        if training:
            self.ends.append(time.perf_counter())

    def batches(self) -> list[float]:
        """Return the seconds of each batch but the first, which has no beginning."""
        return [after - before for before, after in pairwise(self.ends)]


class EstimatorBatches:
    """Some batches of a fit: slicing, skorch, callbacks and all.

    Parameters
    ----------
    estimator : estimator
        What to fit.
    X : csr_matrix of shape (n_users, n_items)
        Rows to train on.
    batch_size : int
        Rows a batch.
    n_batches : int
        Batches a round that are timed.
    """

    def __init__(self, estimator: Any, X: CSRMatrix, batch_size: int, n_batches: int) -> None:
        self.X = X[: batch_size * (n_batches + 1)]
        self.estimator = estimator.set_params(
            max_epochs=1, batch_size=batch_size, device="cpu", random_state=0
        )

    def __call__(self) -> list[float]:
        """Fit for an epoch and return the seconds of its batches."""
        timer = BatchTimer()
        self.estimator.set_params(callbacks=[timer]).fit(self.X)
        return timer.batches()


class EstimatorEpochs:
    """Fits of a few epochs: the seconds of each epoch but the first.

    Parameters
    ----------
    estimator : estimator
        What to fit.
    X : csr_matrix of shape (n_users, n_items)
        What to fit it on.
    n_epochs : int
        Epochs a fit, 1 to count the first one too.

    Attributes
    ----------
    outside : list of float
        Seconds of each fit that its epochs do not account for.
    """

    def __init__(self, estimator: Any, X: CSRMatrix, n_epochs: int) -> None:
        self.estimator, self.X, self.n_epochs = estimator, X, n_epochs
        self.outside: list[float] = []

    def __call__(self) -> list[float]:
        """Fit once and return the seconds of the epochs."""
        self.estimator.set_params(max_epochs=self.n_epochs, random_state=0)
        whole = seconds(lambda: self.estimator.fit(self.X))
        taken = epoch_seconds(self.estimator)
        self.outside.append(whole - sum(taken))
        return taken[1:] or taken

    @property
    def note(self) -> str:
        """What a fit takes beside its epochs, in words."""
        return f"{np.median(self.outside):.2f} s of a fit outside its epochs"


def epoch_seconds(estimator: Any) -> list[float]:
    """Return the seconds of each epoch of a fitted estimator, by torch or compiled."""
    if hasattr(estimator, "net_"):
        return estimator.net_.history[:, "dur"]
    return [row["dur"] for row in estimator.history_]
