"""The places of each user's targets in a ranking, with groups of equal scores kept whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from skrec.typing import Array, CSRMatrix
from skrec.utils import index_pointer, pair_keys, row_of_entry

__all__ = ["Hits", "contains", "find_hits", "keys_of", "without"]

_MASK = 2**64 - 1


@dataclass(frozen=True)
class Hits:
    """The targets among the ranked candidates of a block of users.

    A tie group is a run of equal scores at the places ``[start, end)`` of a user's ranking. Places
    are counted from 0. Only groups that hold a target are listed.
    """

    n_columns: int  # no ranking is longer than this
    n_targets: Array  # (n_rows,) targets of the user, ranked or not
    n_ranked: Array  # (n_rows,) candidates of the user
    row: Array  # (n_groups,) user of the group
    start: Array  # (n_groups,)
    end: Array  # (n_groups,)
    n_relevant: Array  # (n_groups,) targets in the group
    hit_row: Array  # (n_hits,) user of the target, ascending
    hit_rank: Array  # (n_hits,) its place, ties in random order; ascending within a user

    def sum_groups(self, values: Array) -> Array:
        """Return the sum of a value of the tie groups for each user."""
        return np.bincount(self.row, weights=values, minlength=len(self.n_targets))

    def sum_hits(self, values: Array) -> Array:
        """Return the sum of a value of the targets for each user."""
        return np.bincount(self.hit_row, weights=values, minlength=len(self.n_targets))


def keys_of(X: CSRMatrix) -> Array:
    """Return the sorted int64 pair keys of the stored entries of a canonical CSR matrix."""
    return pair_keys(row_of_entry(X), X.indices, X.shape[1])


def contains(keys: Array, query: Array) -> Array:
    """Return which numbers of a query are among sorted keys, as a boolean array."""
    if len(keys) == 0:
        return np.zeros(len(query), dtype=bool)
    place = np.searchsorted(keys, query)
    return keys[np.minimum(place, len(keys) - 1)] == query


def without(A: CSRMatrix, B: CSRMatrix) -> CSRMatrix:
    """Return A without the stored entries of B; both are canonical CSR matrices."""
    keep = ~contains(keys_of(B), keys_of(A))
    indptr = index_pointer(row_of_entry(A)[keep], A.shape[0])
    return sp.csr_matrix((A.data[keep], A.indices[keep], indptr), shape=A.shape)


def find_hits(
    row: Array,
    column: Array,
    score: Array,
    targets: CSRMatrix,
    seed: int = 0,
    first_row: int = 0,
) -> Hits:
    """Find the targets among sorted candidates whose tie groups are complete.

    Parameters
    ----------
    row, column, score : ndarray of shape (n_candidates,)
        Candidates by row and falling score, as `skrec.utils.top_candidates` returns them.
    targets : csr_matrix of shape (n_rows, n_columns)
        Canonical matrix whose stored entries are the targets.
    seed : int, default=0
        Source of the order of ties in `Hits.hit_rank`.
    first_row : int, default=0
        Number of the first row among all blocks of rows. With it the order of ties does not depend
        on where the blocks begin.

    Returns
    -------
    hits : Hits
        The tie groups that hold targets, and the places of the targets.
    """
    n_rows, n_columns = targets.shape
    keys = pair_keys(row, column, n_columns)
    relevant = contains(keys_of(targets), keys)
    n_ranked = np.bincount(row, minlength=n_rows)
    group, begin = _tie_groups(row, score)
    size = np.diff(np.append(begin, len(row)))
    n_relevant = np.bincount(group[relevant], minlength=len(begin))
    row_start = np.cumsum(n_ranked) - n_ranked
    start = begin - row_start[row[begin]]
    order_keys = pair_keys(row + first_row, column, 2**32)  # the same for blocks of any width
    rank = _ranks(order_keys, group, relevant, start, size, n_relevant, seed)
    hit_row = row[relevant]
    order = np.lexsort((rank, hit_row))
    held = np.flatnonzero(n_relevant)
    return Hits(
        n_columns=n_columns,
        n_targets=np.diff(targets.indptr),
        n_ranked=n_ranked,
        row=row[begin[held]],
        start=start[held],
        end=start[held] + size[held],
        n_relevant=n_relevant[held],
        hit_row=hit_row[order],
        hit_rank=rank[order],
    )


def _tie_groups(row: Array, score: Array) -> tuple[Array, Array]:
    """Return the tie group of each candidate, and the first candidate of each group."""
    new = np.ones(len(row), dtype=bool)
    new[1:] = (row[1:] != row[:-1]) | (score[1:] != score[:-1])
    return np.cumsum(new) - 1, np.flatnonzero(new)


def _ranks(
    keys: Array,
    group: Array,
    relevant: Array,
    start: Array,
    size: Array,
    n_relevant: Array,
    seed: int,
) -> Array:
    """Return the place of each target when every tie group is put into a random order."""
    rank = start[group]
    tied = np.flatnonzero(((size > 1) & (n_relevant > 0))[group])
    order = tied[np.lexsort((_hash(keys[tied], seed), group[tied]))]
    # `tied` and `order` list the same groups in the same order, so they share their places
    begin = np.flatnonzero(np.diff(group[tied], prepend=-1))
    length = np.diff(np.append(begin, len(tied)))
    rank[order] += np.arange(len(tied)) - np.repeat(begin, length)
    return rank[relevant]


def _hash(keys: Array, seed: int) -> Array:
    """Return a random number for each 64-bit key and a seed, by the mixing of splitmix64.

    It depends on no other key, so that the order of ties is the same in blocks of any size.
    """
    z = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z += np.uint64((seed * 0xD1342543DE82EF95 + 0x9E3779B97F4A7C15) & _MASK)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
