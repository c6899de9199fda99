"""The benchmarks of models of ratings, on tiny data only."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("the benchmarks are part of the checkout alone", allow_module_level=True)
sys.path.insert(0, str(ROOT))

from benchmarks import paired, quality, results, subsample, tune  # noqa: E402
from skrec.metrics import make_ranking_scorer, make_rating_scorer  # noqa: E402
from skrec.reproduce import _data, find_system, list_systems, make_system  # noqa: E402
from skrec.reproduce._protocols import PROTOCOLS  # noqa: E402
from skrec.reproduce._rating_metrics import RatingMetrics, pooled  # noqa: E402

SYSTEMS = ["BiasedMFRegressor", "GeRecRegressor"]
RANKED = [f"{name}@{k}" for name in ("recall", "ndcg") for k in (20, 50)]
METRICS = ["rmse", "mae", *RANKED, *(f"own_{name}" for name in RANKED)]


def options_of(**changed):
    return SimpleNamespace(**{"train_share": 0.7, "split_seed": 0, "ranked_users": None} | changed)


def run(command, tmp_path, *arguments, name="table"):
    output = tmp_path / f"{name}.csv"
    command.main(["--smoke", "--output", str(output), *arguments])
    return pd.read_csv(output)


@pytest.fixture
def fitted():
    task = PROTOCOLS["ratings"](options_of()).test(_data.load("synthetic"))
    est = make_system("BiasedMFRegressor", {"max_epochs": 2}, 0, "cpu", **task.fit_parameters)
    return task, est.fit(task.train)


def test_ratings_are_split_once_into_three_parts():
    dataset = _data.load("synthetic")
    tuning, test = (
        getattr(PROTOCOLS["ratings"](options_of()), s)(dataset) for s in ("tuning", "test")
    )
    parts = test.train, tuning.evaluate, test.evaluate
    assert [len(part) for part in parts] == [4200, 900, 900]
    assert len({(u, i) for part in parts for u, i in zip(part.user, part.item)}) == 6000
    assert test.fit_parameters["validation_data"].item.tolist() == tuning.evaluate.item.tolist()
    other = PROTOCOLS["ratings"](options_of(split_seed=1)).test(dataset)
    assert other.evaluate.item.tolist() != test.evaluate.item.tolist()
    few = PROTOCOLS["ratings"](options_of(train_share=0.01)).test(dataset)
    assert (len(few.train), len(few.evaluate)) == (60, 2970)


def test_errors_are_over_all_ratings(fitted):
    task, est = fitted
    summary = task.summary(task.score(est))
    assert list(summary.index) == METRICS
    for metric in ("rmse", "mae"):
        value = make_rating_scorer(f"neg_{metric}")(est, task.evaluate)
        assert summary.loc[metric, "mean"] == pytest.approx(-value)
    assert summary.loc["rmse", "n_users"] == len(np.unique(task.evaluate.user))


def test_rankings_are_those_of_the_scorers(fitted):
    task, est = fitted
    values = task.score(est)
    rule = {"relevance_threshold": 3.5, "min_held_out": 2}
    for candidates, prefix in (("all", ""), ("own", "own_")):
        scorer = make_ranking_scorer("ndcg", k=20, candidates=candidates, **rule)
        assert values[f"{prefix}ndcg@20"].mean() == pytest.approx(scorer(est, task.evaluate))
    some = RatingMetrics(max_users=20).per_user(est, task.evaluate)
    assert 5 < some["ndcg@20"].count() <= 20
    kept = some["ndcg@20"].dropna()
    assert kept.to_dict() == values["ndcg@20"][kept.index].to_dict()
    pd.testing.assert_series_equal(some["own_ndcg@20"], values["own_ndcg@20"])


def test_standard_errors_are_those_of_the_bootstrap_over_users():
    rng = np.random.default_rng(0)
    n = rng.integers(1, 40, 400)
    bias = rng.normal(0, 0.7, 400)  # the errors of a user are alike
    errors = [rng.normal(b, 1, size) for b, size in zip(bias, n)]
    values = pd.DataFrame({
        "squared_error": [np.sum(e**2) for e in errors],
        "absolute_error": [np.sum(np.abs(e)) for e in errors],
        "n_ratings": n,
    })  # fmt: skip
    rmse, error, n_users = pooled(values, "rmse")
    assert rmse == pytest.approx(np.sqrt(np.mean(np.concatenate(errors) ** 2)))
    assert n_users == 400
    draws = values.to_numpy()[rng.integers(400, size=(2000, 400))].sum(axis=1)
    assert error == pytest.approx(np.std(np.sqrt(draws[:, 0] / draws[:, 2])), rel=0.1)
    mae, error, _ = pooled(values, "mae")
    assert mae == pytest.approx(np.mean(np.abs(np.concatenate(errors))))
    assert error == pytest.approx(np.std(draws[:, 1] / draws[:, 2]), rel=0.1)


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
            run(quality, tmp_path, "--protocol", protocol, "--systems", system)
        assert system in capsys.readouterr().err


def test_quality_puts_the_smallest_error_first(tmp_path, capsys):
    table = run(quality, tmp_path, "--protocol", "ratings", "--systems", *SYSTEMS)
    for _, rows in table.groupby("system"):
        assert list(rows["metric"]) == METRICS
    errors = table[table["metric"] == "rmse"].set_index("system")["mean"]
    best = results.quality_table(table).index.get_level_values("system")[0]
    assert best == errors.idxmin()
    assert "delta method" in capsys.readouterr().out
    assert set(table["split"]) == {"70r0"}
    assert (table.loc[table["metric"] == "rmse", "std_error"] > 0).all()


def test_errors_are_paired_by_user(tmp_path):
    folder = tmp_path / "users"
    table = run(
        quality, tmp_path, "--protocol", "ratings", "--systems", *SYSTEMS, "--per-user", str(folder)
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
    row = printed[printed.index("('BiasedMFRegressor', 'synthetic', 'ratings'):") :]
    assert ('"l2": 0.05' in table.idxmin()) == ("'l2': 0.05" in row)
    assert f"rmse {table.min():.4f} on validation, the best of 2" in printed
    assert "'early_stopping': True" in row


def test_subsampling_has_a_cell_a_share_and_seed_and_keeps_them(tmp_path, capsys):
    arguments = ["--systems", *SYSTEMS, "--shares", "0.05", "0.2", "--seeds", "0", "1"]
    table = run(subsample, tmp_path, *arguments)
    assert set(table["split"]) == {"5r0", "5r1", "20r0", "20r1"}
    assert len(table) == 2 * 4 * len(METRICS)
    printed = capsys.readouterr().out
    assert "5 %" in printed
    assert len(run(subsample, tmp_path, *arguments)) == len(table)
    assert "ratings-synthetic" not in capsys.readouterr().out
    rows = table[table["metric"] == "rmse"].set_index(["system", "split"])["mean"]
    mean = np.mean([rows["BiasedMFRegressor", split] for split in ("5r0", "5r1")])
    line = next(line for line in printed.splitlines() if f"{mean:.4f} (" in line)
    assert "BiasedMFRegressor" in line


def test_subsampling_tunes_on_the_validation_half(tmp_path):
    trials = tmp_path / "trials.csv"
    table = run(
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
        run(subsample, tmp_path, *arguments)
    assert "must lie in (0, 1)" in capsys.readouterr().err


def test_help_names_the_command(capsys):
    with pytest.raises(SystemExit):
        subsample.main(["--help"])
    assert "python -m benchmarks.subsample" in capsys.readouterr().out
