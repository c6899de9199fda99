"""The command line about uncertainty, on tiny data only."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.claims import uncertainty

SMOKE = ["--smoke", "--methods", "sigmoid"]


def run(path, *arguments):
    uncertainty.main([*SMOKE, "--output", str(path), *arguments])
    return pd.read_csv(path)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("results") / "uncertainty.csv"
    return run(path, "--systems", "MultVAERecommender", "GERRanker")


def values(table, system, what):
    rows = table[(table["system"] == system) & (table["what"] == what)]
    return rows.set_index("group")["value"]


def test_gaussians_have_variances_and_others_spread(table):
    measured = {"GERRanker": "variance", "MultVAERecommender": "spread"}
    for system, measure in measured.items():
        for what in (measure, f"placebo {measure}"):
            groups = values(table, system, what)
            assert (groups > 0).all()
            assert {group[:2] for group in groups.index} == {"o1", "o2"}
            correlations = values(table, system, f"{what}, rank correlation")
            assert list(correlations.index) == ["o1", "o2", "o2 | n"]


def test_excess_is_model_less_placebo(table):
    for system, measure in {"GERRanker": "variance", "MultVAERecommender": "spread"}.items():
        excess = values(table, system, "excess correlation")
        of_model = values(table, system, f"{measure}, rank correlation")
        of_placebo = values(table, system, f"placebo {measure}, rank correlation")
        pd.testing.assert_series_equal(excess, of_model - of_placebo, rtol=1e-6)
    rows = table[table["what"] == "excess correlation"]
    assert ((rows["low"] < rows["value"]) & (rows["value"] < rows["high"])).all()


def test_ndcg_by_spread_is_over_all_users(table):
    fifths = table[table["what"] == "sampled_ndcg@10 by spread of scores"]
    assert fifths.groupby("system")["n"].sum().unique().tolist() == [300]
    correlations = table[table["what"].str.startswith("spread of scores and")]
    assert correlations["group"].tolist() == ["all", "all | n"] * 2
    assert correlations["pvalue"].between(0, 1).all()


def test_calibration_brings_the_base_rate_near(table):
    for system in ("MultVAERecommender", "GERRanker"):
        ratio = values(table, system, "expected / found")
        assert ratio["base rate"] == pytest.approx(1)
        assert 0.67 < ratio["sigmoid"] < 1.5
        brier = values(table, system, "brier")
        assert brier["sigmoid"] <= brier["before"] + 1e-3


def test_what_is_there_is_not_run_again(tmp_path, capsys):
    arguments = ["--systems", "GERRanker", "--parts", "ndcg"]
    first = run(tmp_path / "u.csv", *arguments)
    capsys.readouterr()
    pd.testing.assert_frame_equal(first, run(tmp_path / "u.csv", *arguments))
    assert "done" not in capsys.readouterr().out


def test_set_changes_parameters_of_systems_that_have_them(tmp_path, capsys):
    systems = ["--systems", "GERRanker", "EASERecommender"]
    arguments = [*systems, "--parts", "groups", "calibration"]
    plain = run(tmp_path / "u.csv", *arguments)
    both = run(tmp_path / "u.csv", *arguments, "--set", '{"kl_weight": 1.0}')
    added = both.iloc[len(plain) :]
    assert plain["set"].unique().tolist() == ["{}"]
    assert added["set"].unique().tolist() == ['{"kl_weight": 1.0}']
    assert added["system"].unique().tolist() == ["GERRanker"]  # nothing of EASE is run again
    of_added, of_plain = (values(rows, "GERRanker", "variance") for rows in (added, plain))
    assert (of_added != of_plain).all()
    assert '{"kl_weight": 1.0}' in capsys.readouterr().out


@pytest.mark.parametrize("given", ['{"kl_wieght": 1.0}', "3"])
def test_what_no_system_can_be_set_to_is_an_error(tmp_path, capsys, given):
    with pytest.raises(SystemExit):
        run(tmp_path / "u.csv", "--systems", "GERRanker", "--set", given)
    assert "--set must" in capsys.readouterr().err
    assert not (tmp_path / "u.csv").exists()


def test_systems_without_a_posterior_are_only_calibrated(tmp_path, capsys):
    table = run(tmp_path / "u.csv", "--systems", "EASERecommender")
    assert table["part"].unique().tolist() == ["calibration"]
    assert "EASERecommender has no posterior: groups, ndcg left out" in capsys.readouterr().out


def test_a_data_set_without_a_test_gets_one(data_home):
    dataset = uncertainty.load("ml-100k", data_home)
    users = np.arange(943)
    X = dataset.interactions.tocsr()
    assert np.asarray(X[users, dataset.loo_test] > 0).all()
    assert not np.asarray(dataset.loo_train.tocsr()[users, dataset.loo_test] > 0).any()
    assert (dataset.loo_negatives >= 0).all()
    assert not np.asarray(X[users[:, None], dataset.loo_negatives].toarray()).any()
    assert dataset.genres.shape == (1682, 19)
    assert uncertainty.load("amazon-music", data_home).genres is None
