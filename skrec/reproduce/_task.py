"""What a system is fitted on, and how it is scored."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from skrec.base import BaseRecommender
from skrec.interactions import Interactions
from skrec.metrics import RankingScorer
from skrec.reproduce._rating_metrics import RatingMetrics
from skrec.typing import Array, CSRMatrix

__all__ = ["Task"]


@dataclass
class Task:
    """What a system is fitted on and how it is scored.

    Parameters
    ----------
    train : csr_matrix or Interactions
        What ``fit`` sees.
    evaluate : Interactions or tuple of csr_matrix
        Targets of users known from ``fit``; or histories and targets of other users.
    scorer : RankingScorer or RatingMetrics
        Metrics for each user.
    fit_parameters : dict
        Estimator parameters that give training something to watch, for estimators that have them.
    sampled_parameters : dict
        What replaces some of those where an estimator can watch a sampled ranking.
    warm_users : ndarray of int64, default=None
        Users whose target occurs in training; their metrics are reported by themselves too.

    See Also
    --------
    make_protocol : The protocols that make tasks.

    Examples
    --------
    >>> from skrec.reproduce import load_data, make_protocol
    >>> task = make_protocol("weak").test(load_data("synthetic"))
    >>> task.train.shape
    (300, 150)
    """

    train: Interactions | CSRMatrix
    evaluate: Interactions | tuple[CSRMatrix, CSRMatrix]
    scorer: RankingScorer | RatingMetrics
    fit_parameters: dict[str, Any] = field(default_factory=dict)
    sampled_parameters: dict[str, Any] = field(default_factory=dict)
    warm_users: Array | None = None

    def score(self, estimator: BaseRecommender) -> pd.DataFrame:
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : BaseRecommender
            Fitted on ``train``.

        Returns
        -------
        values : DataFrame of shape (n_users, n_metrics)
            Metrics of each user.
        """
        parts: Any = self.evaluate if isinstance(self.evaluate, tuple) else (self.evaluate,)
        values = self.scorer.per_user(estimator, *parts)
        if self.warm_users is None:
            return values
        warm = values[values.index.isin(self.warm_users)].add_prefix("warm_")
        return values.join(warm)

    def summary(self, values: pd.DataFrame) -> pd.DataFrame:
        """Return mean, standard error and number of users of each metric.

        Parameters
        ----------
        values : DataFrame of shape (n_users, n_metrics)
            From `score`.

        Returns
        -------
        summary : DataFrame of shape (n_reported_metrics, 3)
            ``mean``, ``std_error`` and ``n_users`` by metric.
        """
        if isinstance(self.scorer, RatingMetrics):
            return self.scorer.summary(values)
        means = {"mean": values.mean(), "std_error": values.sem(), "n_users": values.count()}
        return pd.DataFrame(means)

    def activity(self, users: Array) -> Array:
        """Count the interactions that the model is shown of users.

        Parameters
        ----------
        users : ndarray of shape (n,)
            Rows of what is scored.

        Returns
        -------
        counts : ndarray of shape (n,)
            Interactions of each user.
        """
        shown = self.evaluate[0] if isinstance(self.evaluate, tuple) else self.train
        shown = shown.tocsr() if isinstance(shown, Interactions) else shown
        return np.diff(shown.indptr)[users]
