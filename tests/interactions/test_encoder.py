"""The coding of raw ids."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skrec import EASERecommender, InteractionEncoder, Interactions
from skrec.interactions import different_ids

TABLE = {"user": [1, 2, 1], "item": ["x", "y", "z"]}


@pytest.fixture
def encoder():
    return InteractionEncoder().fit(TABLE)


# as a transformer of scikit-learn


def test_parameters_and_clone(encoder):
    encoder.set_params(unknown="ignore", rating="r")
    again = clone(encoder)
    assert again.get_params() == {
        "user": "user", "item": "item", "rating": "r", "timestamp": None, "unknown": "ignore",
    }  # fmt: skip
    assert not hasattr(again, "user_ids_")
    assert "InteractionEncoder" in again._repr_html_()


@pytest.mark.parametrize(
    "use",
    [
        lambda e: e.transform(TABLE),
        lambda e: e.encode_users([1]),
        lambda e: e.encode_items(["x"]),
        lambda e: e.decode_users([0]),
        lambda e: e.decode_items([0]),
        lambda e: e.get_feature_names_out(),
    ],
)
def test_it_must_be_fitted(use):
    with pytest.raises(NotFittedError):
        use(InteractionEncoder())


def test_names_of_the_columns():
    names = InteractionEncoder().fit({"user": [1, 1], "item": [7, 8]}).get_feature_names_out()
    assert names.tolist() == ["7", "8"]
    assert names.dtype == object


def test_fit_transform_is_fit_and_transform(encoder):
    made, again = InteractionEncoder().fit_transform(TABLE), encoder.transform(TABLE)
    assert made.user.tolist() == again.user.tolist() == [0, 1, 0]
    assert made.item.tolist() == again.item.tolist() == [0, 1, 2]


def test_in_a_pipeline():
    pipe = make_pipeline(InteractionEncoder(), EASERecommender())
    assert pipe.fit(TABLE)[-1].interactions_.shape == (2, 3)


def test_pandas_output_is_no_matter(encoder):
    with config_context(transform_output="pandas"):
        assert isinstance(encoder.transform(TABLE), Interactions)
        assert isinstance(InteractionEncoder().fit_transform(TABLE), Interactions)


def test_unknown_must_be_a_choice():
    with pytest.raises(ValueError, match="unknown must be 'error' or 'ignore'; got 'drop'"):
        InteractionEncoder(unknown="drop").fit(TABLE)


def test_a_failed_fit_changes_nothing(encoder):
    for bad in ({"user": [None], "item": ["x"]}, {"user": [5]}):
        for method in (encoder.fit, encoder.fit_transform, encoder.partial_fit):
            with pytest.raises(ValueError, match="must"):
                method(bad)
    assert encoder.user_ids_.tolist() == [1, 2]


# scalars and kinds


def test_one_id_gives_one_code_and_back(encoder):
    assert encoder.encode_users(2) == 1
    assert type(encoder.encode_users(np.int64(2))) is int
    assert encoder.encode_items("z") == 2
    assert encoder.decode_items(2) == "z"
    assert type(encoder.decode_users(np.int8(1))) is int
    assert encoder.decode_users(-1) is None
    tuples = InteractionEncoder().fit({"user": [("a", 1), ("b", 2)], "item": [1, 1]})
    assert tuples.encode_users(("b", 2)) == 1
    assert tuples.encode_users((("b", 2), ("a", 1))).tolist() == [1, 0]


@pytest.mark.parametrize("unknown", ["error", "ignore"])
@pytest.mark.parametrize(
    ("side", "ids", "message"),
    [
        ("users", "1", "user ids must be integers, as they were in fit; got text"),
        ("users", ["1", "2"], "user ids must be integers"),
        ("users", [True], "user ids must be integers, as they were in fit; got booleans"),
        ("users", pd.Categorical(["1"]), "user ids must be integers"),
        ("items", [1], r"item ids must be text, .* got integers \(fit saw ids such as 'x'\)"),
        ("items", [None], "item ids must not be missing"),
    ],
)
def test_ids_of_another_kind_are_an_error(encoder, unknown, side, ids, message):
    encoder.set_params(unknown=unknown)
    with pytest.raises(ValueError, match=message):
        getattr(encoder, f"encode_{side}")(ids)


def test_whole_floats_are_the_integers(encoder):
    assert encoder.encode_users([2.0, 1.0]).tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"among the 2 of fit; got unknown ids such as \[1.5\]"):
        encoder.encode_users([1.5])
    large = InteractionEncoder().fit({"user": [2**53 + 1, 5], "item": [1, 1]})
    with pytest.raises(ValueError, match="unknown ids"):
        large.encode_users([2.0**53])


@pytest.mark.parametrize("codes", [[0.0], True, ["0"], None])
def test_what_is_no_code_is_an_error(encoder, codes):
    with pytest.raises(ValueError, match="columns must be integers"):
        encoder.decode_items(codes)


# unknown ids and growth


def test_unknown_ids_are_dropped_where_they_are_to_be_ignored(encoder):
    encoder.set_params(unknown="ignore", rating="r")
    table = {"user": [2, 9, 1, 1], "item": ["x", "x", "q", "z"], "r": [1, 2, 3, 4]}
    made = encoder.transform(table)
    assert (made.user.tolist(), made.item.tolist()) == ([1, 0], [0, 2])
    assert made.value.tolist() == [1, 4]
    assert encoder.encode_users([9, 1]).tolist() == [-1, 0]
    assert encoder.encode_users(9) == -1


def test_it_grows_and_old_codes_stay(encoder):
    before = encoder.transform(TABLE)
    encoder.partial_fit({"user": [9, 1, 9], "item": ["y", "q", "x"]})
    assert encoder.user_ids_.tolist() == [1, 2, 9]
    assert encoder.item_ids_.tolist() == ["x", "y", "z", "q"]
    assert encoder.transform(TABLE).frame == (3, 4)
    assert before.encoder.user_ids_.tolist() == [1, 2]
    assert before.encoder.transform(TABLE).frame == (2, 3)
    with pytest.raises(ValueError, match="user ids must be integers, as they were in fit"):
        encoder.partial_fit({"user": ["9"], "item": ["new"]})
    assert encoder.item_ids_.tolist() == ["x", "y", "z", "q"]


def test_the_first_partial_fit_is_a_fit():
    assert InteractionEncoder().partial_fit(TABLE).user_ids_.tolist() == [1, 2]


def test_growing_in_parts_knows_what_one_fit_knows():
    rng = np.random.default_rng(0)
    parts = [
        {"user": rng.integers(0, 30, 20), "item": rng.integers(0, 9, 20).astype(str)}
        for _ in range(4)
    ]
    grown = InteractionEncoder()
    for part in parts:
        grown.partial_fit(part)
    whole = InteractionEncoder().fit(pd.concat(map(pd.DataFrame, parts)))
    assert grown.user_ids_.tolist() == whole.user_ids_.tolist()
    assert grown.item_ids_.tolist() == whole.item_ids_.tolist()


def test_ids_cannot_be_written_to(encoder):
    with pytest.raises(ValueError, match="read-only"):
        encoder.user_ids_[0] = 5


# interactions know their encoder


def test_interactions_keep_their_encoder_as_it_was():
    made, encoder = Interactions.from_frame(TABLE)
    encoder.fit({"user": ["other"], "item": ["other"]})
    for again in (made, made[1:], copy.deepcopy(made), pickle.loads(pickle.dumps(made[:1]))):
        assert again.encoder.user_ids_.tolist() == [1, 2]
        assert again.encoder.decode_items(1) == "y"
    assert made[:1].encoder is made.encoder
    assert Interactions(np.eye(2)).encoder is None


def test_arrays_may_have_an_encoder(encoder):
    made = Interactions.from_arrays([0], [0], encoder=encoder)
    assert made.frame == (2, 3)
    assert different_ids(made.encoder, encoder) is None
    with pytest.raises(ValueError, match=r"as many ids as the frame \(5, 3\); got \(2, 3\)"):
        Interactions.from_arrays([0], [0], frame=(5, 3), encoder=encoder)


def test_which_ids_differ(encoder):
    assert different_ids(encoder, encoder) is None
    assert different_ids(encoder, None) is None
    assert different_ids(encoder, pickle.loads(pickle.dumps(encoder))) is None
    grown = copy.copy(encoder).partial_fit({"user": [9], "item": ["q"]})
    assert different_ids(encoder, grown) is None
    permuted = InteractionEncoder().fit({"user": [1, 2, 1], "item": ["y", "x", "z"]})
    assert different_ids(encoder, permuted) == "item"
    text = InteractionEncoder().fit({"user": ["1", "2", "1"], "item": ["x", "y", "z"]})
    assert different_ids(encoder, text) == "user"
    assert different_ids(encoder, text, items_only=True) is None


# a part of the ids


def test_restricting_keeps_some_ids_in_their_new_order(encoder):
    made = encoder.transform(TABLE)
    assert encoder.restrict([1, 0], [False, True, True]) is encoder
    assert encoder.user_ids_.tolist() == [2, 1]
    assert encoder.item_ids_.tolist() == ["y", "z"]
    assert encoder.encode_users([1, 2]).tolist() == [1, 0]
    with pytest.raises(ValueError, match="item ids must be among the 2 of fit"):
        encoder.encode_items("x")
    assert made.encoder.item_ids_.tolist() == ["x", "y", "z"]


@pytest.mark.parametrize(
    "columns", [[], [3], [-1], [0, 0], [0.5], [[0], [1, 2]], [True], 0, np.zeros((1, 1), int)]
)
def test_what_cannot_be_kept_is_named_and_nothing_changes(encoder, columns):
    with pytest.raises(ValueError, match="columns must"):
        encoder.restrict([0], columns)
    assert encoder.user_ids_.tolist() == [1, 2]


# odd columns


@pytest.mark.parametrize("side", ["user", "item"])
def test_a_column_of_ids_must_be_named(side):
    for call in (Interactions.from_frame, lambda df, **names: InteractionEncoder(**names).fit(df)):
        with pytest.raises(ValueError, match=f"{side} must name a column of raw ids; got None"):
            call(TABLE, **{side: None})


def test_ids_of_half_precision_are_those_of_the_same_value():
    encoder = InteractionEncoder().fit({"user": np.array([2.5, 0.5], np.float16), "item": [0, 1]})
    assert encoder.encode_users(np.array([0.5, 2.5], np.float16)).tolist() == [1, 0]
    assert encoder.encode_users(0.5) == encoder.encode_users(np.float16(0.5)) == 1
