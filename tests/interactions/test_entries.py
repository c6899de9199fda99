"""Strengths, indices and frames of Interactions."""

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp

from skrec import Interactions

ZEROS = np.zeros(300, dtype=int)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, np.int16, np.float32, np.float64])
def test_repeats_of_a_pair_are_counted_in_a_type_that_holds_them(dtype):
    X = sp.coo_matrix((np.ones(300, dtype), (ZEROS, ZEROS)), shape=(2, 2))
    made = Interactions.from_arrays(ZEROS, ZEROS, np.ones(300, dtype))
    assert Interactions(X).tocsr()[0, 0] == made.tocsr()[0, 0] == 300


def test_small_strengths_beside_a_large_one_are_summed():
    made = Interactions.from_arrays(ZEROS, ZEROS, np.where(np.arange(300) > 0, 1, 2**24))
    assert made.tocsr()[0, 0] == np.float32(2**24 + 299)


@pytest.mark.parametrize(
    "values",
    [
        [1.5, 0],
        [Decimal("1.5"), Decimal(0)],
        np.array([1.5, 0], dtype=np.float16),
        np.ma.array([1.5, 0]),
        pd.Series([1.5, 0], dtype="Float32"),
        pd.Series([1.5, 0], dtype="double[pyarrow]"),
        pd.Series([1.5, 0]).astype("category"),
        pa.array([1.5, 0.0]),
        pl.Series([1.5, 0]),
    ],
)
def test_strengths_of_any_type(values):
    made = Interactions.from_arrays([0, 1], [0, 1], values)
    framed, _ = Interactions.from_frame({"user": [0, 1], "item": [0, 1], "r": values}, rating="r")
    assert made.value.dtype == framed.value.dtype == np.float32
    assert made.value.tolist() == framed.value.tolist() == [1.5, 0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "5"], "must hold numbers; got '5' in row 1"),
        ([1, None], "must not be missing; got 1 of 2 that are, in row 1"),
        (pd.Series([1, None], dtype="Int8"), "must not be missing"),
        (np.ma.array([1, 2], mask=[0, 1]), "must not be missing; got masked values in row 1"),
        ([1, 1e39], "must be in the range of float32"),
        ([1, 2j], "must hold numbers; got complex128"),
        (pd.to_datetime(["2015", "2016"]), "must hold numbers; got datetime64"),
        ([1, [2]], "must hold numbers; got object"),
    ],
)
def test_what_is_no_strength_is_an_error(values, message):
    if not (isinstance(values, list) and values[1] is None):
        with pytest.raises(ValueError, match=f"value {message}"):
            Interactions.from_arrays([0, 1], [0, 1], values)
    with pytest.raises(ValueError, match=f"rating {message}"):
        Interactions.from_frame({"user": [0, 1], "item": [0, 1], "r": values}, rating="r")


@pytest.mark.parametrize(("bad", "message"), [(np.nan, "not be missing"), (np.inf, "be finite")])
def test_a_table_with_nan_or_infinite_ratings_is_an_error(bad, message):
    with pytest.raises(ValueError, match=f"rating must {message}; got .* in row 1"):
        Interactions.from_frame({"user": [0, 1], "item": [0, 1], "r": [1.0, bad]}, rating="r")


def test_masked_entries_are_none():
    X = np.ma.array([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]])
    assert Interactions(X).tocsr().toarray().tolist() == [[1, 0], [3, 4]]


@pytest.mark.parametrize("convert", [sp.csr_matrix, sp.csc_array, sp.coo_matrix])
@pytest.mark.parametrize("index", [9, -1])
def test_corrupt_matrices_are_an_error(convert, index):
    X = convert(np.eye(3))
    (X.col if X.format == "coo" else X.indices)[1] = index
    with pytest.raises(ValueError, match="X must be a sound sparse matrix"):
        Interactions(X)
    with pytest.raises(ValueError, match="timestamps must be a sound sparse matrix"):
        Interactions(sp.csr_matrix(np.eye(3)), timestamps=X)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1], [1, 2]], "rows of one length"),
        ([["a"]], "X must hold numbers"),
        (sp.csr_matrix([[1j]]), "X must hold real numbers"),
    ],
)
def test_what_is_no_matrix_of_numbers_is_an_error(X, message):
    with pytest.raises(ValueError, match=message):
        Interactions(X)


@pytest.mark.parametrize(
    "rows",
    [
        [0, 2],
        np.array([0, 2], dtype=np.uint64),
        pd.Series([0, 2], dtype="Int8"),
        pd.Series([0, 2], dtype="int64[pyarrow]"),
        pa.array([0, 2]),
        pl.Series([0, 2]),
        range(0, 3, 2),
    ],
)
def test_rows_of_any_library(rows):
    assert Interactions.from_arrays(rows, [0, 1]).user.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("rows", "got"),
    [
        ([True, False], "got 1-D of bool"),
        ([0.0, 1.0], "got 1-D of float64"),
        ([0, None], "got missing ones"),
        ([[0], [1]], "got 2-D"),
        (np.array([2**63, 0], dtype=np.uint64), "got 9223372036854775808"),
    ],
)
def test_what_is_no_row_is_an_error(rows, got):
    with pytest.raises(
        ValueError, match=f"user must be a 1-D array of integers; {got}.*from_frame"
    ):
        Interactions.from_arrays(rows, [0, 1])


def test_raw_ids_as_rows_name_from_frame_and_the_memory():
    with pytest.raises(ValueError, match=r"user must .* not raw ids; .*745\.1 GiB .*from_frame"):
        Interactions.from_arrays([10**11, 5], [0, 1])
    with pytest.raises(ValueError, match="item must hold numbers from 0 on, not raw ids"):
        Interactions.from_arrays([0, 1], [0, 10**7])
    assert Interactions.from_arrays([0, 1], [0, 10**7 - 1]).frame == (2, 10**7)
    assert Interactions.from_arrays([0, 1], [0, 10**7], frame=(2, 10**7 + 1)).frame[1] == 10**7 + 1


def test_many_interactions_may_have_large_rows():
    many = np.arange(20_000)
    assert Interactions.from_arrays(many, many * 600).frame == (20_000, 19_999 * 600 + 1)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ((1,), "frame must be two integers"),
        ("ab", "frame must be two integers"),
        (5, "frame must be two integers"),
        ((1.0, 2), r"frame\[0\] must be an integer >= 0; got 1.0"),
        ((2, True), r"frame\[1\] must be an integer >= 0; got True"),
        ((-1, 2), r"frame\[0\] must be an integer >= 0; got -1"),
        ((10**10, 10**10), r"less than 2\*\*63 pairs"),
    ],
)
def test_what_is_no_frame_is_an_error(frame, message):
    with pytest.raises(ValueError, match=message):
        Interactions.from_arrays([0], [0], frame=frame)
    assert Interactions.from_arrays([0], [0], frame=(np.int8(3), np.int64(2))).frame == (3, 2)


def test_an_index_of_two_dimensions_is_an_error():
    with pytest.raises(IndexError, match="2-D"):
        Interactions(np.eye(2))[np.zeros((1, 2), dtype=int)]


@pytest.mark.parametrize("value", [2, None])
def test_nullable_times_where_there_is_no_entry_are_an_error(value):
    first, last = pd.array([1, value], dtype="Int64"), pd.array([0, 7], dtype="Int64")
    with pytest.raises(ValueError, match="got 1 times where X has no entry"):
        Interactions(np.eye(2), pd.DataFrame({"a": first, "b": last}))
