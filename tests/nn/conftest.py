"""Sparse batches of the tests of the networks, in float64."""

import numpy as np
import pytest
import torch

from skrec.nn import SparseRows


@pytest.fixture
def to_rows():
    """Return a function that turns a dense array into a batch of float64 values."""

    def convert(X):
        row, column = np.nonzero(X)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(X)))])
        parts = (column, offsets, X[row, column].astype(np.float64))
        return SparseRows(*(torch.from_numpy(part) for part in parts))

    return convert


@pytest.fixture
def dense():
    """Return a 5 x 8 array of strengths with an empty row and a row of one entry."""
    rng = np.random.RandomState(0)
    X = rng.uniform(0.5, 2.0, size=(5, 8)) * (rng.uniform(size=(5, 8)) < 0.5)
    X[2] = 0
    X[3] = 0
    X[3, 6] = 1.5
    return X
