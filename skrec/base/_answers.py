"""Answers in blocks: of whole rows, and of pairs picked from them or scored alone."""

from collections.abc import Callable, Iterator

import numpy as np

from skrec.base._queries import Queries, lists_of_pairs, pair_blocks
from skrec.typing import Array
from skrec.utils import row_blocks

__all__ = ["answer_pairs", "answer_rows", "pick", "pick_rows", "spread"]

Values = Callable[..., tuple[Array, ...]]


def answer_rows(values: Values, queries: Queries, bytes_per_row: int) -> tuple[Array, ...]:
    """Evaluate a function of a block of users on all of them.

    Parameters
    ----------
    values : callable
        Takes queries and returns arrays of shape (n_rows, n_items).
    queries : Queries
        The users.
    bytes_per_row : int
        Memory that a row takes.

    Returns
    -------
    answer : tuple of ndarray of shape (n_rows, n_items)
        float32.
    """
    answer: tuple[Array, ...] = ()
    for rows in row_blocks(queries.n_rows, bytes_per_row):
        arrays = values(queries.take(rows))
        if rows == slice(0, queries.n_rows):
            return arrays  # all rows in one block: no copy
        if not answer:
            shape = (queries.n_rows, *arrays[0].shape[1:])
            answer = tuple(np.empty(shape, np.float32) for _ in arrays)
        for out, array in zip(answer, arrays, strict=True):
            out[rows] = array
    return answer or values(queries)  # no rows: arrays without any


def answer_pairs(
    values: Values,
    queries: Queries,
    place: Array,
    items: Array,
    n_arrays: int,
    bytes_per_row: int | None,
) -> tuple[Array, ...]:
    """Evaluate a function of a block of users on pairs.

    Parameters
    ----------
    values : callable
        Takes queries, and lists of items for each of them, and returns arrays of their shape;
        without lists of shape (n_rows, n_items).
    queries : Queries
        The users of the pairs.
    place : ndarray of shape (n_pairs,)
        For each pair the place of its user among the queries.
    items : ndarray of shape (n_pairs,)
        The item of each pair.
    n_arrays : int
        Number of arrays that the function returns.
    bytes_per_row : int or None
        Memory that a whole row takes, which pairs are then picked from; None evaluates lists.

    Returns
    -------
    answer : tuple of ndarray of shape (n_pairs,)
        float32.
    """
    if bytes_per_row is None:
        blocks = _by_lists(values, queries, place, items)
    else:
        blocks = _by_rows(values, queries, place, items, bytes_per_row)
    answer = tuple(np.empty(len(place), np.float32) for _ in range(n_arrays))
    for chosen, arrays in blocks:
        for out, array in zip(answer, arrays, strict=True):
            out[chosen] = array
    return answer


def _by_rows(
    values: Values, queries: Queries, place: Array, items: Array, bytes_per_row: int
) -> Iterator[tuple[Array, list[Array]]]:
    """Yield pairs and their values, out of whole rows."""
    for rows, chosen in pair_blocks(place, queries.n_rows, bytes_per_row):
        at = place[chosen] - rows.start, items[chosen]
        yield chosen, [array[at] for array in values(queries.take(rows))]


def _by_lists(
    values: Values, queries: Queries, place: Array, items: Array
) -> Iterator[tuple[Array, list[Array]]]:
    """Yield pairs and their values, the items of each user alone."""
    n_bytes = 32 * np.bincount(place).max(initial=1)
    for rows, chosen in pair_blocks(place, queries.n_rows, n_bytes):
        row = place[chosen] - rows.start
        lists, column = lists_of_pairs(row, items[chosen], rows.stop - rows.start)
        arrays = values(queries.take(rows), lists)
        yield chosen, [array[row, column] for array in arrays]


def pick(scores: Array, candidates: Array) -> Array:
    """Take the columns of shared or per-row candidates.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_items)
        Of all items.
    candidates : ndarray of int64 of shape (m,) or (n_rows, m)
        Items.

    Returns
    -------
    picked : ndarray of shape (n_rows, m)
        Their scores.
    """
    if candidates.ndim == 1:
        return scores[:, candidates]
    return np.take_along_axis(scores, candidates, axis=1)


def pick_rows(prior: Array, candidates: Array | None, rows: Array) -> Array:
    """Take one value an item, for all items or for the candidates of some rows.

    Parameters
    ----------
    prior : ndarray of shape (n_items,)
        A value of each item.
    candidates : ndarray of int64 of shape (m,) or (n_rows, m) or None
        Items; None for all.
    rows : ndarray of bool of shape (n_rows,)
        Which rows.

    Returns
    -------
    picked : ndarray of shape (n_items,), (m,) or (n_chosen, m)
        Their values.
    """
    if candidates is None:
        return prior
    return prior[candidates if candidates.ndim == 1 else candidates[rows]]


def spread(values: Callable[[int], Array], n_samples: int) -> Array:
    """Return the deviation of a function over posterior draws.

    Parameters
    ----------
    values : callable
        Takes the number of a draw and returns an array.
    n_samples : int
        How many draws.

    Returns
    -------
    deviation : ndarray
        float32, of the shape of the values.
    """
    total = square = np.zeros(())
    for draw in range(n_samples):
        value = values(draw).astype(np.float64)
        total, square = total + value, square + value**2
    variance = square / n_samples - (total / n_samples) ** 2
    return np.sqrt(np.maximum(variance, 0)).astype(np.float32)
