"""The table of settings: every row is of a form, and estimators take it."""

import json
import tomllib
from fnmatch import fnmatch
from functools import cache
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest

from skrec.reproduce import (
    _settings,
    find_settings,
    list_protocols,
    list_settings,
    list_systems,
    load_data,
    make_protocol,
    make_system,
)
from skrec.reproduce._settings import Settings, read_settings

ROWS = list_settings()
ROOT = Path(__file__).parents[2]
TRIALS = ROOT / "benchmarks" / "results" / "tuning.csv"
# the split on which settings were chosen
SPLITS = {("ml-1m", "ratings"): "70r1"}
# rows whose trials were recorded under another name, and what these trials have in common
ELSEWHERE = {
    ("MultVAE-gated-1", "ml-1m", "strong"): ("MultVAE-gated", {"hidden_sizes": [600]}),
    ("H+Vamp-gated-1", "ml-1m", "strong"): ("H+Vamp-gated", {"hidden_sizes": [600]}),
}


def name_of(row):
    return f"{row.system} {row.data} {row.protocol}"


def key_of(row):
    return row.system, row.data, row.protocol


def line(**changed):
    row = {
        "system": "EASERecommender",
        "data": "ml-1m",
        "protocol": "ncf",
        "parameters": {"l2": 5.0},
        "source": "validation",
        "trials": 3,
        "note": "",
    }
    return json.dumps({**row, **changed})


def write(tmp_path, *lines):
    path = tmp_path / "settings.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_estimators_take_the_parameters(row):
    row.check()
    make_system(row.system, row.parameters, seed=0)
    feedback = make_protocol(row.protocol).feedback
    assert row.system in list_systems(feedback)


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_the_source_agrees_with_the_rest(row):
    assert row.known
    if row.source == "defaults":
        assert not row.parameters
    elif row.source == "validation":
        criterion = make_protocol(row.protocol).criterion
        assert row.note.startswith(f"{criterion} 0.")
    if row.source == "published":
        assert row.note
    assert row.tuned == (row.source == "validation" and row.trials >= 12)


@cache
def read_trials():
    return pd.read_csv(TRIALS)


@pytest.mark.parametrize("row", [r for r in ROWS if r.source == "validation"], ids=name_of)
def test_trials_are_counted_as_they_were_recorded(row):
    if not TRIALS.exists():
        pytest.skip("the record of all trials is part of the checkout alone")
    trials = read_trials()
    protocol = make_protocol(row.protocol, data=row.data)
    system, common = ELSEWHERE.get(key_of(row), (row.system, {}))
    wanted = {
        "system": system,
        "data": row.data,
        "protocol": row.protocol,
        "split": SPLITS.get((row.data, row.protocol), protocol.split),
        "metric": protocol.criterion,
    }
    mine = trials[(trials[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    points = [json.loads(text) for text in mine["parameters"].unique()]
    assert row.trials == sum(all(p.get(k, 0) == v for k, v in common.items()) for p in points)
    figure = float(row.note.split()[1].rstrip(";"))
    assert mine["mean"].round(4).eq(figure).any()


def test_systems_of_every_protocol_have_rows():
    assert {row.protocol for row in ROWS} == set(list_protocols())
    assert len({key_of(row) for row in ROWS}) == len(ROWS) > 100


def test_the_file_is_part_of_the_package():
    file = files("skrec.reproduce") / "settings.jsonl"
    assert len(file.read_text("utf-8").splitlines()) == len(ROWS)
    if (project := ROOT / "pyproject.toml").exists():
        data = tomllib.loads(project.read_text("utf-8"))["tool"]["setuptools"]["package-data"]
        assert any(fnmatch(f"reproduce/{file.name}", pattern) for pattern in data["skrec"])


def test_rows_are_found_by_data_and_protocol():
    some = list_settings(data="gowalla", protocol="weak")
    assert some == [r for r in ROWS if (r.data, r.protocol) == ("gowalla", "weak")]
    assert find_settings(*key_of(some[0])) == some[0]


def test_settings_that_are_not_there_are_defaults():
    found = find_settings("EASERecommender", "nowhere", "ncf")
    assert (found.parameters, found.known, found.text) == ({}, False, "defaults")


def test_what_is_returned_is_a_copy():
    found = find_settings("NeuMFClassifier", "ml-1m", "ncf").parameters["pretrain"]
    before = found["l2"]
    found["l2"] = before + 1
    again = find_settings("NeuMFClassifier", "ml-1m", "ncf").parameters["pretrain"]
    assert again["l2"] == before


def test_lists_are_tuples_and_nested_estimators_are_dicts(tmp_path):
    parameters = {"hidden_sizes": [], "pretrain": {"system": "MFClassifier", "l2": 1e-3}}
    path = write(tmp_path, line(system="NCFMLPClassifier", parameters=parameters))
    (row,) = read_settings(path).values()
    assert row.parameters == {**parameters, "hidden_sizes": ()}


def test_a_pair_of_nested_estimators_is_made():
    found = find_settings("NeuMF-paper", "ml-1m", "ncf")
    assert (found.source, found.text, found.tuned) == ("published", "published", False)
    gmf, mlp = make_system("NeuMF-paper", found.parameters, seed=0).pretrain
    assert (type(gmf).__name__, type(mlp).__name__) == ("GMFClassifier", "NCFMLPClassifier")
    assert (gmf.n_factors, mlp.n_factors, mlp.hidden_sizes) == (64, 128, (128, 64))


@pytest.mark.parametrize("name", ["NeuMF-paper", "NAIS-paper", "DeepCF-paper", "ConvNCF-paper"])
def test_a_recipe_fits_the_parts_that_it_starts_from(name):
    est = make_system(name, find_settings(name, "ml-1m", "ncf").parameters, seed=0, device="cpu")
    parts = est.pretrain if isinstance(est.pretrain, tuple) else (est.pretrain,)
    for part in (est, *parts):
        part.set_params(max_epochs=0, batch_size=500)
    if hasattr(parts[0], "early_stopping"):
        for part in parts:
            part.set_params(early_stopping=False)
    X = load_data("synthetic").interactions.tocsr()
    assert est.fit(X).recommend(users=[0], n_items=3).shape == (1, 3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"no_such": 1}, r"line 2: keys must be .*got .*'no_such'\]"),
        ({"protocol": "loo"}, "line 2: protocol must be among .*got 'loo'"),
        ({"source": "luck"}, "line 2: source must be among .*got 'luck'"),
        ({"trials": 0}, "line 2: trials must be positive where .*got 0 and 'validation'"),
        ({"source": "published"}, "line 2: trials must be .*got 3 and 'published'"),
        ({"data": "first"}, r"line 2: each row must be the only .*got .*'first'.* again"),
    ],
)
def test_rows_of_another_form_are_errors(changed, message, tmp_path):
    path = write(tmp_path, line(data="first"), line(**changed))
    with pytest.raises(ValueError, match=f"settings.jsonl, {message}"):
        read_settings(path)


@pytest.mark.parametrize(
    ("system", "parameters", "message"),
    [
        ("NoRecommender", {}, "systems must be among .*got 'NoRecommender'"),
        ("EASERecommender", {"l3": 1.0}, r"EASERecommender \(.*must be among .*got \['l3'\]"),
        ("EASERecommender", {"l2": -1.0}, r"EASERecommender \(x, ncf\): The 'l2' parameter"),
        (
            "NCFMLPClassifier",
            {"pretrain": {"system": "MFClassifier", "no_such": 1}},
            r"MFClassifier \(x, ncf, within NCFMLPClassifier\) must be .*got \['no_such'\]",
        ),
        (
            "NeuMFClassifier",
            {"pretrain": ({"system": "GMFClassifier"}, {"system": "EASERecommender", "l3": 1})},
            r"EASERecommender \(x, ncf, within NeuMFClassifier\) must be .*got \['l3'\]",
        ),
        (
            "NCFMLPClassifier",
            {"pretrain": {"system": "MFClassifier", "l2": -1.0}},
            r"MFClassifier \(x, ncf, within NCFMLPClassifier\): The 'l2' parameter",
        ),
    ],
)
def test_parameters_that_no_estimator_takes_are_errors(system, parameters, message, monkeypatch):
    row = Settings(system, "x", "ncf", parameters, "published")
    with pytest.raises(ValueError, match=message):
        row.check()
    monkeypatch.setattr(_settings, "_table", lambda: {(system, "x", "ncf"): row})
    with pytest.raises(ValueError, match=message):
        find_settings(system, "x", "ncf")
