"""The commands on serving: what requests take, and what workers share."""

import sys
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest

from benchmarks.serving import latency, memory
from benchmarks.serving.server import histories, train
from skrec import EASERecommender, InteractionEncoder, load_model

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
