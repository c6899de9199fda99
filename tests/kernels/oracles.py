"""What the kernels must give, by NumPy, scipy and scikit-learn."""

import warnings

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import enet_path


def nearest_rows(A, B, own, other, shrinkage, k, least, itself):
    """Return the largest similarities of a sparse product's rows, one row after the other."""
    own, other, shrinkage = (np.asarray(x).astype(A.dtype) for x in (own, other, shrinkage))
    products = sp.csr_matrix(A @ B)
    products.sort_indices()
    data, indices, lengths = [], [], []
    for i in range(A.shape[0]):
        part = slice(products.indptr[i], products.indptr[i + 1])
        columns, totals = products.indices[part], products.data[part]
        keep = (totals > least) & (columns != itself[i])
        columns, totals = columns[keep], totals[keep]
        similar = totals / (own[i] * other[columns] + shrinkage)
        chosen = np.sort(np.lexsort((columns, -similar))[:k])
        data.append(similar[chosen])
        indices.append(columns[chosen])
        lengths.append(len(chosen))
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    entries = (np.concatenate(data), np.concatenate(indices), indptr)
    return sp.csr_matrix(entries, shape=(A.shape[0], B.shape[1]))


def elastic_net(gram, products, square, l1, l2, tol, max_iter):
    """Return the weights of scikit-learn's coordinate descent, in float64.

    Beside the products `enet_path` reads X's type and number of rows, by which it multiplies the
    penalties, and the norm of y, for the gap.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        _, path, _ = enet_path(
            np.zeros((1, len(gram))),
            np.sqrt([square]),
            alphas=[l1 + l2],
            l1_ratio=l1 / (l1 + l2),
            precompute=np.ascontiguousarray(gram, dtype=np.float64),
            Xy=np.asarray(products, dtype=np.float64),
            positive=True,
            tol=tol,
            max_iter=max_iter,
            check_input=False,
        )
    return path[:, 0]


def objective(weights, gram, products, square, l1, l2):
    """Return what the elastic net minimises."""
    fit = weights @ gram @ weights / 2 - products @ weights + square / 2
    return fit + l1 * weights.sum() + l2 * (weights @ weights) / 2
