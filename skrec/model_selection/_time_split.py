"""Splitters of interactions by time: the latest of each user, or the newest of all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from numbers import Real
from typing import Any, Literal, TypeAlias, cast

import numpy as np

from skrec.interactions import Interactions, as_timestamps
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
        in input order.
    at : int, float, str or datetime, default=None
        Time from which on pairs are held out: a date such as "2015-03-01" or
        "2015-03-01 12:00+02:00", a datetime of Python, NumPy or pandas, or a number. Then
        ``test_size`` is not used.

    See Also
    --------
    LeaveOneOut : Hold out the latest item of every user.

    Notes
    -----
    If the first interaction of a pair is before the cut, all later ones are in train too, so that
    no pair is on both sides.

    Dates without an offset are those of UTC. A number is in the unit of the times where these are
    plain integers (``X.time_unit`` is None). Where they are nanoseconds (``X.time_unit`` is "ns"),
    it is Unix time. The unit of Unix time follows from its size: seconds below 1e11, milliseconds
    below 1e14, microseconds below 1e17, nanoseconds above. In the same way plain integers are taken
    for Unix time, by the largest of them, where ``at`` is a date.

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
            yield _not_before(self.at, timestamp[first], X.time_unit)
            return
        n_pairs = len(place)
        n_test = n_test_units(self.test_size, n_pairs, "test_size", "(user, item) pairs")
        yield place >= np.partition(place, n_pairs - n_test)[n_pairs - n_test]


def _not_before(at: _Time, times: Array, unit: Literal["ns"] | None) -> Array:
    """Return a mask of the times that are not before a given one; both kinds must occur."""
    test = times >= _threshold(at, times, unit)
    if test.all() or not test.any():
        first, last = times.min(), times.max()
        if unit == "ns":
            first, last = np.datetime64(int(first), "ns"), np.datetime64(int(last), "ns")
        raise ValueError(
            f"at must lie after the first and not after the last time of X, {first} "
            f"to {last} (first times of pairs); got {at!r}"
        )
    return test


def _threshold(at: _Time, times: Array, unit: Literal["ns"] | None) -> int:
    """Return the first time of the test side, in the unit of the times."""
    if isinstance(at, Real) and not isinstance(at, bool | np.bool_):
        number: Any = at.item() if isinstance(at, np.generic) else at
        if not math.isfinite(number):
            raise ValueError(f"at must be a number or a date; got {at!r}")
        scale = 1 if unit is None else _nanoseconds_per_unit(abs(number))
        return math.ceil(Fraction(number) * scale)
    moment = _nanoseconds(at)
    if unit == "ns":
        return moment
    largest = max(-int(times.min()), int(times.max()))
    return math.ceil(Fraction(moment, _nanoseconds_per_unit(largest)))


def _nanoseconds_per_unit(size: float) -> int:
    """Return the unit of Unix time of some size: s, ms, us or ns."""
    for limit, scale in ((1e11, 10**9), (1e14, 10**6), (1e17, 10**3)):
        if size < limit:
            return scale
    return 1


def _nanoseconds(at: Any) -> int:
    """Return a date in nanoseconds since 1970."""
    try:
        moments, unit = as_timestamps([at], "at")
    except (TypeError, ValueError) as error:
        raise ValueError(f"at must be a number or a date; got {at!r} ({error})") from error
    if unit is None:
        raise ValueError(f"at must be a number or a date such as '2015-03-01'; got {at!r}")
    return int(moments[0])
