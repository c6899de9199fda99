"""Neighbourhood models: cosine with shrinkage, TF-IDF or BM25 weights, top-k neighbours."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.utils._param_validation import Interval, StrOptions

from skrec.base import BaseRecommender, Queries
from skrec.calibration import HeldOutCalibration
from skrec.linear._item_weights import ItemWeightsRecommender
from skrec.utils import row_blocks

__all__ = ["ItemKNNRecommender", "UserKNNRecommender"]

_BM25_K1, _BM25_B = 1.2, 0.75  # the usual constants of BM25


def weigh(X, weighting, state=None):
    """Weigh the entries of a matrix whose rows are documents and whose columns are terms.

    Parameters
    ----------
    X : csr_matrix of shape (n_documents, n_terms)
        Binary interactions.
    weighting : {"tf-idf", "bm25"} or None
        The scheme.
    state : object, default=None
        What an earlier call returned, to weigh other documents alike.

    Returns
    -------
    X : csr_matrix of shape (n_documents, n_terms)
        Weighted entries.
    state : object
        What is needed to weigh other documents.
    """
    if weighting is None:
        return X, None
    if state is None:
        state = (TfidfTransformer(norm=None).fit(X), X.sum() / X.shape[0])
    idf, mean_length = state
    weighted = sp.csr_matrix(idf.transform(X, copy=True), dtype=np.float32)
    if weighting == "bm25":
        lengths = np.diff(X.indptr)
        damping = _BM25_K1 * (1 - _BM25_B + _BM25_B * lengths / mean_length)
        weighted.data *= np.repeat((_BM25_K1 + 1) / (1 + damping), lengths).astype(np.float32)
    return weighted, state


def norms(X):
    """Give the Euclidean norm of each row of a CSR matrix."""
    return np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())


def shrunk_cosine(products, row_norms, column_norms, shrinkage):
    """Divide a sparse block of dot products by the product of norms plus the shrinkage."""
    products = sp.csr_matrix(products)
    row = np.repeat(np.arange(products.shape[0]), np.diff(products.indptr))
    products.data /= row_norms[row] * column_norms[products.indices] + shrinkage
    return products


def keep_largest(X, k):
    """Keep the k largest entries of each row of a CSR matrix, ties to the lower column."""
    X.sort_indices()
    row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    order = np.lexsort((-X.data, row))
    rank = np.arange(X.nnz) - X.indptr[row]
    keep = np.zeros(X.nnz, dtype=bool)
    keep[order] = rank < k
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row[keep], minlength=X.shape[0]))])
    return sp.csr_matrix((X.data[keep], X.indices[keep], indptr), shape=X.shape)


def nearest(A, B, k, shrinkage, own=None):
    """Give for each row of A its k most similar rows of B, as a sparse matrix.

    Parameters
    ----------
    A, B : csr_matrix of shape (n_a, n_features) and (n_b, n_features)
        Weighted vectors.
    k : int
        Number of neighbours.
    shrinkage : float
        Added to the denominator.
    own : ndarray of int of shape (n_a,), default=None
        The row of B that is the row of A itself and no neighbour.

    Returns
    -------
    similarities : csr_matrix of shape (n_a, n_b)
        At most k entries a row.
    """
    transposed, norms_a, norms_b = sp.csr_matrix(B.T), norms(A), norms(B)
    blocks = []
    for rows in row_blocks(A.shape[0], 24 * B.shape[0]):
        block = shrunk_cosine(A[rows] @ transposed, norms_a[rows], norms_b, shrinkage)
        if own is not None:
            block.data[np.repeat(own[rows], np.diff(block.indptr)) == block.indices] = 0
            block.eliminate_zeros()
        blocks.append(keep_largest(block, k))
    return sp.csr_matrix(sp.vstack(blocks, format="csr"), dtype=np.float32)


_CONSTRAINTS = {
    "n_neighbors": [Interval(Integral, 1, None, closed="left")],
    "shrinkage": [Interval(Real, 0, None, closed="left")],
    "weighting": [StrOptions({"tf-idf", "bm25"}), None],
}


class ItemKNNRecommender(ItemWeightsRecommender):
    r"""Item-based nearest neighbours with shrunk cosine similarities.

    .. math:: s_{ui} = \sum_{j \in I_u} w_{ji}, \qquad
        w_{ji} = \frac{x_j^\top x_i}{\lVert x_j \rVert \lVert x_i \rVert + h}
        \text{ if } j \in N_k(i) \text{, else } 0

    with :math:`x_i` the (weighted) column of item i, h the shrinkage, and :math:`N_k(i)` the k
    items most similar to i.

    Parameters
    ----------
    n_neighbors : int, default=100
        Neighbours k that each item keeps.
    shrinkage : float, default=10.0
        Added to the denominator; damps similarities of rare items.
    weighting : {"tf-idf", "bm25"}, default=None
        Weights of the entries, with items as documents and users as terms: what a very active
        user has counts less.
    normalize : bool, default=False
        Divide each score by the sum of the item's weights, as a weighted mean.

    Attributes
    ----------
    item_weights_ : csr_matrix of shape (n_items, n_items)
        Row j holds what having item j adds to each score.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    UserKNNRecommender : The same between users.
    EASERecommender : Regression weights in place of similarities.

    References
    ----------
    Ferrari Dacrema, M., Boglio, S., Cremonesi, P., & Jannach, D. (2021). A troubling analysis of
    reproducibility and progress in recommender systems research. TOIS.
    https://doi.org/10.1145/3434185

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec import ItemKNNRecommender
    >>> X = sp.csr_matrix([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    >>> ItemKNNRecommender().fit(X).similar_items([2], n_items=1)[0]
    array([[3]])
    """

    n_neighbors: int = 100
    shrinkage: float = 10.0
    weighting: str | None = None
    normalize: bool = False

    _parameter_constraints: ClassVar[dict[str, Any]] = {**_CONSTRAINTS, "normalize": ["boolean"]}
    _test_parameters: ClassVar[dict[str, Any]] = {"shrinkage": 0.0}

    def _fit(self, X):
        items, _ = weigh(sp.csr_matrix(X.T), self.weighting)
        own = np.arange(len(self.item_counts_))
        neighbours = nearest(items, items, self.n_neighbors, self.shrinkage, own)
        if self.normalize:
            totals = np.maximum(np.asarray(neighbours.sum(axis=1)).ravel(), 1e-12)
            neighbours.data /= np.repeat(totals, np.diff(neighbours.indptr))
        self.item_weights_ = sp.csr_matrix(neighbours.T)


class UserKNNRecommender(HeldOutCalibration, BaseRecommender):
    r"""User-based nearest neighbours with shrunk cosine similarities.

    .. math:: s_{ui} = \sum_{v \in N_k(u)} w_{uv} x_{vi}, \qquad
        w_{uv} = \frac{x_u^\top x_v}{\lVert x_u \rVert \lVert x_v \rVert + h}

    with :math:`N_k(u)` the k training users most similar to the history of u.

    Parameters
    ----------
    n_neighbors : int, default=100
        Neighbours k of each user.
    shrinkage : float, default=10.0
        Added to the denominator; damps similarities of short histories.
    weighting : {"tf-idf", "bm25"}, default=None
        Weights of the entries, with users as documents and items as terms: sharing a popular
        item counts less.

    Attributes
    ----------
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw; the neighbours' histories.

    See Also
    --------
    ItemKNNRecommender : The same between items.

    Notes
    -----
    A training row that is scored again finds itself among its neighbours; it adds the same to
    every item of the row and nothing to the others, so rankings of unseen items do not change,
    but it takes the place of one neighbour.

    References
    ----------
    Ferrari Dacrema, M., Boglio, S., Cremonesi, P., & Jannach, D. (2021). A troubling analysis of
    reproducibility and progress in recommender systems research. TOIS.
    https://doi.org/10.1145/3434185

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec import UserKNNRecommender
    >>> X = sp.csr_matrix([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    >>> UserKNNRecommender().fit(X).recommend(sp.csr_matrix([[0, 0, 1, 0]]), n_items=1)
    array([[3]])
    """

    n_neighbors: int = 100
    shrinkage: float = 10.0
    weighting: str | None = None

    _parameter_constraints: ClassVar[dict[str, Any]] = dict(_CONSTRAINTS)
    _test_parameters: ClassVar[dict[str, Any]] = {"shrinkage": 0.0}

    def _fit(self, X):
        self._weighted_, self._weigh_state_ = weigh(X, self.weighting)

    def _score_block(self, queries, own=None):
        rows, _ = weigh(queries.history, self.weighting, self._weigh_state_)
        nearby = nearest(rows, self._weighted_, self.n_neighbors, self.shrinkage, own)
        return (nearby @ self.interactions_).toarray()

    def _held_out_scores(self, history, rows):
        # a training user's own stored row holds what is hidden: it must not be a neighbour
        return self._score_block(Queries(history), own=rows)

    def _row_bytes(self):
        # a row's similarities to all users come before its scores
        return super()._row_bytes() + 24 * self.interactions_.shape[0]
