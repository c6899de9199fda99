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


def similar_items(X, k, alpha, shrinkage, power):
    """Return the similarities of the columns of X to their k nearest, and to the next one."""
    product, squares = X.T @ X, (X**2).sum(axis=0)
    near = np.zeros(product.shape)
    for i, j in np.argwhere(product > 0):
        norms = squares[i] ** alpha * squares[j] ** (1 - alpha)
        near[i, j] = 0 if i == j else (product[i, j] / (norms + shrinkage)) ** power
    following = np.zeros(len(near))
    for i, row in enumerate(near):
        others = np.argsort(-row, kind="stable")[k:]
        following[i] = row[others[:1]].sum()
        row[others] = 0
    return near, following


def sum_without(X, near, least, user, history, item, alpha, shrinkage, power, normalize):
    """Return an item's sum over its neighbours in a history, of X without its user."""
    others = np.delete(X, user, axis=0)
    neighbours = np.flatnonzero(near[item])
    exact = similar_items(others, X.shape[1], alpha, shrinkage, power)[0][item, neighbours]
    kept = np.where(exact >= least * (1 - 1e-5), exact, 0)
    total = kept[history[neighbours]].sum()
    return total / max(np.maximum(exact, least).sum(), 1e-12) if normalize else total


def walk_weights(X, shares, k, source, target, power):
    """Return the weights of the k nearest columns of each column of X, and the next one's."""
    counts = X.sum(axis=0)
    near = np.zeros((X.shape[1], X.shape[1]))
    for i, j in np.argwhere(X.T @ X > 0):
        common = (shares * X[:, i] * X[:, j]).sum()
        near[i, j] = (common / (counts[i] ** source * counts[j] ** target)) ** power
    following = np.zeros(len(near))
    for i, row in enumerate(near):
        others = np.argsort(-row, kind="stable")[k:]
        following[i] = row[others[:1]].sum()
        row[others] = 0
    return near, following


def walk_without(X, shares, near, least, user, history, item, source, target, power, normalize):
    """Return a history's sum of weights of an item, of X without its user."""
    others, rest = np.delete(X, user, axis=0), np.delete(shares, user)
    exact, _ = walk_weights(others, rest, X.shape[1], source, target, power)
    counts, total = X.sum(axis=0), 0
    for i in np.flatnonzero(history & (counts > 1)):
        bound = least[i] * (counts[i] / (counts[i] - 1)) ** (source * power) * (1 - 1e-5)
        row = exact[i] * (near[i] > 0)
        sum_of_row = np.maximum(row[near[i] > 0], bound).sum() if normalize else 1
        if row[item] >= bound and row[item]:
            total += row[item] / sum_of_row
    return total


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


def ridge_rows(R, alpha, V, ridge, weight):
    """Return the solution of each row's normal equations over all columns."""
    return np.array(
        [np.linalg.solve(*_normal_equations(*row)) for row in _rows(R, alpha, V, ridge, weight)]
    )


def ridge_blocks(R, alpha, V, ridge, weight, start, block_size):
    """Return the rows after a sweep of blocks over coordinates in the eigenbasis, one at a time."""
    rotation = np.linalg.eigh(V.T @ V)[1]
    solved = start @ rotation
    for x, row in zip(solved, _rows(R, alpha, V @ rotation, ridge, weight)):
        A, b = _normal_equations(*row)
        for k in range(0, len(x), block_size):
            own = slice(k, k + block_size)
            x[own] = np.linalg.solve(A[own, own], b[own] - A[own] @ x + A[own, own] @ x[own])
    return solved @ rotation.T


def ridge_objective(R, alpha, V, ridge, weight, X):
    """Return the objective of each row."""
    return np.array(
        [
            x @ A @ x - 2 * b @ x
            for x, (A, b) in zip(
                X, (_normal_equations(*row) for row in _rows(R, alpha, V, ridge, weight))
            )
        ]
    )


def _rows(R, alpha, V, ridge, weight):
    return ((r, alpha, V, own, weight) for r, own in zip(R, ridge))


def _normal_equations(r, alpha, V, ridge, weight):
    added = (r > 0) * (1.0 if alpha is None else alpha * r)
    target = (r > 0) * (1 if alpha is None else 1 + added)
    return (V.T * added) @ V + weight * V.T @ V + ridge * np.eye(V.shape[1]), V.T @ target
