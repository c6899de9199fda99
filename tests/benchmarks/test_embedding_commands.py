"""The command lines about embedding models, on tiny data only."""

import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("the benchmarks are part of the checkout alone", allow_module_level=True)
sys.path.insert(0, str(ROOT))

from benchmarks import (  # noqa: E402
    convncf_claims,
    convncf_tower,
    fold_in,
    gerec_curve,
    gerec_module,
    gerec_sweeps,
)
from skrec.reproduce import find_system  # noqa: E402

TINY = ["--data", "synthetic", "--factors", "4", "--seeds", "0", "1"]


COMMANDS = [convncf_claims, convncf_tower, fold_in, gerec_curve, gerec_module, gerec_sweeps]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_the_command(command, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(["--help"])
    assert stop.value.code == 0
    assert f"python -m {command.__name__}" in capsys.readouterr().out


def test_every_variant_can_be_made():
    for system, parameters, twin in convncf_claims.VARIANTS.values():
        parameters = {} if parameters is None else parameters
        assert set(parameters) <= set(find_system(system)().get_params())
        assert twin in (None, *convncf_claims.TWINS)


def test_claims_are_about_variants():
    for pair in convncf_claims.CLAIMS.values():
        assert set(pair) <= set(convncf_claims.VARIANTS)


def test_claims_are_paired_by_seed_and_cells_are_kept(tmp_path, capsys, monkeypatch):
    few = {"max_epochs": 2}
    monkeypatch.setitem(convncf_claims.TWINS, "mf", ("BPRMFRanker", {"l2": 0.02, **few}))
    for name in ("GMF", "ConvNCF-MF, 4 maps"):
        system, parameters, twin = convncf_claims.VARIANTS[name]
        short = (system, {**parameters, **few}, twin)
        monkeypatch.setitem(convncf_claims.VARIANTS, name, short)
    options = [*TINY, "--output", str(tmp_path / "claims.csv")]
    options += ["--variants", "MF-BPR", "GMF", "ConvNCF-MF, 4 maps"]
    convncf_claims.main(options)
    table = pd.read_csv(tmp_path / "claims.csv")
    assert len(table) == 3 * 2 * 16
    first = capsys.readouterr().out
    convncf_claims.main(options)
    assert len(pd.read_csv(tmp_path / "claims.csv")) == len(table)
    assert capsys.readouterr().out in first


def test_verdicts_are_differences_over_seeds():
    index = pd.MultiIndex.from_product([["ConvNCF-MF", "MF-BPR"], [0, 1]])
    values = pd.DataFrame({"m": [0.5, 0.7, 0.4, 0.5]}, index=index.set_names(["variant", "seed"]))
    row = convncf_claims.verdicts(values).loc["ConvNCF-MF beats its twin"]
    assert row["difference", "m"] == pytest.approx(0.15)
    assert row["std_error", "m"] == pytest.approx(0.05)
    assert row["z", "m"] == pytest.approx(3.0)


def test_fold_in_compares_both_ways(tmp_path, monkeypatch):
    monkeypatch.setitem(fold_in._DEFAULTS, "n_factors", 8)
    path = tmp_path / "fold_in.csv"
    options = ["--data", "synthetic", "--systems", "BPRMFRanker", "--users", "20"]
    fold_in.main([*options, "--output", str(path)])
    row = pd.read_csv(path).iloc[0]
    assert 0.5 < row["overlap@10"] <= 1
    assert 0.8 < row["spearman"] <= 1


def test_gerec_gives_what_the_naive_cube_gives():
    table, difference = gerec_module.compare_modules(8, 3, 8, batch_size=4, rounds=1)
    assert difference < 1e-5
    assert len(table) == 4
    sides, pairs = (cls(8, 3, 8, 3, 5) for cls in (gerec_module.AllItems, gerec_module.PairByPair))
    assert sides.scores().allclose(pairs.scores(), atol=1e-5)
    assert gerec_module.arithmetic_share(64, 9, 64) == pytest.approx(0.686, abs=1e-3)


def test_a_sweep_has_a_row_a_value(tmp_path, capsys):
    gerec_sweeps.main(["--smoke", "--output", str(tmp_path / "sweeps.csv")])
    table = pd.read_csv(tmp_path / "sweeps.csv")
    assert list(table["parameter"]) == ["n_factors", "n_factors", "n_draws", "n_draws", "n_filters"]
    assert {"sampled_hit_rate@10", "sampled_ndcg@10"} <= set(table)


def test_curve_has_a_row_an_epoch_and_the_tests_metrics(tmp_path):
    path = tmp_path / "curve.csv"
    gerec_curve.main(["--smoke", "--system", "BPRMFRanker", "--output", str(path)])
    table = pd.read_csv(path).set_index("what")
    assert list(table.loc["valid_sampled_ndcg@10", "epoch"]) == [1, 2]
    assert table.loc["valid_sampled_ndcg@10", "value"].between(0, 1).all()
    assert (table.loc["train_loss", "minutes"].diff().dropna() > 0).all()
    assert 0 < table.loc["sampled_ndcg@10", "value"] <= 1


def test_curve_stops_when_the_time_is_over(tmp_path):
    path = tmp_path / "curve.csv"
    options = ["--data", "synthetic", "--system", "BPRMFRanker", "--minutes", "0"]
    gerec_curve.main([*options, "--output", str(path)])
    assert pd.read_csv(path)["epoch"].max() == 1
