"""Candidate lists of sampled protocols: the targets of each user and some negatives."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from skrec.metrics._check import check_lists
from skrec.metrics._hits import contains, keys_of
from skrec.typing import Array, CSRMatrix
from skrec.utils import check_choice, check_count, index_pointer, pair_keys

__all__ = [
    "as_matrix",
    "candidate_lists",
    "check_negatives",
    "check_sampling",
    "draw_negatives",
    "given_negatives",
]


def _draw_distinct(size: Array, limit: Array, rng: np.random.Generator) -> tuple[Array, int]:
    """Draw distinct integers for each row, below a limit of its own.

    Repeated draws are dropped and drawn again until each row has enough, so that every set is
    equally likely. Return the sorted pair keys of (row, integer), and the stride of the keys.
    """
    stride = int(limit.max(initial=0)) + 1
    keys = np.empty(0, dtype=np.int64)
    missing = size
    while missing.any():
        row = np.repeat(np.arange(len(size)), missing)
        keys = np.union1d(keys, pair_keys(row, rng.integers(limit[row]), stride))
        missing = size - np.bincount(keys // stride, minlength=len(size))
    return keys, stride


def _sample_ranks(
    available: Array, n: int | Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draw n of the ranks ``range(available)`` of each row, without replacement.

    Return the row and the rank of each draw.
    """
    size = np.minimum(n, available)
    # if more than half of the ranks are wanted, draw those to leave out: a draw is then new with
    # a probability of at least 1/2
    inverted = 2 * size > available
    drawn, stride = _draw_distinct(np.where(inverted, available - size, size), available, rng)
    row = np.repeat(np.arange(len(available)), np.where(inverted, available, 0))
    first = np.cumsum(np.where(inverted, available, 0)) - np.where(inverted, available, 0)
    everything = pair_keys(row, np.arange(len(row)) - first[row], stride)
    kept = everything[~contains(drawn, everything)]
    return np.divmod(np.concatenate([drawn[~inverted[drawn // stride]], kept]), stride)


def draw_negatives(taken: CSRMatrix, n: int, seed: int) -> Array:
    """Draw n columns for each row, uniformly among those that are not stored.

    Parameters
    ----------
    taken : csr_matrix of shape (n_rows, n_columns)
        Canonical matrix whose stored entries are never drawn.
    n : int
        Number of columns to draw. A row with fewer free columns gets all of them.
    seed : int
        Source of the draw.

    Returns
    -------
    keys : ndarray of shape (n_drawn,)
        Pair keys of (row, column), see `skrec.utils.pair_keys`.
    """
    n_columns = taken.shape[1]
    n = min(n, n_columns)
    counts = np.diff(taken.indptr).astype(np.int64)
    row, rank = _sample_ranks(n_columns - counts, n, np.random.default_rng(seed))
    # c_0 < c_1 < ... are the taken columns of a row: those with c_j - j <= r, and no others, are
    # below the free column of rank r
    number = np.arange(taken.nnz) - np.repeat(taken.indptr[:-1], counts)
    shifts = keys_of(taken) - number
    before = np.searchsorted(shifts, pair_keys(row, rank, n_columns), side="right")
    return pair_keys(row, rank + before - taken.indptr[row], n_columns)


def given_negatives(negatives: Array, seen: CSRMatrix) -> Array:
    """Return the pair keys of lists of negatives, without the items that the user has seen."""
    row, place = np.nonzero(negatives >= 0)
    keys = np.unique(pair_keys(row, negatives[row, place], seen.shape[1]))
    return keys[~contains(keys_of(seen), keys)]


def candidate_lists(targets: CSRMatrix, negative_keys: Array) -> CSRMatrix:
    """Return the boolean CSR matrix of all candidates: the targets and the negatives."""
    row, column = np.divmod(np.union1d(keys_of(targets), negative_keys), targets.shape[1])
    indptr = index_pointer(row, targets.shape[0])
    return sp.csr_matrix((np.ones(len(row), dtype=bool), column, indptr), shape=targets.shape)


def as_matrix(candidates: CSRMatrix, scores: Array, targets: CSRMatrix) -> tuple[Array, CSRMatrix]:
    """Return the scores of the candidates of each row, side by side, and the targets among them.

    The rows are as long as the longest list of candidates, and filled up with -inf.
    """
    lengths = np.diff(candidates.indptr)
    row = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(row)) - candidates.indptr[row]
    matrix = np.full((len(lengths), lengths.max()), -np.inf, dtype=scores.dtype)
    matrix[row, place] = scores
    hit = contains(keys_of(targets), keys_of(candidates))
    ones = np.ones(np.count_nonzero(hit), dtype=bool)
    return matrix, sp.csr_matrix((ones, (row[hit], place[hit])), shape=matrix.shape)


def check_sampling(
    n_negatives: int | None,
    negatives: ArrayLike | None,
    candidates: str,
    threshold: float | None,
) -> None:
    """Check that the parameters on what is ranked are valid, and do not contradict each other."""
    if n_negatives is not None and negatives is not None:
        raise ValueError("At most one of n_negatives and negatives may be given.")
    if n_negatives is not None:
        check_count(n_negatives, "n_negatives", 1)
    check_choice(candidates, "candidates", ("all", "own"))
    if candidates == "own" and not (n_negatives is None and negatives is None):
        raise ValueError("candidates must be 'all' where negatives are ranked, got 'own'.")
    if candidates == "own" and threshold is None:
        raise ValueError(
            "relevance_threshold must be given for candidates='own', where nothing but targets "
            "would be ranked otherwise; got None."
        )


def check_negatives(negatives: ArrayLike) -> Array:
    """Return lists of negatives as an int64 array, after a check of their form."""
    lists = check_lists(negatives, "negatives")
    if lists.size == 0:
        raise ValueError(f"negatives must hold at least one item; got shape {lists.shape}")
    return lists
