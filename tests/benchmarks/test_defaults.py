"""Defaults of all estimators: what is run, the ranks, the verdict, and the choice of candidates."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from benchmarks import trials
from benchmarks.quality import defaults, defaults_report
from benchmarks.quality.defaults_report import PLAIN, Trial
from benchmarks.quality.plain_biases import PlainBiases
from skrec import EASERecommender
from skrec.datasets import make_interactions
from skrec.interactions import Interactions
from skrec.reproduce import Cell, append_rows, list_systems

FEW = ["ItemKNNRecommender", "EASERecommender", PLAIN, "BiasedMFRegressor"]


def run_defaults(tmp_path, *arguments, systems=FEW):
    output = tmp_path / "defaults.csv"
    defaults.main(["--smoke", "--output", str(output), "--systems", *systems, *arguments])
    return pd.read_csv(output)


def test_every_estimator_runs_with_its_defaults(tmp_path, capsys):
    output = tmp_path / "defaults.csv"
    defaults.main(["--smoke", "--output", str(output)])
    table = pd.read_csv(output)
    every = {*list_systems("implicit"), *list_systems("explicit")}
    classes = {name for name in every if name[0].isupper() and name.isalnum()}
    classes = {name for name in classes if defaults.find_system(name).__name__ == name}
    assert set(table["system"]) == classes | {PLAIN}
    assert set(table["protocol"]) == {"known", "ratings"}
    assert set(table["metric"]) == {"ndcg@100", "ndcg@20", "recall@20", "rmse", "mae"}
    assert (table["mean"] > 0).all()
    printed = capsys.readouterr().out
    assert "Defaults, known: ndcg@100 on validation data" in printed
    assert "Verdict: defaults below 0.95 of ItemKNNRecommender's: " in printed
    assert f"Verdict: defaults worse than {PLAIN}: " in printed


def test_cells_have_all_parameters_and_are_run_once(tmp_path, capsys):
    first = run_defaults(tmp_path)
    rows = first.drop_duplicates("system").set_index("system")["parameters"]
    assert json.loads(rows["EASERecommender"])["l2"] == EASERecommender().l2
    capsys.readouterr()
    pd.testing.assert_frame_equal(run_defaults(tmp_path), first)
    assert "known-synthetic" not in capsys.readouterr().out


def without(path, name):
    """Write a table as it was before a parameter came, and return it."""
    table = pd.read_csv(path)
    then = json.loads(table["parameters"][0])
    del then[name]
    table["parameters"] = json.dumps(then, sort_keys=True)
    table.to_csv(path, index=False)
    return table


def test_a_parameter_that_came_later_and_is_off_changes_nothing(tmp_path, capsys):
    run_defaults(tmp_path, systems=["EASERecommender"])
    first = without(tmp_path / "defaults.csv", "dropout")
    capsys.readouterr()
    pd.testing.assert_frame_equal(run_defaults(tmp_path, systems=["EASERecommender"]), first)
    assert f"{first['mean'][0]:.4f}" in capsys.readouterr().out
    changed = candidates(tmp_path, {"system": "EASERecommender", "parameters": {"dropout": 0.5}})
    table = run_defaults(tmp_path, *changed, systems=["EASERecommender"])
    assert [json.loads(each).get("dropout") for each in table["parameters"]][::3] == [None, 0.5]


def test_a_parameter_that_came_later_and_is_not_off_is_run(tmp_path):
    run_defaults(tmp_path, systems=["EASERecommender"])
    first = without(tmp_path / "defaults.csv", "l2")  # whose default is "auto": it was another one
    assert len(run_defaults(tmp_path, systems=["EASERecommender"])) == 2 * len(first)


def test_what_was_ended_is_run_again_where_there_is_more_time(tmp_path, capsys):
    few, more = "0.000001", "0.000002"
    for minutes, stopped in ((few, 1), (few, 1), (more, 2), ("5", 2), (few, 2)):
        table = run_defaults(tmp_path, "--minutes", minutes, systems=["MultDAERecommender"])
        assert (table["metric"] == trials.STOPPED).sum() == stopped
        starred = "*" in capsys.readouterr().out.partition("Verdict")[0]
        assert starred == (table["metric"].iloc[-1] == trials.STOPPED)
    assert len(table) == 3 * 3 + 2


def test_strong_users_are_unseen(tmp_path):
    table = run_defaults(tmp_path, "--users", "strong", systems=["EASERecommender"])
    assert set(table["split"]) == {"50u0"}
    assert table["n_users"].max() == 50


def test_nothing_is_watched_in_training():
    data = defaults.load_data("synthetic")
    for protocol in ("known", "strong", "ratings"):
        task = defaults._task(protocol, "synthetic", data)
        assert (task.fit_parameters, task.sampled_parameters) == ({}, {})


def test_tests_of_the_data_are_not_looked_at():
    data = defaults.load_data("synthetic")
    task = defaults._task("known", "synthetic", data)
    test = {*zip(data.test.user.tolist(), data.test.item.tolist())}
    for part in (Interactions(task.train), task.evaluate):
        assert not test & {*zip(part.user.tolist(), part.item.tolist())}


def test_of_many_users_some_are_ranked_for_and_the_split_says_so(monkeypatch, tmp_path):
    everyone = defaults._task("known", "synthetic", defaults.load_data("synthetic"))
    first = run_defaults(tmp_path, systems=["EASERecommender"])
    monkeypatch.setitem(defaults._SOME_USERS, "synthetic", 20)
    some = defaults._task("known", "synthetic", defaults.load_data("synthetic"))
    assert (some.train != everyone.train).nnz == 0
    both = everyone.evaluate.tocsr(), some.evaluate.tocsr()
    users = np.flatnonzero(np.diff(both[1].indptr))
    assert len(users) == 20
    assert (both[0][users] != both[1][users]).nnz == 0
    table = run_defaults(tmp_path, systems=["EASERecommender"])
    assert table["split"].unique().tolist() == ["tenth", "tenth of 20 users"]
    assert len(table) == 2 * len(first)


@pytest.mark.parametrize("system", ["MoGClassifier", "GeRecRanker", "GERRanker"])
def test_models_of_many_draws_rank_in_two_stages(system, monkeypatch, tmp_path):
    cls, passed = defaults.find_system(system), []
    recommend = cls.recommend

    def recorded(self, *args, **kwargs):
        passed.append(getattr(self, "n_candidates", None))
        return recommend(self, *args, **kwargs)

    monkeypatch.setattr(cls, "recommend", recorded)
    table = run_defaults(tmp_path, systems=[system])
    in_stages = system != "GERRanker"  # whose scores are exact
    assert (200 in passed) == in_stages
    assert json.loads(table["parameters"][0]).get("n_candidates") is None


def test_slow_models_run_on_some_data_alone(tmp_path):
    parser = defaults._make_parser()

    def names(data, *arguments):
        options = parser.parse_args([*arguments, "--data", data])
        defaults._prepare(parser, options)
        return {trial.cell.system for trial in defaults._trials(data, options)}

    slow = {"ConvNCFRanker", "GeRecClassifier", "GeRecRanker", "NAISClassifier"}
    assert names("amazon-music") - names("gowalla") == slow
    assert names("gowalla", "--everywhere") == names("amazon-music")
    assert names("ml-1m") - names("gowalla") >= {"BiasedMFRegressor", PLAIN}
    assert "GeRecRegressor" in names("ml-100k") - names("ml-1m")


def candidates(tmp_path, *given):
    path = tmp_path / "candidates.json"
    path.write_text(json.dumps(given), "utf-8")
    return ["--smoke", "--candidates", str(path), "--output", str(tmp_path / "defaults.csv")]


@pytest.mark.parametrize(
    ("l2", "choice"), [(1e9, "keep the defaults"), (200.0, 'take {"l2": 200.0}')]
)
def test_candidates_stand_beside_the_defaults(tmp_path, capsys, l2, choice):
    defaults.main(candidates(tmp_path, {"system": "EASERecommender", "parameters": {"l2": l2}}))
    printed = capsys.readouterr().out
    assert "Candidates of EASERecommender" in printed
    assert f"Choice over synthetic: {choice}" in printed
    table = pd.read_csv(tmp_path / "defaults.csv")
    assert set(table["system"]) == {"EASERecommender"}
    assert {json.loads(p)["l2"] for p in table["parameters"]} == {l2, EASERecommender().l2}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"system": "Nobody", "parameters": {}}, "must be among .*Nobody"),
        ({"system": "EASERecommender"}, r"objects with \['parameters', 'system'\]"),
        ({"system": "EASERecommender", "parameters": {"l3": 1}}, "EASERecommender: .*l3"),
        ({"system": "EASERecommender", "parameters": {"l2": -1}}, "EASERecommender: .*'l2'"),
    ],
)
def test_wrong_candidates_are_errors(tmp_path, capsys, given, message):
    with pytest.raises(SystemExit):
        defaults.main(candidates(tmp_path, given))
    assert re.search(message, capsys.readouterr().err)


def test_a_file_of_candidates_must_be_there(tmp_path, capsys):
    with pytest.raises(SystemExit):
        defaults.main(["--smoke", "--candidates", str(tmp_path / "no.json")])
    assert "--candidates must be a file of JSON" in capsys.readouterr().err


def test_a_table_has_the_defaults_of_now_and_of_before_and_trains_nothing(tmp_path, capsys):
    run_defaults(tmp_path, "--former", systems=["EASERecommender", "ItemKNNRecommender"])
    rows = run_defaults(tmp_path, systems=["SLIMRecommender", "BiasedMFRegressor"])
    file = tmp_path / "table.csv"
    capsys.readouterr()
    defaults.main(["--smoke", "--output", str(tmp_path / "defaults.csv"), "--table", str(file)])
    printed = capsys.readouterr().out
    assert "known-synthetic" not in printed
    assert "Candidates of EASERecommender" in printed
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "defaults.csv"), rows)
    table = pd.read_csv(file)
    ranked = table[table["protocol"] == "known"]
    assert {*zip(ranked["system"], ranked["defaults"])} == {
        ("EASERecommender", "now"),
        ("EASERecommender", "before"),
        ("ItemKNNRecommender", "now"),
        ("ItemKNNRecommender", "before"),
        ("SLIMRecommender", "now"),
    }
    assert ranked["mean rank"].tolist() == sorted(ranked["mean rank"])
    assert ranked["synthetic"].is_monotonic_decreasing
    assert table.loc[table["protocol"] == "ratings", "system"].tolist() == ["BiasedMFRegressor"]


def test_a_table_takes_no_candidates(tmp_path, capsys):
    given = candidates(tmp_path, {"system": "EASERecommender", "parameters": {"l2": 1.0}})
    with pytest.raises(SystemExit):
        defaults.main([*given, "--table", str(tmp_path / "table.csv")])
    assert "--table has the defaults of now and before" in capsys.readouterr().err
    assert not (tmp_path / "table.csv").exists()


def test_what_fails_is_named_and_others_are_not_lost(tmp_path, capsys, monkeypatch):
    def broken(self, X, y=None):
        raise MemoryError("too many items")

    monkeypatch.setattr(EASERecommender, "fit", broken)
    table = run_defaults(tmp_path)
    assert set(table["system"]) == {*FEW} - {"EASERecommender"}
    assert "EASERecommender-tenth-0 failed: MemoryError: too many items" in capsys.readouterr().out


def written(path, values, protocol="known", metric="ndcg@100", stopped=()):
    """Write values by system and data, and return their trials."""
    made = []
    for (system, changed), row in values.items():
        for data, value in row.items():
            changes = json.loads(changed)
            cell = Cell(system, data, protocol, 0, "tenth", {"l2": 1.0, **changes})
            rows = [{"metric": metric, "mean": value}]
            if (system, data) in stopped:
                rows.append({"metric": trials.STOPPED, "mean": 5.0})
            append_rows(path, [{**cell.key, **row} for row in rows])
            made.append(Trial(cell, changes))
    return made


def test_the_verdict_names_defaults_below_the_reference(tmp_path):
    path = tmp_path / "a.csv"
    made = written(
        path,
        {
            ("ItemKNNRecommender", "{}"): {"a": 0.40, "b": 0.20},
            ("EASERecommender", "{}"): {"a": 0.45, "b": 0.195},
            ("GMFRanker", "{}"): {"a": 0.379, "b": 0.19},
            ("MoGClassifier", "{}"): {"a": np.nan},
            ("PopularityRecommender", "{}"): {"a": 0.1, "b": 0.1},
        },
        stopped={("GMFRanker", "a")},
    )
    text = defaults_report.report(made, path)
    verdict = text[text.index("Verdict") :].splitlines()
    assert verdict[0].endswith("ItemKNNRecommender's: 2")
    assert verdict[1:3] == [
        "  GMFRanker on a: 0.3790, 0.95 of it",
        "  MoGClassifier on a: nan, nan of it",
    ]
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines()[2:8]}
    assert lines["EASERecommender"] == ["0.4500", "0.1950", "1.50", "2"]
    assert lines["GMFRanker"] == ["0.3790*", "0.1900", "3.00", "2"]
    assert lines["MoGClassifier"] == ["–", "5.00", "1"]


def test_errors_of_ratings_are_compared_with_plain_biases(tmp_path):
    path = tmp_path / "a.csv"
    values = {(PLAIN, "{}"): {"a": 0.9}, ("GMFRegressor", "{}"): {"a": 0.91},
              ("BiasedMFRegressor", "{}"): {"a": 0.89}}  # fmt: skip
    text = defaults_report.report(written(path, values, "ratings", "rmse"), path)
    assert "worse than plain biases: 1\n  GMFRegressor on a: 0.9100" in text
    assert text.index("BiasedMFRegressor") < text.index(PLAIN)


def test_the_mean_rank_over_shared_data_chooses(tmp_path):
    path = tmp_path / "a.csv"
    made = written(
        path,
        {
            ("EASERecommender", "{}"): {"a": 0.2, "b": 0.2, "c": 0.2, "d": 0.1},
            ("EASERecommender", '{"l2": 5.0}'): {"a": 0.1, "b": 0.3, "c": 0.3, "d": 0.2},
            ("EASERecommender", '{"l2": 9.0}'): {"a": 0.3, "b": 0.1, "c": 0.1},
        },
    )
    assert 'Choice over a, b, c: take {"l2": 5.0}' in defaults_report.report(made, path)
    tie = [trial for trial in made if trial.changed != {"l2": 9.0} and trial.cell.data in "ab"]
    assert "Choice over a, b: keep the defaults" in defaults_report.report(tie, path)


def test_plain_biases_solve_their_equations():
    ratings = make_interactions(40, 30, 400, ratings=True, random_state=0).interactions
    model = PlainBiases(l2=2.0, n_sweeps=300).fit(ratings)
    rest = ratings.value - model.mean_ - model.users_[ratings.user] - model.items_[ratings.item]
    for groups, biases in ((ratings.user, model.users_), (ratings.item, model.items_)):
        np.testing.assert_allclose(np.bincount(groups, rest, len(biases)), 2.0 * biases, atol=1e-4)
    assert model.predict(ratings).min() >= ratings.value.min()


def test_former_defaults_stand_beside_those_of_now(tmp_path, capsys):
    table = run_defaults(tmp_path, "--former", systems=["EASERecommender", "PopularityRecommender"])
    ease = table[table["system"] == "EASERecommender"]
    assert {json.loads(each)["l2"] for each in ease["parameters"]} == {"auto", 500.0}
    assert set(table["system"]) == {"EASERecommender", "PopularityRecommender"}
    assert '{"l2": 500.0}' in capsys.readouterr().out
