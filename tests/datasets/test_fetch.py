"""Fetching: the cache, and the download from a local server."""

import hashlib
import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skrec import InteractionEncoder, Interactions
from skrec.datasets import fetch_amazon_music, fetch_gowalla, fetch_movielens
from skrec.datasets._sources import DATASETS
from skrec.exceptions import SkrecWarning


def zipped(folder, members):
    """Return the bytes of an archive with one folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{folder}/{name}", content)
    return buffer.getvalue()


KEYS = {
    "interactions", "encoder", "frame", "item_frame", "item_names", "train", "test",
    "loo_train", "loo_test", "loo_negatives", "DESCR",
}  # fmt: skip


def fetch(name, **kwargs):
    """Fetch a data set by the name of its folder."""
    if name.startswith("ml-"):
        return fetch_movielens(name.removeprefix("ml-"), **kwargs)
    return {"gowalla": fetch_gowalla, "amazon-music": fetch_amazon_music}[name](**kwargs)


def raw_pairs(data, interactions):
    """Return interactions as a set of pairs of raw ids."""
    users = data.encoder.decode_users(interactions.user).tolist()
    return set(zip(users, data.encoder.decode_items(interactions.item).tolist()))


@pytest.mark.parametrize("name", DATASETS)
def test_download_then_cache(name, server, tmp_path):
    home = tmp_path / "new" / "home"
    first = fetch(name, data_home=home)
    n_requests = len(server.requests)
    again = fetch(name, data_home=home, download_if_missing=False)
    assert n_requests == len(DATASETS[name].remotes)
    assert len(server.requests) == n_requests
    assert set(first) == set(again) == KEYS
    assert isinstance(first.interactions, Interactions)
    assert isinstance(first.encoder, InteractionEncoder)
    assert len(first.interactions) == DATASETS[name].n_interactions
    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert os.listdir(home) == [name]
    assert all(file.endswith(".csv.gz") for file in os.listdir(home / name))


def test_100k(server, tmp_path):
    data = fetch_movielens(data_home=tmp_path)
    assert data.frame.columns.tolist() == ["user", "item", "rating", "timestamp"]
    assert data.frame.to_numpy().tolist()[0] == [196, 242, 3, 881250949]
    assert data.encoder.item_ids_.tolist() == [242, 302, 7]
    assert data.item_names.tolist() == [
        "Misérables, Les (1995)",
        "unknown",
        'Twelve "12" Monkeys (1995)',
    ]
    assert data.item_frame["genres"].tolist() == ["Comedy|Drama", "unknown", "Drama"]
    assert raw_pairs(data, data.test) == {(196, 302), (186, 7)}
    assert raw_pairs(data, data.train) == {(196, 242), (186, 302)}
    assert data.train.frame == data.test.frame == (2, 3)
    assert data.loo_train is data.loo_test is data.loo_negatives is None


@pytest.mark.parametrize("version", ["1m", "10m"])
def test_dat_layout(version, server, tmp_path):
    data = fetch_movielens(version, data_home=tmp_path)
    assert data.interactions.tocsr().toarray().tolist() == [[4, 3, 0], [0, 2, 5]]
    assert data.interactions.timestamp.tolist() == [100, 50, 70, 90]
    assert data.item_names.tolist() == [
        "NA",
        "Star Wars: Episode IV (1977)",
        "Belle Époque (1992)",
    ]
    assert data.item_frame["genres"].tolist()[1] == "Action|Sci-Fi"


@pytest.mark.parametrize("version", ["20m", "25m", "32m"])
def test_csv_layout(version, server, tmp_path):
    data = fetch_movielens(version, data_home=tmp_path)
    assert data.interactions.tocsr().toarray().tolist() == [[3.5, 0.5, 0], [5, 0, 4]]
    assert data.item_names.tolist() == ["Heat (1995)", "Postino, Il (1994)", "Amélie (2001)"]
    assert data.frame["timestamp"].tolist() == [100, 50, 70, 9]


def test_ncf_test_of_1m(server, tmp_path):
    data = fetch_movielens("1m", data_home=tmp_path)
    test = pd.read_csv(tmp_path / "ml-1m" / "loo_test.csv.gz")
    assert test.to_numpy().tolist() == [[5, 10], [9, 10]]
    assert data.loo_test.tolist() == [1, 1]
    assert data.loo_test.dtype == data.loo_negatives.dtype == np.int64
    # user 5: 20 is a negative, 10 the held-out item; user 9: 30 is one, 20 is in the history
    assert data.loo_negatives.tolist() == [[2, -1], [0, -1]]
    assert raw_pairs(data, data.loo_train) == {(5, 30), (9, 20)}


def test_ncf_test_of_1m_is_optional(server, tmp_path):
    del server.files["ml-1m.test.negative"]
    with pytest.warns(SkrecWarning, match="ml-1m.test.negative"):
        data = fetch_movielens("1m", data_home=tmp_path)
    assert len(data.interactions) == 4
    assert data.loo_test is data.loo_negatives is data.loo_train is None


def test_gowalla(server, tmp_path):
    data = fetch_gowalla(data_home=tmp_path)
    assert data.frame.columns.tolist() == ["user", "item"]
    assert raw_pairs(data, data.train) == {(0, 5), (0, 6), (0, 7), (1, 6), (1, 8), (2, 7)}
    assert raw_pairs(data, data.test) == {(0, 8), (1, 5)}
    assert data.interactions.timestamp is data.item_frame is data.item_names is None
    assert set(data.interactions.value) == {1}


def test_amazon_music(server, tmp_path):
    data = fetch_amazon_music(data_home=tmp_path)
    assert data.interactions.timestamp is None
    assert data.encoder.decode_items(data.loo_test).tolist() == [5, 6]
    # user 0: 4 is in train; user 1: 6 is the held-out item
    assert data.encoder.decode_items(data.loo_negatives).tolist() == [[6, None], [3, None]]
    assert data.interactions.tocsr()[0, 2] == 3
    assert len(data.loo_train) == 4


def test_user_without_a_held_out_item(server, tmp_path):
    whole = fetch_amazon_music(data_home=tmp_path)
    folder = tmp_path / "amazon-music"
    for name in ("loo_test", "loo_negatives"):
        path = folder / f"{name}.csv.gz"
        pd.read_csv(path).query("user == 1").to_csv(path, index=False)
    data = fetch_amazon_music(data_home=tmp_path)
    assert data.loo_test.tolist() == [-1, whole.loo_test[1]]
    assert data.loo_negatives.tolist() == [[-1, -1], [0, -1]]


@pytest.mark.parametrize("name", DATASETS)
def test_missing_and_no_download(name, tmp_path):
    with pytest.raises(OSError, match="download_if_missing") as error:
        fetch(name, data_home=tmp_path, download_if_missing=False)
    assert str(tmp_path / name) in str(error.value)
    assert os.listdir(tmp_path) == []


def forget_checksums(name, monkeypatch):
    remotes = tuple(replace(remote, checksum=None) for remote in DATASETS[name].remotes)
    monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], remotes=remotes))


def break_off(server, filename):
    server.claimed[filename] = len(server.files[filename]) + 1000


def cut(server, filename):
    server.files[filename] = server.files[filename][:-10]


def vanish(server, filename):
    del server.files[filename]


@pytest.mark.parametrize("damage", [break_off, cut, vanish])
@pytest.mark.parametrize(("name", "filename"), [("ml-20m", "ml-20m.zip"), ("gowalla", "test.txt")])
@pytest.mark.parametrize("home_is_there", [True, False])
def test_failed_download_leaves_nothing(damage, name, filename, home_is_there, server, tmp_path):
    home = tmp_path / "home"
    if home_is_there:
        home.mkdir()
    damage(server, filename)
    with pytest.raises(OSError, match=filename):
        fetch(name, data_home=home)
    assert home.exists() == home_is_there
    assert list(tmp_path.rglob("*")) == ([home] if home_is_there else [])


def test_broken_off_without_a_checksum(server, tmp_path, monkeypatch):
    forget_checksums("gowalla", monkeypatch)
    break_off(server, "test.txt")
    with pytest.raises(OSError, match=r"test.txt broke off: \d+ of \d+ bytes"):
        fetch_gowalla(data_home=tmp_path)
    assert os.listdir(tmp_path) == []


def test_wrong_checksum_leaves_nothing(server, tmp_path):
    changed = server.files["ml-1m.zip"] + b" "
    server.files["ml-1m.zip"] = changed
    with pytest.raises(OSError, match=f"checksum.*{hashlib.sha256(changed).hexdigest()}"):
        fetch_movielens("1m", data_home=tmp_path)
    assert os.listdir(tmp_path) == []


def test_md5_is_checked_too(server, tmp_path, monkeypatch):
    remote = replace(DATASETS["ml-10m"].remotes[0], checksum="md5:" + 32 * "0")
    monkeypatch.setitem(DATASETS, "ml-10m", replace(DATASETS["ml-10m"], remotes=(remote,)))
    with pytest.raises(OSError, match="md5 checksum 0000"):
        fetch_movielens("10m", data_home=tmp_path)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("ml-20m", {"ml-20m.zip": b"<html>busy</html>"}, "ml-20m.zip cannot be read"),
        ("ml-20m", {"ml-20m.zip": zipped("ml-20m", {"movies.csv": ""})}, "must hold ratings.csv"),
        ("gowalla", {"train.txt": b"0 5 six\n"}, "train.txt.* cannot be read"),
        ("gowalla", {"train.txt": b"0 5\n"}, "must hold 8 interactions; got 3"),
    ],
)
def test_wrong_content_leaves_nothing(name, changes, message, server, tmp_path, monkeypatch):
    server.files |= changes
    forget_checksums(name, monkeypatch)
    with pytest.raises(OSError, match=message):
        fetch(name, data_home=tmp_path)
    assert os.listdir(tmp_path) == []


def test_failure_leaves_existing_files_alone(server, tmp_path):
    folder = tmp_path / "ml-100k"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    cut(server, "ml-100k.zip")
    with pytest.raises(OSError, match="checksum"):
        fetch_movielens(data_home=tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["ml-100k", "notes.txt"]


def test_download_into_a_folder_that_exists(server, tmp_path):
    folder = tmp_path / "ml-100k"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    assert len(fetch_movielens(data_home=tmp_path).interactions) == 4
    assert (folder / "notes.txt").read_text() == "mine"
    assert os.listdir(tmp_path) == ["ml-100k"]


def test_home_from_the_environment(server, tmp_path, monkeypatch):
    monkeypatch.setenv("SKREC_DATA", str(tmp_path / "variable"))
    fetch_gowalla()
    assert (tmp_path / "variable" / "gowalla" / "ratings.csv.gz").is_file()
    fetch_gowalla(data_home=tmp_path / "argument")
    assert (tmp_path / "argument" / "gowalla" / "ratings.csv.gz").is_file()


def test_home_by_default(server, tmp_path, monkeypatch):
    monkeypatch.delenv("SKREC_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    fetch_gowalla()
    assert (tmp_path / "skrec_data" / "gowalla" / "ratings.csv.gz").is_file()


def test_cache_is_read_only_where_nothing_is_missing(server, tmp_path):
    fetch_gowalla(data_home=tmp_path)
    before = {path: path.stat().st_mtime_ns for path in Path(tmp_path).rglob("*")}
    fetch_gowalla(data_home=tmp_path)
    assert {path: path.stat().st_mtime_ns for path in Path(tmp_path).rglob("*")} == before


def test_unknown_version():
    with pytest.raises(ValueError, match=r"version must be one of .*'100k'.*'2m'"):
        fetch_movielens("2m")


@pytest.mark.parametrize("name", DATASETS)
def test_addresses_and_checksums(name):
    dataset = DATASETS[name]
    assert all(remote.url.startswith("https://") for remote in dataset.remotes)
    digests = [remote.checksum for remote in dataset.remotes if remote.checksum]
    lengths = {"sha256": 64, "md5": 32}
    for algorithm, _, digest in (checksum.partition(":") for checksum in digests):
        assert len(bytes.fromhex(digest)) * 2 == lengths[algorithm]
    assert f"{dataset.n_interactions:,}" in dataset.descr
