r"""Coordinate descent for an elastic net on parts of a Gram matrix.

.. math:: \min_{w \geq 0} \tfrac12 w^\top G w - q^\top w + \tfrac12 y^\top y
    + l_1 \lVert w \rVert_1 + \tfrac12 l_2 \lVert w \rVert^2

No entry of G is negative here, so a column with :math:`q_j \leq l_1` has no weight. Of the others
a working set is solved on its own block of G, which stays in the cache, and grows by what the
conditions of Karush, Kuhn and Tucker ask for.
"""

import numpy as np

from skrec.kernels._compile import compiled
from skrec.typing import Array

__all__ = ["elastic_net"]

_FIRST = 64  # columns of the first working set; then as many again as it has


@compiled
def elastic_net(
    gram: Array,
    columns: tuple[Array, Array],
    sums: Array,
    item: int,
    others: Array,
    l1: float,
    l2: float,
    tol: float,
    max_iter: int,
) -> tuple[Array, bool]:
    """Regress a binary column on others with weights that are not negative.

    Parameters
    ----------
    gram : ndarray of shape (n_items, n_items)
        X'X, float32 or float64; of shape (0, 0) to count its entries from the columns.
    columns : tuple of ndarray (indices, indptr)
        The rows that each column of X has, int32 and int64.
    sums : ndarray of float64 of shape (n_users,)
        Zeros, which it is again afterwards; may be empty where ``gram`` is not.
    item : int
        The column to regress.
    others : ndarray of int32 of shape (n,)
        Columns it is regressed on, those that share more than ``l1`` rows with it.
    l1, l2 : float
        Penalties.
    tol : float
        Weights change by at most this share of the largest one in the last pass, and the duality
        gap is at most this share of the square norm, as in scikit-learn.
    max_iter : int
        The most passes.

    Returns
    -------
    weights : ndarray of shape (n,)
        Of the type of ``gram``.
    converged : bool
        Whether ``max_iter`` passes were enough.
    """
    products = _products(gram, columns, sums, item, others)
    squares = _squares(gram, columns, others)
    square = _squares(gram, columns, np.array([item], np.int32))[0]
    weights, slope = np.zeros_like(products), products.copy()
    if _gap(weights, slope, products, square, l1, l2) <= tol * square:
        return weights, True
    working = np.empty(0, np.int64)
    block = np.empty((0, 0), products.dtype)
    n_passes = 0
    while n_passes < max_iter:
        added = _gains(slope, squares, working, l1, l2)
        block = _extended(block, gram, columns, sums, others[working], others[added])
        working = np.append(working, added)
        part, part_slope = weights[working], slope[working]
        n_passes += _descend(
            block, part, part_slope, products[working], square, l1, l2, tol, max_iter - n_passes
        )
        weights[working] = part
        slope = _slope(gram, columns, sums, item, others, products, weights)
        change = tol * weights.max()
        if not _violated(weights, slope, squares, change, l1, l2):
            if _gap(weights, slope, products, square, l1, l2) <= tol * square:
                return weights, True
    return weights, False


@compiled
def _products(gram, columns, sums, item, others):
    """Return the Gram matrix's entries between an item and others."""
    products = np.empty(len(others), gram.dtype)
    if len(gram):
        row = gram[item]
        for p in range(len(others)):
            products[p] = row[others[p]]
    else:
        _add(columns, sums, item, 1.0)
        for p in range(len(others)):
            products[p] = _sum(columns, sums, others[p])
        _clear(columns, sums, item)
    return products


@compiled
def _squares(gram, columns, items):
    """Return the Gram matrix's diagonal at some items."""
    squares = np.empty(len(items))
    for p in range(len(items)):
        j = items[p]
        squares[p] = gram[j, j] if len(gram) else columns[1][j + 1] - columns[1][j]
    return squares


@compiled
def _slope(gram, columns, sums, item, others, products, weights):
    """Return q - G w of others."""
    slope = products.copy()
    if len(gram):
        row = gram[item].copy()
        for p in range(len(others)):
            if weights[p] > 0:
                weight, of_other = weights[p], gram[others[p]]
                for j in range(len(row)):
                    row[j] -= weight * of_other[j]
        for p in range(len(others)):
            slope[p] = row[others[p]]
    else:
        for p in range(len(others)):
            if weights[p] > 0:
                _add(columns, sums, others[p], weights[p])
        for p in range(len(others)):
            slope[p] -= _sum(columns, sums, others[p])
        for p in range(len(others)):
            _clear(columns, sums, others[p])
    return slope


@compiled
def _add(columns, sums, item, value):
    for p in range(columns[1][item], columns[1][item + 1]):
        sums[columns[0][p]] += value


@compiled
def _sum(columns, sums, item):
    total = 0.0
    for p in range(columns[1][item], columns[1][item + 1]):
        total += sums[columns[0][p]]
    return total


@compiled
def _clear(columns, sums, item):
    for p in range(columns[1][item], columns[1][item + 1]):
        sums[columns[0][p]] = 0


@compiled
def _extended(block, gram, columns, sums, old, new):
    """Return the block of the Gram matrix for items, with those that are added to it."""
    items = np.append(old, new)
    out = np.empty((len(items), len(items)), block.dtype)
    out[: len(old), : len(old)] = block
    for p in range(len(old), len(items)):
        row = _products(gram, columns, sums, items[p], items[: p + 1])
        out[p, : p + 1] = row
        out[: p + 1, p] = row
    return out


@compiled
def _gains(slope, squares, working, l1, l2):
    """Return those columns without a weight that would gain most by one."""
    gains = np.maximum(slope - l1, 0) ** 2 / (squares + l2)
    gains[working] = 0
    most = max(_FIRST, len(working))
    if len(gains) > most:
        least = np.partition(gains, len(gains) - most)[len(gains) - most]
        gains[gains < least] = 0
    return np.flatnonzero(gains)[:most]


@compiled
def _violated(weights, slope, squares, change, l1, l2):
    """Return whether a pass would change any weight by more than ``change``."""
    for p in range(len(weights)):
        weight = max(0.0, slope[p] + weights[p] * squares[p] - l1) / (squares[p] + l2)
        if abs(weight - weights[p]) > change:
            return True
    return False


@compiled
def _gap(weights, slope, products, square, l1, l2):
    """Return the duality gap."""
    total, squares, explained, along, steepest = 0.0, 0.0, 0.0, 0.0, 0.0
    for p in range(len(weights)):
        weight = np.float64(weights[p])
        steepest = max(steepest, slope[p] - l2 * weight)
        total += weight
        squares += weight * weight
        explained += weight * products[p]
        along += weight * slope[p]
    residual = square - explained - along
    scale = l1 / steepest if steepest > l1 else 1.0
    gap = 0.5 * residual * (1 + scale**2) + l1 * total - scale * (square - explained)
    return gap + 0.5 * l2 * (1 + scale**2) * squares


@compiled
def _descend(block, weights, slope, products, square, l1, l2, tol, max_iter):
    """Change weights and slope in place until they are done; return the number of passes."""
    n = len(weights)
    for n_passes in range(1, max_iter + 1):
        change, largest = 0.0, 0.0
        for p in range(n):
            row, old = block[p], weights[p]
            new = max(0.0, slope[p] + old * row[p] - l1) / (row[p] + l2)
            weights[p] = new
            step = weights[p] - old
            if step != 0:
                for j in range(n):
                    slope[j] -= step * row[j]
            change, largest = max(change, abs(step)), max(largest, weights[p])
        if change <= tol * largest:
            if _gap(weights, slope, products, square, l1, l2) <= tol * square:
                return n_passes
    return max_iter
