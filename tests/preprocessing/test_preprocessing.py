import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skrec.exceptions import SkrecWarning
from skrec.interactions import Interactions
from skrec.preprocessing import binarize, k_core, min_interactions, reduce_encoder

FORMATS = ["csr", "csc", "coo", "lil", "dok"]
QUICK = settings(deadline=None, max_examples=60)
matrices = hnp.arrays(np.int64, st.tuples(st.integers(1, 7), st.integers(1, 7)),
                      elements=st.integers(0, 5))  # fmt: skip


def slow_core(X, user_k, item_k):
    """Drop one user or item at a time, until nobody is short."""
    rows, columns = list(range(X.shape[0])), list(range(X.shape[1]))
    while True:
        part = X[np.ix_(rows, columns)] != 0
        short_row = [r for r, n in zip(rows, part.sum(axis=1)) if n < user_k]
        short_column = [c for c, n in zip(columns, part.sum(axis=0)) if n < item_k]
        if short_row:
            rows.remove(short_row[0])
        elif short_column:
            columns.remove(short_column[0])
        else:
            return rows, columns


@pytest.mark.filterwarnings("ignore::skrec.exceptions.SkrecWarning")
@QUICK
@given(matrices, st.integers(0, 4), st.integers(0, 4))
def test_core_agrees_with_dropping_one_at_a_time(X, user_k, item_k):
    for data in (X, sp.csr_array(X), Interactions(X)):
        core, rows, columns = k_core(data, user_k=user_k, item_k=item_k, return_indices=True)
        dense = core.tocsr().toarray() if isinstance(data, Interactions) else core
        dense = dense.toarray() if sp.issparse(dense) else dense
        assert (rows.tolist(), columns.tolist()) == slow_core(X, user_k, item_k)
        np.testing.assert_array_equal(dense, X[np.ix_(rows, columns)])


@pytest.mark.filterwarnings("ignore::skrec.exceptions.SkrecWarning")
@QUICK
@given(matrices, st.integers(0, 4), st.integers(0, 4))
def test_min_interactions_filters_items_then_users(X, user, item):
    columns = np.flatnonzero((X != 0).sum(axis=0) >= item)
    rows = np.flatnonzero((X[:, columns] != 0).sum(axis=1) >= user)
    got, got_rows, got_columns = min_interactions(
        sp.csr_matrix(X), user=user, item=item, return_indices=True
    )
    np.testing.assert_array_equal(got_rows, rows)
    np.testing.assert_array_equal(got_columns, columns)
    np.testing.assert_array_equal(got.toarray(), X[np.ix_(rows, columns)])


@QUICK
@given(matrices, st.integers(1, 5))
def test_binarize_agrees_with_a_mask(X, threshold):
    expected = (X >= threshold).astype(np.float32)
    np.testing.assert_array_equal(binarize(X, threshold), expected)
    np.testing.assert_array_equal(binarize(sp.csr_matrix(X), threshold).toarray(), expected)
    np.testing.assert_array_equal(binarize(Interactions(X), threshold).tocsr().toarray(), expected)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csr_array])
def test_sparse_kind_and_format_stay_and_the_input_is_untouched(kind, format):
    X = kind([[5.0, 3, 0], [4, 4, 0], [0, 0, 1]]).asformat(format)
    before = X.toarray()
    for result in (binarize(X, 4), k_core(X, 2), min_interactions(X, 2)):
        assert result.format == format
        assert isinstance(result, sp.sparray) == isinstance(X, sp.sparray)
    np.testing.assert_array_equal(X.toarray(), before)
    np.testing.assert_array_equal(binarize(X, 4).toarray(), [[1, 0, 0], [1, 1, 0], [0, 0, 0]])


def test_duplicates_of_a_matrix_are_summed_without_changing_it():
    X = sp.csr_matrix((np.array([2.0, 2.0, 3.0]), np.array([0, 0, 1]), np.array([0, 3])))
    assert binarize(X, 4).toarray().tolist() == [[1.0, 0.0]]
    assert k_core(X, user_k=2).nnz == 2
    assert X.nnz == 3


def test_stored_zeros_count_and_missing_dense_entries_do_not():
    X = sp.csr_matrix((np.array([0.0, -1.0]), np.array([0, 1]), np.array([0, 2])), shape=(1, 3))
    assert binarize(X, 0).toarray().tolist() == [[1.0, 0.0, 0.0]]
    assert binarize(np.array([[0.0, 2.0]]), -1).tolist() == [[0.0, 1.0]]


def test_interactions_keep_order_and_times_in_the_smaller_frame():
    X = Interactions.from_arrays(
        [2, 0, 2, 0, 1], [3, 3, 1, 1, 0], [1, 2, 3, 4, 5], [50, 40, 30, 20, 10], frame=(3, 5)
    )
    core, rows, columns = k_core(X, 2, return_indices=True)
    assert (rows.tolist(), columns.tolist(), core.frame) == ([0, 2], [1, 3], (2, 2))
    assert core.value.tolist() == [1, 2, 3, 4]
    assert core.timestamp.tolist() == [50, 40, 30, 20]
    np.testing.assert_array_equal(rows[core.user], [2, 0, 2, 0])
    np.testing.assert_array_equal(columns[core.item], [3, 3, 1, 1])


def test_a_repeated_pair_counts_once():
    X = Interactions.from_arrays([0, 0, 1, 1], [0, 0, 0, 1])
    reduced, rows, _ = min_interactions(X, user=2, return_indices=True)
    assert rows.tolist() == [1]
    assert len(reduced) == 2


def test_binarize_judges_each_interaction():
    X = Interactions.from_arrays([0, 0, 0], [1, 1, 0], [5, 2, 4], [1, 2, 3])
    result = binarize(X, 4)
    assert (result.item.tolist(), result.value.tolist()) == ([1, 0], [1, 1])
    assert (result.timestamp.tolist(), result.frame) == ([1, 3], X.frame)


def test_one_count_may_be_given_alone():
    X = sp.csr_matrix(np.eye(3) + np.eye(3, k=1))
    assert k_core(X, user_k=2).shape == (2, 3)
    assert k_core(X, item_k=2).shape == (3, 2)
    assert k_core(X, 1, item_k=2, return_indices=True)[2].tolist() == [1, 2]


def test_reduced_encoder_speaks_of_the_reduced_frame():
    df = pd.DataFrame({"who": list("abbcc"), "what": list("xyzyz"), "when": range(5)})
    X, encoder = Interactions.from_frame(df, user="who", item="what", timestamp="when")
    core, rows, columns = k_core(X, 2, return_indices=True)
    reduced = reduce_encoder(encoder, rows, columns)
    assert reduced.decode_users(core.user).tolist() == list("bbcc")
    assert reduced.decode_items(core.item).tolist() == list("yzyz")
    again = reduced.transform(df[df.who != "a"])
    assert (again.frame, again.timestamp.tolist()) == (core.frame, core.timestamp.tolist())
    with pytest.raises(ValueError, match="unknown"):
        reduced.encode_users(["a"])
    assert len(encoder.user_ids_) == 3


def test_nothing_left_is_warned_of():
    with pytest.warns(SkrecWarning, match="no interactions are left"):
        assert k_core(sp.csr_matrix(np.eye(3)), 2).shape == (0, 0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: k_core(np.eye(2)), "k must be given"),
        (lambda: k_core(np.eye(2), 1.5), "user_k must be an integer"),
        (lambda: min_interactions(np.eye(2), user=-1), "user must be an integer of at least 0"),
        (lambda: binarize(np.eye(2), np.nan), "threshold must be a number"),
        (lambda: binarize(np.eye(2), "4"), "threshold must be a number"),
        (lambda: binarize(np.ones(3), 4), "X must be a sparse matrix"),
        (lambda: k_core(pd.DataFrame({"user": ["a"], "item": ["x"]}), 2), "from_frame"),
        (lambda: reduce_encoder(None, [], [1]), "rows and columns must not be empty"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
