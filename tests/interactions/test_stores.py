"""Matrices on disk: `write_csr`, `write_csr_from_frames` and `open_csr`."""

import copy
import json
import pickle
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec import InteractionEncoder, Interactions
from skrec.interactions import (
    MappedCSR,
    _buckets,
    _store,
    open_csr,
    write_csr,
    write_csr_from_frames,
)
from skrec.utils import is_mapped

ROOT = Path(__file__).parents[2]
X = sp.csr_matrix([[1.0, 0, 2.5], [0, 0, 0], [0, 3, 0], [4, 5, 6]], dtype=np.float32)


def same(a, b):
    """Check that two CSR matrices have the same arrays."""
    assert a.shape == b.shape
    for part in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(a, part), getattr(b, part), err_msg=part)


@pytest.fixture
def small_pieces(monkeypatch):
    """Let small data need many pieces."""
    monkeypatch.setattr(_buckets, "_MOST", 3)
    monkeypatch.setattr(_store, "_AT_ONCE", 4)


# blocks of rows


@st.composite
def blocks_of_rows(draw):
    """Draw COO blocks of one width, with repeats and zeros, some without rows or entries."""
    width = draw(st.integers(1, 6))
    blocks = []
    for _ in range(draw(st.integers(1, 4))):
        height = draw(st.integers(0, 4))
        n = draw(st.integers(0, 12)) if height else 0
        row = draw(st.lists(st.integers(0, max(height - 1, 0)), min_size=n, max_size=n))
        column = draw(st.lists(st.integers(0, width - 1), min_size=n, max_size=n))
        value = draw(st.lists(st.sampled_from([0.0, 1, 2, 0.5, -1]), min_size=n, max_size=n))
        entries = np.array(value), (np.array(row, int), np.array(column, int))
        blocks.append(sp.coo_matrix(entries, shape=(height, width)))
    return blocks


@settings(max_examples=40, deadline=None)
@given(blocks=blocks_of_rows(), binary=st.booleans(), transposed=st.booleans(), data=st.data())
def test_a_store_of_blocks_is_the_matrix(tmp_path_factory, blocks, binary, transposed, data):
    whole = sp.csr_matrix(sp.vstack(blocks, format="coo").tocsr(), dtype=np.float32)
    whole.sum_duplicates()
    if binary:
        whole.eliminate_zeros()
        whole.data[:] = 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_buckets, "_MOST", data.draw(st.sampled_from([1, 3, 100])))
        patch.setattr(_store, "_AT_ONCE", data.draw(st.sampled_from([1, 4, 100])))
        path = tmp_path_factory.mktemp("store") / "matrix"
        write_csr(path, iter(blocks), binary=binary, transposed=transposed)
    opened = open_csr(path)
    same(opened, whole)
    assert opened.has_canonical_format
    assert opened.dtype == np.float32
    turned = opened.T
    assert turned.format == ("csr" if transposed else "csc")
    same(turned.tocsr(), whole.T.tocsr())
    same(turned.T.tocsr(), whole)


def test_what_is_opened_is_mapped_and_locked(tmp_path):
    write_csr(tmp_path / "x", [X[:1], X[1:]], transposed=True)
    opened = open_csr(tmp_path / "x")
    for array in (opened.data, opened.indices, opened.indptr, opened.T.data, opened.T.indices):
        assert is_mapped(array)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    assert is_mapped(opened.indices[1:])
    assert not is_mapped(X.indices)
    assert not is_mapped(opened.indices.copy())


def test_rows_and_pickles_are_in_memory(tmp_path):
    write_csr(tmp_path / "x", [X], transposed=True)
    opened = open_csr(tmp_path / "x")
    rows = opened[[3, 0]]
    same(rows, X[[3, 0]])
    same(rows.T.tocsr(), X[[3, 0]].T.tocsr())  # not that of all rows
    for again in (pickle.loads(pickle.dumps(opened)), copy.deepcopy(opened)):
        same(again, X)
        assert type(again) is sp.csr_matrix
        assert not is_mapped(again.data)
    same(copy.copy(opened), X)


def test_ones_are_written_once(tmp_path):
    write_csr(tmp_path / "x", [X], binary=True, transposed=True)
    opened = open_csr(tmp_path / "x")
    assert len(list((tmp_path / "x").glob("*data.npy"))) == 1
    same(opened.T, X.T.tocsr().astype(bool).astype(np.float32))


def test_many_entries_have_wide_indices(tmp_path, monkeypatch):
    monkeypatch.setattr(_store, "_MOST_INT32", 5)
    write_csr(tmp_path / "x", [X], transposed=True)
    opened = open_csr(tmp_path / "x")
    for side in (opened, opened.T):
        assert side.indices.dtype == side.indptr.dtype == np.int64
    same(opened, X)
    same(opened.T, X.T.tocsr())
    same(opened[1:3], X[1:3])


def test_bad_blocks_are_errors(tmp_path):
    cases = {
        "at least one block": [],
        "the 3 columns": [X, X[:, :2]],
        r"blocks\[1\] must hold finite": [X, X * np.nan],
        "range of float32": [X.astype(np.float64) * 1e300],
        r"blocks\[0\] must be a matrix": [np.ones(3)],
    }
    for message, blocks in cases.items():
        with pytest.raises(ValueError, match=message):
            write_csr(tmp_path / "x", blocks)
        assert not (tmp_path / "x").exists()
    with pytest.raises(ValueError, match="binary must be"):
        write_csr(tmp_path / "x", [X], binary="yes")


def test_ids_beside_a_matrix(tmp_path):
    days = np.array(["2020-01-01", "2020-01-03", "2020-01-02"], "M8[ns]")
    encoder = InteractionEncoder().fit({"user": ["é", "", "c", "d"], "item": [*days, days[0]]})
    write_csr(tmp_path / "x", [X], encoder=encoder)
    opened = open_csr(tmp_path / "x").encoder
    assert opened.user_ids_.tolist() == encoder.user_ids_.tolist()
    assert opened.item_ids_.tolist() == encoder.item_ids_.tolist()
    assert opened.encode_users("c") == 2
    with pytest.raises(ValueError, match="encoder must have as many ids"):
        write_csr(tmp_path / "x", [X[:2]], encoder=encoder)
    tuples = InteractionEncoder().fit({"user": [(1, 2), 1, 2, 3], "item": [1, 2, 3, 3]})
    with pytest.raises(ValueError, match=r"user ids must be numbers, dates or text.*\(1, 2\)"):
        write_csr(tmp_path / "x", [X], encoder=tuples)
    assert open_csr(tmp_path / "x").encoder.encode_users("c") == 2


# whole or not at all


class Ended(BaseException):
    """What ends a write that no handler of errors catches."""


def breaking():
    """Yield a block, and end."""
    yield X
    raise Ended


def test_a_write_that_fails_leaves_the_last_store(tmp_path):
    path = tmp_path / "x"
    with pytest.raises(Ended):
        write_csr(path, breaking())
    assert not path.exists()
    write_csr(path, [X])
    before = sorted(path.iterdir())
    with pytest.raises(Ended):
        write_csr(path, breaking(), transposed=True)
    assert sorted(path.iterdir()) == before
    same(open_csr(path), X)


KILLED = """
import os, signal, sys
import scipy.sparse as sp
from skrec.interactions import write_csr

def blocks():
    yield sp.random(3000, 500, 0.1, format="csr")
    os.kill(os.getpid(), signal.SIGKILL)

write_csr(sys.argv[1], blocks(), transposed=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal")
def test_a_write_that_is_killed_leaves_the_last_store(tmp_path):
    write_csr(tmp_path / "x", [X])
    n_files = len(list((tmp_path / "x").iterdir()))
    command = [sys.executable, "-c", KILLED, str(tmp_path / "x")]
    done = subprocess.run(command, cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list((tmp_path / "x").iterdir())) > n_files
    same(open_csr(tmp_path / "x"), X)
    write_csr(tmp_path / "x", [X[:2]])
    assert len(list((tmp_path / "x").iterdir())) == n_files


def test_what_a_killed_write_leaves_is_removed_by_the_next(tmp_path):
    path = tmp_path / "x"
    write_csr(path, [X])
    for name in ("0123456789abcdef-indices.npy", "0123456789abcdef-rows-3.tmp"):
        (path / name).write_bytes(b"half")
    opened = open_csr(path)
    same(opened, X)
    write_csr(path, [X[:2]])
    same(open_csr(path), X[:2])
    assert len(list(path.iterdir())) == 4
    same(opened, X)  # maps of what was replaced stay


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match=r"other files, such as \['letter.txt'\]"):
        write_csr(tmp_path, [X])
    assert [f.name for f in tmp_path.iterdir()] == ["letter.txt"]


def damaged(path, what):
    """Damage a store in one way."""
    files = {file.name.partition("-")[2]: file for file in path.iterdir()}
    index = json.loads((path / "store.json").read_text())
    if what == "cut":
        files["indices.npy"].write_bytes(files["indices.npy"].read_bytes()[:-4])
    elif what == "missing":
        files["data.npy"].unlink()
    elif what == "other":
        np.save(files["data.npy"], np.ones(6))
    elif what == "pickle":
        np.save(files["data.npy"], np.array([1, "a"], dtype=object), allow_pickle=True)
    elif what == "rows":
        np.save(files["indptr.npy"], np.arange(5, dtype=np.int32))
    else:
        index |= {
            "version": {"version": 99},
            "format": {"format": "another"},
            "shape": {"shape": [4]},
            "outside": {"files": {**index["files"], "data": "../data.npy"}},
            "names": {"files": {}},
            "ids": {"encoder": {"columns": {}}},
        }[what]
        (path / "store.json").write_text(json.dumps(index))


DAMAGES = ["cut", "missing", "other", "pickle", "rows", "version", "format", "shape", "outside"]


@pytest.mark.parametrize("what", [*DAMAGES, "names", "ids"])
def test_a_damaged_store_is_one_clear_error(tmp_path, what):
    write_csr(tmp_path / "x", [X])
    damaged(tmp_path / "x", what)
    with pytest.raises(ValueError, match="path must be a folder that write_csr has written whole"):
        open_csr(tmp_path / "x")


def test_what_is_no_store_is_an_error(tmp_path):
    (tmp_path / "file").write_text("{")
    shutil.copy(tmp_path / "file", tmp_path / "store.json")
    for path in (tmp_path / "nothing", tmp_path / "file", tmp_path):
        with pytest.raises(ValueError, match="path must be a folder that write_csr has written"):
            open_csr(path)


# long tables


def table(n=60, seed=0, **columns):
    """Return a table with repeated pairs."""
    rng = np.random.RandomState(seed)
    who, what = rng.randint(9, size=n), rng.randint(7, size=n)
    made = {"user": [f"u{i}" for i in who], "item": what + 100, "stars": rng.randint(1, 6, n) / 2}
    return pd.DataFrame({**made, "when": rng.randint(50, size=n), **columns})


OPTIONS = [{}, {"rating": "stars"}, {"rating": "stars", "timestamp": "when"}]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("form", ["list", "function", "whole", "dicts"])
def test_a_store_of_frames_is_the_matrix(tmp_path, small_pieces, options, form):
    df = table()
    parts = [df[:7], df[7:7], df[7:40], df[40:]]
    parts = [part for part in parts if len(part)]
    frames = {
        "list": parts,
        "function": lambda: iter(parts),
        "whole": df,
        "dicts": [part.to_dict("list") for part in parts],
    }[form]
    write_csr_from_frames(tmp_path / "x", frames, transposed=True, **options)
    opened = open_csr(tmp_path / "x")
    interactions, encoder = Interactions.from_frame(df, **options)
    same(opened, interactions.tocsr())
    same(opened.T, interactions.tocsr().T.tocsr())
    assert opened.encoder.user_ids_.tolist() == encoder.user_ids_.tolist()
    assert opened.encoder.item_ids_.tolist() == encoder.item_ids_.tolist()
    assert opened.encoder.get_params() == encoder.get_params()
    assert sorted(f.suffix for f in (tmp_path / "x").iterdir() if f.suffix == ".tmp") == []


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("form", ["list", "iterator", "function", "whole"])
def test_frames_are_the_interactions_of_the_table(options, form):
    df = table(when=pd.date_range("2024-01-01", periods=60, freq="D")[::-1])
    parts = [df[:7], df[7:40], df[40:]]
    frames = {"list": parts, "iterator": iter(parts), "function": lambda: parts, "whole": df}[form]
    made, encoder = Interactions.from_frames(frames, **options)
    alike(made, *Interactions.from_frame(df, **options), encoder)


def alike(made, expected, known, encoder):
    for name in ("user", "item", "value", "timestamp"):
        np.testing.assert_array_equal(getattr(made, name), getattr(expected, name))
    assert (made.frame, made.time_unit) == (expected.frame, expected.time_unit)
    for ids in ("user_ids_", "item_ids_"):
        assert getattr(encoder, ids).tolist() == getattr(known, ids).tolist()
        assert getattr(made.encoder, ids).tolist() == getattr(known, ids).tolist()


def test_frames_of_parquet_are_the_interactions_of_the_table(tmp_path):
    pytest.importorskip("pyarrow")
    df = table(200)
    df[:90].to_parquet(tmp_path / "1.parquet", row_group_size=40)
    df[90:].to_parquet(tmp_path / "2.parquet")
    made, encoder = Interactions.from_frames(tmp_path, rating="stars", timestamp="when")
    alike(made, *Interactions.from_frame(df, rating="stars", timestamp="when"), encoder)


def test_frames_that_do_not_fit_together_are_errors():
    with pytest.raises(ValueError, match="frames must hold at least one interaction"):
        Interactions.from_frames([])
    with pytest.raises(TypeError, match="frames must be parts of a table, or Parquet; got int"):
        Interactions.from_frames(7)
    later = table(when=pd.Timestamp("2024-01-01"))
    with pytest.raises(ValueError, match="timestamp"):
        Interactions.from_frames([table(), later], timestamp="when")
    with pytest.raises(ValueError, match="rating='marks' must name a column"):
        Interactions.from_frames([table()], rating="marks")


@pytest.mark.parametrize("form", ["file", "folder", "dataset"])
def test_a_store_of_parquet_is_the_matrix(tmp_path, small_pieces, form):
    dataset = pytest.importorskip("pyarrow.dataset")
    df = table(200)
    (tmp_path / "days").mkdir()
    df[:90].to_parquet(tmp_path / "days" / "1.parquet", row_group_size=40)
    df[90:].to_parquet(tmp_path / "days" / "2.parquet")
    source = {"folder": tmp_path / "days", "file": str(tmp_path / "days" / "1.parquet")}
    source["dataset"] = dataset.dataset(tmp_path / "days")
    write_csr_from_frames(tmp_path / "x", source[form], rating="stars", binary=True)
    part = df[:90] if form == "file" else df
    whole = Interactions.from_frame(part)[0].tocsr()
    whole.data[:] = 1
    same(open_csr(tmp_path / "x"), whole)
    with pytest.raises(ValueError, match="user='who' must name a column"):
        write_csr_from_frames(tmp_path / "x", source[form], user="who")
    same(open_csr(tmp_path / "x"), whole)


def test_frames_that_cannot_be_read_twice_are_errors(tmp_path):
    df = table()
    with pytest.raises(TypeError, match="frames must be read twice, and a list_iterator"):
        write_csr_from_frames(tmp_path / "x", iter([df]))
    with pytest.raises(TypeError, match="frames must be parts of a table, or Parquet; got int"):
        write_csr_from_frames(tmp_path / "x", 7)
    with pytest.raises(FileNotFoundError, match="frames must be a file or a folder"):
        write_csr_from_frames(tmp_path / "x", tmp_path / "nothing")
    with pytest.raises(ValueError, match="at least one interaction"):
        write_csr_from_frames(tmp_path / "x", [])
    turns = iter([[df], [df[:30]]])
    with pytest.raises(ValueError, match="frames must be the same when they are read again"):
        write_csr_from_frames(tmp_path / "x", lambda: next(turns))
    assert not (tmp_path / "x").exists()


def test_the_class_is_a_csr_matrix():
    assert issubclass(MappedCSR, sp.csr_matrix)
    assert MappedCSR(X).encoder is None
    same(MappedCSR(X).T.tocsr(), X.T.tocsr())


def test_two_writers_do_not_mix(tmp_path):
    def meanwhile():
        yield X
        write_csr(tmp_path / "x", [X[:1]])

    with pytest.raises(OSError, match="somebody else has written"):
        write_csr(tmp_path / "x", meanwhile())
    same(open_csr(tmp_path / "x"), X[:1])
