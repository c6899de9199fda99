"""The protocols: what is trained on, what is watched in training, what is measured.

Each has two stages. For tuning, a validation part of the training data is held out and scored. For
the test, the published test part is scored; settings were chosen before that, on validation.
"""

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import Bunch

from skrec.interactions import Interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import InteractionHoldout, LeaveOneOut
from skrec.reproduce._data import with_leave_one_out
from skrec.reproduce._rating_metrics import RatingMetrics
from skrec.reproduce._splits import strong_generalization_parts
from skrec.reproduce._task import Task
from skrec.typing import Array
from skrec.utils import split_rows

__all__ = ["Protocol", "list_protocols", "make_protocol"]

# the published figures take in users of whom nothing is known
_ALL: dict[str, Any] = {"unknown_users": "include"}


@dataclass
class Protocol:
    """How systems are trained and judged: the base of all protocols.

    Attributes
    ----------
    feedback : {"implicit", "explicit"}
        What the systems learn from.
    criterion : str
        The metric by which settings are chosen on validation data.
    watched : str
        The metric that training watches.
    keeps_early_stopping : bool
        Whether the test stage has validation data too, so that early stopping finds the epoch;
        else the epoch that tuning found is fixed.
    split : str
        Name of the split: ``"given"``, or how one is drawn.

    See Also
    --------
    make_protocol : Makes one by its name.

    Examples
    --------
    >>> from skrec.reproduce import Protocol, make_protocol
    >>> isinstance(make_protocol("strong"), Protocol)
    True
    """

    feedback: ClassVar[str]
    criterion: ClassVar[str]
    watched: ClassVar[str]
    keeps_early_stopping: ClassVar[bool]

    @property
    def split(self) -> str:
        """Name of the split."""
        return "given"

    def describe(self) -> str:
        """Return the protocol in words.

        Returns
        -------
        text : str
            A paragraph.
        """
        raise NotImplementedError

    def tuning(self, data: Bunch) -> Task:
        """Return the task on validation data, on which settings are chosen.

        Parameters
        ----------
        data : Bunch
            From `load_data`.

        Returns
        -------
        task : Task
            What is trained on and how it is scored.
        """
        raise NotImplementedError

    def test(self, data: Bunch) -> Task:
        """Return the task on the test data.

        Parameters
        ----------
        data : Bunch
            From `load_data`.

        Returns
        -------
        task : Task
            What is trained on and how it is scored.
        """
        raise NotImplementedError


@dataclass
class NCF(Protocol):
    """Leave one item of each user out and rank it among 99 given negatives; ratings count as 1.

    Users and negatives are those of the data set; one that has none gets each user's latest item
    and drawn negatives. In tuning another item is held out: the user's latest before the test item,
    or one at random where there are no times.

    An item that nobody has in training is somebody's test item, so that a model that puts such
    items first is right more often than by chance. "warm" metrics are means over the users whose
    test item is not one of them.

    Parameters
    ----------
    n_negatives : int, default=99
        Negatives to draw, of data sets that have none.
    """

    n_negatives: int = 99

    feedback = "implicit"
    criterion = "sampled_ndcg@10"
    watched = "ndcg@100"
    keeps_early_stopping = False
    _metrics = ("hit_rate", "ndcg")
    _cuts = (3, 5, 10, 20)
    _sampled: ClassVar = {"validation_metric": "ndcg@10", "validation_candidates": 99}

    @property
    def split(self) -> str:
        """Name of the split, with the number of negatives if it is not 99."""
        return "given" if self.n_negatives == 99 else f"given{self.n_negatives}n"

    def describe(self) -> str:
        """Return the protocol in words."""
        return (
            "Leave one out: the held-out item of each user is ranked among the negatives that come "
            f"with the data, or {self.n_negatives} drawn ones; every rating counts as 1, ties "
            "count in expectation. The ranking is a sampled one."
        )

    def tuning(self, data: Bunch) -> Task:
        """Return the task on validation items, ranked among 99 drawn negatives."""
        data = with_leave_one_out(data, self.n_negatives)
        by = "random" if data.loo_train.timestamp is None else "latest"
        train, held_out = next(LeaveOneOut(by, random_state=0).split(data.loo_train))
        scorer = make_ranking_scorer(self._metrics, self._cuts, n_negatives=99, **_ALL)
        validation = data.loo_train[held_out]
        watched = watching(validation, self.watched)
        train = data.loo_train[train]
        return Task(train, validation, scorer, watched, self._sampled, _warm(train, validation))

    def test(self, data: Bunch) -> Task:
        """Return the task on the test items; everything else is trained on."""
        data = with_leave_one_out(data, self.n_negatives)
        frame = data.loo_train.frame
        users = np.flatnonzero(data.loo_test >= 0)
        targets = Interactions.from_arrays(users, data.loo_test[users], frame=frame)
        scorer = make_ranking_scorer(
            self._metrics, self._cuts, negatives=data.loo_negatives, **_ALL
        )
        return Task(data.loo_train, targets, scorer, warm_users=_warm(data.loo_train, targets))


@dataclass
class Strong(Protocol):
    """Hold users out, show 80 % of each one's history, and look for the rest among all items.

    Ratings of 4 and more count as 1, or every entry where there are no ratings, of users with 5 or
    more of them; items that nobody then has are dropped. Validation users serve tuning and early
    stopping and are never trained on.

    Parameters
    ----------
    test_users : int, default=500
        Users to test on, and as many to validate on.
    split_seed : int, default=0
        Source of the split.
    """

    test_users: int = 500
    split_seed: int = 0

    feedback = "implicit"
    criterion = "ndcg@100"
    watched = "ndcg@100"
    keeps_early_stopping = True
    _metrics = ("ndcg@100", "ndcg@20", "recall@50", "recall@20", "recall@10")

    @property
    def split(self) -> str:
        """Name of the split: number of test users, and seed."""
        return f"{self.test_users}u{self.split_seed}"

    def describe(self) -> str:
        """Return the protocol in words."""
        return (
            f"Strong generalisation: {self.test_users:,} users to test and as many to validate are "
            "never trained on; of each one's history 80 % is shown, the rest is searched among all "
            "other items. Ratings of 4 and more count as 1 (every entry where there are no "
            "ratings), of users with 5 or more of them. Recall divides by the smaller of k and the "
            "number of targets."
        )

    def _parts(self, data: Bunch) -> tuple[Any, Any, Any]:
        """Return the rows to train on, and histories and targets of validation and test users."""
        threshold = 4.0 if np.ptp(data.interactions.value) else None
        return strong_generalization_parts(
            data.interactions, self.test_users, self.split_seed, threshold
        )

    def tuning(self, data: Bunch) -> Task:
        """Return the task on the validation users."""
        train, validation, _ = self._parts(data)
        return self._task(train, validation, validation)

    def test(self, data: Bunch) -> Task:
        """Return the task on the test users."""
        return self._task(*self._parts(data))

    def _task(self, train: Any, validation: Any, evaluate: Any) -> Task:
        scorer = make_ranking_scorer(self._metrics)
        return Task(train, evaluate, scorer, watching(validation, self.watched))


@dataclass
class Weak(Protocol):
    """Rank all items that a user has not seen, on the data set's own test interactions.

    Recall divides by the number of targets, as LightGCN does. In tuning a tenth of each user's
    interactions is held out; training watches those of 1,000 users.
    """

    feedback = "implicit"
    criterion = "ndcg@20"
    watched = "ndcg@20"
    keeps_early_stopping = False
    _metrics = ("recall@20", "ndcg@20")
    _watched_users = 1000

    def describe(self) -> str:
        """Return the protocol in words."""
        return (
            "The data set's own test: all items that a user does not have in training are ranked. "
            "Recall divides by the number of targets."
        )

    def tuning(self, data: Bunch) -> Task:
        """Return the task on validation interactions."""
        train, held_out = split_rows(self._given(data).tocsr(), 0.1, random_state=0)
        validation = Interactions(held_out)
        n_users = validation.frame[0]
        users = np.random.default_rng(0).permutation(n_users)[: self._watched_users]
        watched = validation[np.isin(validation.user, users)]
        return self._task(train, validation, watching(watched, self.watched))

    def test(self, data: Bunch) -> Task:
        """Return the task on the test interactions."""
        return self._task(self._given(data).tocsr(), data.test, {})

    def _given(self, data: Bunch) -> Interactions:
        """Return the training part that the data set comes with."""
        if data.train is None:
            raise ValueError(
                'data must come with training and test parts for the protocol "weak"; got a data '
                "set that is not split"
            )
        return data.train

    def _task(self, train: Any, evaluate: Any, fit_parameters: dict[str, Any]) -> Task:
        scorer = make_ranking_scorer(self._metrics, truncated=False, **_ALL)
        return Task(train, evaluate, scorer, fit_parameters)


@dataclass
class Ratings(Protocol):
    """Predict ratings that are held out at random, whoever's they are.

    A share of the ratings is trained on, by default 70 %; the rest is cut in halves, for validation
    and early stopping and for the test. RMSE and MAE are over all test ratings. Items are ranked
    by the predicted ratings in two protocols, see `RatingMetrics`.

    Parameters
    ----------
    train_share : float, default=0.7
        Share of the ratings to train on.
    split_seed : int, default=0
        Source of the split.
    ranked_users : int, default=None
        Rank the whole catalogue for so many users drawn at random; None takes all.
    """

    train_share: float = 0.7
    split_seed: int = 0
    ranked_users: int | None = None

    feedback = "explicit"
    criterion = "rmse"
    watched = "rmse"
    keeps_early_stopping = True

    @property
    def split(self) -> str:
        """Name of the split: share to train on in percent, and seed."""
        return f"{100 * self.train_share:g}r{self.split_seed}"

    def describe(self) -> str:
        """Return the protocol in words."""
        return (
            f"{100 * self.train_share:g} % of the ratings, drawn at random, are trained on; one "
            "half of the rest is to validate and to stop early, the other to test. RMSE and MAE "
            "are over all test ratings. Rankings are of users with two or more test items, one of "
            "them rated higher than 3: among all items without a training rating, or, with the "
            'prefix "own", among the user\'s test items.'
        )

    def _parts(self, interactions: Interactions) -> tuple[Interactions, Interactions, Interactions]:
        """Return ratings to train on, to validate on and to test on."""
        rng = np.random.RandomState(self.split_seed)
        held_out = round(1 - self.train_share, 9)  # 0.3, not 0.30000000000000004: rounded up
        train, rest = next(InteractionHoldout(held_out, random_state=rng).split(interactions))
        train, rest = interactions[train], interactions[rest]
        validation, test = next(InteractionHoldout(0.5, random_state=rng).split(rest))
        return train, rest[validation], rest[test]

    def tuning(self, data: Bunch) -> Task:
        """Return the task on the validation ratings; nothing is ranked."""
        train, validation, _ = self._parts(data.interactions)
        return self._task(train, validation, validation, RatingMetrics(rank=False))

    def test(self, data: Bunch) -> Task:
        """Return the task on the test ratings."""
        metrics = RatingMetrics(max_users=self.ranked_users)
        return self._task(*self._parts(data.interactions), metrics)

    def _task(
        self,
        train: Interactions,
        validation: Interactions,
        evaluate: Interactions,
        scorer: RatingMetrics,
    ) -> Task:
        watched = {**watching(validation, self.watched), "early_stopping": True}
        return Task(train, evaluate, scorer, watched)


def _warm(train: Interactions, targets: Interactions) -> Array:
    """Return the users whose target somebody has in training."""
    return targets.user[np.isin(targets.item, train.item)]


def watching(validation: Any, metric: str) -> dict[str, Any]:
    """Return the parameters of an estimator that watches validation data while it trains."""
    return {"validation_data": validation, "validation_metric": metric}


_PROTOCOLS: dict[str, type[Protocol]] = {
    "ncf": NCF,
    "strong": Strong,
    "weak": Weak,
    "ratings": Ratings,
}
_OPTIONS = sorted({f.name for protocol in (NCF, Strong, Ratings) for f in fields(protocol)})
# a tenth of the users, as the papers have
_OPTIONS_OF_DATA = {"gowalla": {"test_users": 3000}, "synthetic": {"test_users": 50}}


def list_protocols() -> list[str]:
    """Return the names of the protocols.

    Returns
    -------
    names : list of str
        Those that `make_protocol` takes.

    Examples
    --------
    >>> from skrec.reproduce import list_protocols
    >>> list_protocols()
    ['ncf', 'strong', 'weak', 'ratings']
    """
    return list(_PROTOCOLS)


def make_protocol(name: str, *, data: str | None = None, **options: Any) -> Protocol:
    """Make a protocol by its name.

    Parameters
    ----------
    name : {"ncf", "strong", "weak", "ratings"}
        ``"ncf"`` leaves one item of each user out and ranks it among negatives; ``"strong"`` holds
        whole users out; ``"weak"`` has the data set's own test; ``"ratings"`` holds ratings out.
    data : str, default=None
        Name of a data set whose usual number of test users is taken.
    **options
        ``n_negatives=99`` (ncf), ``test_users=500`` (strong), ``split_seed=0`` (strong, ratings),
        ``train_share=0.7`` and ``ranked_users=None`` (ratings). What a protocol does not have is
        left out.

    Returns
    -------
    protocol : Protocol
        Its ``tuning`` and ``test`` turn a data set into tasks.

    Raises
    ------
    ValueError
        If there is no protocol or option of a name.

    Examples
    --------
    >>> from skrec.reproduce import make_protocol
    >>> make_protocol("strong", data="gowalla", split_seed=1).split
    '3000u1'
    """
    if name not in _PROTOCOLS:
        raise ValueError(f"name must be among {list(_PROTOCOLS)}; got {name!r}")
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise ValueError(f"options must be among {_OPTIONS}; got {unknown}")
    cls = _PROTOCOLS[name]
    given = {**_OPTIONS_OF_DATA.get(data or "", {}), **options}
    known = {f.name for f in fields(cls)}
    return cls(**{option: value for option, value in given.items() if option in known})
