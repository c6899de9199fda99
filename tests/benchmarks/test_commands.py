"""Rules for all benchmarks: commands are listed and have help; skrec is used by public names."""

import ast
import importlib
import os
import runpy
from pathlib import Path

import pytest

from benchmarks.cells import keep_rows, keep_study
from benchmarks.commands import FOLDERS, list_commands

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FILES = sorted(BENCHMARKS.rglob("*.py"))


def is_private(name):
    """Return whether a dotted name of skrec has a part with a leading underscore."""
    first, *rest = name.split(".")
    return first == "skrec" and any(part.startswith("_") for part in rest)


def imported_names(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_only_public_names_of_skrec_are_imported():
    assert len(FILES) > 50
    found = {
        f"{file.relative_to(BENCHMARKS)}: {name}"
        for file in FILES
        for name in imported_names(ast.parse(file.read_text("utf-8")))
        if is_private(name)
    }
    assert found == set()


def test_private_names_are_recognised():
    code = "from skrec.reproduce import _store, Store\nimport skrec.nn._rows\nfrom skrec import nn"
    assert [is_private(name) for name in imported_names(ast.parse(code))] == [
        True, False, True, False,
    ]  # fmt: skip


def test_no_file_is_longer_than_300_lines():
    lengths = {file.name: len(file.read_text("utf-8").splitlines()) for file in FILES}
    assert {name: n for name, n in lengths.items() if n > 300} == {}


@pytest.mark.parametrize("command", list_commands())
def test_help_names_the_command(command, capsys):
    module = importlib.import_module(command)
    module = module if hasattr(module, "main") else importlib.import_module(f"{command}.__main__")
    with pytest.raises(SystemExit) as stop:
        module.main(["--help"])
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert f"usage: python -m {command} " in printed
    assert "--" in printed.partition("options:")[2]


def test_the_list_has_every_command_with_a_line(capsys):
    commands = list_commands()
    assert {name.split(".")[1] for name in commands} == set(FOLDERS)
    assert {"benchmarks.quality.run", "benchmarks.claims.convncf", "benchmarks.speed.run"} < set(
        commands
    )
    assert not any("worker" in name or "jobs" in name for name in commands)
    assert all(line.endswith(".") for line in commands.values())
    runpy.run_module("benchmarks", run_name="__main__")
    printed = capsys.readouterr().out.splitlines()
    for name, about in commands.items():
        assert sum(line.split()[:1] == [name] and line.endswith(about) for line in printed) == 1


def test_rows_of_one_study_need_not_have_the_same_columns(tmp_path):
    path = tmp_path / "rows.csv"
    keep_study(path, {"system": "a"}, [{"rmse": 0.1, "like a": 1.0}])
    keep_study(path, {"system": "b"}, [{"rmse": 0.2, "like b": 1.0}])
    keep_study(path, {"system": "c"}, [{"rmse": 0.3}])
    assert path.read_text("utf-8").splitlines() == [
        "system,rmse,like a,like b", "a,0.1,1.0,", "b,0.2,,1.0", "c,0.3,,",
    ]  # fmt: skip
    assert os.listdir(tmp_path) == ["rows.csv"]
    before = path.read_bytes()
    for keep, key, row in (
        (keep_study, {"what": "another file's"}, {"rmse": 0.4}),
        (keep_study, {"system": "a"}, {"epoch": 1}),  # nothing but the key is alike
        (keep_rows, {"system": "a"}, {"rmse": 0.4}),
    ):
        with pytest.raises(ValueError, match="must be a table with the columns"):
            keep(path, key, [row])
    assert path.read_bytes() == before
