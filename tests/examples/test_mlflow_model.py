"""The example with MLflow, on made-up data and a folder of runs."""

import runpy
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "examples" / "mlflow_model.py"


def test_without_mlflow_it_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(PATH), run_name="__main__")
    assert not stop.value.code
    assert 'pip install "sklearn-recommenders[mlflow]"' in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Hint. Inferred schema contains integer:UserWarning")
@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")
@pytest.mark.filterwarnings("ignore:Operation with range is deprecated")  # in MLflow
@pytest.mark.parametrize("named", [False, True], ids=["made up", "ml-100k"])
def test_a_logged_model_gives_the_same_lists(named, monkeypatch, capsys, data_home):
    mlflow = pytest.importorskip("mlflow", reason="the example logs to MLflow")
    if named and not (data_home / "ml-100k").is_dir():
        pytest.skip(f"no ml-100k in {data_home}")
    monkeypatch.setenv("SKREC_DATA", str(data_home) if named else "")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "")  # put back afterwards
    before = mlflow.get_tracking_uri()
    try:
        lists, wanted, files = runpy.run_path(str(PATH))["main"]()
    finally:
        mlflow.set_tracking_uri(before)
    assert lists.equals(wanted)
    assert list(lists) == ["user", "rank", "item", "title", "score"]
    assert lists["rank"].tolist() == [1, 2, 3]
    assert "ease.safetensors" in files
    assert not [name for name in files if name.endswith((".pkl", ".pickle"))]
    out = capsys.readouterr().out
    assert "the same lists as before: True" in out
    assert '"ndcg@10"' in out
