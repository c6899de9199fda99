"""Checks of numbers, switches, choices and seeds."""

from decimal import Decimal
from fractions import Fraction
from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skrec import Interactions
from skrec.datasets import make_interactions
from skrec.preprocessing import permute_items
from skrec.utils import (
    as_numbers,
    check_choice,
    check_finite,
    check_number,
    check_rng,
    check_share,
    hide_entries,
    split_rows,
)

X = sp.csr_matrix(np.eye(3))

KINDS = [np.float32, np.float64, np.int8, np.uint16, np.int64, np.bool_]


@given(hnp.arrays(st.sampled_from(KINDS), hnp.array_shapes(min_dims=0, max_dims=3)))
def test_numbers_stay_as_they_are(values):
    assert as_numbers(values, "v") is values
    again = as_numbers(values.tolist(), "v")
    np.testing.assert_array_equal(again, values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([1, 2], dtype=np.float16), np.float32),
        (np.array([1, 2], dtype=np.longdouble), np.float64),
        (np.array([1, 2.0], dtype=object), np.float64),
        ([Decimal(1), Fraction(2)], np.float64),
        (pd.Series([1, 2], dtype="Int64"), np.float64),
        (pd.Series([1, 2]), np.int64),
        (np.ma.array([1, 2]), np.int64),
    ],
)
def test_types_become_those_that_are_computed_with(values, expected):
    array = as_numbers(values, "v", ndim=1)
    assert type(array) is np.ndarray
    assert array.dtype == expected
    np.testing.assert_array_equal(array, [1, 2])


def test_what_a_frame_lacks_is_nan():
    assert np.isnan(as_numbers(pd.Series([1, None], dtype="Float64"), "v")).tolist() == [
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        (sp.eye(2), TypeError),
        (Interactions(np.eye(2)), TypeError),
        (np.ma.masked_equal([1, 2], 2), ValueError),
        ([[1], [1, 2]], ValueError),
        ([1j], ValueError),
        (["1"], ValueError),
        ([b"1"], ValueError),
        ([None], ValueError),
        ([pd.NA], ValueError),
        ([10**400], ValueError),
        ({1, 2}, ValueError),
        ({"a": 1}, ValueError),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), ValueError),
        (pd.Series(["a", "b"], dtype="category"), ValueError),
    ],
)
def test_what_is_no_array_of_numbers_is_named(values, error):
    with pytest.raises(error, match="weights"):
        as_numbers(values, "weights")


def test_the_number_of_dimensions():
    with pytest.raises(ValueError, match=r"v must have 1 dimensions; got shape \(2, 1\)"):
        as_numbers([[1], [2]], "v", ndim=1)


@given(st.floats(width=64), st.sampled_from([np.float32, np.float64]))
def test_finite_is_within_float32(value, kind):
    with np.errstate(over="ignore"):
        values = np.array([0, value], dtype=kind)
        fits = np.isfinite(np.float32(value))
    if fits and abs(value) <= np.finfo(np.float32).max:
        check_finite(values, "v")
    else:
        with pytest.raises(ValueError, match="v must hold finite values"):
            check_finite(values, "v")


@pytest.mark.parametrize(
    "value", [np.nan, np.inf, True, "1", None, 1j, [1], 10**400, np.array(1.0)]
)
def test_a_number_is_finite(value):
    with pytest.raises(ValueError, match="v must be a finite number"):
        check_number(value, "v")
    assert check_number(np.float32(0.5), "v") == 0.5


@pytest.mark.parametrize("value", [0, 1, -0.5, 1.5, np.nan, np.inf, True, "0.5", None, 1j, [0.5]])
def test_a_share_lies_between(value):
    with pytest.raises(ValueError, match=r"v must be a number in \(0, 1\)"):
        check_share(value, "v")
    assert check_share(np.float32(0.5), "v") == 0.5


@pytest.mark.parametrize("value", ["c", "", None, 1, ["a"], ("a",), b"a", np.array(["a"])])
def test_a_choice_is_one_of_them(value):
    with pytest.raises(ValueError, match=r"v must be one of \['a', 'b'\]"):
        check_choice(value, "v", ("a", "b"))
    assert check_choice("b", "v", ("a", "b")) == "b"


@given(st.integers(0, 2**32 - 1))
def test_seeds_are_those_of_scikit_learn(seed):
    expected = np.random.RandomState(seed).randint(10**6, size=3)
    np.testing.assert_array_equal(check_rng(seed).randint(10**6, size=3), expected)


def test_a_generator_is_returned_as_it_is():
    rng = np.random.RandomState(0)
    assert check_rng(rng) is rng
    np.testing.assert_array_equal(
        rng.randint(9, size=5), np.random.RandomState(0).randint(9, size=5)
    )


@pytest.mark.parametrize("seed", [-1, 2**32, 2**70, 0.5, "0", True, [0], np.random.default_rng(0)])
def test_other_seeds_are_named(seed):
    with pytest.raises(ValueError, match="seed must be an integer"):
        check_rng(seed, "seed")


def test_numbers_of_another_byte_order_are_the_machines():
    array = as_numbers(np.array([1, 2], dtype=">f4"), "v")
    assert array.dtype == np.float32
    assert array.dtype.isnative
    assert array.tolist() == [1, 2]


@pytest.mark.parametrize(
    "draw",
    [
        make_interactions,
        partial(permute_items, X),
        partial(hide_entries, X, 0.5),
        partial(split_rows, X),
    ],
)
@pytest.mark.parametrize("seed", [-1, True, 2**32, "a", np.random.default_rng(0)])
def test_every_seed_is_named(draw, seed):
    with pytest.raises(ValueError, match="random_state must be an integer in"):
        draw(random_state=seed)
