"""The arrays that are handed over, as matrices and as pairs.

Used by workers alone, so it imports nothing from this project.
"""

import numpy as np
import scipy.sparse as sp

__all__ = ["load_matrices", "pairs", "write_factors"]


def load_matrices(path: str) -> tuple[sp.csr_matrix, ...]:
    """Return the train matrix and, where the file has one, the test matrix, as CSR of ones."""
    with np.load(path) as data:
        arrays = dict(data)
    shape = tuple(arrays["shape"])
    return tuple(
        _matrix(arrays[f"{prefix}indptr"], arrays[f"{prefix}indices"], shape)
        for prefix in ("", "test_")
        if f"{prefix}indptr" in arrays
    )


def _matrix(indptr: np.ndarray, indices: np.ndarray, shape: tuple[int, int]) -> sp.csr_matrix:
    return sp.csr_matrix((np.ones(len(indices), dtype=np.float32), indices, indptr), shape)


def pairs(X: sp.csr_matrix) -> np.ndarray:
    """Return the pairs of a matrix as an array of shape (n_entries, 2), user and item."""
    users = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    return np.column_stack([users, X.indices])


def write_factors(
    path: str,
    user_factors: np.ndarray,
    item_factors: np.ndarray,
    item_bias: np.ndarray | None = None,
) -> None:
    """Write factors; a bias of the items becomes one more factor."""
    if item_bias is not None:
        user_factors = np.column_stack([user_factors, np.ones(len(user_factors))])
        item_factors = np.column_stack([item_factors, item_bias])
    np.savez(path, user=user_factors.astype(np.float32), item=item_factors.astype(np.float32))
