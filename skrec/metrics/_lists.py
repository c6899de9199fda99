"""What recommendation lists are like beyond their accuracy."""

import numpy as np
import scipy.sparse as sp
from sklearn.preprocessing import normalize
from sklearn.utils import check_array

from skrec.metrics._check import check_ranked, mean_over_targets
from skrec.utils import row_blocks

__all__ = ["coverage", "diversity", "gini", "novelty"]


def _item_counts(ranked, n_items):
    """Count how many lists name each item."""
    ranked = check_ranked(ranked, n_items)
    return np.bincount(ranked[ranked >= 0], minlength=n_items)


def coverage(ranked, n_items):
    """Share of the catalogue that is in at least one list.

    Parameters
    ----------
    ranked : array-like of int of shape (n_users, m)
        Recommended items, padded with -1.
    n_items : int
        Size of the catalogue.

    Returns
    -------
    value : float
        Between 0 and 1.

    Examples
    --------
    >>> from skrec.metrics import coverage
    >>> coverage([[0, 1], [1, -1]], n_items=4)
    0.5
    """
    return float(np.count_nonzero(_item_counts(ranked, n_items)) / n_items)


def gini(ranked, n_items):
    r"""Gini coefficient of how often each item of the catalogue is recommended.

    With the counts :math:`c_1 \le \dots \le c_n` of all items,

    .. math::

        G = \frac{\sum_j (2 j - n - 1) \, c_j}{n \sum_j c_j}

    Parameters
    ----------
    ranked : array-like of int of shape (n_users, m)
        Recommended items, padded with -1.
    n_items : int
        Size of the catalogue.

    Returns
    -------
    value : float
        0 if all items are recommended equally often, 1 - 1 / n_items if one item alone is.

    Raises
    ------
    ValueError
        If all lists are empty.

    Examples
    --------
    >>> from skrec.metrics import gini
    >>> gini([[0, 1], [2, 3]], n_items=4)
    0.0
    >>> gini([[0], [0]], n_items=4)
    0.75
    """
    counts = np.sort(_item_counts(ranked, n_items)).astype(np.float64)
    if counts.sum() == 0:
        raise ValueError("ranked must name at least one item, got nothing but padding.")
    weights = 2 * np.arange(1, n_items + 1) - n_items - 1
    return float(weights @ counts / (n_items * counts.sum()))


def novelty(ranked, popularity, *, per_user=False):
    r"""Mean self-information of the items in a list, in bits.

    .. math::

        \frac{1}{|L_u|} \sum_{i \in L_u} -\log_2 p_i

    where :math:`p_i` is an item's share of all interactions. An item that has none counts like the
    rarest one that has some.

    Parameters
    ----------
    ranked : array-like of int of shape (n_users, m)
        Recommended items, padded with -1.
    popularity : array-like of shape (n_items,)
        Interactions of each item, as counts or shares.
    per_user : bool, default=False
        Whether to return a value for each user, NaN for empty lists.

    Returns
    -------
    value : float or ndarray of shape (n_users,)
        The mean over the users with a list, or the value of each user.

    Raises
    ------
    ValueError
        If popularity is negative, or zero everywhere.

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
    popularity = np.asarray(popularity, dtype=np.float64)
    if popularity.ndim != 1 or not (popularity >= 0).all() or not popularity.any():
        raise ValueError(
            "popularity must be a one-dimensional array without negative values or NaN, not zero "
            f"everywhere, got shape {popularity.shape}."
        )
    ranked = check_ranked(ranked, len(popularity))
    rarest = popularity[popularity > 0].min()
    information = -np.log2(np.maximum(popularity, rarest) / popularity.sum())
    values = _list_means(ranked, information)
    return values if per_user else mean_over_targets(values, "every list is empty")


def _list_means(ranked, values):
    """Average a value per item over each list."""
    listed = ranked >= 0
    total = np.where(listed, values[ranked], 0).sum(axis=1)
    out = np.full(len(ranked), np.nan)
    return np.divide(total, listed.sum(axis=1), out=out, where=listed.any(axis=1))


def diversity(ranked, features=None, *, similarity=None, per_user=False):
    """Mean dissimilarity of the pairs of items within a list.

    Parameters
    ----------
    ranked : array-like of int of shape (n_users, m)
        Recommended items, padded with -1.
    features : {array-like, sparse matrix} of shape (n_items, n_features), default=None
        Descriptions of the items (genres, factors); their cosine is the similarity, 0 for an item
        without features.
    similarity : {array-like, sparse matrix} of shape (n_items, n_items), default=None
        Symmetric similarity of items in place of `features`.
    per_user : bool, default=False
        Whether to return a value for each user, NaN for lists of less than two items.

    Returns
    -------
    value : float or ndarray of shape (n_users,)
        One minus the mean similarity: the mean over the users with two items or more, or the
        value of each user.

    Raises
    ------
    ValueError
        If not exactly one of `features` and `similarity` is given, or no list has two items.

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
    if (features is None) == (similarity is None):
        raise ValueError("Exactly one of features and similarity must be given.")
    if features is not None:
        features = check_array(features, accept_sparse="csr", input_name="features")
        ranked = check_ranked(ranked, features.shape[0])
        total = _sum_of_cosines(ranked, normalize(features.astype(np.float64)))
    else:
        similarity = _check_similarity(similarity)
        ranked = check_ranked(ranked, similarity.shape[0])
        total = _sum_of_similarities(ranked, similarity)
    values = _one_minus_mean(total, (ranked >= 0).sum(axis=1))
    return values if per_user else mean_over_targets(values, "no list has two items")


def _check_similarity(similarity):
    similarity = check_array(similarity, accept_sparse="csr", input_name="similarity")
    if similarity.shape[0] != similarity.shape[1]:
        raise ValueError(f"similarity must be square, got shape {similarity.shape}.")
    return sp.csr_matrix(similarity) if sp.issparse(similarity) else similarity


def _one_minus_mean(total, length):
    """Give 1 - total / (number of ordered pairs), NaN for lists without pairs."""
    pairs = length * (length - 1)
    out = np.full(len(total), np.nan)
    return 1 - np.divide(total, pairs, out=out, where=pairs > 0)


def _indicator(ranked, n_items):
    """Give the CSR matrix with 1 for every item of a list."""
    listed = ranked >= 0
    indptr = np.concatenate([[0], np.cumsum(listed.sum(axis=1))])
    shape = (len(ranked), n_items)
    return sp.csr_matrix((np.ones(indptr[-1]), ranked[listed], indptr), shape=shape)


def _sum_of_cosines(ranked, unit):
    """Sum over ordered pairs of different items: |sum of vectors|^2 - sum of |vector|^2."""
    listed = _indicator(ranked, unit.shape[0])
    squares = unit.multiply(unit).sum(axis=1) if sp.issparse(unit) else (unit**2).sum(axis=1)
    own = listed @ np.asarray(squares).ravel()
    total = np.empty(len(ranked))
    for rows in row_blocks(len(ranked), 16 * unit.shape[1]):
        vectors = listed[rows] @ unit
        vectors = vectors.toarray() if sp.issparse(vectors) else vectors
        total[rows] = (vectors**2).sum(axis=1)
    return total - own


def _sum_of_similarities(ranked, similarity):
    """Sum the similarity over ordered pairs of different items."""
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
