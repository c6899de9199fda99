"""One cell of a table: a system fitted and scored once."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skrec.base import BaseRecommender
from skrec.reproduce._systems import make_system
from skrec.reproduce._task import Task
from skrec.typing import Array

__all__ = ["Cell", "Outcome", "kept_epoch", "run_system", "score_system"]


@dataclass(frozen=True)
class Cell:
    """What is run once: a system with parameters, on a split, from a seed.

    ``key`` holds the columns that identify the cell in a table of results, ``name`` is short and
    leaves the parameters out.

    Parameters
    ----------
    system : str
        One of `list_systems`.
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

    Examples
    --------
    >>> from skrec.reproduce import Cell
    >>> Cell("EASERecommender", "ml-1m", "ncf", 0, "given", {"l2": 1320.0}).name
    'ncf-ml-1m-EASERecommender-given-0'
    """

    system: str
    data: str
    protocol: str
    seed: int
    split: str
    parameters: Mapping[str, Any]

    @property
    def key(self) -> dict[str, Any]:
        """The columns that identify the cell in a table of results."""
        return {
            "system": self.system,
            "data": self.data,
            "protocol": self.protocol,
            "seed": self.seed,
            "split": self.split,
            "parameters": json.dumps(self.parameters, sort_keys=True),
        }

    @property
    def name(self) -> str:
        """A short name of the cell, without its parameters."""
        return f"{self.protocol}-{self.data}-{self.system}-{self.split}-{self.seed}"

    def path(self, folder: str | PathLike[str]) -> Path:
        """Return the file of the values of the cell's users.

        Parameters
        ----------
        folder : str or path-like
            Where such files are.

        Returns
        -------
        path : Path
            It need not exist.
        """
        return Path(folder) / f"{self.name}.npz"

    def saved(self, folder: str | PathLike[str]) -> dict[str, Array] | None:
        """Read the values of the cell's users.

        Parameters
        ----------
        folder : str or path-like
            Where `Outcome.save` wrote them.

        Returns
        -------
        arrays : dict of str to ndarray, or None
            None where there are none of these parameters.
        """
        if not self.path(folder).exists():
            return None
        with np.load(self.path(folder)) as arrays:
            arrays = dict(arrays)
        return arrays if str(arrays["parameters"]) == self.key["parameters"] else None


@dataclass(frozen=True)
class Outcome:
    """What came out of a run.

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

    Examples
    --------
    >>> from skrec.reproduce import load_data, make_protocol, run_system
    >>> task = make_protocol("weak").test(load_data("synthetic"))
    >>> outcome = run_system(task, "EASERecommender", {"l2": 50.0})
    >>> [row["metric"] for row in outcome.rows()]
    ['recall@20', 'ndcg@20']
    """

    values: pd.DataFrame
    summary: pd.DataFrame
    activity: Array
    fit_seconds: float
    score_seconds: float
    n_epochs: int | None

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of a table of results.

        Returns
        -------
        rows : list of dict
            One a metric: mean, standard error, number of users, times, epochs.
        """
        shared = {
            "fit_seconds": round(self.fit_seconds, 2),
            "score_seconds": round(self.score_seconds, 2),
            "n_epochs": self.n_epochs,
        }
        return [
            {
                "metric": metric,
                "mean": row["mean"],
                "std_error": row["std_error"],
                "n_users": int(row["n_users"]),
                **shared,
            }
            for metric, row in self.summary.to_dict("index").items()
        ]

    def save(self, cell: Cell, folder: str | PathLike[str]) -> None:
        """Write the values of the users, for paired comparisons.

        Parameters
        ----------
        cell : Cell
            What was run.
        folder : str or path-like
            It is made if it must be.
        """
        path = cell.path(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        columns: dict[str, Any] = {name: self.values[name].to_numpy() for name in self.values}
        users, parameters = self.values.index.to_numpy(), cell.key["parameters"]
        np.savez(path, user=users, activity=self.activity, parameters=parameters, **columns)


def run_system(
    task: Task,
    system: str,
    parameters: Mapping[str, Any],
    seed: int = 0,
    device: str | None = None,
) -> Outcome:
    """Fit a system on a task and score it.

    Parameters
    ----------
    task : Task
        From a protocol.
    system : str
        One of `list_systems`.
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

    See Also
    --------
    score_system : Scores an estimator that is fitted already.

    Examples
    --------
    >>> from skrec.reproduce import load_data, make_protocol, run_system
    >>> task = make_protocol("weak").test(load_data("synthetic"))
    >>> outcome = run_system(task, "EASERecommender", {"l2": 50.0})
    >>> outcome.values.shape
    (292, 2)
    """
    estimator = make_system(
        system, parameters, seed, device, task.sampled_parameters, **task.fit_parameters
    )
    start = time.perf_counter()
    estimator.fit(task.train)
    return score_system(task, estimator, time.perf_counter() - start)


def score_system(task: Task, estimator: BaseRecommender, fit_seconds: float = 0.0) -> Outcome:
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

    See Also
    --------
    run_system : Fits it first.

    Examples
    --------
    >>> from skrec import PopularityRecommender
    >>> from skrec.reproduce import load_data, make_protocol, score_system
    >>> task = make_protocol("weak").test(load_data("synthetic"))
    >>> outcome = score_system(task, PopularityRecommender().fit(task.train))
    >>> outcome.summary.index.tolist()
    ['recall@20', 'ndcg@20']
    """
    start = time.perf_counter()
    values = task.score(estimator)
    seconds = time.perf_counter() - start
    activity = task.activity(values.index.to_numpy())
    return Outcome(
        values, task.summary(values), activity, fit_seconds, seconds, kept_epoch(estimator)
    )


def kept_epoch(estimator: object) -> int | None:
    """Return the epoch whose weights an estimator holds: the best one watched, or the last."""
    history = getattr(
        getattr(estimator, "net_", None), "history", getattr(estimator, "history_", None)
    )
    if not history:
        return None
    best = [name for name in history[-1] if name.startswith("valid_") and name.endswith("_best")]
    if not best:
        return len(history)
    return int(np.flatnonzero(history[:, best[0]])[-1]) + 1
