"""One cell of a benchmark: a system fitted and scored once."""

import json
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import get_tags

import skrec

__all__ = ["VARIANTS", "Cell", "Outcome", "find_system", "make_estimator", "run", "system_names"]

_SUFFIXES = ("Recommender", "Ranker", "Classifier", "Regressor", "BMF")

# systems of the papers that are settings of an estimator; "-1" and "-2" have one and two hidden
# layers, as in EVCF's tables
VARIANTS = {
    "MultVAE-gated": ("MultVAERecommender", {"gated": True}),
    "Vamp-gated": ("VampVAERecommender", {"gated": True}),
    "H+Vamp": ("VampVAERecommender", {"hierarchical": True}),
    "H+Vamp-gated": ("VampVAERecommender", {"hierarchical": True, "gated": True}),
}
VARIANTS |= {
    f"{name}-{depth}": (cls, {**parameters, "hidden_sizes": (600,) * depth})
    for depth in (1, 2)
    for name, (cls, parameters) in {
        "MultVAE": ("MultVAERecommender", {}),
        "Vamp": ("VampVAERecommender", {}),
        **VARIANTS,
    }.items()
}
VARIANTS |= {
    # the largest size of Rendle et al. (2022) on ml-1m
    "WMF-192": ("WMFRecommender", {"n_factors": 192}),
    "U-AutoRec": ("AutoRecRegressor", {"side": "user"}),
    "I-AutoRec": ("AutoRecRegressor", {"side": "item"}),
    # the ablation: table 4 of the cross-feedback paper
    "CrossFeedback-no-data": ("CrossFeedbackBMF", {"data_input": False}),
    "CrossFeedback-no-feedback": ("CrossFeedbackBMF", {"cross_feedback": False}),
    "CrossFeedback-no-attention": ("CrossFeedbackBMF", {"attention": None}),
}


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


def system_names(feedback="implicit"):
    """Give the names of estimators and variants for one kind of feedback.

    Those that wrap another are left out, and those that cannot be imported here.

    Parameters
    ----------
    feedback : {"implicit", "explicit"}, default="implicit"
        What the systems learn from.

    Returns
    -------
    names : list of str
        Estimators first.
    """
    return [name for name in _all_names() if _feedback(_class_name(name)) == feedback]


def _all_names():
    names = [name for name in skrec.__all__ if name.endswith(_SUFFIXES)]
    return [name for name in names if name != "CalibratedRecommender"] + list(VARIANTS)


def _class_name(name):
    return VARIANTS[name][0] if name in VARIANTS else name


@cache
def _feedback(name):
    try:
        return get_tags(getattr(skrec, name)()).feedback
    except (AttributeError, ImportError, OSError):  # torch may be missing, or broken
        return None


def find_system(name):
    """Give the class of a system by its name."""
    if name not in _all_names():
        raise ValueError(f"systems must be among {_all_names()}; got {name!r}")
    return getattr(skrec, _class_name(name))


def has_seed(system):
    """Tell whether a system depends on a seed."""
    return "random_state" in find_system(system)().get_params()


def make_estimator(
    system, parameters, seed=None, device=None, sampled_parameters=None, **fit_parameters
):
    """Make an estimator.

    Parameters
    ----------
    system : str
        Name of the class.
    parameters : dict
        Its parameters; an unknown one is an error.
    seed : int, default=None
        Its ``random_state``, if it has one.
    device : str, default=None
        Its ``device``, if it has one.
    sampled_parameters : dict, default=None
        What replaces further parameters if the class can watch a sampled ranking.
    **fit_parameters
        Further parameters, given if the class has them.

    Returns
    -------
    estimator : BaseRecommender
        Not fitted.
    """
    _, variant = VARIANTS.get(system, (system, {}))
    given = {**variant, **{k: _decoded(v) for k, v in parameters.items()}}
    estimator = find_system(system)(**given)
    known = estimator.get_params()
    if "validation_candidates" in known:
        fit_parameters = {**fit_parameters, **(sampled_parameters or {})}
    optional = {**fit_parameters, "random_state": seed, "device": device}
    return estimator.set_params(
        **{name: v for name, v in optional.items() if name in known and v is not None}
    )


def _decoded(value):
    """Give a nested estimator for a dict that names its system, anything else as it is."""
    if isinstance(value, dict) and "system" in value:
        rest = {k: v for k, v in value.items() if k != "system"}
        return make_estimator(value["system"], rest)
    return value


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
    estimator = make_estimator(
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
