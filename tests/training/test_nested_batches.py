"""Batches of users crossed with batches of items."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st

from skrec.nn import CrossFeedbackVAE
from skrec.training import NestedBatches, Resampling, encode_side


def matrix(n_users, n_items, density, seed):
    rng = np.random.default_rng(seed)
    X = sp.csr_matrix(np.where(rng.random((n_users, n_items)) < density, rng.random(), 0))
    X.data = rng.permutation(X.nnz).astype(np.float32) + 1  # every rating has a value of its own
    return X


def dense(rows, n_columns):
    out = np.zeros((len(rows), n_columns))
    out[rows.row, rows.indices] = rows.values
    return out


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(1, 5), st.integers(0, 99)
)
def test_a_pass_has_each_rating_once(n_users, n_items, user_size, item_size, seed):
    X = matrix(n_users, n_items, 0.5, seed)
    batches = NestedBatches(X, user_size, item_size, np.random.RandomState(seed))
    got = list(batches)
    assert len(got) == len(batches)
    values = np.concatenate([batch.values.numpy() for batch, _ in got])
    np.testing.assert_array_equal(np.sort(values), np.sort(X.data))
    assert sum(batch.user_share for batch, _ in got) == pytest.approx(-(-n_users // user_size))
    assert sum(batch.item_share for batch, _ in got) == pytest.approx(-(-n_items // item_size))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(0, 99))
def test_pairs_lie_where_rows_meet(n_users, n_items, size, seed):
    X = matrix(n_users, n_items, 0.5, seed)
    for batch, _ in NestedBatches(X, size, size, np.random.RandomState(seed)):
        users, items = dense(batch.user_rows, n_items), dense(batch.item_rows, n_users)
        for user, item, value in zip(batch.user, batch.item, batch.values):
            assert value in users[user]
            assert value in items[item]


@pytest.mark.parametrize("side", ["users", "items"])
def test_sequential_batches_have_one_side_each(side):
    X = matrix(6, 5, 0.6, 0)
    batches = NestedBatches(X, 4, 2, np.random.RandomState(0), nested=False)
    mine = [b for b, _ in batches if (b.user_rows if side == "users" else b.item_rows) is not None]
    assert len(mine) == (2 if side == "users" else 3)
    values = np.concatenate([batch.values.numpy() for batch in mine])
    np.testing.assert_array_equal(np.sort(values), np.sort(X.data))
    other = [b.item_rows if side == "users" else b.user_rows for b in mine]
    assert other == [None] * len(mine)
    for batch in mine:
        numbers = batch.item if side == "users" else batch.user
        places = batch.user if side == "users" else batch.item
        rows = batch.user_rows if side == "users" else batch.item_rows
        np.testing.assert_array_equal(places, rows.row)
        np.testing.assert_array_equal(numbers, rows.indices)


def test_the_mean_is_taken_from_stored_entries_alone():
    X = matrix(4, 4, 0.5, 0)
    batches = NestedBatches(X, 4, 4, np.random.RandomState(0), offset=2.0)
    (batch, _), *_ = batches
    np.testing.assert_array_equal(np.sort(batch.values), np.sort(X.data - 2))
    assert X.data.min() == 1  # X is as it was


def test_rows_are_encoded_alike_in_any_blocks():
    X = matrix(700, 500, 0.9, 0)  # more ratings than are encoded at a time
    torch.manual_seed(0)
    encoder, embeddings = CrossFeedbackVAE(700, 500, 3).users, torch.randn(500, 3)
    whole = encode_side(encoder, X, embeddings)
    few = [encode_side(encoder, X[start : start + 50], embeddings) for start in range(0, 700, 50)]
    for one, parts in zip(whole, zip(*few, strict=True), strict=True):
        assert one.shape == (700, 3)
        torch.testing.assert_close(one, torch.cat(parts))


def test_embeddings_are_drawn_after_a_pass():
    X = matrix(300, 6, 0.5, 0)
    torch.manual_seed(0)
    module = CrossFeedbackVAE(300, 6, 3)
    before = module.item_embeddings.clone()
    batches = NestedBatches(X, 50, 6, np.random.RandomState(0))
    mean, variance = encode_side(module.users, batches.X, before)

    class Net:
        module_ = module

    Resampling(batches).on_epoch_end(Net())
    assert not torch.equal(module.item_embeddings, before)
    noise = (module.user_embeddings - mean) / variance.sqrt()
    assert noise.mean().abs() < 0.15
    assert 0.9 < noise.std() < 1.1
