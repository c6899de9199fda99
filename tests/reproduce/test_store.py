"""The table of finished cells grows by whole rows, whoever adds them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pandas as pd
import pytest

from skrec.reproduce import Cell, Store, append_rows, find_rows


def test_those_who_make_a_file_at_once_write_one_header(tmp_path):
    n = 8
    for k in range(10):
        path, together = tmp_path / f"{k}.csv", Barrier(n)

        def add(i, path=path, together=together):
            together.wait()
            append_rows(path, [{"system": f"S{i}", "mean": i}, {"system": f"S{i}", "mean": i}])

        with ThreadPoolExecutor(n) as pool:
            list(pool.map(add, range(n)))
        table = pd.read_csv(path)
        assert sorted(table["mean"]) == sorted([*range(n)] * 2)
        assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == []


def test_a_file_that_another_process_was_first_to_make_keeps_its_rows(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    append_rows(path, [{"system": "S", "mean": 1.0}])
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", lambda self: False)  # it was not there a moment ago
        append_rows(path, [{"system": "T", "mean": 2.0}])
    assert pd.read_csv(path)["mean"].tolist() == [1.0, 2.0]


def test_rows_of_other_columns_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    append_rows(path, [{"system": "S", "mean": 1.0}])
    with pytest.raises(ValueError, match=r"columns \['other'\]; got \['system', 'mean'\]"):
        append_rows(path, [{"other": 1}])
    assert len(find_rows(path, {"system": "S"})) == 1


@pytest.mark.parametrize("from_file", [True, False])
def test_a_cell_that_was_run_again_counts_once_as_it_was_last(tmp_path, from_file):
    store = Store(tmp_path / "a.csv")
    cells = [Cell("S", "D", "ncf", seed, "given", {"l2": 1.0}) for seed in (0, 1, 0, 0)]
    for cell, mean in zip(cells, (1.0, 5.0, 2.0, 3.0)):
        rows = [{"metric": metric, "mean": mean * sign} for metric, sign in (("a", 1), ("b", -1))]
        store.add(cell, rows)
    store = Store(tmp_path / "a.csv") if from_file else store
    for found in (store.all_runs(cells[0]), store.last_runs(cells[0]), store.rows(cells)):
        means = found.pivot(index="seed", columns="metric", values="mean")
        assert means.loc[0].tolist() == [3.0, -3.0]
        assert means.loc[1].tolist() == [5.0, -5.0]
        assert len(found) == 4
