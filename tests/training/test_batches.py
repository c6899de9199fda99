"""RowBatches and sparse_rows."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skrec.training import RowBatches, sparse_rows


def to_dense(rows, n_items):
    X = np.zeros((len(rows), n_items), dtype=np.float32)
    X[rows.row.numpy(), rows.indices.numpy()] = rows.values.numpy()
    return X


@pytest.fixture
def numbered():
    """Return 23 rows, each with its own number as its only entry."""
    return sp.csr_matrix((np.arange(23) + 1.0, (np.arange(23), np.arange(23) % 7)), shape=(23, 7))


def epoch(batches):
    """Return the row numbers of each batch of one pass."""
    return [(batch.values.numpy() - 1).astype(int).tolist() for batch, _ in batches]


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("cls", [sp.csr_matrix, sp.csr_array])
def test_sparse_rows_are_the_matrix(cls, index, X):
    matrix = cls(X)
    matrix.indices, matrix.indptr = matrix.indices.astype(index), matrix.indptr.astype(index)
    rows = sparse_rows(matrix)
    assert (rows.indices.dtype, rows.offsets.dtype) == (torch.int64, torch.int64)
    assert rows.values.dtype == torch.float32
    np.testing.assert_array_equal(to_dense(rows, 12), X.toarray())


def test_sparse_rows_do_not_share_memory(X):
    rows = sparse_rows(X)
    X.data[:] = 7
    assert (rows.values == 1).all()


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("cls", [sp.csr_matrix, sp.csr_array])
@pytest.mark.parametrize("batch_size", [1, 5, 23, 100])
def test_each_row_comes_once_an_epoch_as_it_is(cls, index, batch_size, X):
    matrix = cls(X)
    matrix.indices, matrix.indptr = matrix.indices.astype(index), matrix.indptr.astype(index)
    batches = RowBatches(matrix, batch_size, np.random.RandomState(0))
    parts = [rows for rows, _ in batches]
    assert len(parts) == len(batches) == -(-23 // batch_size)
    assert [len(p) for p in parts[:-1]] == [batch_size] * (len(parts) - 1)
    got = np.concatenate([to_dense(p, 12) for p in parts])
    assert sorted(got.tolist()) == sorted(X.toarray().tolist())


def test_input_and_target_are_the_same_rows(X):
    for rows, target in RowBatches(X, 7, np.random.RandomState(0)):
        assert rows is target


def test_each_epoch_is_a_new_permutation(numbered):
    batches = RowBatches(numbered, 4, np.random.RandomState(0))
    passes = [np.concatenate(epoch(batches)).tolist() for _ in range(5)]
    assert all(sorted(p) == list(range(23)) for p in passes)
    assert len({tuple(p) for p in passes}) == 5


def test_the_seed_fixes_all_epochs(numbered):
    def two(seed):
        batches = RowBatches(numbered, 4, np.random.RandomState(seed))
        return epoch(batches), epoch(batches)

    assert two(3) == two(3)
    assert two(3) != two(4)


def test_numpys_global_state_is_neither_used_nor_changed(numbered):
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    epoch(RowBatches(numbered, 4, np.random.RandomState(0)))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
