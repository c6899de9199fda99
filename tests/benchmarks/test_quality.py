"""The commands on quality, on tiny data only."""

import json
import re
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest

from benchmarks.cells import systems_for
from benchmarks.quality import paired, run, tables
from skrec.reproduce import (
    find_settings,
    find_system,
    list_settings,
    list_systems,
    load_data,
    make_protocol,
    make_system,
)

FAST = ["PopularityRecommender", "EASERecommender"]


def run_quality(tmp_path, *arguments):
    """Run the command on tiny data and return its table."""
    output = tmp_path / "quality.csv"
    run.main(["--smoke", "--output", str(output), *arguments])
    return pd.read_csv(output)


SAMPLED = [f"sampled_{name}@{k}" for name in ("hit_rate", "ndcg") for k in (3, 5, 10, 20)]


@pytest.mark.parametrize(
    ("protocol", "metrics"),
    [
        ("ncf", [*SAMPLED, *(f"warm_{name}" for name in SAMPLED)]),
        ("strong", ["ndcg@100", "ndcg@20", "recall@50", "recall@20", "recall@10"]),
        ("weak", ["recall@20", "ndcg@20"]),
    ],
)
def test_quality_gives_the_metrics_of_the_protocol(tmp_path, protocol, metrics):
    table = run_quality(tmp_path, "--protocol", protocol, "--systems", *FAST)
    for _, rows in table.groupby("system"):
        assert list(rows["metric"]) == metrics
    means = table.pivot(index="metric", columns="system", values="mean")
    assert (means["EASERecommender"] > means["PopularityRecommender"]).all()
    assert (table["std_error"] > 0).all()


def test_quality_runs_every_system_by_its_name(tmp_path):
    table = run_quality(tmp_path, "--protocol", "strong")
    assert set(table["system"]) == set(list_systems())
    assert set(table.loc[table["n_epochs"] == 2, "system"]) >= {"MultVAERecommender"}


def test_a_cell_that_is_there_is_not_run_again(tmp_path, capsys):
    first = run_quality(tmp_path, "--systems", *FAST)
    capsys.readouterr()
    pd.testing.assert_frame_equal(first, run_quality(tmp_path, "--systems", *FAST))
    assert "ncf-synthetic" not in capsys.readouterr().out
    more = run_quality(tmp_path, "--systems", *FAST, "--protocol", "weak")
    assert len(more) == len(first) + 4


def test_seeds_count_only_for_systems_that_have_one(tmp_path):
    table = run_quality(
        tmp_path, "--protocol", "weak", "--seeds", "0", "1",
        "--systems", "EASERecommender", "MultDAERecommender",
    )  # fmt: skip
    n_seeds = table.groupby("system")["seed"].nunique()
    assert n_seeds.to_dict() == {"EASERecommender": 1, "MultDAERecommender": 2}
    summary = tables.quality_table(table).droplevel(["data", "protocol"])
    assert "(" in summary.loc["MultDAERecommender", "ndcg@20"]
    assert "(" not in summary.loc["EASERecommender", "ndcg@20"]


def test_values_of_users_agree_with_the_table_and_between_systems(tmp_path):
    folder = tmp_path / "users"
    table = run_quality(tmp_path, "--systems", *FAST, "--per-user", str(folder))
    arrays = {path.name: dict(np.load(path)) for path in sorted(folder.glob("*.npz"))}
    ease, popularity = arrays.values()
    np.testing.assert_array_equal(ease["user"], popularity["user"])
    mean = table.set_index(["system", "metric"])["mean"]["EASERecommender", "sampled_ndcg@10"]
    assert ease["sampled_ndcg@10"].mean() == pytest.approx(mean)
    assert ease["activity"].shape == ease["user"].shape


def test_unknown_systems_and_data_are_named(tmp_path, capsys):
    for arguments in (["--systems", "Nobody"], ["--data", "nothing"]):
        with pytest.raises(SystemExit):
            run.main([*arguments, "--output", str(tmp_path / "q.csv")])
        assert arguments[1] in capsys.readouterr().err


def test_the_table_tells_where_settings_come_from():
    common = {"metric": "m", "mean": 0.5, "std_error": 0.1, "fit_seconds": 1.0}
    cell = {"data": "ml-1m", "protocol": "ncf", "seed": 0, "split": "given", **common}
    known = {
        name: find_settings(name, "ml-1m", "ncf").parameters
        for name in ("WMF-192", "BPRMFRanker", "NeuMF-paper", "PopularityRecommender")
    }
    other = {"ItemKNNRecommender": {"n_neighbors": 7}}
    rows = [
        {"system": name, "parameters": json.dumps(parameters, sort_keys=True), **cell}
        for name, parameters in {**known, **other}.items()
    ]
    summary = tables.quality_table(pd.DataFrame(rows)).droplevel(["data", "protocol"])
    assert summary["settings"].to_dict() == {
        "WMF-192": "tuned, best of 24",
        "BPRMFRanker": find_settings("BPRMFRanker", "ml-1m", "ncf").text,
        "NeuMF-paper": "published",
        "PopularityRecommender": "defaults",
        "ItemKNNRecommender": "other",
    }


def test_warm_metrics_are_of_users_whose_target_somebody_has_in_training():
    dataset = load_data("synthetic")
    target = dataset.loo_test[0]
    dataset.loo_train = dataset.loo_train[dataset.loo_train.item != target]
    task = make_protocol("ncf").test(dataset)
    values = task.score(find_system("PopularityRecommender")().fit(task.train))
    cold = dataset.loo_test[values.index] == target
    assert cold.any()
    warm = values["warm_sampled_ndcg@10"]
    assert (warm.isna() == cold).all()
    assert (warm[~cold] == values["sampled_ndcg@10"][~cold]).all()


DEPTHS = {
    f"{'H+' * hierarchical}Vamp{'-gated' * gated}-{depth}": (
        "VampVAERecommender",
        {"hierarchical": hierarchical, "gated": gated, "hidden_sizes": (600,) * depth},
    )
    for hierarchical in (False, True)
    for gated in (False, True)
    for depth in (1, 2)
}
NAMED = {
    **DEPTHS,
    "H+Vamp": ("VampVAERecommender", {"hierarchical": True, "gated": False}),
    "MultVAE-1": ("MultVAERecommender", {"gated": False, "hidden_sizes": (600,)}),
    "MultVAE-2": ("MultVAERecommender", {"gated": False, "hidden_sizes": (600, 600)}),
    "MultVAE-gated-1": ("MultVAERecommender", {"gated": True, "hidden_sizes": (600,)}),
    "MultVAE-gated-2": ("MultVAERecommender", {"gated": True, "hidden_sizes": (600, 600)}),
    "WMF-192": ("WMFRecommender", {"n_factors": 192}),
    "MF-192": ("MFClassifier", {"n_factors": 192}),
    "ConvNCF-FISM": ("ConvNCFRanker", {"embedding": "fism"}),
    "ConvNCF-SVD++": ("ConvNCFRanker", {"embedding": "svdpp"}),
    "GeRec-product": ("GeRecClassifier", {"interaction": "product"}),
    "U-AutoRec": ("AutoRecRegressor", {"side": "user"}),
    "I-AutoRec": ("AutoRecRegressor", {"side": "item"}),
    "NeuMF-paper": (
        "NeuMFClassifier",
        {"n_factors": 64, "mlp_factors": 128, "hidden_sizes": (128, 64)},
    ),
    "NAIS-paper": ("NAISClassifier", {"n_factors": 16, "attention_size": 16}),
    "DeepCF-paper": (
        "DeepCFClassifier",
        {
            "n_factors": 256,
            "matching_sizes": (256, 128, 64),
            "representation_sizes": (512, 64),
            "item_sizes": (1024, 64),
        },
    ),
    "ConvNCF-paper": ("ConvNCFRanker", {"n_factors": 64, "n_feature_maps": 32}),
    "GF-CF": ("GraphFilterRecommender", {"filter": "ideal", "degree_power": 0.5}),
    "Turbo-CF": ("GraphFilterRecommender", {"filter": "power"}),
    "ChebyCF": ("GraphFilterRecommender", {"filter": "chebyshev"}),
    "P3alpha": ("RP3betaRecommender", {"beta": 0.0}),
    "EDLAE": ("EASERecommender", {"dropout": 0.25}),
    "SimpleX": ("MFRecommender", {"loss": "ccl", "history": "mean"}),
    "MF-softmax": ("MFRecommender", {"loss": "softmax"}),
    "BPRMF-shared": ("BPRMFRanker", {"shared_negatives": True}),
    "BayesianMF-none": ("BayesianMFRegressor", {"implicit": "none"}),
    "BayesianMF-svdpp": ("BayesianMFRegressor", {"implicit": "svdpp"}),
    "CrossFeedback-no-data": ("CrossFeedbackBMF", {"data_input": False}),
    "CrossFeedback-no-feedback": ("CrossFeedbackBMF", {"cross_feedback": False}),
    "CrossFeedback-no-attention": ("CrossFeedbackBMF", {"attention": None}),
}


def test_recipes_of_papers_run_only_where_they_are_named():
    options = Namespace(systems=None, protocol="ncf")
    recipes = [name for name in NAMED if name.endswith("-paper")]
    chosen = {row.system for row in list_settings(data="ml-1m", protocol="ncf")}
    assert chosen.issuperset(recipes)
    found = systems_for("ml-1m", options)
    assert "NeuMFClassifier" in found
    assert not set(recipes) & set(found)
    assert systems_for("ml-1m", Namespace(systems=recipes, protocol="ncf")) == recipes


def test_every_variant_is_known():
    names = {*list_systems(), *list_systems("explicit")}
    assert {name for name in names if name != find_system(name).__name__} == set(NAMED)


@pytest.mark.parametrize("name", NAMED)
def test_variants_are_settings_of_estimators(name):
    system, parameters = NAMED[name]
    known = find_system(name)().get_params()
    training = {"max_epochs": 3} if "max_epochs" in known else {}
    est = make_system(name, training, seed=1)
    assert type(est).__name__ == find_system(name).__name__ == system
    given = est.get_params()
    assert {key: given[key] for key in parameters} == parameters
    if training:
        assert (given["max_epochs"], given["random_state"]) == (3, 1)


def test_paired_differences_are_those_of_the_users(tmp_path, capsys):
    folder = tmp_path / "users"
    systems = ["PopularityRecommender", "ItemKNNRecommender", "H+Vamp", "H+Vamp-gated-1"]
    run_quality(
        tmp_path, "--protocol", "strong", "--systems", *systems, "--seeds", "0", "1",
        "--per-user", str(folder),
    )  # fmt: skip
    options = [
        "--data",
        "synthetic",
        "--reference",
        "PopularityRecommender",
        "--metrics",
        "ndcg@20",
    ]
    path = tmp_path / "paired.csv"
    paired.main([*options, "--per-user", str(folder), "--output", str(path)])
    table = pd.read_csv(path, index_col="system")
    assert set(table.index) == set(systems)
    values = {
        name: np.mean(
            [np.load(f)["ndcg@20"] for f in sorted(folder.glob(f"strong-synthetic-{name}-50u0-*"))],
            axis=0,
        )
        for name in systems
    }
    for name in systems:
        assert table.loc[name, "mean"] == pytest.approx(values[name].mean())
    assert table.loc[systems, "settings"].tolist() == ["defaults", "defaults", "other", "other"]
    gap = values["ItemKNNRecommender"] - values["PopularityRecommender"]
    row = table.loc["ItemKNNRecommender"]
    assert row["difference"] == pytest.approx(gap.mean())
    assert row["ci_low"] < row["difference"] < row["ci_high"]
    assert row["relative"] == pytest.approx(gap.mean() / values["PopularityRecommender"].mean())
    with pytest.raises(SystemExit, match="--reference must be among"):
        paired.main([*options, "--reference", "SVD", "--per-user", str(folder)])
    best = table["mean"].nlargest(2).index.tolist()
    picture = tmp_path / "ranks.png"
    paired.main([
        *options, "--per-user", str(folder), "--output", str(path), "--top", "2", "--ranks",
        "--plot", str(picture),
    ])  # fmt: skip
    assert pd.read_csv(path)["system"].tolist() == best
    wins = np.sign(values[best[0]] - values[best[1]]).mean() / 2
    ranks = dict(zip(best, (1.5 - wins, 1.5 + wins)))
    printed = capsys.readouterr().out.rpartition("critical difference")[2]
    for name, rank in ranks.items():
        assert re.search(rf"{re.escape(name)} +{rank:.3f}", printed)
    assert picture.exists()


def test_files_of_other_parameters_are_not_averaged(tmp_path):
    folder, systems = tmp_path / "users", ["PopularityRecommender", "MultDAERecommender"]
    options = ["--protocol", "strong", "--systems", *systems, "--per-user", str(folder)]
    run_quality(tmp_path, *options, "--seeds", "0")
    (now,) = folder.glob("strong-synthetic-MultDAERecommender-*-0.npz")
    with np.load(now) as arrays:
        then = {**arrays, "parameters": '{"lr": 1.0}'}
    np.savez(folder / now.name.replace("-0.npz", "-1.npz"), **then)
    options = ["--data", "synthetic", "--reference", systems[0], "--metrics", "ndcg@20"]
    with pytest.raises(SystemExit, match=r"same parameters for MultDAE.*-0\.npz and .*-1\.npz"):
        paired.main([*options, "--per-user", str(folder)])
