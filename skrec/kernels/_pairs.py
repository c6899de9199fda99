"""Stochastic descent over pairs of users and items, with negatives that a user lacks.

In float32, with sums over pairs in float64. Random numbers are those of a xorshift generator of 64
bits, whose state the caller holds.
"""

from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from skrec.kernels._compile import compiled
from skrec.typing import Array

__all__ = [
    "Positives",
    "descend_pairs",
    "descend_triplets",
    "draw_lacking",
    "mark_items",
    "shuffle",
]

_ROUNDS = 20  # of rejection, after which an item is drawn from what the user lacks
_LARGE = 1e100  # a product whose logarithm is taken before it overflows
_SPREAD = np.uint64(2654435769)  # 2^32 over the golden ratio: neighbours land far apart


class Positives(NamedTuple):
    """The pairs to descend over, as the kernels read them.

    Parameters
    ----------
    indptr : ndarray of int64 of shape (n_users + 1,)
        Where the rows begin.
    indices : ndarray of int32 of shape (nnz,)
        Items of each row, sorted.
    users : ndarray of int32 of shape (nnz,)
        The row of each entry.
    marks : ndarray of uint8 of shape (nnz,)
        What `mark_items` returned.
    cumulative : ndarray of float64 of shape (n_items,) or (0,)
        Cumulative weights by which negatives are drawn; empty where all weigh the same.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec import kernels
    >>> indptr, indices = np.array([0, 2, 3]), np.array([0, 2, 1], dtype=np.int32)
    >>> users, marks = np.array([0, 0, 1], dtype=np.int32), kernels.mark_items(indptr, indices)
    >>> rows = kernels.Positives(indptr, indices, users, marks, np.zeros(0))
    >>> state = np.array([1], dtype=np.uint64)
    >>> kernels.draw_lacking(rows, np.array([0]), 3, 3, state).tolist()
    [[1, 1, 1]]
    """

    indptr: Array
    indices: Array
    users: Array
    marks: Array
    cumulative: Array


Number: TypeAlias = Any
"""A number that a kernel passes on; its kind is that of the arrays it comes from."""

inlined = partial(compiled, inline=True)
reordering = partial(compiled, reorders=True)


# random numbers


@inlined
def _next(state: Array) -> Number:
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return x


@inlined
def _below(n: Number, state: Array) -> Number:
    """Return an integer from 0 to n - 1, for n up to 2^32."""
    upper = _next(state) >> np.uint64(32)
    return np.int64((upper * np.uint64(n)) >> np.uint64(32))


@inlined
def _fraction(state: Array) -> Number:
    """Return a number in [0, 1)."""
    return np.float64(_next(state) >> np.uint64(11)) * 2.0**-53


@compiled
def shuffle(order: Array, state: Array) -> None:
    """Shuffle an array in place.

    Parameters
    ----------
    order : ndarray of int of shape (n,)
        What is shuffled, up to 2^32 entries.
    state : ndarray of uint64 of shape (1,)
        State of the generator, not 0; it is changed.
    """
    for last in range(len(order) - 1, 0, -1):
        other = _below(last + 1, state)
        kept = order[last]
        order[last] = order[other]
        order[other] = kept


# negatives


@inlined
def _mark(item: Number, n: Number) -> Number:
    """Return the bit, of 8 for each of the n items of a row, that an item of the row sets."""
    spread = (np.uint64(item) * _SPREAD) & np.uint64(0xFFFFFFFF)
    return np.int64((spread * np.uint64(8 * n)) >> np.uint64(32))


@compiled
def mark_items(indptr: Array, indices: Array) -> Array:
    """Set a bit for each entry, by which most items that a row lacks are told without a search.

    Parameters
    ----------
    indptr, indices : ndarray of int64 and of int32
        Rows of a CSR matrix.

    Returns
    -------
    marks : ndarray of uint8 of shape (nnz,)
        Eight bits an entry, at the places of the entries of the same row.
    """
    marks = np.zeros(len(indices), dtype=np.uint8)
    for row in range(len(indptr) - 1):
        start, stop = indptr[row], indptr[row + 1]
        for entry in range(start, stop):
            bit = _mark(indices[entry], stop - start)
            marks[start + bit // 8] |= np.uint8(1 << (bit % 8))
    return marks


@compiled
def _n_up_to(values: Array, start: Number, stop: Number, x: Number) -> Number:
    """Return the place behind the last value of a sorted part of an array that is at most x."""
    while start < stop:
        middle = (start + stop) // 2
        if values[middle] <= x:
            start = middle + 1
        else:
            stop = middle
    return start


@inlined
def _is_marked(marks: Array, start: Number, stop: Number, item: Number) -> bool:
    """Return whether a row may have an item; without its mark it has not."""
    if start == stop:
        return False
    bit = _mark(item, stop - start)
    return (marks[start + bit // 8] >> (bit % 8)) & 1 != 0


@compiled
def _lacking(indices: Array, start: Number, stop: Number, rank: Number) -> Number:
    """Return the item of a rank, from 0, among those that a row lacks."""
    low, high = start, stop
    while low < high:
        middle = (low + high) // 2
        if indices[middle] - (middle - start) <= rank:
            low = middle + 1
        else:
            high = middle
    return rank + low - start


@compiled
def _draw_slowly(
    indices: Array, cumulative: Array, start: Number, stop: Number, n_items: Number, state: Array
) -> Number:
    """Draw from what a row lacks without rejection, for a row that has nearly all."""
    total, wanted = 0.0, np.inf
    for _ in range(2):  # the first walk adds the weights up, the second one stops in between
        total, before, place = 0.0, 0.0, start
        for item in range(len(cumulative)):
            weight = cumulative[item] - before
            before = cumulative[item]
            if place < stop and indices[place] == item:
                place += 1
                continue
            total += weight
            if total > wanted:
                return item
        wanted = _fraction(state) * total
    # all weigh the same, or nothing that can be told from 0
    return _lacking(indices, start, stop, _below(n_items - (stop - start), state))


@inlined
def _propose(cumulative: Array, n_items: Number, state: Array) -> Number:
    """Draw an item."""
    if len(cumulative) == 0:
        return _below(n_items, state)
    x = _fraction(state) * cumulative[-1]
    return min(_n_up_to(cumulative, 0, n_items, x), n_items - 1)


@inlined
def _draw(
    indices: Array,
    marks: Array,
    cumulative: Array,
    start: Number,
    stop: Number,
    n_items: Number,
    state: Array,
) -> Number:
    """Draw an item that a row lacks, or return -1 where that did not succeed."""
    for _ in range(_ROUNDS):
        item = _propose(cumulative, n_items, state)
        if not _is_marked(marks, start, stop, item):
            return item
        place = _n_up_to(indices, start, stop, item)
        if place == start or indices[place - 1] != item:
            return item
    return -1


@compiled
def draw_lacking(rows: Positives, users: Array, n_draws: int, n_items: int, state: Array) -> Array:
    """Draw items that users lack, each with its share of the distribution.

    Parameters
    ----------
    rows : Positives
        What the users have.
    users : ndarray of int of shape (n,)
        Rows, each of which lacks an item.
    n_draws : int
        Draws for each, with replacement.
    n_items : int
        Number of items.
    state : ndarray of uint64 of shape (1,)
        State of the generator, not 0; it is changed.

    Returns
    -------
    items : ndarray of int32 of shape (n, n_draws)
        The items.
    """
    indptr, indices, _, marks, cumulative = rows
    items = np.empty((len(users), n_draws), dtype=np.int32)
    for row in range(len(users)):
        start, stop = indptr[users[row]], indptr[users[row] + 1]
        for column in range(n_draws):
            item = _draw(indices, marks, cumulative, start, stop, n_items, state)
            if item < 0:
                item = _draw_slowly(indices, cumulative, start, stop, n_items, state)
            items[row, column] = item
    return items


# descent: rows are reached by two indices, since a view of each would count references


@reordering
def _dot(users: Array, user: Number, items: Array, item: Number, size: Number) -> Number:
    total = np.float32(0)
    for k in range(size):
        total += users[user, k] * items[item, k]
    return total


@inlined
def _step(
    users: Array,
    user: Number,
    items: Array,
    item: Number,
    size: Number,
    shrink: Number,
    slope: Number,
) -> None:
    """Move two vectors down the gradient of a loss of their product, both from where they are."""
    for k in range(size):
        p = users[user, k]
        users[user, k] = shrink * p - slope * items[item, k]
        items[item, k] = shrink * items[item, k] - slope * p


@compiled
def descend_pairs(
    rows: Positives,
    order: Array,
    tables: tuple[Array, ...],
    n_negatives: int,
    rates: tuple[float, float],
    l2: float,
    state: Array,
) -> float:
    r"""Take a step for each positive and for each of its negatives, under cross-entropy.

    A pair costs :math:`\ln(1 + e^{-f})` where the user has the item and :math:`\ln(1 + e^f)` else,
    and its step goes down the gradient of that and of :math:`\lambda` times the squared norms of
    both vectors, biases included.

    Parameters
    ----------
    rows : Positives
        What the users have; each user in ``order`` lacks an item.
    order : ndarray of int of shape (n,)
        Entries in the order of the steps.
    tables : tuple of ndarray of float32
        Vectors of users and of items, and a global bias of shape (1,); they are changed. With a
        global bias the vectors end in a bias; where its shape is (0,) there are none.
    n_negatives : int
        Negatives of each positive.
    rates : tuple of float
        Learning rate at the first positive, and behind the last; it changes evenly.
    l2 : float
        The weight :math:`\lambda`.
    state : ndarray of uint64 of shape (1,)
        State of the generator, not 0; it is changed.

    Returns
    -------
    cost : float
        The sum of what the pairs cost before their steps, without penalties.
    """
    users, items, level = tables
    indptr, indices, row_of_entry, marks, cumulative = rows
    n_items, size = len(items), users.shape[1] - len(level)
    cost = np.float64(0)
    for place in range(len(order)):
        rate = rates[0] + (rates[1] - rates[0]) * (place / len(order))
        shrink = np.float32(1 - 2 * rate * l2)
        entry = order[place]
        user = row_of_entry[entry]
        start, stop = indptr[user], indptr[user + 1]
        product = np.float64(1)
        for draw in range(n_negatives + 1):
            sign = np.float32(1 if draw else -1)
            item = np.int64(indices[entry])
            if draw:
                item = _draw(indices, marks, cumulative, start, stop, n_items, state)
                if item < 0:
                    item = _draw_slowly(indices, cumulative, start, stop, n_items, state)
            score = _dot(users, user, items, item, size)
            if len(level):
                score += users[user, size] + items[item, size] + level[0]
            score *= sign  # the pair costs ln(1 + e^score)
            small = np.exp(-abs(score))
            cost += max(score, np.float32(0))
            product *= np.float32(1) + small  # one logarithm for all pairs of a positive
            if product > _LARGE:
                cost += np.log(product)
                product = np.float64(1)
            share = (np.float32(1) if score > 0 else small) / (np.float32(1) + small)
            slope = np.float32(rate) * sign * share
            _step(users, user, items, item, size, shrink, slope)
            if len(level):
                users[user, size] = shrink * users[user, size] - slope
                items[item, size] = shrink * items[item, size] - slope
                level[0] -= slope
        cost += np.log(product)
    return cost


@reordering
def _dot_difference(
    users: Array, user: Number, items: Array, item: Number, other: Number, size: Number
) -> Number:
    total = np.float32(0)
    for k in range(size):
        total += users[user, k] * (items[item, k] - items[other, k])
    return total


@inlined
def _triplet_step(
    users: Array,
    user: Number,
    items: Array,
    item: Number,
    other: Number,
    size: Number,
    shrink: Number,
    slope: Number,
) -> None:
    """Raise the score of an item above that of another."""
    for k in range(size):
        p = users[user, k]
        users[user, k] = shrink * p + slope * (items[item, k] - items[other, k])
        items[item, k] = shrink * items[item, k] + slope * p
        items[other, k] = shrink * items[other, k] - slope * p


@compiled
def descend_triplets(
    rows: Positives,
    order: Array,
    tables: tuple[Array, ...],
    n_negatives: int,
    rates: tuple[float, float],
    l2: float,
    state: Array,
) -> float:
    r"""Take a step for each positive beside each of its negatives, under the loss of BPR.

    A triplet costs :math:`\ln(1 + e^{f_{uj} - f_{ui}})`, and its step goes down the gradient of
    that and of :math:`\lambda` times the squared norms of its three vectors, biases included.

    Parameters
    ----------
    rows : Positives
        What the users have; each user in ``order`` lacks an item.
    order : ndarray of int of shape (n,)
        Entries in the order of the steps.
    tables : tuple of ndarray of float32
        Vectors of users and of items, which are changed. Those of items may end in a bias, and are
        then longer by one.
    n_negatives : int
        Negatives of each positive.
    rates : tuple of float
        Learning rate at the first positive, and behind the last; it changes evenly.
    l2 : float
        The weight :math:`\lambda`.
    state : ndarray of uint64 of shape (1,)
        State of the generator, not 0; it is changed.

    Returns
    -------
    cost : float
        The sum of what the triplets cost before their steps, without penalties.
    """
    users, items = tables
    indptr, indices, row_of_entry, marks, cumulative = rows
    n_items, size = len(items), users.shape[1]
    bias = items.shape[1] > size
    cost = np.float64(0)
    for place in range(len(order)):
        rate = rates[0] + (rates[1] - rates[0]) * (place / len(order))
        shrink = np.float32(1 - 2 * rate * l2)
        entry = order[place]
        user, item = row_of_entry[entry], np.int64(indices[entry])
        start, stop = indptr[user], indptr[user + 1]
        for _ in range(n_negatives):
            other = _draw(indices, marks, cumulative, start, stop, n_items, state)
            if other < 0:
                other = _draw_slowly(indices, cumulative, start, stop, n_items, state)
            score = _dot_difference(users, user, items, item, other, size)
            if bias:
                score += items[item, size] - items[other, size]
            small = np.exp(-abs(score))
            cost += max(-score, np.float32(0)) + np.log1p(small)
            share = (small if score > 0 else np.float32(1)) / (np.float32(1) + small)
            slope = np.float32(rate) * share
            _triplet_step(users, user, items, item, other, size, shrink, slope)
            if bias:
                items[item, size] = shrink * items[item, size] + slope
                items[other, size] = shrink * items[other, size] - slope
    return cost
