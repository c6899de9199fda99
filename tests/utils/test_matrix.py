"""From whatever can be read as a matrix to a sound CSR matrix."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from skrec import Interactions
from skrec.utils import (
    as_array,
    as_integers,
    canonical_csr,
    check_count,
    check_dense,
    check_structure,
)

FORMATS = ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"]


def sample(kind: str):
    X = sp.random(30, 20, 0.2, format="csr", random_state=0)
    return X.asformat(kind).copy()


def too_large(X):
    X.indices[3] = 10**6


def negative(X):
    X.indices[3] = -5


def falling(X):
    X.indptr[3] = X.indptr[-1]


def beyond_the_end(X):
    X.indptr[-1] += 100


def late_start(X):
    X.indptr[0] = 3


def short_data(X):
    X.data = X.data[:2]


def few_pointers(X):
    X.indptr = X.indptr[:-2]


FAULTS = [too_large, negative, falling, beyond_the_end, late_start, short_data, few_pointers]


@pytest.mark.parametrize("kind", ["csr", "csc", "bsr"])
@pytest.mark.parametrize("fault", FAULTS)
def test_compressed_corruption_is_refused(kind, fault):
    X = sample(kind)
    fault(X)
    for check in (check_structure, canonical_csr):
        with pytest.raises(ValueError, match="histories must be a sound sparse matrix; got"):
            check(X, "histories")


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("index", [-1, 10**6])
def test_coordinates_out_of_range_are_refused(axis, index):
    X = sample("coo")
    X.coords[axis][2] = index
    with pytest.raises(ValueError, match="X must be a sound sparse matrix; got"):
        canonical_csr(X)


def beyond(X):
    X.rows[2], X.data[2] = [0, 27], [1.0, 1.0]


def below(X):
    X.rows[2], X.data[2] = [-1], [1.0]


def more_values(X):
    X.data[2] = [1.0] * 100


def few_lists(X):
    X.rows, X.data = X.rows[:-1], X.data[:-1]


def no_list(X):
    X.rows[2] = None


def word(X):
    X.rows[2], X.data[2] = ["a"], [1.0]


@pytest.mark.parametrize("fault", [beyond, below, more_values, few_lists, no_list, word])
def test_lists_that_do_not_fit_are_refused(fault):
    X = sample("lil")
    fault(X)
    for check in (check_structure, canonical_csr):
        with pytest.raises(ValueError, match="histories must be a sound sparse matrix; got"):
            check(X, "histories")


@pytest.mark.parametrize("key", [(0, 20), (30, 0), (-1, 0)])
def test_keys_that_do_not_fit_are_refused(key):
    X = sample("dok")
    X._dict[key] = 1.0
    with pytest.raises(ValueError, match="X must be a sound sparse matrix; got"):
        canonical_csr(X)


@pytest.mark.parametrize("kind", ["csr", "coo", "dia"])
def test_values_of_another_byte_order_are_refused_where_scipy_has_none(kind):
    X = sample(kind)
    X.data = X.data.astype(X.data.dtype.newbyteorder())
    with pytest.raises(ValueError, match=r"X must be a sound .*got values in the byte order"):
        canonical_csr(X)


def test_corrupt_arrays_of_a_file_are_refused(tmp_path):
    X = sample("csr")
    X.indices[-1] = 20
    np.save(tmp_path / "indices.npy", X.indices)
    X.indices = np.load(tmp_path / "indices.npy", mmap_mode="r")
    with pytest.raises(ValueError, match="column indices up to 20 for 20 columns"):
        canonical_csr(X)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_every_format_becomes_the_same_matrix_in_its_own_type(kind, dtype):
    X = (sample("csr") * 10).astype(dtype)
    X.eliminate_zeros()
    csr = canonical_csr(X.asformat(kind))
    assert csr.dtype == dtype
    assert csr.has_canonical_format
    np.testing.assert_array_equal(csr.toarray(), X.toarray())


@given(
    counts=st.lists(st.integers(1, 700), min_size=1, max_size=4),
    dtype=st.sampled_from([np.uint8, np.int8, bool, np.float32]),
    kind=st.sampled_from(["coo", "csr", "csc"]),
)
def test_repeats_are_counted_in_full(counts, dtype, kind):
    rows = np.repeat(np.arange(len(counts)), counts)
    ones = np.ones(len(rows), dtype)
    if kind == "coo":
        X = sp.coo_matrix((ones, (rows, rows)), shape=(4, 4))
    else:
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=4))])
        X = (sp.csr_matrix if kind == "csr" else sp.csc_matrix)((ones, rows, indptr), shape=(4, 4))
    assert canonical_csr(X).diagonal()[: len(counts)].tolist() == counts
    assert X.nnz == len(rows)  # the input is not touched


def test_flags_of_the_input_are_not_believed():
    X = sp.csr_matrix((np.ones(3), [1, 0, 1], [0, 3]), shape=(1, 2))
    X.has_canonical_format = True
    assert canonical_csr(X).toarray().tolist() == [[1, 2]]


def test_masked_entries_are_missing():
    X = np.ma.masked_invalid([[5.0, np.nan], [np.nan, 1.0]])
    assert canonical_csr(X).toarray().tolist() == [[5, 0], [0, 1]]


@pytest.mark.parametrize(
    ("X", "words"),
    [
        ([[1, 2], [3]], "one length"),
        ([["a", "b"]], "numbers"),
        ([[1, None, "a"]], "got None"),
        (np.array([[1j]]), "Complex data"),
        (sp.csr_matrix([[1j]]), "Complex data"),
        ([1, 2], "1 dimensions"),
        (np.zeros((1, 1, 1)), "3 dimensions"),
        (np.array([["2020-01-01"]], "datetime64[D]"), "numbers"),
        (sp.coo_array(np.ones(3)), "1 dimensions"),
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused(X, words):
    with pytest.raises(ValueError, match=words) as caught:
        canonical_csr(X, "targets")
    assert "targets" in str(caught.value)


def test_missing_entries_of_nullable_frames_become_nan():
    X = check_dense(pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}))
    np.testing.assert_array_equal(X, [[1], [np.nan]])


@pytest.mark.parametrize("value", [True, np.True_, 1.0, "3", None, 0, -1, 9, np.int8(0)])
def test_what_is_no_count_is_refused(value):
    with pytest.raises(ValueError, match=r"k must be an integer in \[1, 8\]; got"):
        check_count(value, "k", 1, 8)


def test_a_small_count_becomes_an_integer():
    assert type(check_count(np.int8(100), "k")) is int


@pytest.mark.parametrize(
    "values", [[1.5], ["a"], [True], [[1, 2], [3]], [None], np.ma.masked_equal([1, 2], 2), [2**70]]
)
def test_what_are_no_integers_is_refused(values):
    with pytest.raises(ValueError, match="users must be rows; got"):
        as_integers(values, "users", "rows")


# arrays of any kind


@pytest.mark.parametrize("dtype", [">f8", ">i2", "<f4", ">u4"])
def test_dense_values_are_in_the_byte_order_of_the_machine(dtype):
    X = np.arange(6).reshape(2, 3).astype(dtype)
    for checked in (as_array(X), check_dense(X), canonical_csr(X).toarray()):
        assert checked.dtype.isnative
        np.testing.assert_array_equal(checked, X)


@pytest.mark.parametrize(
    ("X", "error", "words"),
    [
        (np.array([[1], [1, 2]], dtype=object), ValueError, "w must have rows of one length"),
        ([[1], [1, 2]], ValueError, "w must have rows of one length"),
        (sp.csr_matrix, TypeError, "w must be .*; got the class csr_matrix"),
        (Interactions(np.eye(2)), TypeError, r"w must be a matrix; got Interactions .*tocsr\(\)"),
    ],
)
def test_what_is_no_array_is_named(X, error, words):
    for check in (as_array, check_dense, canonical_csr):
        with pytest.raises(error, match=words):
            check(X, "w")


def test_integers_are_not_those_of_interactions():
    with pytest.raises(ValueError, match="exclude must be integers; got Interactions"):
        as_integers(Interactions(np.eye(2)), "exclude")
