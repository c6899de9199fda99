"""The commands on claims, on tiny data only; those with files of their own left out."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmarks.claims import (
    activity,
    calibration,
    convncf,
    convncf_variants,
    curve,
    fold_in,
    gerec_sweeps,
)
from benchmarks.quality.page import make_page
from skrec.reproduce import find_system, load_data, make_protocol, make_system

TINY = ["--smoke", "--factors", "4", "--seeds", "0", "1"]


def test_activity_writes_a_table_and_a_figure(tmp_path):
    output = tmp_path / "activity.csv"
    activity.main(["--smoke", "--output", str(output), "--per-user", str(tmp_path / "users")])
    table = pd.read_csv(output)
    assert set(table["system"]) == {"MultVAERecommender", "MultDAERecommender"}
    assert {"quintile", "mean", "std_error", "t_pvalue"} <= set(table)
    assert (tmp_path / "activity.png").read_bytes().startswith(b"\x89PNG")


def test_calibration_has_a_ratio_of_all_users_and_of_each_quintile(tmp_path):
    output, names = tmp_path / "calibration.csv", ["EASE", "ItemKNN", "UserKNN", "BPR"]
    calibration.main(["--smoke", "--output", str(output), "--only", *names])
    table = pd.read_csv(output, index_col=["data", "system"])
    assert list(table.index.get_level_values("system")) == names
    assert table.shape == (4, 6)
    assert table["all"].between(0.67, 1.5).all()


def test_every_variant_can_be_made():
    for system, parameters, twin in convncf_variants.VARIANTS.values():
        parameters = {} if parameters is None else parameters
        assert set(parameters) <= set(find_system(system)().get_params())
        assert twin in (None, *convncf_variants.TWINS)


def test_claims_are_about_variants():
    for pair in convncf_variants.CLAIMS.values():
        assert set(pair) <= set(convncf_variants.VARIANTS)


def test_claims_are_paired_by_seed_and_cells_are_kept(tmp_path, capsys, monkeypatch):
    few = {"max_epochs": 2}
    monkeypatch.setitem(convncf_variants.TWINS, "mf", ("BPRMFRanker", {"l2": 0.02, **few}))
    for name in ("GMF", "ConvNCF-MF, 4 maps"):
        system, parameters, twin = convncf_variants.VARIANTS[name]
        short = (system, {**parameters, **few}, twin)
        monkeypatch.setitem(convncf_variants.VARIANTS, name, short)
    options = [*TINY, "--output", str(tmp_path / "claims.csv")]
    options += ["--variants", "MF-BPR", "GMF", "ConvNCF-MF, 4 maps"]
    convncf.main(options)
    table = pd.read_csv(tmp_path / "claims.csv")
    assert len(table) == 3 * 2 * 16
    first = capsys.readouterr().out
    convncf.main(options)
    assert len(pd.read_csv(tmp_path / "claims.csv")) == len(table)
    assert capsys.readouterr().out in first


def test_verdicts_are_differences_over_seeds():
    index = pd.MultiIndex.from_product([["ConvNCF-MF", "MF-BPR"], [0, 1]])
    values = pd.DataFrame({"m": [0.5, 0.7, 0.4, 0.5]}, index=index.set_names(["variant", "seed"]))
    row = convncf.verdicts(values).loc["ConvNCF-MF beats its twin"]
    assert row["difference", "m"] == pytest.approx(0.15)
    assert row["std_error", "m"] == pytest.approx(0.05)
    assert row["z", "m"] == pytest.approx(3.0)


def test_fold_in_compares_both_ways(tmp_path, monkeypatch):
    monkeypatch.setitem(fold_in._DEFAULTS, "n_factors", 8)
    path = tmp_path / "fold_in.csv"
    options = ["--data", "synthetic", "--systems", "BPRMFRanker", "--users", "20"]
    fold_in.main([*options, "--output", str(path)])
    row = pd.read_csv(path).iloc[0]
    assert 0.5 < row["overlap@10"] <= 1
    assert 0.8 < row["spearman"] <= 1


def test_a_sweep_has_a_row_a_value(tmp_path, capsys):
    gerec_sweeps.main(["--smoke", "--output", str(tmp_path / "sweeps.csv")])
    table = pd.read_csv(tmp_path / "sweeps.csv")
    assert list(table["parameter"]) == ["n_factors", "n_factors", "n_draws", "n_draws", "n_filters"]
    assert {"sampled_hit_rate@10", "sampled_ndcg@10"} <= set(table)
    gerec_sweeps.main(["--smoke", "--scratch", "--output", str(tmp_path / "scratch.csv")])
    assert set(pd.read_csv(tmp_path / "scratch.csv")["start"]) == {"random"}


@pytest.mark.parametrize("protocol", ["ncf", "weak"])
def test_a_curve_ends_when_the_time_is_over(tmp_path, protocol):
    path = tmp_path / "curve.csv"
    options = ["--data", "synthetic", "--system", "BPRMFRanker", "--minutes", "1e-9"]
    curve.main([*options, "--protocol", protocol, "--output", str(path)])
    text = make_page(tmp_path / "none.csv", data_home=tmp_path)
    limit = "1000 | " if protocol == "ncf" else ""
    assert f"| BPRMFRanker | synthetic | {limit}best by validation |" in text
    assert list(pd.read_csv(path)["epoch"]) == [0, 1]
    lines = pd.read_csv(tmp_path / "curve_summary.csv")
    assert list(lines["which"]) == ["start", "best by validation", "mean of the last ten"]


def test_each_epoch_is_scored_on_both_lists(tmp_path, capsys):
    paths = [tmp_path / "a" / "curve.csv", tmp_path / "b" / "curve.csv"]
    for path in paths:
        path.parent.mkdir()
        curve.main(["--smoke", "--system", "ConvNCFRanker", "--output", str(path)])
    tables = [pd.read_csv(path).drop(columns="minutes") for path in paths]
    assert list(tables[0]["epoch"]) == [0, 1, 2]
    pd.testing.assert_frame_equal(*tables)
    assert "mean of the last ten" in capsys.readouterr().out


def test_a_curve_that_is_there_is_not_trained_again(tmp_path, capsys):
    path, beside = tmp_path / "curve.csv", tmp_path / "curve_summary.csv"
    options = ["--data", "synthetic", "--system", "BPRMFRanker", "--output", str(path)]
    curve.main([*options, "--epochs", "2"])
    rows, lines = path.read_text("utf-8"), beside.read_text("utf-8")
    first = capsys.readouterr().out
    curve.main([*options, "--epochs", "2"])
    assert (path.read_text("utf-8"), beside.read_text("utf-8")) == (rows, lines)
    assert first.endswith(capsys.readouterr().out)
    beside.unlink()  # as after a training that was killed
    curve.main([*options, "--epochs", "2"])
    assert (path.read_text("utf-8"), beside.read_text("utf-8")) == (rows, lines)
    pd.read_csv(path).assign(minutes=5.0).to_csv(path, index=False)
    for more, epochs in (("4", [0, 1, 2]), ("6", [0, 1, 2, 0, 1, 2, 3])):
        table = pd.read_csv(path)
        table["parameters"] = table["parameters"].str.replace('"max_epochs": 2', '"max_epochs": 3')
        table.to_csv(path, index=False)
        curve.main([*options, "--epochs", "3", "--minutes", more])
        assert list(pd.read_csv(path)["epoch"]) == epochs


def test_the_last_ten_are_epochs_however_many_rows_they_have():
    epochs = [0, *range(3, 31, 3)]
    names = ["validation sampled_ndcg@10", "test sampled_hit_rate@10", "test sampled_ndcg@10"]
    table = pd.DataFrame({"protocol": "ncf", "epoch": epochs, **{n: epochs for n in names}})
    last = curve.summary(table).loc["mean of the last ten"]
    assert last.tolist() == [np.mean([21, 24, 27, 30])] * 4
    last = curve.summary(table[:3]).loc["mean of the last ten"]
    assert last.tolist() == [np.mean([3, 6])] * 4


def test_what_is_scored_in_training_is_the_model(tmp_path):
    path = tmp_path / "curve.csv"
    options = ["--data", "synthetic", "--system", "NeuMFClassifier", "--epochs", "3"]
    options += ["--parameters", '{"pretrain": "halves", "n_factors": 4, "hidden_sizes": [4]}']
    curve.main([*options, "--every", "3", "--output", str(path)])
    protocol, data = make_protocol("ncf"), load_data("synthetic")
    task = protocol.tuning(data)
    parameters = curve._cell(curve._make_parser().parse_args(options)).parameters
    model = make_system("NeuMFClassifier", parameters, 0)
    value = task.score(model.fit(task.train))["sampled_ndcg@10"].mean()
    table = pd.read_csv(path)
    assert list(table["epoch"]) == [0, 3]
    assert table["validation sampled_ndcg@10"].iloc[-1] == pytest.approx(value, rel=1e-6)
    lines = pd.read_csv(tmp_path / "curve_summary.csv").set_index("which")
    assert list(lines.index[:2]) == ["pretrained GMFClassifier", "pretrained NCFMLPClassifier"]
    kept = [lines.loc[f"pretrained {type(start).__name__}"] for start in model.pretrained_]
    for start, line in zip(model.pretrained_, kept, strict=True):
        value = task.score(start)["sampled_ndcg@10"].mean()
        assert line["validation sampled_ndcg@10"] == pytest.approx(value, rel=1e-6)


def test_two_starts_of_one_class_are_two_lines(tmp_path):
    options = ["--smoke", "--system", "DeepCFClassifier", "--parameters", '{"pretrain": "auto"}']
    curve.main([*options, "--output", str(tmp_path / "curve.csv")])
    lines = pd.read_csv(tmp_path / "curve_summary.csv")["which"]
    assert lines.str.startswith("pretrained").sum() == 2
    assert lines.is_unique
    text = make_page(tmp_path / "none.csv", data_home=tmp_path)
    for n in (1, 2):
        assert f"| pretrained DeepCFClassifier {n} |" in text


def test_the_graph_is_followed_on_lists_of_all_items(tmp_path):
    path, values = tmp_path / "curve.csv", '{"n_factors": 4, "batch_size": 512}'
    options = ["--data", "synthetic", "--system", "LightGCNRanker", "--protocol", "weak"]
    options += ["--epochs", "2", "--parameters", values]
    curve.main([*options, "--output", str(path)])
    task = make_protocol("weak").tuning(load_data("synthetic"))
    parameters = curve._cell(curve._make_parser().parse_args(options)).parameters
    model = make_system("LightGCNRanker", parameters, 0)
    value = task.score(model.fit(task.train))["ndcg@20"].mean()
    table = pd.read_csv(path)
    assert list(table["epoch"]) == [0, 1, 2]
    assert table["validation ndcg@20"].iloc[-1] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(("epochs", "right"), [([], None), (["--epochs", "2"], "linear")])
def test_a_rate_falls_over_the_epochs_that_are_asked_for(epochs, right, tmp_path, monkeypatch):
    falling = SimpleNamespace(parameters={"lr_decay": "linear"})
    monkeypatch.setattr(curve, "find_settings", lambda *key: falling)
    path = tmp_path / "curve.csv"
    options = ["--smoke", "--system", "GMFClassifier", "--output", str(path), *epochs]
    curve.main([*options, "--data", "synthetic"])
    (parameters,) = {json.loads(text)["lr_decay"] for text in pd.read_csv(path)["parameters"]}
    assert parameters == right
