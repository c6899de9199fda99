"""What users are grouped by: how much they have, and how mixed it is."""

from numbers import Integral

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec.utils import row_blocks

__all__ = ["cut", "log_activity", "pairwise_diversity"]

STRATEGIES = ("uniform", "quantile")


def log_activity(X):
    """Give log10 of each user's number of items (o1), NaN for users without any."""
    counts = np.diff(X.indptr).astype(np.float64)
    return np.log10(counts, out=np.full(len(counts), np.nan), where=counts > 0)


def pairwise_diversity(X, item_groups):
    """Give the mean Jaccard distance of the genres of a user's items, over all pairs of them (o2).

    Items without a genre do not count; users with fewer than two others are NaN.
    """
    patterns, pattern_of = _patterns(item_groups, X.shape[1])
    counts = _ones(X) @ pattern_of  # (n_users, n_patterns): items with these very genres
    n = np.asarray(counts.sum(axis=1)).ravel()
    total = np.zeros(X.shape[0])
    for rows in row_blocks(patterns.shape[0], 24 * sum(counts.shape)):
        distances = counts @ _jaccard_distances(patterns[rows], patterns).T
        total += np.asarray(counts[:, rows].multiply(distances).sum(axis=1)).ravel()
    return np.divide(total, n * (n - 1), out=np.full(len(n), np.nan), where=n > 1)


def _patterns(item_groups, n_items):
    """Give the distinct sets of genres, and which of them each item has."""
    G = sp.csr_matrix(_check_item_groups(item_groups, n_items))
    some = np.flatnonzero(np.diff(G.indptr))
    names = [tuple(G.indices[G.indptr[i] : G.indptr[i + 1]]) for i in some]
    code, distinct = pd.factorize(pd.Index(names, tupleize_cols=False))
    first = np.unique(code, return_index=True)[1]
    entries = (np.ones(len(some)), (some, code))
    pattern_of = sp.csr_matrix(entries, shape=(n_items, len(distinct)))
    return G[some[first]], pattern_of


def _check_item_groups(item_groups, n_items):
    if item_groups is None:
        raise ValueError("item_groups must be given for groups='diversity'; got None")
    if not sp.issparse(item_groups):
        item_groups = np.asarray(item_groups)
    shape = item_groups.shape
    if len(shape) != 2 or shape[0] != n_items or item_groups.dtype.kind not in "buif":
        raise ValueError(
            f"item_groups must be a numeric matrix with a row for each of {n_items} items and a "
            f"column a genre; got {item_groups.dtype} of shape {shape}"
        )
    return _ones(sp.csr_matrix(item_groups))


def _ones(X):
    """Copy a CSR matrix with a 1 for every entry that is not zero, in order."""
    X = sp.csr_matrix(X, dtype=np.float64, copy=True)
    X.eliminate_zeros()
    X.sort_indices()
    X.data[:] = 1
    return X


def _jaccard_distances(A, B):
    """Give one minus intersection over union of each row of A with each row of B, dense."""
    both = (A @ B.T).toarray()
    sizes = (np.asarray(M.sum(axis=1)).ravel() for M in (A, B))
    return 1 - both / (np.add.outer(*sizes) - both)


def cut(values, n_bins, strategy, edges):
    """Put numbers into intervals that are closed on the left, the last one on both sides.

    Returns a Series of `pandas.Interval`, missing where a value lies in none.
    """
    if edges is None:
        edges = _edges(values[np.isfinite(values)], n_bins, strategy)
    else:
        edges = np.array(edges, dtype=np.float64)
        if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
            raise ValueError(f"edges must be two or more rising numbers; got {edges.tolist()}")
    edges[-1] = np.nextafter(edges[-1], np.inf)  # the largest value belongs to the last interval
    return pd.Series(pd.cut(values, edges, right=False))


def _edges(values, n_bins, strategy):
    if not isinstance(n_bins, Integral) or n_bins < 1:
        raise ValueError(f"n_bins must be a positive integer; got {n_bins!r}")
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {STRATEGIES}; got {strategy!r}")
    if strategy == "uniform":
        return np.histogram_bin_edges(values, bins=n_bins)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, n_bins + 1)))
    return edges if len(edges) > 1 else np.histogram_bin_edges(values, bins=1)
