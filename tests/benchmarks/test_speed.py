"""The commands on the speed of skrec alone, on tiny data only."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import skrec
from benchmarks.speed import (
    curves,
    files,
    gerec_module,
    jobs,
    loading,
    measure,
    memory,
    modules,
    one_user,
    onnx,
    pairs,
    run,
    start,
    timers,
    versions,
)
from benchmarks.speed.matrices import made_file
from skrec import BPRMFRanker
from skrec.datasets import make_interactions

SMOKE = ["--smoke", "--rounds", "1", "--threads", "1"]


def call_here(job, threads, limit, **arguments):
    """Call a job in this process, where it is not the fresh one that is tested."""
    return getattr(jobs, job)(**arguments)


@pytest.mark.parametrize(
    ("task", "rows"),
    [
        ("recommend", {"recommend", "product_and_topk"}),
        pytest.param(
            "evaluate",
            {"scorer_10", "scorer_1", "recommend_100", "recommend_20"},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_speed_in_a_fresh_process(tmp_path, monkeypatch, task, rows):
    monkeypatch.chdir(tmp_path)
    output = tmp_path / "speed.csv"
    run.main([task, *SMOKE, "--output", str(output)])
    table = pd.read_csv(output).set_index("what")
    assert set(table.index) == rows
    assert (table["seconds"] > 0).all()
    assert table["extra"].max() < table["peak"].max()


def test_speed_of_a_training_batch(tmp_path):
    output = tmp_path / "speed.csv"
    run.main(["multvae-batch", "--smoke", "--no-memory", "--threads", "1", "--output", str(output)])
    table = pd.read_csv(output)
    ours = ["estimator", "estimator_sampled_items"]
    assert list(table["what"]) == [*ours, "bare_loop", "three_products", *ours]
    assert (table["ratio"][:3] > 1).all()
    assert table["n"].min() == 4


@pytest.mark.parametrize(
    ("task", "rows"),
    [
        ("calibration", {"EASE, ml-1m", "ItemKNN, Gowalla"}),
        ("negatives", {"uniform", "popularity", "unchecked_draws"}),
        ("vamp-batch", {"vamp_batch", "unavoidable", "vamp_batch_gowalla", "unavoidable_gowalla"}),
    ],
)
def test_speed_has_a_row_for_each_competitor(tmp_path, task, rows):
    output = tmp_path / "speed.csv"
    run.main([task, *SMOKE, "--output", str(output)])
    table = pd.read_csv(output).set_index("what")
    assert rows <= set(table.index)
    assert (table["seconds"] > 0).all()
    if task == "negatives":
        assert set(table["note"]) == {"9000 positives"}


def test_a_fit_has_its_time_and_memory(tmp_path):
    path = made_file(tmp_path, 60, 40, 600)
    assert made_file(tmp_path, 60, 40, 600) == path
    answer = jobs.fit(path, "EASERecommender", {"l2": 10.0})
    assert set(answer) == {"seconds", "peak", "extra"}
    assert answer["seconds"] > 0
    assert answer["extra"] < answer["peak"]


def test_unknown_tasks_are_named(capsys):
    with pytest.raises(SystemExit):
        run.main(["nothing", *SMOKE])
    assert "tasks must be among" in capsys.readouterr().err


def test_a_pass_is_measured_beside_its_parts(tmp_path):
    output = tmp_path / "speed.csv"
    run.main(["cross-feedback-pass", *SMOKE, "--output", str(output)])
    table = pd.read_csv(output)
    assert set(table["what"]) == {
        f"cross_feedback_{what}{suffix}"
        for what in ("pass", "parts")
        for suffix in ("", "_attention")
    }
    assert (table["seconds"] > 0).all()


def test_a_sweep_is_measured_for_each_kind(tmp_path):
    output = tmp_path / "speed.csv"
    run.main(["gibbs-sweep", *SMOKE, "--output", str(output)])
    table = pd.read_csv(output)
    assert set(table["what"]) == {f"gibbs_sweep_{kind}" for kind in ("none", "svdpp", "flipped")}
    assert (table["seconds"] > 0).all()


def test_curves_have_a_row_a_size_and_growth_to_the_size_before(tmp_path, monkeypatch):
    one = {
        name: cell
        for name, cell in curves.CURVES.items()
        if name in ("EASE fit", "WMF fit, one sweep")
    }
    kind, _, parameters, sizes = one["WMF fit, one sweep"]
    one["WMF fit, one sweep"] = (kind, "NobodysRecommender", parameters, sizes)
    one["ranking"] = ("rank", "BPRMFRanker", {"n_factors": 4}, sizes)
    monkeypatch.setattr(curves, "CURVES", one)
    monkeypatch.setattr(curves, "call_fresh", call_here)
    output = tmp_path / "speed.csv"
    curves.main([*SMOKE, "--output", str(output)])
    table = pd.read_csv(output)
    ease = table[table["what"].str.startswith("EASE")]
    assert len(ease) == 2
    ratio = ease["seconds"].iloc[1] / ease["seconds"].iloc[0]
    assert ease["ratio"].iloc[1] == pytest.approx(ratio)
    assert ease["note"].iloc[1] == f"exponent {np.log(ratio) / np.log(2):.2f}"
    assert "no NobodysRecommender" in table.set_index("what").loc["WMF fit, one sweep", "note"]
    assert table["what"].str.startswith("ranking").sum() == 2


def test_a_cell_out_of_time_ends_its_curve_only(tmp_path, monkeypatch):
    monkeypatch.setattr(curves, "CURVES", {"EASE fit": curves.CURVES["EASE fit"]})
    output = tmp_path / "speed.csv"
    curves.main([*SMOKE, "--limit", "0.01", "--output", str(output)])
    assert list(pd.read_csv(output)["note"]) == ["not done in 0.01 s"]


def test_a_job_that_fails_says_so():
    assert measure.call_fresh("nothing") == {"error": "exit status 1"}


def test_gerec_gives_what_the_naive_cube_gives():
    table, difference = gerec_module.compare_modules(8, 3, 8, batch_size=4, rounds=1)
    assert difference < 1e-5
    assert len(table) == 4
    sides, pairs = (cls(8, 3, 8, 3, 5) for cls in (gerec_module.AllItems, gerec_module.PairByPair))
    assert sides.scores().allclose(pairs.scores(), atol=1e-5)
    assert gerec_module.arithmetic_share(64, 9, 64) == pytest.approx(0.686, abs=1e-3)


@pytest.mark.parametrize("module", ["convncf", "gerec"])
def test_modules_are_compared(module, capsys):
    modules.main([module, "--factors", "8", "--batch", "4", "--rounds", "1", "--threads", "1"])
    printed = capsys.readouterr().out
    assert "paired_ratio" in printed
    assert ("plain convolutions" in printed) == (module == "convncf")
    assert ("naive cube" in printed) == (module == "gerec")


def test_speed_of_loading(tmp_path):
    output = tmp_path / "speed.csv"
    loading.main(["--smoke", "--scratch", str(tmp_path), "--output", str(output)])
    table = pd.read_csv(output)
    assert table["what"].tolist() == ["read", "read, from_frame", "load"]
    assert table["note"].str.startswith("1000 rows").all()
    with pytest.raises(SystemExit):
        loading.main(["--rows", "0"])


def test_pairs_a_second_are_those_of_the_epochs(tmp_path):
    output = tmp_path / "speed.csv"
    pairs.main([*SMOKE, "--data", "gowalla", "--output", str(output)])
    table = pd.read_csv(output)
    assert table["what"].tolist() == [f"{m} epoch, gowalla, 4 factors" for m in ("MF", "BPR")]
    for row, steps in zip(table.itertuples(), (5, 1)):  # 4 negatives and the positive, a triplet
        rate = float(row.note.split()[0])
        assert rate == pytest.approx(9_000 * steps / 1e6 / row.seconds, abs=0.01)


@pytest.mark.parametrize("solver", ["torch", "sgd"])
def test_epochs_of_both_solvers_are_timed(solver):
    X = make_interactions(60, 40, 600, random_state=0).X
    epochs = timers.EstimatorEpochs(BPRMFRanker(n_factors=4, solver=solver), X, 3)
    assert len(epochs()) == 2
    assert min(epochs()) > 0


@pytest.mark.slow
def test_what_a_start_takes(tmp_path, monkeypatch):
    monkeypatch.setattr(start, "_CALLS", {"EASE fit": "EASERecommender()"})  # compiles nothing
    output = tmp_path / "speed.csv"
    start.main(["--smoke", "--output", str(output)])
    table = pd.read_csv(output).set_index("what")
    assert table.loc["import skrec", "note"] == "loads neither numba nor torch"
    assert {"EASE fit, cold", "EASE fit, warm", "EASE fit, again"} <= set(table.index)
    assert (table["seconds"].dropna() > 0).all()
    assert {"installed numba", "installed torch"} <= set(table.index)
    assert table.loc["installed in all", "note"].endswith("packages")


def test_sizes_are_those_of_files_and_of_what_is_required():
    sizes = start.installed_sizes(["scikit-learn>=1.7", "no-such-package", "tqdm; extra == 'x'"])
    assert {"scikit-learn", "joblib", "numpy", "scipy", "threadpoolctl", "tqdm"} <= set(sizes)
    assert "no-such-package" not in sizes
    assert "matplotlib" not in sizes  # of an extra
    assert sizes["numpy"] > sizes["threadpoolctl"] > 0


def test_curves_can_be_chosen(capsys):
    with pytest.raises(SystemExit):
        curves.main([*SMOKE, "--curves", "EASE fit", "nothing"])
    assert "--curves must be among ['EASE fit'" in capsys.readouterr().err


@pytest.mark.slow
def test_two_versions_are_compared(capsys):
    root = Path(skrec.__file__).parents[1]
    arguments = ["--older", str(root), "--systems", "EASERecommender", "--data", "synthetic"]
    versions.main([*arguments, "--rounds", "1"])
    assert "EASERecommender on synthetic: older" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        versions.main(["--older", str(root / "docs")])


def test_files_of_models(capsys):
    files.main(["--smoke", "--models", "ItemKNN"])
    heads, figures = capsys.readouterr().out.splitlines()
    assert "mmap" in heads
    name, *values = figures.split()
    assert name == "ItemKNN"
    assert all(float(value) >= 0 for value in values)
    with pytest.raises(SystemExit):
        files.main(["--rounds", "0"])


def test_exported_models(capsys):
    onnx.main(["--smoke", "--models", "ItemKNN", "EASE"])
    heads, *lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["ItemKNN"] * 2 + ["EASE"] * 2
    for line in lines:
        figures = dict(zip(heads.split(), line.split()[1:]))
        assert figures["ties"] == "1"
        assert float(figures["off"]) < 1e-5
    with pytest.raises(SystemExit):
        onnx.main(["--batches", "0"])


def test_one_user_at_a_time(capsys):
    one_user.main(["--smoke", "--models", "ItemKNN"])
    assert capsys.readouterr().out.splitlines()[1].startswith("ItemKNN")
    with pytest.raises(SystemExit):
        one_user.main(["--users", "0"])


def test_memory_has_a_row_a_system_and_the_step(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "call_fresh", call_here)
    monkeypatch.setattr(memory, "_N_USERS", (300,))
    monkeypatch.setattr(memory, "_STEPS", 3)
    output = tmp_path / "memory.csv"
    memory.main([*SMOKE, "--systems", "BPRMFRanker", "WMFRecommender", "--output", str(output)])
    table = pd.read_csv(output)
    assert list(table["what"].str.split(",").str[0]) == ["BPRMFRanker", "WMFRecommender"] + [
        "BPRMFRanker"
    ]
    assert (table["seconds"] > 0).all()
    assert table["note"].str.contains("bytes|CPU").all()
