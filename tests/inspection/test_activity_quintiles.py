"""The table of a metric by activity."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from skrec.inspection import activity_quintiles

ACTIVITY = np.arange(100)[::-1]


def two_systems(n=100, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.random(n)
    return {"a": a, "b": a + 0.1 * rng.standard_normal(n)}


def test_numbers_are_those_of_scipy():
    values = two_systems()
    table = activity_quintiles(ACTIVITY, values)
    for quintile in range(1, 6):
        users = ACTIVITY // 20 + 1 == quintile
        a, b = values["a"][users], values["b"][users]
        row = table.loc[(quintile, "b")]
        assert row["n_users"] == 20
        assert (row["least"], row["most"]) == (20 * quintile - 20, 20 * quintile - 1)
        assert row["mean"] == pytest.approx(b.mean())
        assert row["std_error"] == pytest.approx(stats.sem(b))
        assert row["difference"] == pytest.approx((b - a).mean())
        assert row["t_pvalue"] == pytest.approx(stats.ttest_rel(b, a).pvalue)


def test_reference_is_the_first_system_or_the_named_one():
    values = two_systems()
    first = activity_quintiles(ACTIVITY, values)
    second = activity_quintiles(ACTIVITY, values, reference="b")
    assert first.xs("a", level="system")["t_pvalue"].isna().all()
    assert second.xs("b", level="system")["t_pvalue"].isna().all()
    np.testing.assert_allclose(
        first.xs("b", level="system")["difference"], -second.xs("a", level="system")["difference"]
    )


def test_equal_activity_stays_in_one_group():
    activity = np.array([5] * 70 + [6] * 10 + [7] * 10 + [8] * 10)
    table = activity_quintiles(activity, two_systems(), n_groups=5).xs("a", level="system")
    assert table.index.tolist() == [1, 2, 3]
    assert table["n_users"].tolist() == [70, 10, 20]
    assert table["least"].tolist() == [5, 6, 7]


def test_one_activity_is_one_group():
    assert len(activity_quintiles(np.full(100, 7), {"a": np.ones(100)})) == 1


def test_users_without_targets_are_left_out():
    values = two_systems()
    missing = np.arange(100) % 2 == 0
    with_nan = {name: np.where(missing, np.nan, x) for name, x in values.items()}
    kept = {name: x[~missing] for name, x in values.items()}
    pd.testing.assert_frame_equal(
        activity_quintiles(ACTIVITY, with_nan), activity_quintiles(ACTIVITY[~missing], kept)
    )


def test_equal_systems_do_not_differ():
    a = two_systems()["a"]
    table = activity_quintiles(ACTIVITY, {"a": a, "b": a})
    assert (table.xs("b", level="system")["t_pvalue"] == 1).all()


def test_a_constant_difference_is_certain():
    table = activity_quintiles(ACTIVITY, {"a": np.zeros(100), "b": np.ones(100)})
    assert (table.xs("b", level="system")["t_pvalue"] == 0).all()


def test_a_group_of_one_user_has_no_test():
    table = activity_quintiles([1, 2, 3], {"a": [0.1, 0.2, 0.3], "b": [0.2, 0.2, 0.2]}, n_groups=3)
    assert table["t_pvalue"].isna().all()
    assert table["std_error"].isna().all()


def test_a_data_frame_will_do():
    values = two_systems()
    pd.testing.assert_frame_equal(
        activity_quintiles(ACTIVITY, pd.DataFrame(values)), activity_quintiles(ACTIVITY, values)
    )


@settings(max_examples=40)
@given(
    activity=st.lists(st.integers(0, 30), min_size=1, max_size=60),
    n_groups=st.integers(1, 8),
    seed=st.integers(0, 100),
)
def test_groups_are_a_partition_in_order(activity, n_groups, seed):
    values = np.random.default_rng(seed).random(len(activity))
    table = activity_quintiles(activity, {"a": values}, n_groups=n_groups)
    assert table["n_users"].sum() == len(activity)
    assert 1 <= len(table) <= n_groups
    assert (table["least"].iloc[1:].to_numpy() > table["most"].iloc[:-1].to_numpy()).all()
    assert (table["mean"] * table["n_users"]).sum() == pytest.approx(values.sum())
    order = np.random.default_rng(seed).permutation(len(activity))
    shuffled = activity_quintiles(
        np.array(activity)[order], {"a": values[order]}, n_groups=n_groups
    )
    pd.testing.assert_frame_equal(table, shuffled)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ({"a": np.ones(99)}, {}, r"values must have one number .*\(100,\); got .*99"),
        ({}, {}, "values must be a dict"),
        (np.ones(100), {}, "values must be a dict"),
        ({"a": np.full(100, np.nan)}, {}, "values must hold a user with targets"),
        (
            {"a": np.ones(100), "b": np.where(ACTIVITY > 3, 1, np.nan)},
            {},
            "NaN for the same users",
        ),
        ({"a": np.ones(100)}, {"reference": "c"}, r"reference must be one of \['a'\]; got 'c'"),
        ({"a": np.ones(100)}, {"n_groups": 0}, "n_groups must be an integer >= 1; got 0"),
    ],
)
def test_bad_input_is_named(values, options, message):
    with pytest.raises(ValueError, match=message):
        activity_quintiles(ACTIVITY, values, **options)
