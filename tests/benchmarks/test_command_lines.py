"""The benchmarks' command lines, on tiny data only."""

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("the benchmarks are part of the checkout alone", allow_module_level=True)
sys.path.insert(0, str(ROOT))

from benchmarks import (  # noqa: E402
    activity,
    calibration,
    paired,
    quality,
    results,
    settings,
    speed,
    tune,
)
from benchmarks.jobs import Judge  # noqa: E402
from benchmarks.peers import PEERS, Worker  # noqa: E402
from benchmarks.workers._snapshots import Snapshots  # noqa: E402
from skrec.reproduce import _data, find_system, list_systems, make_system  # noqa: E402
from skrec.reproduce._protocols import PROTOCOLS  # noqa: E402
from skrec.reproduce._settings import SETTINGS  # noqa: E402

FAST = ["PopularityRecommender", "EASERecommender"]


def run_quality(tmp_path, *arguments):
    output = tmp_path / "quality.csv"
    quality.main(["--smoke", "--output", str(output), *arguments])
    return pd.read_csv(output)


@pytest.mark.parametrize("command", [quality, tune, activity, calibration, speed])
def test_help_names_the_command(command, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(["--help"])
    assert stop.value.code == 0
    assert f"python -m {command.__name__}" in capsys.readouterr().out


SAMPLED = [f"sampled_{name}@{k}" for name in ("hit_rate", "ndcg") for k in (3, 5, 10, 20)]


@pytest.mark.parametrize(
    ("protocol", "metrics"),
    [
        ("ncf", [*SAMPLED, *(f"warm_{name}" for name in SAMPLED)]),
        ("strong", ["ndcg@100", "ndcg@20", "recall@50", "recall@20", "recall@10"]),
        ("weak", ["recall@20", "ndcg@20"]),
    ],
)
def test_quality_gives_the_metrics_of_the_protocol(tmp_path, protocol, metrics):
    table = run_quality(tmp_path, "--protocol", protocol, "--systems", *FAST)
    for _, rows in table.groupby("system"):
        assert list(rows["metric"]) == metrics
    means = table.pivot(index="metric", columns="system", values="mean")
    assert (means["EASERecommender"] > means["PopularityRecommender"]).all()
    assert (table["std_error"] > 0).all()


def test_quality_runs_every_system_by_its_name(tmp_path):
    table = run_quality(tmp_path, "--protocol", "strong")
    assert set(table["system"]) == set(list_systems())
    assert set(table.loc[table["n_epochs"] == 2, "system"]) >= {"MultVAERecommender"}


def test_a_cell_that_is_there_is_not_run_again(tmp_path, capsys):
    first = run_quality(tmp_path, "--systems", *FAST)
    capsys.readouterr()
    pd.testing.assert_frame_equal(first, run_quality(tmp_path, "--systems", *FAST))
    assert "ncf-synthetic" not in capsys.readouterr().out
    more = run_quality(tmp_path, "--systems", *FAST, "--protocol", "weak")
    assert len(more) == len(first) + 4


def test_seeds_count_only_for_systems_that_have_one(tmp_path):
    table = run_quality(
        tmp_path, "--protocol", "weak", "--seeds", "0", "1",
        "--systems", "EASERecommender", "MultDAERecommender",
    )  # fmt: skip
    n_seeds = table.groupby("system")["seed"].nunique()
    assert n_seeds.to_dict() == {"EASERecommender": 1, "MultDAERecommender": 2}
    summary = results.quality_table(table).droplevel(["data", "protocol"])
    assert "(" in summary.loc["MultDAERecommender", "ndcg@20"]
    assert "(" not in summary.loc["EASERecommender", "ndcg@20"]


def test_values_of_users_agree_with_the_table_and_between_systems(tmp_path):
    folder = tmp_path / "users"
    table = run_quality(tmp_path, "--systems", *FAST, "--per-user", str(folder))
    arrays = {path.name: dict(np.load(path)) for path in sorted(folder.glob("*.npz"))}
    ease, popularity = arrays.values()
    np.testing.assert_array_equal(ease["user"], popularity["user"])
    mean = table.set_index(["system", "metric"])["mean"]["EASERecommender", "sampled_ndcg@10"]
    assert ease["sampled_ndcg@10"].mean() == pytest.approx(mean)
    assert ease["activity"].shape == ease["user"].shape


def test_unknown_systems_and_data_are_named(tmp_path, capsys):
    for arguments in (["--systems", "Nobody"], ["--data", "nothing"]):
        with pytest.raises(SystemExit):
            quality.main([*arguments, "--output", str(tmp_path / "q.csv")])
        assert arguments[1] in capsys.readouterr().err


def test_tune_prints_a_row_for_the_settings(tmp_path, capsys):
    output = str(tmp_path / "tuning.csv")
    tune.main(["--smoke", "--systems", "MultDAERecommender", "--output", output])
    printed = capsys.readouterr().out
    row = printed[printed.index("('MultDAERecommender', 'synthetic', 'ncf'):") :]
    assert "'max_epochs'" in row
    assert "early_stopping" not in row
    tune.main(
        ["--smoke", "--systems", "MultDAERecommender", "--output", output, "--protocol", "strong"]
    )
    assert "'early_stopping': True" in capsys.readouterr().out


def test_tune_chooses_the_best_of_a_grid(tmp_path, capsys):
    output = tmp_path / "tuning.csv"
    tune.main(
        ["--data", "synthetic", "--systems", "EASERecommender", "--output", str(output),
         "--grid", '{"l2": [10.0, 1e9]}']
    )  # fmt: skip
    table = pd.read_csv(output)
    table = table[table["metric"] == "sampled_ndcg@10"].set_index("parameters")["mean"]
    assert len(table) == 2
    assert f"'l2': {table.idxmax().split()[-1][:-1]}" in capsys.readouterr().out


def test_settings_and_grids_fit_the_estimators():
    for (system, _, _), parameters in SETTINGS.items():
        find_system(system)().set_params(**parameters)
    for system, grid in settings.GRIDS.items():
        assert set(grid) <= set(find_system(system)().get_params())


def test_activity_writes_a_table_and_a_figure(tmp_path):
    output = tmp_path / "activity.csv"
    activity.main(["--smoke", "--output", str(output), "--per-user", str(tmp_path / "users")])
    table = pd.read_csv(output)
    assert set(table["system"]) == {"MultVAERecommender", "MultDAERecommender"}
    assert {"quintile", "mean", "std_error", "t_pvalue"} <= set(table)
    assert (tmp_path / "activity.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("task", "rows"),
    [
        ("recommend", {"recommend", "product_and_topk"}),
        ("evaluate", {"scorer_10", "scorer_1", "recommend_100", "recommend_20"}),
    ],
)
def test_speed_in_a_fresh_process(tmp_path, monkeypatch, task, rows):
    monkeypatch.chdir(tmp_path)
    output = tmp_path / "speed.csv"
    speed.main([task, "--smoke", "--rounds", "1", "--threads", "1", "--output", str(output)])
    table = pd.read_csv(output).set_index("what")
    assert set(table.index) == rows
    assert (table["seconds"] > 0).all()
    assert table["extra"].max() < table["peak"].max()


def test_speed_of_a_training_batch(tmp_path):
    output = tmp_path / "speed.csv"
    speed.main(
        ["multvae-batch", "--smoke", "--no-memory", "--threads", "1", "--output", str(output)]
    )
    table = pd.read_csv(output)
    assert list(table["what"]) == ["estimator", "bare_loop", "three_products", "estimator"]
    assert (table["ratio"][:2] > 1).all()
    assert table["n"].min() == 4


@pytest.mark.parametrize(
    ("task", "rows"),
    [
        ("negatives", {"uniform", "popularity", "unchecked_draws"}),
        ("mf-bpr", {"bpr_mf_epoch", "bpr_mf in 0.5 s", "bpr_mf in 1 s"}),
        ("convncf-epoch", {"convncf_epoch"}),
        ("als-sweep", {"wmf_cholesky", "wmf_cg", "wmf_cholesky_fit", "wmf_cg_fit"}),
    ],
)
def test_speed_of_embedding_models_without_peers(tmp_path, task, rows):
    output = tmp_path / "speed.csv"
    speed.main(
        [task, "--smoke", "--rounds", "1", "--threads", "1", "--peers", "--interactions", "500",
         "--output", str(output)]
    )  # fmt: skip
    table = pd.read_csv(output).set_index("what")
    assert rows <= set(table.index)
    assert (table["seconds"] > 0).all()
    assert table["note"].iloc[-1].split()[0] in {"9000", "ndcg@20", "500"}


def test_budgets_keep_the_last_epoch_that_they_allow(monkeypatch):
    clock = iter([0.0, 1.0, 5.0, 6.0, 7.0, 9.0])
    monkeypatch.setattr("benchmarks.workers._snapshots.time.perf_counter", lambda: next(clock))
    snapshots = Snapshots([0.5, 2.5, 2.8])
    assert not snapshots(lambda: "first")  # ends at 1, the copy takes until 5
    assert not snapshots(lambda: "second")  # ends at 6, so after 2 seconds of training
    assert snapshots(lambda: "third")
    assert snapshots.kept == [(0.0, 0, None), (2.0, 2, "second"), (2.0, 2, "second")]


def test_the_last_epoch_serves_all_budgets_that_are_left():
    snapshots = Snapshots([1e8, 1e9])
    snapshots(lambda: "all")
    assert [copy for _, _, copy in snapshots.finish()] == ["all", "all"]


def test_factors_and_lists_are_judged_alike():
    rng = np.random.RandomState(0)
    train, test = (sp.random(30, 40, 0.1, "csr", random_state=seed) for seed in (0, 1))
    judge = Judge(train, test - test.multiply(train > 0), k=5, block=7)
    factors = rng.randn(30, 3), rng.randn(40, 3)
    scores = factors[0] @ factors[1].T
    scores[train.nonzero()] = -np.inf
    ranked = np.argsort(-scores[judge.users], axis=1)[:, :5]
    assert judge.factors(*factors) == pytest.approx(judge.ranking(ranked))
    assert 0 < judge.ranking(ranked) < 1


def test_a_worker_answers_a_round_at_a_time(tmp_path, monkeypatch):
    script = tmp_path / "workers" / "echo_worker.py"
    script.parent.mkdir()
    protocol = ROOT / "benchmarks" / "workers" / "_protocol.py"
    (script.parent / "_protocol.py").write_text(protocol.read_text())
    script.write_text(
        "from _protocol import claim_stdout, serve\n"
        "stream = claim_stdout()\n"
        "print('a library that talks')\n"
        "serve({'one': lambda: 1.0, 'two': lambda x=2.0: x}, stream)\n"
    )
    monkeypatch.setattr("benchmarks.peers._HERE", tmp_path)
    monkeypatch.setattr("benchmarks.peers.environment", lambda name: sys.executable)
    with Worker("echo", threads=1) as worker:
        assert worker.tasks == ["one", "two"]
        assert [worker.run("two"), worker.run("one"), worker.run("two", [3])] == [2.0, 1.0, [3]]


def test_peers_have_a_worker_and_exact_versions():
    for name, steps in PEERS.items():
        assert (ROOT / "benchmarks" / "workers" / f"{name}_worker.py").exists()
        packages = [package for step in steps for package in step if not package.startswith("-")]
        assert all("==" in package for package in packages)


def test_warm_metrics_are_of_users_whose_target_somebody_has_in_training():
    dataset = _data.load("synthetic")
    target = dataset.loo_test[0]
    dataset.loo_train = dataset.loo_train[dataset.loo_train.item != target]
    task = PROTOCOLS["ncf"]().test(dataset)
    values = task.score(find_system("PopularityRecommender")().fit(task.train))
    cold = dataset.loo_test[values.index] == target
    assert cold.any()
    warm = values["warm_sampled_ndcg@10"]
    assert (warm.isna() == cold).all()
    assert (warm[~cold] == values["sampled_ndcg@10"][~cold]).all()


DEPTHS = {
    f"{'H+' * hierarchical}Vamp{'-gated' * gated}-{depth}": (
        "VampVAERecommender",
        {"hierarchical": hierarchical, "gated": gated, "hidden_sizes": (600,) * depth},
    )
    for hierarchical in (False, True)
    for gated in (False, True)
    for depth in (1, 2)
}
NAMED = {
    **DEPTHS,
    "H+Vamp": ("VampVAERecommender", {"hierarchical": True, "gated": False}),
    "MultVAE-1": ("MultVAERecommender", {"gated": False, "hidden_sizes": (600,)}),
    "MultVAE-2": ("MultVAERecommender", {"gated": False, "hidden_sizes": (600, 600)}),
    "MultVAE-gated-1": ("MultVAERecommender", {"gated": True, "hidden_sizes": (600,)}),
    "MultVAE-gated-2": ("MultVAERecommender", {"gated": True, "hidden_sizes": (600, 600)}),
    "WMF-192": ("WMFRecommender", {"n_factors": 192}),
    "U-AutoRec": ("AutoRecRegressor", {"side": "user"}),
    "I-AutoRec": ("AutoRecRegressor", {"side": "item"}),
    "CrossFeedback-no-data": ("CrossFeedbackBMF", {"data_input": False}),
    "CrossFeedback-no-feedback": ("CrossFeedbackBMF", {"cross_feedback": False}),
    "CrossFeedback-no-attention": ("CrossFeedbackBMF", {"attention": None}),
}


def test_every_variant_is_known():
    names = {*list_systems(), *list_systems("explicit")}
    assert {name for name in names if name != find_system(name).__name__} == set(NAMED)


@pytest.mark.parametrize("name", NAMED)
def test_variants_are_settings_of_estimators(name):
    system, parameters = NAMED[name]
    est = make_system(name, {"max_epochs": 3}, seed=1)
    assert type(est).__name__ == find_system(name).__name__ == system
    given = est.get_params()
    assert {key: given[key] for key in parameters} == parameters
    assert (given["max_epochs"], given["random_state"]) == (3, 1)


def test_paired_differences_are_those_of_the_users(tmp_path, capsys):
    folder = tmp_path / "users"
    systems = ["PopularityRecommender", "ItemKNNRecommender", "H+Vamp", "H+Vamp-gated-1"]
    run_quality(
        tmp_path, "--protocol", "strong", "--systems", *systems, "--seeds", "0", "1",
        "--per-user", str(folder),
    )  # fmt: skip
    options = [
        "--data",
        "synthetic",
        "--reference",
        "PopularityRecommender",
        "--metrics",
        "ndcg@20",
    ]
    path = tmp_path / "paired.csv"
    paired.main([*options, "--per-user", str(folder), "--output", str(path)])
    table = pd.read_csv(path, index_col="system")
    assert set(table.index) == set(systems)
    values = {
        name: np.mean(
            [np.load(f)["ndcg@20"] for f in sorted(folder.glob(f"strong-synthetic-{name}-50u0-*"))],
            axis=0,
        )
        for name in systems
    }
    for name in systems:
        assert table.loc[name, "mean"] == pytest.approx(values[name].mean())
    gap = values["ItemKNNRecommender"] - values["PopularityRecommender"]
    row = table.loc["ItemKNNRecommender"]
    assert row["difference"] == pytest.approx(gap.mean())
    assert row["ci_low"] < row["difference"] < row["ci_high"]
    assert row["relative"] == pytest.approx(gap.mean() / values["PopularityRecommender"].mean())
    with pytest.raises(SystemExit, match="--reference must be among"):
        paired.main([*options, "--reference", "SVD", "--per-user", str(folder)])
    best = table["mean"].nlargest(2).index.tolist()
    picture = tmp_path / "ranks.png"
    paired.main([
        *options, "--per-user", str(folder), "--output", str(path), "--top", "2", "--ranks",
        "--plot", str(picture),
    ])  # fmt: skip
    assert pd.read_csv(path)["system"].tolist() == best
    wins = np.sign(values[best[0]] - values[best[1]]).mean() / 2
    ranks = dict(zip(best, (1.5 - wins, 1.5 + wins)))
    printed = capsys.readouterr().out.rpartition("critical difference")[2]
    for name, rank in ranks.items():
        assert re.search(rf"{re.escape(name)} +{rank:.3f}", printed)
    assert picture.exists()
