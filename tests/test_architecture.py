"""The rules of the house: style, layers, dependencies, and what a new model must bring."""

import csv
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as main; main()"
RUNTIME = {"joblib", "narwhals", "numba", "numpy", "pandas", "scikit-learn", "scipy"}
RUNTIME |= {"skorch", "torch", "tqdm"}
TORCH_PACKAGES = ["torch", "skorch"]

BLOCK_TORCH = f"""
import sys

class Broken:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {TORCH_PACKAGES}:
            raise ImportError("torch is broken here: " + name)

sys.meta_path.insert(0, Broken())
"""

TORCH_FREE = (
    "EASERecommender",
    "GraphFilterRecommender",
    "InfiniteAERecommender",
    "ItemKNNRecommender",
    "PopularityRecommender",
    "RP3betaRecommender",
    "SLIMRecommender",
    "UserKNNRecommender",
)
USE_TORCH_FREE = f"""
import numpy as np
import skrec

X = np.triu(np.ones((8, 8)))
for name in {TORCH_FREE}:
    top = getattr(skrec, name)().fit(X).recommend(X[2:], n_items=2)
    assert top.shape == (6, 2), (name, top.shape)
ease = skrec.BlendedRecommender([("ease", skrec.EASERecommender())]).fit(X)
assert ease.recommend(X[2:], n_items=2).shape == (6, 2)
"""


def python(*args):
    """Run Python in the checkout; return the finished process with its output as text."""
    return subprocess.run(
        [sys.executable, *args], cwd=ROOT, capture_output=True, text=True, check=False
    )


def source_files():
    """Return every Python file of the project."""
    folders = ("skrec", "tests", "benchmarks", "examples", "docs")
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def requirement_name(requirement):
    """Return the bare name in a requirement such as ``numpy>=2.0``."""
    return re.match(r"[A-Za-z0-9_-]+", requirement)[0].lower()


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "ruff", "check", "."),
        ("-m", "ruff", "format", "--check", "."),
        ("-c", LINT_IMPORTS, "--no-cache"),
    ],
    ids=["lint", "format", "import-contracts"],
)
def test_tool_finds_nothing(command):
    done = python(*command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_import_skrec_does_not_import_torch():
    code = f"import sys, skrec; print([m for m in {TORCH_PACKAGES} if m in sys.modules])"
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_works_where_torch_is_broken():
    done = python("-W", "error", "-c", BLOCK_TORCH + USE_TORCH_FREE)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", TORCH_PACKAGES)
def test_broken_torch_is_really_broken(package):
    done = python("-c", BLOCK_TORCH + f"import {package}")
    assert "torch is broken here" in done.stderr


def test_no_file_is_longer_than_500_lines():
    lengths = {f.relative_to(ROOT): len(f.read_text("utf-8").splitlines()) for f in source_files()}
    assert lengths
    assert {name: n for name, n in lengths.items() if n > 500} == {}


def test_models_csv_is_all_estimators():
    from skrec.testing import all_estimators

    with open(ROOT / "docs" / "models.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [*table[0]] == ["name", "family", "fold_in", "proba", "feedback", "source"]
    assert all(row["source"] for row in table)
    written = {tuple(row.values())[:-1] for row in table}
    assert written == {model_row(name, cls) for name, cls in all_estimators()}
    assert len(written) == len(table)


def model_row(name, cls):
    """Return what the table of models must say of an estimator: name, family and tags."""
    tags = cls().__sklearn_tags__()
    return name, cls.__module__.split(".")[1], tags.fold_in, tags.proba, tags.feedback


def test_every_nn_module_has_its_oracle():
    files = (ROOT / "skrec" / "nn").glob("*.py")
    modules = {f.stem for f in files if not f.stem.startswith("_")}  # kernels serve a module
    assert modules, "no modules found in skrec/nn"
    tests = {f.stem.removeprefix("test_") for f in (ROOT / "tests" / "nn").glob("test_*.py")}
    assert modules - tests == set()


def test_every_public_name_is_there():
    import skrec

    assert [name for name in skrec.__all__ if not hasattr(skrec, name)] == []


def test_runtime_dependencies_are_those_named():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = [requirement_name(r) for r in project["dependencies"]]
    assert sorted(names) == sorted(RUNTIME)
    assert project["requires-python"] == ">=3.11"


def test_every_dependency_is_pinned_to_a_plain_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pins = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in pins if not line.startswith("#")]
    assert [p for p in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", p)] == []
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(r for extra in extras for r in extra)]
    pinned = {pin.partition("==")[0].lower() for pin in pins}
    assert {requirement_name(r) for r in wanted} - pinned == set()


def test_package_version_is_the_projects():
    import skrec

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert skrec.__version__ == project["version"]


def test_ci_runs_the_test_command_of_the_readme():
    readme = (ROOT / "README.md").read_text("utf-8")
    first, second = re.findall(r"^python3 -m venv .*$", readme, flags=re.MULTILINE)
    shown = subprocess.run(
        [ROOT / ".ci" / "run", "--show"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == second
    assert "examples/quickstart.py" in first
    assert "pytest" in second
