"""Choosing settings: spaces, searches, trials that are kept, what is printed; tiny data only."""

import argparse
import json
import sys
import time
from importlib.util import find_spec
from itertools import islice

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import trials
from benchmarks.quality import grids, search, tune
from skrec.reproduce import find_settings, find_system, make_protocol, make_system

NEEDS_OPTUNA = pytest.mark.skipif(find_spec("optuna") is None, reason="needs optuna")


def printed_settings(capsys):
    """Return the rows for the table of settings that tuning has printed, and all that it has."""
    printed = capsys.readouterr().out
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")], printed


KEPT = [("ncf", "max_epochs"), ("strong", "early_stopping")]


@pytest.mark.parametrize(("protocol", "kept"), KEPT)
def test_tune_prints_a_row_for_the_settings(tmp_path, capsys, protocol, kept):
    options = ["--smoke", "--systems", "MultDAERecommender", "--protocol", protocol]
    tune.main([*options, "--output", str(tmp_path / "tuning.csv")])
    (row,), _ = printed_settings(capsys)
    what = {"system": "MultDAERecommender", "data": "synthetic", "protocol": protocol}
    assert {key: row[key] for key in what} == what
    assert list(row) == [*what, "parameters", "source", "trials", "note"]
    assert kept in row["parameters"]
    assert ("patience" in row["parameters"]) == (protocol == "strong")
    assert (row["source"], row["trials"]) == ("validation", 1)


def test_tune_chooses_the_best_of_all_trials(tmp_path, capsys):
    output = tmp_path / "tuning.csv"
    options = ["--data", "synthetic", "--systems", "EASERecommender", "--output", str(output)]
    tune.main([*options, "--grid", '{"l2": [10.0, 1e9]}'])
    table = pd.read_csv(output)
    table = table[table["metric"] == "sampled_ndcg@10"].set_index("parameters")["mean"]
    assert len(table) == 2
    (row,), printed = printed_settings(capsys)
    assert row["parameters"] == json.loads(table.idxmax())
    assert "EASERecommender on synthetic: best of 2, sampled_ndcg@10" in printed
    assert "tuned" not in printed
    tune.main([*options, "--grid", '{"l2": [1e10]}'])
    (row,), printed = printed_settings(capsys)
    assert row["trials"] == 3
    assert row["parameters"] == json.loads(table.idxmax())


EDGES = [
    ([1, 10, 100], [100, 10, 1], True),
    ([1, 10, 100], [10, 100, 1], False),
    ([1, 10, 100], [100, 1000], False),  # another space went on
    ([0.0, 0.1, 0.2], [0.0, 0.1], False),  # nothing lies below
    ([True, False], [True, False], False),
    ([None, 50, 100, 200], [200, 50], True),
    ([None, 50, 100, 200], [None, 200], False),
    (["sgd", "torch"], ["sgd"], False),
    ([8, 16], [16, 8], False),  # a pair has ends alone
    (search.Log(1.0, 100.0), [98.0, 5.0], True),
    (search.Log(1.0, 100.0), [1.02, 5.0], True),
    (search.Log(1.0, 100.0), [50.0, 98.0], False),
    (search.Log(1.0, 100.0), [98.0, 1000.0], False),
]


@pytest.mark.parametrize(("values", "tried", "at_edge"), EDGES)
def test_the_best_point_says_where_it_is_at_an_end(values, tried, at_edge):
    points = [{"l2": value, "lr": 1} for value in tried]
    assert search.edges({"l2": values, "n_factors": [8, 16, 32]}, points) == ["l2"] * at_edge


def test_tune_says_what_lies_at_an_end(tmp_path, capsys):
    options = ["--data", "synthetic", "--systems", "EASERecommender"]
    options += ["--output", str(tmp_path / "tuning.csv"), "--grid"]
    tune.main([*options, '{"l2": [1e-9, 1e-8, 1e12]}', "--trials", "3"])
    (row,), printed = printed_settings(capsys)
    assert f"at an end of its range: l2 {row['parameters']['l2']}\n" in printed


def test_a_run_goes_on_to_the_number_of_trials(tmp_path, capsys):
    output = tmp_path / "tuning.csv"
    options = ["--data", "synthetic", "--systems", "EASERecommender", "--output", str(output)]
    tune.main([*options, "--trials", "2"])
    first = pd.read_csv(output)
    tune.main([*options, "--trials", "4", "--jobs", "2"])
    table = pd.read_csv(output)
    assert table["parameters"].nunique() == 4
    pd.testing.assert_frame_equal(table[: len(first)], first)
    other = tmp_path / "at_once.csv"
    tune.main([*options[:-1], str(other), "--trials", "4"])
    assert set(pd.read_csv(other)["parameters"]) == set(table["parameters"])
    assert printed_settings(capsys)[0][-1]["trials"] == 4


def test_a_range_is_given_as_json(tmp_path):
    output = tmp_path / "tuning.csv"
    tune.main([
        "--data", "synthetic", "--systems", "EASERecommender", "--output", str(output),
        "--trials", "3", "--grid", '{"l2": {"log": [3.0, 4.0]}}',
    ])  # fmt: skip
    found = [json.loads(text)["l2"] for text in pd.read_csv(output)["parameters"].unique()]
    assert len(found) == 3
    assert all(3 <= l2 <= 4 for l2 in found)


@pytest.mark.parametrize("option", ["--trials", "--jobs", "--minutes"])
def test_numbers_of_trials_are_positive(option, tmp_path, capsys):
    with pytest.raises(SystemExit):
        tune.main([option, "0", "--output", str(tmp_path / "tuning.csv")])
    assert f"{option} must be positive; got 0" in capsys.readouterr().err


def slow_fit(tmp_path, monkeypatch, system, minutes, **parameters):
    """Tune with one trial whose clock ticks a minute at each look."""
    ticks = iter(range(0, 10**6, 60))
    clocks = argparse.Namespace(process_time=lambda: next(ticks), perf_counter=time.perf_counter)
    monkeypatch.setattr(trials, "time", clocks)
    output = tmp_path / "tuning.csv"
    tune.main([
        "--data", "synthetic", "--systems", system, "--output", str(output), "--trials", "1",
        "--minutes", str(minutes), "--grid", json.dumps({k: [v] for k, v in parameters.items()}),
    ])  # fmt: skip
    return pd.read_csv(output)


def test_a_trial_over_time_keeps_its_best_epoch_and_says_so(tmp_path, monkeypatch, capsys):
    table = slow_fit(tmp_path, monkeypatch, "MultDAERecommender", 4, patience=300)
    (stopped,) = table.loc[table["metric"] == trials.STOPPED, "mean"]
    assert stopped == 4
    assert table["n_epochs"].between(1, 4).all()  # a look an epoch
    (row,), printed = printed_settings(capsys)
    assert row["note"].endswith("on validation data; stopped after 4 minutes")
    assert row["parameters"]["max_epochs"] == table["n_epochs"][0]
    assert "stopped" in printed


@pytest.mark.parametrize(
    ("system", "parameters"),
    [
        ("WMFRecommender", {"max_epochs": 4}),
        ("MFClassifier", {"solver": "sgd", "max_epochs": 4, "early_stopping": False}),
        ("MultDAERecommender", {"max_epochs": 4}),
    ],
)
def test_a_trial_in_time_says_nothing(tmp_path, monkeypatch, system, parameters):
    table = slow_fit(tmp_path, monkeypatch, system, 50, **parameters)
    assert trials.STOPPED not in set(table["metric"])
    assert len(table) == 16


def test_a_training_that_diverges_is_a_trial(tmp_path, capsys):
    output = tmp_path / "tuning.csv"
    tune.main([
        "--data", "synthetic", "--systems", "BPRMFRanker", "--output", str(output),
        "--grid", '{"lr": [1e30, 0.01], "l2": [0.0], "init_std": [0.1], "max_epochs": [5]}',
    ])  # fmt: skip
    table = pd.read_csv(output)
    table = table[table["metric"] == "sampled_ndcg@10"]
    assert sorted(table["mean"].isna()) == [False, True]
    (row,), printed = printed_settings(capsys)
    assert row["parameters"]["lr"] == 0.01
    assert row["trials"] == 2
    assert "lr=1e+30" in printed


def test_where_all_trainings_diverge_there_are_no_settings(tmp_path):
    with pytest.raises(SystemExit, match=r"BPRMFRanker on synthetic: .* diverged in all trials"):
        tune.main([
            "--data", "synthetic", "--systems", "BPRMFRanker",
            "--output", str(tmp_path / "tuning.csv"),
            "--grid", '{"lr": [1e30], "l2": [0.0], "init_std": [0.1], "max_epochs": [5]}',
        ])  # fmt: skip


@pytest.mark.parametrize(("n_trials", "text"), [(11, "best of 11"), (12, "tuned, best of 12")])
def test_twelve_trials_make_settings_tuned(n_trials, text):
    what = {"system": "EASERecommender", "data": "synthetic", "protocol": "ncf", "metric": "m"}
    rows = [
        {**what, "parameters": json.dumps({"l2": n}), "mean": -n, "n_epochs": None}
        for n in range(n_trials)
    ]
    settings = tune.best_settings(pd.DataFrame(rows), make_protocol("ncf"))
    assert (settings.parameters, settings.text) == ({"l2": 0}, text)


@pytest.mark.parametrize(
    ("system", "chosen"),
    [
        ("GMFClassifier", {"early_stopping": False}),
        ("MFClassifier", {}),
        ("MultDAERecommender", {}),
    ],
)
def test_the_chosen_row_takes_its_epochs_and_does_not_stop_early(system, chosen):
    parameters = {**grids.TRAINING, "lr": 0.01}
    row = {"system": system, "data": "synthetic", "protocol": "ncf", "metric": "m", "mean": 1.0}
    trials = pd.DataFrame([{**row, "parameters": json.dumps(parameters), "n_epochs": 7.0}])
    settings = tune.best_settings(trials, make_protocol("ncf"))
    assert settings.parameters == {"lr": 0.01, "max_epochs": 7, **chosen}
    est = make_system(system, settings.parameters)
    assert (est.early_stopping, est.max_epochs) == (False, 7)
    kept = tune.best_settings(trials.assign(protocol="strong"), make_protocol("strong"))
    assert kept.parameters == parameters


def points_of(system, data="synthetic"):
    options = argparse.Namespace(protocol="ncf", grid=None, smoke=False)
    return list(islice(search.random_points(tune.space_for(system, data, options), 0), 12))


@pytest.mark.parametrize("system", grids.GRIDS)
def test_spaces_have_twelve_points_that_the_estimators_take(system):
    points = points_of(system)
    for point in points:
        assert set(point) <= set(find_system(system)().get_params())
        make_system(system, point)._validate_params()
    different = {json.dumps(point, sort_keys=True) for point in points}
    assert len(different) == (1 if system == "PopularityRecommender" else 12)


def test_starts_take_the_settings_of_the_data():
    (start,) = {json.dumps(point["pretrain"]) for point in points_of("GERRanker", "ml-1m")}
    settings = find_settings("BPRMFRanker", "ml-1m", "ncf").parameters
    assert json.loads(start) == {"system": "BPRMFRanker", **settings, "n_factors": 64}


SPACE = {"a": search.Log(0.01, 10.0), "b": [(), (1,)], "c": [None, {"system": "x"}]}


def run_search(how, n_trials, known=(), value=lambda parameters: 0.0, space=SPACE, seed=0):
    """Search with trials that are there, and return all trials in order."""
    trials = [{"parameters": json.dumps(p, sort_keys=True), "mean": value(p)} for p in known]
    found = search.proposals(
        space, how, seed, n_trials, {"epochs": 3}, lambda: pd.DataFrame(trials), False
    )
    for parameters in found:
        text = json.dumps(parameters, sort_keys=True)
        assert text not in {trial["parameters"] for trial in trials}
        trials.append({"parameters": text, "mean": value(parameters)})
    return [json.loads(trial["parameters"]) for trial in trials]


@pytest.mark.parametrize("how", ["random", "grid", pytest.param("tpe", marks=NEEDS_OPTUNA)])
@given(n=st.integers(0, 12), seed=st.integers(0, 5), stop=st.integers(0, 12))
@settings(max_examples=15, deadline=None)
def test_a_search_that_was_ended_goes_on_as_if_it_had_not_been(how, n, seed, stop):
    whole = run_search(how, n, seed=seed)
    assert len(whole) == n
    assert run_search(how, n, whole[:stop], seed=seed) == whole
    for point in whole:
        assert 0.01 <= point["a"] <= 10
        assert point["b"] in ([], [1])
        assert point["epochs"] == 3


@pytest.mark.parametrize("how", ["random", "grid"])
def test_a_search_of_lists_ends_with_the_last_point(how):
    found = run_search(how, 100, space={"b": [1, 2, 3], "c": [True, None]})
    assert sorted((p["b"], str(p["c"])) for p in found) == [
        (b, c) for b in (1, 2, 3) for c in ("None", "True")
    ]


@NEEDS_OPTUNA
def test_tpe_learns_from_trials():
    def value(parameters):
        return -abs(np.log(parameters["a"] / 1.3))

    def last(how):
        return np.median(
            [value(p) for s in range(5) for p in run_search(how, 40, (), value, seed=s)[-10:]]
        )

    assert last("tpe") > 0.8 * last("random")


def test_tpe_without_optuna_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(SystemExit, match=r"sklearn-recommenders\[optuna\]"):
        run_search("tpe", 1)
