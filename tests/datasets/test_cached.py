"""Data sets of the cache by the name of their folder."""

import pandas as pd
import pytest

from skrec.datasets import fetch_movielens, list_cached, load_cached


@pytest.fixture
def home(tmp_path):
    """Make a cache with one data set of one's own, and a folder that holds none."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "empty").mkdir()
    pairs = pd.DataFrame({"user": [5, 5, 9, 9], "item": [1, 2, 1, 3]})
    pairs.to_csv(tmp_path / "mine" / "ratings.csv.gz", index=False)
    pairs[1::2].to_csv(tmp_path / "mine" / "loo_test.csv.gz", index=False)
    negatives = pairs[1::2].assign(negatives=["3", "2"])
    negatives.to_csv(tmp_path / "mine" / "loo_negatives.csv.gz", index=False)
    return tmp_path


def test_folders_with_ratings_are_listed(home, monkeypatch):
    assert list_cached(home) == ["mine"]
    assert list_cached(home / "nowhere") == []
    monkeypatch.setenv("SKREC_DATA", str(home))
    assert list_cached() == ["mine"]


def test_ones_own_data_has_the_splits_that_it_tells(home):
    data = load_cached("mine", data_home=home)
    assert data.interactions.frame == (2, 3)
    assert len(data.loo_train) == 2
    assert data.encoder.decode_items(data.loo_test).tolist() == [2, 3]
    assert data.encoder.decode_items(data.loo_negatives[:, 0]).tolist() == [3, 2]
    assert data.test is None
    assert "mine" in data.DESCR


def test_public_data_are_as_their_fetcher_gives_them(server, tmp_path):
    fetched = fetch_movielens("1m", data_home=tmp_path)
    data = load_cached("ml-1m", data_home=tmp_path)
    pd.testing.assert_frame_equal(data.frame, fetched.frame)
    assert data.DESCR == fetched.DESCR


def test_what_is_not_there_is_an_error_and_not_downloaded(home, server):
    for name in ("empty", "nothing", "ml-1m"):
        with pytest.raises(FileNotFoundError, match=r"ratings.csv.gz is not there"):
            load_cached(name, data_home=home)
    assert not server.requests
