"""Metrics of recommendation lists beyond accuracy: coverage, diversity, Gini index, novelty."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, overload

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.preprocessing import normalize

from skrec.metrics._check import as_csr, check_ranked, mean_over_targets
from skrec.metrics._shared_docs import shared_docs
from skrec.typing import Array, CSRMatrix, MatrixLike
from skrec.utils import as_numbers, check_count, check_finite, check_flag, row_blocks

__all__ = ["coverage", "diversity", "gini", "novelty"]

_MOST_ITEMS = 2**53  # floats hold whole numbers up to here

_Matrix: TypeAlias = Any
"""A dense array or a CSR matrix; `scipy.sparse.issparse` is no type guard to a checker."""


def _item_counts(ranked: ArrayLike, n_items: int) -> Array:
    """Return the numbers of lists that items are in, of the items that are in any."""
    lists = check_ranked(ranked, check_count(n_items, "n_items", 1, _MOST_ITEMS))
    counts = np.bincount(lists[lists >= 0])
    return counts[counts > 0]


@shared_docs
def coverage(ranked: ArrayLike, n_items: int) -> float:
    """Return the share of the catalogue that is in at least one list.

    Parameters
    ----------
    %(recommended)s
    n_items : int
        Number of items in the catalogue.

    Returns
    -------
    value : float
        The share, between 0 and 1.

    Examples
    --------
    >>> from skrec.metrics import coverage
    >>> coverage([[0, 1], [1, -1]], n_items=4)
    0.5
    """
    return len(_item_counts(ranked, n_items)) / int(n_items)


@shared_docs
def gini(ranked: ArrayLike, n_items: int) -> float:
    r"""Return the Gini coefficient of the numbers of recommendations of all items.

    With the counts :math:`c_1 \le \dots \le c_n` of the items, in order,

    .. math::

        G = \frac{\sum_j (2 j - n - 1) \, c_j}{n \sum_j c_j}

    Parameters
    ----------
    %(recommended)s
    n_items : int
        Number of items in the catalogue.

    Returns
    -------
    value : float
        0 if all items are recommended equally often, 1 - 1 / n_items if only one item is
        recommended.

    Raises
    ------
    ValueError
        If every list is empty.

    Examples
    --------
    >>> from skrec.metrics import gini
    >>> gini([[0, 1], [2, 3]], n_items=4)
    0.0
    >>> gini([[0], [0]], n_items=4)
    0.75
    """
    counts = np.sort(_item_counts(ranked, n_items)).astype(np.float64)
    if len(counts) == 0:
        raise ValueError("ranked must name at least one item, got nothing but padding.")
    # the items that are in no list come first, and add nothing
    n_items = int(n_items)
    weights = 2 * np.arange(n_items - len(counts) + 1, n_items + 1) - n_items - 1
    return float(weights @ counts / (n_items * counts.sum()))


@overload
def novelty(
    ranked: ArrayLike, popularity: ArrayLike, *, per_user: Literal[False] = False
) -> float: ...
@overload
def novelty(ranked: ArrayLike, popularity: ArrayLike, *, per_user: Literal[True]) -> Array: ...
@shared_docs
def novelty(ranked: ArrayLike, popularity: ArrayLike, *, per_user: bool = False) -> float | Array:
    r"""Return the mean self-information of the items in a list, in bits.

    .. math::

        \frac{1}{|L_u|} \sum_{i \in L_u} -\log_2 p_i

    where :math:`p_i` is the share of all interactions that item i has. An item without
    interactions counts as much as the rarest item with interactions.

    Parameters
    ----------
    %(recommended)s
    popularity : array-like of shape (n_items,)
        Number of interactions of each item, or its share of them.
    per_user : bool, default=False
        Whether to return a value for each user, NaN for empty lists.

    Returns
    -------
    value : float or ndarray of shape (n_users,)
        The mean over the users with a list; with ``per_user`` the value of each user.

    Raises
    ------
    ValueError
        If a popularity is negative or NaN, if all are 0, or if every list is empty and `per_user`
        is False.

    References
    ----------
    .. [1] T. Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender
       systems", PNAS 107(10), 2010. :doi:`10.1073/pnas.1000488107`

    Examples
    --------
    >>> from skrec.metrics import novelty
    >>> novelty([[0, 1]], popularity=[2, 1, 1])
    1.5
    """
    per_user = check_flag(per_user, "per_user")
    counts = as_numbers(popularity, "popularity", ndim=1).astype(np.float64)
    with np.errstate(over="ignore"):
        total = counts.sum()
    if not (counts >= 0).all() or not 0 < total < np.inf:
        raise ValueError(
            "popularity must be finite numbers >= 0 that are not all 0; got a sum of "
            f"{total:g} and a least of {counts.min(initial=np.inf):g}"
        )
    lists = check_ranked(ranked, len(counts))
    rarest = counts[counts > 0].min()
    information = -np.log2(np.maximum(counts, rarest) / total)
    values = _list_means(lists, information)
    return values if per_user else mean_over_targets(values, "every list of ranked is empty")


def _list_means(ranked: Array, values: Array) -> Array:
    """Return the mean of a value of the items over each list, NaN for an empty list."""
    listed = ranked >= 0
    total = np.where(listed, values[ranked], 0).sum(axis=1)
    out = np.full(len(ranked), np.nan)
    return np.divide(total, listed.sum(axis=1), out=out, where=listed.any(axis=1))


@overload
def diversity(
    ranked: ArrayLike,
    features: MatrixLike | None = None,
    *,
    similarity: MatrixLike | None = None,
    per_user: Literal[False] = False,
) -> float: ...
@overload
def diversity(
    ranked: ArrayLike,
    features: MatrixLike | None = None,
    *,
    similarity: MatrixLike | None = None,
    per_user: Literal[True],
) -> Array: ...
@shared_docs
def diversity(
    ranked: ArrayLike,
    features: MatrixLike | None = None,
    *,
    similarity: MatrixLike | None = None,
    per_user: bool = False,
) -> float | Array:
    """Return the mean dissimilarity of the pairs of items within a list.

    Parameters
    ----------
    %(recommended)s
    features : {array-like, sparse matrix} of shape (n_items, n_features), default=None
        Descriptions of the items, such as genres or factors. The similarity of two items is the
        cosine of their features, 0 for an item without features.
    similarity : {array-like, sparse matrix} of shape (n_items, n_items), default=None
        Symmetric similarity of the items. Pass either `features` or `similarity`.
    per_user : bool, default=False
        Whether to return a value for each user, NaN for lists of fewer than two items.

    Returns
    -------
    value : float or ndarray of shape (n_users,)
        One minus the mean similarity of the pairs: the mean over the users with two items or more;
        with ``per_user`` the value of each user.

    Raises
    ------
    ValueError
        If both or neither of `features` and `similarity` are given, or if no list has two items and
        `per_user` is False.

    References
    ----------
    .. [1] C.-N. Ziegler et al., "Improving recommendation lists through topic diversification",
       WWW 2005. :doi:`10.1145/1060745.1060754`

    Examples
    --------
    >>> from skrec.metrics import diversity
    >>> diversity([[0, 1, 2]], features=[[1, 0], [1, 0], [0, 1]])
    0.6666666666666667
    """
    per_user = check_flag(per_user, "per_user")
    if features is not None and similarity is None:
        vectors = _check_matrix(features, "features")
        lists = check_ranked(ranked, vectors.shape[0])
        total = _sum_of_cosines(lists, normalize(vectors.astype(np.float64)))
    elif similarity is not None and features is None:
        cosines = _check_similarity(similarity)
        lists = check_ranked(ranked, cosines.shape[0])
        total = _sum_of_similarities(lists, cosines)
    else:
        raise ValueError("Exactly one of features and similarity must be given.")
    values = _one_minus_mean(total, (lists >= 0).sum(axis=1))
    return values if per_user else mean_over_targets(values, "no list of ranked has two items")


def _check_matrix(X: MatrixLike, name: str) -> _Matrix:
    """Return a finite matrix as a dense array or a CSR matrix."""
    matrix = as_csr(X, name, keep_zeros=True) if sp.issparse(X) else as_numbers(X, name, ndim=2)
    if 0 in matrix.shape:
        raise ValueError(f"{name} must hold an item or more; got shape {matrix.shape}")
    check_finite(matrix.data if sp.issparse(matrix) else matrix, name)
    return matrix


def _check_similarity(similarity: MatrixLike) -> _Matrix:
    """Return a similarity as a dense array or a CSR matrix, after a check that it is square."""
    square = _check_matrix(similarity, "similarity")
    if square.shape[0] != square.shape[1]:
        raise ValueError(f"similarity must be square, got shape {square.shape}.")
    return sp.csr_matrix(square) if sp.issparse(square) else square


def _one_minus_mean(total: Array, length: Array) -> Array:
    """Return 1 - total / (number of ordered pairs), NaN for lists without pairs."""
    pairs = length * (length - 1)
    out = np.full(len(total), np.nan)
    return 1 - np.divide(total, pairs, out=out, where=pairs > 0)


def _indicator(ranked: Array, n_items: int) -> CSRMatrix:
    """Return the CSR matrix that has a 1 for every item of a list."""
    listed = ranked >= 0
    indptr = np.concatenate([[0], np.cumsum(listed.sum(axis=1))])
    shape = (len(ranked), n_items)
    return sp.csr_matrix((np.ones(indptr[-1]), ranked[listed], indptr), shape=shape)


def _sum_of_cosines(ranked: Array, unit: _Matrix) -> Array:
    """Return the sum of the cosines over the ordered pairs of different items of each list.

    It is |sum of the unit vectors|^2 - sum of |unit vector|^2, without a loop over pairs.
    """
    listed = _indicator(ranked, unit.shape[0])
    squares = unit.multiply(unit).sum(axis=1) if sp.issparse(unit) else (unit**2).sum(axis=1)
    own = listed @ np.asarray(squares).ravel()
    total = np.empty(len(ranked))
    for rows in row_blocks(len(ranked), 16 * unit.shape[1]):
        vectors = listed[rows] @ unit
        vectors = vectors.toarray() if sp.issparse(vectors) else vectors
        total[rows] = (vectors**2).sum(axis=1)
    return total - own


def _sum_of_similarities(ranked: Array, similarity: _Matrix) -> Array:
    """Return the sum of the similarities over the ordered pairs of different items of each list."""
    if sp.issparse(similarity):
        listed = _indicator(ranked, similarity.shape[0])
        everything = (listed @ similarity).multiply(listed).sum(axis=1)
        return np.asarray(everything).ravel() - listed @ similarity.diagonal()
    total = np.empty(len(ranked))
    for rows in row_blocks(len(ranked), 24 * ranked.shape[1] ** 2):
        block = ranked[rows]
        pairs = (block[:, :, None] >= 0) & (block[:, None, :] >= 0)
        pairs &= ~np.eye(block.shape[1], dtype=bool)
        values = similarity[block[:, :, None], block[:, None, :]]
        total[rows] = np.where(pairs, values, 0).sum(axis=(1, 2))
    return total
