"""The commands about variances and lists in stages, on tiny data only."""

import pandas as pd

from benchmarks.claims import stages, variances


def test_a_row_for_each_weight_and_prior(tmp_path, capsys):
    path = tmp_path / "variances.csv"
    options = ["--smoke", "--output", str(path), "--systems", "GERRanker", "MoGClassifier"]
    options += ["--kl-weights", "0", "1", "--prior-variances", "0.5", "1"]
    variances.main(options)
    table = pd.read_csv(path)
    assert list(table["kl_weight"]) == [0, 1, 1] * 2
    assert list(table["prior_variance"]) == [0.5, 0.5, 1] * 2
    for name in ("users", "items"):
        assert table[f"{name}_correlation"].between(-1, 1).all()
        assert (table[f"{name}_low"] < table[f"{name}_high"]).all()
    assert table["sampled_ndcg@10"].between(0, 1).all()
    printed = capsys.readouterr().out
    variances.main(options)  # what is there is not run again
    assert len(pd.read_csv(path)) == 6
    assert capsys.readouterr().out in printed


def test_more_candidates_are_nearer_to_lists_of_all(tmp_path):
    path = tmp_path / "stages.csv"
    stages.main(["--smoke", "--output", str(path), "--candidates", "10", "30", "10000"])
    for _, table in pd.read_csv(path).groupby("system"):
        assert list(table["n_candidates"])[1:] == [10, 30, 10000]
        assert table["equal"].iloc[[0, 3]].eq(1).all()
        assert table["common"].iloc[1:].is_monotonic_increasing
        assert (table["seconds"] > 0).all()
