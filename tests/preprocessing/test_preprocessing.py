import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.exceptions import NotFittedError

from skrec.exceptions import SkrecWarning
from skrec.interactions import InteractionEncoder, Interactions
from skrec.preprocessing import (
    binarize,
    k_core,
    min_interactions,
    permute_items,
    reduce_encoder,
)

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


@pytest.mark.filterwarnings("ignore:no entry of X reaches")
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


def test_reduced_interactions_know_their_own_encoder_and_times():
    df = {"user": list("abbcc"), "item": list("xyzyz"), "when": np.arange(5) + 0.5}
    X, _ = Interactions.from_frame(df, timestamp="when")
    for part in (k_core(X, 2), min_interactions(X, 2), binarize(X, 1), permute_items(X)):
        assert part.time_unit == X.time_unit == "ns"
        assert (len(part.encoder.user_ids_), len(part.encoder.item_ids_)) == part.frame
    core = k_core(X, 2)
    assert core.encoder.decode_users(core.user).tolist() == list("bbcc")
    with pytest.warns(SkrecWarning, match="no interactions are left"):
        assert k_core(X, 3).encoder is None


def test_an_encoder_is_reduced_by_masks_too():
    _, encoder = Interactions.from_frame({"user": list("abc"), "item": [(1, 2), (3,), ()]})
    reduced = reduce_encoder(encoder, np.array([True, False, True]), [2, 0])
    assert reduced.user_ids_.tolist() == ["a", "c"]
    assert reduced.item_ids_.tolist() == [(), (1, 2)]


COUNTED = {
    "binarize": lambda X: binarize(X, 200).sum(),
    "k_core": lambda X: k_core(X, 1).sum() >= 200,
    "min_interactions": lambda X: min_interactions(X, 1).sum() >= 200,
    "permute_items": lambda X: permute_items(X, n_rounds=1).sum() >= 200,
}


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.float32])
@pytest.mark.parametrize("format", ["csr", "csc", "coo"])
@pytest.mark.parametrize("n", [256, 300])
def test_repeats_are_summed_in_a_type_that_holds_them(name, dtype, format, n):
    coo = sp.coo_array((np.ones(n, dtype), (np.zeros(n, int), np.ones(n, int))), shape=(1, 2))
    compressed = sp.csr_array((coo.data, coo.col, [0, n]), shape=(1, 2))
    X = {"coo": coo, "csr": compressed, "csc": sp.csc_array((coo.data, coo.row, [0, 0, n]))}[format]
    assert COUNTED[name](X) == 1


@QUICK
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=400),
    st.integers(1, 130),
    st.integers(1, 300),
    st.sampled_from([np.int8, np.uint8, np.int32, np.float64]),
)
@pytest.mark.filterwarnings("ignore:no entry of X reaches")
def test_thresholds_are_on_summed_values(pairs, strength, threshold, dtype):
    strength = min(strength, 127)
    row, column = np.array(pairs).T
    X = sp.coo_matrix((np.full(len(pairs), strength, dtype), (row, column)), shape=(3, 3))
    sums = np.zeros((3, 3))
    np.add.at(sums, (row, column), strength)
    np.testing.assert_array_equal(binarize(X, threshold).toarray(), sums >= threshold)


ALL = {
    "binarize": lambda X: binarize(X, 1),
    "k_core": lambda X: k_core(X, 1),
    "min_interactions": lambda X: min_interactions(X, 1),
    "permute_items": permute_items,
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(name, value):
    dense = np.array([[value, 5], [4, 0]])
    for X in (dense, sp.csr_matrix(dense), sp.coo_array(dense), Interactions(dense)):
        with pytest.raises(ValueError, match=r"X must hold finite values; got (NaN|infinity)"):
            ALL[name](X)


@pytest.mark.parametrize("name", ALL)
def test_masked_entries_are_missing(name):
    X = np.ma.masked_equal([[5, 9], [9, 5]], 9)
    result = ALL[name](X)
    assert np.count_nonzero(result) == 2
    assert result.max() < 9


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda X: X.indices.__setitem__(1, 7), "column indices up to 7"),
        (lambda X: X.indices.__setitem__(1, -1), "a negative column index"),
        (lambda X: X.indptr.__setitem__(1, 3), "pointers that fall"),
        (lambda X: X.indptr.__setitem__(3, 9), "stored entries"),
    ],
)
def test_corrupt_matrices_are_refused(name, change, words):
    X = sp.csr_matrix(np.eye(3))
    change(X)
    with pytest.raises(ValueError, match=f"X must be a sound sparse matrix; got .*{words}"):
        ALL[name](X)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("X", "words"),
    [
        ([[1, 2], [3]], "ragged"),
        (np.eye(2) * 1j, "Complex data not supported"),
        (sp.csr_matrix(np.eye(2) * 1j), "Complex data not supported"),
        (None, "X must be a matrix"),
        (sp.coo_array(np.ones(3)), "X must be a matrix"),
        (np.column_stack([np.arange(40) + 200, np.arange(40) + 900]), "Interactions.from_frame"),
        ([["ann", "tea"], ["bob", "tea"]], "Interactions.from_frame"),
    ],
)
def test_what_is_no_matrix_is_refused(name, X, words):
    with pytest.raises(ValueError, match=words):
        ALL[name](X)


def test_float16_and_booleans_are_matrices_like_others():
    X = np.array([[5, 0], [4, 3]])
    np.testing.assert_array_equal(binarize(X.astype(np.float16), 4), X >= 4)
    np.testing.assert_array_equal(binarize(X > 0, 1), X > 0)
    np.testing.assert_array_equal(binarize(sp.csr_matrix(X > 0), 1).toarray(), X > 0)


@pytest.mark.parametrize("kind", [float, np.float32, np.float64, np.float16])
def test_a_threshold_is_the_same_in_any_type(kind):
    X = np.array([[3.25, 3.0]], dtype=np.float32)
    assert binarize(X, kind(3.25)).tolist() == [[1.0, 0.0]]
    assert binarize(np.array([[3.3]], dtype=np.float32), np.float64(3.3)).tolist() == [[1.0]]


def test_a_threshold_that_nothing_reaches_is_warned_of():
    X = np.array([[1.0, 0.0]])
    for data in (X, sp.csr_matrix(X), Interactions(X)):
        with pytest.warns(SkrecWarning, match=r"reaches threshold=4: the largest is 1"):
            binarize(data, 4)


@pytest.mark.parametrize("value", [True, np.True_, -1, 1.0, "2", np.nan, [2], np.array(2)])
def test_counts_are_integers(value):
    X = np.eye(3)
    for name, call in {
        "k": lambda: k_core(X, value),
        "user_k": lambda: k_core(X, 1, user_k=value),
        "item_k": lambda: k_core(X, 1, item_k=value),
        "user": lambda: min_interactions(X, value),
        "item": lambda: min_interactions(X, item=value),
        "n_rounds": lambda: permute_items(X, n_rounds=value),
    }.items():
        with pytest.raises(ValueError, match=f"^{name} must be an integer"):
            call()


def test_small_and_large_counts_of_numpy_are_counts():
    X = np.ones((300, 2))
    assert k_core(X, np.int8(2)).shape == (300, 2)
    assert min_interactions(X, np.uint8(2), np.uint8(255)).shape == (300, 2)
    with pytest.warns(SkrecWarning, match="no interactions are left"):
        assert k_core(X, 10**30).shape == (0, 0)


ENCODER = InteractionEncoder().fit({"user": list("abc"), "item": list("xyz")})


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([3], r"rows must lie in \[0, 3\)"),
        ([-1], r"rows must lie in \[0, 3\)"),
        ([0, 0], "rows must not repeat"),
        ([1.0], "rows must be integer rows"),
        (["a"], "rows must be integer rows"),
        (5, "rows must be 1-D"),
        ([True, False], "rows must have one entry for each of the 3"),
        (np.ma.masked_equal([0, 1], 1), "rows must be integer rows"),
    ],
)
def test_rows_outside_the_encoders_frame_are_refused(rows, words):
    with pytest.raises(ValueError, match=words):
        reduce_encoder(ENCODER, rows, [0])
    with pytest.raises(ValueError, match="columns must"):
        reduce_encoder(ENCODER, [0], rows)


def test_only_a_fitted_encoder_is_reduced():
    with pytest.raises(TypeError, match="encoder must be an InteractionEncoder; got NoneType"):
        reduce_encoder(None, [0], [1])
    with pytest.raises(NotFittedError):
        reduce_encoder(InteractionEncoder(), [0], [1])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: k_core(np.eye(2)), "k must be given"),
        (lambda: k_core(np.eye(2), 1.5), "k must be an integer"),
        (lambda: min_interactions(np.eye(2), user=-1), "user must be an integer >= 0"),
        (lambda: binarize(np.eye(2), np.nan), "threshold must be a number"),
        (lambda: binarize(np.eye(2), "4"), "threshold must be a number"),
        (lambda: binarize(np.eye(2), True), "threshold must be a number"),
        (lambda: binarize(np.eye(2), b"4"), "threshold must be a number"),
        (lambda: binarize(np.ones(3), 4), "X must be a matrix"),
        (lambda: k_core(np.eye(2), 1, return_indices=1), "return_indices must be True or False"),
        (lambda: k_core(pd.DataFrame({"user": ["a"], "item": ["x"]}), 2), "from_frame"),
        (lambda: reduce_encoder(ENCODER, [], [1]), "rows must not be empty"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


SECONDS, WHOLE = [1.5, 2.5, 3.5], [10, 20, 30]
DATES = ["2020-01-01", "2020-01-02", "2020-01-03"]


@pytest.mark.parametrize(
    ("times", "taken", "refused"),
    [(SECONDS, WHOLE, None), (WHOLE, WHOLE, DATES), (DATES, DATES, WHOLE)],
)
def test_a_reduced_encoder_takes_times_of_the_same_kind(times, taken, refused):
    def table(values):
        return {"user": list("abc"), "item": list("xyz"), "t": values}

    encoder = InteractionEncoder(timestamp="t", unknown="ignore").fit(table(times))
    reduced = reduce_encoder(encoder, [2, 0], [2, 0])
    assert reduced.time_unit_ == encoder.time_unit_
    assert reduced.get_params() == encoder.get_params()
    assert encoder.user_ids_.tolist() == ["a", "b", "c"]
    expected = encoder.transform(table(taken)).timestamp[[0, 2]]
    assert reduced.transform(table(taken)).timestamp.tolist() == expected.tolist()
    if refused is not None:
        with pytest.raises(ValueError, match="timestamp must be of the kind that fit saw"):
            reduced.transform(table(refused))
