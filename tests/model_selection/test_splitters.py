import datetime as dt
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_validate,
    learning_curve,
)

from skrec.exceptions import SkrecWarning
from skrec.interactions import Interactions
from skrec.model_selection import (
    InteractionHoldout,
    InteractionKFold,
    LeaveOneOut,
    StrongGeneralization,
    TemporalHoldout,
    check_split,
)

QUICK = settings(deadline=None, max_examples=60)
SPLITTERS = [
    LeaveOneOut(),
    LeaveOneOut("random", n_splits=2),
    InteractionKFold(2),
    InteractionHoldout(0.3, n_splits=2),
    TemporalHoldout(0.3),
]


@st.composite
def interactions(draw):
    """Few users, items and times, so that repeated pairs and ties are everywhere."""
    entries = draw(
        st.lists(
            st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 3)),
            min_size=2,
            max_size=30,
        )
    )
    user, item, time = np.array([(0, 0, 1), (0, 1, 1), *entries]).T
    return Interactions.from_arrays(user, item, timestamp=time, frame=(6, 6))


def pairs(X):
    return set(zip(X.user.tolist(), X.item.tolist()))


def first_times(X):
    """Return the (time, index) of the first interaction of each pair, one at a time."""
    first = {}
    for index in range(len(X)):
        pair = (int(X.user[index]), int(X.item[index]))
        first[pair] = min(first.get(pair, (np.inf, 0)), (int(X.timestamp[index]), index))
    return first


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
@QUICK
@given(X=interactions())
def test_sides_share_no_pair_and_cover_everything(splitter, X):
    splits = list(splitter.split(X))
    assert len(splits) == splitter.get_n_splits(X)
    for train, test in splits:
        assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(len(X)))
        assert (np.diff(train) > 0).all()
        assert (np.diff(test) > 0).all()
        assert len(test)
        assert not pairs(X[train]) & pairs(X[test])
        assert X[train].frame == X[test].frame == X.frame
        assert not check_split(X[train], X[test], raise_on_leak=True).leaks


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
@QUICK
@given(X=interactions())
def test_splits_repeat_and_leave_the_global_state_alone(splitter, X):
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = list(splitter.split(X)), list(splitter.split(X))
    for (train, test), (train_again, test_again) in zip(first, second):
        np.testing.assert_array_equal(train, train_again)
        np.testing.assert_array_equal(test, test_again)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@QUICK
@given(interactions())
def test_latest_is_the_last_new_pair_of_each_user(X):
    by_user = defaultdict(list)
    for (user, item), place in first_times(X).items():
        by_user[user].append((place, item))
    expected = {(user, max(seen)[1]) for user, seen in by_user.items() if len(seen) > 1}
    _, test = next(LeaveOneOut().split(X))
    assert pairs(X[test]) == expected


@QUICK
@given(interactions(), st.integers(0, 5))
def test_random_holds_out_one_pair_of_each_user_with_two(X, seed):
    _, test = next(LeaveOneOut("random", random_state=seed).split(X))
    held = sorted(user for user, _ in pairs(X[test]))
    counts = np.bincount([user for user, _ in pairs(X)])
    assert held == np.flatnonzero(counts >= 2).tolist()


@QUICK
@given(interactions(), st.integers(1, 5))
def test_temporal_takes_the_newest_pairs(X, n_test):
    first = sorted((place, pair) for pair, place in first_times(X).items())
    n_test = min(n_test, len(first) - 1)
    _, test = next(TemporalHoldout(n_test).split(X))
    assert pairs(X[test]) == {pair for _, pair in first[-n_test:]}


@QUICK
@given(interactions())
def test_temporal_at_a_time(X):
    first = first_times(X)
    expected = {pair for pair, (time, _) in first.items() if time >= 2}
    if not expected or len(expected) == len(first):
        with pytest.raises(ValueError, match="at must lie after the first"):
            next(TemporalHoldout(at=2).split(X))
    else:
        assert pairs(X[next(TemporalHoldout(at=2).split(X))[1]]) == expected


@QUICK
@given(interactions())
def test_folds_are_even_and_test_every_pair_once(X):
    tested = [pairs(X[test]) for _, test in InteractionKFold(2).split(X)]
    assert not tested[0] & tested[1]
    assert tested[0] | tested[1] == pairs(X)
    assert abs(len(tested[0]) - len(tested[1])) <= 1


def test_latest_ties_go_by_input_order():
    X = Interactions.from_arrays([0, 0, 0], [2, 0, 1], timestamp=[7, 7, 7])
    assert next(LeaveOneOut().split(X))[1].tolist() == [2]
    assert next(LeaveOneOut().split(X[[2, 1, 0]]))[1].tolist() == [2]


def test_a_repeat_is_dated_by_its_first_time():
    X = Interactions.from_arrays([0, 0, 0], [0, 1, 0], timestamp=[1, 5, 9])
    train, test = next(LeaveOneOut().split(X))
    assert (train.tolist(), test.tolist()) == ([0, 2], [1])


def test_sorted_users_are_spread_over_folds():
    X = Interactions(np.ones((20, 30)))
    for train, _ in InteractionKFold(5).split(X):
        assert len(np.unique(X.user[train])) == 20


def test_seeds_and_repeated_draws_differ():
    X = Interactions(np.ones((10, 10)))
    for kind in (InteractionHoldout, InteractionKFold, lambda **k: LeaveOneOut("random", **k)):
        tests = [next(kind(random_state=seed).split(X))[1].tolist() for seed in (0, 1)]
        assert tests[0] != tests[1]
    draws = [test.tolist() for _, test in InteractionHoldout(n_splits=2).split(X)]
    assert draws[0] != draws[1]


def test_every_item_is_held_out_at_random_alike():
    X = Interactions(np.ones((6000, 3)))
    _, test = next(LeaveOneOut("random").split(X))
    np.testing.assert_allclose(np.bincount(X.item[test]), 2000, atol=200)


@pytest.mark.parametrize("at", ["2020-01-02", pd.Timestamp("2020-01-02"), 1577923200])
def test_a_date_is_its_seconds(at):
    times = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"])
    df = pd.DataFrame({"user": [1, 1, 2], "item": [1, 2, 1], "time": times})
    X, _ = Interactions.from_frame(df, timestamp="time")
    assert next(TemporalHoldout(at=at).split(X))[1].tolist() == [1, 2]


JANUARY_2 = 1_577_923_200


@pytest.mark.parametrize(
    "at",
    [
        *("2020-01-02", "2020-01-02T00:00Z", "2020-01-02 02:00+02:00", "Jan 2, 2020"),
        *(dt.date(2020, 1, 2), dt.datetime(2020, 1, 2), np.datetime64("2020-01-02")),
        dt.datetime(2020, 1, 2, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        pd.Timestamp("2020-01-02", tz="UTC"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("scale", [1, 10**3, 10**6, 10**9])
def test_a_cut_as_a_person_writes_it(at, scale):
    seconds = JANUARY_2 + np.array([-1, 0, 86_400])
    plain = Interactions.from_arrays([1, 1, 2], [1, 2, 1], timestamp=seconds * scale)
    calendar = Interactions.from_arrays([1, 1, 2], [1, 2, 1], timestamp=seconds + 0.5)
    for X in (plain, calendar):
        assert next(TemporalHoldout(at=at).split(X))[1].tolist() == [1, 2]


@pytest.mark.parametrize("scale", [1, 10**3, 10**6, 10**9])
@pytest.mark.parametrize("kind", [int, float, np.int64, np.float64])
def test_a_number_in_any_unit_cuts_dates(scale, kind):
    X = Interactions.from_arrays([1, 1], [1, 2], timestamp=["2020-01-01 23:59:59", "2020-01-02"])
    assert next(TemporalHoldout(at=kind(JANUARY_2 * scale)).split(X))[1].tolist() == [1]


def test_a_cut_is_exact_where_floats_are_not():
    times = [2**62, 2**62 + 1, 2**62 + 2]
    X = Interactions.from_arrays([0, 0, 0], [0, 1, 2], timestamp=times)
    assert next(TemporalHoldout(at=2**62 + 1).split(X))[1].tolist() == [1, 2]
    small = Interactions.from_arrays([0, 0], [0, 1], timestamp=[1, 2])
    assert next(TemporalHoldout(at=1.5).split(small))[1].tolist() == [1]


@pytest.mark.parametrize(
    "at",
    [
        *(np.nan, np.inf, True, np.bool_(False), 1j, "12:30", dt.time(12), "soon", "2020", ""),
        *(pd.NaT, "3000-01-01", ["2020-01-02"], b"2020-01-02", np.datetime64("NaT")),
    ],
    ids=repr,
)
@pytest.mark.parametrize("times", [[1, 2], ["2020-01-01", "2020-01-02"]], ids=["plain", "dates"])
def test_a_cut_that_is_no_time_is_an_error(at, times):
    X = Interactions.from_arrays([0, 0], [0, 1], timestamp=times)
    with pytest.raises(ValueError, match="at must be a number or a date"):
        next(TemporalHoldout(at=at).split(X))


def test_a_cut_outside_the_data_shows_its_dates():
    X = Interactions.from_arrays([0, 0], [0, 1], timestamp=["2020-01-01", "2020-01-02"])
    with pytest.raises(ValueError, match=r"of X, 2020-01-01T.* to 2020-01-02T.* got '2021-01-01'"):
        next(TemporalHoldout(at="2021-01-01").split(X))


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix, sp.csr_array, sp.csc_matrix])
def test_strong_generalization_splits_rows(make):
    X = make(np.ones((11, 3)))
    splitter = StrongGeneralization(0.2, n_splits=3)
    splits = list(splitter.split(X))
    assert len(splits) == splitter.get_n_splits() == 3
    for train, test in splits:
        assert len(test) == 3
        assert sorted([*train, *test]) == list(range(11))
    assert len({tuple(test) for _, test in splits}) > 1
    assert len(next(StrongGeneralization(4).split(X))[1]) == 4


X = Interactions.from_arrays([0, 0, 1], [0, 1, 0], timestamp=[1, 2, 3])
UNTIMED = Interactions(np.ones((2, 2)))


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
def test_a_matrix_is_no_interactions(splitter):
    with pytest.raises(TypeError, match=r"must be Interactions, because.*whole history"):
        splitter.split(sp.csr_matrix(np.eye(3)))


def test_interactions_have_no_users_as_rows():
    with pytest.raises(TypeError, match=r"rows are users.*InteractionKFold"):
        StrongGeneralization().split(X)


@pytest.mark.parametrize(
    ("splitter", "data", "words"),
    [
        (LeaveOneOut(), UNTIMED, "must have timestamps for by='latest'"),
        (TemporalHoldout(), UNTIMED, "must have timestamps for TemporalHoldout"),
        (LeaveOneOut("first"), X, "by must be"),
        (LeaveOneOut(n_splits=2), X, "n_splits must be 1"),
        (LeaveOneOut("random"), X[1:], "two items or more"),
        (InteractionKFold(1), X, "n_splits must be an integer >= 2"),
        (InteractionKFold(4), X, "at most the number of"),
        (InteractionHoldout(1.5), X, "test_size must be a share"),
        (InteractionHoldout(3), X, "on both sides"),
        (InteractionHoldout(n_splits=0), X, "n_splits must be an integer"),
        (TemporalHoldout(at=99), X, "at must lie after"),
        (TemporalHoldout(at="soon"), X, "a number or a date"),
        (InteractionKFold(2), X[:0], "at least one interaction"),
        (StrongGeneralization(True), np.eye(3), "test_users must be a share"),
        (StrongGeneralization(3), np.eye(3), "on both sides"),
    ],
)
def test_bad_settings_are_named(splitter, data, words):
    with pytest.raises(ValueError, match=words):
        next(splitter.split(data))


@pytest.mark.parametrize("seed", [-1, 2**32, "x", True, 1.5, np.random.default_rng(0)])
@pytest.mark.parametrize(
    ("splitter", "data"),
    [
        (InteractionKFold(2), X),
        (InteractionHoldout(), X),
        (LeaveOneOut(), X),
        (LeaveOneOut("random"), X),
        (StrongGeneralization(), np.eye(3)),
    ],
)
def test_a_seed_that_is_none_is_named(splitter, data, seed):
    with pytest.raises(ValueError, match="random_state must be"):
        splitter.__class__(**{**vars(splitter), "random_state": seed}).split(data)


@pytest.mark.parametrize("n_splits", [True, 2.0, "2", None, 0, -1, np.nan, [2]])
@pytest.mark.parametrize(
    ("splitter", "data"),
    [
        (InteractionKFold, X),
        (InteractionHoldout, X),
        (LeaveOneOut, X),
        (StrongGeneralization, np.eye(3)),
    ],
)
def test_a_number_of_splits_is_a_count(splitter, data, n_splits):
    with pytest.raises(ValueError, match="n_splits must be an integer"):
        splitter(n_splits=n_splits).split(data)
    with pytest.raises(ValueError, match="n_splits must be an integer"):
        splitter(n_splits=n_splits).get_n_splits()


@pytest.mark.parametrize("size", [0, 1.0, 1.5, -0.5, np.nan, np.inf, True, np.True_, "1", None, 9])
@pytest.mark.parametrize(
    ("splitter", "data", "name"),
    [
        (InteractionHoldout, X, "test_size"),
        (TemporalHoldout, X, "test_size"),
        (StrongGeneralization, np.eye(3), "test_users"),
    ],
)
def test_sizes_that_leave_a_side_empty_or_are_none_are_named(splitter, data, name, size):
    with pytest.raises(ValueError, match=f"{name} must"):
        next(splitter(size).split(data))


def test_numpy_numbers_are_numbers():
    for n in (np.int8(2), np.uint8(2)):
        assert InteractionKFold(n).get_n_splits() == 2
        assert type(InteractionKFold(n).get_n_splits()) is int
        ours, plain = InteractionKFold(n).split(X), InteractionKFold(2).split(X)
        for (_, test), (_, other) in zip(ours, plain, strict=True):
            np.testing.assert_array_equal(test, other)
    _, test = next(InteractionHoldout(np.float32(0.5)).split(X))
    np.testing.assert_array_equal(test, next(InteractionHoldout(0.5).split(X))[1])


@pytest.mark.parametrize("data", [None, 3, "users", {"a": [1]}, [1, 2], [[1], [1, 2]], np.ones(3)])
def test_users_are_the_rows_of_a_matrix(data):
    with pytest.raises(ValueError, match="X must"):
        StrongGeneralization().split(data)


@pytest.mark.parametrize("data", [None, [[1, 2]], np.eye(3), "x", [(0, 1)]])
@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
def test_anything_else_is_no_interactions(splitter, data):
    with pytest.raises(TypeError, match="X must be Interactions"):
        splitter.split(data)


def test_groups_are_ignored_with_a_warning():
    with pytest.warns(SkrecWarning, match="groups parameter is ignored"):
        InteractionKFold(2).split(X, groups=[1, 2, 3])


def test_repr_shows_the_settings():
    assert repr(TemporalHoldout(at=3)) == "TemporalHoldout(at=3, test_size=0.2)"
    assert repr(LeaveOneOut()) == "LeaveOneOut(by='latest', n_splits=1, random_state=0)"


class MeanPopularity(BaseEstimator):
    """Scores its test part by the popularity of the items in its train part."""

    def __init__(self, power=1.0, max_epochs=1):
        self.power = power
        self.max_epochs = max_epochs

    def fit(self, X, y=None):
        X = X.tocsr()
        self.popularity_ = np.asarray(X.sum(axis=0)).ravel() ** self.power
        self.shape_ = X.shape
        return self

    def score(self, X, y=None):
        return float((X.tocsr() @ self.popularity_).mean())


def timed(n_users=12, n_items=8):
    user, item = np.divmod(np.arange(n_users * n_items), n_items)
    return Interactions.from_arrays(user, item, timestamp=np.arange(len(user)) * 7 % 31)


CASES = [*((s, timed()) for s in SPLITTERS),
         (StrongGeneralization(3, n_splits=2), timed().tocsr())]  # fmt: skip


@pytest.mark.parametrize(("splitter", "data"), CASES, ids=[repr(s) for s, _ in CASES])
def test_scikit_learn_tools_take_the_splitters(splitter, data):
    search = GridSearchCV(MeanPopularity(), {"power": [0.5, 1.0]}, cv=splitter).fit(data)
    assert search.n_splits_ == splitter.get_n_splits(data)
    assert search.best_params_ == {"power": 1.0}
    result = cross_validate(MeanPopularity(), data, cv=splitter, return_estimator=True)
    assert np.isfinite(result["test_score"]).all()
    n_users = {e.shape_[0] for e in result["estimator"]}
    assert n_users == ({12} if isinstance(data, Interactions) else {9})
    _, train_scores, test_scores = learning_curve(
        MeanPopularity(),
        data,
        None,
        cv=splitter,
        train_sizes=[0.5, 1.0],
        shuffle=True,
        random_state=0,
    )
    assert train_scores.shape == test_scores.shape == (2, splitter.get_n_splits(data))


@pytest.mark.parametrize(("splitter", "data"), CASES, ids=[repr(s) for s, _ in CASES])
def test_halving_over_epochs_takes_the_splitters(splitter, data):
    search = HalvingGridSearchCV(
        MeanPopularity(), {"power": [0.5, 1.0]}, cv=splitter, resource="max_epochs",
        max_resources=4, factor=2,
    )  # fmt: skip
    assert search.fit(data).best_params_ == {"power": 1.0, "max_epochs": 4}


@pytest.fixture(scope="module")
def movielens(data_home):
    path = data_home / "ml-100k" / "ratings.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is missing")
    df = pd.read_csv(path)
    return df, Interactions.from_frame(df, rating="rating", timestamp="timestamp")[0]


def test_movielens_latest_agrees_with_pandas(movielens):
    df, X = movielens
    train, test = next(LeaveOneOut().split(X))
    ordered = df.reset_index().sort_values(["timestamp", "index"])
    assert test.tolist() == sorted(ordered.groupby("user")["index"].last())
    assert len(test) == df.user.nunique() == 943
    report = check_split(X[train], X[test], raise_on_leak=True)
    assert (report.n_train, report.cold_users, report.users_without_targets) == (99_057, 0, 0)


def test_movielens_newest_fifth_agrees_with_pandas(movielens):
    df, X = movielens
    train, test = next(TemporalHoldout(0.2).split(X))
    newest = df.sort_values("timestamp", kind="stable").index[-20_000:]
    assert test.tolist() == sorted(newest)
    assert X.timestamp[train].max() <= X.timestamp[test].min()


def test_movielens_seventy_fifteen_fifteen(movielens):
    _, X = movielens
    rest, test = next(InteractionHoldout(15_000).split(X))
    train, validation = next(InteractionHoldout(15_000).split(X[rest]))
    assert (len(train), len(validation), len(test)) == (70_000, 15_000, 15_000)
    assert check_split(X[rest][train], X[rest][validation]).overlap == 0
    assert len(np.unique(X.user[test])) > 900


def test_movielens_strong_generalization(movielens):
    _, X = movielens
    matrix = X.tocsr()
    train, test = next(StrongGeneralization(100).split(matrix))
    assert (len(train), len(test)) == (843, 100)
    assert matrix[train].nnz + matrix[test].nnz == 100_000
