"""Splitters of interactions by time: the latest of each user, or the newest of all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from numbers import Real
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import pandas as pd

from skrec.interactions import Interactions
from skrec.model_selection._base import InteractionSplitter, n_test_units
from skrec.model_selection._pairs import Pairs, first_places, last_of_users
from skrec.typing import Array, RandomState
from skrec.utils import check_choice, check_rng

__all__ = ["LeaveOneOut", "TemporalHoldout"]

_Time: TypeAlias = float | str | date | np.datetime64


class LeaveOneOut(InteractionSplitter):
    """Hold out one (user, item) pair of every user that has two or more.

    All interactions of that pair are in the test side. A user with only one pair stays in train.

    Parameters
    ----------
    by : {"latest", "random"}, default="latest"
        Pair to hold out. "latest" is the pair that is new to the user last: the one whose first
        time is the latest, and of equal times the later one in the input. "random" draws a pair.
    n_splits : int, default=1
        Number of independent draws. It must be 1 with ``by="latest"``.
    random_state : int, RandomState instance or None, default=0
        Source of the draws of ``by="random"``. With an integer every call of `split` returns the
        same pairs.

    See Also
    --------
    TemporalHoldout : Hold out the newest interactions of all users.
    StrongGeneralization : Hold out whole users of a matrix.

    Notes
    -----
    With ``by="latest"`` the train side may hold interactions that are later than the test
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

    def __init__(
        self,
        by: Literal["latest", "random"] = "latest",
        *,
        n_splits: int = 1,
        random_state: RandomState = 0,
    ) -> None:
        self.by = by
        self.n_splits = n_splits
        self.random_state = random_state

    def _check_interactions(self, X: Interactions) -> None:
        super()._check_interactions(X)
        check_choice(self.by, "by", ("latest", "random"))
        if self.by == "latest":
            self._check_timestamps(X, "by='latest'")
            if self.n_splits != 1:
                raise ValueError(
                    f"n_splits must be 1 with by='latest', of which there is but one split; "
                    f"got {self.n_splits}"
                )

    def _iter_test_pairs(self, X: Interactions, pairs: Pairs) -> Iterator[Array]:
        if np.bincount(pairs.user).max() < 2:
            raise ValueError("X must have a user with two items or more; got one item a user")
        if self.by == "latest":
            places, _ = first_places(pairs.code, cast("Array", X.timestamp))  # checked before
            yield last_of_users(pairs.user, places)
            return
        rng = check_rng(self.random_state)
        for _ in range(self.n_splits):
            yield last_of_users(pairs.user, rng.permutation(len(pairs.user)))


class TemporalHoldout(InteractionSplitter):
    """Hold out the newest interactions: those from one time on, the same for all users.

    The time of a (user, item) pair is its first time. All its interactions are on the same side.

    Parameters
    ----------
    test_size : float or int, default=0.2
        Share (rounded up) or number of the newest pairs to hold out. Pairs of equal time are taken
        in input order. It is not used if ``at`` is given.
    at : int, float, str or datetime, default=None
        Time from which on pairs are held out. A date is converted to seconds since 1970, as in
        `Interactions.from_frame`.

    See Also
    --------
    LeaveOneOut : Hold out the latest item of every user.

    Notes
    -----
    If the first interaction of a pair is before the cut, all later ones are in train too, so that
    no pair is on both sides. A date with a time zone is converted to UTC.

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

    def __init__(self, test_size: float = 0.2, *, at: _Time | None = None) -> None:
        self.test_size = test_size
        self.at = at

    def _check_interactions(self, X: Interactions) -> None:
        self._check_timestamps(X, "TemporalHoldout")

    def _iter_test_pairs(self, X: Interactions, pairs: Pairs) -> Iterator[Array]:
        timestamp = cast("Array", X.timestamp)  # checked before
        place, first = first_places(pairs.code, timestamp)
        if self.at is not None:
            yield _not_before(self.at, timestamp[first])
            return
        n_pairs = len(place)
        n_test = n_test_units(self.test_size, n_pairs, "test_size", "(user, item) pairs")
        yield place >= np.partition(place, n_pairs - n_test)[n_pairs - n_test]


def _not_before(at: _Time, times: Array) -> Array:
    """Return a mask of the times that are not before a given one; both kinds must occur."""
    test = times >= _seconds(at)
    if test.all() or not test.any():
        raise ValueError(
            f"at must lie after the first and not after the last time of X, {times.min()} "
            f"to {times.max()} (first times of pairs); got {at!r}"
        )
    return test


def _seconds(at: _Time) -> float:
    """Return a time in seconds since 1970."""
    if isinstance(at, Real):
        return cast("float", at)
    try:
        moment: Any = pd.Timestamp(at)
        return moment.timestamp()
    except (TypeError, ValueError) as error:
        raise ValueError(f"at must be a number or a date; got {at!r}") from error
