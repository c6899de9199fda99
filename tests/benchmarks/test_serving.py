"""The commands on serving: what requests take, and what workers share."""

import multiprocessing
import signal
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.serving import latency, memory, models
from benchmarks.serving.server import histories, train
from skrec import EASERecommender, InteractionEncoder, load_model
from skrec.reproduce import find_settings
from skrec.testing import all_estimators

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_requests_are_those_of_users_of_the_model():
    table = {"user": ["a", "a", "b"], "item": [7, 8, 9]}
    model = EASERecommender().fit(InteractionEncoder().fit_transform(table))
    assert set(histories(model, "known", 50)) == {b'{"user": "a"}', b'{"user": "b"}'}
    assert set(histories(model, "new", 50)) == {b'{"items": [7, 8]}', b'{"items": [9]}'}


def test_failed_requests_are_counted():
    times = np.array(latency._ask(1, [b"{}"], 0.05))  # nobody listens there
    assert len(times) > 0
    assert np.isnan(times).all()


@pytest.mark.parametrize("command", [latency, memory])
def test_wrong_options_are_refused(command, capsys):
    with pytest.raises(SystemExit):
        command.main(["--workers", "0"])
    assert "--workers must be 1 or more; got 0" in capsys.readouterr().err


@needs_linux
@pytest.mark.engine
def test_costs_of_models(tmp_path, capsys):
    output = tmp_path / "models.csv"
    command = ["--smoke", "--systems", "EASERecommender", "--output", str(output)]
    models.main(command)
    (row,) = pd.read_csv(output).to_dict("records")
    assert (row["system"], row["data"]) == ("EASERecommender", "synthetic")
    assert min(row["known_us"], row["row_us"]) > 1
    assert row["bytes"] > 0
    assert np.isnan(row["note"])
    capsys.readouterr()
    models.main(command)  # what is there is not run again
    assert capsys.readouterr().out == ""


@needs_linux
def test_what_a_model_has_not_measured_in_its_time_stays_empty(monkeypatch):
    def stopped(name, options, sender):
        sender.send({"known_us": 3.0})
        signal.raise_signal(signal.SIGXCPU)

    context = multiprocessing.get_context("fork")
    monkeypatch.setattr(models, "_work", stopped)
    monkeypatch.setattr(models.multiprocessing, "get_context", lambda how: context)
    row = models.measure("EASERecommender", Namespace(data="ml-1m", seconds=7))
    assert row == {
        "system": "EASERecommender", "data": "ml-1m", "known_us": 3.0, "row_us": None,
        "bytes": None, "note": "stopped after 7 s",
    }  # fmt: skip


def test_a_model_is_measured_with_its_settings_and_one_epoch():
    settings = find_settings("NAISClassifier", "ml-1m", "ncf").parameters
    model = models.shortened("NAISClassifier", settings)
    assert (model.max_epochs, model.pretrain.max_epochs) == (1, 1)
    assert model.batch_size == settings["batch_size"]
    assert models.shortened("EASERecommender", {"l2": 3.0}).l2 == 3.0


def test_models_are_all_but_those_that_join_others():
    names = {name for name, _ in all_estimators()}
    assert set(models.LEFT_OUT) < names
    table = pd.read_csv(RESULTS / "models.csv")
    assert set(table["system"]) <= names - set(models.LEFT_OUT)
    assert not table.duplicated(["system", "data"]).any()
    assert table["bytes"].isna().sum() == table["note"].notna().sum()


def test_calls_are_numbered_and_few_where_they_are_slow(monkeypatch):
    clock, numbers = iter(range(100)), []
    monkeypatch.setattr(models.time, "thread_time", lambda: 10 * next(clock))
    assert models.median_us(numbers.append, 50) == 1e7
    assert numbers == [0, 0, 1, 2, 3, 4]


@pytest.mark.engine
def test_a_training_that_fails_says_why(tmp_path):
    options = Namespace(data="ml-1m", data_home=None, epochs=1)
    with pytest.raises(SystemExit, match=r"(?s)training of Nothing failed.*invalid choice"):
        train("Nothing", options, tmp_path)


@pytest.mark.engine
def test_latency(tmp_path):
    pytest.importorskip("fastapi", reason="the extra serve")
    output = tmp_path / "serving.csv"
    latency.main(["--smoke", "--clients", "2", "--output", str(output)])
    table = pd.read_csv(output)
    assert [*table["users"]] == ["known", "new"]
    assert (table["failed"] == 0).all()
    assert (table[["per_second", "p50"]] > 0).all(axis=None)
    assert (table["p50"] <= table["p95"]).all()
    assert (table["p95"] <= table["p99"]).all()


@needs_linux
@pytest.mark.engine
def test_memory(tmp_path):
    output = tmp_path / "memory.csv"
    memory.main(["--smoke", "--output", str(output)])
    table = pd.read_csv(output)
    assert [*zip(table["mapped"], table["workers"])] == [
        (True, 1), (True, 2), (False, 1), (False, 2),
    ]  # fmt: skip
    assert (table["pss"] <= table["private"] + table["shared"]).all()


@needs_linux
@pytest.mark.engine
def test_workers_share_what_is_mapped(tmp_path):
    from skrec import save_model
    from skrec.datasets import make_interactions

    path, n_items = tmp_path / "model.safetensors", 2000
    X = make_interactions(500, n_items, 20_000, random_state=0).X
    save_model(EASERecommender().fit(X), path)
    weights = 4 * n_items**2 / 2**20
    assert load_model(path).n_features_in_ == n_items
    mapped, own = (memory.memory_of(path, way, 2) for way in (True, False))
    for one, other in zip(mapped, own):
        assert other["private"] - one["private"] > 0.8 * weights
