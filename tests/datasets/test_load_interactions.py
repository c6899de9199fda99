"""Loading one's own tables."""

import gzip

import numpy as np
import pandas as pd
import pytest

from skrec.datasets import fetch_movielens, load_interactions

TABLE = pd.DataFrame(
    {
        "user": ["b", "a", "b"],
        "item": [7, 7, 9],
        "rating": [4.0, 2.5, 1.0],
        "timestamp": [30, 10, 20],
    }
)
MATRIX = [[4.0, 1.0], [2.5, 0.0]]


def write(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "sep"), [("x.csv", ","), ("x.tsv", "\t"), ("x.txt", ";"), ("x.csv.gz", "|")]
)
def test_text(name, sep, tmp_path):
    TABLE.to_csv(tmp_path / name, sep=sep, index=False)
    data = load_interactions(tmp_path / name)
    assert data.interactions.tocsr().toarray().tolist() == MATRIX
    assert data.interactions.timestamp.tolist() == [30, 10, 20]
    assert data.encoder.user_ids_.tolist() == ["b", "a"]
    pd.testing.assert_frame_equal(data.frame, TABLE)
    assert data.item_names is data.test is data.loo_test is None


def test_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    TABLE.to_parquet(tmp_path / "x.parquet")
    data = load_interactions(str(tmp_path / "x.parquet"))
    assert data.interactions.tocsr().toarray().tolist() == MATRIX
    with pytest.raises(ValueError, match="by name"):
        load_interactions(tmp_path / "x.parquet", user=0, item=1)


@pytest.mark.parametrize(
    "names",
    [
        ("userId", "movieId", "rating", "timestamp"),
        ("user_id", "item_id", "Rating", "Timestamp"),
        ("User ID", "Product ID", "Score", "time"),
        ("reviewerID", "asin", "overall", "unixReviewTime"),
        ("user_id:token", "item_id:token", "rating:float", "timestamp:float"),
    ],
)
def test_common_names(names, tmp_path):
    TABLE.set_axis(names, axis=1).to_csv(tmp_path / "x.csv", index=False)
    data = load_interactions(tmp_path / "x.csv")
    assert data.frame.columns.tolist() == ["user", "item", "rating", "timestamp"]
    assert data.interactions.tocsr().toarray().tolist() == MATRIX


def test_given_names(tmp_path):
    table = TABLE.set_axis(["who", "what", "how", "when"], axis=1).assign(user=0, rating=0)
    table.to_csv(tmp_path / "x.csv", index=False)
    data = load_interactions(tmp_path / "x.csv", user="who", item="what", rating="how")
    assert data.interactions.tocsr().toarray().tolist() == MATRIX
    assert data.interactions.timestamp is None


def test_ratings_and_times_can_be_declined(tmp_path):
    TABLE.to_csv(tmp_path / "x.csv", index=False)
    data = load_interactions(tmp_path / "x.csv", rating=False, timestamp=False)
    assert set(data.interactions.value) == {1}
    assert data.interactions.timestamp is None
    assert data.frame.columns.tolist() == ["user", "item"]


@pytest.mark.parametrize("sep", ["\t", "::", " ", "   "])
def test_no_header_line(sep, tmp_path):
    lines = [sep.join(map(str, row)) for row in TABLE.assign(user=[2, 1, 2]).to_numpy().tolist()]
    path = write(tmp_path / "u.data", "\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=r"no header line.*user=0, item=1"):
        load_interactions(path)
    data = load_interactions(path, user=0, item=1, rating=2, timestamp=3)
    assert data.interactions.tocsr().toarray().tolist() == MATRIX
    assert data.interactions.timestamp.tolist() == [30, 10, 20]
    assert load_interactions(path, user=0, item=1).interactions.timestamp is None


def test_positions_go_together(tmp_path):
    path = write(tmp_path / "x.csv", "user,item\n1,2\n")
    for given in ({"user": 0}, {"user": 0, "item": "item"}, {"rating": 2}):
        with pytest.raises(ValueError, match="must all be positions"):
            load_interactions(path, **given)
    with pytest.raises(ValueError, match=r"item must be a column.*got 5"):
        load_interactions(write(path, "1,2\n"), user=0, item=5)


def test_column_is_not_found(tmp_path):
    path = write(tmp_path / "x.csv", "who,item\n1,2\n")
    with pytest.raises(ValueError, match=r"user must name a column.*\['who', 'item'\]"):
        load_interactions(path)
    with pytest.raises(ValueError, match=r"user must be a column.*'person'.*\['who', 'item'\]"):
        load_interactions(path, user="person")
    with pytest.raises(ValueError, match=r"rating must be a column.*'stars'"):
        load_interactions(path, user="who", rating="stars")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("user,item\n", "no rows"),
        ("user,item,rating\n1,2,\n1,3,4\n", "rating must not be missing; got 1"),
        ("user,item,rating\n1,2,good\n", "rating must hold numbers"),
        (
            "user,item,timestamp\n1,2,yesterday or so\n",
            r"x\.csv: timestamp must hold .*'yesterday or so'",
        ),
        ("user,item\n1,\n", "item ids must not be missing"),
    ],
)
def test_bad_content(text, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load_interactions(write(tmp_path / "x.csv", text))


def test_file_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        load_interactions(tmp_path / "nothing.csv")


def test_dates_become_nanoseconds(tmp_path):
    text = "user,item,date\n1,2,2020-01-01 00:00:10\n1,3,1970-01-02 00:00:00\n"
    data = load_interactions(write(tmp_path / "x.csv", text))
    assert data.interactions.timestamp.tolist() == [1_577_836_810 * 10**9, 86_400 * 10**9]
    assert data.interactions.time_unit == "ns"
    assert data.frame["timestamp"].dt.year.tolist() == [2020, 1970]


def test_ids_are_kept_as_they_are(tmp_path):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b'user,item\n"Li, An",NA\nnull,tea\n'))
    data = load_interactions(path)
    assert data.encoder.user_ids_.tolist() == ["Li, An", "null"]
    assert data.encoder.item_ids_.tolist() == ["NA", "tea"]
    assert np.array_equal(data.encoder.transform(data.frame).item, data.interactions.item)


@pytest.mark.parametrize("path", [3, None, b"a.csv", ["a.csv"]])
def test_a_path_is_named(path):
    with pytest.raises(TypeError, match="path must be a path, as text or"):
        load_interactions(path)


def test_a_folder_of_data_is_named():
    with pytest.raises(TypeError, match="data_home must be a path"):
        fetch_movielens("100k", data_home=3)
