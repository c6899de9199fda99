"""The reference by task and family: pages of tables, from which autosummary makes the others."""

import csv
import inspect
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

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
        ":doc:`../develop/index` tells how a model is written.",
        ["testing", "exceptions"],
    ),
}
# what models are made of, from the top row of setup.cfg down; a line for each name, no page
BLOCKS = [
    "neural",
    "factorization.starts",
    "calibration",
    "base",
    "training",
    "nn",
    "kernels",
    "utils",
    "typing",
    "check",
]


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


def public_modules(package: str) -> list[str]:
    """Return a package and its public modules, those that have an ``__all__``."""
    module = import_module(package)
    found = [package]
    if hasattr(module, "__path__"):
        inner = pkgutil.iter_modules(module.__path__, package + ".")
        found += [
            name for each in inner if "._" not in each.name for name in public_modules(each.name)
        ]
    return [name for name in found if hasattr(import_module(name), "__all__")]


def blocks_page() -> str:
    """Return the page of what models are made of: each name once, with what it says of itself."""
    text = heading("Building blocks", "=")
    text += "What models are made of, for those who write one; see :doc:`../develop/index`. "
    text += "These names may change without notice. Their docstrings say more.\n\n"
    seen: set[int] = set()
    for name in (name for block in BLOCKS for name in public_modules(f"skrec.{block}")):
        module = import_module(name)
        own = {n: getattr(module, n) for n in module.__all__ if id(getattr(module, n)) not in seen}
        seen |= {id(thing) for thing in own.values()}
        if own:
            text += heading(name, "-") + block_table(own)
    return text


def block_table(things: dict[str, Any]) -> str:
    """Return a table of names and the first lines of their docstrings."""
    lines = [".. list-table::", "   :widths: 30 70", ""]
    for name, thing in things.items():
        lines += [f"   * - ``{name}``", f"     - {first_line(thing)}"]
    return "\n".join(lines) + "\n\n"


def first_line(thing: Any) -> str:
    """Return the first line of a docstring; constants and types have none of their own."""
    here = str(getattr(thing, "__module__", "")).startswith("skrec")
    if not (here and callable(thing)):
        plain = isinstance(thing, str | float | tuple | list | dict | set | frozenset)
        return "a constant" if plain else "a type or a field"
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())


def write(path: Path, text: str) -> None:
    """Write a page if it has changed, so that Sphinx reads it only then."""
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def write_reference(folder: Path) -> None:
    """Write the pages of the reference into a folder."""
    folder.mkdir(exist_ok=True)
    write(folder / "models.rst", models_page())
    write(folder / "blocks.rst", blocks_page())
    for name, task in TASKS.items():
        write(folder / f"{name}.rst", task_page(*task))
