import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import config_context

from skrec.model_selection import compare, critical_difference, holm

FAST = {"n_resamples": 400}
# ranks of four systems on 14 data sets, table 6 of Demsar (2006)
DEMSAR = np.array([
    [4, 3, 2, 1], [1, 2, 3, 4], [4, 1, 2, 3], [4, 1, 3, 2], [4, 2, 3, 1], [1, 2.5, 4, 2.5],
    [3, 2, 4, 1], [2.5, 2.5, 4, 1], [4, 3, 2, 1], [2.5, 2.5, 2.5, 2.5], [4, 2.5, 1, 2.5],
    [3, 2, 4, 1], [4, 1, 2, 3], [3, 1, 4, 2],
])  # fmt: skip
NAMES = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]


def sample(n_users=300, seed=0):
    return np.random.default_rng(seed).random(n_users)


def test_equal_systems_do_not_differ():
    a = sample()
    row = compare({"a": a, "b": a.copy()}, **FAST).pairwise.loc[("a", "b")]
    assert row[["difference", "ci_low", "ci_high"]].tolist() == [0, 0, 0]
    assert row.filter(like="pvalue").tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_a_shifted_system_differs(noise):
    a = sample()
    row = compare({"a": a + 0.1 + noise * sample(seed=1), "b": a}, **FAST).pairwise.iloc[0]
    assert 0 < row.ci_low <= row.difference + 1e-12
    assert row.difference <= row.ci_high + 1e-12
    assert row.t_pvalue_holm < 1e-6
    assert row.wilcoxon_pvalue_holm < 1e-6


def test_tests_are_those_of_scipy():
    scores = {name: sample(seed=seed) for seed, name in enumerate("abc")}
    pairwise = compare(scores, **FAST).pairwise
    assert pairwise.index.tolist() == [("a", "b"), ("a", "c"), ("b", "c")]
    for (a, b), row in pairwise.iterrows():
        assert row.t_pvalue == pytest.approx(stats.ttest_rel(scores[a], scores[b]).pvalue)
        assert row.wilcoxon_pvalue == pytest.approx(stats.wilcoxon(scores[a], scores[b]).pvalue)
        assert row.difference == pytest.approx(np.mean(scores[a]) - np.mean(scores[b]))
    np.testing.assert_allclose(pairwise.t_pvalue_holm, holm(pairwise.t_pvalue))


def test_interval_is_that_of_the_normal_for_many_users():
    a, b = sample(2000), sample(2000, seed=1)
    row = compare({"a": a, "b": b}, n_resamples=4000).pairwise.iloc[0]
    half = 1.96 * stats.sem(a - b)
    np.testing.assert_allclose(row.ci_low, row.difference - half, atol=0.1 * half)
    np.testing.assert_allclose(row.ci_high, row.difference + half, atol=0.1 * half)


def test_pairing_narrows_the_interval():
    a = sample()
    result = compare({"a": a, "b": a + 0.01 * sample(seed=1)}, **FAST)
    alone = result.summary.ci_high - result.summary.ci_low
    paired = result.pairwise.ci_high - result.pairwise.ci_low
    assert paired.iloc[0] < 0.1 * alone.min()


def test_summary_describes_each_system():
    a = sample()
    row = compare({"a": a, "b": 1 - a}, **FAST).summary.loc["a"]
    assert row["n_users"] == 300
    assert row["mean"] == pytest.approx(a.mean())
    assert row["std_error"] == pytest.approx(stats.sem(a))
    assert row["ci_low"] < row["mean"] < row["ci_high"]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_agrees_with_the_step_down_rule(pvalues):
    expected = np.empty(len(pvalues))
    running = 0.0
    for step, index in enumerate(np.argsort(pvalues, kind="stable")):
        running = max(running, (len(pvalues) - step) * pvalues[index])
        expected[index] = min(running, 1)
    np.testing.assert_allclose(holm(pvalues), expected)


def test_demsar_example():
    sets = {f"set {i}": np.tile(-ranks, (2, 1)) for i, ranks in enumerate(DEMSAR)}
    result = compare(sets, names=NAMES, n_resamples=10)
    average = result.average_ranks[NAMES].round(3).tolist()
    assert average == [3.143, 2.0, 2.893, 1.964]
    assert result.critical_difference == pytest.approx(1.25, abs=0.005)
    np.testing.assert_allclose(result.ranks, DEMSAR)
    ties = 1 - 78 / (14 * 4 * 15)  # the paper's 9.28 is not corrected for ties
    assert result.friedman_statistic * ties == pytest.approx(9.28, abs=0.005)
    assert result.friedman_pvalue == pytest.approx(stats.chi2.sf(9.28 / ties, 3), rel=0.01)
    assert not result.nemenyi.significant.any()
    assert result.average_ranks.index[0] == "C4.5+m+cf"
    assert "critical difference 1.25" in str(result)


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (5, 2.728), (10, 3.164)])
def test_critical_values_of_demsar(k, q):
    assert critical_difference(k, 20) == pytest.approx(q * np.sqrt(k * (k + 1) / 120), rel=1e-3)


def test_nemenyi_pvalue_meets_alpha_at_the_critical_difference():
    sets = {i: {"a": sample() + i, "b": sample() + 1 + i, "c": sample() + 2 + i}
            for i in range(10)}  # fmt: skip
    result = compare(sets, n_resamples=10)
    agree = result.nemenyi.significant == (result.nemenyi.pvalue <= 0.05)
    assert agree.all()
    assert result.nemenyi.loc[("a", "c"), "rank_difference"] == 2
    assert result.nemenyi.loc[("a", "c"), "significant"]
    assert not result.nemenyi.loc[("a", "b"), "significant"]


def test_errors_rank_the_other_way():
    sets = {key: {"a": sample(), "b": sample() + 1} for key in "xy"}
    assert compare(sets, **FAST).average_ranks["b"] == 1
    assert compare(sets, greater_is_better=False, **FAST).average_ranks["a"] == 1


def test_tables_over_data_sets():
    sets = {key: {"a": sample(20 + i), "b": sample(20 + i, seed=1)} for i, key in enumerate("xy")}
    result = compare(sets, **FAST)
    assert result.summary.index.names == ["data_set", "system"]
    assert result.summary.loc[("y", "a"), "n_users"] == 21
    assert result.pairwise.loc["x"].index.tolist() == [("a", "b")]
    assert np.isnan(result.friedman_pvalue)


def test_all_tied_systems_rank_alike():
    a = sample()
    result = compare({key: dict.fromkeys("abc", a) for key in "xyz"}, **FAST)
    assert (result.friedman_statistic, result.friedman_pvalue) == (0, 1)
    assert result.average_ranks.tolist() == [2, 2, 2]


def test_reference_and_names():
    table = np.column_stack([sample(seed=seed) for seed in range(3)])
    result = compare(table, names=["a", "b", "c"], reference="b", **FAST)
    assert result.pairwise.index.tolist() == [("a", "b"), ("c", "b")]
    frame = compare(pd.DataFrame(table, columns=list("abc")), reference="b", **FAST)
    pd.testing.assert_frame_equal(result.pairwise, frame.pairwise)


def test_users_without_targets_are_left_out():
    a, b = sample(50), sample(50, seed=1)
    a[:5] = b[:5] = np.nan
    result = compare({"a": a, "b": b}, **FAST)
    assert result.summary["n_users"].tolist() == [45, 45]
    pd.testing.assert_frame_equal(
        result.pairwise, compare({"a": a[5:], "b": b[5:]}, **FAST).pairwise
    )


def test_resamples_repeat_in_any_block_size_and_spare_the_global_state():
    scores = {"a": sample(1000), "b": sample(1000, seed=1)}
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = compare(scores, **FAST)
    with config_context(working_memory=1):
        second = compare(scores, **FAST)
    pd.testing.assert_frame_equal(first.pairwise, second.pairwise)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    other = compare(scores, random_state=1, **FAST)
    assert not np.allclose(first.pairwise.ci_low, other.pairwise.ci_low, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("scores", "settings", "words"),
    [
        ({"a": [1, 2], "b": [1, 2, 3]}, {}, "of the same users"),
        ({"a": [1, 2]}, {}, "at least 2 systems"),
        ({}, {}, "scores must hold at least 2 systems"),
        ({"a": [1], "b": [2]}, {}, "2 users"),
        ({"a": [1, np.nan, 2], "b": [1, 2, 3]}, {}, "NaN for the same users"),
        (np.eye(3), {}, "names must be given"),
        (np.eye(3), {"names": ["a"]}, "names must name 3 systems"),
        ({"a": [1, 2], "b": [2, 1]}, {"reference": "c"}, "reference must be one of"),
        ({"a": [1, 2], "b": [2, 1]}, {"alpha": 0}, r"alpha must be a number in \(0, 1\)"),
        ({"a": [1, 2], "b": [2, 1]}, {"n_resamples": 0}, "n_resamples must be"),
        ({"a": [1, 2], "b": [2, 1]}, {"n_resamples": True}, "n_resamples must be"),
        ({"a": [1, 2], "b": [2, 1]}, {"n_resamples": 10**12}, "n_resamples must be"),
        ({"a": [1, 2], "b": [2, 1]}, {"random_state": -1}, "random_state must be"),
        ({"a": [1, 2], "b": [2, 1]}, {"greater_is_better": "no"}, "greater_is_better must be"),
        ({"a": [1, 2], "b": [2, 1]}, {"alpha": "5%"}, "alpha must be"),
        ({"a": [1, 2], "b": [2, 1]}, {"reference": ["a"]}, "reference must be one of"),
        ({"a": [1, 2], "b": ["x", "y"]}, {}, r"scores\['b'\] must hold numbers"),
        ({"a": [1, 2], "b": [1j, 2]}, {}, "Complex data not supported"),
        ({"a": [1, 2], "b": [np.inf, 1]}, {}, "scores must hold finite values"),
        ({"a": [1, 2], "b": [1e200, 1]}, {}, "in the range of float32"),
        (np.eye(3), {"names": "abc"}, "names must be a list of names"),
        (np.eye(3), {"names": np.array(2)}, "names must be a list of names"),
        (np.eye(3), {"names": ["a", "b", "a"]}, "names must name each system once"),
        ([[1, 2], [3]], {"names": ["a", "b"]}, "scores must have rows of one length"),
        (None, {}, "scores must have 2 dimensions"),
        (
            {"x": {"a": [1, 2], "b": [1, 2]}, "y": {"a": [1, 2], "c": [1, 2]}},
            {},
            "same systems for every data set",
        ),
    ],
)
def test_bad_input_is_named(scores, settings, words):
    with pytest.raises(ValueError, match=words):
        compare(scores, **settings)


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.dok_matrix])
def test_sparse_scores_are_refused(kind):
    with pytest.raises(TypeError, match="scores must be a dense array"):
        compare(kind(np.eye(3)), names=["a", "b", "c"])
