"""The commands on files, kills and updates, on tiny data."""

import os
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest

from benchmarks.claims import files, growth, index, kills, updates
from skrec import EASERecommender, PopularityRecommender
from skrec.datasets import make_interactions
from skrec.reproduce import load_data

X = make_interactions(40, 30, 500, random_state=0).X


@pytest.mark.slow
def test_models_answer_alike_in_another_process(tmp_path, capsys):
    output = tmp_path / "files.csv"
    names = ["EASERecommender", "CalibratedRecommender", "BiasedMFRegressor"]
    files.main(["--smoke", "--only", *names, "--output", str(output)])
    table = pd.read_csv(output, index_col="system")
    assert (table["equal"] == table["answers"]).all()
    assert (table["bare"] < table["file"]).all()
    # of rows and users: scores, probabilities, lists and their scores; ratings; deviations
    assert table["answers"].to_dict() == dict(zip(names, [12, 21, 15], strict=True))
    assert "3 estimators, 48 of 48 answers equal" in capsys.readouterr().out


def test_answers_that_differ_are_named(tmp_path):
    wanted = files.answers(EASERecommender(l2=1.0).fit(X), X[:5])
    np.savez(tmp_path / "wanted.npz", **wanted)
    one = {**wanted, "rows decision_function 0": wanted["rows decision_function 0"] + 1e-6}
    np.savez(tmp_path / "file.npz", **one)
    np.savez(tmp_path / "bare.npz", **{k: v for k, v in wanted.items() if "rows" in k})
    row = files._compared(tmp_path)
    assert row["different"] == "rows decision_function 0"
    assert (row["answers"], row["equal"]) == (12, 11)


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
# threads of the test runner, not of the model
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@needs_fork
@forks
def test_killed_fits_end_as_others(tmp_path):
    output = tmp_path / "kills.csv"
    kills.main(["--smoke", "--kinds", "WMF", "--moments", "3", "--output", str(output)])
    row = pd.read_csv(output).iloc[0]
    assert row["kills"] >= 3
    assert row["equal"] == row["fits"] >= 1


@pytest.mark.slow
@needs_fork
@forks
@pytest.mark.parametrize("kind", kills._KINDS)
def test_every_kind_of_training_goes_on_after_a_kill(kind, tmp_path):
    output = tmp_path / "kills.csv"
    options = ["--data", "synthetic", "--kinds", kind, "--moments", "8", "--output", str(output)]
    kills.main(options)
    row = pd.read_csv(output).iloc[0]
    assert row["kills"] >= 8
    assert row["with a state"] > 0
    assert row["equal"] == row["fits"]


def test_weights_that_differ_are_found():
    one, other = (EASERecommender(l2=l2).fit(X) for l2 in (1.0, 1.0 + 1e-6))
    weights = kills.weights_of(one, X)
    assert kills._same(weights, kills.weights_of(one, X))
    assert not kills._same(weights, kills.weights_of(other, X))
    assert {"scores", "probabilities", "known"} <= set(weights)


def test_blocks_give_one_fit(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(updates, "list_systems", lambda: ["PopularityRecommender", "EDLAE"])
    output = tmp_path / "updates.csv"
    updates.main(["--smoke", "--parts", "blocks", "--items", "60", "--output", str(output)])
    table = pd.read_csv(output).set_index(["system", "way"])
    assert len(table) == 2 * 5
    assert table.loc["PopularityRecommender", "equal bits"].dropna().all()
    assert table["scores"].max() < 1e-5
    assert "sum p / sum y" in capsys.readouterr().out


def test_differences_are_found():
    model = PopularityRecommender().fit(X)
    wanted = model.decision_function(X), model.predict_proba(X)
    found = updates._differences(model, X, wanted)
    assert (found["scores"], found["equal bits"], found["probabilities"]) == (0, True, 0)
    found = updates._differences(model.partial_fit(X[:9]), X, wanted)
    assert found["scores"] > 0.01
    assert not found["equal bits"]


def test_new_items_are_found_after_an_update(monkeypatch):
    few = {
        "WMFRecommender": ({"n_factors": 8, "max_epochs": 5}, 2),
        "ItemKNNRecommender": ({}, None),
    }
    monkeypatch.setattr(growth, "_GROWING", few)
    rows = growth.growth(load_data("synthetic"), Namespace(smoke=False))
    table = pd.DataFrame(rows).set_index(["system", "way"])
    assert len(table) == 6
    for system in few:
        assert table.loc[(system, "before"), "new items"] == 0
        assert table.loc[(system, "grown"), "new items"] > 0
    assert table.loc[("WMFRecommender", "grown"), "new items"] > 0.2
    assert (table["known users"] > 0.2).all()


def test_without_times_who_is_new_is_drawn():
    table = pd.DataFrame({"user": [0, 1, 2, 3, 4], "item": [0, 0, 1, 1, 2]})
    assert growth._later(table, "user", 5).sum() == 1
    table["time"] = [5, 4, 3, 2, 1]
    assert growth._later(table, "user", 5).tolist() == [True, False, False, False, False]


def test_an_exact_index_finds_what_is_recommended(tmp_path, capsys):
    output = tmp_path / "index.csv"
    options = ["--smoke", "--systems", "WMFRecommender", "--depths", "2", "64"]
    index.main([*options, "--output", str(output)])
    table = pd.read_csv(output)
    assert table[table["search"] == "exact"]["recall"].tolist() == [1.0, 1.0]
    assert set(table["lists"]) == {"all", "unseen"}
    deep = table[table["search"] == "depth 64"]["recall"]
    if len(deep) == 0:
        assert "sklearn-recommenders[index]" in capsys.readouterr().out
    assert (deep > 0.9).all()


def test_what_the_history_has_is_dropped_from_an_index():
    found = np.arange(12)[None]
    assert index.unseen(found, None).tolist() == [list(range(10))]
    row = X[:1]
    kept = index.unseen(found, row)[0]
    assert not np.isin(kept, row.indices).any()
    assert (kept[kept < 0] == -1).all()
    assert kept[0] == np.setdiff1d(np.arange(12), row.indices)[0]
