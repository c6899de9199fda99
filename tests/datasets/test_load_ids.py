"""Ids come out of a text file as they are written there."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrec.datasets import load_cached, load_interactions
from skrec.datasets._files import TextFile
from skrec.datasets._ids import scan

ROWS = 400_000  # so many that pandas reads them in pieces


def load(path, text, **options):
    path.write_text(text, encoding="utf-8", newline="")
    return load_interactions(path, **options)


def users(path, ids, sep=","):
    """Return the ids that a column of users has after loading."""
    lines = "".join(f"{user}{sep}{i % 7}\n" for i, user in enumerate(ids))
    data = load(path, f"user{sep}item\n{lines}")
    assert data.encoder.item_ids_.dtype == np.int64
    return data.encoder.decode_users(data.interactions.user)


@pytest.mark.parametrize(
    "ids",
    [
        ["007", "7", "07"],
        ["+7", "7"],
        ["-0", "0"],
        ["1e5", "100000"],
        ["1.0", "1"],
        ["True", "False"],
        ["NA", "null", "nan", "None", "N/A", "-nan", "#N/A"],
        ["12345678901234567890", "12345678901234567891"],
        ["9223372036854775808", "9223372036854775807"],
        ["7 ", "7", "a b "],
        ["7", "guest"],
        ["0x7", "7"],
        ["7_0", "70"],
        ["٧", "7"],
        ["ä", "é", "😀"],
        ["inf", "-inf"],
    ],
)
@pytest.mark.parametrize("sep", [",", "\t", "|", "::"])
def test_texts_stay_as_they_are(ids, sep, tmp_path):
    assert users(tmp_path / "x.csv", ids, sep).tolist() == ids


@pytest.mark.parametrize("sep", [",", "\t", "::", " "])
def test_integers_are_integers(sep, tmp_path):
    ids = [7, -8, 0, 2**63 - 1, -(2**63)]
    assert users(tmp_path / "x.csv", ids, sep).tolist() == ids
    assert users(tmp_path / "x.csv", [f'"{i}"' for i in ids], sep).tolist() == ids


def test_blanks_after_a_separator_are_none_of_a_field(tmp_path):
    data = load(tmp_path / "x.csv", 'user, item\n 7,  5\n 8, "a b"\n')
    assert data.encoder.user_ids_.tolist() == [7, 8]
    assert data.encoder.item_ids_.tolist() == ["5", "a b"]
    data = load(tmp_path / "x.csv", 'user,item\n" 7",5\n"7 ",6\n7,5\n')
    assert data.encoder.user_ids_.tolist() == [" 7", "7 ", "7"]


@pytest.mark.parametrize("last", ["guest", "007", "+7", "1.5", "12345678901234567890"])
def test_one_text_in_the_last_line_makes_a_column_text(last, tmp_path):
    ids = [*map(str, np.arange(ROWS) % 1000), last]
    data = load(tmp_path / "x.csv", "user,item\n" + "".join(f"{i},1\n" for i in ids))
    assert len(data.encoder.user_ids_) == 1001
    assert set(data.encoder.user_ids_) == set(ids)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_marks_and_no_last_line_end(ending, tmp_path):
    text = ending.join(["\ufeffuser,item", "007,1", "7,02"])
    data = load(tmp_path / "x.csv", text)
    assert data.encoder.user_ids_.tolist() == ["007", "7"]
    assert data.encoder.item_ids_.tolist() == ["1", "02"]
    data = load(tmp_path / "x.csv", ending.join(["\ufeff7,007", "8,7"]), user=0, item=1)
    assert data.encoder.user_ids_.tolist() == [7, 8]
    assert data.encoder.item_ids_.tolist() == ["007", "7"]


ids = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.text("0123456789+-. eE\"'|;\t_aNÄ", min_size=1, max_size=6),
)


@given(st.lists(ids, min_size=1, max_size=12))
def test_whatever_csv_can_write_comes_back(tmp_path_factory, texts):
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerows([["user", "item"], *([text, "a"] for text in texts)])
    path = tmp_path_factory.getbasetemp() / "any.csv"
    data = load(path, buffer.getvalue())
    found = data.encoder.decode_users(data.interactions.user).tolist()
    assert list(map(str, found)) == texts
    if isinstance(found[0], int):
        assert all(abs(int(text)) <= 2**63 for text in texts)


@given(st.lists(st.text('0123456789+-, \n"x', max_size=40), min_size=1, max_size=3))
def test_no_odd_field_escapes_the_scan(tmp_path_factory, parts):
    text = TextFile(tmp_path_factory.getbasetemp() / "scanned", "".join(parts).encode())
    fields = [f for line in "".join(parts).split("\n") for f in line.split(",")]
    odd = [f for f in fields if f.strip().lstrip("-").isdecimal() and f != str(int(f))]
    assert scan(text, ",") or not odd


def test_a_field_at_the_edge_of_a_block_is_seen(tmp_path):
    for n in range(2**18 - 6, 2**18 + 2):
        head = b"x" * (n - 1) + b"\n"
        assert scan(TextFile(tmp_path / "x", head + b"007,1\n"), ",")
        assert not scan(TextFile(tmp_path / "x", head + b"700,1\n"), ",")


def test_dtype(tmp_path):
    path, text = tmp_path / "x.csv", "user,item\n007,1\n7,2\n"
    assert load(path, text, dtype=int).encoder.user_ids_.tolist() == [7]
    data = load(path, text, dtype={"item": str})
    assert data.encoder.item_ids_.tolist() == ["1", "2"]
    assert data.encoder.user_ids_.tolist() == ["007", "7"]
    assert load(path, "user,item\n8,1\n7,2\n", dtype="str").encoder.user_ids_.tolist() == ["8", "7"]
    with pytest.raises(ValueError, match=r"line 3: user ids must be integers.*got 'guest'"):
        load(path, "user,item\n7,1\nguest,2\n", dtype={"user": np.int64})
    with pytest.raises(ValueError, match="must fit into 64 bits"):
        load(path, "user,item\n12345678901234567890,1\n", dtype=int)
    for bad in (float, "klingon", bool):
        with pytest.raises(ValueError, match="dtype must be str or int"):
            load(path, text, dtype=bad)
    with pytest.raises(ValueError, match='dtype must be for "user" and "item"'):
        load(path, text, dtype={"rating": float})


def test_json_lines(tmp_path):
    records = [
        {"reviewerID": "007", "asin": 7, "overall": 5.0, "unixReviewTime": 3, "text": "a\nb"},
        {"reviewerID": "7", "asin": 8, "overall": 4.0, "unixReviewTime": 5, "text": ""},
    ]
    text = "\n\n".join(map(json.dumps, records))
    data = load(tmp_path / "x.json", text)
    assert data.encoder.user_ids_.tolist() == ["007", "7"]
    assert data.encoder.item_ids_.tolist() == [7, 8]
    assert data.interactions.value.tolist() == [5, 4]
    assert data.interactions.timestamp.tolist() == [3, 5]
    assert load(tmp_path / "x.json", text, dtype=str).encoder.item_ids_.tolist() == ["7", "8"]
    with pytest.raises(ValueError, match="line 3: rating must not be missing"):
        load(tmp_path / "x.json", text.replace("4.0", "NaN"))
    with pytest.raises(ValueError, match="line 2: JSON is expected"):
        load(tmp_path / "x.json", text.replace("\n", "\n{", 1))
    with pytest.raises(ValueError, match=r"one JSON array.*read_json"):
        load(tmp_path / "x.json", json.dumps(records))


def test_parquet_types(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    table = pa.table(
        {
            "user": pa.array(["007", "7", "007"]).dictionary_encode(),
            "item": pa.array([5, 6, 7], pa.uint8()),
            "text": pa.array(["007", "7", "x"], pa.large_string()),
            "rating": pa.array([1, 2, 3], pa.int16()),
            "timestamp": pa.array([10**9, 0, 5], pa.timestamp("us", "UTC")),
        }
    )
    parquet.write_table(table, tmp_path / "x.parquet")
    feather.write_feather(table, tmp_path / "x.feather")
    for name in ("x.parquet", "x.feather"):
        data = load_interactions(tmp_path / name)
        assert data.encoder.user_ids_.tolist() == ["007", "7"]
        assert data.encoder.item_ids_.tolist() == [5, 6, 7]
        assert data.encoder.item_ids_.dtype == np.int64
        assert data.interactions.timestamp.tolist() == [10**12, 0, 5000]
        texts = load_interactions(tmp_path / name, item="text", dtype=str)
        assert texts.encoder.item_ids_.tolist() == ["007", "7", "x"]
    parquet.write_table(pa.table({"user": [1, None], "item": [1, 2]}), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"x.parquet, row 2: user ids must not be missing"):
        load_interactions(tmp_path / "x.parquet")


def test_the_cache_keeps_ids_too(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    pairs = pd.DataFrame({"user": ["007", "7", "7"], "item": [1, 2, 3]})
    pairs.to_csv(folder / "ratings.csv.gz", index=False)
    titles = pd.DataFrame({"item": ["2", "01", "1"], "title": ["two", "other", "NA"]})
    titles.to_csv(folder / "items.csv.gz", index=False)
    negatives = pairs[:1].assign(negatives="3")
    negatives.to_csv(folder / "loo_negatives.csv.gz", index=False)
    data = load_cached("mine", data_home=tmp_path)
    assert data.encoder.user_ids_.tolist() == ["007", "7"]
    assert data.item_names.tolist() == ["NA", "two", "3"]
    assert data.encoder.decode_items(data.loo_negatives[0]).tolist() == ["3"]
