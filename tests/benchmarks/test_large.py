"""Fits to data on disk: what is drawn, the jobs, the exponents."""

import argparse

import pytest
import scipy.sparse as sp

from benchmarks.scale import large
from skrec.interactions import open_csr


def test_draws_have_the_shape_the_size_and_popular_items(monkeypatch):
    monkeypatch.setattr(large, "_AT_ONCE", 5_000)
    blocks = list(large.draw_blocks(1_000, 800, 20_000))
    X = sp.csr_matrix(sp.vstack(blocks))
    assert len(blocks) > 1
    assert X.shape == (1_000, 800)
    assert abs(X.sum() / 20_000 - 1) < 0.1
    counts = X.getnnz(axis=0)
    assert counts[:80].sum() > 2 * counts[-80:].sum()
    again = sp.vstack(list(large.draw_blocks(1_000, 800, 20_000)))
    assert (again != X).nnz == 0


def work(job, folder):
    size = {"users": 100, "items": 60, "interactions": 1_000}
    return large._work(argparse.Namespace(worker=job, folder=str(folder), threads=1, **size))


def test_jobs_write_and_fit(tmp_path):
    written = work("write_csr", tmp_path / "store")["write_csr"]
    X = open_csr(tmp_path / "store")
    assert X.shape == (100, 60)
    assert written["note"] == f"{X.nnz} different interactions"
    answers = {**work("PopularityRecommender", tmp_path / "store")}
    answers |= work("WMFRecommender", tmp_path / "store")
    assert set(answers) == {"PopularityRecommender", "WMFRecommender", "lists"}
    for answer in answers.values():
        assert answer["seconds"] >= 0
        assert 0 < answer["anon"] <= answer["total"] + 1


def test_a_refusal_is_a_note(tmp_path, monkeypatch):
    work("write_csr", tmp_path / "store")

    class Refusing:
        def fit(self, X):
            if X.shape == (100, 60):
                raise MemoryError("too large; use another")
            return self

        def recommend(self, users):
            pass

    monkeypatch.setattr(large, "make_system", lambda *parameters: Refusing())
    answer = work("EASERecommender", tmp_path / "store")
    assert answer == {"EASERecommender": {"note": "MemoryError: too large; use another"}}


def test_exponents_are_those_of_powers():
    rows = [
        {"model": "A", "interactions": n, "seconds": n**1.5, "anon": n**0.5, "note": ""}
        for n in (10**3, 10**4, 10**5)
    ]
    rows += [{**rows[0], "model": "B"}, {**rows[0], "model": "B", "seconds": None}]
    (fitted,) = large._exponents(rows)
    assert fitted["model"] == "A"
    assert fitted["note"] == "exponents: seconds 1.50, anon 0.50"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "models", "lists"), [([], large.MODELS, 1), (["--baselines"], large.BASELINES, 0)]
)
def test_the_command_runs(flags, models, lists, tmp_path, capsys):
    output = tmp_path / "large.csv"
    large.main([*flags, "--smoke", "--threads", "1", "--output", str(output)])
    printed = capsys.readouterr().out
    assert all(model in printed for model in models)
    assert "exit status" not in printed
    assert output.read_text().count("lists") == lists


def test_what_was_measured_is_kept_when_a_run_is_ended(tmp_path, monkeypatch):
    calls = []

    def call(options, model, *others):
        calls.append(model)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return {model: {"seconds": 1.0, "cpu": 1.0, "anon": 10, "total": 20}}

    monkeypatch.setattr(large, "_call_fresh", call)
    output = tmp_path / "large.csv"
    with pytest.raises(KeyboardInterrupt):
        large.main(["--smoke", "--output", str(output)])
    kept = [line.split(",")[0] for line in output.read_text().splitlines()]
    assert kept == ["model", *calls[:3]]
