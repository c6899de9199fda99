"""Groups of users, by the number of their items and by their diversity."""

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike

from skrec.typing import Array, CSRMatrix, MatrixLike
from skrec.utils import (
    as_numbers,
    canonical_csr,
    check_choice,
    check_count,
    check_finite,
    row_blocks,
)

__all__ = ["cut", "log_activity", "pairwise_diversity"]

STRATEGIES = ("uniform", "quantile")
_MOST_BINS = 10_000


def log_activity(X: CSRMatrix) -> Array:
    """Return log10 of each user's number of items (o1), NaN for users without any."""
    counts = np.diff(X.indptr).astype(np.float64)
    return np.log10(counts, out=np.full(len(counts), np.nan), where=counts > 0)


def pairwise_diversity(X: CSRMatrix, item_groups: MatrixLike | None) -> Array:
    """Return the mean Jaccard distance of the genres of a user's items, over all pairs (o2).

    Items without a genre do not count. Users with fewer than two items with genres are NaN.
    """
    shape: Any = X.shape
    patterns, pattern_of = _patterns(item_groups, shape[1])
    counts: Any = _ones(X) @ pattern_of  # (n_users, n_patterns): items with these very genres
    n = np.asarray(counts.sum(axis=1)).ravel()
    total = np.zeros(shape[0])
    for rows in row_blocks(patterns.shape[0], 24 * sum(counts.shape)):
        distances = counts @ _jaccard_distances(patterns[rows], patterns).T
        total += np.asarray(counts[:, rows].multiply(distances).sum(axis=1)).ravel()
    return np.divide(total, n * (n - 1), out=np.full(len(n), np.nan), where=n > 1)


def _patterns(item_groups: MatrixLike | None, n_items: int) -> tuple[Any, CSRMatrix]:
    """Return the distinct sets of genres, and a matrix of which of them each item has."""
    G: Any = sp.csr_matrix(_check_item_groups(item_groups, n_items))
    some = np.flatnonzero(np.diff(G.indptr))
    names = [tuple(G.indices[G.indptr[i] : G.indptr[i + 1]]) for i in some]
    code, distinct = pd.factorize(pd.Index(names, tupleize_cols=False))
    first = np.unique(code, return_index=True)[1]
    entries = (np.ones(len(some)), (some, code))
    pattern_of = sp.csr_matrix(entries, shape=(n_items, len(distinct)))
    return G[some[first]], pattern_of


def _check_item_groups(item_groups: Any, n_items: int) -> CSRMatrix:
    if item_groups is None:
        raise ValueError("item_groups must be given for groups='diversity'; got None")
    G = canonical_csr(item_groups, "item_groups")
    check_finite(G.data, "item_groups")
    if G.shape[0] != n_items:
        raise ValueError(
            f"item_groups must be a numeric matrix with a row for each of {n_items} items and a "
            f"column a genre; got shape {G.shape}"
        )
    return _ones(G)


def _ones(X: MatrixLike) -> CSRMatrix:
    """Return a copy with a 1 for every entry that is not zero, in order."""
    ones = sp.csr_matrix(X, dtype=np.float64, copy=True)
    ones.eliminate_zeros()
    ones.sort_indices()
    ones.data[:] = 1
    return ones


def _jaccard_distances(A: Any, B: Any) -> Array:
    """Return one minus intersection over union of each row of A with each row of B, dense."""
    both = (A @ B.T).toarray()
    sizes = (np.asarray(M.sum(axis=1)).ravel() for M in (A, B))
    return 1 - both / (np.add.outer(*sizes) - both)


def cut(values: Array, n_bins: int, strategy: str, edges: ArrayLike | None) -> pd.Series:
    """Return the interval of each number, closed on the left, the last one on both sides.

    The result is a Series of `pandas.Interval`, missing where a number is in none.
    """
    if edges is None:
        ends = _edges(values[np.isfinite(values)], n_bins, strategy)
    else:
        ends = as_numbers(edges, "edges").astype(np.float64)
        if ends.ndim != 1 or len(ends) < 2 or not (np.diff(ends) > 0).all():
            raise ValueError(f"edges must be two or more rising numbers; got {ends.tolist()}")
    ends[-1] = np.nextafter(ends[-1], np.inf)  # the largest value belongs to the last interval
    return pd.Series(pd.cut(values, ends, right=False))


def _edges(values: Array, n_bins: Any, strategy: str) -> Array:
    n_bins = check_count(n_bins, "n_bins", 1, _MOST_BINS)
    check_choice(strategy, "strategy", STRATEGIES)
    if strategy == "uniform":
        return np.histogram_bin_edges(values, bins=n_bins)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, int(n_bins) + 1)))
    return edges if len(edges) > 1 else np.histogram_bin_edges(values, bins=1)
