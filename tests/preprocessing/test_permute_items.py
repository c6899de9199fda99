"""Items shuffled among the users."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skrec import Interactions
from skrec.datasets import make_interactions
from skrec.preprocessing import permute_items

small = hnp.arrays(
    np.int64, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.integers(0, 5)
)


@settings(max_examples=60)
@given(X=small, n_rounds=st.integers(0, 5), seed=st.integers(0, 100))
def test_counts_stay_and_users_keep_their_values(X, n_rounds, seed):
    Z = permute_items(X, n_rounds=n_rounds, random_state=seed)
    assert Z.shape == X.shape
    np.testing.assert_array_equal((Z != 0).sum(axis=0), (X != 0).sum(axis=0))
    np.testing.assert_array_equal((Z != 0).sum(axis=1), (X != 0).sum(axis=1))
    np.testing.assert_array_equal(np.sort(Z, axis=1), np.sort(X, axis=1))


@settings(max_examples=30)
@given(X=small, seed=st.integers(0, 100))
def test_every_container_gives_the_same(X, seed):
    want = permute_items(X, random_state=seed)
    for container in (sp.csr_matrix, sp.csr_array, sp.csc_matrix, sp.coo_array, sp.lil_matrix):
        got = permute_items(container(X), random_state=seed)
        assert type(got) is container
        np.testing.assert_array_equal(got.toarray(), want)
    got = permute_items(Interactions(X), random_state=seed)
    np.testing.assert_array_equal(got.tocsr().toarray(), want)


def test_all_matrices_with_these_counts_come_equally_often():
    # of a ring of three pairs there are six matrices: the permutations
    X = np.eye(3, dtype=np.int64)
    drawn = [tuple(permute_items(X, random_state=seed).argmax(axis=1)) for seed in range(600)]
    counts = np.unique(drawn, axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert np.abs(counts - 100).max() < 42  # 4.6 standard deviations


def test_tastes_are_lost_where_users_and_items_are_many():
    made = make_interactions(400, 100, 8000, n_clusters=4, affinity=0.9, random_state=0)

    def own_share(X):
        user, item = X.nonzero()
        return (made.user_clusters[user] == made.item_clusters[item]).mean()

    assert own_share(made.X) > 0.7
    assert own_share(permute_items(made.X)) < 0.35


def test_a_seed_decides_and_the_input_is_left_alone():
    X = make_interactions(50, 20, 300, random_state=0).X
    before = X.copy()
    first, again, other = (permute_items(X, random_state=seed) for seed in (1, 1, 2))
    assert (first != again).nnz == 0
    assert (first != other).nnz > 0
    assert (X != before).nnz == 0


def test_times_stay_with_their_users():
    made = make_interactions(50, 20, 300, timestamps=True, random_state=0).interactions
    placebo = permute_items(made)
    np.testing.assert_array_equal(placebo.user, made.user)
    np.testing.assert_array_equal(placebo.timestamp, made.timestamp)
    assert (placebo.item != made.item).any()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"n_rounds must be an integer in .*; got -1"):
        permute_items(np.eye(3), n_rounds=-1)
    twice = Interactions.from_arrays([0, 0, 1], [1, 1, 0])
    with pytest.raises(ValueError, match=r"X must hold every pair once; got 1 repetitions"):
        permute_items(twice)
