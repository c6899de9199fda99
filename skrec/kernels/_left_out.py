"""Sums of similarities from which the vectors' entries of one user are taken out."""

import numpy as np

from skrec.kernels._compile import compiled
from skrec.kernels._sparse import index_arrays
from skrec.typing import Array, CSRMatrix

__all__ = ["sums_without"]

# a product of which less than this share is left is that of the user alone, and rounding
_ROUNDING = 1e-5


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
