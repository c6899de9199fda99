"""Kinds of files, times, strengths, tables, corrupt matrices and frames."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec import EASERecommender, InteractionEncoder, Interactions, PopularityRecommender
from skrec.datasets import fetch_movielens, load_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import TemporalHoldout
from skrec.preprocessing import binarize, k_core

CASES: list[tuple[str, str, Callable[[], Any]]] = []


def case(kind: str, label: str, function: Callable[[], Any]) -> None:
    """Add a case."""
    CASES.append((kind, label, function))


def fit_ease(X: Any) -> Any:
    """Fit EASE; what it answers is of any type here."""
    return EASERecommender(l2=1.0).fit(X)


def ids_of(content: bytes | str, name: str = "file.csv", **options: Any) -> list[Any]:
    """Return the user ids of a file with such content."""
    path = Path(os.environ["SKREC_KINDS"]) / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_interactions(path, **options).encoder.user_ids_.tolist()


def file_case(kind: str, label: str, content: Any, name: str = "file.csv", **options: Any) -> None:
    """Add a case of a file."""
    case(kind, label, lambda: ids_of(content, name, **options))


HEAD = "user,item\n"
file_case("1 leading zeros", "ids 007, 7, 07", HEAD + "007,1\n7,1\n07,1\n")
file_case("1 missing names", "ids NA, null, None", HEAD + "NA,1\nnull,1\nNone,1\n")
file_case(
    "1 large numbers", "ids 10**23 + 1, 10**23 + 2", HEAD + f"{10**23 + 1},1\n{10**23 + 2},1\n"
)
file_case("1 codes that look like numbers", "ids 1e5, 100000", HEAD + "1e5,1\n100000,1\n")


def guests() -> str:
    """Return the number of users of integers with one word in the last line."""
    lines = [f"{n % 1000},{n % 7}\n" for n in range(400_000)]
    ids = ids_of(HEAD + "".join(lines) + "guest,1\n")
    return f"{len(ids)} users, of 1001"


case("1 mixed columns", "400,000 integers 0 to 999, then one 'guest'", guests)
file_case("1 no header", "1,2 / 3,4 without names", "1,2\n3,4\n")
file_case("1 wrong separator", "user,item with sep=';'", HEAD + "1,2\n", sep=";")
file_case("1 Latin-1", "José in Latin-1", "user,item\nJosé,1\n".encode("latin-1"))
file_case("1 UTF-16", "a file in UTF-16", "user,item\n1,2\n".encode("utf-16"))
file_case("1 text named .gz", "text in file.csv.gz", HEAD + "1,2\n", "file.csv.gz")
file_case("1 cut off", "half a file.csv.gz", gzip.compress(os.urandom(9999))[:999], "file.csv.gz")
file_case("1 ragged", "a line with 4 values for 2 names", HEAD + "1,2\n1,2,3,4\n")
file_case("1 binary", "the bytes 0 to 255", bytes(range(256)))
file_case("1 empty", "no bytes", b"")


def page_in_cache() -> int:
    """Return the number of users of a cache that holds a page of errors."""
    folder = Path(os.environ["SKREC_KINDS"]) / "ml-100k"
    folder.mkdir()
    (folder / "ratings.csv.gz").write_bytes(gzip.compress(b"<html>404</html>"))
    data = fetch_movielens("100k", data_home=folder.parent, download_if_missing=False)
    return data.interactions.frame[0]


case("1 a page in the cache", "<html> in ml-100k/ratings.csv.gz", page_in_cache)


def times_of(values: Any) -> Any:
    """Return the timestamps that a column becomes."""
    table = pd.DataFrame({"user": [0, 1], "item": [0, 0], "timestamp": values})
    return np.asarray(Interactions.from_frame(table, timestamp="timestamp")[0].timestamp).tolist()


for label, kind, values in [
    ("[1.1, 1.2]", "fractions", [1.1, 1.2]),
    ("two nanoseconds", "nanoseconds", np.array([1, 2], "datetime64[ns]")),
    ("ISO text with fractions", "text", ["2020-01-01T00:00:00.1", "2020-01-01T00:00:00.2"]),
    ("ISO text with offsets", "text", ["2020-01-01T01:00+02:00", "2020-01-01T00:30+00:00"]),
    ("dates as text", "dates", ["2020-01-01", "2020-01-02"]),
    ("[1.0, NaN]", "missing", [1.0, np.nan]),
    ("[2020, NaT]", "missing", np.array(["2020", "NaT"], "datetime64[s]")),
    ("[1, inf]", "out of range", [1, np.inf]),
    ("[1e30, 2e30]", "out of range", [1e30, 2e30]),
    ("['10:00', '11:00']", "time of day", ["10:00", "11:00"]),
]:
    case(f"2 times: {kind}", f"timestamp={label}", lambda values=values: times_of(values))
case(
    "2 times: other doors",
    "from_arrays(timestamp=[1.1, 1.2])",
    lambda: np.asarray(
        Interactions.from_arrays([0, 1], [0, 0], None, [1.1, 1.2]).timestamp
    ).tolist(),
)


def cut_at_date() -> Any:
    """Return the sizes of a split at a date."""
    days = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"])
    table = pd.DataFrame({"user": [0, 1, 2], "item": [0, 0, 1], "timestamp": days})
    interactions, _ = Interactions.from_frame(table, timestamp="timestamp")
    train, test = next(TemporalHoldout(at="2020-01-02").split(interactions))
    return len(train), len(test)


case("2 times: a date to cut at", "TemporalHoldout(at='2020-01-02')", cut_at_date)


def repeats(times: int, dtype: str = "u1") -> sp.coo_matrix:
    """Return a matrix in which user 0 has item 0 so many times, and item 1 once."""
    row = np.r_[np.zeros(times + 1, int), 1, 1, 2]
    column = np.r_[np.zeros(times, int), 1, 1, 2, 2]
    return sp.coo_matrix((np.ones(len(row), dtype), (row, column)), shape=(3, 4))


def recommended() -> Any:
    """Return what is recommended to a user who has items 0 and 1."""
    X = repeats(256)
    return fit_ease(X).recommend(X, 2)[0].tolist()


case("3 strengths overflow", "fit, recommend: a pair 256 times in uint8", recommended)
case(
    "3 strengths overflow",
    "binarize(100): a pair 300 times in uint8",
    lambda: binarize(repeats(300), 100).tocsr().toarray().tolist(),
)
case(
    "3 strengths overflow",
    "k_core(1): a pair 256 times in uint8",
    lambda: k_core(repeats(256), 1).tocsr().toarray().tolist(),
)
MASKED = np.ma.masked_array(np.eye(3) + 1, np.eye(3, dtype=bool))
case(
    "3 masked arrays",
    "fit(ones, the diagonal masked)",
    lambda: PopularityRecommender().fit(MASKED).interactions_.toarray().tolist(),
)

rng = np.random.RandomState(0)
TABLE = np.column_stack([rng.permutation(40) + 100, rng.permutation(40), rng.randint(1, 6, 40)])


def shape_of(X: Any) -> Any:
    """Return the shape that a fit takes something for."""
    return PopularityRecommender().fit(X).interactions_.shape


FRAME = pd.DataFrame(TABLE, columns=["a", "b", "c"])
case("4 long tables", "fit(DataFrame of ids, columns a, b, c)", lambda: shape_of(FRAME))
case("4 long tables", "fit(list of rows of ids)", lambda: shape_of(TABLE.tolist()))
case("4 long tables", "fit(array of ids)", lambda: shape_of(TABLE))
case(
    "4 no long table", "fit(30 x 3 scores)", lambda: shape_of(np.random.RandomState(0).rand(30, 3))
)


def corrupt(name: str, part: str, place: int, value: int) -> Any:
    """Fit a matrix with one wrong index."""
    X = getattr(sp, f"{name}_matrix")((np.arange(60).reshape(12, 5) % 3 > 0).astype(float))
    getattr(X, part)[place] = value
    model = fit_ease(X)
    return model.recommend(users=[0, 1, 2, 3], n_items=3).shape


for broken in [
    ("csr", "indices", 0, 10**9),
    ("csr", "indices", 0, -(10**9)),
    ("csr", "indptr", 3, 10**8),
    ("csr", "indptr", -1, 10**8),
    ("csr", "indptr", 1, -5),
    ("csc", "indices", 0, 10**9),
    ("csc", "indptr", 2, 10**8),
    ("csc", "indptr", -1, 10**8),
    ("coo", "row", 0, 10**9),
    ("coo", "col", 0, -(10**9)),
]:
    text = "fit({}: {}[{}] = {:.0e})".format(*broken)
    case("5 corrupt matrices", text, lambda broken=broken: corrupt(*broken))

COLUMNS = {"user": ["b", "a"], "item": [7, 7]}


def from_table(df: Any) -> Any:
    """Return the ids of a table."""
    interactions, encoder = Interactions.from_frame(df)
    return encoder.decode_users(interactions.user).tolist()


def other_table(library: str, name: str) -> Any:
    """Make a table of another library."""
    return getattr(__import__(library), name)(COLUMNS)


case(
    "6 frames",
    "from_frame(polars.DataFrame)",
    lambda: from_table(other_table("polars", "DataFrame")),
)
case("6 frames", "from_frame(pyarrow.table)", lambda: from_table(other_table("pyarrow", "table")))
case("6 frames", "from_frame(dict of columns)", lambda: from_table(dict(COLUMNS)))
TWICE = pd.DataFrame([["b", 7, "x"], ["a", 7, "y"]], columns=["user", "item", "user"])
case("6 frames", "from_frame(two columns 'user')", lambda: from_table(TWICE))
case(
    "6 encoder",
    "clone(InteractionEncoder())",
    lambda: __import__("sklearn.base").base.clone(InteractionEncoder()),
)
case(
    "6 encoder",
    "InteractionEncoder().encode_users(['a']) before fit",
    lambda: InteractionEncoder().encode_users(["a"]),
)
case(
    "6 encoder",
    "decode_users(0), a scalar",
    lambda: InteractionEncoder().fit(pd.DataFrame(COLUMNS)).decode_users(0),
)
case("6 encoder", "unknown='ignore'", lambda: InteractionEncoder(unknown="ignore"))


def two_encoders() -> float:
    """Return the score of a model on data whose items another encoder has numbered."""
    ids = np.random.RandomState(0).randint(20, size=(300, 2))
    table = pd.DataFrame(ids, columns=["user", "item"]).drop_duplicates()
    train, _ = Interactions.from_frame(table[:150])
    test, _ = Interactions.from_frame(table[::-1][:150])
    model = fit_ease(train)
    return make_ranking_scorer("ndcg@5")(model, test)


case("6 two encoders", "fit with one, score with another", two_encoders)
