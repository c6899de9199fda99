"""Comparisons with peers, on tiny data and with peers that are made up."""

import json
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from benchmarks.peers import bpr, convncf, environments, run, table, team
from benchmarks.peers.judge import Judge
from benchmarks.peers.tasks import TABLE
from benchmarks.peers.workers import _snapshots
from benchmarks.peers.workers._snapshots import Snapshots

PEERS = Path(__file__).parents[2] / "benchmarks" / "peers"
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
    protocol = PEERS / "workers" / "_protocol.py"
    (folder / "_protocol.py").write_text(protocol.read_text())
    for script in team.SCRIPTS.values():
        (folder / f"{script}.py").write_text(FAKE)
    monkeypatch.setattr(environments, "_HERE", tmp_path)
    monkeypatch.setattr(environments, "environment", lambda name: sys.executable)
    return Namespace(threads=1, rounds=3, peers=["cornac", "skrecsys", "implicit"])


def team_of(options, *names):
    return team.Team({name: {"n_factors": 4} for name in names}, "arrays.npz", options)


def test_sides_take_turns_and_ratios_are_to_the_peer(fake_peers):
    ours = iter([99.0, 1.0, 1.0, 1.0])
    calls = {"cornac": ["fit", 1.0], "recbole": ["fit", 1.0]}
    with team_of(fake_peers, "cornac", "recbole") as workers:
        rows = team.compare("fit", lambda: next(ours), calls, workers, fake_peers, "note")
    assert [row["what"] for row in rows] == ["fit", "cornac_fit"]  # recbole was not asked for
    assert [row["seconds"] for row in rows] == [1.0, 4.0]
    assert rows[0]["ratio"] == rows[0]["paired_ratio"] == 0.25
    assert {row["reference"] for row in rows} == {"cornac_fit"}
    assert {row["note"] for row in rows} == {"note"}


def test_rounds_may_do_without_a_warm_up(fake_peers):
    with team_of(fake_peers, "cornac") as workers:
        rows = team.compare(
            "fit", lambda: 1.0, {"cornac": ["fit", 2.0]}, workers, fake_peers, warm_up=False
        )
    assert (rows[1]["seconds"], rows[1]["n"]) == (8.0, 3)


def test_variants_of_ours_share_the_times_of_a_peer(fake_peers):
    ours = {"fit": lambda: 2.0, "fit_less": lambda: 1.0}
    with team_of(fake_peers, "cornac") as workers:
        rows = team.compare("fit", ours, {"cornac": ["fit", 1.0]}, workers, fake_peers)
    assert {row["what"]: row["ratio"] for row in rows} == {
        "fit": 0.5,
        "fit_less": 0.25,
        "cornac_fit": 1.0,
    }


def test_workers_are_told_arrays_threads_and_sizes(fake_peers):
    with team_of(fake_peers, "cornac") as workers:
        assert workers.run("cornac", "given") == '{"n_factors": 4}'


def test_the_race_of_descent_ends_with_the_first_fit_that_is_good_enough():
    class Learner:
        def set_params(self, max_epochs, random_state):
            self.max_epochs = max_epochs

        def fit(self, X):
            self.user_factors_ = self.item_factors_ = self.max_epochs

    judge = Namespace(factors=lambda users, items: users / 10)
    model = Learner()
    taken, best = bpr.descent_race(model, None, judge, 0, (0.35, 60.0))
    assert (model.max_epochs, best) == (4, 0.4)
    assert taken < 60
    taken, best = bpr.descent_race(model, None, judge, 0, (0.35, 0.0))
    assert (np.isnan(taken), best) == (True, 0.1)


def test_what_fails_for_one_peer_is_its_row(fake_peers, monkeypatch, capfd):
    def environment(name):
        if name == "implicit":
            raise OSError("no such package")
        return sys.executable

    monkeypatch.setattr(environments, "environment", environment)
    calls = {"cornac": ["broken"], "implicit": ["fit", 1.0], "skrecsys": ["fit", 1.0]}
    with team_of(fake_peers, *calls) as workers:
        rows = team.compare("fit", lambda: 2.0, calls, workers, fake_peers)
    notes = {row["reference"]: row["note"] for row in rows}
    assert "cornac failed: RuntimeError: the worker must answer" in notes["cornac_fit"]
    assert notes["implicit_fit"] == "implicit failed: OSError: no such package"
    assert rows[-2]["ratio"] == 0.5
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_without_peers_ours_is_timed_alone(fake_peers):
    fake_peers.peers = []
    with team_of(fake_peers, "cornac") as workers:
        rows = team.compare("fit", lambda: 2.0, {"cornac": ["fit"]}, workers, fake_peers)
    assert [(row["what"], row["seconds"]) for row in rows] == [("fit", 2.0)]


def test_the_table_has_a_row_for_every_comparison(tmp_path, monkeypatch, capsys):
    def broken(options):
        raise ValueError("out of paper")

    monkeypatch.setattr(convncf, "convncf_epoch", broken)
    output, page = tmp_path / "speed.csv", tmp_path / "speed.md"
    table.main([*SMOKE, "--peers", "--output", str(output), "--markdown", str(page)])
    rows = pd.read_csv(output).set_index("task")
    assert set(rows.index) == set(TABLE)
    assert "ValueError: out of paper" in rows.loc["convncf-epoch", "note"]
    timed = rows.drop("convncf-epoch")
    assert {
        "multvae_epoch", "bpr_epoch", "bpr_sgd_epoch", "bpr_sgd_to_ndcg", "ease_fit", "itemknn_fit",
        "itemknn_gowalla_fit", "edlae_fit_scores_alone", "rp3beta_fit", "lightgcn_epoch",
        "gibbs_sweep_100k", "gibbs_sweep_1m", "slim_fit_l1=1_l2=300_scores_alone",
        "known_user_wmf", "fold_in_bpr",
    } <= set(timed["what"])  # fmt: skip
    assert timed.loc["slim-1m", "note"].str.startswith("objective").all()
    assert (timed["seconds"] > 0).all()
    assert "ours / peer" in capsys.readouterr().out
    assert "| convncf-epoch |" in page.read_text()


def test_ratios_come_before_seconds():
    common = {"task": "ease", "reference": "cornac_fit", "note": None}
    rows = [
        {**common, "what": "fit", "seconds": 1.0, "ratio": 0.5, "paired_ratio": 0.25},
        {**common, "what": "cornac_fit", "seconds": 2.0, "ratio": 1.0, "paired_ratio": 1.0},
    ]
    rows.append({**rows[0], "what": "implicit_fit"})  # one peer beside another
    rows.append({**rows[0], "what": "ndcg", "paired_ratio": None})
    ratios = table.ratio_table(rows)
    assert len(ratios) == 1
    assert list(ratios.iloc[0]) == ["fit", "cornac_fit", 0.5, 0.25, 1.0, 2.0, None]
    assert "| fit | cornac_fit | 0.5 | 0.25 | 1 | 2 |  |" in table.markdown(ratios)


def test_a_race_ends_at_the_target_or_when_the_time_is_over():
    chunks = iter([(1.0, (0.1,)), (2.0, (0.3,)), (1.0, (0.2,))])
    assert bpr.peer_race(lambda: next(chunks), lambda x: x, (0.3, 9.0)) == (3.0, 0.3)
    seconds, best = bpr.peer_race(lambda: (2.0, (0.1,)), lambda x: x, (0.3, 3.0))
    assert np.isnan(seconds)
    assert best == 0.1


def test_a_target_that_was_not_reached_is_said(fake_peers):
    with team_of(fake_peers, "cornac", "skrecsys") as workers:
        names = ("bpr_to_ndcg", "cornac_bpr_to_ndcg", "skrecsys_bpr_to_ndcg")
        times = dict(zip(names, [[[1.0], [3.0]], [[4.0], [4.0]], [[4.0], [np.nan]]]))
        times = {name: [np.array(taken) for taken in rounds] for name, rounds in times.items()}
        rows = bpr.race_rows(times, {name: [0.05, 0.07] for name in names}, workers, (0.06, 9.0))
    assert [row.get("ratio") for row in rows] == [0.5, 1.0, None]
    assert "reached in 1 of 2 rounds within 9 s, best 0.0700" in rows[-1]["note"]


def test_the_folder_of_the_environments_can_be_chosen(tmp_path, monkeypatch):
    finished = tmp_path / "cornac" / "installed.json"
    finished.parent.mkdir()
    finished.write_text(json.dumps(environments.PEERS["cornac"]))
    monkeypatch.setenv("SKREC_PEERS", str(tmp_path))
    assert environments.environment("cornac").is_relative_to(tmp_path / "cornac")


@pytest.mark.parametrize(
    ("task", "rows"),
    [
        ("mf-bpr", {"bpr_mf_epoch", "bpr_mf in 0.5 s", "bpr_mf in 1 s"}),
        ("convncf-epoch", {"convncf_epoch"}),
        ("als-sweep", {"wmf_cholesky", "wmf_ials++", "wmf_cholesky_fit", "wmf_ials++_fit"}),
        ("bayesian-mf", {"gibbs_sweep_100k", "gibbs_sweep_1m"}),
    ],
)
def test_models_are_timed_without_peers(tmp_path, task, rows):
    output = tmp_path / "speed.csv"
    run.main([task, *SMOKE, "--peers", "--interactions", "500", "--output", str(output)])
    found = pd.read_csv(output).set_index("what")
    assert rows <= set(found.index)
    assert (found["seconds"] > 0).all()
    assert found["note"].iloc[-1].split()[0] in {"ndcg@20", "500", "rmse"}


def test_budgets_keep_the_last_epoch_that_they_allow(monkeypatch):
    clock = iter([0.0, 1.0, 5.0, 6.0, 7.0, 9.0])
    monkeypatch.setattr(_snapshots.time, "perf_counter", lambda: next(clock))
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
    protocol = PEERS / "workers" / "_protocol.py"
    (script.parent / "_protocol.py").write_text(protocol.read_text())
    script.write_text(
        "from _protocol import claim_stdout, serve\n"
        "stream = claim_stdout()\n"
        "print('a library that talks')\n"
        "serve({'one': lambda: 1.0, 'two': lambda x=2.0: x}, stream)\n"
    )
    monkeypatch.setattr("benchmarks.peers.environments._HERE", tmp_path)
    monkeypatch.setattr("benchmarks.peers.environments.environment", lambda name: sys.executable)
    with environments.Worker("echo", threads=1) as worker:
        assert worker.tasks == ["one", "two"]
        assert [worker.run("two"), worker.run("one"), worker.run("two", [3])] == [2.0, 1.0, [3]]


def test_peers_have_a_worker_and_exact_versions():
    for name, steps in environments.PEERS.items():
        assert (PEERS / "workers" / f"{name}_worker.py").exists()
        packages = [package for step in steps for package in step if not package.startswith("-")]
        assert all("==" in package for package in packages)


def test_judged_users_may_be_some_of_them():
    train, test = (sp.random(30, 40, 0.1, "csr", random_state=seed) for seed in (0, 1))
    everybody, some = (Judge(train, test, k=5, n_users=n) for n in (None, 7))
    assert len(some.users) == 7
    assert set(some.users) < set(everybody.users)
