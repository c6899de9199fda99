"""EASE: ridge regression from items to items with a zero diagonal, in closed form."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from scipy.linalg import lapack
from sklearn.utils._param_validation import Interval

from skrec.linear._item_weights import ItemWeightsRecommender
from skrec.utils import row_blocks

__all__ = ["EASERecommender"]


def dense_gram(X):
    """Give X'X of a CSR matrix as a dense float64 array, built a block of rows at a time."""
    n_items = X.shape[1]
    transposed = sp.csr_matrix(X.T)
    gram = np.empty((n_items, n_items))
    for rows in row_blocks(n_items, 24 * n_items):
        gram[rows] = (transposed[rows] @ X).toarray()
    return gram


def ease_weights(gram, l2):
    """Give EASE's weights; the memory of ``gram`` is used up.

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
    """
    gram[np.diag_indices_from(gram)] += l2
    inverse = _inverse_in_place(gram)
    weights = np.empty(inverse.shape, dtype=np.float32)
    diagonal = inverse.diagonal().copy()
    np.divide(inverse, -diagonal, out=weights, casting="same_kind")
    np.fill_diagonal(weights, 0)
    return weights


def _inverse_in_place(matrix):
    """Invert a symmetric positive definite float64 matrix in its own memory."""
    # LAPACK works on columns: the transposed view is the same symmetric matrix, not copied
    factor, info = lapack.dpotrf(matrix.T, lower=1, overwrite_a=1, clean=0)
    if info:
        raise ValueError(f"l2 must be large enough that X'X + l2 can be inverted; got info={info}")
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    _mirror_lower(inverse)
    return inverse


def _mirror_lower(matrix, size=1024):
    """Copy the lower triangle onto the upper one, a block at a time."""
    n = len(matrix)
    for start in range(0, n, size):
        block = slice(start, min(start + size, n))
        below = slice(block.stop, n)
        matrix[block, below] = matrix[below, block].T
        corner = matrix[block, block]
        corner[...] = np.tril(corner) + np.tril(corner, -1).T


class EASERecommender(ItemWeightsRecommender):
    r"""Embarrassingly shallow autoencoder (EASE).

    Solves :math:`\min_B \lVert X - XB \rVert^2_F + \lambda \lVert B \rVert^2_F` subject to
    :math:`\operatorname{diag}(B) = 0`. With :math:`P = (X^\top X + \lambda I)^{-1}`

    .. math:: B_{ij} = -P_{ij} / P_{jj} \quad (i \neq j), \qquad s_u = x_u B.

    Parameters
    ----------
    l2 : float, default=500.0
        Ridge penalty :math:`\lambda`; the larger the data, the larger it should be.

    Attributes
    ----------
    item_weights_ : ndarray of shape (n_items, n_items)
        B, float32; row i holds what having item i adds to each score.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    ItemKNNRecommender : Cosine similarities in place of regression weights.

    Notes
    -----
    Memory is 12 bytes times the square of the number of items while fitting, 4 after. The fit is
    in float64 with a Cholesky factorisation.

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

    l2: float = 500.0

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "l2": [Interval(Real, 0, None, closed="neither")]
    }
    _test_parameters: ClassVar[dict[str, Any]] = {"l2": 1.0}

    def _fit(self, X):
        self.item_weights_ = ease_weights(dense_gram(X), self.l2)
