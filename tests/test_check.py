"""Which ``skrec`` is imported, and what is said where another library's is there too."""

import re
import subprocess
import sys
import tomllib
from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path

import pytest

import skrec
from skrec import check

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
FILES = {"skrec/__init__.py": "ours", "skrec/linear/__init__.py": "linear"}


@pytest.fixture
def site(tmp_path):
    """Return a function that installs a distribution into an empty folder, and lists all of it."""

    def install(name, files=FILES, version="1.0", requires=()):
        info = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {r}" for r in requires]
        (info / "METADATA").write_text("\n".join(lines), "utf-8")
        record = [f"{info.name}/METADATA,,", f"{info.name}/RECORD,,"]
        for file, text in files.items():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(text, "utf-8")
            digest = urlsafe_b64encode(sha256(text.encode()).digest()).decode().rstrip("=")
            record.append(f"{file},sha256={digest},{len(text)}")
        (info / "RECORD").write_text("\n".join(record), "utf-8")
        return list(distributions(path=[str(tmp_path)]))

    return install


def wrongs(findings):
    """Return the texts of what is wrong."""
    return [finding.text for finding in findings if finding.wrong]


def test_the_name_is_that_of_the_project():
    assert PROJECT["name"] == check.DISTRIBUTION
    assert not check.DISTRIBUTION.startswith("skrec")  # another library has that name


def test_nothing_is_wrong_with_ours_alone(site):
    found = site(check.DISTRIBUTION)
    assert list(check.owners(found)) == [check.DISTRIBUTION]
    assert wrongs(check.check_package(found)) == []
    assert "installed by sklearn-recommenders 1.0" in [f.text for f in check.check_package(found)]


def test_a_source_tree_is_nothing_wrong(site):
    found = site("numpy", {"numpy/__init__.py": ""})
    assert check.owners(found) == {}
    assert wrongs(check.check_package(found)) == []


@pytest.mark.parametrize("ours_last", [True, False])
def test_two_libraries_are_wrong(site, ours_last):
    names = ["scikit-rec", check.DISTRIBUTION]
    for name in names if ours_last else names[::-1]:
        found = site(name, {**FILES, "skrec/__init__.py": name})
    findings = list(check.check_package(found))
    wrong = wrongs(findings)
    assert wrong[0].startswith("scikit-rec installs a package skrec too")
    assert ["skrec/__init__.py" in text for text in wrong[1:]] == ([] if ours_last else [True])
    assert "run `pip uninstall scikit-rec sklearn-recommenders`" in findings[-1].text


def test_what_is_replaced_or_gone_is_wrong(site, tmp_path):
    found = site(check.DISTRIBUTION)
    (tmp_path / "skrec" / "__init__.py").write_text("theirs", "utf-8")
    (tmp_path / "skrec" / "linear" / "__init__.py").unlink()
    (wrong,) = wrongs(check.check_package(found))
    assert "replaced since sklearn-recommenders was installed" in wrong
    assert wrong.endswith("skrec/__init__.py and 1 more")


def test_an_init_of_somebody_else_is_wrong(site, monkeypatch):
    monkeypatch.setattr(skrec, "__all__", ["Recommender"])
    (wrong,) = wrongs(check.check_package(site("numpy", {})))
    assert "skrec/__init__.py is missing or not that of sklearn-recommenders" in wrong


def test_old_and_missing_dependencies_are_wrong(site):
    requires = ["numpy>=999.1", "no-such-thing>=1.0", "pandas>=0.1", 'sphinx>=999; extra == "docs"']
    found = site(check.DISTRIBUTION, requires=requires)
    assert check.floors(found) == {"numpy": "999.1", "no-such-thing": "1.0", "pandas": "0.1"}
    old, missing = wrongs(check.check_dependencies(found))
    assert re.fullmatch(r"numpy \S+ \(999.1 or newer is needed\)", old)
    assert missing == "no-such-thing is not installed; no-such-thing>=1.0 is needed"


def test_floors_of_a_source_tree_are_those_of_the_project(site):
    found = check.floors(site("numpy", {}))
    assert [f"{name}>={floor}" for name, floor in found.items()] == PROJECT["dependencies"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("1.9", "1.10"), ("2.2.1", "2.2.2"), ("2", "2.0.1"), ("1.26.4", "2.0"), ("1.0rc1", "1.1")],
)
def test_versions_have_an_order(old, new):
    assert check.release(old) < check.release(new)


def test_what_does_not_count_in_a_version():
    assert check.release("2.13.0+cpu") == check.release("2.13") == (2, 13)


def test_a_broken_torch_is_wrong(monkeypatch):
    def broken(name):
        raise OSError(f"{name}: no such library")

    monkeypatch.setattr(check, "import_module", broken)
    finding = check.check_torch()
    assert finding.wrong
    assert "torch cannot be imported (OSError: torch: no such library)" in finding.text


def test_the_exit_code_says_whether_something_is_wrong(site, monkeypatch, capsys):
    found = site(check.DISTRIBUTION)
    monkeypatch.setattr(check, "distributions", lambda: found)
    assert check.main() == 0
    assert capsys.readouterr().out.endswith("nothing is wrong: this is sklearn-recommenders\n")
    found = site("scikit-rec", {"skrec/split.py": ""})
    assert check.main() == 1
    assert capsys.readouterr().out.endswith("\n1 wrong\n")


def test_the_command_reports_this_checkout():
    done = subprocess.run(
        [sys.executable, "-m", "skrec.check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    assert lines[0] == f"skrec {skrec.__version__} in {ROOT / 'skrec'}"
    assert [line.split(">=")[0] for line in PROJECT["dependencies"]] == [
        line.removeprefix("wrong: ").split()[0] for line in lines if "or newer" in line
    ]
    # an environment in which the project was installed under another name has two owners
    assert done.returncode == int(any(line.startswith("wrong: ") for line in lines))


def test_the_command_takes_no_arguments():
    command = [sys.executable, "-m", "skrec.check", "--foo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "python -m skrec.check: error: it takes no arguments; got --foo\n"
