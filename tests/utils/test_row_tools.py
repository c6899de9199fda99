"""Blocks, hidden entries and membership of sparse rows."""

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skrec.utils import (
    _rows,
    column_counts,
    entry_blocks,
    has_entries,
    hide_entries,
    holds_ones,
    index_pointer,
    pair_keys,
    row_blocks,
    row_of_entry,
    split_rows,
    take_entries,
)

QUICK = settings(deadline=None, max_examples=60)
MATRICES = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 9)),
    elements=st.sampled_from([0.0, 0.0, 1.0, 2.5]),
)


@QUICK
@given(st.lists(st.integers(0, 9)), st.integers(1, 12))
def test_blocks_of_entries_cover_the_rows_and_are_small(lengths, most):
    indptr = np.concatenate([[0], np.cumsum(lengths, dtype=np.int32)]).astype(np.int32)
    blocks = list(entry_blocks(indptr, most))
    assert [i for b in blocks for i in range(b.start, b.stop)] == list(range(len(lengths)))
    for block in blocks:
        n_rows = block.stop - block.start
        assert n_rows == 1 or (indptr[block.stop] - indptr[block.start] <= most and n_rows <= most)


def test_blocks_of_entries_do_not_overflow():
    indptr = np.array([0, 2**31 - 2, 2**31 - 1], dtype=np.int32)
    assert list(entry_blocks(indptr, 2**20)) == [slice(0, 1), slice(1, 2)]


@pytest.mark.parametrize("at_once", [1, 3, 10**6])
def test_counts_of_columns(at_once, monkeypatch):
    monkeypatch.setattr(_rows, "_ENTRIES", at_once)
    X = sp.random(40, 3, 0.4, format="csr", random_state=0, dtype=np.float32)
    assert column_counts(X).tolist() == np.bincount(X.indices, minlength=3).tolist()
    assert column_counts(X[:0]).tolist() == [0, 0, 0]


def test_ones_are_told_from_others():
    assert holds_ones(np.ones(3, np.float32))
    assert holds_ones(np.zeros(0))
    for other in (0, 2, np.nan, 1 + 1e-6):
        assert not holds_ones(np.array([1, other], np.float32))


@QUICK
@given(st.integers(0, 200), st.integers(0, 2**20), st.floats(0.001, 4))
def test_blocks_cover_the_rows_and_keep_to_the_memory(n_rows, bytes_per_row, working_memory):
    blocks = list(row_blocks(n_rows, bytes_per_row, working_memory))
    rows = [i for b in blocks for i in range(b.start, b.stop)]
    assert rows == list(range(n_rows))
    for block in blocks:
        size = block.stop - block.start
        assert size == 1 or size * bytes_per_row <= working_memory * 2**20


def test_blocks_follow_sklearns_working_memory_up_to_128_mib():
    def first(working_memory):
        with sklearn.config_context(working_memory=working_memory):
            return next(row_blocks(10**9, 2**20)).stop

    assert [first(2), first(100), first(128), first(4096)] == [2, 100, 128, 128]


@QUICK
@given(MATRICES)
def test_row_of_entry_and_index_pointer_are_inverse(dense):
    X = sp.csr_matrix(dense)
    row = row_of_entry(X)
    assert row.dtype == np.int64
    np.testing.assert_array_equal(row, np.nonzero(dense)[0])
    np.testing.assert_array_equal(index_pointer(row, len(dense)), X.indptr)


def test_pair_keys_do_not_overflow_and_keep_the_order():
    row = np.array([0, 100_000, 100_000], dtype=np.int32)
    keys = pair_keys(row, np.array([5, 0, 99_999], dtype=np.int32), 100_000)
    assert keys.dtype == np.int64
    assert keys.tolist() == [5, 10**10, 10**10 + 99_999]


@QUICK
@given(MATRICES, st.data())
def test_has_entries_is_looking_them_up(dense, data):
    n_rows, n_columns = dense.shape
    size = data.draw(st.integers(0, 12))
    pairs = st.tuples(st.integers(0, n_rows - 1), st.integers(0, n_columns - 1))
    pairs = np.array(data.draw(st.lists(pairs, min_size=size, max_size=size)), dtype=int)
    row, column = pairs.reshape(-1, 2).T
    expected = dense[row, column] != 0
    np.testing.assert_array_equal(has_entries(sp.csr_matrix(dense), row, column), expected)


def test_has_entries_keeps_the_shape_and_counts_stored_zeros():
    X = sp.csr_matrix(([1.0, 0.0], ([0, 1], [2, 0])), shape=(2, 3))
    row, column = np.array([[0, 0], [1, 1]]), np.array([[2, 1], [0, 2]])
    assert has_entries(X, row, column).tolist() == [[True, False], [True, False]]


@QUICK
@given(MATRICES, st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.integers(0, 5))
def test_split_rows_is_a_partition_with_the_promised_counts(dense, fraction, seed):
    X = sp.csr_matrix(dense)
    history, targets = split_rows(X, fraction, seed)
    np.testing.assert_array_equal((history + targets).toarray(), dense)
    assert history.multiply(targets).nnz == 0
    counts = (dense != 0).sum(axis=1)
    for n, hidden in zip(counts, np.diff(targets.indptr)):
        wanted = 0 if n < 2 else min(max(1, round(fraction * n)), n - 1)
        assert hidden == wanted
    np.testing.assert_array_equal(X.toarray(), dense)
    again = split_rows(X, fraction, seed)
    np.testing.assert_array_equal(again[1].toarray(), targets.toarray())


def test_split_rows_takes_any_format_and_draws_from_the_seed():
    X = sp.random_array((40, 30), density=0.5, rng=0)
    hidden = [split_rows(X.asformat(f), random_state=0)[1].toarray() for f in ("csr", "coo", "csc")]
    assert all((h == hidden[0]).all() for h in hidden)
    assert (split_rows(X, random_state=1)[1].toarray() != hidden[0]).any()


def test_split_rows_hides_every_entry_equally_often():
    X = sp.csr_matrix(np.ones((3000, 10)))
    rates = split_rows(X, 0.3, 0)[1].mean(axis=0)
    assert np.abs(np.asarray(rates) - 0.3).max() < 0.04


def test_split_rows_keeps_stored_zeros_as_entries():
    X = sp.csr_matrix((np.zeros(5), ([0] * 5, range(5))), shape=(1, 5))
    history, targets = split_rows(X)
    assert (history.nnz, targets.nnz) == (4, 1)


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_split_rows_of_either_index_type(index):
    X = sp.csr_matrix(np.ones((4, 5)))
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    history, targets = split_rows(X)
    assert (history.nnz, targets.nnz) == (16, 4)


@QUICK
@given(MATRICES, st.sampled_from([0.0, 0.3, 1.0]))
def test_hide_entries_is_a_partition(dense, rate):
    X = sp.csr_matrix(dense)
    history, hidden = hide_entries(X, rate)
    np.testing.assert_array_equal((history + hidden).toarray(), dense)
    assert history.nnz + hidden.nnz == X.nnz
    assert (rate not in (0, 1)) or hidden.nnz == rate * X.nnz


def test_hide_entries_hides_each_with_the_same_chance_whatever_its_row():
    X = sp.csr_matrix(np.tri(200, 200))
    hidden = hide_entries(X, 0.1)[1]
    rates = np.asarray(hidden.sum(axis=1)).ravel() / np.arange(1, 201)
    assert abs(rates[:100].mean() - 0.1) < 0.03
    assert abs(rates[100:].mean() - 0.1) < 0.01
    again, other = hide_entries(X, 0.1)[1], hide_entries(X, 0.1, random_state=1)[1]
    assert (again != hidden).nnz == 0
    assert (other != hidden).nnz > 0


@QUICK
@given(MATRICES, st.integers(0, 100))
def test_taken_entries_are_those_that_were_asked_for(dense, seed):
    X = sp.csr_matrix(dense)
    before = X.copy()
    keep = np.random.RandomState(seed).uniform(size=X.nnz) < 0.5
    part = take_entries(X, row_of_entry(X), keep)
    expected = dense.copy()
    expected[tuple(index[~keep] for index in np.nonzero(dense))] = 0
    np.testing.assert_array_equal(part.toarray(), expected)
    assert part.shape == X.shape
    assert part.nnz == keep.sum()
    assert part.has_sorted_indices
    np.testing.assert_array_equal(X.toarray(), before.toarray())


def test_taken_entries_may_be_stored_zeros():
    X = sp.csr_matrix(([0.0, 2.0, 3.0], ([0, 0, 1], [1, 2, 0])), shape=(3, 3))
    part = take_entries(X, row_of_entry(X), np.array([True, False, True]))
    assert part.nnz == 2
    assert part.indices.tolist() == [1, 0]
    assert part.data.tolist() == [0.0, 3.0]
