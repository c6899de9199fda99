"""One cell of a table: a system fitted and scored once."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skrec.reproduce._systems import make_system

__all__ = ["Cell", "Outcome", "kept_epoch", "run", "score"]


@dataclass(frozen=True)
class Cell:
    """What is run, hashable through `key`.

    Parameters
    ----------
    system : str
        Name of an estimator of `skrec`.
    data : str
        Name of the data set.
    protocol : str
        Name of the protocol.
    seed : int
        The estimator's ``random_state``.
    split : str
        Which split: ``"given"``, or how the protocol draws one.
    parameters : dict
        Parameters of the estimator.
    """

    system: str
    data: str
    protocol: str
    seed: int
    split: str
    parameters: Any

    @property
    def key(self):
        """Give the columns that identify the cell in a table of results."""
        return {
            "system": self.system,
            "data": self.data,
            "protocol": self.protocol,
            "seed": self.seed,
            "split": self.split,
            "parameters": json.dumps(self.parameters, sort_keys=True),
        }

    @property
    def name(self):
        """Give a short name of the cell, without its parameters."""
        return f"{self.protocol}-{self.data}-{self.system}-{self.split}-{self.seed}"

    def path(self, folder):
        """Give the file of the values of the cell's users."""
        return Path(folder) / f"{self.name}.npz"

    def saved(self, folder):
        """Give the values of the users, if there are any of these parameters, else None."""
        if not self.path(folder).exists():
            return None
        with np.load(self.path(folder)) as arrays:
            arrays = dict(arrays)
        return arrays if str(arrays["parameters"]) == self.key["parameters"] else None


@dataclass(frozen=True)
class Outcome:
    """What a run gave.

    Parameters
    ----------
    values : DataFrame of shape (n_users, n_metrics)
        Metrics of each user.
    summary : DataFrame of shape (n_reported_metrics, 3)
        ``mean``, ``std_error`` and ``n_users`` by metric.
    activity : ndarray of shape (n_users,)
        Interactions that the model was shown of each user.
    fit_seconds, score_seconds : float
        Wall-clock times.
    n_epochs : int or None
        The epoch whose weights were kept, of estimators that count epochs.
    """

    values: pd.DataFrame
    summary: pd.DataFrame
    activity: np.ndarray
    fit_seconds: float
    score_seconds: float
    n_epochs: int | None

    def rows(self):
        """Give a dict a metric: mean, standard error, number of users, times, epochs."""
        shared = {
            "fit_seconds": round(self.fit_seconds, 2),
            "score_seconds": round(self.score_seconds, 2),
            "n_epochs": self.n_epochs,
        }
        return [
            {
                "metric": row.Index,
                "mean": row.mean,
                "std_error": row.std_error,
                "n_users": int(row.n_users),
                **shared,
            }
            for row in self.summary.itertuples()
        ]

    def save(self, cell, folder):
        """Write the values of the users, for paired comparisons."""
        path = cell.path(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = {name: self.values[name].to_numpy() for name in self.values}
        users, parameters = self.values.index.to_numpy(), cell.key["parameters"]
        np.savez(path, user=users, activity=self.activity, parameters=parameters, **columns)


def run(task, system, parameters, seed=0, device=None):
    """Fit a system on a task and score it.

    Parameters
    ----------
    task : Task
        From a protocol.
    system : str
        Name of the class.
    parameters : dict
        Its parameters.
    seed : int, default=0
        Its ``random_state``.
    device : str, default=None
        Where torch systems run.

    Returns
    -------
    outcome : Outcome
        Values of the users, and times.
    """
    estimator = make_system(
        system, parameters, seed, device, task.sampled_parameters, **task.fit_parameters
    )
    start = time.perf_counter()
    estimator.fit(task.train)
    return score(task, estimator, time.perf_counter() - start)


def score(task, estimator, fit_seconds=0.0):
    """Score a fitted estimator on a task.

    Parameters
    ----------
    task : Task
        From a protocol.
    estimator : BaseRecommender
        Fitted.
    fit_seconds : float, default=0.0
        What its fit took.

    Returns
    -------
    outcome : Outcome
        Values of the users, and times.
    """
    start = time.perf_counter()
    values = task.score(estimator)
    seconds = time.perf_counter() - start
    activity = task.activity(values.index.to_numpy())
    return Outcome(
        values, task.summary(values), activity, fit_seconds, seconds, kept_epoch(estimator)
    )


def kept_epoch(estimator):
    """Give the epoch whose weights an estimator holds: the best one watched, or the last."""
    history = getattr(getattr(estimator, "net_", None), "history", None)
    if not history:
        return None
    best = [name for name in history[-1] if name.startswith("valid_") and name.endswith("_best")]
    if not best:
        return len(history)
    return int(np.flatnonzero(history[:, best[0]])[-1]) + 1
