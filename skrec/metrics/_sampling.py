"""Candidate lists of sampled protocols: the targets of a user and some negatives."""

import numpy as np
import scipy.sparse as sp

from skrec.metrics._hits import contains, keys_of
from skrec.utils import index_pointer, pair_keys

__all__ = ["candidate_lists", "draw_negatives", "given_negatives"]


def _union(a, b):
    """Give the sorted distinct numbers of two arrays."""
    return np.union1d(a, b)


def _draw_distinct(size, limit, rng):
    """Draw for each row distinct integers below a limit of its own, until it has enough.

    New draws are kept if they are new, so every set is equally likely. Returns sorted pair keys
    of (row, integer) and their stride.
    """
    stride = int(limit.max(initial=0)) + 1
    keys = np.empty(0, dtype=np.int64)
    missing = size
    while missing.any():
        row = np.repeat(np.arange(len(size)), missing)
        keys = _union(keys, pair_keys(row, rng.integers(limit[row]), stride))
        missing = size - np.bincount(keys // stride, minlength=len(size))
    return keys, stride


def _sample_ranks(available, n, rng):
    """Draw n of the ranks ``range(available)`` of each row without replacement."""
    size = np.minimum(n, available)
    # where most ranks are wanted, the ones to leave out are drawn: each draw is new with p >= 1/2
    inverted = 2 * size > available
    drawn, stride = _draw_distinct(np.where(inverted, available - size, size), available, rng)
    row = np.repeat(np.arange(len(available)), np.where(inverted, available, 0))
    first = np.cumsum(np.where(inverted, available, 0)) - np.where(inverted, available, 0)
    everything = pair_keys(row, np.arange(len(row)) - first[row], stride)
    kept = everything[~contains(drawn, everything)]
    return np.divmod(np.concatenate([drawn[~inverted[drawn // stride]], kept]), stride)


def draw_negatives(taken, n, seed):
    """Draw n columns of each row uniformly among those that are not stored.

    Parameters
    ----------
    taken : csr_matrix of shape (n_rows, n_columns)
        Canonical; its stored entries are never drawn.
    n : int
        How many; a row with fewer free columns gets all of them.
    seed : int
        Source of the draw.

    Returns
    -------
    keys : ndarray of shape (n_drawn,)
        Pair keys of (row, column).
    """
    n_columns = taken.shape[1]
    counts = np.diff(taken.indptr).astype(np.int64)
    row, rank = _sample_ranks(n_columns - counts, n, np.random.default_rng(seed))
    # the free column of rank r follows all taken columns c_j (j = 0, 1, ...) with c_j - j <= r
    number = np.arange(taken.nnz) - np.repeat(taken.indptr[:-1], counts)
    shifts = keys_of(taken) - number
    before = np.searchsorted(shifts, pair_keys(row, rank, n_columns), side="right")
    return pair_keys(row, rank + before - taken.indptr[row], n_columns)


def given_negatives(negatives, seen):
    """Give pair keys of lists of negatives, without those that the user has been seen with."""
    row, place = np.nonzero(negatives >= 0)
    keys = np.unique(pair_keys(row, negatives[row, place], seen.shape[1]))
    return keys[~contains(keys_of(seen), keys)]


def candidate_lists(targets, negative_keys):
    """Give the boolean CSR matrix of all candidates: the targets and the negatives."""
    row, column = np.divmod(_union(keys_of(targets), negative_keys), targets.shape[1])
    indptr = index_pointer(row, targets.shape[0])
    return sp.csr_matrix((np.ones(len(row), dtype=bool), column, indptr), shape=targets.shape)
