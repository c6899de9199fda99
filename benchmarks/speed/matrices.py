"""The data that speed is measured on; matrices for fresh processes and peers are kept as files."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from skrec import Interactions
from skrec.datasets import make_interactions
from skrec.model_selection import InteractionHoldout
from skrec.reproduce import load_data, strong_generalization_parts
from skrec.typing import CSRMatrix

__all__ = [
    "LARGE",
    "gowalla_files",
    "large_file",
    "load_amazon_music",
    "load_gowalla",
    "load_matrix",
    "load_movielens",
    "load_movielens_rating_parts",
    "load_movielens_ratings",
    "load_movielens_users",
    "load_targets",
    "made_file",
    "save_arrays",
]

LARGE = (136_677, 20_108, 10_000_000)  # users, items and entries: the size of ML-20M
_SMALL = (600, 300, 9_000)


def gowalla_files(options: Namespace) -> tuple[str, str]:
    """Write Gowalla's train and test matrix, or small ones, and return their paths."""
    if options.smoke:
        train, test = (make_interactions(*_SMALL, random_state=seed).X for seed in (0, 1))
        test = test - test.multiply(train)
        test.eliminate_zeros()
    else:
        data = load_data("gowalla", options.data_home)
        train, test = data.train.tocsr(), data.test.tocsr()
    return _save(options.folder, "train", train), _save(options.folder, "test", test)


def large_file(options: Namespace) -> str:
    """Write the large synthetic matrix, or a small one, and return its path."""
    return made_file(options.folder, *(_SMALL if options.smoke else LARGE))


def made_file(folder: Path, n_users: int, n_items: int, n_interactions: int) -> str:
    """Write a synthetic matrix of a size, if it is not there, and return its path."""
    name = f"made-{n_users}-{n_items}-{n_interactions}"
    path = folder / f"{name}.npz"
    if path.exists():
        return str(path)
    made = make_interactions(n_users, n_items, n_interactions, random_state=0)
    return _save(folder, name, made.X)


def _save(folder: Path, name: str, X: CSRMatrix) -> str:
    path = folder / f"{name}.npz"
    sp.save_npz(path, sp.csr_matrix(X), compressed=False)
    return str(path)


def load_matrix(path: str) -> CSRMatrix:
    """Load a matrix as CSR."""
    return sp.csr_matrix(sp.load_npz(path))


def load_targets(path: str) -> Interactions:
    """Load a matrix as Interactions, the targets of users known from ``fit``."""
    return Interactions(load_matrix(path))


def load_gowalla(options: Namespace) -> tuple[CSRMatrix, CSRMatrix]:
    """Load train and test of Gowalla."""
    train, test = map(load_matrix, gowalla_files(options))
    return _binary(train), _binary(test)


def load_movielens(version: str, options: Namespace) -> tuple[CSRMatrix, CSRMatrix]:
    """Load train and test of MovieLens, a fifth of the interactions held out at random."""
    train, test = load_movielens_rating_parts(version, options)
    return _binary(train), _binary(test)


def load_movielens_rating_parts(version: str, options: Namespace) -> tuple[CSRMatrix, CSRMatrix]:
    """Load the ratings of the same train and test."""
    interactions = _interactions(f"ml-{version}", options)
    train, test = next(InteractionHoldout(0.2, random_state=0).split(interactions))
    return interactions[train].tocsr(), interactions[test].tocsr()


def load_movielens_users(options: Namespace) -> CSRMatrix:
    """Load the training rows of strong generalisation on ml-1m."""
    n_users = 20 if options.smoke else 500
    return strong_generalization_parts(_interactions("ml-1m", options), n_users)[0]


def load_movielens_ratings(options: Namespace) -> CSRMatrix:
    """Load the ratings of ml-1m."""
    return _interactions("ml-1m", options).tocsr()


def load_amazon_music(options: Namespace) -> CSRMatrix:
    """Load the train part of the leave-one-out of amazon-music."""
    name = "synthetic" if options.smoke else "amazon-music"
    return load_data(name, options.data_home).loo_train.tocsr()


def _interactions(name: str, options: Namespace) -> Interactions:
    return load_data("synthetic" if options.smoke else name, options.data_home).interactions


def _binary(X: CSRMatrix) -> CSRMatrix:
    X.data[:] = 1.0
    return X


def save_arrays(
    path: Path, X: CSRMatrix, test: CSRMatrix | None = None, **arrays: np.ndarray
) -> str:
    """Write a CSR matrix, perhaps a test matrix and further arrays in plain form, for peers."""
    if test is not None:
        arrays |= {"test_indptr": test.indptr, "test_indices": test.indices}
    np.savez(path, indptr=X.indptr, indices=X.indices, shape=X.shape, **arrays)
    return str(path)
