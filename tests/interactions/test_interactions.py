"""Interactions and InteractionEncoder."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from skrec import InteractionEncoder, Interactions

DENSE = np.array([[1, 0, 2.5], [0, 3, 0], [0, 0, 0], [4, 5, 6]])


def triples(interactions):
    """Return (user, item, value) of each interaction."""
    i = interactions
    return list(zip(i.user.tolist(), i.item.tolist(), i.value.tolist()))


DENSE_TRIPLES = [(r, c, DENSE[r, c]) for r, c in zip(*np.nonzero(DENSE))]


# building


@pytest.mark.parametrize(
    "convert",
    [
        *(sp.csr_matrix, sp.csr_array, sp.csc_matrix, sp.csc_array, sp.coo_matrix, sp.coo_array),
        *(sp.lil_matrix, sp.dok_array, np.array, np.ndarray.tolist, pd.DataFrame),
    ],
)
def test_from_any_matrix(convert):
    made = Interactions(convert(DENSE))
    assert sorted(triples(made)) == DENSE_TRIPLES
    assert made.frame == (4, 3)
    assert made.shape == (6,)
    assert len(made) == 6
    assert made.timestamp is None
    assert (made.user.dtype, made.item.dtype) == (np.int64, np.int64)
    assert made.value.dtype == np.float32
    np.testing.assert_array_equal(made.tocsr().toarray(), DENSE)


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_from_either_index_type_and_unsorted_indices(index):
    X = sp.csr_matrix((2, 4))
    X.data = np.array([1.0, 2.0, 3.0])
    X.indices, X.indptr = np.array([3, 0, 1], dtype=index), np.array([0, 2, 3], dtype=index)
    made = Interactions(X)
    assert triples(made) == [(0, 3, 1.0), (0, 0, 2.0), (1, 1, 3.0)]
    assert made.tocsr().has_sorted_indices


def test_stored_zeros_and_repeats_of_a_sparse_matrix_are_interactions():
    X = sp.coo_matrix(([0.0, 1.0, 1.0], ([0, 1, 1], [1, 0, 0])), shape=(2, 2))
    made = Interactions(X)
    assert triples(made) == [(0, 1, 0.0), (1, 0, 1.0), (1, 0, 1.0)]
    assert made.tocsr().nnz == 2
    assert made.tocsr()[1, 0] == 2


def test_timestamps_of_the_same_pattern_in_another_order():
    X = sp.coo_matrix(([1.0, 2.0, 3.0], ([1, 0, 0], [0, 2, 1])), shape=(2, 3))
    T = sp.csr_matrix(([7, 10**10, 9], ([0, 0, 1], [1, 2, 0])), shape=(2, 3))
    made = Interactions(X, timestamps=T)
    assert made.timestamp.dtype == np.int64
    assert made.timestamp.tolist() == [9, 10**10, 7]


@pytest.mark.parametrize(
    "T",
    [
        sp.csr_matrix((4, 3)),
        sp.csr_matrix(np.ones((4, 4))),
        sp.csr_matrix(np.roll(DENSE, 1, axis=0)),
    ],
    ids=["empty", "shape", "pattern"],
)
def test_timestamps_of_another_pattern_are_an_error(T):
    with pytest.raises(ValueError, match="timestamps must store the same entries as X"):
        Interactions(sp.csr_matrix(DENSE), timestamps=T)


def test_what_is_no_matrix_is_an_error():
    with pytest.raises(ValueError, match=r"X must be a matrix of shape .* got 1 dim"):
        Interactions([1, 2, 3])


def test_from_arrays():
    made = Interactions.from_arrays([2, 0], [1, 1], [4, 5], [9, 8])
    assert triples(made) == [(2, 1, 4.0), (0, 1, 5.0)]
    assert made.timestamp.tolist() == [9, 8]
    assert made.frame == (3, 2)
    assert Interactions.from_arrays([2], [1], frame=(9, 7)).frame == (9, 7)
    assert Interactions.from_arrays([2], [1]).value.tolist() == [1.0]


def test_no_interactions():
    made = Interactions.from_arrays([], [], frame=(2, 3))
    assert len(made) == 0
    assert made.tocsr().shape == (2, 3)
    assert Interactions.from_arrays([], []).frame == (0, 0)
    assert len(made[[]]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0]), "item must have the shape of user"),
        (([0, 1], [0, 1], [1.0]), "value must have the shape of user"),
        (([0, 1], [0, 1], None, [1]), "timestamp must have the shape of user"),
        (([0.5, 1], [0, 1]), "user must be a 1-D array of integers"),
        (([0, 1], ["a", "b"]), r"item must be .* got 1-D of str \(raw ids go through"),
        (([[0, 1]], [0]), "user must be a 1-D array of integers; got 2-D"),
        (([0, -1], [0, 1]), r"user must lie in \[0, 1\)"),
    ],
)
def test_bad_arrays_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Interactions.from_arrays(*arguments)


def test_what_lies_outside_the_frame_is_an_error():
    with pytest.raises(ValueError, match=r"item must lie in \[0, 2\), the frame; got .* 1 to 2"):
        Interactions.from_arrays([0, 0], [1, 2], frame=(1, 2))


# taking parts


@pytest.fixture
def five():
    return Interactions.from_arrays(
        [3, 0, 3, 1, 2], [0, 1, 2, 3, 4], [1, 2, 3, 4, 5], [50, 40, 30, 20, 10], frame=(6, 7)
    )


@pytest.mark.parametrize(
    "key",
    [
        slice(1, 4),
        slice(None, None, -1),
        np.array([4, 0, 0, -1]),
        [2, 1],
        [],
        np.array([True, False, True, False, True]),
        [True, False, False, False, True],
        (slice(1, 3), slice(None)),
        (np.array([1, 2]), Ellipsis),
        ([0, 3],),
    ],
)
def test_a_part_stays_in_the_frame_and_in_order(five, key):
    part = five[key]
    first = key[0] if isinstance(key, tuple) else key
    place = np.arange(5)[np.asarray(first, dtype=int) if np.size(first) == 0 else first]
    assert part.frame == (6, 7)
    assert part.item.tolist() == place.tolist()
    assert part.user.tolist() == [five.user[i] for i in place]
    assert part.value.tolist() == [i + 1 for i in place]
    assert part.timestamp.tolist() == [50 - 10 * i for i in place]
    assert part.shape == (len(place),)


@pytest.mark.parametrize("key", [2, np.int64(2), -3])
def test_one_integer_gives_a_part_of_one(five, key):
    assert triples(five[key]) == [(3, 2, 3.0)]


def test_what_is_not_there_is_an_index_error(five):
    with pytest.raises(IndexError):
        five[[5]]
    with pytest.raises(IndexError):
        five[np.array([True, False])]


def test_parts_of_interactions_without_timestamps_have_none():
    assert Interactions(DENSE)[1:].timestamp is None


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 4), max_size=6), st.lists(st.booleans(), min_size=5, max_size=5))
def test_a_part_of_a_part_is_a_part(places, mask):
    made = Interactions.from_arrays(np.arange(5), np.arange(5))
    mask = np.array(mask)
    part = made[places]
    assert part.user.tolist() == places
    assert made[mask].user.tolist() == np.flatnonzero(mask).tolist()
    assert part[::-1][:2].user.tolist() == places[::-1][:2]


def test_sklearn_splits_interactions(five):
    train, test = train_test_split(five, test_size=2, random_state=0)
    assert (len(train), len(test)) == (3, 2)
    assert train.frame == test.frame == five.frame
    assert sorted([*train.item, *test.item]) == [0, 1, 2, 3, 4]


def test_iteration_is_an_error_that_says_what_to_use(five):
    with pytest.raises(TypeError, match="tocsr"):
        iter(five)


def test_it_never_becomes_an_array_by_itself(five):
    with pytest.raises(TypeError, match=r"use tocsr\(\) for the matrix of shape \(6, 7\)"):
        np.asarray(five)


def test_repr_says_what_is_in_it(five):
    assert repr(five) == "<5 interactions of 6 users and 7 items, with timestamps>"
    assert "without timestamps" in repr(Interactions(DENSE))


# immutability


@pytest.mark.parametrize("name", ["user", "item", "value", "timestamp"])
def test_the_arrays_are_locked(five, name):
    for made in (five, five[:2], five[[4, 0]]):
        with pytest.raises(ValueError, match="read-only"):
            getattr(made, name)[0] = 7


def test_it_is_a_copy_of_its_input():
    user, X = np.array([0, 1]), sp.csr_matrix(DENSE)
    made, other = Interactions.from_arrays(user, [0, 0]), Interactions(X)
    user[:] = 1
    X.data[:] = 9
    assert made.user.tolist() == [0, 1]
    assert triples(other) == DENSE_TRIPLES


def test_tocsr_may_be_changed_without_harm(five):
    X = five.tocsr()
    X.data[:] = 0
    assert five.tocsr().sum() == 15
    no_times = Interactions(DENSE)
    no_times.tocsr().data[:] = 0
    assert no_times.tocsr().sum() == DENSE.sum()


def test_pickle_keeps_everything(five):
    again = pickle.loads(pickle.dumps(five))
    assert triples(again) == triples(five)
    assert again.frame == five.frame
    assert again.timestamp.tolist() == five.timestamp.tolist()


# the matrix


def test_repeated_pairs_are_summed_without_timestamps():
    X = Interactions.from_arrays([0, 1, 0, 0], [1, 0, 1, 0], [2, 3, 5, 1]).tocsr()
    assert isinstance(X, sp.csr_matrix)
    assert X.dtype == np.float32
    assert X.has_canonical_format
    assert X.toarray().tolist() == [[1, 7], [3, 0]]


def test_the_latest_value_of_a_repeated_pair_counts_with_timestamps():
    made = Interactions.from_arrays([0, 1, 0, 0], [1, 0, 1, 1], [2, 3, 5, 4], [10, 0, 30, 20])
    X = made.tocsr()
    assert X.dtype == np.float32
    assert X.has_canonical_format
    assert X.toarray().tolist() == [[0, 5], [3, 0]]


def test_of_equal_times_the_last_in_input_order_counts():
    made = Interactions.from_arrays([0, 0, 0], [0, 0, 0], [1, 2, 3], [5, 5, 4])
    assert made.tocsr().toarray().tolist() == [[2]]
    assert made[[1, 0]].tocsr().toarray().tolist() == [[1]]


@pytest.mark.parametrize("timestamp", [None, [1, 2]])
def test_zeros_stay_stored(timestamp):
    X = Interactions.from_arrays([0, 1], [0, 1], [0, 2], timestamp, frame=(3, 2)).tocsr()
    assert X.nnz == 2
    assert X.shape == (3, 2)


# tables of raw ids


TABLE = pd.DataFrame(
    {
        "who": ["bob", "ann", "bob", "cy"],
        "what": ["tea", "tea", "rum", "gin"],
        "stars": [5.0, 3.5, 1.0, 4.0],
        "when": [40, 10, 20, 30],
    }
)
NAMES = {"user": "who", "item": "what", "rating": "stars", "timestamp": "when"}


def test_from_frame_codes_ids_by_first_appearance():
    made, encoder = Interactions.from_frame(TABLE, **NAMES)
    assert triples(made) == [(0, 0, 5.0), (1, 0, 3.5), (0, 1, 1.0), (2, 2, 4.0)]
    assert made.timestamp.tolist() == [40, 10, 20, 30]
    assert made.frame == (3, 3)
    assert encoder.user_ids_.tolist() == ["bob", "ann", "cy"]
    assert encoder.item_ids_.tolist() == ["tea", "rum", "gin"]


def test_from_frame_without_ratings_and_times():
    made, _ = Interactions.from_frame(TABLE, user="who", item="what")
    assert made.value.tolist() == [1, 1, 1, 1]
    assert made.timestamp is None


def test_from_frame_with_the_default_names_and_any_index():
    table = TABLE.rename(columns={"who": "user", "what": "item"}).set_index(pd.Index([9, 9, 7, 5]))
    made, _ = Interactions.from_frame(table, rating="stars")
    assert triples(made) == triples(Interactions.from_frame(TABLE, **NAMES)[0])


@pytest.mark.parametrize(
    "ids",
    [
        ["b", "a", "b"],
        [10**12, -5, 10**12],
        ["a", 7, "a"],
        [("x", 1), ("y", 2), ("x", 1)],
        [2.5, 1.5, 2.5],
        pd.Categorical(["b", "a", "b"]),
        pd.to_datetime(["2020-01-01", "2021-01-01", "2020-01-01"]),
    ],
    ids=["str", "int", "mixed", "tuple", "float", "category", "datetime"],
)
def test_raw_ids_of_any_kind_come_back(ids):
    table = pd.DataFrame({"user": pd.Series(ids), "item": [1, 1, 2]})
    made, encoder = Interactions.from_frame(table)
    assert made.user.tolist() == [0, 1, 0]
    raw = list(table["user"])
    assert list(pd.Series(encoder.decode_users(made.user))) == raw
    assert encoder.encode_users(raw).tolist() == [0, 1, 0]


def test_datetimes_become_nanoseconds_whatever_their_unit():
    day = ["1970-01-02", "2020-05-17 12:00:01", "1969-12-31"]
    expected = [seconds * 10**9 for seconds in (86_400, 1_589_716_801, -86_400)]
    for unit in ("s", "ms", "us", "ns"):
        when = pd.Series(pd.to_datetime(day, format="mixed")).astype(f"datetime64[{unit}]")
        table = pd.DataFrame({"user": [1, 2, 3], "item": 1, "t": when})
        made, _ = Interactions.from_frame(table, timestamp="t")
        assert made.timestamp.tolist() == expected
        assert made.time_unit == "ns"


def test_times_with_a_zone_are_moments():
    when = pd.to_datetime(["1970-01-01 01:00"]).tz_localize("Europe/Berlin")
    table = pd.DataFrame({"user": [1], "item": [1], "t": when})
    assert Interactions.from_frame(table, timestamp="t")[0].timestamp.tolist() == [0]


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match=r"rating='score' must name a column; got \['who'"):
        Interactions.from_frame(TABLE, user="who", item="what", rating="score")


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_id_is_an_error(missing):
    table = pd.DataFrame({"user": ["a", missing], "item": ["x", "y"]})
    with pytest.raises(ValueError, match="user ids must not be missing; got 1"):
        Interactions.from_frame(table)


@pytest.fixture
def encoder():
    return Interactions.from_frame(TABLE, **NAMES)[1]


def test_encoding_and_decoding_are_inverse(encoder):
    assert encoder.encode_users(["cy", "bob"]).tolist() == [2, 0]
    assert encoder.encode_items(np.array(["gin"])).dtype == np.int64
    assert encoder.encode_users([]).tolist() == []
    assert encoder.decode_users([2, 0]).tolist() == ["cy", "bob"]


def test_unknown_ids_are_named(encoder):
    with pytest.raises(ValueError, match=r"user ids must be among the 3 .*\['dan', 'eve'\]"):
        encoder.encode_users(["bob", "dan", "eve", "dan"])
    with pytest.raises(ValueError, match="item ids must be among the 3"):
        encoder.transform(TABLE.assign(what="milk"))


def test_decoding_what_recommend_returns(encoder):
    lists = np.array([[2, 0], [1, -1]])
    assert encoder.decode_items(lists).tolist() == [["gin", "tea"], ["rum", None]]


@pytest.mark.parametrize("columns", [[3], [-2]])
def test_decoding_what_is_no_column_is_an_error(encoder, columns):
    with pytest.raises(ValueError, match=r"columns must lie in \[-1, 3\)"):
        encoder.decode_items(columns)


def test_integer_ids_decode_beside_none():
    encoder = InteractionEncoder().fit(pd.DataFrame({"user": [9], "item": [70]}))
    assert encoder.decode_items([0, -1]).tolist() == [70, None]
    assert encoder.decode_items([0]).tolist() == [70]


def test_transform_of_a_new_table_keeps_the_frame(encoder):
    made = encoder.transform(TABLE.iloc[[3]])
    assert triples(made) == [(2, 2, 4.0)]
    assert made.frame == (3, 3)


def test_encoder_survives_pickle(encoder):
    again = pickle.loads(pickle.dumps(encoder))
    assert again.encode_users(["ann"]).tolist() == [1]
    assert again.get_params() == encoder.get_params()


@pytest.mark.parametrize("kind", ["NaT", "NaN"])
def test_a_missing_time_is_an_error(kind):
    times = {"NaT": pd.to_datetime(["2020-01-01", None]), "NaN": [1.0, np.nan]}[kind]
    table = pd.DataFrame({"user": [1, 2], "item": [1, 1], "t": times})
    with pytest.raises(ValueError, match="timestamp"):
        Interactions.from_frame(table, timestamp="t")


def test_a_pickle_from_before_encoders_were_kept_can_be_read(five):
    state = {name: value for name, value in vars(five).items() if name[0] not in "et"}
    old = Interactions.__new__(Interactions)
    vars(old).update(state, timestamp=five.timestamp)
    again = pickle.loads(pickle.dumps(old))
    assert again[:2].encoder is again[:2].time_unit is None


@pytest.mark.parametrize("T", [[[1], [1, 2]], Interactions(DENSE)])
def test_timestamps_that_are_no_array_are_named(T):
    with pytest.raises((TypeError, ValueError), match="timestamps must"):
        Interactions(DENSE, timestamps=T)


@pytest.mark.parametrize("index", [[[0, 1], [2]], [[0], []]])
def test_a_ragged_index_is_an_index_error(index):
    with pytest.raises(IndexError, match="interactions are 1-D; got"):
        Interactions(DENSE)[index]
