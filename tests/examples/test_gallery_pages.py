"""The pages of the gallery: what all have in common, and with ``-m slow`` those that run."""

import re
import runpy
from pathlib import Path

import pytest

from skrec.datasets import make_interactions
from skrec.testing import all_estimators

plt = pytest.importorskip("matplotlib.pyplot", reason="the gallery plots")

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGES = sorted(EXAMPLES.glob("plot_*.py"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_compiles_and_names_its_data(path):
    text = path.read_text("utf-8")
    compile(text, str(path), "exec")
    title, line = text.split("\n")[1:3]
    assert line == "=" * len(title)
    assert len(title) < 60
    assert re.search("MovieLens|Amazon|Gowalla|made up|[Rr]eal data|synthetic", text)
    assert re.search("fetch_|make_interactions", text)
    assert "plt.show()" in text


def test_every_estimator_is_in_an_example():
    text = "\n".join(path.read_text("utf-8") for path in EXAMPLES.rglob("*.py"))
    words = {*re.findall(r"\w+", text)}
    assert [name for name, _ in all_estimators() if name not in words] == []


def test_a_page_shows_every_estimator():
    words = {*re.findall(r"\w+", (EXAMPLES / "plot_all_models.py").read_text("utf-8"))}
    assert {name for name, _ in all_estimators()} <= words


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs a page on small made-up data, and returns names and prints."""

    def make_fewer(n_users, n_items, n_interactions, **options):
        return make_interactions(n_users // 2, n_items // 2, n_interactions // 3, **options)

    def run_page(name):
        names = runpy.run_path(str(EXAMPLES / f"{name}.py"))
        return names, capsys.readouterr().out

    monkeypatch.delenv("SKREC_DATA", raising=False)
    monkeypatch.setattr("skrec.datasets.make_interactions", make_fewer)
    monkeypatch.setattr(plt, "show", lambda: None)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield run_page
    plt.close("all")


@pytest.mark.slow
def test_calibration(run):
    names, out = run("plot_calibration")
    errors = names["table"]["ece"].unstack()
    assert errors.loc["Mult-VAE", "calibrated"] < errors.loc["Mult-VAE", "as it is"]
    assert (errors["calibrated"] < 0.01).all()
    assert "made up" in out


@pytest.mark.slow
def test_cold_users(run):
    names, _ = run("plot_cold_users")
    mean = names["mean"]
    assert mean.loc["EASE", 40] > mean.loc["EASE", 1]
    assert mean.loc["EASE", 40] > mean.loc["popularity", 40]


@pytest.mark.slow
def test_popularity_bias(run):
    names, out = run("plot_popularity_bias")
    share = names["table"]["popular group"]
    assert share["MF-BPR, negative_power"].is_monotonic_decreasing
    assert share["RP3beta, beta"].is_monotonic_decreasing
    assert len(re.findall("best lists at", out)) == 4


@pytest.mark.slow
def test_halving(run):
    names, out = run("plot_halving")
    assert {len(values) for values in names["scores"].values()} == {4}
    spent = [int(n) for n in re.findall(r"(\d+) in all", out)]
    assert len(spent) == 2
    assert abs(spent[0] - spent[1]) < names["longest"]


@pytest.mark.slow
def test_critical_differences(run):
    names, out = run("plot_critical_differences")
    assert names["over"].ranks.shape == (6, 6)
    assert "none, as SKREC_DATA" in out
    assert names["over"].average_ranks.index[-1] == "popularity"


@pytest.mark.slow
def test_thompson(run):
    names, _ = run("plot_thompson")
    last = {name: curve[:, -1].mean() for name, curve in names["curves"].items()}
    assert min(last["greedy"], last["Thompson"], last["UCB"]) > last["random"]


@pytest.mark.slow
def test_index(run):
    names, out = run("plot_index")
    found = {name: recall for name, _, recall in names["found"]}
    assert found["product"] > 0.99
    assert found["tree"] > 0.99
    if "usearch is not there" not in out:
        assert found["graph, depth 320"] > 0.9


@pytest.mark.slow
def test_adding_a_model(run):
    names, out = run("plot_add_a_model")
    assert "every check has passed" in out
    assert names["table"].loc["the template", "mean"] > names["table"].loc["popularity", "mean"]


@pytest.mark.slow
def test_quickstart_page(run):
    names, _ = run("plot_quickstart")
    assert names["means"]["ndcg@100"].idxmin() == "popularity"


@pytest.mark.slow
def test_all_models(run):
    names, _ = run("plot_all_models")
    assert {*names["lists"], *names["ratings"]} == {name for name, _ in all_estimators()}
    assert all(0 <= score <= 1 for _, score in names["lists"].values())
    assert all(0.3 < score < 1.5 for _, score in names["ratings"].values())
