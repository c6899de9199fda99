"""Tables of any library."""

import datetime as dt
import sys

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec import Interactions

TABLE = {"user": ["b", "a", "b"], "item": [7, 10**12, 7], "r": [1.5, 2.0, 0.0]}


def relation(table):
    """Return a relation of DuckDB."""
    arrow = pa.table(table)  # noqa: F841  DuckDB finds it by its name
    return duckdb.sql("select * from arrow")


TABLES = {
    "dict": dict,
    "dict of arrays": lambda t: {name: np.array(v) for name, v in t.items()},
    "dicts": lambda t: pd.DataFrame(t).to_dict("records"),
    "records": lambda t: pd.DataFrame(t).to_records(index=False),
    "pandas": pd.DataFrame,
    "pandas, any index": lambda t: pd.DataFrame(t, index=[5, 5, 1]),
    "pandas, nullable": lambda t: pd.DataFrame(t).convert_dtypes(),
    "pandas, Arrow": lambda t: pd.DataFrame(t).convert_dtypes(dtype_backend="pyarrow"),
    "pandas, categories": lambda t: pd.DataFrame(t).astype("category"),
    "pandas, objects": lambda t: pd.DataFrame(t).astype(object),
    "polars": pl.DataFrame,
    "polars, lazy": pl.LazyFrame,
    "polars, categories": lambda t: pl.DataFrame(t, schema_overrides={"user": pl.Categorical}),
    "Arrow": pa.table,
    "Arrow, dictionaries": lambda t: pa.table(
        {name: pa.array(v).dictionary_encode() for name, v in t.items()}
    ),
    "Arrow, large": lambda t: pa.table(t).cast(
        pa.schema({"user": pa.large_string(), "item": pa.uint64(), "r": pa.float32()})
    ),
    "DuckDB": relation,
}


@pytest.mark.parametrize("convert", TABLES.values(), ids=TABLES)
def test_tables_of_all_libraries_are_the_same(convert):
    table = convert(TABLE)
    made, encoder = Interactions.from_frame(table, rating="r")
    assert (made.user.tolist(), made.item.tolist()) == ([0, 1, 0], [0, 1, 0])
    assert made.value.tolist() == TABLE["r"]
    assert encoder.user_ids_.tolist() == ["b", "a"]
    assert encoder.item_ids_.tolist() == [7, 10**12]
    assert [type(x) for x in encoder.item_ids_.tolist()] == [int, int]
    plain = Interactions.from_frame(TABLE, rating="r")[1]
    assert plain.transform(table).item.tolist() == encoder.transform(TABLE).item.tolist()


def duplicates(module):
    """Return a table with two columns of one name."""
    if module is pa:
        return pa.Table.from_arrays([pa.array([1])] * 3, names=["user", "user", "item"])
    if module is duckdb:
        return duckdb.sql("select 1 as user, 2 as user, 3 as item")
    return pd.DataFrame([[1, 2, 3]], columns=["user", "user", "item"])


@pytest.mark.parametrize("module", [pd, pa, duckdb])
def test_two_columns_of_a_name_are_an_error(module):
    with pytest.raises(ValueError, match="user='user' must name one column; got 2 columns of that"):
        Interactions.from_frame(duplicates(module))


@pytest.mark.parametrize("convert", TABLES.values(), ids=TABLES)
def test_a_missing_column_names_the_others_and_the_closest(convert):
    with pytest.raises(
        ValueError, match=r"user='users' must name a column; got \['user', .*mean 'user'\?"
    ):
        Interactions.from_frame(convert(TABLE), user="users")


def test_a_column_in_the_index_is_named():
    with pytest.raises(ValueError, match=r"It is in the index: use df.reset_index\(\)"):
        Interactions.from_frame(pd.DataFrame(TABLE).set_index("user"))


@pytest.mark.parametrize("table", [np.ones((2, 2)), [[1, 2]], "x", None, pd.Series([1]), 5])
def test_what_is_no_table_is_an_error(table):
    with pytest.raises(TypeError, match="df must be a DataFrame of pandas or polars"):
        Interactions.from_frame(table)


def test_columns_of_two_lengths_are_an_error():
    with pytest.raises(ValueError, match=r"one length; got \{'user': 2, 'item': 1\}"):
        Interactions.from_frame({"user": [1, 2], "item": [1]})


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[1], [2]], r"must be hashable; got list such as \[1\]"),
        (pl.Series([[1], [2]]), "must be hashable; got ndarray"),
        ([True, 1], r"must not mix True and False with others; got \['bool', 'int'\]"),
        ([2.0**60, 0.5], "must be integers or text where they are 2"),
        ([1, None], "must not be missing; got 1 of 2 that are, in row 1"),
        (pa.array(["a", None]), "must not be missing"),
        (pl.Series([1, None]), "must not be missing"),
        (np.ma.array([1, 2], mask=[0, 1]), "must not be missing"),
    ],
)
def test_what_is_no_id_is_an_error(ids, message):
    with pytest.raises(ValueError, match=rf"^user(?: ids)? {message}"):
        Interactions.from_frame({"user": ids, "item": ["x", "y"]})


@pytest.mark.parametrize(
    "ids",
    [
        ["007", "7", "07"],
        ["7", 7],
        ["NA", "null", "nan", "", " ", "None"],
        [2**63 - 1, 2**53 + 1, 2**53],
        [2**63 + 5, 2**64 - 1],
        [1, 2**70],
        [b"a", "a"],
        [("x", 1), ("x", 2), "x"],
        [dt.date(2015, 1, 1), dt.date(2015, 1, 2)],
        [True, False],
        [1.5, 2.5],
    ],
)
def test_ids_come_back_as_they_were(ids):
    made, encoder = Interactions.from_frame({"user": ids, "item": [1] * len(ids)})
    assert made.user.tolist() == list(range(len(ids)))
    back = [encoder.decode_users(row) for row in range(len(ids))]
    assert back == ids
    assert list(map(type, back)) == list(map(type, ids))
    assert encoder.encode_users(ids).tolist() == made.user.tolist()


IDS = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1),
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1),
)


@settings(max_examples=60, deadline=None)
@given(IDS)
def test_ids_are_distinct_in_every_library(ids):
    expected = list(dict.fromkeys(ids))
    table = {"user": ids, "item": list(range(len(ids)))}
    for convert in (dict, pd.DataFrame, pl.DataFrame, pa.table):
        made, encoder = Interactions.from_frame(convert(table))
        assert encoder.user_ids_.tolist() == expected
        assert encoder.decode_users(made.user).tolist() == ids


@pytest.mark.parametrize("times", ["integers", "datetimes"])
def test_movielens_is_the_same_in_every_library(data_home, times):
    path = data_home / "ml-100k" / "ratings.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is missing")
    df = pd.read_csv(path)
    if times == "datetimes":
        df["timestamp"] = pd.to_datetime(df["timestamp"], unit="s")
    options = {"rating": "rating", "timestamp": "timestamp"}
    expected, _ = Interactions.from_frame(df, **options)
    arrow = pa.Table.from_pandas(df)
    tables = [pl.from_arrow(arrow), arrow, duckdb.sql("select * from arrow"), df.to_dict("list")]
    for table in tables:
        made, _ = Interactions.from_frame(table, **options)
        for name in ("user", "item", "value", "timestamp"):
            np.testing.assert_array_equal(getattr(made, name), getattr(expected, name))
        assert (made.time_unit, made.frame) == (expected.time_unit, expected.frame)


def test_relations_without_pyarrow_name_it(monkeypatch):
    relation = duckdb.sql('select 1 as "user", 2 as item')
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        ImportError, match=r"df needs pyarrow to be read: pip install .*\[parquet\]"
    ):
        Interactions.from_frame(relation)
