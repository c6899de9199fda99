"""Synthetic interactions of users and items whose tastes are known."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import Bunch

from skrec.interactions import Interactions
from skrec.typing import Array, CSRMatrix, RandomState
from skrec.utils import check_count, check_memory, check_rng, index_pointer

__all__ = ["make_interactions"]

_MAX_CELLS_AT_ONCE = 20_000_000  # 160 MB of float64
_DENSE = 0.2  # above this share of all pairs repeated draws mostly hit known pairs
_MAX_DRAWS_PER_PAIR = 30

_FIRST_SECOND = 1_500_000_000
_DAY = 86_400
_RATING_CENTRE, _RATING_BIAS, _RATING_NOISE = 3.0, 0.4, 0.6

_DESCR = """\
Synthetic interactions: {n} distinct pairs of {n_users} users and {n_items} items.

A draw picks user u, then item i, with probability
user_activity[u] * item_popularity[i] * cluster_rates[user_clusters[u], item_clusters[i]];
the pairs are those met in n_draws draws.
"""


def make_interactions(
    n_users: int = 2000,
    n_items: int = 500,
    n_interactions: int = 60_000,
    *,
    n_clusters: int = 8,
    affinity: float = 0.8,
    popularity_exponent: float = 0.8,
    activity_exponent: float = 0.5,
    ratings: bool = False,
    timestamps: bool = False,
    random_state: RandomState = 0,
) -> Bunch:
    r"""Make interactions with power-law popularity and activity and known taste clusters.

    Users and items belong to clusters. A draw picks a user by activity and then an item by
    popularity, with probability `affinity` among the items of the user's own cluster and
    otherwise among all:

    .. math:: p(u, i) = a_u \, q_i \, w_{c(u), c(i)}

    The result holds the distinct pairs of as many draws as it takes.

    Parameters
    ----------
    n_users, n_items : int, default=2000, 500
        Numbers of users and items.
    n_interactions : int, default=60000
        Number of distinct pairs, exactly.
    n_clusters : int, default=8
        Number of taste clusters, of (nearly) equal numbers of users and of items.
    affinity : float, default=0.8
        Share of a user's draws that stay in the own cluster, in [0, 1]. At 0 there is no taste,
        only popularity.
    popularity_exponent : float, default=0.8
        The r-th most popular item is drawn in proportion to ``r ** -popularity_exponent``.
    activity_exponent : float, default=0.5
        The same for users.
    ratings : bool, default=False
        If True the values are ratings 1 to 5, else ones. See Notes.
    timestamps : bool, default=False
        If True each interaction has a time, in seconds.
    random_state : int, RandomState instance or None, default=0
        Source of the draws.

    Returns
    -------
    data : Bunch
        With these attributes.

        interactions : Interactions
            The interactions, sorted by user and item.
        X : csr_matrix of shape (n_users, n_items)
            The same as a float32 matrix.
        user_clusters : ndarray of shape (n_users,)
            Cluster of each user.
        item_clusters : ndarray of shape (n_items,)
            Cluster of each item.
        user_activity : ndarray of shape (n_users,)
            Probability that a draw picks the user, :math:`a_u`.
        item_popularity : ndarray of shape (n_items,)
            Popularity apart from taste, :math:`q_i`, with sum 1.
        cluster_rates : ndarray of shape (n_clusters, n_clusters)
            Factor of a user's cluster (row) on an item's cluster (column), :math:`w`.
        n_draws : float
            Number of draws, T: a pair is among the interactions with probability
            :math:`1 - \exp(-T a_u q_i w_{c(u), c(i)})`.
        user_bias, item_bias : ndarray or None
            Parts of the ratings, see Notes.
        item_names : ndarray of shape (n_items,)
            Names with the number of the cluster.
        DESCR : str
            A description.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or if the exponents are so steep that
        `n_interactions` distinct pairs are hardly ever met.

    Notes
    -----
    A rating is ``3 + user_bias[u] + item_bias[i]``, one more in the user's own cluster, plus
    normal noise with deviation 0.6, rounded and clipped to 1, ..., 5. A user starts at some
    second of two years and interacts for 60 days on average, in random order.

    Examples
    --------
    >>> from skrec.datasets import make_interactions
    >>> data = make_interactions(100, 50, 800, n_clusters=4)
    >>> data.X.shape, data.X.nnz
    ((100, 50), 800)
    >>> user, item = data.interactions.user, data.interactions.item
    >>> bool((data.user_clusters[user] == data.item_clusters[item]).mean() > 0.5)
    True
    """
    n_users, n_items = check_count(n_users, "n_users", 1), check_count(n_items, "n_items", 1)
    n_clusters = check_count(n_clusters, "n_clusters", 1, n_items)
    n_interactions = check_count(n_interactions, "n_interactions", 1, n_users * n_items)
    _check_memory(n_users, n_items, n_interactions)
    affinity = _check_number(affinity, "affinity", 1)
    popularity_exponent = _check_number(popularity_exponent, "popularity_exponent", 10)
    activity_exponent = _check_number(activity_exponent, "activity_exponent", 10)
    rng = np.random.default_rng(check_rng(random_state).randint(2**31 - 1))
    tastes = _make_tastes(
        n_users, n_items, n_clusters, affinity, popularity_exponent, activity_exponent, rng
    )
    keys, n_draws = _draw_pairs(tastes, n_interactions, rng)
    user, item = np.divmod(keys, n_items)
    value = user_bias = item_bias = None
    if ratings:
        user_bias, item_bias = _make_biases(n_users, n_items, rng)
        value = _draw_ratings(tastes, user, item, user_bias, item_bias, rng)
    timestamp = _draw_timestamps(user, n_users, rng) if timestamps else None
    frame = (n_users, n_items)
    return Bunch(
        interactions=Interactions.from_arrays(user, item, value, timestamp, frame=frame),
        X=_sorted_csr(user, item, value, frame),
        user_clusters=tastes.user_clusters,
        item_clusters=tastes.item_clusters,
        user_activity=tastes.user_activity,
        item_popularity=tastes.item_popularity,
        cluster_rates=tastes.cluster_rates,
        n_draws=n_draws,
        user_bias=user_bias,
        item_bias=item_bias,
        item_names=_item_names(tastes.item_clusters),
        DESCR=_DESCR.format(n=n_interactions, n_users=n_users, n_items=n_items),
    )


@dataclass(frozen=True)
class _Tastes:
    """Who draws what: the factors of the probability of a pair."""

    user_clusters: Array
    item_clusters: Array
    user_activity: Array
    item_popularity: Array
    cluster_rates: Array
    affinity: float

    @property
    def shape(self) -> tuple[int, int]:
        """Return the numbers of users and items."""
        return len(self.user_activity), len(self.item_popularity)

    def dense(self) -> Array:
        """Return the probability of every pair, of shape (n_users, n_items)."""
        by_cluster = self.cluster_rates[:, self.item_clusters] * self.item_popularity
        return self.user_activity[:, None] * by_cluster[self.user_clusters]


def _check_memory(n_users: int, n_items: int, n_interactions: int) -> None:
    # a popularity and a cluster of each user and item, and the keys of the pairs
    n_bytes = 8 * (2 * n_users + 2 * n_items + n_interactions)
    what = f"n_users={n_users:,} with n_items={n_items:,} and n_interactions={n_interactions:,}"
    check_memory(n_bytes, what, "choose smaller numbers")


def _check_number(value: Any, name: str, limit: int) -> float:
    number: Any = value if isinstance(value, Real) and not isinstance(value, bool) else np.nan
    if not 0 <= number <= limit:
        raise ValueError(f"{name} must be a number in [0, {limit}]; got {value!r}")
    return float(number)


def _make_tastes(
    n_users: int,
    n_items: int,
    n_clusters: int,
    affinity: float,
    popularity: float,
    activity: float,
    rng: np.random.Generator,
) -> _Tastes:
    item_clusters = rng.permutation(np.arange(n_items) % n_clusters)
    item_popularity = _power_law(n_items, popularity, rng)
    mass = np.bincount(item_clusters, weights=item_popularity, minlength=n_clusters)
    rates = np.full((n_clusters, n_clusters), 1.0 - affinity)
    rates[np.diag_indices(n_clusters)] += affinity / mass
    return _Tastes(
        user_clusters=rng.permutation(np.arange(n_users) % n_clusters),
        item_clusters=item_clusters,
        user_activity=_power_law(n_users, activity, rng),
        item_popularity=item_popularity,
        cluster_rates=rates,
        affinity=affinity,
    )


def _power_law(n: int, exponent: float, rng: np.random.Generator) -> Array:
    weights = rng.permutation(np.arange(1.0, n + 1) ** -exponent)
    return weights / weights.sum()


def _draw_pairs(tastes: _Tastes, n: int, rng: np.random.Generator) -> tuple[Array, float]:
    """Draw until n distinct pairs are met; return their sorted keys and the number of draws."""
    n_cells = tastes.shape[0] * tastes.shape[1]
    _check_reach(tastes, n)
    if n_cells <= _MAX_CELLS_AT_ONCE or n > _DENSE * n_cells:
        return _draw_by_arrival(tastes, n, rng)
    return _draw_by_rejection(tastes, n, rng)


def _check_reach(tastes: _Tastes, n: int) -> None:
    if tastes.affinity < 1:
        return
    own = int(np.bincount(tastes.item_clusters)[tastes.user_clusters].sum())
    if n > own:
        raise ValueError(
            f"n_interactions must be at most {own}, the pairs within clusters, at affinity 1; "
            f"got {n}"
        )


def _draw_by_arrival(tastes: _Tastes, n: int, rng: np.random.Generator) -> tuple[Array, float]:
    # the first draw of a pair is at an exponential time, so no draw has to be repeated
    times = tastes.dense().ravel()
    with np.errstate(divide="ignore"):  # what is never drawn comes after all time
        np.divide(rng.standard_exponential(times.shape), times, out=times)
    first = np.argpartition(times, n - 1)[:n]
    return np.sort(first), float(times[first].max())


def _draw_by_rejection(tastes: _Tastes, n: int, rng: np.random.Generator) -> tuple[Array, float]:
    keys, n_draws, accepted = np.empty(0, dtype=np.int64), 0.0, 1.0
    while len(keys) < n:
        missing = n - len(keys)
        size = min(n, int(1.05 * missing / accepted) + 1000)
        if n_draws + size > _MAX_DRAWS_PER_PAIR * n:
            raise ValueError(
                f"n_interactions={n} distinct pairs are too many for such steep exponents: "
                f"{int(n_draws)} draws gave {len(keys)}"
            )
        fresh = _without(_draw_keys(tastes, size, rng), keys)
        accepted = max(len(fresh) / size, 0.01)
        kept = fresh
        if len(fresh) > missing:
            kept = rng.choice(fresh, missing, replace=False, shuffle=False)
        n_draws += size * len(kept) / max(1, len(fresh))
        keys = np.sort(np.concatenate([keys, kept]))
    return keys, n_draws


def _draw_keys(tastes: _Tastes, size: int, rng: np.random.Generator) -> Array:
    """Draw pairs; return their sorted distinct keys."""
    n_users, n_items = tastes.shape
    user = np.repeat(np.arange(n_users), rng.multinomial(size, tastes.user_activity))
    keys = np.sort(user * n_items + _draw_items(tastes, user, rng))
    return keys[np.append(True, keys[1:] != keys[:-1])]


def _draw_items(tastes: _Tastes, user: Array, rng: np.random.Generator) -> Array:
    """Draw an item for each user by the inverse of the cumulated popularity."""
    order = np.argsort(tastes.item_clusters, kind="stable")
    cumulated = np.cumsum(tastes.item_popularity[order])
    cumulated /= cumulated[-1]
    last = np.cumsum(np.bincount(tastes.item_clusters)) - 1
    start = np.append(0.0, cumulated[last[:-1]])
    cluster = np.where(rng.random(len(user)) < tastes.affinity, tastes.user_clusters[user], -1)
    low, width = np.append(start, 0.0), np.append(cumulated[last] - start, 1.0)
    point = low[cluster] + width[cluster] * rng.random(len(user))
    place = np.searchsorted(cumulated, point, side="right")
    return order[np.minimum(place, len(order) - 1)]


def _without(keys: Array, known: Array) -> Array:
    """Return the sorted keys that are not among the sorted known ones."""
    if not len(known):
        return keys
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return keys[known[place] != keys]


def _make_biases(n_users: int, n_items: int, rng: np.random.Generator) -> tuple[Array, Array]:
    return _RATING_BIAS * rng.standard_normal(n_users), _RATING_BIAS * rng.standard_normal(n_items)


def _draw_ratings(
    tastes: _Tastes,
    user: Array,
    item: Array,
    user_bias: Array,
    item_bias: Array,
    rng: np.random.Generator,
) -> Array:
    rating = _RATING_CENTRE + user_bias[user] + item_bias[item]
    rating += tastes.user_clusters[user] == tastes.item_clusters[item]
    rating += _RATING_NOISE * rng.standard_normal(len(user))
    return np.clip(np.rint(rating), 1, 5).astype(np.float32)


def _draw_timestamps(user: Array, n_users: int, rng: np.random.Generator) -> Array:
    start = rng.integers(_FIRST_SECOND, _FIRST_SECOND + 2 * 365 * _DAY, size=n_users)
    return start[user] + (60 * _DAY * rng.standard_exponential(len(user))).astype(np.int64)


def _sorted_csr(user: Array, item: Array, value: Array | None, frame: tuple[int, int]) -> CSRMatrix:
    data = np.ones(len(user), dtype=np.float32) if value is None else value
    index = np.int32 if max(len(user), *frame) < 2**31 else np.int64
    indptr = index_pointer(user, frame[0]).astype(index)
    return sp.csr_matrix((data, item.astype(index), indptr), shape=frame)


def _item_names(item_clusters: Array) -> Array:
    return np.array([f"item {i} (cluster {c})" for i, c in enumerate(item_clusters)], dtype=object)
