"""Sums of similarities, and of walks, from which the entries of one user are taken out."""

import numpy as np

from skrec.kernels._compile import compiled
from skrec.kernels._sparse import index_arrays
from skrec.typing import Array, CSRMatrix

__all__ = ["sums_without", "walks_without"]

# a product of which less than this share is left is that of the user alone, and rounding
_ROUNDING = 1e-5
_LEAST_TOTAL = 1e-300  # of weights that are divided by their sum


def sums_without(
    near: CSRMatrix,
    least: Array,
    squares: Array,
    own: CSRMatrix,
    shown: Array,
    row: Array,
    column: Array,
    *,
    alpha: float = 0.5,
    shrinkage: float = 0.0,
    power: float = 1.0,
    normalize: bool = False,
) -> Array:
    r"""Return sums of items' similarities to histories, each as if its user had no entries.

    .. math:: \sum_{j \in H_u \cap N(i)} \Big( \frac{x_i^\top x_j - x_{iu} x_{ju}}
        {(\lVert x_i \rVert^2 - x_{iu}^2)^\alpha (\lVert x_j \rVert^2 - x_{ju}^2)^{1 - \alpha}
        + h} \Big)^q

    Parameters
    ----------
    near : csr_matrix of shape (n_items, n_items)
        Row i holds the similarities of item i to its neighbours N(i), with all users.
    least : ndarray of shape (n_items,)
        The similarity of the nearest item that is no neighbour, 0 if there is none. It takes the
        place of a neighbour that is less near without the user.
    squares : ndarray of shape (n_items,)
        The squares of the norms of the items' vectors x.
    own : csr_matrix of shape (n_rows, n_items)
        The entries of each user in the vectors.
    shown : ndarray of bool of shape (own.nnz,)
        Which of them are in the history H.
    row, column : ndarray of int of shape (n,)
        Pairs of a row of ``own`` and an item, sorted by row.
    alpha : float, default=0.5
        Share of the norms' weight on item i.
    shrinkage : float, default=0.0
        h.
    power : float, default=1.0
        q.
    normalize : bool, default=False
        Whether a sum is divided by that over all neighbours.

    Returns
    -------
    sums : ndarray of shape (n,)
        float64.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> from skrec.kernels import sums_without
    >>> X = sp.csr_matrix([[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]])  # users x items
    >>> near = sp.csr_matrix([[0.0, 2 / 6**0.5], [2 / 6**0.5, 0.0]])
    >>> shown, squares = np.array([True, False]), np.array([3.0, 2.0])
    >>> pair = np.array([0]), np.array([1])
    >>> sums_without(near, np.zeros(2), squares, X[:1], shown, *pair).round(4)
    array([0.7071])
    """
    sums = np.zeros(len(row))
    _sums_without(
        (near.data, *index_arrays(near)),
        (own.data, *index_arrays(own), shown),
        (row.astype(np.int64), column.astype(np.int64)),
        squares.astype(np.float64),
        least * (1 - _ROUNDING),
        (float(alpha), float(shrinkage), float(power), bool(normalize)),
        sums,
    )
    return sums


@compiled
def _sums_without(near, own, pairs, squares, least, formula, sums):
    """Write the sum of each pair."""
    entries, items, starts, shown = own
    row, column = pairs
    alpha = formula[0]
    norms = squares**alpha, squares ** (1 - alpha)
    # what the user of a row has of the items, what of it is shown, and norms without the user
    weights, marks = np.zeros(len(squares)), np.zeros(len(squares), np.bool_)
    rest = norms[1].copy()
    p = 0
    for user in range(len(starts) - 1):
        for e in range(starts[user], starts[user + 1]):
            item = items[e]
            weights[item], marks[item] = entries[e], shown[e]
            rest[item] = max(squares[item] - weights[item] ** 2, 0.0) ** (1 - alpha)
        while p < len(row) and row[p] == user:
            item = column[p]
            norm = max(squares[item] - weights[item] ** 2, 0.0) ** alpha
            sums[p] = _sum(near, item, norm, norms, weights, marks, rest, least[item], formula)
            p += 1
        for e in range(starts[user], starts[user + 1]):
            item = items[e]
            weights[item], marks[item], rest[item] = 0, False, norms[1][item]


@compiled
def _sum(near, item, norm, norms, weights, marks, rest, least, formula):
    """Return the sum over an item's neighbours that are in the history."""
    values, columns, starts = near
    _, shrinkage, power, normalize = formula
    total = of_shown = 0.0
    for q in range(starts[item], starts[item + 1]):
        other = columns[q]
        if not (marks[other] or normalize):
            continue
        value = np.float64(values[q])
        if power != 1:
            value = value ** (1 / power)
        product = value * (norms[0][item] * norms[1][other] + shrinkage)
        left = product - weights[item] * weights[other]
        value = 0.0
        if left > _ROUNDING * product:
            value = left / (norm * rest[other] + shrinkage)
            if power != 1:
                value = value**power
        total += max(value, least)
        if marks[other] and value >= least:
            of_shown += value
    return of_shown / max(total, 1e-12) if normalize else of_shown


def walks_without(
    weights: CSRMatrix,
    least: Array,
    counts: Array,
    own: CSRMatrix,
    shares: Array,
    shown: Array,
    row: Array,
    column: Array,
    *,
    source: float,
    target: float,
    power: float = 1.0,
    normalize: bool = False,
) -> Array:
    r"""Return sums of weights of walks from items over users, each as if its user had no entries.

    .. math:: \sum_{i \in H_u} w_{ij}, \qquad
        w_{ij} = \Big( \frac{n_{ij} - t_u x_{uj}}
        {(c_i - 1)^p \, (c_j - x_{uj})^q} \Big)^s, \qquad
        n_{ij} = \sum_v t_v x_{vi} x_{vj}

    Parameters
    ----------
    weights : csr_matrix of shape (n_items, n_items)
        Row i holds the weights of item i, with all users; not normalised.
    least : ndarray of shape (n_items,)
        The largest weight of item i that its row lacks, 0 if there is none. It takes the place of
        a weight that is less without the user.
    counts : ndarray of shape (n_items,)
        The users c of each item.
    own : csr_matrix of shape (n_rows, n_items)
        The items of each user.
    shares : ndarray of shape (n_rows,)
        The t of each user.
    shown : ndarray of bool of shape (own.nnz,)
        Which of the items are in the history H.
    row, column : ndarray of int of shape (n,)
        Pairs of a row of ``own`` and an item j, sorted by row.
    source, target : float
        The exponents p and q.
    power : float, default=1.0
        s.
    normalize : bool, default=False
        Whether the weights of an item i are divided by their sum.

    Returns
    -------
    sums : ndarray of shape (n,)
        float64.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> from skrec.kernels import walks_without
    >>> X = sp.csr_matrix([[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]])  # users x items
    >>> weights = sp.csr_matrix([[0.0, 2 / 3], [2 / 2, 0.0]])  # users in common, by c of the row
    >>> shown, counts = np.array([True, False]), np.array([3.0, 2.0])
    >>> pair = np.array([0]), np.array([1])
    >>> exponents = {"source": 1.0, "target": 0.0}
    >>> walks_without(weights, np.zeros(2), counts, X[:1], np.ones(1), shown, *pair, **exponents)
    array([0.5])
    """
    sums, counts = np.zeros(len(row)), counts.astype(np.float64)
    fewer = np.maximum(counts - 1, 0)
    with np.errstate(over="ignore", divide="ignore"):
        factors = counts**source, fewer**source, counts**target, fewer**target
    _walks_without(
        (weights.data.astype(np.float64), *index_arrays(weights)),
        (*index_arrays(own), shares.astype(np.float64), shown),
        (row.astype(np.int64), column.astype(np.int64)),
        factors,
        least * (1 - _ROUNDING),
        (float(power), bool(normalize)),
        sums,
    )
    return sums


@compiled
def _walks_without(weights, own, pairs, factors, least, formula, sums):
    """Write the sum of each pair."""
    _, columns, starts = weights
    items, bounds, shares, shown = own
    row, column = pairs
    totals, has = np.zeros(len(least)), np.zeros(len(least), np.bool_)
    p = 0
    for user in range(len(shares)):
        mine = items[bounds[user] : bounds[user + 1]]
        has[mine] = True
        for e in range(len(mine)):
            if shown[bounds[user] + e]:
                _walk(weights, mine[e], shares[user], has, factors, least[mine[e]], formula, totals)
        while p < len(row) and row[p] == user:
            sums[p] = totals[column[p]]
            p += 1
        has[mine] = False
        for item in mine:
            totals[columns[starts[item] : starts[item + 1]]] = 0


@compiled
def _walk(weights, item, share, has, factors, least, formula, totals):
    """Add the weights of an item, without a user who has it, to the totals."""
    values, columns, starts = weights
    of_source, less_source = factors[:2]
    power, normalize = formula
    if less_source[item] == 0:  # nobody else has the item
        return
    least = least * (of_source[item] / less_source[item]) ** power
    scale, first, last = 1.0, starts[item], starts[item + 1]
    if normalize:
        total = 0.0
        for q in range(first, last):
            left = _left(values[q], item, columns[q], share, has, factors, power)
            total += max(left, least)
        scale = 1 / max(total, _LEAST_TOTAL)
    for q in range(first, last):
        left = _left(values[q], item, columns[q], share, has, factors, power)
        if left >= least:
            totals[columns[q]] += scale * left


@compiled
def _left(value, item, other, share, has, factors, power):
    """Return what is left of one weight."""
    of_source, less_source, of_target, less_target = factors
    if power != 1:
        value = value ** (1 / power)
    product = value * (of_source[item] * of_target[other])
    target = of_target[other]
    if has[other]:
        target = less_target[other]
        left = product - share
        product = left if left > _ROUNDING * product else 0.0
    if product <= 0:
        return 0.0
    value = product / (less_source[item] * target)
    return value**power if power != 1 else value
