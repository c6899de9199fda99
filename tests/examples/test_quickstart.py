"""The quickstart, in few epochs."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skrec.datasets import make_interactions

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "quickstart.py"
PNG = b"\x89PNG\r\n\x1a\n"
FEW = ["--epochs", "2"]


@pytest.fixture(scope="module")
def quickstart():
    spec = importlib.util.spec_from_file_location("quickstart", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(quickstart, capsys, tmp_path, monkeypatch):
    """Return a function that runs the script in an empty folder and returns what it prints."""
    monkeypatch.chdir(tmp_path)

    def main(*args):
        quickstart.main([*FEW, *map(str, args)])
        return capsys.readouterr().out

    return main


@pytest.fixture
def plays(tmp_path):
    """Return a CSV file of 60 users with plays of named songs, rated 1 to 5."""
    data = make_interactions(60, 40, 900, n_clusters=2, ratings=True, random_state=0)
    pairs = data.interactions
    songs = np.array([f"song {chr(65 + c)}{i}" for i, c in enumerate(data.item_clusters)])
    table = pd.DataFrame(
        {"customer": pairs.user, "song id": songs[pairs.item], "stars": pairs.value.astype(int)}
    )
    path = tmp_path / "plays.csv"
    table.to_csv(path, index=False)
    return path


def values(out, name):
    """Return mean and standard error of the metrics of a system, in the order of the table."""
    line = re.search(rf"^{name}\s.*±.*$", out, flags=re.MULTILINE)[0]
    return [float(x) for x in re.findall(r"\d\.\d{4}", line)]


def recommendations(out):
    """Return the probabilities and titles of the recommendations."""
    found = re.findall(r"^ {2}[ +] +(0\.\d{4}) {2}(.+)$", out, flags=re.MULTILINE)
    return [(float(proba), title) for proba, title in found]


@pytest.mark.slow
def test_the_command_trains_with_a_progress_bar(tmp_path):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, SCRIPT, *FEW, "--output", "curve.png"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "100%" in done.stderr
    assert "valid_ndcg@100=" in done.stderr
    assert "2,000 users, 500 items, 60,000 interactions" in done.stdout
    assert len(recommendations(done.stdout)) == 10
    assert (tmp_path / "curve.png").read_bytes().startswith(PNG)


def test_synthetic_data_and_taste(run, tmp_path):
    out = run()
    popularity, ease = values(out, "ItemPop"), values(out, "EASE")
    assert [len(values(out, name)) for name in ("ItemPop", "EASE", "Mult-VAE")] == [4, 4, 4]
    assert ease[0] > popularity[0] + 0.2
    assert all(0 < error < 0.05 for error in popularity[1::2])
    clusters = re.findall(r"item \d+ \(cluster (\d)\)", out)
    assert len(clusters) == 20
    assert (tmp_path / "learning_curve.png").read_bytes().startswith(PNG)


def test_training_learns_taste(quickstart, run):
    out = run("--epochs", 8)
    assert values(out, "Mult-VAE")[0] > values(out, "ItemPop")[0] + 0.2


def test_recommendations_are_new_and_have_probabilities(run):
    out = run("--seed", 1)
    history = re.search(r"has (\d+) items, such as\n((?:  .*\n)+)", out)[2].split("\n")
    shown = {line.strip() for line in history if line}
    probas, titles = zip(*recommendations(out))
    assert len(set(titles)) == 10
    assert shown.isdisjoint(titles)
    assert list(probas) == sorted(probas, reverse=True)
    assert sum(probas) < 1


def test_same_seed_same_output(run):
    first = run("--max-users", 300)
    assert run("--max-users", 300) == first
    assert run("--max-users", 300, "--seed", 5) != first


def test_own_file(run, plays):
    out = run("--data", plays, "--item", "song id")
    matrix = pd.read_csv(plays).query("stars >= 4").groupby("customer").size()
    n_users = int((matrix >= 5).sum())
    assert re.search(rf"^{n_users} users, \d+ items, \d+ interactions$", out, flags=re.MULTILINE)
    titles = [title for _, title in recommendations(out)]
    assert len(titles) == 10
    assert all(title.startswith("song ") for title in titles)


def test_own_file_without_header(run, plays):
    table = pd.read_csv(plays)
    table.to_csv(plays, index=False, header=False, sep="\t")
    options = ["--user", 0, "--item", 1, "--rating", 2, "--threshold", 1]
    assert "60 users, 40 items, 900 interactions" in run("--data", plays, *options)


def test_threshold_and_number_of_users(run, plays):
    out = run("--data", plays, "--item", "song id", "--threshold", 0, "--max-users", 50)
    assert "50 of 60 users are drawn (--max-users)" in out
    assert "\n50 users, " in out


@pytest.fixture
def refused(quickstart, capsys, tmp_path, monkeypatch):
    """Return a function that runs what must end in one line and status 2 before it trains."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(quickstart, "fit_all", lambda *_: pytest.fail("it has trained"))

    def main(*args):
        with pytest.raises(SystemExit) as stop:
            quickstart.main([*map(str, args)])
        printed = capsys.readouterr().err
        assert stop.value.code == 2
        assert printed.count("\n") == 1
        return printed

    return main


def test_too_little_data_is_said(refused, plays):
    said = refused("--data", plays, "--item", "song id", "--threshold", 6)
    assert re.search(r"error: 0 users have 5 interactions .* of 6 or more count", said)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-users", -3], r"--max-users: must be an integer from 1 to 2\*\*32 - 1; got -3"),
        (["--max-users", 0], "--max-users: must be"),
        (["--epochs", "1.5"], r"--epochs: must be an integer from 1 to 2\*\*32 - 1; got 1.5"),
        (["--seed", -1], r"--seed: must be an integer from 0 to 2\*\*32 - 1; got -1"),
        (["--threshold", "nan"], "--threshold must be a finite number; got nan"),
        (["--data", "ml-3m"], "--data must be a file, or one of ml-100k, .*; got 'ml-3m'"),
        (["--data", "ml-1m", "--sep", ";"], "--sep are for a file of yours"),
        (["--user", "who"], "--user are for a file of yours"),
        (["--output", "no/such/folder.png"], "--output must be a file in a folder that is there"),
        (["--output", "."], "--output must be a file in"),
        (["--output", "curve.xyz"], "--output must end in one of .*png.*; got curve.xyz"),
        (["--no-such-option"], "unrecognized arguments"),
    ],
)
def test_bad_options_are_one_line(refused, options, message):
    assert re.search(message, refused(*options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rating", "what"], r"rating must be a column of .*plays.csv.*'what'"),
        (["--item", "song id", "--user", "who"], "user must be a column of .*'who'"),
        (["--item", "song id", "--encoding", "klingon"], "encoding must be a name"),
        (["--item", "song id", "--sep", ";"], "sep=';' separates nothing there"),
        (["--user", 0], "must all be positions"),
    ],
)
def test_bad_data_is_one_line(refused, plays, options, message):
    assert re.search(message, refused("--data", plays, *options))


def test_a_folder_that_cannot_be_written_is_found_before_training(refused, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "--output must be a file that can be written" in refused()


def test_options_of_a_file(quickstart, tmp_path, plays):
    table = pd.read_csv(plays).assign(time=5)
    text = table.to_csv(index=False, header=False, sep="\t")
    plays.write_bytes(text.replace("song", "sông").encode("latin-1"))
    columns = ["--user", "0", "--item", "1", "--rating", "none", "--timestamp", "3"]
    file = ["--data", str(plays), "--sep", "\\t", "--encoding", "latin-1"]
    X, titles = quickstart.load(quickstart.make_parser().parse_args([*file, *columns]))
    assert X.nnz == 900
    assert all(title.startswith("sông ") for title in titles)


def test_large_catalogues_do_without_ease(quickstart, run, monkeypatch):
    monkeypatch.setattr(quickstart, "MAX_ITEMS_OF_EASE", 100)
    out = run("--max-users", 300)
    assert "EASE is left out: 499 items" in out
    assert "\nEASE  " not in out


def test_large_data_is_drawn_from(quickstart, run, monkeypatch):
    monkeypatch.setattr(quickstart, "MAX_CELLS", 100_000)
    assert "200 of 2,000 users are drawn" in run()


def test_epochs_follow_the_size_of_the_data(quickstart, monkeypatch):
    seen = {}

    class Recorder:
        def __init__(self, **params):
            seen.update(params)

        def fit(self, X):
            return self

    class Rows:
        def __init__(self, *shape):
            self.shape = shape

    monkeypatch.setattr(quickstart, "MultVAERecommender", Recorder)
    epochs = []
    for shape in [(1000, 500), (5000, 3500), (5000, 40_000)]:
        quickstart.fit_mult_vae(Rows(*shape), None, quickstart.make_parser().parse_args([]))
        epochs.append(seen["max_epochs"])
    assert epochs == [100, 57, 10]


def test_without_matplotlib_there_is_no_curve(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    out = run("--max-users", 200)
    assert "matplotlib is missing" in out
    assert list(tmp_path.iterdir()) == []


def test_named_data_set(run, data_home, monkeypatch):
    if not (data_home / "ml-100k").is_dir():
        pytest.skip(f"no ml-100k in {data_home}")
    monkeypatch.setenv("SKREC_DATA", str(data_home))
    out = run("--data", "ml-100k")
    assert "938 users, 1,447 items, 55,361 interactions" in out
    assert values(out, "EASE")[0] == pytest.approx(0.46, abs=0.04)
    assert any(re.search("[A-Z][a-z]{2}", title) for _, title in recommendations(out))
