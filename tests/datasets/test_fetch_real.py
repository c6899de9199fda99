"""The real data sets, where there are any: known counts, and the traps that are mended."""

import numpy as np
import pytest

from skrec.datasets import fetch_amazon_music, fetch_gowalla, fetch_movielens


def cached(fetch, data_home, *args):
    """Fetch a data set from the cache or skip."""
    try:
        return fetch(*args, data_home=data_home, download_if_missing=False)
    except OSError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def ml_1m(data_home):
    return cached(fetch_movielens, data_home, "1m")


@pytest.fixture(scope="module")
def amazon_music(data_home):
    return cached(fetch_amazon_music, data_home)


def check_negatives(data, n_removed):
    """Check a leave-one-out test against the matrices it must fit."""
    n_users = data.interactions.frame[0]
    row, place = np.nonzero(data.loo_negatives >= 0)
    column = data.loo_negatives[row, place]
    assert data.loo_negatives.shape == (n_users, 99)
    assert data.loo_negatives.size - len(row) == n_removed
    assert (np.diff((data.loo_negatives < 0).astype(int), axis=1) >= 0).all()
    everything, train = data.interactions.tocsr(), data.loo_train.tocsr()
    assert not everything[row, column].any()
    assert (everything[np.arange(n_users), data.loo_test] > 0).all()
    assert not train[np.arange(n_users), data.loo_test].any()
    assert len(data.loo_train) == len(data.interactions) - n_users


def test_ml_1m(ml_1m):
    assert len(ml_1m.interactions) == 1_000_209
    assert ml_1m.interactions.frame == (6040, 3706)
    counts = np.bincount(ml_1m.interactions.value.astype(int)).tolist()
    assert counts == [0, 56174, 107557, 261197, 348971, 226310]
    assert ml_1m.interactions.timestamp.min() > 900_000_000
    assert ml_1m.train is ml_1m.test is None


def test_ml_1m_leave_one_out(ml_1m):
    check_negatives(ml_1m, n_removed=156)
    assert ((ml_1m.loo_negatives < 0).sum(axis=1) <= 1).all()
    assert ml_1m.encoder.decode_items(ml_1m.loo_test[:3]).tolist() == [48, 1917, 2081]
    first = ml_1m.encoder.encode_users([1])[0]
    negatives = ml_1m.encoder.decode_items(ml_1m.loo_negatives[first])
    assert negatives[:3].tolist() == [1956, 1247, 3867]


def test_ml_1m_titles(ml_1m):
    column = ml_1m.encoder.encode_items([1])[0]
    assert ml_1m.item_names[column] == "Toy Story (1995)"
    assert ml_1m.item_frame["genres"][column] == "Animation|Children's|Comedy"
    assert ml_1m.item_names.shape == (3706,)
    assert ml_1m.item_frame["item"].tolist() == ml_1m.encoder.item_ids_.tolist()


def test_ml_100k(data_home):
    data = cached(fetch_movielens, data_home)
    assert len(data.interactions) == 100_000
    assert data.interactions.frame == (943, 1682)
    assert len(data.test) == 9430
    assert len(data.train) == 90_570
    assert set(np.bincount(data.test.user)) == {10}
    assert data.item_names[data.encoder.encode_items([1])[0]].startswith("Toy Story")


def test_amazon_music(amazon_music):
    assert len(amazon_music.interactions) == 46_087
    assert amazon_music.interactions.frame == (1776, 12_929)
    check_negatives(amazon_music, n_removed=18 + 348)
    train = amazon_music.loo_train.tocsr()
    n_users, n_items = train.getnnz(axis=1), train.getnnz(axis=0)
    assert (n_users == 0).sum() == 43
    assert (n_items[amazon_music.loo_test] == 0).sum() == 464


def test_gowalla(data_home):
    data = cached(fetch_gowalla, data_home)
    assert data.interactions.frame == (29_858, 40_981)
    assert len(data.interactions) == 1_027_370
    assert (len(data.train), len(data.test)) == (810_128, 217_242)
    assert data.train.tocsr().multiply(data.test.tocsr()).nnz == 0
