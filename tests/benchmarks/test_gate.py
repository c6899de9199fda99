"""The gate on speed: what it stores, and what it names."""

import ast
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.speed import __main__ as speed
from benchmarks.speed import gate, gate_jobs, plain

QUICK = ["--smoke", "--jobs", "ndcg", "negatives"]
TINY = gate_jobs.Data(**gate._SMOKE)


@pytest.fixture
def stored(tmp_path):
    """Return a file in which two jobs have ratios above any noise."""
    path = tmp_path / "gate.csv"
    figures = {"threads": 1, "ratio": 1e6, "low": 1e6, "high": 1e6}
    pd.DataFrame([{"job": name, **figures} for name in QUICK[2:]]).to_csv(path, index=False)
    return path


def test_nothing_is_named_where_nothing_changed(stored, capsys):
    gate.main([*QUICK, "--output", str(stored)])
    assert capsys.readouterr().out.count("x stored") == 2


def test_a_planted_slowdown_is_named(stored, monkeypatch, capsys):
    def slowed(data):
        pair = gate_jobs.JOBS["ndcg"](data)
        return gate_jobs.Pair(lambda: pair.ours() + 1e9, pair.reference)

    monkeypatch.setattr(gate, "JOBS", {**gate_jobs.JOBS, "ndcg": slowed})
    with pytest.raises(SystemExit) as stop:
        gate.main([*QUICK, "--output", str(stored)])
    assert stop.value.code == "slower than stored: ndcg"  # a text, so the exit code is 1
    assert capsys.readouterr().out.count("SLOWER") == 1


def test_a_slow_spell_that_does_not_come_back_is_forgiven(stored, monkeypatch):
    calls = []

    def once(data):
        calls.append(data)
        return gate_jobs.Pair(lambda: 1e9 if len(calls) == 1 else 1.0, lambda: 1.0)

    monkeypatch.setattr(gate, "JOBS", {**gate_jobs.JOBS, "ndcg": once})
    gate.main(["--smoke", "--jobs", "ndcg", "--output", str(stored)])
    assert len(calls) == 2


def test_a_job_that_fails_is_named_and_leaves_the_others(stored, monkeypatch, capsys):
    def broken(data):
        raise ValueError("no such thing")

    monkeypatch.setattr(gate, "JOBS", {"ndcg": broken, "negatives": gate_jobs.JOBS["negatives"]})
    with pytest.raises(SystemExit, match="slower than stored: ndcg"):
        gate.main([*QUICK, "--output", str(stored)])
    printed = capsys.readouterr().out
    assert "failed: ValueError: no such thing" in printed
    assert "negatives" in printed


@pytest.mark.parametrize(
    ("now", "before", "slower"),
    [
        ((1.4, 1.35), (1.0, 1.1), True),
        ((1.2, 1.15), (1.0, 1.1), False),  # within the tolerance
        ((1.4, 1.05), (1.0, 1.1), False),  # the quartiles overlap
        ((0.5, 0.4), (1.0, 1.1), False),
    ],
)
def test_what_noise_explains_is_not_slower(now, before, slower):
    row, old = dict(zip(("ratio", "low"), now)), dict(zip(("ratio", "high"), before))
    assert gate.is_slower(row, old, tolerance=1.3) == slower


def test_the_ratio_is_the_median_of_those_within_rounds(monkeypatch):
    ours, other = iter([9.0, 2.0, 8.0, 9.0]), iter([9.0, 1.0, 2.0, 3.0])  # the first does not count
    pair = gate_jobs.Pair(lambda: next(ours), lambda: next(other))
    monkeypatch.setattr(gate, "JOBS", {"job": lambda data: pair})
    row = gate.measure("job", TINY, Namespace(rounds=3, threads=1))
    assert (row["ratio"], row["low"], row["high"]) == (3.0, 2.5, 3.5)
    assert (row["ours"], row["reference"]) == (8.0, 2.0)


def test_ratios_are_stored_beside_those_of_other_jobs_and_threads(stored):
    gate.main(["--smoke", "--jobs", "ndcg", "--store", "--threads", "2", "--output", str(stored)])
    gate.main(["--smoke", "--jobs", "ndcg", "--store", "--output", str(stored)])
    keys = pd.read_csv(stored)[["job", "threads"]].itertuples(index=False, name=None)
    assert list(keys) == [("ndcg", 1), ("ndcg", 2), ("negatives", 1)]


def test_other_threads_have_nothing_to_compare_with(stored, capsys):
    gate.main([*QUICK, "--threads", "2", "--output", str(stored)])
    assert capsys.readouterr().out.count("nothing stored") == 2


@pytest.mark.parametrize("wrong", [["--output", "no.csv"], ["--jobs", "x"], ["--rounds", "0"]])
def test_options_that_cannot_be_are_errors(wrong, capsys):
    with pytest.raises(SystemExit) as stop:
        gate.main(["--smoke", *wrong])
    assert stop.value.code == 2
    assert "must" in capsys.readouterr().err


@pytest.mark.parametrize("name", gate_jobs.JOBS)
def test_jobs_run(name):
    pair = gate_jobs.JOBS[name](TINY)
    for side in (pair.ours, pair.reference):
        assert np.all(np.atleast_1d(side()) > 0)


def test_references_import_nothing_of_ours():
    tree = ast.parse(Path(plain.__file__).read_text("utf-8"))
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    assert {name.split(".")[0] for name in modules} == {"itertools", "numpy", "scipy", "torch"}


def test_references_do_what_they_say():
    X = plain.made_matrix(30, 20, 100)
    assert X.has_sorted_indices
    assert set(X.data) == {1.0}
    gram = (X.T @ X).toarray() + plain._L2 * np.eye(20)
    np.testing.assert_allclose(plain.inverse(X) @ gram, np.eye(20), atol=1e-8)
    np.testing.assert_array_equal(
        plain.similarities(X, 3), np.sort((X @ X.T).toarray(), axis=1)[:, -3]
    )
    assert plain.ndcg(X, X.toarray(), 15) == pytest.approx(1.0)
    best = plain.one_list(np.arange(20.0), np.array([19, 18]), 3)
    assert best.tolist() == [17, 16, 15]


def test_the_folder_is_a_command(tmp_path, capsys):
    path = tmp_path / "gate.csv"
    speed.main(["gate", "--smoke", "--jobs", "ndcg", "--store", "--output", str(path)])
    assert list(pd.read_csv(path)["job"]) == ["ndcg"]
    with pytest.raises(SystemExit) as stop:
        speed.main(["nothing"])
    assert stop.value.code == 2
    assert "gate" in capsys.readouterr().err
