"""The matrices that speed is measured on, kept as files that fresh processes load."""

from pathlib import Path

import numpy as np
import scipy.sparse as sp

from skrec import Interactions
from skrec.datasets import fetch_gowalla, make_interactions

__all__ = [
    "LARGE",
    "gowalla_matrices",
    "large_matrix",
    "load_matrix",
    "load_targets",
    "made_matrix",
    "save_arrays",
]

LARGE = (136_677, 20_108, 10_000_000)  # users, items and entries: the size of ML-20M
_SMALL = (600, 300, 9_000)


def gowalla_matrices(folder, data_home=None, smoke=False):
    """Write Gowalla's train and test matrix, or small ones.

    Parameters
    ----------
    folder : str or path-like
        Where to.
    data_home : str or path-like, default=None
        Folder of the data sets.
    smoke : bool, default=False
        Make small synthetic ones.

    Returns
    -------
    train, test : str
        Paths.
    """
    if smoke:
        train, test = (make_interactions(*_SMALL, random_state=seed).X for seed in (0, 1))
        test = test - test.multiply(train)
        test.eliminate_zeros()
    else:
        data = fetch_gowalla(data_home=data_home)
        train, test = data.train.tocsr(), data.test.tocsr()
    return _save(folder, "train", train), _save(folder, "test", test)


def large_matrix(folder, smoke=False):
    """Write the large synthetic matrix, or a small one, and give its path."""
    size = _SMALL if smoke else LARGE
    return _save(folder, "large", make_interactions(*size, random_state=0).X)


def made_matrix(folder, n_users, n_items, n_interactions):
    """Write a synthetic matrix of a size, if it is not there, and give its path."""
    name = f"made-{n_users}-{n_items}-{n_interactions}"
    path = Path(folder) / f"{name}.npz"
    if path.exists():
        return str(path)
    return _save(
        folder, name, make_interactions(n_users, n_items, n_interactions, random_state=0).X
    )


def _save(folder, name, X):
    path = Path(folder) / f"{name}.npz"
    sp.save_npz(path, sp.csr_matrix(X), compressed=False)
    return str(path)


def load_matrix(path):
    """Load a matrix as CSR."""
    return sp.csr_matrix(sp.load_npz(path))


def load_targets(path):
    """Load a matrix as Interactions, the targets of users known from ``fit``."""
    return Interactions(load_matrix(path))


def save_arrays(path, X, **arrays):
    """Write a CSR matrix and further arrays in plain form, for peers."""
    np.savez(path, indptr=X.indptr, indices=X.indices, shape=X.shape, **arrays)
    return str(path)
