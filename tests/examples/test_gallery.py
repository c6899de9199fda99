"""The examples of the gallery, on smaller data."""

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from skrec.datasets import make_interactions

plt = pytest.importorskip("matplotlib.pyplot", reason="the gallery plots")

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs an example, and returns its names and what it prints."""

    def make_fewer(n_users, n_items, n_interactions, **options):
        return make_interactions(n_users // 2, n_items // 2, n_interactions // 3, **options)

    def run_example(name):
        names = runpy.run_path(str(EXAMPLES / f"{name}.py"))
        return names, capsys.readouterr().out

    monkeypatch.setattr("skrec.datasets.make_interactions", make_fewer)
    monkeypatch.setattr(plt, "show", lambda: None)
    yield run_example
    plt.close("all")


@pytest.fixture
def made_up(monkeypatch):
    """Hide the real data from an example."""
    monkeypatch.delenv("SKREC_DATA", raising=False)


def test_every_plot_has_a_test():
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    pages = [path.stem for path in EXAMPLES.glob("plot_*.py")]
    assert [name for name in pages if f'run("{name}")' not in tests] == []


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_every_example_starts_with_a_title(path):
    lines = path.read_text("utf-8").split("\n")
    assert lines[0] == '"""'
    assert lines[2] == "=" * len(lines[1])


@pytest.mark.slow
def test_grid_search(run):
    names, out = run("plot_grid_search")
    assert names["search"].best_params_["beta"] in (0.0, 0.2, 0.5, 1.0, 2.0)
    assert names["halving"].n_resources_ == [3, 9]
    assert names["halving"].best_params_["lr"] == 0.01
    assert len(names["table"]) == 9
    assert names["knn_search"].best_score_ > 0.2
    assert "'max_epochs': 9" in out
    assert len(plt.get_fignums()) == 1


def test_likelihoods(run):
    names, out = run("plot_likelihoods")
    assert {name: model.likelihood for name, model in names["models"].items()} == {
        name: name for name in ("multinomial", "gaussian", "logistic")
    }
    found = re.findall(r"(\w+) +(\d+) interactions expected, +(\d+) found", out)
    assert [name for name, *_ in found] == list(names["models"])
    assert all(1 / 1.5 < int(expected) / int(count) < 1.5 for _, expected, count in found)
    assert len(plt.get_fignums()) == 3


@pytest.mark.slow
@pytest.mark.usefixtures("made_up")
def test_uncertainty(run):
    names, out = run("plot_uncertainty")
    assert 0 < names["unsure"]["uncertainty"].min()
    assert names["excess"].low <= names["excess"].excess <= names["excess"].high
    deviations = dict(re.findall(r"(\w+) +mean deviation of what is recommended: (.*)", out))
    assert float(deviations["ucb"]) >= float(deviations["mean"])
    assert "with activity held fixed" in out
    free, bound = map(float, re.findall(r"kl_weight=\d: variance and activity (.*)", out))
    assert bound < free - 0.2
    assert len(plt.get_fignums()) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("made_up")
def test_attention(run):
    names, out = run("plot_attention")
    found = names["found"]
    assert list(found.index) == ["split 0", "split 1", "split 2", "all three"]
    assert (found["ci_low"] < found["difference"]).all()
    assert (found["difference"] < found["ci_high"]).all()
    # each hidden rating was predicted once by both
    assert len(names["tables"]["all three"]) == sum(map(len, names["errors"]))
    assert out.startswith("data: made up")


@pytest.mark.slow
@pytest.mark.usefixtures("made_up")
def test_prior(run):
    names, out = run("plot_prior")
    assert (names["ndcg"].mean() > 0.2).all()
    assert list(names["gain"].index) == [*names["models"]][1:]
    assert "better than no prior:" in out
    assert len(plt.get_fignums()) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("made_up")
def test_outer_product(run):
    names, out = run("plot_outer_product")
    start = names["start"]
    for name, est in list(names["models"].items())[1:]:  # all start from the same vectors
        assert est.pretrained_.estimator is not None, name
        np.testing.assert_array_equal(est.pretrained_.item_factors_, start.item_factors_)
    assert len(re.findall("convolutions minus", out)) == 3


@pytest.mark.slow
@pytest.mark.usefixtures("made_up")
def test_gibbs(run):
    names, out = run("plot_gibbs")
    for shares in names["coverage"].values():
        assert shares == sorted(shares)
        assert 0.3 < shares[0] < 0.75
    assert -1 <= names["found"].loc["each other", "rank correlation"] <= 1
    assert "Gibbs" in out


@pytest.mark.slow
@pytest.mark.usefixtures("made_up")
def test_sampled_metrics(run):
    names, out = run("plot_sampled_metrics")
    table = names["table"]
    assert table.index[-1] == "popularity"
    assert (table["sampled_hit_rate@10"] > table["hit_rate@10"]).all()
    assert len(re.findall("separated by", out)) == 4
    assert (np.diff(names["chance"]) < 0.1).all()  # it falls with the rank
    assert names["chance"][0] == 1


def test_raw_data_that_are_made_up(run, monkeypatch):
    monkeypatch.delenv("SKREC_DATA", raising=False)
    names, out = run("raw_data")
    values = dict(re.findall(r"(\w+) +NDCG@10 = ([\d.]+)", out))
    assert float(values["EASE"]) > float(values["popularity"]) + 0.2
    assert len(names["test"]) < len(names["after"])  # those of new users are left out
    assert set(names["lists"]["title"]) <= set(names["titles"].values())
    assert not set(names["lists"]["item"]) & set(names["likes_of_hers"])
    assert set(names["newest"]["user"]) == set(names["newcomers"][:2])
    assert names["why"].method == "exact"
    assert len(names["reasons"]) == 4
    assert "the same lists from a file: True" in out


def test_raw_data_of_movielens(run, data_home):
    if not (data_home / "ml-100k").is_dir():
        pytest.skip("no MovieLens-100K")
    names, _ = run("raw_data")
    assert names["train"].frame == (645, 1317)
    assert len(names["newest"]) == 6
    assert names["newest"]["title"].notna().all()


@pytest.mark.usefixtures("made_up")
def test_blending(run):
    names, out = run("plot_blending")
    scores = dict(re.findall(r"(.+?) +NDCG@20 = ([\d.]+)", out))
    assert set(scores) == {*names["models"], "blend"}
    parts = [float(scores[name]) for name in ("EASE", "graph filter", "infinite-AE")]
    assert float(scores["blend"]) > min(parts)
    assert f"weights of the blend: {names['search'].best_params_['weights']}" in out


def test_an_exact_index_finds_what_recommend_lists(run, monkeypatch):
    monkeypatch.delenv("SKREC_DATA", raising=False)
    names, out = run("exact_index")
    assert names["found"] == pytest.approx({"WMF": 1, "Mult-DAE": 1}, abs=1e-3)
    assert "33 dimensions" in out


def test_an_approximate_index_finds_most_of_it(run, monkeypatch):
    pytest.importorskip("usearch", reason="the extra index")
    monkeypatch.delenv("SKREC_DATA", raising=False)
    names, _ = run("approximate_index")
    assert names["found"][160, "all items"] > 0.98
    assert names["found"][160, "unseen items"] > 0.98


def test_an_approximate_index_says_what_is_missing(run, monkeypatch):
    monkeypatch.delenv("SKREC_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    names, out = run("approximate_index")
    assert "sklearn-recommenders[index]" in out
    assert names["found"] == {}


@pytest.fixture
def large_data(run, monkeypatch, capsys):
    """Return a function that runs the example on small data, and returns the lines it prints."""
    main = run("large_data")[0]["main"]
    made = make_interactions(600, 200, 12_000, n_clusters=4, random_state=0)
    monkeypatch.setitem(main.__globals__, "make_interactions", lambda **_: made)

    def lines(*args):
        main(list(args))
        return capsys.readouterr().out.splitlines()

    return lines


def test_large_data_are_learnt_by_every_model(large_data):
    lines = large_data()
    assert lines[0] == "480 users to train on, 200 items, 9,582 entries"
    assert re.fullmatch(r"compiled code: \d+\.\d s to start", lines[1])
    ndcg = {line.split()[0]: float(line.split()[3]) for line in lines[4:]}
    assert list(ndcg) == ["ItemKNN", "SLIM", "WMF", "BPRMF", "Mult-VAE"]
    assert all(0.2 < value < 1 for value in ndcg.values())


def test_large_data_of_movielens(large_data, data_home, monkeypatch):
    if not (data_home / "ml-100k").is_dir():
        pytest.skip("no MovieLens-100K")
    monkeypatch.setenv("SKREC_DATA", str(data_home))
    lines = large_data("--data", "ml-100k", "--models", "ItemKNN")
    assert lines[0] == "751 users to train on, 1,447 items, 44,070 entries"
    assert float(lines[4].split()[3]) > 0.25
    assert len(lines) == 5


@pytest.mark.slow
@pytest.mark.usefixtures("made_up")
def test_quality_cost(run):
    names, out = run("plot_quality_cost")
    assert out.startswith("a synthetic stand-in")
    table = names["display"].table
    assert set(table.index) == set(names["table"].index)
    assert table["cost"].idxmin() in table.index[table["front"]]
    assert table["quality"].idxmax() in table.index[table["front"]]
    assert len(plt.get_fignums()) == 2
