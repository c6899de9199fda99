"""The page of all tables, written from finished cells."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import spearmanr

import skrec
from skrec.reproduce import (
    Row,
    Settings,
    _settings,
    _tables,
    list_tables,
    register_table,
    reproduce,
)
from skrec.testing import all_estimators

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("the benchmarks are part of the checkout alone", allow_module_level=True)
sys.path.insert(0, str(ROOT))

from benchmarks.quality.page import __main__ as command  # noqa: E402
from benchmarks.quality.page import make_page  # noqa: E402
from benchmarks.quality.page._findings import _OWN  # noqa: E402

PUBLISHED = {"Popular": 0.2, "Linear": 0.1, "Factors": 0.9, "Neighbours": 0.3}


@pytest.fixture
def paper(table, monkeypatch):
    """Make a paper of two tables, the only ones that there are, whose own system is BPR-MF."""
    monkeypatch.setattr(_tables, "_TABLES", {})
    monkeypatch.setitem(_OWN, "test", ("BPRMF",))
    rows = tuple(
        Row(name, system, published={"synthetic": {"ndcg@20": PUBLISHED[name]}})
        for name, system in {
            "Popular": "PopularityRecommender",
            "Linear": "EASERecommender",
            "Factors": "BPRMFRanker",
            "Neighbours": "ItemKNNRecommender",
        }.items()
    )
    made = replace(table, rows=rows, settings={"BPRMFRanker": {"max_epochs": 1}})
    register_table(made)
    register_table(replace(made, table="2", data=("nowhere",), here=("synthetic",)))
    return made


@pytest.fixture
def store(paper, tmp_path):
    path = tmp_path / "cells.csv"
    reproduce("test", "1", data="synthetic", store=path)
    return path


@pytest.fixture
def results(paper, store):
    return reproduce("test", "1", data="synthetic", store=store).set_index(["name", "metric"])


def test_findings_are_those_of_the_figures(results, store, tmp_path):
    text = make_page(store, data_home=tmp_path)
    ours = results["ours"].xs("ndcg@20", level="metric")
    gains = ours - results["published"].xs("ndcg@20", level="metric")
    errors = results["std_error"].xs("ndcg@20", level="metric")
    near = ((gains < 0) & (gains > -2 * errors)).sum()
    assert (
        f"Of 4 published figures (ndcg@20 on synthetic) {(gains >= 0).sum()} are reached or "
        f"exceeded and {near} are missed by less than two standard errors; the differences run "
        f"from {gains.min():+.4f} ({gains.idxmin()}, synthetic) to {gains.max():+.4f} "
        f"({gains.idxmax()}, synthetic), with a median of {gains.median():+.4f}."
    ) in text
    others = ours.drop("Factors")
    assert (
        f"the paper's best is Factors with {ours['Factors']:.4f}, better than "
        f"{(others < ours['Factors']).sum()} of 3 other rows, of which {others.idxmax()} is the "
        f"best with {others.max():.4f}"
    ) in text
    rho = spearmanr([PUBLISHED[name] for name in ours.index], ours).statistic
    assert f"the 4 published rows come out with a rank correlation of {rho:.2f}" in text
    gap, other = ours["Factors"] - ours["Linear"], ours["Factors"] - ours["Neighbours"]
    assert f"the difference is {gap:+.4f} to EASE, {other:+.4f} to ItemKNN." in text


def test_smaller_errors_are_better(paper, tmp_path):
    rows = (
        Row("MF", "BiasedMFRegressor", published={"synthetic": {"rmse": 9.0}}),
        Row("GMF", "GMFRegressor", published={"synthetic": {"rmse": 8.0}}),
    )
    settings = {row.system: {"max_epochs": 1} for row in rows}
    errors = {"protocol": "ratings", "metrics": ("rmse",), "rows": rows, "settings": settings}
    register_table(replace(paper, table="3", **errors))
    reproduce("test", "3", data="synthetic", store=tmp_path / "cells.csv")
    text = make_page(tmp_path / "cells.csv", data_home=tmp_path)
    assert "2 published figures (rmse on synthetic) 2 are reached" in text


def test_every_system_stands_beside_the_plain_references(results, store, tmp_path, wrapping):
    text = make_page(store, data_home=tmp_path)
    section = text[text.index("## Every system beside the plain references") :].splitlines()
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in section if " | " in line}
    names = {name for name, _ in all_estimators()} - wrapping
    assert names <= set(lines)
    ours = results["ours"].xs("ndcg@20", level="metric")
    ease, popular = ours["Linear"], ours["Popular"]
    cell = f"{ease:.4f} ({popular - ease:+.4f}, {popular / ease:.3f})"
    assert (
        f"| synthetic | weak | ndcg@20 | {popular:.4f} | {cell} |" in lines["PopularityRecommender"]
    )
    assert lines["PopularityRecommender"].endswith("| run last |")
    assert "not run" in lines["FISMRanker"]


@pytest.mark.parametrize("order", [(1, 3), (3, 1), (1, 3, 1), (3, 1, 3)])
def test_without_chosen_settings_those_count_that_were_run_last(order, paper, tmp_path):
    """Nothing is chosen by the result, and another seed makes settings the last ones again."""
    store = tmp_path / "cells.csv"
    for seed, epochs in enumerate(order):
        reproduce("test", "1", data="synthetic", store=store, systems=["Factors"], seeds=(seed,),
                  parameters={"max_epochs": epochs})  # fmt: skip
    cells = pd.read_csv(store)
    last = json.dumps({"max_epochs": order[-1]})
    assert cells["parameters"].nunique() == 2
    mine = cells[(cells["parameters"] == last) & (cells["metric"] == "ndcg@20")]
    line = next(
        line
        for line in make_page(store, data_home=tmp_path).splitlines()
        if line.startswith("| BPRMFRanker | syn")
    )
    assert f"| {mine['mean'].mean():.4f} |" in line


def test_the_page_is_the_same_every_time_and_nothing_runs(store, tmp_path, monkeypatch):
    monkeypatch.setattr(skrec.EASERecommender, "fit", None)
    path = tmp_path / "page.md"
    command.main([str(path), "--store", str(store), "--data-home", str(tmp_path)])
    assert path.read_text("utf-8") == make_page(store, data_home=tmp_path)


def test_what_stands_in_for_several_tables_is_shown_once(store, tmp_path):
    text = make_page(store, data_home=tmp_path)
    second = text[text.index("### test, table 2") : text.index("## Every system beside")]
    assert "**nowhere**: no data here." in second
    assert "**synthetic**, in place of the paper's data: as in the tables above." in second
    assert second.count("| Linear |") == 1


def test_every_table_of_every_paper_is_there(tmp_path):
    text = make_page(tmp_path / "none.csv", data_home=tmp_path)
    for table in list_tables():
        assert f"### {table.paper}, table {table.table}: {table.title}" in text
        for row in table.rows:
            assert f"| {row.name} |" in text
    assert text.count("can be compared") == len({table.paper for table in list_tables()})
    assert "| not run" not in text[: text.index("## Every system beside")]


def test_runs_of_other_splits_of_the_same_sizes_are_averaged(paper, tmp_path, monkeypatch):
    store = tmp_path / "cells.csv"
    rated = replace(paper, protocol="strong", metrics=("ndcg@20",))
    register_table(rated)
    values = [
        reproduce("test", "1", data="synthetic", store=store, systems=["Linear"],
                  options={"split_seed": seed})["ours"].item()
        for seed in (0, 1)
    ]  # fmt: skip
    reproduce("test", "1", data="synthetic", store=store, systems=["Linear"],
              options={"test_users": 20})  # fmt: skip
    assert values[0] != values[1]
    assert f"| Linear | {sum(values) / 2:.4f} ±" in make_page(store, data_home=tmp_path)


def test_studies_beside_the_store_are_shown_with_their_papers(tmp_path):
    rows = [
        (seed, split, metric, value)
        for seed, split, value in (
            (0, "10r0", 0.8),
            (0, "5r0", 0.1),  # of other settings than the next, which count
            (0, "5r0", 0.9),
            (1, "5r1", 1.0),
        )
        for metric, value in (("rmse", value), ("mae", 7.0))
    ]
    table = pd.DataFrame(rows, columns=["seed", "split", "metric", "mean"])
    table = table.assign(data="ml-100k", system="BiasedMFRegressor")
    table.to_csv(tmp_path / "subsample.csv", index=False)
    variants = [
        {"data": "yelp", "metric": "sampled_ndcg@10", "mean": 0.25, "parameters": parameters}
        for parameters in ('{"variant": "ItemKNN", "l2": 1}', '{"variant": "GMF", "l2": 2}')
    ]
    pd.DataFrame(variants).to_csv(tmp_path / "convncf.csv", index=False)
    text = make_page(tmp_path / "none.csv", data_home=tmp_path)
    assert "| data | system | 5r | 10r |" in text
    assert "| ml-100k | BiasedMFRegressor | 0.9500 (0.0500) | 0.8000 |" in text
    assert "| yelp | GMF | 0.2500 |" in text
    places = [text.index(found) for found in ("## ConvNCF", "| yelp | GMF", "## Cross", "| 5r |")]
    assert places == sorted(places)


def test_the_page_prints_the_trials_of_settings(results, store, tmp_path, monkeypatch):
    chosen = {
        ("EASERecommender", 12): "tuned, best of 12",
        ("PopularityRecommender", 4): "best of 4",
    }
    rows = [Settings(s, "synthetic", "weak", {}, "validation", n) for s, n in chosen]
    table = {(row.system, row.data, row.protocol): row for row in rows}
    monkeypatch.setattr(_settings, "_table", lambda: table)
    lines = make_page(store, data_home=tmp_path).splitlines()
    for (system, _), text in chosen.items():
        assert any(line.startswith(f"| {system} | syn") and text in line for line in lines)
    assert "| tuned, best of 12 |" in next(line for line in lines if line.startswith("| Linear |"))


def test_a_line_of_a_study_does_not_average_settings(tmp_path):
    lines = [
        {
            "system": "NAISClassifier",
            "data": "ml-1m",
            "protocol": "ncf",
            "seed": 0,
            "split": "given",
        }
        | {"parameters": json.dumps({"init_attention": init}), "which": "start"}
        | {"test sampled_ndcg@10": value}
        for init, value in ((0.0, 0.4), (1.0, 0.2))
    ]
    pd.DataFrame(lines).to_csv(tmp_path / "curve_summary.csv", index=False)
    text = make_page(tmp_path / "none.csv", data_home=tmp_path)
    assert "| NAISClassifier | ml-1m | 0.0 | start | 0.4000 |" in text
    assert "| NAISClassifier | ml-1m | 1.0 | start | 0.2000 |" in text
    again = {**lines[1], "test sampled_ndcg@10": 0.3}  # of two runs the last counts
    pd.DataFrame([*lines, again]).to_csv(tmp_path / "curve_summary.csv", index=False)
    text = make_page(tmp_path / "none.csv", data_home=tmp_path)
    assert "| NAISClassifier | ml-1m | 1.0 | start | 0.3000 |" in text
    falling = {**lines[0], "parameters": json.dumps({"init_attention": 0.0, "lr_decay": "linear"})}
    pd.DataFrame([*lines, falling]).to_csv(tmp_path / "curve_summary.csv", index=False)
    text = make_page(tmp_path / "none.csv", data_home=tmp_path)
    assert "| NAISClassifier | ml-1m | 0.0 | linear | start | 0.4000 |" in text
    for line in lines:
        line["parameters"] = json.dumps({"lr": line["test sampled_ndcg@10"]})
    pd.DataFrame(lines).to_csv(tmp_path / "curve_summary.csv", index=False)
    with pytest.raises(ValueError, match=r"curve_summary\.csv has several settings for one line"):
        make_page(tmp_path / "none.csv", data_home=tmp_path)
