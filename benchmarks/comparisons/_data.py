"""The data of the comparisons, as matrices for ours and as arrays for the peers."""

from benchmarks import matrices
from skrec.model_selection import InteractionHoldout
from skrec.reproduce._data import load

__all__ = ["gowalla", "movielens", "with_arrays"]


def movielens(version, options):
    """Give train and test of MovieLens, a fifth of the interactions held out at random."""
    data = load("synthetic" if options.smoke else f"ml-{version}", options.data_home)
    parts = next(InteractionHoldout(0.2, random_state=0).split(data.interactions))
    return tuple(_binary(data.interactions[part].tocsr()) for part in parts)


def gowalla(options):
    """Give train and test of Gowalla."""
    paths = matrices.gowalla_matrices(options.folder, options.data_home, options.smoke)
    return tuple(_binary(matrices.load_matrix(path)) for path in paths)


def _binary(X):
    X.data[:] = 1.0
    return X


def with_arrays(name, train, test, options, **arrays):
    """Write train, test and further arrays for peers, and give the path."""
    path = options.folder / f"{name}.npz"
    parts = {"test_indptr": test.indptr, "test_indices": test.indices}
    return matrices.save_arrays(path, train, **parts, **arrays)
