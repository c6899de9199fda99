"""Splitting interactions by time: the latest of each user, or the newest of all."""

from numbers import Real

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skrec.model_selection._base import InteractionSplitter, n_test_units
from skrec.model_selection._pairs import first_places, last_of_users

__all__ = ["LeaveOneOut", "TemporalHoldout"]


class LeaveOneOut(InteractionSplitter):
    """Hold out one (user, item) pair of every user that has two or more.

    The pair goes to the test side with all its repeats. A user with one pair stays in train.

    Parameters
    ----------
    by : {"latest", "random"}, default="latest"
        Which pair: the one that the user came to last (at its first time; ties go to the one
        that comes later in the input), or one at random.
    n_splits : int, default=1
        Number of independent draws; with ``by="latest"`` there is but one split.
    random_state : int, RandomState instance or None, default=0
        Source of the draws of ``by="random"``; an integer gives the same at every call.

    See Also
    --------
    TemporalHoldout : One time for all users.
    StrongGeneralization : Whole users of a matrix.

    Notes
    -----
    The train side of ``by="latest"`` may hold interactions that come after the test
    interaction of another user.

    References
    ----------
    He et al. (2017), "Neural collaborative filtering", :doi:`10.1145/3038912.3052569`.

    Examples
    --------
    >>> from skrec import Interactions
    >>> from skrec.model_selection import LeaveOneOut
    >>> I = Interactions.from_arrays([0, 0, 0, 1], [0, 1, 2, 0], timestamp=[5, 9, 7, 1])
    >>> train, test = next(LeaveOneOut().split(I))
    >>> train, test
    (array([0, 2, 3]), array([1]))
    """

    def __init__(self, by="latest", *, n_splits=1, random_state=0):
        self.by = by
        self.n_splits = n_splits
        self.random_state = random_state

    def _check_interactions(self, X):
        super()._check_interactions(X)
        if self.by not in ("latest", "random"):
            raise ValueError(f"by must be 'latest' or 'random'; got {self.by!r}")
        if self.by == "latest":
            self._check_timestamps(X, "by='latest'")
            if self.n_splits != 1:
                raise ValueError(
                    f"n_splits must be 1 with by='latest', of which there is but one split; "
                    f"got {self.n_splits}"
                )

    def _iter_test_pairs(self, X, pairs):
        if np.bincount(pairs.user).max() < 2:
            raise ValueError("X must have a user with two items or more; got one item a user")
        if self.by == "latest":
            yield last_of_users(pairs.user, first_places(pairs.code, X.timestamp)[0])
            return
        rng = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            yield last_of_users(pairs.user, rng.permutation(len(pairs.user)))


class TemporalHoldout(InteractionSplitter):
    """Hold out what happened from one time on, the same for all users.

    A (user, item) pair is dated by its first time and goes to one side with all its repeats.

    Parameters
    ----------
    test_size : float or int, default=0.2
        Share (rounded up) or number of the pairs that are held out, the newest; pairs of the
        same time are cut by input order. Not used where ``at`` is given.
    at : int, float, str or datetime, default=None
        The time itself: pairs from then on are held out. A date stands for its seconds since
        1970, as `Interactions.from_frame` stores dates.

    See Also
    --------
    LeaveOneOut : The latest item of every user.

    Notes
    -----
    Later repeats of a pair that began before the cut are in train, so that no pair is on both
    sides. A date with a time zone is converted to UTC.

    Examples
    --------
    >>> from skrec import Interactions
    >>> from skrec.model_selection import TemporalHoldout
    >>> I = Interactions.from_arrays([0, 0, 1, 1], [0, 1, 0, 1], timestamp=[5, 9, 1, 7])
    >>> next(TemporalHoldout(0.5).split(I))
    (array([0, 2]), array([1, 3]))
    >>> next(TemporalHoldout(at=8).split(I))[1]
    array([1])
    """

    def __init__(self, test_size=0.2, *, at=None):
        self.test_size = test_size
        self.at = at

    def _check_interactions(self, X):
        self._check_timestamps(X, "TemporalHoldout")

    def _iter_test_pairs(self, X, pairs):
        place, first = first_places(pairs.code, X.timestamp)
        if self.at is not None:
            yield self._from_time(X.timestamp[first])
            return
        n_pairs = len(place)
        n_test = n_test_units(self.test_size, n_pairs, "test_size", "(user, item) pairs")
        yield place >= np.partition(place, n_pairs - n_test)[n_pairs - n_test]

    def _from_time(self, times):
        test = times >= _seconds(self.at)
        if test.all() or not test.any():
            raise ValueError(
                f"at must lie after the first and not after the last time of X, {times.min()} "
                f"to {times.max()} (first times of pairs); got {self.at!r}"
            )
        return test


def _seconds(at):
    if isinstance(at, Real):
        return at
    try:
        return pd.Timestamp(at).timestamp()
    except (TypeError, ValueError) as error:
        raise ValueError(f"at must be a number or a date; got {at!r}") from error
