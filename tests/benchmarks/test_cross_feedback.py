"""The studies of CrossFeedbackBMF, on tiny data only."""

import pandas as pd
import pytest

from benchmarks.claims import cross_feedback


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    output = tmp_path_factory.mktemp("cross_feedback") / "table.csv"
    cross_feedback.main(["--smoke", "--output", str(output), "--sizes", "100", "400"])
    return pd.read_csv(output)


def part(table, name):
    rows = table[table["part"] == name]
    return rows.pivot(index=["case", "epoch"], columns="what", values="value")


def test_each_variant_has_its_passes(table):
    rows = part(table, "convergence")
    assert list(rows.index) == [(letter, epoch) for letter in "ABCDE" for epoch in (1, 2)]
    assert rows["rmse"].between(0.5, 1.5).all()
    assert rows["seconds"].groupby("case").is_monotonic_increasing.all()


def test_wider_intervals_hold_more(table):
    rows = part(table, "intervals")
    assert list(rows.index.get_level_values("case")) == ["0.5", "0.8", "0.9", "0.95"]
    for name in ("claimed", "calibrated"):
        assert rows[name].is_monotonic_increasing
        assert rows[name].between(0, 1).all()
    assert rows["factor"].nunique() == 1


def test_every_size_of_batch_is_measured(table):
    rows = part(table, "batches")
    assert sorted(rows.index.get_level_values("case").astype(int)) == [100, 400]
    assert (rows["seconds_per_pass"] > 0).all()


def test_both_models_reach_the_goal(table):
    rows = part(table, "reach")
    assert len(rows) == 2
    assert rows["goal"].nunique() == 1
    assert (rows["best_rmse"] <= rows["goal"]).all()
    assert (rows["seconds_to_goal"] <= rows["seconds_to_best"] + 1e-9).all()
