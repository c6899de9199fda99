"""The benchmarks of models of ratings, on tiny data only."""

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.claims import subsample
from benchmarks.quality import paired, run, tables, tune
from skrec.reproduce import find_system, list_systems

SYSTEMS = ["BiasedMFRegressor", "GeRecRegressor"]
RANKED = [f"{name}@{k}" for name in ("recall", "ndcg") for k in (20, 50)]
METRICS = ["rmse", "mae", *RANKED, *(f"own_{name}" for name in RANKED)]


def run_command(command, tmp_path, *arguments, name="table"):
    output = tmp_path / f"{name}.csv"
    command.main(["--smoke", "--output", str(output), *arguments])
    return pd.read_csv(output)


def test_systems_run_on_their_own_kind_of_feedback(tmp_path, capsys):
    explicit, implicit = list_systems("explicit"), list_systems()
    assert set(SYSTEMS) < set(explicit)
    assert not set(explicit) & set(implicit)
    assert {"CrossFeedbackBMF", "I-AutoRec", "CrossFeedback-no-data"} < set(explicit)
    assert {"MultVAERecommender", "H+Vamp-gated-1", "GeRecClassifier"} < set(implicit)
    for name in (explicit[0], implicit[0]):
        assert find_system(name)
    wrong = {"ratings": "EASERecommender", "strong": "BiasedMFRegressor"}
    for protocol, system in wrong.items():
        with pytest.raises(SystemExit):
            run_command(run, tmp_path, "--protocol", protocol, "--systems", system)
        assert system in capsys.readouterr().err


def test_quality_puts_the_smallest_error_first(tmp_path, capsys):
    table = run_command(run, tmp_path, "--protocol", "ratings", "--systems", *SYSTEMS)
    for _, rows in table.groupby("system"):
        assert list(rows["metric"]) == METRICS
    errors = table[table["metric"] == "rmse"].set_index("system")["mean"]
    best = tables.quality_table(table).index.get_level_values("system")[0]
    assert best == errors.idxmin()
    assert "delta method" in capsys.readouterr().out
    assert set(table["split"]) == {"70r0"}
    assert (table.loc[table["metric"] == "rmse", "std_error"] > 0).all()


def test_errors_are_paired_by_user(tmp_path):
    folder = tmp_path / "users"
    table = run_command(
        run, tmp_path, "--protocol", "ratings", "--systems", *SYSTEMS, "--per-user", str(folder)
    )
    path = tmp_path / "paired.csv"
    paired.main([
        "--protocol", "ratings", "--data", "synthetic", "--reference", SYSTEMS[0],
        "--metrics", "mse", "mae", "--per-user", str(folder), "--output", str(path),
    ])  # fmt: skip
    means = table.set_index(["system", "metric"])["mean"]
    pairs = pd.read_csv(path).set_index(["system", "metric"])
    for system in SYSTEMS:
        assert pairs.loc[(system, "mse"), "mean"] == pytest.approx(means[system, "rmse"] ** 2)
        assert pairs.loc[(system, "mae"), "mean"] == pytest.approx(means[system, "mae"])
    first = pd.read_csv(path)["system"][0]
    assert first == means[:, "rmse"].idxmin()


def test_tune_chooses_the_smallest_error(tmp_path, capsys):
    output = tmp_path / "tuning.csv"
    tune.main([
        "--protocol", "ratings", "--data", "synthetic", "--systems", "BiasedMFRegressor",
        "--output", str(output), "--grid", '{"l2": [0.05, 1e4], "lr": [0.01], "n_factors": [4]}',
    ])  # fmt: skip
    table = pd.read_csv(output)
    table = table[table["metric"] == "rmse"].set_index("parameters")["mean"]
    assert len(table) == 2
    printed = capsys.readouterr().out
    row = json.loads(next(line for line in printed.splitlines() if line.startswith("{")))
    assert row["parameters"] == json.loads(table.idxmin())
    assert row["parameters"]["early_stopping"]
    assert row["note"] == f"rmse {table.min():.4f} on validation data"
    assert "BiasedMFRegressor on synthetic: best of 2, rmse" in printed


def test_subsampling_has_a_cell_a_share_and_seed_and_keeps_them(tmp_path, capsys):
    arguments = ["--systems", *SYSTEMS, "--shares", "0.05", "0.2", "--seeds", "0", "1"]
    table = run_command(subsample, tmp_path, *arguments)
    assert set(table["split"]) == {"5r0", "5r1", "20r0", "20r1"}
    assert len(table) == 2 * 4 * len(METRICS)
    printed = capsys.readouterr().out
    assert "5 %" in printed
    assert len(run_command(subsample, tmp_path, *arguments)) == len(table)
    assert "ratings-synthetic" not in capsys.readouterr().out
    rows = table[table["metric"] == "rmse"].set_index(["system", "split"])["mean"]
    mean = np.mean([rows["BiasedMFRegressor", split] for split in ("5r0", "5r1")])
    line = next(line for line in printed.splitlines() if f"{mean:.4f} (" in line)
    assert "BiasedMFRegressor" in line


def test_subsampling_tunes_on_the_validation_half(tmp_path):
    trials = tmp_path / "trials.csv"
    table = run_command(
        subsample, tmp_path, "--systems", "BiasedMFRegressor", "--shares", "0.2",
        "--seeds", "3", "4", "--tune", "5", "--trials", str(trials), "--grid", '{"l2": [0.5]}',
    )  # fmt: skip
    tried = pd.read_csv(trials)
    assert all(json.loads(text)["l2"] == 0.5 for text in tried["parameters"])
    assert set(tried["split"]) == {"20r3"}
    assert set(tried["metric"]) == {"rmse", "mae"}
    assert set(table["parameters"]) == set(tried["parameters"])


@pytest.mark.parametrize("arguments", [["--shares", "0"], ["--train-share", "1"]])
def test_shares_are_between_nothing_and_everything(tmp_path, capsys, arguments):
    with pytest.raises(SystemExit):
        run_command(subsample, tmp_path, *arguments)
    assert "must lie in (0, 1)" in capsys.readouterr().err
