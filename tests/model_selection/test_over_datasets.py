"""Ranks of systems over data sets."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from skrec.model_selection import (
    compare,
    compare_over_datasets,
    critical_difference,
    holm,
)

NAMES = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]
# AUC on 14 data sets, table 6 of Demsar (2006); what is .9751 here is ranked before another .975
AUC = pd.DataFrame(
    [
        [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975], [0.957, 0.978, 0.946, 0.970],
    ],
    columns=NAMES,
)  # fmt: skip


def test_example_of_demsar():
    result = compare_over_datasets(AUC, alpha=0.1)
    assert result.average_ranks[NAMES].round(3).tolist() == [3.143, 2.0, 2.893, 1.964]
    assert result.critical_difference == pytest.approx(1.12, abs=0.005)
    ties = 1 - 78 / (14 * 4 * 15)  # the paper's 9.28 is not corrected for ties
    assert result.friedman_statistic * ties == pytest.approx(9.28, abs=0.005)
    assert result.groups == [("C4.5+m+cf", "C4.5+m", "C4.5+cf"), ("C4.5+cf", "C4.5")]
    worse = result.nemenyi.index[result.nemenyi.significant].tolist()
    assert worse == [("C4.5", "C4.5+m"), ("C4.5", "C4.5+m+cf")]
    assert compare_over_datasets(AUC).groups == [("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5")]


def test_tests_are_those_of_scipy():
    table = np.random.default_rng(0).random((6, 4))
    result = compare_over_datasets(table)
    expected = stats.friedmanchisquare(*table.T)
    assert result.friedman_statistic == pytest.approx(expected.statistic)
    assert result.friedman_pvalue == pytest.approx(expected.pvalue)
    assert result.ranks.to_numpy().tolist() == stats.rankdata(-table, axis=1).tolist()
    assert list(result.ranks.columns) == [0, 1, 2, 3]


def test_errors_rank_the_other_way():
    errors, values = (compare_over_datasets(AUC, greater_is_better=b) for b in (False, True))
    pd.testing.assert_series_equal(5 - errors.average_ranks[NAMES], values.average_ranks[NAMES])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(2, 6), st.booleans())
def test_groups_are_the_largest_sets_that_do_not_differ(seed, n_datasets, n_systems, ties):
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((n_datasets, n_systems)) + 0.7 * np.arange(n_systems)
    result = compare_over_datasets(np.rint(table) if ties else table, alpha=0.3)
    average, groups = result.average_ranks, [set(group) for group in result.groups]
    together = {frozenset((a, b)) for g in groups for a in g for b in g if a != b}
    different = {frozenset(p) for p in result.nemenyi.index[result.nemenyi.significant]}
    pairs = {frozenset(pair) for pair in result.nemenyi.index}
    assert together == pairs - different
    assert not any(a < b for a in groups for b in groups)
    assert all(
        average[list(g)].max() - average[list(g)].min() < result.critical_difference for g in groups
    )


def test_agrees_with_the_comparison_by_user():
    users = np.random.default_rng(0).random((5, 30, 3))
    sets = {f"set {i}": dict(zip("abc", part.T)) for i, part in enumerate(users)}
    by_user = compare(sets, n_resamples=10)
    table = pd.DataFrame(users.mean(axis=1), columns=list("abc"), index=list(sets))
    result = compare_over_datasets(table)
    pd.testing.assert_frame_equal(result.ranks, by_user.ranks)
    pd.testing.assert_series_equal(result.average_ranks, by_user.average_ranks)
    pd.testing.assert_frame_equal(result.nemenyi, by_user.nemenyi)
    assert result.groups == by_user.groups
    assert compare(sets["set 0"], n_resamples=10).groups is None


def test_two_systems_have_ranks_and_no_friedman_test():
    result = compare_over_datasets({"a": [1, 2, 3], "b": [0, 1, 2]})
    assert np.isnan(result.friedman_pvalue)
    assert result.average_ranks.to_dict() == {"a": 1, "b": 2}


def test_systems_that_tie_are_one_group():
    result = compare_over_datasets(np.ones((4, 3)))
    assert (result.friedman_statistic, result.friedman_pvalue) == (0, 1)
    assert result.groups == [(0, 1, 2)]


def test_in_words():
    text = str(compare_over_datasets(AUC, alpha=0.1))
    assert "over 14 data sets" in text
    assert "critical difference 1.118 at 0.1" in text
    assert "not different: C4.5+cf, C4.5" in text


@pytest.mark.parametrize(
    ("table", "options", "words"),
    [
        (AUC[["C4.5"]], {}, "got 14 data sets and 1 systems"),
        (AUC[:1], {}, "got 1 data sets and 4 systems"),
        (AUC.replace(0.599, np.nan), {}, r"got nan for 1, 'C4\.5'"),
        (AUC.replace(0.599, np.inf), {}, r"got inf for 1, 'C4\.5'"),
        (AUC[["C4.5", "C4.5"]], {}, "name each system once"),
        (AUC, {"alpha": True}, "alpha must be"),
        (AUC, {"greater_is_better": 1}, "greater_is_better must be"),
        (AUC.astype(str), {}, r"table\['C4\.5'\] must hold numbers"),
        ({"a": [1, 2, 3], "b": [1, 2]}, {}, "of the same users or data sets"),
        ([[1, 2], [3]], {}, "table must have rows of one length"),
        (AUC, {"alpha": 1}, r"alpha must be a number in \(0, 1\)"),
    ],
)
def test_bad_input_is_named(table, options, words):
    with pytest.raises(ValueError, match=words):
        compare_over_datasets(table, **options)


@pytest.mark.parametrize(
    "values", [[0.1, np.nan], [0.1, 2.0], [-0.1], [["0.1"]], [[0.1, 0.2]], 0.1, None, ["0.1"], [1j]]
)
def test_p_values_are_numbers_from_0_to_1(values):
    with pytest.raises(ValueError, match="pvalues"):
        holm(values)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((1, 5), "n_systems"),
        ((True, 5), "n_systems"),
        ((10**9, 5), "n_systems"),
        ((3, 0), "n_datasets"),
        ((3, 2.5), "n_datasets"),
        ((3, 5, 0), "alpha"),
        ((3, 5, np.nan), "alpha"),
        ((3, 5, "5%"), "alpha"),
    ],
)
def test_a_critical_difference_is_of_numbers_in_range(arguments, name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        critical_difference(*arguments)
