"""Tables run cell by cell: resumable, in parallel, on what data there are."""

import re
import subprocess
import sys
import types
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import skrec
from skrec.datasets import make_interactions
from skrec.exceptions import SkrecWarning
from skrec.metrics import make_ranking_scorer
from skrec.reproduce import (
    Settings,
    Store,
    _settings,
    collect,
    find_table,
    list_tables,
    load_data,
    register_table,
    reproduce,
    strong_generalization_parts,
    to_markdown,
)
from skrec.reproduce import (
    __main__ as command,
)

COLUMNS = [
    "paper", "table", "name", "system", "data", "metric", "published", "reproduced",
    "reproduced_by", "ours", "std_error", "std_error_seeds", "n_seeds", "difference", "settings",
    "n_trials", "note",
]  # fmt: skip
# MovieLens-20M has 138,493 users, 26,744 items and 20 million ratings; this is a 250th of it
N_USERS, N_ITEMS, N_RATINGS = 554, 107, 12_000
SMALL = {"max_epochs": 2, "hidden_sizes": (8,), "latent_size": 6, "n_pseudo_inputs": 5}
SMALL |= {"hidden_size": 8, "batch_size": 100, "anneal_steps": 10, "patience": 2, "device": "cpu"}


@pytest.fixture(scope="module")
def ratings():
    return make_interactions(
        N_USERS, N_ITEMS, N_RATINGS, n_clusters=4, ratings=True, random_state=0
    ).interactions


FITTED = ("PopularityRecommender", "EASERecommender", "BPRMFRanker")


def break_all(monkeypatch, error):
    """Let every fit of the table's systems end with an error."""

    def fail(self, X, y=None):
        raise error

    for name in FITTED:
        monkeypatch.setattr(getattr(skrec, name), "fit", fail)


def run(**options):
    return reproduce(
        "test", "1", **{"data": "synthetic", "parameters": {"device": "cpu"}, **options}
    )


@pytest.fixture
def choose(monkeypatch):
    """Return a function that adds settings of EASE to the table, until the end of a test."""

    def add(parameters, source, trials):
        row = Settings("EASERecommender", "synthetic", "weak", parameters, source, trials)
        table = {**_settings._table(), (row.system, row.data, row.protocol): row}
        monkeypatch.setattr(_settings, "_table", lambda: table)

    return add


def one(results, name, metric="ndcg@20", data="synthetic"):
    mine = results[["name", "metric", "data"]].eq([name, metric, data]).all(axis=1)
    (row,) = results[mine].itertuples()
    return row


def test_results_stand_beside_what_was_published(table):
    results = run()
    assert list(results) == COLUMNS
    assert len(results) == len(table.rows) * len(table.metrics)
    linear = one(results, "Linear")
    assert (linear.published, linear.reproduced) == (0.5, 0.45)
    assert linear.reproduced_by == "Somebody 2020"
    assert linear.difference == pytest.approx(linear.ours - 0.5)
    assert one(results, "Linear, soft").ours != linear.ours
    quoted = one(results, "Graph")
    assert np.isnan(quoted.ours)
    assert "quoted" in quoted.note
    assert "one epoch" in one(results, "Factors").note


def test_figures_are_those_of_the_scorer_on_the_data(table):
    data = load_data("synthetic")
    est = skrec.EASERecommender(l2=50.0).fit(data.train.tocsr())
    scorer = make_ranking_scorer(("ndcg@20", "recall@20"), truncated=False)
    expected = scorer.per_user(est, data.test)
    for metric in expected:
        row = one(run(systems=["Linear"]), "Linear", metric)
        assert row.ours == pytest.approx(expected[metric].mean())
        assert row.std_error == pytest.approx(expected[metric].sem())


def test_settings_are_the_tuned_ones_else_the_papers_else_none(table, choose):
    assert one(run(), "Linear").settings == "paper's"
    assert one(run(), "Popular").settings == "defaults"
    choose({"l2": 123.0}, "validation", 12)
    results = run()
    assert one(results, "Linear").settings == "tuned, best of 12"
    est = skrec.EASERecommender(l2=123.0).fit(load_data("synthetic").train.tocsr())
    scorer = make_ranking_scorer("ndcg@20", truncated=False)
    expected = scorer.per_user(est, load_data("synthetic").test)["ndcg@20"].mean()
    assert one(results, "Linear").ours == pytest.approx(expected)


def test_seeds_are_averaged_where_there_are_any(table):
    results = run(seeds=(0, 1, 2), systems=["Linear", "Factors"])
    single = [one(run(seeds=[seed], systems=["Factors"]), "Factors").ours for seed in range(3)]
    factors = one(results, "Factors")
    assert factors.n_seeds == 3
    assert factors.ours == pytest.approx(np.mean(single))
    assert factors.std_error_seeds == pytest.approx(np.std(single, ddof=1) / np.sqrt(3))
    linear = one(results, "Linear")
    assert linear.n_seeds == 1
    assert np.isnan(linear.std_error_seeds)


def test_a_second_call_runs_nothing(table, tmp_path, monkeypatch):
    store = tmp_path / "deep" / "cells.csv"
    first = run(store=store, seeds=(0, 1))
    before = store.read_bytes()
    break_all(monkeypatch, AssertionError("a finished cell ran again"))
    pd.testing.assert_frame_equal(first, run(store=store, seeds=(0, 1)))
    assert store.read_bytes() == before


def test_what_is_missing_is_run_alone(table, tmp_path, monkeypatch):
    store = tmp_path / "cells.csv"
    run(store=store, systems=["Popular", "Linear"])
    monkeypatch.setattr(skrec.PopularityRecommender, "fit", None)
    results = run(store=store)
    assert results["ours"].notna().sum() == 8
    assert pd.read_csv(store)["system"].value_counts().to_dict() == {
        "EASERecommender": 4, "PopularityRecommender": 2, "BPRMFRanker": 2,
    }  # fmt: skip


def test_an_interruption_keeps_what_was_finished(table, tmp_path, monkeypatch):
    store = tmp_path / "cells.csv"
    with monkeypatch.context() as patch:
        patch.setattr(skrec.BPRMFRanker, "fit", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(store=store)
    finished = pd.read_csv(store)
    assert finished.groupby("system").size().to_dict() == {
        "EASERecommender": 4, "PopularityRecommender": 2,
    }  # fmt: skip
    pd.testing.assert_frame_equal(run(store=store), run())
    assert pd.read_csv(store)[: len(finished)].equals(finished)


def fail(self, X, y=None):
    raise RuntimeError("no such luck")


def interrupt(self, X, y=None):
    raise KeyboardInterrupt


def test_failed_cells_are_named_and_others_are_not_lost(table, tmp_path, monkeypatch):
    monkeypatch.setattr(skrec.PopularityRecommender, "fit", fail)
    store = tmp_path / "cells.csv"
    with pytest.warns(SkrecWarning, match="PopularityRecommender.*RuntimeError: no such luck"):
        results = run(store=store)
    assert one(results, "Popular").note == "failed: RuntimeError: no such luck"
    assert np.isnan(one(results, "Popular").ours)
    assert results["ours"].notna().sum() == 6
    assert "PopularityRecommender" not in set(pd.read_csv(store)["system"])


def test_absent_data_say_so(table, tmp_path):
    results = run(data=None, data_home=tmp_path)
    assert list(dict.fromkeys(results["data"])) == ["synthetic", "nowhere", "somewhere"]
    absent = results[(results["data"] == "nowhere") & results["system"].notna()]
    assert absent["note"].str.startswith("no data").all()
    assert absent["ours"].isna().all()
    assert one(results, "Popular", data="nowhere").published == 0.3
    text = to_markdown(results)
    assert "**nowhere**: no data here." in text
    assert "**somewhere**, in place of the paper's data: no data here." in text


def test_data_of_the_cache_run_whatever_they_are_called(table, tmp_path):
    interactions = load_data("synthetic").interactions
    folder = tmp_path / "somewhere"
    folder.mkdir()
    pairs = pd.DataFrame({"user": interactions.user, "item": interactions.item})
    pairs.to_csv(folder / "ratings.csv.gz", index=False)
    pairs[::5].to_csv(folder / "test.csv.gz", index=False)
    results = run(data=None, data_home=tmp_path, systems=["Linear"])
    assert results.groupby("data")["ours"].count().to_dict() == {
        "synthetic": 2, "nowhere": 0, "somewhere": 2,
    }  # fmt: skip


def test_jobs_give_the_same_results(table):
    serial, parallel = (run(n_jobs=n, seeds=(0, 1)) for n in (1, 2))
    pd.testing.assert_frame_equal(serial, parallel)


def test_parameters_reach_the_estimators_that_have_them(table, monkeypatch):
    seen = []
    monkeypatch.setattr(
        skrec.BPRMFRanker, "fit", lambda self, X: seen.append(self.get_params()) or 1 / 0
    )
    with pytest.warns(SkrecWarning, match="ZeroDivisionError"):
        run(seeds=[7], parameters={"lr": 0.123, "no_such": 1, "device": "cpu"})
    (given,) = seen
    assert (given["lr"], given["n_factors"], given["random_state"]) == (0.123, 4, 7)
    assert given["device"] == "cpu"


def test_a_change_to_what_is_so_anyway_is_the_same_cell(table, tmp_path):
    store = tmp_path / "cells.csv"
    default = skrec.EASERecommender().l2
    rows = tuple(replace(row, changed={"l2": default}) for row in table.rows[1:2])
    register_table(replace(table, table="2", rows=rows, settings={}))
    register_table(replace(table, table="3", rows=table.rows[1:2], settings={}))
    for name in ("2", "3"):
        reproduce("test", name, data="synthetic", store=store)
    assert len(pd.read_csv(store)) == 2


def test_every_cell_that_is_kept_has_its_columns(table, tmp_path):
    run(store=tmp_path / "cells.csv")
    assert list(pd.read_csv(tmp_path / "cells.csv")) == [
        "system", "data", "protocol", "seed", "split", "parameters", "metric", "mean", "std_error",
        "n_users", "fit_seconds", "score_seconds", "n_epochs",
    ]  # fmt: skip
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"other.csv must be a table of cells, .*got \['a', 'b'\]"):
        run(store=other)


def test_figures_of_a_paper_on_a_split_of_its_own(ratings):
    options = {"options": {"test_users": 60, "split_seed": 3}, "interactions": ratings}
    results = reproduce("mult_vae", "2", data="ml-20m", systems=["EASE"], **options)
    train, _, test = strong_generalization_parts(ratings, 60, 3)
    metrics = ("recall@20", "recall@50", "ndcg@100")
    expected = make_ranking_scorer(metrics).per_user(skrec.EASERecommender().fit(train), *test)
    np.testing.assert_allclose(results["ours"], expected.mean())
    np.testing.assert_allclose(results["std_error"], expected.sem())


def test_negatives_are_drawn_as_many_as_asked(ratings):
    options = {"data": "ml-1m", "interactions": ratings, "systems": ["ItemKNN"]}
    many, few = (
        reproduce("mult_vae", "3", options={"n_negatives": n}, **options)["ours"] for n in (60, 9)
    )
    assert many[0] < few[0] == 1  # ten places for ten items


def test_options_of_a_table_are_for_its_own_data(tmp_path):
    results = reproduce("evcf", "4-2", data=["ml-20m", "ml-1m"], data_home=tmp_path)
    first, second = to_markdown(results).split("**ml-1m**")
    assert "10,000 users to test and as many to validate" in first
    assert " 500 users to test and as many to validate" in second


@pytest.mark.parametrize(("paper", "table"), [("evcf", "4-2"), ("mult_vae", "2")])
def test_every_row_of_a_table_runs(paper, table, ratings):
    results = reproduce(
        paper, table, data="ml-20m", interactions=ratings, parameters=SMALL,
        options={"test_users": 60},
    )  # fmt: skip
    ran = results.dropna(subset="ours")
    assert ran["ours"].between(0, 1).all()
    assert (ran["std_error"] > 0).all()
    missing = set(results["name"]) - set(ran["name"])
    assert {results.set_index("name").loc[name, "note"].iloc[0][:3] for name in missing} <= {"no "}


def test_the_split_holds_users_out_and_counts_ratings_of_four(ratings):
    train, validation, test = strong_generalization_parts(ratings, 60)
    assert validation[0].shape == validation[1].shape == test[0].shape == (60, train.shape[1])
    assert set(train.data) == {1}
    good = ratings.tocsr()
    good.data = (good.data >= 4).astype(float)
    good.eliminate_zeros()
    kept = np.diff(good.indptr) >= 5
    everything = train.nnz + sum(part.nnz for pair in (validation, test) for part in pair)
    assert everything == good[kept].nnz
    assert train.shape[0] == kept.sum() - 120


def test_beta_reaches_its_cap_after_a_hundred_epochs_of_the_papers_users():
    settings = find_table("evcf", "4-2").settings["Vamp-1"]
    batches = int(np.ceil((136_677 - 20_000) / settings["batch_size"]))
    assert settings["anneal_steps"] * settings["beta"] == pytest.approx(100 * batches, abs=1)


def test_unknown_tables_and_rows_are_errors(table, ratings):
    with pytest.raises(ValueError, match=r"paper and table must be among .*got \('evcf', '1b'\)"):
        reproduce("evcf", "1b")
    with pytest.raises(ValueError, match=r"systems must be among .*got \['SVD'\]"):
        run(systems=["SVD"])
    with pytest.raises(ValueError, match="data must be one name"):
        run(data=None, interactions=ratings)


def test_the_package_is_an_ordinary_one(table):
    assert type(skrec.reproduce) is types.ModuleType
    assert skrec.reproduce.reproduce is reproduce
    results = reproduce("test", 1, data="synthetic", systems=["Graph"])
    assert results["ours"].isna().all()


def test_markdown_has_ours_published_and_the_difference(table):
    results = run(seeds=(0, 1))
    text = to_markdown(results)
    assert "ours / published / difference" in text
    assert "all items that a user does not have in training are ranked" in text
    linear = one(results, "Linear")
    cell = f"{linear.ours:.4f} ±{linear.std_error:.4f} / 0.5000 / {linear.difference:+.4f}"
    line = next(line for line in text.splitlines() if line.startswith("| Linear |"))
    assert cell in line
    assert "ndcg@20 0.4500 (Somebody 2020)" in line
    factors = one(results, "Factors")
    assert f"({factors.std_error_seeds:.4f}) / – / –" in text


def test_the_command_lists_all_tables(capsys, table):
    command.main(["--list"])
    lines = capsys.readouterr().out.splitlines()
    for known in list_tables():
        assert any(line.startswith(f"{known.paper} {known.table}: ") for line in lines)
    assert "synthetic*" in next(line for line in lines if line.startswith("test 1: "))
    done = subprocess.run(
        [sys.executable, "-m", "skrec.reproduce"], capture_output=True, text=True, check=True
    )
    assert "mult_vae 3: " in done.stdout


def test_the_command_writes_results(table, tmp_path, capsys):
    store, csv, page = (tmp_path / name for name in ("cells.csv", "table.csv", "table.md"))
    command.main(
        ["test", "--data", "synthetic", "--systems", "Linear", "--parameters", '{"l2": 10}',
         "--store", str(store), "--output", str(csv), str(page)]
    )  # fmt: skip
    assert "| Linear |" in capsys.readouterr().out
    assert "| Linear |" in page.read_text("utf-8")
    assert len(pd.read_csv(csv)) == 2
    assert set(pd.read_csv(store)["parameters"]) == {'{"l2": 10}'}


def test_the_command_collects_without_running(table, tmp_path, capsys, monkeypatch):
    store = tmp_path / "cells.csv"
    ran = run(systems=["Linear"], store=store)
    break_all(monkeypatch, AssertionError("a cell ran"))
    arguments = ["test", "1", "--data", "synthetic", "--store", str(store), "--collect"]
    command.main(arguments)
    lines = capsys.readouterr().out.splitlines()
    line = next(line for line in lines if line.startswith("| Linear |"))
    assert f"| {one(ran, 'Linear').ours:.4f} " in line
    assert next(line for line in lines if line.startswith("| Popular |")).endswith("| not run |")
    command.main([*arguments, "--systems", "Linear"])
    assert "| Popular |" not in capsys.readouterr().out


def test_the_command_reports_errors(capsys):
    for arguments in (["evcf", "1b"], ["nobody"]):
        with pytest.raises(SystemExit):
            command.main(arguments)
        assert "paper and table must be among" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nope"], r"--data must be here \(.*synthetic\); got nope"),
        (["--seeds", "-1"], "--seeds: must be an integer from 0"),
        (["--jobs", "0"], "--jobs: must be an integer other than 0; got 0"),
        (["--parameters", "{bad"], "--parameters: must be a JSON object"),
        (["--options", "[1]"], r"--options: must be a JSON object .*; got \[1\]"),
        (["--store", "no/such/cells.csv"], "in a folder that can be written to; got no/such"),
        (["--output", "no/such/page.md"], "in a folder that can be written to; got no/such"),
        (["--systems", "Nobody"], "systems must be among"),
    ],
)
def test_bad_arguments_of_the_command_are_one_line(
    arguments, message, table, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        command.main(["test", "--data", "synthetic", *arguments])
    printed = capsys.readouterr().err
    assert stop.value.code == 2
    assert printed.count("\n") == 1
    assert re.search(message, printed)


@pytest.mark.parametrize(
    ("trials", "text"), [(1, "one trial"), (11, "best of 11"), (12, "tuned, best of 12")]
)
def test_tables_print_the_number_of_trials(table, trials, text, choose):
    choose({"l2": 123.0}, "validation", trials)
    results = run(systems=["Linear"])
    row = one(results, "Linear")
    assert (row.settings, row.n_trials) == (text, trials)
    assert f"| {text} | {trials} |" in to_markdown(results)


def test_settings_say_whether_they_were_tuned(table, choose):
    choose({"l2": 123.0}, "not tuned", 0)
    assert one(run(systems=["Linear"]), "Linear").settings == "not tuned"


def test_finished_cells_are_collected_over_seeds(table, tmp_path, monkeypatch):
    store = tmp_path / "cells.csv"
    settings = {"parameters": {}, "store": store, "systems": ["Factors", "Linear"]}
    ran = run(seeds=(0, 1), **settings)
    break_all(monkeypatch, AssertionError("a cell ran"))
    found = collect("test", 1, store, data="synthetic")
    assert list(found) == COLUMNS
    for name in ("Factors", "Linear"):
        assert one(found, name).ours == pytest.approx(one(ran, name).ours)
        assert one(found, name).n_seeds == one(ran, name).n_seeds
    assert one(found, "Popular").note == "not run"
    pd.testing.assert_frame_equal(found, collect("test", "1", Store(store), data=["synthetic"]))


def test_unknown_options_are_errors(table):
    with pytest.raises(ValueError, match=r"options must be among .*got \['test_user'\]"):
        run(options={"test_user": 5})
