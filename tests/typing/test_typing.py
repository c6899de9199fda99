"""What a type checker sees: a user's mistakes and only those, and no mistake of our own."""

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
USER_FILE = Path(__file__).with_name("user_file.py")
LISTED = Path(__file__).with_name("untyped_dependencies.csv")
TYPED_BY_VERSION = ("numpy", "pandas", "pyright", "scikit-learn", "scipy", "skorch", "torch")
PYRIGHT = (sys.executable, "-m", "pyright", "--pythonpath", sys.executable)


def run(*args, cwd, **env):
    """Run pyright; return the finished process with its output as text."""
    env = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", **env}
    return subprocess.run(
        [*PYRIGHT, *args], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


def reports(*paths, cwd, **env):
    """Return the errors and warnings that pyright reports in files or folders."""
    done = run("--outputjson", *map(str, paths), cwd=cwd, **env)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["summary"]["filesAnalyzed"] > 0, f"nothing to check in {paths}"
    return [r for r in result["generalDiagnostics"] if r["severity"] != "information"]


def place(report):
    """Return the file of a report, and its line as an editor counts."""
    return Path(report["file"]), report["range"]["start"]["line"] + 1


def shown(found):
    """Return reports as text, one a line."""
    lines = ["{}:{}: {}".format(*place(r), r["message"].splitlines()[0]) for r in found]
    return "\n" + "\n".join(lines)


@pytest.fixture(scope="module")
def _checker():
    if find_spec("pyright") is None:
        pytest.skip("pyright is not installed: no type checker to ask")
    done = run("--version", cwd=ROOT)
    if done.returncode:
        pytest.skip(f"pyright is installed but does not run here (no node?): {done.stderr[-300:]}")


def example_of_the_readme():
    """Return the Python code of the README."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)[0]


@pytest.mark.slow
@pytest.mark.usefixtures("_checker")
def test_mistakes_of_a_user_are_found_and_nothing_else(tmp_path):
    lines = USER_FILE.read_text("utf-8").splitlines()
    wrong = {i for i, line in enumerate(lines, start=1) if "# wrong: " in line}
    assert len(wrong) == 6
    user_file, readme = tmp_path / "user_file.py", tmp_path / "readme.py"
    user_file.write_text("\n".join(lines), encoding="utf-8")
    readme.write_text(example_of_the_readme(), encoding="utf-8")
    # found as an installed package is, not as a folder beside the file: py.typed counts then
    found = reports(user_file, readme, cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert sorted(map(place, found)) == [(user_file, i) for i in sorted(wrong)], shown(found)


def other_versions():
    """Return the installed versions of typed or half-typed packages that are not the pinned."""
    pins = (ROOT / "constraints.txt").read_text("utf-8")
    installed = {name: version(name).partition("+")[0] for name in TYPED_BY_VERSION}
    return [f"{n} {v}" for n, v in installed.items() if f"\n{n}=={v}\n" not in pins]


def listed_below(part):
    """Return how many errors are listed for each rule and file of a part of the package."""
    with open(LISTED, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    counts = {(row["rule"], row["file"]): int(row["count"]) for row in rows}
    assert len(counts) == len(rows), "a rule and file are listed twice"
    assert all(row["why"] for row in rows)
    return Counter({k: n for k, n in counts.items() if Path(k[1]).is_relative_to(part)})


def rule_and_file(report):
    """Return the rule and the file of a report as the list names them."""
    return report.get("rule", "syntax"), place(report)[0].relative_to(ROOT).as_posix()


# a part such as "skrec/utils" can be checked alone while it is worked on
@pytest.mark.slow
@pytest.mark.usefixtures("_checker")
@pytest.mark.parametrize("part", ["skrec"])
def test_package_has_no_error_but_those_listed(part):
    if others := other_versions():
        pytest.skip(f"the list is for the versions of constraints.txt; here are {others}")
    found = [r for r in reports(part, cwd=ROOT) if r["severity"] == "error"]
    counts = Counter(map(rule_and_file, found))
    listed = listed_below(part)
    new = counts - listed
    assert not new, shown(r for r in found if rule_and_file(r) in new)
    assert not listed - counts, "errors that are listed and no longer there"
