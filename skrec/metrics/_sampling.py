"""Candidate lists of sampled protocols: the targets of a user and some negatives."""

import numbers

import numpy as np
import scipy.sparse as sp

from skrec.metrics._hits import contains, keys_of
from skrec.utils import index_pointer, pair_keys

__all__ = [
    "as_matrix",
    "candidate_lists",
    "check_negatives",
    "check_sampling",
    "draw_negatives",
    "given_negatives",
]


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


def as_matrix(candidates, scores, targets):
    """Write scores of candidates into rows as long as the longest list, and mark the targets."""
    lengths = np.diff(candidates.indptr)
    row = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(row)) - candidates.indptr[row]
    matrix = np.full((len(lengths), lengths.max()), -np.inf, dtype=scores.dtype)
    matrix[row, place] = scores
    hit = contains(keys_of(targets), keys_of(candidates))
    ones = np.ones(np.count_nonzero(hit), dtype=bool)
    return matrix, sp.csr_matrix((ones, (row[hit], place[hit])), shape=matrix.shape)


def check_sampling(n_negatives, negatives, candidates, threshold):
    """Raise where it is not clear what is to be ranked."""
    if n_negatives is not None and negatives is not None:
        raise ValueError("At most one of n_negatives and negatives may be given.")
    if n_negatives is not None and (
        not isinstance(n_negatives, numbers.Integral) or n_negatives < 1
    ):
        raise ValueError(f"n_negatives must be a positive integer or None, got {n_negatives!r}.")
    if candidates not in ("all", "own"):
        raise ValueError(f"candidates must be 'all' or 'own', got {candidates!r}.")
    if candidates == "own" and not (n_negatives is None and negatives is None):
        raise ValueError("candidates must be 'all' where negatives are ranked, got 'own'.")
    if candidates == "own" and threshold is None:
        raise ValueError(
            "relevance_threshold must be given for candidates='own', where nothing but targets "
            "would be ranked otherwise; got None."
        )


def check_negatives(negatives):
    """Give lists of negatives as int64 after a look at them."""
    negatives = np.asarray(negatives)
    if negatives.ndim != 2 or negatives.dtype.kind not in "iu" or negatives.size == 0:
        raise ValueError(
            "negatives must be a two-dimensional array of item indices, (n_users, m), got "
            f"{negatives.dtype} of shape {negatives.shape}."
        )
    if negatives.min() < -1:
        raise ValueError(f"negatives must be item indices or -1, got {negatives.min()}.")
    return negatives.astype(np.int64)
