"""Times of any kind as integers that keep their order."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec import InteractionEncoder, Interactions
from skrec.interactions import as_timestamps

DAY = 86_400 * 10**9
MARCH = 1_425_168_000 * 10**9  # 2015-03-01
UTC = dt.UTC


def moment(*arguments, **options):
    """Return a datetime with a zone."""
    return dt.datetime(*arguments, tzinfo=UTC, **options)


@pytest.mark.parametrize(
    "values",
    [
        [3, 1],
        (3, 1),
        [3.0, 1.0],
        np.array([3, 1], dtype=np.uint8),
        np.array([3, 1], dtype=np.float16),
        np.array([3, 1], dtype=object),
        np.ma.array([3, 1]),
        pd.Series([3, 1], dtype="Int16", index=[7, 7]),
        pd.Series([3, 1], dtype="int32[pyarrow]"),
        pd.Series([3, 1]).astype("category"),
        pd.Series([3, 1], dtype=pd.SparseDtype(int)),
        pd.Index([3, 1]),
        pa.array([3, 1]),
        pa.chunked_array([[3], [1]]),
        pl.Series([3, 1], dtype=pl.Int8),
        [Decimal(3), Decimal(1)],
        ["3", "1"],
        [" 3", "01"],
    ],
    ids=repr,
)
def test_integers_keep_their_own_unit(values):
    times, unit = as_timestamps(values)
    assert times.dtype == np.int64
    assert times.tolist() == [3, 1]
    assert unit is None


@pytest.mark.parametrize("large", [2**53 + 1, 2**63 - 1, -(2**63)])
@pytest.mark.parametrize("convert", [list, np.array, lambda v: [str(x) for x in v]])
def test_large_integers_lose_nothing(large, convert):
    assert as_timestamps(convert([large]))[0].tolist() == [large]


@pytest.mark.parametrize(
    "values",
    [
        [1.5, -0.25],
        np.array([1.5, -0.25], dtype=np.float32),
        pd.Series([1.5, -0.25], dtype="Float64"),
        pl.Series([1.5, -0.25]),
        [Decimal("1.5"), Decimal("-0.25")],
        ["1.5", "-0.25"],
    ],
    ids=repr,
)
def test_fractions_are_seconds(values):
    times, unit = as_timestamps(values)
    assert times.tolist() == [1_500_000_000, -250_000_000]
    assert unit == "ns"


def test_decimals_in_text_are_exact():
    assert as_timestamps(["1234567890.123456789"])[0].tolist() == [1_234_567_890_123_456_789]


BERLIN = dt.timezone(dt.timedelta(hours=1))


@pytest.mark.parametrize(
    "values",
    [
        np.array(["2015-03-01", "1970-01-02"], dtype="M8[D]"),
        np.array(["2015-03-01", "1970-01-02"], dtype="M8[h]"),
        np.array(["2015-03-01", "1970-01-02"], dtype="M8[ns]"),
        [np.datetime64("2015-03-01"), np.datetime64("1970-01-02T00:00:00.000000000")],
        pd.to_datetime(["2015-03-01", "1970-01-02"]),
        pd.Series(pd.to_datetime(["2015-03-01", "1970-01-02"])).astype("datetime64[s]"),
        pd.Series(pd.to_datetime(["2015-03-01", "1970-01-02"], utc=True)),
        pd.Series(
            [dt.datetime(2015, 3, 1), dt.datetime(1970, 1, 2)], dtype="timestamp[ns][pyarrow]"
        ),
        pd.Series(["2015-03-01", "1970-01-02"]).astype("category"),
        pd.Series(["2015-03-01", "1970-01-02"], dtype="string"),
        [dt.date(2015, 3, 1), dt.date(1970, 1, 2)],
        [dt.date(2015, 3, 1), dt.datetime(1970, 1, 2)],
        [moment(2015, 3, 1), dt.datetime(1970, 1, 2)],
        [dt.datetime(2015, 3, 1, 1, tzinfo=BERLIN), moment(1970, 1, 2)],
        ["2015-03-01", dt.date(1970, 1, 2)],
        pa.array([dt.date(2015, 3, 1), dt.date(1970, 1, 2)]),
        pa.array([dt.datetime(2015, 3, 1), dt.datetime(1970, 1, 2)], pa.timestamp("s")),
        pa.array([moment(2015, 3, 1), moment(1970, 1, 2)], pa.timestamp("ms", "Europe/Berlin")),
        pa.array(["2015-03-01", "1970-01-02"]).dictionary_encode(),
        pl.Series([dt.date(2015, 3, 1), dt.date(1970, 1, 2)]),
        pl.Series([moment(2015, 3, 1), moment(1970, 1, 2)]).dt.convert_time_zone("Asia/Tokyo"),
        ["2015-03-01T00:00:00Z", "1970-01-02"],
        ["2015-03-01 01:00:00+01:00", "1970-01-02 00:00"],
        ["20150301T000000", "1970-01-02"],
        ["March 1, 2015", "1970-01-02"],
        ["Sun Mar 01 00:00:00 2015", "Fri Jan 02 00:00:00 1970"],
        ["Sun, 1 Mar 2015 00:00:00 GMT", "2 January 1970"],
        ["1970-01-02", "1 Mar 2015"][::-1],
        ["03/01/2015", "1/2/1970", "12/31/2000"],
        ["1.3.2015", "2.1.1970", "31.12.2000 12:00"],
    ],
    ids=repr,
)
def test_dates_are_nanoseconds(values):
    times, unit = as_timestamps(values)
    assert times[:2].tolist() == [MARCH, DAY]
    assert unit == "ns"


def test_no_fraction_of_a_second_is_lost():
    text = ["2015-03-01", "2015-03-01 00:00:00.000000001", "2015-03-01T00:00:00.5Z"]
    assert (as_timestamps(text)[0] - MARCH).tolist() == [0, 1, 500_000_000]
    moments = pd.to_datetime(text, format="ISO8601", utc=True)
    assert (as_timestamps(moments)[0] - MARCH).tolist() == [0, 1, 500_000_000]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.datetimes(dt.datetime(1678, 1, 1), dt.datetime(2261, 12, 31)), min_size=1))
def test_all_forms_of_a_date_are_the_same_time(moments):
    expected = as_timestamps(np.array(moments, dtype="M8[us]"))[0].tolist()
    forms = [
        moments,
        [m.isoformat() for m in moments],
        [str(m) for m in moments],
        pa.array(moments, pa.timestamp("us")),
        pl.Series(moments),
        pd.Series(moments),
    ]
    for form in forms:
        assert as_timestamps(form)[0].tolist() == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-9e9, 9e9), min_size=1))
def test_floats_keep_their_order(seconds):
    times = as_timestamps(seconds)[0]
    order = np.argsort(seconds, kind="stable")
    assert (times[order][1:] >= times[order][:-1]).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, None], "timestamp must not be missing; got 1 of 2 that are, in row 1"),
        ([np.nan, 1.0, np.nan], "must not be missing; got 2 of 3 that are, in rows 0, 2"),
        (pd.to_datetime(["2015", None]), "must not be missing"),
        (pd.Series([None, 1], dtype="Int64"), "must not be missing"),
        (pl.Series([1, None]), "must not be missing"),
        (np.ma.array([1, 2], mask=[0, 1]), "must not be missing; got masked values in row 1"),
        ([np.inf], "must be finite; got inf in row 0"),
        ([2.0**53], "must be given as integers, not floats"),
        ([1.5e12 + 0.5], r"seconds of the years .* got 1500000000000.5 in row 0 \(1 of 1 values\)"),
        (np.array([2**63], dtype=np.uint64), "must fit into 64 bits"),
        ([2**70], "must fit into 64 bits"),
        (["9" * 19], "must fit into 64 bits"),
        (["1e999999999"], "must fit into 64 bits"),
        ([dt.datetime(3000, 1, 1)], "must lie in the years 1678 to 2261; got 3000"),
        ([dt.date(1, 1, 1), dt.datetime(2000, 1, 1)], "must lie in the years 1678 to 2261"),
        (["2015-03-01", "3000-01-01"], "years 1678 to 2261.*3000-01-01.* in row 1"),
        (np.array(["3000"], dtype="M8[Y]"), "must lie in the years 1678 to 2261"),
        (np.array([5], dtype="M8[ps]"), "must be whole nanoseconds"),
        (["12:30"], "times of day without a date, such as '12:30' in row 0"),
        (["2015-03-01", "12:30+0200"], "such as '12:30\\+0200' in row 1"),
        ([dt.time(12)], "times of day such as 12:00:00"),
        (pa.array([dt.time(12)]), "times of day"),
        (pl.Series([dt.time(12)]), "times of day"),
        (["now"], "such as 'now'"),
        (["2015-03-01", "today"], "such as 'today' in row 1"),
        (["2015-03-01", "soon"], "such as 'soon' in row 1"),
        (["2015-02-30"], "such as '2015-02-30'"),
        (["1 Mar 2015 EST"], "EST"),
        (["5 May 11"], "5 May 11"),
        (["7", "2015-03-01"], "numbers in all rows or dates in all rows; got 2015-03-01 in row 1"),
        (["2015-03-01", "7"], "such as '7' in row 1"),
        (["01/02/2015"], "which could be either. Write 2015-12-31"),
        (["13/02/2015", "02/13/2015"], "both ways"),
        ([True], "must hold integers, seconds, datetimes or dates in text; got bool"),
        ([1j], "got complex128"),
        ([pd.Timedelta(1)], "got Timedelta"),
        ([pd.Period("2015")], "got Period"),
        ([b"2015-03-01"], "got bytes"),
        ([object()], "got object"),
        ([[1]], "got list"),
        (np.ones((2, 2)), "must be a 1-D array; got 2-D"),
        ("2015-03-01", "must be a 1-D array; got '2015-03-01'"),
    ],
    ids=repr,
)
def test_what_is_no_time_is_an_error(values, message):
    with pytest.raises(ValueError, match=message):
        as_timestamps(values)


def test_the_name_of_the_parameter_is_in_the_error():
    with pytest.raises(ValueError, match=r"^at must not be missing"):
        as_timestamps([None], "at")


# in Interactions and encoders


@pytest.mark.parametrize("times", [[30, 10], [1.5, 1.25], ["2015-03-01", "2015-03-01 12:00"]])
def test_all_doors_read_the_same_times(times):
    expected, unit = as_timestamps(times)
    table = {"user": ["a", "b"], "item": ["x", "y"], "t": times}
    framed, encoder = Interactions.from_frame(table, timestamp="t")
    X = np.eye(2)
    dense = np.zeros((2, 2), dtype=object)
    dense[[0, 1], [0, 1]] = times
    for made in (
        framed,
        encoder.transform(table),
        Interactions.from_arrays([0, 1], [0, 1], timestamp=times),
        Interactions(X, timestamps=dense),
        framed[[0, 1]],
    ):
        assert made.timestamp.tolist() == expected.tolist()
        assert made.time_unit == unit


def test_dense_timestamps_of_dense_entries():
    times = np.array([["2015-03-01", "NaT"], ["NaT", "1970-01-01"]], dtype="M8[s]")
    assert Interactions(np.eye(2), timestamps=times).timestamp.tolist() == [MARCH, 0]
    assert Interactions(np.eye(2), timestamps=[[5, 0], [0, 0]]).timestamp.tolist() == [5, 0]
    with pytest.raises(ValueError, match="got 1 times where X has no entry"):
        Interactions(np.eye(2), timestamps=[[5, 1], [0, 0]])
    with pytest.raises(ValueError, match=r"got shapes \(2, 2\) and \(1, 2\)"):
        Interactions(np.eye(2), timestamps=[[5, 1]])


def test_nanoseconds_may_be_named():
    made = Interactions.from_arrays([0], [0], timestamp=[MARCH], time_unit="ns")
    assert made[[0]].time_unit == "ns"
    with pytest.raises(ValueError, match="time_unit must be 'ns' or None; got 's'"):
        Interactions.from_arrays([0], [0], timestamp=[1], time_unit="s")


def table(times):
    return {"user": ["a"] * len(times), "item": ["x"] * len(times), "t": times}


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        ([1.5], [2], [2 * 10**9]),
        ([1.5], [2.5], [2_500_000_000]),
        ([1.5], ["1970-01-02"], [DAY]),
        (["2015-03-01"], [0.5], [500_000_000]),
        ([1], [2.0], [2]),
        ([1], [], []),
        (["2015-03-01"], [], []),
    ],
)
def test_an_encoder_converts_times_to_those_of_fit(first, then, expected):
    encoder = InteractionEncoder(timestamp="t").fit(table(first))
    made = encoder.transform(table(then))
    assert made.timestamp.tolist() == expected
    assert made.time_unit == encoder.time_unit_ == as_timestamps(first)[1]
    assert encoder.partial_fit(table(then)).time_unit_ == made.time_unit


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        (["2015-03-01"], [2], "kind that fit saw, dates; got plain integers"),
        ([2], ["2015-03-01"], "kind that fit saw, plain integers; got dates"),
        ([2], [2.5], "kind that fit saw, plain integers; got seconds with fractions"),
        ([2.5], [10**12], "must be seconds of the years 1678 to 2261, as in fit"),
    ],
)
def test_an_encoder_refuses_times_of_another_kind(first, then, message):
    encoder = InteractionEncoder(timestamp="t").fit(table(first))
    with pytest.raises(ValueError, match=message):
        encoder.transform(table(then))
    if "years" not in message:
        with pytest.raises(ValueError, match=message):
            encoder.partial_fit(table(then))


def test_an_encoder_that_saw_no_times_takes_any():
    encoder = InteractionEncoder(timestamp="t").fit({"user": ["a"], "item": ["x"]})
    assert encoder.time_unit_ is None
    assert encoder.transform(table(["2015-03-01"])).time_unit == "ns"
    assert encoder.transform(table([3])).time_unit is None
