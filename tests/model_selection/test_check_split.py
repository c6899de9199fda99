import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec.interactions import Interactions
from skrec.model_selection import check_split

FRAME = (4, 5)
entries = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=15)


def of(pairs):
    user, item = np.array(pairs).T
    return Interactions.from_arrays(user, item, frame=FRAME)


@settings(deadline=None, max_examples=100)
@given(entries, entries, st.lists(st.lists(st.integers(-1, 4), min_size=3, max_size=3),
                                  min_size=4, max_size=4))  # fmt: skip
def test_counts_agree_with_sets(train, test, negatives):
    report = check_split(of(train), of(test), negatives)
    seen, held = set(train), set(test)
    users, items = ({pair[axis] for pair in seen} for axis in (0, 1))
    listed = [(user, item) for user, row in enumerate(negatives) for item in row if item >= 0]
    assert (report.n_train, report.n_test) == (len(train), len(test))
    assert report.overlap == len(seen & held)
    assert report.train_duplicates == len(train) - len(seen)
    assert report.test_duplicates == len(test) - len(held)
    assert report.users_without_targets == len(users - {user for user, _ in held})
    assert report.cold_users == len({user for user, _ in held} - users)
    assert report.cold_items == len({item for _, item in held} - items)
    assert report.cold_targets == sum(item not in items for _, item in held)
    assert report.train_positives_among_negatives == sum(pair in seen for pair in listed)
    assert report.test_positives_among_negatives == sum(pair in held for pair in listed)


def test_a_clean_split_has_no_leaks():
    report = check_split(of([(0, 0), (1, 1)]), of([(0, 1), (1, 0)]), raise_on_leak=True)
    assert report.leaks == {}
    assert "leak" not in str(report)
    assert report.train_positives_among_negatives is None


@pytest.mark.parametrize(
    ("test", "negatives", "leak"),
    [
        ([(0, 0)], None, "overlap"),
        ([(0, 1)], [[0], [-1], [-1], [-1]], "train_positives_among_negatives"),
        ([(0, 1)], [[1], [-1], [-1], [-1]], "test_positives_among_negatives"),
    ],
)
def test_a_planted_leak_is_found_and_raised_on_request(test, negatives, leak):
    train = of([(0, 0), (1, 1)])
    report = check_split(train, of(test), negatives)
    assert report.leaks == {leak: 1}
    assert str(report).count("<- leak") == 1
    with pytest.raises(ValueError, match="must not leak"):
        check_split(train, of(test), negatives, raise_on_leak=True)


def test_matrices_are_taken_too():
    train = sp.csr_array([[1, 1, 0], [0, 1, 0]])
    report = check_split(train, np.array([[0, 1, 1], [0, 0, 0]]))
    assert (report.overlap, report.cold_items, report.users_without_targets) == (1, 1, 1)


@pytest.mark.parametrize(
    ("train", "negatives", "words"),
    [
        (np.eye(3), None, "train and test must have the same frame"),
        (np.eye(2), [[0, 1]], r"negatives must be integers of shape \(2, m\)"),
        (np.eye(2), [[0.5], [1.0]], "negatives must be integers"),
        (np.eye(2), [[0], [2]], r"negatives must lie in \[-1, 2\)"),
    ],
)
def test_bad_input_is_named(train, negatives, words):
    with pytest.raises(ValueError, match=words):
        check_split(train, np.eye(2), negatives)


@pytest.mark.parametrize(
    ("negatives", "error"),
    [
        (np.ma.masked_equal([[0], [1]], 0), ValueError),
        ([[True], [False]], ValueError),
        ([[0], [0, 1]], ValueError),
        ([["a"], ["b"]], ValueError),
        (of([(0, 0)]), TypeError),
    ],
)
def test_negatives_are_lists_of_items(negatives, error):
    with pytest.raises(error, match=r"negatives must be integers of shape \(2, m\)"):
        check_split(np.eye(2), np.eye(2)[::-1], negatives)
    with pytest.raises(ValueError, match="raise_on_leak must be"):
        check_split(np.eye(2), np.eye(2)[::-1], raise_on_leak="no")


def test_movielens_official_test(data_home):
    folder = data_home / "ml-100k"
    if not folder.exists():
        pytest.skip(f"{folder} is missing")
    df, test = (pd.read_csv(folder / f"{name}.csv.gz") for name in ("ratings", "ua_test"))
    X, encoder = Interactions.from_frame(df)
    targets = encoder.transform(test)
    held = pd.MultiIndex.from_frame(df[["user", "item"]]).isin(pd.MultiIndex.from_frame(test))
    report = check_split(X[~held], targets, raise_on_leak=True)
    assert (report.n_train + report.n_test, report.cold_users) == (100_000, 0)
    assert check_split(X, targets).overlap == len(test) == 9_430
