"""The protocols: what is trained on, what is watched in training, what is measured.

Each has two stages. For tuning, a validation part of the training data is held out and scored. For
the test, the published test part is scored; settings were chosen before that, on validation.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from skrec import Interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import InteractionHoldout, LeaveOneOut
from skrec.reproduce._data import with_leave_one_out
from skrec.reproduce._rating_metrics import RatingMetrics
from skrec.reproduce._splits import strong_generalization_parts
from skrec.utils import split_rows

__all__ = ["PROTOCOLS", "Task"]


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
        Users whose target occurs in training; their metrics are given by themselves too.
    """

    train: Any
    evaluate: Any
    scorer: Any
    fit_parameters: dict = field(default_factory=dict)
    sampled_parameters: dict = field(default_factory=dict)
    warm_users: Any = None

    def score(self, estimator):
        """Give a table of metrics, one row a user."""
        parts = self.evaluate if isinstance(self.evaluate, tuple) else (self.evaluate,)
        values = self.scorer.per_user(estimator, *parts)
        if self.warm_users is None:
            return values
        warm = values[values.index.isin(self.warm_users)].add_prefix("warm_")
        return values.join(warm)

    def summary(self, values):
        """Give mean, standard error and number of users of each metric."""
        if hasattr(self.scorer, "summary"):
            return self.scorer.summary(values)
        means = {"mean": values.mean(), "std_error": values.sem(), "n_users": values.count()}
        return pd.DataFrame(means)

    def activity(self, users):
        """Give how many interactions the model is shown of each user that is scored."""
        shown = self.evaluate[0] if isinstance(self.evaluate, tuple) else self.train
        shown = shown.tocsr() if isinstance(shown, Interactions) else shown
        return np.diff(shown.indptr)[users]


class NCF:
    """Leave one item of each user out and rank it among 99 given negatives; ratings count as 1.

    Users and negatives are those of the data set; one that has none gets each user's latest item
    and drawn negatives. In tuning another item is held out: the user's latest before the test item,
    or one at random where there are no times.

    An item that nobody has in training is somebody's test item, so that a model that puts such
    items first is right more often than by chance. "warm" metrics are means over the users whose
    test item is not one of them.

    Parameters
    ----------
    options : Namespace, default=None
        May have ``n_negatives``, of data sets that have none: 99 by default.
    """

    feedback = "implicit"
    criterion = "sampled_ndcg@10"
    watched = "ndcg@100"
    keeps_early_stopping = False
    _metrics = ("hit_rate", "ndcg")
    _cuts = (3, 5, 10, 20)
    _sampled: ClassVar = {"validation_metric": "ndcg@10", "validation_candidates": 99}

    def __init__(self, options=None):
        self.n_negatives = getattr(options, "n_negatives", 99)
        self.split = "given" if self.n_negatives == 99 else f"given{self.n_negatives}n"

    def tuning(self, data):
        """Give the task on validation items, ranked among 99 drawn negatives."""
        data = with_leave_one_out(data, self.n_negatives)
        by = "random" if data.loo_train.timestamp is None else "latest"
        train, held_out = next(LeaveOneOut(by, random_state=0).split(data.loo_train))
        scorer = make_ranking_scorer(self._metrics, self._cuts, n_negatives=99)
        validation = data.loo_train[held_out]
        watched = watching(validation, self.watched)
        train = data.loo_train[train]
        return Task(train, validation, scorer, watched, self._sampled, _warm(train, validation))

    def test(self, data):
        """Give the task on the test items; everything else is trained on."""
        data = with_leave_one_out(data, self.n_negatives)
        frame = data.loo_train.frame
        users = np.flatnonzero(data.loo_test >= 0)
        targets = Interactions.from_arrays(users, data.loo_test[users], frame=frame)
        scorer = make_ranking_scorer(self._metrics, self._cuts, negatives=data.loo_negatives)
        return Task(data.loo_train, targets, scorer, warm_users=_warm(data.loo_train, targets))


class Strong:
    """Hold users out, show 80 % of each one's history, and look for the rest among all items.

    Ratings of 4 and more count as 1, or every entry where there are no ratings, of users with 5 or
    more of them; items that nobody then has are dropped. Validation users serve tuning and early
    stopping and are never trained on.

    Parameters
    ----------
    options : Namespace
        With ``test_users`` (of test and of validation each) and ``split_seed``.
    """

    feedback = "implicit"
    criterion = "ndcg@100"
    watched = "ndcg@100"
    keeps_early_stopping = True
    _metrics = ("ndcg@100", "ndcg@20", "recall@50", "recall@20", "recall@10")

    def __init__(self, options):
        self.n_users = options.test_users
        self.seed = options.split_seed
        self.split = f"{self.n_users}u{self.seed}"

    def _parts(self, data):
        """Give the rows to train on, and histories and targets of validation and test users."""
        threshold = 4.0 if np.ptp(data.interactions.value) else None
        return strong_generalization_parts(data.interactions, self.n_users, self.seed, threshold)

    def tuning(self, data):
        """Give the task on the validation users."""
        train, validation, _ = self._parts(data)
        return self._task(train, validation, validation)

    def test(self, data):
        """Give the task on the test users."""
        return self._task(*self._parts(data))

    def _task(self, train, validation, evaluate):
        scorer = make_ranking_scorer(self._metrics)
        return Task(train, evaluate, scorer, watching(validation, self.watched))


class Weak:
    """Rank all items that a user has not seen, on the data set's own test interactions.

    Recall divides by the number of targets, as LightGCN does. In tuning a tenth of each user's
    interactions is held out; training watches those of 1,000 users.

    Parameters
    ----------
    options : Namespace
        Not used.
    """

    feedback = "implicit"
    criterion = "ndcg@20"
    watched = "ndcg@20"
    keeps_early_stopping = False
    split = "given"
    _metrics = ("recall@20", "ndcg@20")
    _watched_users = 1000

    def __init__(self, options=None):
        pass

    def tuning(self, data):
        """Give the task on validation interactions."""
        train, held_out = split_rows(data.train.tocsr(), 0.1, random_state=0)
        validation = Interactions(held_out)
        users = np.random.default_rng(0).permutation(held_out.shape[0])[: self._watched_users]
        watched = validation[np.isin(validation.user, users)]
        return self._task(train, validation, watching(watched, self.watched))

    def test(self, data):
        """Give the task on the test interactions."""
        return self._task(data.train.tocsr(), data.test, {})

    def _task(self, train, evaluate, fit_parameters):
        scorer = make_ranking_scorer(self._metrics, truncated=False)
        return Task(train, evaluate, scorer, fit_parameters)


class Ratings:
    """Predict ratings that are held out at random, whoever's they are.

    A share of the ratings is trained on, by default 70 %; the rest is cut in halves, for validation
    and early stopping and for the test. RMSE and MAE are over all test ratings. Items are ranked
    by the predicted ratings in two protocols, see `RatingMetrics`.

    Parameters
    ----------
    options : Namespace
        With ``train_share``, ``split_seed`` and ``ranked_users``.
    """

    feedback = "explicit"
    criterion = "rmse"
    watched = "rmse"
    keeps_early_stopping = True

    def __init__(self, options):
        self.share, self.seed = options.train_share, options.split_seed
        self.max_users = options.ranked_users
        self.split = f"{100 * self.share:g}r{self.seed}"

    def _parts(self, interactions):
        """Give ratings to train on, to validate on and to test on."""
        rng = np.random.RandomState(self.seed)
        held_out = round(1 - self.share, 9)  # 0.3, not 0.30000000000000004, which is rounded up
        train, rest = next(InteractionHoldout(held_out, random_state=rng).split(interactions))
        train, rest = interactions[train], interactions[rest]
        validation, test = next(InteractionHoldout(0.5, random_state=rng).split(rest))
        return train, rest[validation], rest[test]

    def tuning(self, data):
        """Give the task on the validation ratings; nothing is ranked."""
        train, validation, _ = self._parts(data.interactions)
        return self._task(train, validation, validation, RatingMetrics(rank=False))

    def test(self, data):
        """Give the task on the test ratings."""
        return self._task(*self._parts(data.interactions), RatingMetrics(max_users=self.max_users))

    def _task(self, train, validation, evaluate, scorer):
        watched = {**watching(validation, self.watched), "early_stopping": True}
        return Task(train, evaluate, scorer, watched)


def _warm(train, targets):
    """Give the users whose target somebody has in training."""
    return targets.user[np.isin(targets.item, train.item)]


PROTOCOLS = {"ncf": NCF, "strong": Strong, "weak": Weak, "ratings": Ratings}


def watching(validation, metric):
    """Give the parameters of an estimator that watches validation data while it trains."""
    return {"validation_data": validation, "validation_metric": metric}
