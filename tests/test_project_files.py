"""What the files around the package say of each other: one place for each fact."""

import re
import runpy
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def text(name):
    """Return the text of a file of the project."""
    return (ROOT / name).read_text("utf-8")


@pytest.fixture
def noxfile(monkeypatch):
    """Return the names of the noxfile, and as ``found`` its sessions; nox need not be there."""
    found = []

    def session(function=None, *, python=None):
        def register(function):
            names = python if isinstance(python, list) else [None]
            found.extend(function.__name__ + (f"-{v}" if v else "") for v in names)
            return function

        return register(function) if function else register

    stand_in = SimpleNamespace(session=session, Session=object, options=SimpleNamespace())
    monkeypatch.setitem(sys.modules, "nox", stand_in)
    return {**runpy.run_path(str(ROOT / "noxfile.py")), "found": found, "chosen": stand_in.options}


def test_sessions_are_those_of_the_workflow(noxfile):
    workflow = text(".github/workflows/tests.yml")
    named = dict(re.findall(r'session: ([\w.-]+), python: "([\d.]+)"', workflow))
    assert sorted(named) == sorted(noxfile["found"])
    assert {s: v for s, v in named.items() if "-" in s} == {
        f"tests-{v}": v for v in noxfile["PYTHONS"]
    }
    assert set(noxfile["chosen"].sessions) <= set(named)


def test_documentation_is_built_strictly_and_its_links_are_checked(noxfile):
    runs, said = [], SimpleNamespace(posargs=["-q"], install=lambda *args: runs.append(args))
    said.run = lambda *args: runs.append(args)
    noxfile["docs"](said)
    installed, built, checked = runs
    assert ".[docs]" in installed
    assert built[:3] == ("sphinx-build", "-W", "--keep-going")
    assert checked == ("python", "docs/check_links.py", built[-1])
    cached = text(".github/workflows/tests.yml").partition("path: |\n")[2].split()[:2]
    ignored = text(".gitignore").split()
    assert all(any(folder.startswith(line.strip("/")) for line in ignored) for folder in cached)


def test_oldest_python_is_that_of_the_project(noxfile):
    oldest = noxfile["PYTHONS"][0]
    assert PROJECT["requires-python"] == f">={oldest}"
    assert f"Python {oldest} or newer" in text("README.md")
    assert f"Python {oldest} or newer" in text("docs/install.rst")


def test_floors_are_those_of_the_project(noxfile):
    required = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    floors = {re.sub(r"\[.*\]", "", r).replace(">=", "==") for r in required if ">=" in r}
    torch = {f for f in floors if f.startswith("torch==")}
    pinned = set(re.findall(r"^torch==.*$", text("constraints.txt"), re.MULTILINE))
    assert set(noxfile["floors"]()) == floors - torch | pinned


def test_citation_is_of_this_version():
    citation = text("CITATION.cff")
    assert f"\nversion: {PROJECT['version']}\n" in citation
    assert f"\nlicense: {PROJECT['license']}\n" in citation


@pytest.mark.parametrize("name", ["README.md", "docs/install.rst"])
def test_other_libraries_of_that_name_are_named(name):
    assert PROJECT["name"] in text(name)
    assert "scikit-rec" in text(name)
    assert "python -m skrec.check" in text(name)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_file_that_is_linked_is_there(name):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text(name))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_extra_is_explained():
    page = text("docs/install.rst")
    assert [e for e in PROJECT["optional-dependencies"] if f"``{e}``" not in page] == []


def test_nothing_is_left_to_fill_in_the_readme():
    assert "TO FILL" not in text("README.md")


def test_hints_to_install_name_the_package_and_an_extra_that_there_is():
    files = [f for d in ("skrec", "examples", "benchmarks", "docs") for f in (ROOT / d).rglob("*")]
    found = [
        (str(path.relative_to(ROOT)), *hint)
        for path in [*files, ROOT / "README.md"]
        if path.suffix in (".py", ".rst", ".md")
        for hint in re.findall(r"pip install ['\"]([\w-]+)\[(\w+)\]", path.read_text("utf-8"))
    ]
    assert len(found) > 10
    extras = PROJECT["optional-dependencies"]
    assert [hint for hint in found if hint[1] != PROJECT["name"] or hint[2] not in extras] == []
