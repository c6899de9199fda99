"""What is run before a change goes in: ``nox --list`` shows the sessions.

Every session installs what it needs into an environment of its own. Words after ``--`` go to the
tool: ``nox -s tests-3.11 -- tests/linear -x``.
"""

import re
import tomllib
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]

nox.options.sessions = ["lint", "typing", "tests-3.11"]
nox.options.error_on_missing_interpreters = False


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the test suite with the versions of constraints.txt."""
    install(session, "test")
    session.run("python", "-m", "pytest", *(session.posargs or ["-n", "auto"]))


@nox.session(python=PYTHONS[0])
def min_versions(session: nox.Session) -> None:
    """Run the test suite with the least versions that pyproject.toml allows, all at once."""
    file = Path(session.create_tmp()) / "floors.txt"
    file.write_text("\n".join(floors()) + "\n", "utf-8")
    session.install("-c", str(file), "-e", ".[test]")
    session.run("python", "-m", "pip", "check")
    session.run("python", "-m", "pytest", *(session.posargs or ["-n", "auto"]))


@nox.session(python=PYTHONS[0])
def lint(session: nox.Session) -> None:
    """Check style, format and the layers of the package."""
    session.install("-c", "constraints.txt", "ruff", "import-linter")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache")


@nox.session(python=PYTHONS[0])
def typing(session: nox.Session) -> None:
    """Check the types of the package, and that a user's mistakes are found."""
    install(session, "test")
    every = ["tests/typing", "-m", "slow or not slow"]
    session.run("python", "-m", "pytest", *every, *session.posargs)


@nox.session(python=PYTHONS[0])
def docs(session: nox.Session) -> None:
    """Build the documentation, which runs the examples that plot, and check its links."""
    install(session, "docs")
    strict = ["-W", "--keep-going"]
    session.run("sphinx-build", *strict, *session.posargs, "docs", "docs/_build/html")
    session.run("python", "docs/check_links.py", "docs/_build/html")


def install(session: nox.Session, extra: str) -> None:
    """Install the checkout with an extra, at the versions of constraints.txt."""
    session.install("-c", "constraints.txt", "-e", f".[{extra}]")


def floors() -> list[str]:
    """Return a pin on the least version of each requirement of the package and of its tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    required = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    least = (re.match(r"([A-Za-z0-9._-]+)(?:\[.*\])?>=([0-9.]+)$", r) for r in required)
    pins = {match[1]: f"{match[1]}=={match[2]}" for match in least if match}
    # older wheels of torch for Linux bring gigabytes of CUDA libraries
    pinned = re.search(r"^torch==.*$", (ROOT / "constraints.txt").read_text("utf-8"), re.M)
    return [*{**pins, "torch": pinned[0] if pinned else pins["torch"]}.values()]
