"""What is measured of a model of ratings: its errors, and the lists that it would make."""

from typing import Any, cast

import numpy as np
import pandas as pd

from skrec.base import BaseRecommender
from skrec.interactions import Interactions
from skrec.metrics import make_ranking_scorer

__all__ = ["ERRORS", "RatingMetrics", "pooled"]

# a metric over all ratings, and the column of its sums over the ratings of each user
ERRORS = {"rmse": "squared_error", "mae": "absolute_error"}

# relevant is what is rated higher than 3: the same as 3.5 or more on scales of whole or half stars
_RULE: dict[str, Any] = {
    "relevance_threshold": 3.5,
    "min_held_out": 2,
    "unknown_users": "include",
}
_NAMES = ("recall", "ndcg")
_CUTS = (20, 50)


class RatingMetrics:
    """Errors over all ratings, and rankings under two protocols.

    The values of a user are the sums ``squared_error`` and ``absolute_error`` over the user's
    ratings, their number ``n_ratings``, and the figures of the rankings. Without a prefix all items
    that a user has not rated in training are ranked; "own" ranks the user's held-out items alone.
    Users have two held-out items or more, one of them rated higher than 3.

    Parameters
    ----------
    rank : bool, default=True
        Whether to rank at all.
    max_users : int, default=None
        Rank the whole catalogue for so many users drawn at random; None takes all.

    Examples
    --------
    >>> from skrec import BiasedMFRegressor
    >>> from skrec.datasets import make_interactions
    >>> from skrec.model_selection import InteractionHoldout
    >>> from skrec.reproduce import RatingMetrics
    >>> ratings = make_interactions(40, 30, 400, ratings=True, random_state=0).interactions
    >>> train, test = next(InteractionHoldout(0.2, random_state=0).split(ratings))
    >>> est = BiasedMFRegressor(max_epochs=1, random_state=0).fit(ratings[train])
    >>> scorer = RatingMetrics(rank=False)
    >>> list(scorer.summary(scorer.per_user(est, ratings[test])).index)
    ['rmse', 'mae']
    """

    def __init__(self, rank: bool = True, max_users: int | None = None) -> None:
        self.rank = rank
        self.max_users = max_users

    def per_user(self, estimator: BaseRecommender, test: Interactions) -> pd.DataFrame:
        """Compute sums of errors and values of rankings, one row a user.

        Parameters
        ----------
        estimator : BaseRecommender
            Fitted, with ``predict``.
        test : Interactions
            Ratings that are held out.

        Returns
        -------
        values : DataFrame of shape (n_users, n_columns)
            Indexed by user.
        """
        error = cast("Any", estimator).predict(test) - test.value.astype(np.float64)
        columns = {"squared_error": error**2, "absolute_error": np.abs(error), "n_ratings": 1}
        frame = pd.DataFrame({"user": test.user, **columns})
        values = cast("pd.DataFrame", frame.groupby("user").sum())
        if not self.rank:
            return values
        catalogue = make_ranking_scorer(_NAMES, _CUTS, **_RULE)
        own = make_ranking_scorer(_NAMES, _CUTS, candidates="own", **_RULE)
        ranked = catalogue.per_user(estimator, self._some_users(test))
        return values.join([ranked, own.per_user(estimator, test)])

    def _some_users(self, test: Interactions) -> Interactions:
        users = np.unique(test.user)
        if self.max_users is None or self.max_users >= len(users):
            return test
        chosen = np.random.default_rng(0).choice(users, self.max_users, replace=False)
        return test[np.isin(test.user, chosen)]

    def summary(self, values: pd.DataFrame) -> pd.DataFrame:
        """Return mean, standard error and number of users of each metric.

        Parameters
        ----------
        values : DataFrame
            From `per_user`.

        Returns
        -------
        summary : DataFrame
            ``mean``, ``std_error`` and ``n_users`` by metric. Errors are over all ratings; their
            standard errors take users as independent, not the ratings of one user.
        """
        errors = {name: pooled(values, name) for name in ERRORS}
        rows = pd.DataFrame(errors, index=["mean", "std_error", "n_users"]).T
        rest = values.drop(columns=[*ERRORS.values(), "n_ratings"])
        means = {"mean": rest.mean(), "std_error": rest.sem(), "n_users": rest.count()}
        return pd.concat([rows, pd.DataFrame(means)]) if len(rest.columns) else rows


def pooled(values: pd.DataFrame, metric: str) -> tuple[float, float, int]:
    r"""Return an error over all ratings, its standard error and the number of users.

    Users are taken as independent, the errors of one user are not. The mean loss is the ratio
    :math:`R = \sum_u S_u / \sum_u n_u` of sums over users, whose variance is
    :math:`m / (m - 1) \sum_u (S_u - R n_u)^2 / (\sum_u n_u)^2` for m users; that of its root
    follows by the delta method.

    Parameters
    ----------
    values : DataFrame of shape (n_users, n_columns)
        With ``n_ratings`` and the sums of the losses of each user.
    metric : {"rmse", "mae"}
        The error.

    Returns
    -------
    value, std_error, n_users : float, float, int
        What the table of results holds.
    """
    total, n = values[ERRORS[metric]].to_numpy(), values["n_ratings"].to_numpy()
    m, ratio = len(values), total.sum() / n.sum()
    error = np.sqrt(m / max(m - 1, 1) * np.sum((total - ratio * n) ** 2)) / n.sum()
    if metric == "rmse":
        root = np.sqrt(ratio)
        return root, error / (2 * max(root, 1e-12)), m
    return ratio, error, m
