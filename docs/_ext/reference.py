"""The reference by task and family: pages of tables, from which autosummary makes the others."""

import csv
import inspect
from importlib import import_module
from pathlib import Path

from skrec.testing import all_estimators

__all__ = ["write_reference"]

DOCS = Path(__file__).parents[1]

# a family that is not named here follows under the name of its package
FAMILIES = {
    "baselines": "Popularity",
    "linear": "Item weights, neighbours, graph filters",
    "factorization": "Matrix factorisation",
    "item_based": "Histories as vectors",
    "neural_cf": "Neural collaborative filtering",
    "graph": "Graph convolution",
    "gaussian": "Gaussian vectors",
    "autoencoder": "Autoencoders",
    "ensemble": "Joining models",
    "calibration": "Calibration",
}
# page: title, introduction, packages
TASKS = {
    "data": (
        "Data",
        "Read tables and files, keep ids, make synthetic data, and prepare matrices.",
        ["interactions", "datasets", "preprocessing"],
    ),
    "evaluation": (
        "Evaluation",
        "Split data, measure lists, ratings and probabilities, and compare systems.",
        ["model_selection", "metrics", "inspection"],
    ),
    "files": (
        "Files and serving",
        "Save, load and export fitted models.",
        ["persistence"],
    ),
    "papers": (
        "Papers",
        "Run the tables of the papers.",
        ["reproduce"],
    ),
    "development": (
        "For developers",
        "Check a model of your own, and catch what skrec raises. "
        "CONTRIBUTING.md in the repository tells how a model is written.",
        ["testing", "exceptions"],
    ),
}


def heading(title: str, line: str) -> str:
    """Return a heading and its line."""
    return f"{title}\n{line * len(title)}\n\n"


def exported(package: str) -> list[str]:
    """Return the dotted names of what a package exports, less its constants."""
    module = import_module(f"skrec.{package}")
    things = {name: getattr(module, name) for name in module.__all__}
    public = [n for n, x in things.items() if inspect.isclass(x) or inspect.isfunction(x)]
    return [f"skrec.{package}.{name}" for name in public]


def summary_table(names: list[str]) -> str:
    """Return a table of objects with a page for each."""
    lines = [".. autosummary::", "   :toctree: .", "   :nosignatures:", ""]
    return "\n".join([*lines, *(f"   ~{name}" for name in names), "", ""])


def families() -> dict[str, list[str]]:
    """Return the names of the estimators of each family, in the order of the page."""
    found: dict[str, list[str]] = {family: [] for family in FAMILIES}
    for name, cls in all_estimators():
        found.setdefault(cls.__module__.split(".")[1], []).append(name)
    return {family: names for family, names in found.items() if names}


def models_page() -> str:
    """Return the page of all estimators."""
    text = ".. _estimators:\n\n" + heading("Estimators", "=")
    text += "All have the methods of the :doc:`contract <../guide/contract>`. "
    text += "What each can do is in the table of :doc:`../choose`.\n\n"
    for family, names in families().items():
        text += heading(FAMILIES.get(family, family), "-")
        text += f"``skrec.{family}``\n\n" + summary_table([f"skrec.{name}" for name in names])
    text += heading("What they return", "-") + summary_table(["skrec.base.Explanation"])
    return text + sources()


def sources() -> str:
    """Return a table of where each model comes from, of the file that a test compares."""
    with open(DOCS / "models.csv", newline="", encoding="utf-8") as file:
        rows = [(row["name"], row["source"]) for row in csv.DictReader(file)]
    lines = [".. list-table::", "   :header-rows: 1", "", "   * - estimator", "     - source"]
    for name, source in rows:
        lines += [f"   * - :class:`~skrec.{name}`", f"     - {source}"]
    return heading("Sources", "-") + "\n".join(lines) + "\n"


def task_page(title: str, words: str, packages: list[str]) -> str:
    """Return the page of a task."""
    text = heading(title, "=") + words + "\n\n"
    for package in packages:
        text += heading(f"skrec.{package}", "-") + summary_table(exported(package))
    return text


def write(path: Path, text: str) -> None:
    """Write a page if it has changed, so that Sphinx reads it only then."""
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def write_reference(folder: Path) -> None:
    """Write the pages of the reference into a folder."""
    folder.mkdir(exist_ok=True)
    write(folder / "models.rst", models_page())
    for name, task in TASKS.items():
        write(folder / f"{name}.rst", task_page(*task))
