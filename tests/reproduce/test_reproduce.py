"""Recipes run on a stand-in of the data's shape, and say what was published."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

import skrec
from skrec.datasets import make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.reproduce import (
    __main__ as command,
)
from skrec.reproduce import (
    find_recipe,
    list_recipes,
    reproduce,
    strong_generalization_parts,
)

# MovieLens-20M has 138,493 users, 26,744 items and 20 million ratings; this is a 250th of it
N_USERS, N_ITEMS, N_RATINGS = 554, 107, 12_000
SMALL = {"max_epochs": 2, "hidden_sizes": (8,), "latent_size": 6, "n_pseudo_inputs": 5}
SMALL |= {"hidden_size": 8, "batch_size": 100, "anneal_steps": 10, "device": "cpu"}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def ratings():
    return make_interactions(
        N_USERS, N_ITEMS, N_RATINGS, n_clusters=4, ratings=True, random_state=0
    ).interactions


@pytest.mark.parametrize("paper", ["evcf", "mult_vae"])
def test_every_row_of_a_recipe_runs(paper, ratings):
    table = reproduce(paper, "ml-20m", interactions=ratings, parameters=SMALL, test_users=60)
    recipe = find_recipe(paper, "ml-20m")
    assert len(table) == len(recipe.systems) * len(recipe.metrics)
    for system in recipe.systems:
        rows = table[table["system"] == system.name].set_index("metric")
        assert list(rows.index) == list(recipe.metrics)
        quoted = rows["published"].dropna()
        assert dict(quoted) == dict(system.published)
        assert rows["ours"].notna().all() == (system.estimator is not None)
    ran = table.dropna(subset=["ours"])
    assert ran["ours"].between(0, 1).all()
    assert (ran["std_error"] > 0).all()
    assert (ran["n_users"] <= 60).all()
    np.testing.assert_allclose(
        table["difference"], table["ours"] - table["published"], equal_nan=True
    )


def test_figures_are_those_of_the_scorer_on_the_same_split(ratings):
    options = {"interactions": ratings, "test_users": 60, "random_state": 3}
    table = reproduce("mult_vae", "ml-20m", systems=["EASE"], **options)
    train, _, test = strong_generalization_parts(ratings, 60, 3)
    metrics = ("recall@20", "recall@50", "ndcg@100")
    expected = make_ranking_scorer(metrics).per_user(
        skrec.EASERecommender(l2=500.0).fit(train), *test
    )
    np.testing.assert_allclose(table["ours"], expected.mean())
    np.testing.assert_allclose(table["std_error"], expected.sem())


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


def test_parameters_reach_the_estimators_that_have_them(ratings, monkeypatch):
    seen = []
    cls = skrec.VampVAERecommender
    monkeypatch.setattr(cls, "fit", lambda self, X: seen.append(self.get_params()) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        reproduce(
            "evcf", "ml-20m", interactions=ratings, systems=["H+Vamp (Gated)"], test_users=60,
            parameters={"lr": 0.123, "no_such": 1}, random_state=7,
        )  # fmt: skip
    (given,) = seen
    assert (given["hierarchical"], given["gated"], given["n_pseudo_inputs"]) == (True, True, 1000)
    assert (given["lr"], given["random_state"]) == (0.123, 7)
    assert given["validation_data"] is not None


def test_jobs_give_the_same_table(ratings):
    options = {"interactions": ratings, "parameters": SMALL, "test_users": 60}
    one, two = (
        reproduce("evcf", "ml-20m", systems=["CDAE", "Vamp"], n_jobs=n, **options) for n in (1, 2)
    )
    pd.testing.assert_frame_equal(one, two)


def test_settings_are_parameters_of_their_estimators():
    for recipe in list_recipes():
        for system in recipe.systems:
            if system.estimator is not None:
                names = getattr(skrec, system.estimator)().get_params()
                assert set(system.parameters) <= set(names), system.name
            assert set(system.published) <= set(recipe.metrics)


def test_beta_reaches_its_cap_after_a_hundred_epochs_of_the_papers_users():
    (vamp,) = (s for s in find_recipe("evcf", "ml-20m").systems if s.name == "Vamp")
    batches = int(np.ceil((136_677 - 20_000) / vamp.parameters["batch_size"]))
    steps = vamp.parameters["anneal_steps"] * vamp.parameters["beta"]
    assert steps == pytest.approx(100 * batches, abs=1)


def test_unknown_recipes_and_systems_are_errors(ratings):
    with pytest.raises(ValueError, match=r"paper and data must be among .*got \('evcf', 'ml-1b'\)"):
        reproduce("evcf", "ml-1b")
    with pytest.raises(ValueError, match=r"systems must be among .*got \['SVD'\]"):
        reproduce("evcf", "ml-20m", interactions=ratings, systems=["SVD"])


def test_the_package_is_the_function(ratings):
    table = skrec.reproduce(
        "mult_vae", "ml-20m", interactions=ratings, systems=["WMF"], test_users=60
    )
    assert table["ours"].isna().all()
    assert table["published"].notna().all()


def test_the_command_lists_recipes(capsys):
    command.main(["--list"])
    assert "evcf ml-20m: table 4-2" in capsys.readouterr().out
    done = subprocess.run(
        [sys.executable, "-m", "skrec.reproduce"], capture_output=True, text=True, check=True
    )
    assert "mult_vae ml-20m: table 2" in done.stdout


def test_the_command_writes_a_table(monkeypatch, tmp_path, ratings, capsys):
    module = sys.modules["skrec.reproduce._run"]
    monkeypatch.setattr(module, "_load", lambda data, data_home: ratings)
    path = tmp_path / "table.csv"
    arguments = ["mult_vae", "ml-20m", "--systems", "EASE", "--test-users", "60"]
    command.main([*arguments, "--output", str(path), "--parameters", '{"l2": 10}'])
    assert "EASE" in capsys.readouterr().out
    assert len(pd.read_csv(path)) == 3


def test_the_command_reports_errors(capsys):
    with pytest.raises(SystemExit):
        command.main(["evcf", "ml-1b"])
    assert "paper and data must be among" in capsys.readouterr().err
