"""Comparisons with peers and cost curves, on tiny data and with peers that are made up."""

import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("the benchmarks are part of the checkout alone", allow_module_level=True)
sys.path.insert(0, str(ROOT))

from benchmarks import curves, measure, peers, speed  # noqa: E402
from benchmarks.comparisons import _sides, training  # noqa: E402
from benchmarks.comparisons.table import TABLE, markdown, ratio_table  # noqa: E402

SMOKE = ["--smoke", "--rounds", "1", "--threads", "1"]

FAKE = """
import sys
from _protocol import claim_stdout, serve

stream = claim_stdout()
times = iter([9.0, 2.0, 4.0, 8.0])
rest = {"broken": lambda: 1 / 0, "given": lambda: sys.argv[3]}
serve({"fit": lambda scale: scale * next(times), **rest}, stream)
"""


@pytest.fixture
def fake_peers(tmp_path, monkeypatch):
    """Put a worker that knows its times in the place of each peer's."""
    folder = tmp_path / "workers"
    folder.mkdir()
    protocol = ROOT / "benchmarks" / "workers" / "_protocol.py"
    (folder / "_protocol.py").write_text(protocol.read_text())
    for script in _sides.SCRIPTS.values():
        (folder / f"{script}.py").write_text(FAKE)
    monkeypatch.setattr(peers, "_HERE", tmp_path)
    monkeypatch.setattr(peers, "environment", lambda name: sys.executable)
    return Namespace(threads=1, rounds=3, peers=["cornac", "skrecsys", "implicit"])


def team(options, *names):
    return _sides.Team({name: {"n_factors": 4} for name in names}, "arrays.npz", options)


def test_sides_take_turns_and_ratios_are_to_the_peer(fake_peers):
    ours = iter([99.0, 1.0, 1.0, 1.0])
    calls = {"cornac": ["fit", 1.0], "recbole": ["fit", 1.0]}
    with team(fake_peers, "cornac", "recbole") as workers:
        rows = _sides.compare("fit", lambda: next(ours), calls, workers, fake_peers, "note")
    assert [row["what"] for row in rows] == ["fit", "cornac_fit"]  # recbole was not asked for
    assert [row["seconds"] for row in rows] == [1.0, 4.0]
    assert rows[0]["ratio"] == rows[0]["paired_ratio"] == 0.25
    assert {row["reference"] for row in rows} == {"cornac_fit"}
    assert {row["note"] for row in rows} == {"note"}


def test_rounds_may_do_without_a_warm_up(fake_peers):
    with team(fake_peers, "cornac") as workers:
        rows = _sides.compare(
            "fit", lambda: 1.0, {"cornac": ["fit", 2.0]}, workers, fake_peers, warm_up=False
        )
    assert (rows[1]["seconds"], rows[1]["n"]) == (8.0, 3)


def test_variants_of_ours_share_the_times_of_a_peer(fake_peers):
    ours = {"fit": lambda: 2.0, "fit_less": lambda: 1.0}
    with team(fake_peers, "cornac") as workers:
        rows = _sides.compare("fit", ours, {"cornac": ["fit", 1.0]}, workers, fake_peers)
    assert {row["what"]: row["ratio"] for row in rows} == {
        "fit": 0.5,
        "fit_less": 0.25,
        "cornac_fit": 1.0,
    }


def test_workers_are_told_arrays_threads_and_sizes(fake_peers):
    with team(fake_peers, "cornac") as workers:
        assert workers.run("cornac", "given") == '{"n_factors": 4}'


def test_what_fails_for_one_peer_is_its_row(fake_peers, monkeypatch, capfd):
    def environment(name):
        if name == "implicit":
            raise OSError("no such package")
        return sys.executable

    monkeypatch.setattr(peers, "environment", environment)
    calls = {"cornac": ["broken"], "implicit": ["fit", 1.0], "skrecsys": ["fit", 1.0]}
    with team(fake_peers, *calls) as workers:
        rows = _sides.compare("fit", lambda: 2.0, calls, workers, fake_peers)
    notes = {row["reference"]: row["note"] for row in rows}
    assert "cornac failed: RuntimeError: the worker must answer" in notes["cornac_fit"]
    assert notes["implicit_fit"] == "implicit failed: OSError: no such package"
    assert rows[-2]["ratio"] == 0.5
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_without_peers_ours_is_timed_alone(fake_peers):
    fake_peers.peers = []
    with team(fake_peers, "cornac") as workers:
        rows = _sides.compare("fit", lambda: 2.0, {"cornac": ["fit"]}, workers, fake_peers)
    assert [(row["what"], row["seconds"]) for row in rows] == [("fit", 2.0)]


def test_the_table_has_a_row_for_every_comparison(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(speed, "_TASKS", dict(speed._TASKS))
    speed._TASKS.pop("als-sweep", None)

    def broken(options):
        raise ValueError("out of paper")

    speed._TASKS["convncf-epoch"] = broken
    output, page = tmp_path / "speed.csv", tmp_path / "speed.md"
    speed.main(["table", *SMOKE, "--peers", "--output", str(output), "--markdown", str(page)])
    table = pd.read_csv(output).set_index("task")
    assert set(table.index) == set(TABLE)
    assert "nothing of ours" in table.loc["als-sweep", "note"]
    assert "ValueError: out of paper" in table.loc["convncf-epoch", "note"]
    timed = table[table["note"].isna()]
    assert {"multvae_epoch", "bpr_epoch", "ease_fit", "itemknn_fit"} <= set(timed["what"])
    assert (timed["seconds"] > 0).all()
    assert "ours / peer" in capsys.readouterr().out
    assert "| als-sweep |" in page.read_text()


def test_ratios_come_before_seconds():
    common = {"task": "ease", "reference": "cornac_fit", "note": None}
    rows = [
        {**common, "what": "fit", "seconds": 1.0, "ratio": 0.5, "paired_ratio": 0.25},
        {**common, "what": "cornac_fit", "seconds": 2.0, "ratio": 1.0, "paired_ratio": 1.0},
    ]
    rows.append({**rows[0], "what": "implicit_fit"})  # one peer beside another
    rows.append({**rows[0], "what": "ndcg", "paired_ratio": None})
    table = ratio_table(rows)
    assert len(table) == 1
    assert list(table.iloc[0]) == ["fit", "cornac_fit", 0.5, 0.25, 1.0, 2.0, None]
    assert "| fit | cornac_fit | 0.5 | 0.25 | 1 | 2 |  |" in markdown(table)


def test_a_race_ends_at_the_target_or_when_the_time_is_over():
    chunks = iter([(1.0, (0.1,)), (2.0, (0.3,)), (1.0, (0.2,))])
    assert training._peer_race(lambda: next(chunks), lambda x: x, (0.3, 9.0)) == (3.0, 0.3)
    seconds, best = training._peer_race(lambda: (2.0, (0.1,)), lambda x: x, (0.3, 3.0))
    assert np.isnan(seconds)
    assert best == 0.1


def test_a_target_that_was_not_reached_is_said(fake_peers):
    with team(fake_peers, "cornac", "skrecsys") as workers:
        names = ("bpr_to_ndcg", "cornac_bpr_to_ndcg", "skrecsys_bpr_to_ndcg")
        times = dict(zip(names, [[[1.0], [3.0]], [[4.0], [4.0]], [[4.0], [np.nan]]]))
        times = {name: [np.array(taken) for taken in rounds] for name, rounds in times.items()}
        rows = training._race_rows(
            times, {name: [0.05, 0.07] for name in names}, workers, (0.06, 9.0)
        )
    assert [row.get("ratio") for row in rows] == [0.5, 1.0, None]
    assert "reached in 1 of 2 rounds within 9 s, best 0.0700" in rows[-1]["note"]


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
    output = tmp_path / "speed.csv"
    speed.main(["curves", *SMOKE, "--output", str(output)])
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
    speed.main(["curves", *SMOKE, "--limit", "0.01", "--output", str(output)])
    assert list(pd.read_csv(output)["note"]) == ["not done in 0.01 s"]


def test_a_job_that_fails_says_so():
    assert measure.call_fresh("nothing") == {"error": "exit status 1"}


def test_the_folder_of_the_environments_can_be_chosen(tmp_path, monkeypatch):
    finished = tmp_path / "cornac" / "installed.json"
    finished.parent.mkdir()
    finished.write_text(peers.json.dumps(peers.PEERS["cornac"]))
    monkeypatch.setenv("SKREC_PEERS", str(tmp_path))
    assert peers.environment("cornac").is_relative_to(tmp_path / "cornac")
