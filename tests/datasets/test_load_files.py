"""Files of any compression and encoding load; what is wrong with one is said."""

import bz2
import gzip
import io
import lzma
import re
import zipfile

import numpy as np
import pandas as pd
import pytest

from skrec.datasets import load_cached, load_interactions

TEXT = "user,item,rating\nä,1,5\nMisérables,2,4\n"
HEADER = "user,item,rating\n"


def load(path, content, **options):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_interactions(path, **options)


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_compression_and_marks_are_found_by_content(name, pack, encoding, tmp_path):
    data = load(tmp_path / name, pack(TEXT.encode(encoding)))
    assert data.encoder.user_ids_.tolist() == ["ä", "Misérables"]


def test_zip(tmp_path):
    assert len(load(tmp_path / "x.csv", zipped(a=TEXT)).interactions) == 2
    with pytest.raises(ValueError, match=r"must hold one file; it holds 2, such as \['a', 'b'\]"):
        load(tmp_path / "x.zip", zipped(a=TEXT, b=TEXT))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le"])
def test_given_encoding(encoding, tmp_path):
    data = load(tmp_path / "x.csv", TEXT.encode(encoding), encoding=encoding)
    assert data.encoder.user_ids_.tolist() == ["ä", "Misérables"]


LATIN = HEADER.encode() + b"a,1,5\nMis\xe9rables,2,4\n"
MANY = HEADER + "".join(f"{i % 1000},{i % 50},3\n" for i in range(300_000))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LATIN, r'line 3: text must be utf-8; got the byte 0xe9; .*encoding="latin-1"'),
        (MANY.encode() + b"\xe9,1,3\n", r"line 300002: text must be utf-8; got the byte 0xe9"),
        (TEXT.encode("utf-16-le"), r'zero bytes.*encoding="utf-16-le"'),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "must be a text file; it holds zero bytes"),
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (HEADER, "no rows"),
        (gzip.compress(TEXT.encode() * 99)[:-20], "must be whole; .* truncated or damaged"),
        (bz2.compress(TEXT.encode())[:-9], "must be whole; .* truncated or damaged"),
        (lzma.compress(TEXT.encode())[:-9], "must be whole; .* truncated or damaged"),
        (zipped(a=TEXT)[:40], "must be whole; .* truncated or damaged"),
        ("\n <!DOCTYPE html>\n<html>404</html>", "it is an HTML page"),
        (b"PAR1xxxx", r"is a Parquet file; its name must end in .parquet"),
        (HEADER + "a,b,3\nc,d,4,5\n", "line 3: 3 fields are expected, .*; got 4"),
        (HEADER + "a,b,3,9\nc,d,4,5\n", "line 2: 3 fields are expected, .*; got 4"),
        (MANY + "1,2,3,4\n", "line 300002: 3 fields are expected, .*; got 4"),
        (HEADER + "a,b,3\n\nc,d\n", "line 4: rating must not be missing; got 1"),
        (HEADER + 'a,b,3\n"c,d,4\n', "close every quotation mark"),
        (HEADER + ",b,3\n" * 7, "lines 2, 3, 4, 5, 6 and 2 more: user ids must not be missing"),
        (HEADER + '"a\nb",b,3\nc,d,x\n', "line 4: rating must hold numbers .* got 'x'"),
        (MANY + "7,1,x\n", "line 300002: rating must hold numbers"),
        ("user;item;rating\na;b;3,5\n", "line 2: rating .* got '3,5'; of decimal commas make"),
        (HEADER + "a,b,inf\n", "line 2: rating must hold numbers that are finite; got inf"),
        (HEADER + "a,b,nan\n", "line 2: rating must hold numbers that are finite; got 'nan'"),
        (HEADER + "a,b,1e300\n", "line 2: rating must hold numbers that are finite"),
        (HEADER + "a,b,True\n", "line 2: rating must hold numbers .* got 'True'"),
        ("ann,tea,5\nbob,tea,4\n", r"no common name was found.*user=0, item=1"),
        ("user,user,item\n1,2,3\n", "user must be one column of .*; 2 are called 'user'"),
    ],
)
def test_what_is_wrong_is_said(content, message, tmp_path):
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path / "x.csv", content)
    assert "x.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sep": ";"}, "sep=';' separates nothing there, sep=',' may be meant"),
        ({"sep": ""}, "sep must be a text"),
        ({"sep": 5}, "sep must be a text"),
        ({"encoding": "klingon"}, "encoding must be a name that Python knows"),
        ({"encoding": "ascii"}, "line 2: text must be ascii; got the byte 0xc3"),
        ({"user": True}, "user must be the name of a column, .*; got True"),
        ({"rating": True}, "rating must be the name of a column, .*; got True"),
        ({"user": 1.0}, r"user must be the name of a column, .*; got 1\.0"),
        ({"user": -1, "item": 0}, "user must be the name of a column, .*; got -1"),
        ({"user": "user", "item": "user"}, "user and item must be different columns"),
        ({"user": 1, "item": 1}, "user and item must be different columns"),
        ({"user": 0, "item": 1}, "line 1: a position says that there is no header line"),
    ],
)
def test_options_that_do_not_fit(options, message, tmp_path):
    text = TEXT if options != {"user": 1, "item": 1} else "1,2\n"
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "x.csv", text, **options)


@pytest.mark.parametrize("text", ["0 5 8 9\n1 3 2\n2 4\n", "0 5\n1 3 2\n2 4\n"])
def test_lists_of_items_are_no_table(text, tmp_path):
    with pytest.raises(ValueError, match=r"line 2: \d fields are expected"):
        load(tmp_path / "train.txt", text, user=0, item=1)


def test_no_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        load_interactions(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is none of this name"):
        load_interactions(tmp_path / "x.parquet")


def test_parquet_that_is_none(tmp_path):
    pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match="must be a Parquet file, it is none"):
        load(tmp_path / "x.parquet", TEXT)
    pd.DataFrame({"user": [1], "item": [2]}).to_parquet(tmp_path / "y.parquet")
    with pytest.raises(ValueError, match="and whole: it is truncated or damaged"):
        load(tmp_path / "x.parquet", (tmp_path / "y.parquet").read_bytes()[:-9])


def test_separators(tmp_path):
    path = tmp_path / "x.csv"
    names = load(path, "Smith, John|x|3\nLee|y|4\n", user=0, item=1, rating=2)
    assert names.encoder.user_ids_.tolist() == ["Smith, John", "Lee"]
    assert load(path, "user§item\na§1\n", sep="§").encoder.item_ids_.tolist() == [1]
    spaces = load(path, "user item rating\na  1 5 \n b 2   4\n")
    assert spaces.encoder.user_ids_.tolist() == ["a", "b"]
    tabs = load(path, "user\titem\tx\trating\na\tb c\t\t3\n")
    assert tabs.encoder.item_ids_.tolist() == ["b c"]


def test_numpy_positions(tmp_path):
    data = load(tmp_path / "x.csv", "1,2,3\n", user=np.int64(0), item=np.uint8(1))
    assert data.encoder.item_ids_.tolist() == [2]


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("rating,title,text,asin,parent_asin,user_id,timestamp", "parent_asin user_id rating"),
        ("review_id,user_id,business_id,stars,useful,date", "business_id user_id stars"),
        ("userID,artistID,weight", "artistID userID weight"),
        ("User-ID,ISBN,Book-Rating", "ISBN User-ID Book-Rating"),
        ("timestamp,visitorid,event,itemid,transactionid", "itemid visitorid"),
        ("msno,song_id,source", "song_id msno"),
        ("user_id,anime_id,rating", "anime_id user_id rating"),
        ("Cust_Id,Movie_Id,Rating,Date", "Movie_Id Cust_Id Rating"),
        ("userId,venueId,utcTimestamp", "venueId userId"),
        ("user_id,app_id,hours,date", "app_id user_id"),
        ("user_id,item_id,cat_id,time_stamp,action_type", "item_id user_id"),
        ("session,aid,ts,type", "aid session"),
        ("user_id,recipe_id,date,rating", "recipe_id user_id rating"),
    ],
)
def test_names_of_public_files(header, wanted, tmp_path):
    columns = header.split(",")
    line = ",".join("1970-01-01" if "date" in c.lower() else str(i) for i, c in enumerate(columns))
    data = load(tmp_path / "x.csv", f"{header}\n{line}\n")
    names = re.search(r"columns (\{.*\})", data.DESCR)[1]
    assert all(repr(name) in names for name in wanted.split())
    assert "rating" in names or len(wanted.split()) == 2


def test_a_file_of_the_cache_says_what_to_delete(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for content in (b"<html></html>", gzip.compress(b"<html></html>"), b"\x1f\x8b\x08"):
        (folder / "ratings.csv.gz").write_bytes(content)
        with pytest.raises(ValueError, match=r"delete .*ratings\.csv\.gz, and what is fetched"):
            load_cached("mine", data_home=tmp_path)
