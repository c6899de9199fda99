"""EASE: ridge regression from items to items with a zero diagonal, in closed form."""

from numbers import Real
from typing import Annotated, Any, ClassVar

import numpy as np
import scipy.sparse as sp
from scipy.linalg import lapack
from sklearn.utils._param_validation import Interval

from skrec.linear._item_weights import ItemWeightsRecommender
from skrec.typing import Array, CSRMatrix
from skrec.utils import row_blocks

__all__ = ["EASERecommender"]

_LAPACK_COLUMNS = 2048


def dense_gram(X: CSRMatrix, dtype: type = np.float64) -> Array:
    """Return X'X of a CSR matrix as a dense array, built a block of rows at a time."""
    n_items = X.shape[1]
    transposed = sp.csr_matrix(X.T)
    gram = np.empty((n_items, n_items), dtype=dtype)
    for rows in row_blocks(n_items, 24 * n_items):
        gram[rows] = (transposed[rows] @ X).toarray()
    return gram


def ease_weights(gram: Array, l2: float) -> tuple[Array, Array]:
    """Return EASE's weights; the memory of ``gram`` is used up.

    Parameters
    ----------
    gram : ndarray of shape (n_items, n_items)
        X'X, float64.
    l2 : float
        Ridge penalty, added to the diagonal.

    Returns
    -------
    weights : ndarray of shape (n_items, n_items)
        float32, zero diagonal.
    diagonal : ndarray of shape (n_items,)
        That of P, from which the weights and P follow from each other.
    """
    gram[np.diag_indices_from(gram)] += l2
    _invert(gram)
    weights = np.empty(gram.shape, dtype=np.float32)
    diagonal = gram.diagonal().copy()
    np.divide(gram, -diagonal, out=weights, casting="same_kind")
    np.fill_diagonal(weights, 0)
    return weights, diagonal


def ease_weights_by_users(X: CSRMatrix, l2: float) -> tuple[Array, Array]:
    r"""Return EASE's weights by an inverse over users, which is less work where they are fewer.

    .. math:: P = (X^\top X + \lambda I)^{-1}
        = \big(I - X^\top (X X^\top + \lambda I)^{-1} X\big) / \lambda

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Interactions.
    l2 : float
        Ridge penalty.

    Returns
    -------
    weights : ndarray of shape (n_items, n_items)
        float32, zero diagonal.
    diagonal : ndarray of shape (n_items,)
        That of P.
    """
    n_users, n_items = X.shape
    inner = dense_gram(sp.csr_matrix(X.T))
    inner[np.diag_indices_from(inner)] += l2
    _invert(inner)
    transposed = sp.csr_matrix(X.T, dtype=np.float64)
    weights = np.empty((n_items, n_items), dtype=np.float32)
    diagonal = np.empty(n_items)
    for items in row_blocks(n_items, 8 * (2 * n_users + 3 * n_items)):
        columns = transposed @ (transposed[items] @ inner).T  # (n_items, n_block), of P
        own = np.arange(items.start, items.stop), np.arange(columns.shape[1])
        columns[own] -= 1
        columns /= -l2
        diagonal[items] = columns[own]
        columns[own] = 0
        weights[:, items] = columns / -diagonal[items]
    return weights, diagonal


def scores_without(history: CSRMatrix, rows: CSRMatrix, weights: Array, diagonal: Array) -> Array:
    r"""Score histories by the weights that a fit without some rows would have.

    With A = X_m P for the m rows to be left out, the inverse without them is, by Woodbury,

    .. math:: P' = P + A^\top (I - A X_m^\top)^{-1} A,

    and an item that a history lacks has the score :math:`-(h P')_j / P'_{jj}`.

    Parameters
    ----------
    history : csr_matrix of shape (n_rows, n_items)
        Histories to score.
    rows : csr_matrix of shape (m, n_items)
        Rows of ``fit`` to leave out.
    weights : ndarray of shape (n_items, n_items)
        EASE's weights.
    diagonal : ndarray of shape (n_items,)
        That of P.

    Returns
    -------
    scores : ndarray of shape (n_rows, n_items)
        Valid where the history has no entry.
    """
    left_out = diagonal * (rows.toarray() - rows @ weights)  # A, (m, n_items)
    shown = diagonal * (history.toarray() - history @ weights)  # h P
    inner = np.eye(len(left_out)) - rows @ left_out.T
    change = np.linalg.solve(inner, left_out)
    shown += (history @ left_out.T) @ change
    return -shown / (diagonal + np.einsum("ui,ui->i", left_out, change))


def _invert(matrix: Array) -> None:
    """Invert a symmetric positive definite float64 matrix in its own memory.

    By halves, so that the work is in matrix products: OpenBLAS's threaded Cholesky crashes on
    20,000 columns. LAPACK does the corners.
    """
    n_columns = len(matrix)
    if n_columns <= _LAPACK_COLUMNS:
        matrix[...] = _lapack_inverse(matrix)
        return
    half = n_columns // 2
    first, below, second = matrix[:half, :half], matrix[half:, :half], matrix[half:, half:]
    _invert(first)
    product = below @ first
    second -= product @ below.T  # the Schur complement
    _invert(second)
    below[...] = second @ product
    first += product.T @ below
    np.negative(below, out=below)
    matrix[:half, half:] = below.T


def _lapack_inverse(matrix: Array) -> Array:
    """Invert by Cholesky; LAPACK returns the lower triangle."""
    routines: Any = lapack
    factor, info = routines.dpotrf(matrix, lower=1, clean=0)
    if info:
        raise ValueError(f"l2 must be large enough that X'X + l2 can be inverted; got info={info}")
    inverse, _ = routines.dpotri(factor, lower=1, overwrite_c=1)
    return np.tril(inverse) + np.tril(inverse, -1).T


class EASERecommender(ItemWeightsRecommender):
    r"""Embarrassingly shallow autoencoder (EASE).

    Solves :math:`\min_B \lVert X - XB \rVert^2_F + \lambda \lVert B \rVert^2_F` subject to
    :math:`\operatorname{diag}(B) = 0`. With :math:`P = (X^\top X + \lambda I)^{-1}`

    .. math:: B_{ij} = -P_{ij} / P_{jj} \quad (i \neq j), \qquad s_u = x_u B.

    Attributes
    ----------
    item_weights_ : ndarray of shape (n_items, n_items)
        B, float32; row i holds what having item i adds to each score.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    ItemKNNRecommender : Cosine similarities in place of regression weights.
    SLIMRecommender : Regression weights that are sparse and never negative.

    Notes
    -----
    Memory is about 14 bytes times the square of the number of items while fitting, 4 after. The
    inverse is computed in float64, in place. Where there are fewer users than items, it is one
    over users, with the same result and about 8 bytes times their number squared beside the
    weights.

    References
    ----------
    Steck, H. (2019). Embarrassingly shallow autoencoders for sparse data. WWW.
    https://doi.org/10.1145/3308558.3313710

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec import EASERecommender
    >>> X = sp.csr_matrix([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    >>> EASERecommender(l2=1.0).fit(X).recommend(sp.csr_matrix([[0, 0, 1, 0]]), n_items=1)
    array([[3]])
    """

    l2: Annotated[
        float,
        Interval(Real, 0, None, closed="neither"),
        r"Ridge penalty :math:`\lambda`; the larger the data, the larger it should be.",
    ] = 500.0

    _test_parameters: ClassVar[dict[str, Any]] = {"l2": 1.0}

    def _fit(self, X: CSRMatrix) -> None:
        if X.shape[0] < X.shape[1]:
            weights = ease_weights_by_users(X, self.l2)
        else:
            weights = ease_weights(dense_gram(X), self.l2)
        self.item_weights_, self._diagonal_ = weights

    def _held_out_scores(self, history: CSRMatrix, rows: Array) -> Array:
        # what is hidden from the history was part of the fit: leave these users out of it, a
        # tenth of all at a time, so that what is left is still a fit
        X, weights = self.interactions_, (self.item_weights_, self._diagonal_)
        size = max(1, X.shape[0] // 10)
        parts = [slice(start, start + size) for start in range(0, len(rows), size)]
        return np.vstack([scores_without(history[p], X[rows[p]], *weights) for p in parts])

    def _row_bytes(self) -> int:
        # `scores_without` holds four float64 arrays of the block's shape
        return super()._row_bytes() + 24 * self.n_features_in_
