"""Batches of pairs: every positive once, no negative a positive, histories of the right users."""

from collections import Counter

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec.training import PairBatches

QUICK = settings(deadline=None, max_examples=60)


def matrix(seed, density, n_users=9, n_items=14):
    """Return positives; user 0 has everything, user 1 nothing, user 2 all but one."""
    dense = np.random.RandomState(seed).uniform(size=(n_users, n_items)) < density
    dense[0], dense[1], dense[2] = True, False, True
    dense[2, seed % n_items] = False
    return sp.csr_matrix(dense, dtype=np.float32)


def epoch(batches):
    """Return the batches of an epoch, each as its users by row, items, and itself."""
    return [(batch.by_row(batch.users).numpy(), batch.items.numpy(), batch) for batch, _ in batches]


def pairs(parts):
    users = np.concatenate([users for users, _, _ in parts])
    return users, np.concatenate([items for _, items, _ in parts])


SETTINGS = {
    "seed": st.integers(0, 1000),
    "density": st.sampled_from([0.0, 0.3, 0.8]),
    "batch_size": st.integers(1, 60),
    "n_negatives": st.integers(1, 4),
    "power": st.sampled_from([0.0, 0.75]),
    "histories": st.booleans(),
}


@QUICK
@given(**SETTINGS)
def test_an_epoch_has_every_positive_once_with_negatives_that_are_none(
    seed, density, batch_size, n_negatives, power, histories
):
    X = matrix(seed, density)
    rng = np.random.RandomState(seed)
    batches = PairBatches(X, batch_size, n_negatives, rng, power, histories)
    for _ in range(2):
        parts = epoch(batches)
        users, items = pairs(parts)
        dense = X.toarray() > 0
        expected = {(u, i) for u, i in np.argwhere(dense) if not dense[u].all()}
        assert Counter(zip(users, items[:, 0], strict=True)) == Counter(dict.fromkeys(expected, 1))
        assert items.shape == (len(expected), 1 + n_negatives)
        assert not dense[users[:, None], items[:, 1:]].any()
        assert users.dtype == items.dtype == np.int64
        assert len(parts) == len(batches) == int(np.ceil(len(expected) / batch_size))
        sizes = [len(batch) for _, _, batch in parts]
        assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
        assert sizes[-1] <= batch_size


@QUICK
@given(**SETTINGS)
def test_histories_are_those_of_the_groups_users(
    seed, density, batch_size, n_negatives, power, histories
):
    X = matrix(seed, density)
    rng = np.random.RandomState(seed)
    batches = PairBatches(X, batch_size, n_negatives, rng, power, histories)
    for users, items, batch in epoch(batches):
        if not histories:
            assert batch.group is None
            assert batch.history is None
            assert len(batch.users) == len(items)
            continue
        assert np.unique(batch.group.numpy()).tolist() == list(range(len(batch.users)))
        offsets = batch.history.offsets.tolist()
        assert len(offsets) == len(batch.users) + 1
        for place, user in enumerate(batch.users.tolist()):
            had = batch.history.indices[offsets[place] : offsets[place + 1]]
            assert had.tolist() == X[[user]].indices.tolist()
        assert all(items[k, 0] in X[[users[k]]].indices for k in range(len(items)))


@pytest.mark.parametrize("histories", [False, True])
def test_the_seed_fixes_the_epochs_and_no_two_are_alike(histories):
    def draw(seed):
        rng = np.random.RandomState(seed)
        batches = PairBatches(matrix(0, 0.5), 7, 2, rng, histories=histories)
        return [np.column_stack(pairs(epoch(batches))) for _ in range(2)]

    one, same, other = draw(3), draw(3), draw(4)
    np.testing.assert_array_equal(one, same)
    for a, b in [(one[0], one[1]), (one[0], other[0])]:
        assert not np.array_equal(a[:, :2], b[:, :2])  # the order
        a, b = (x[np.lexsort((x[:, 1], x[:, 0]))] for x in (a, b))
        np.testing.assert_array_equal(a[:, :2], b[:, :2])
        assert not np.array_equal(a[:, 2:], b[:, 2:])  # the negatives


def test_users_come_in_any_order():
    X = sp.csr_matrix(np.tri(40, 41, dtype=np.float32))
    users, items = pairs(epoch(PairBatches(X, 64, 1, np.random.RandomState(0))))
    assert abs(np.corrcoef(np.arange(len(users)), users)[0, 1]) < 0.15
    runs = np.count_nonzero(np.diff(users)) / len(users)
    assert runs > 0.9  # hardly ever the same user twice in a row
    assert abs(np.corrcoef(np.arange(len(users)), items[:, 0])[0, 1]) < 0.15


def test_with_histories_up_to_32_positives_of_a_user_share_one():
    X = np.zeros((30, 100), dtype=np.float32)
    X[:, :70] = 1
    ((users, items, batch),) = epoch(
        PairBatches(sp.csr_matrix(X), 10_000, 1, np.random.RandomState(0), histories=True)
    )
    sizes = np.bincount(batch.group.numpy())
    assert sorted(set(sizes)) == [6, 32]
    assert len(sizes) == 30 * 3
    assert Counter(batch.users.tolist()) == dict.fromkeys(range(30), 3)
    # rows of a group are adjacent, groups are shuffled, and so are the items in them
    assert (np.diff(batch.group.numpy()) >= 0).all()
    assert np.count_nonzero(np.diff(batch.users.numpy()) == 0) < 15
    assert np.count_nonzero(np.diff(items[:, 0]) < 0) > 0.3 * len(items)
    assert len(users) == 30 * 70


@pytest.mark.parametrize("histories", [False, True])
def test_where_all_have_everything_there_is_nothing_to_train_on(histories):
    rng = np.random.RandomState(0)
    batches = PairBatches(sp.csr_matrix(np.ones((3, 4))), 2, 1, rng, histories=histories)
    assert len(batches) == 0
    assert list(batches) == []


def test_negatives_follow_the_power():
    X = np.zeros((400, 3), dtype=np.float32)
    X[:300, 0] = X[300:380, 1] = X[380:, 2] = 1
    batches = PairBatches(sp.csr_matrix(X), 1000, 50, np.random.RandomState(0), power=1.0)
    ((users, items, _),) = epoch(batches)
    seen = np.bincount(items[users < 300, 1:].ravel(), minlength=3)
    assert seen[0] == 0
    assert seen[1] / seen.sum() == pytest.approx(0.8, abs=0.02)
    np.testing.assert_allclose(batches.sampler.probabilities, [0.75, 0.2, 0.05])


def test_input_and_target_of_a_batch_are_one():
    batches = PairBatches(matrix(0, 0.3), 5, 1, np.random.RandomState(0))
    assert all(batch is target for batch, target in batches)


def test_the_matrix_is_left_alone():
    X = matrix(0, 0.5)
    before = X.copy()
    list(PairBatches(X, 5, 2, np.random.RandomState(0), histories=True))
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(X, name), getattr(before, name))


@pytest.mark.parametrize("histories", [False, True])
def test_an_epoch_in_many_parts(histories, monkeypatch):
    monkeypatch.setattr("skrec.training._pair_batches._PAIRS_AT_ONCE", 10)
    X = sp.csr_matrix(np.random.RandomState(0).uniform(size=(30, 60)) < 0.8, dtype=np.float32)
    batches = PairBatches(X, 7, 2, np.random.RandomState(0), histories=histories)
    parts = epoch(batches)
    users, items = pairs(parts)
    assert Counter(zip(users, items[:, 0], strict=True)) == Counter(zip(*X.nonzero(), strict=True))
    assert not X.toarray()[users[:, None], items[:, 1:]].any()
    assert [len(batch) for _, _, batch in parts[:-1]] == [7] * (len(parts) - 1)
    runs = np.flatnonzero(np.diff(users, prepend=-1))
    assert (len(runs) < 90) == histories  # up to 32 positives of a user stay together


def test_what_is_held_is_of_small_integers():
    batches = PairBatches(matrix(0, 0.5), 5, 1, np.random.RandomState(0))
    assert batches.users.dtype == np.int32
    X = sp.csr_matrix(np.eye(4, dtype=np.float32))
    assert PairBatches(X, 5, 1, np.random.RandomState(0)).items is X.indices  # no copy


def test_the_state_of_the_generator_fixes_an_epoch():
    rng = np.random.RandomState(5)
    batches = PairBatches(matrix(0, 0.5), 7, 2, rng)
    epoch(batches)
    state = rng.get_state()
    one = pairs(epoch(batches))
    again = PairBatches(matrix(0, 0.5), 7, 2, np.random.RandomState(0))
    again.rng.set_state(state)
    for a, b in zip(one, pairs(epoch(again)), strict=True):
        np.testing.assert_array_equal(a, b)


# negatives that a batch shares


@QUICK
@given(**{**SETTINGS, "n_negatives": st.integers(1, 20)})
def test_shared_negatives_differ_and_hits_are_what_users_have(
    seed, density, batch_size, n_negatives, power, histories
):
    X = matrix(seed, density)
    batches = PairBatches(
        X, batch_size, n_negatives, np.random.RandomState(seed), power, histories, True
    )
    dense, seen = X.toarray() > 0, Counter()
    for users, items, batch in epoch(batches):
        shared = batch.shared.numpy()
        assert items.shape == (len(users), 1)
        assert len(np.unique(shared)) == len(shared) == min(n_negatives, X.shape[1])
        hits = np.zeros((len(users), len(shared)), dtype=bool)
        hits[tuple(batch.hits.numpy())] = True
        np.testing.assert_array_equal(hits, dense[users][:, shared])
        np.testing.assert_array_equal(batch.n_lacking.numpy(), (~hits).sum(axis=1))
        seen.update(zip(users.tolist(), items[:, 0].tolist(), strict=True))
    expected = {(u, i) for u, i in np.argwhere(dense) if not dense[u].all()}
    assert seen == Counter(dict.fromkeys(expected, 1))


@pytest.mark.parametrize("power", [0.0, 0.75])
def test_shared_negatives_say_how_often_they_are_drawn(power):
    X = sp.csr_matrix(np.random.RandomState(0).uniform(size=(60, 12)) < np.linspace(0.1, 0.5, 12))
    batches = PairBatches(X, 1, 4, np.random.RandomState(0), power, shared=True)
    counts, said = np.zeros(12), np.full(12, np.nan)
    for _ in range(10):
        for _, _, batch in epoch(batches):
            counts[batch.shared.numpy()] += 1
            said[batch.shared.numpy()] = np.exp(batch.log_counts[0].numpy())
    weights = np.asarray(X.sum(axis=0)).ravel() ** power
    np.testing.assert_allclose(said, 4 * weights / weights.sum(), rtol=1e-5)
    np.testing.assert_allclose(counts / (10 * len(batches)), said, atol=0.05)


@pytest.mark.parametrize("power", [0.0, 0.75])
def test_negatives_of_a_positive_say_how_often_they_are_expected(power):
    X = matrix(0, 0.5)
    batches = PairBatches(X, 7, 3, np.random.RandomState(0), power, log_counts=True)
    dense = X.toarray() > 0
    q = np.maximum(dense.sum(axis=0), 1e-9) ** power
    for users, items, batch in epoch(batches):
        lacking = np.array([q[~dense[u]].sum() for u in users])[:, None]
        expected = np.log(3 * q[items[:, 1:]] / lacking)
        found = np.broadcast_to(batch.log_counts.numpy(), expected.shape)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert batch.shared is None
        assert batch.n_lacking is None
