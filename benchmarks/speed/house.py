"""What a reader has to open: classes, files touched by ``fit`` and ``recommend``, lines, imports.

    python -m benchmarks.speed.house
    python -m benchmarks.speed.house --imports 5

It looks at the package that Python imports, so an older checkout is measured with PYTHONPATH.
"""

import argparse
import ast
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import skrec
from skrec.datasets import make_interactions
from skrec.testing import all_estimators

MODELS = (
    "MultVAERecommender",
    "GeRecClassifier",
    "NeuMFRegressor",
    "BPRMFRanker",
    "EASERecommender",
)
IMPORTS = (
    "import skrec",
    "from skrec import EASERecommender",
    "from skrec import MultVAERecommender",
)


def classes_of(cls: type) -> list[type]:
    """Return the classes of skrec in the resolution order of a class."""
    return [base for base in cls.__mro__ if base.__module__.startswith("skrec.")]


def files_touched(function: Any, *args: Any, **kwargs: Any) -> set[str]:
    """Return the files of skrec in which anything runs during a call."""
    home, files = str(Path(skrec.__file__).parent), set()

    def note(frame: Any, event: str, arg: Any) -> None:
        if event == "call":
            files.add(frame.f_code.co_filename)

    sys.setprofile(note)
    try:
        function(*args, **kwargs)
    finally:
        sys.setprofile(None)
    return {file for file in files if file.startswith(home)}


def example_of(cls: type) -> tuple[Any, Any]:
    """Return an estimator with few epochs and data for it."""
    X = make_interactions(60, 40, 700, random_state=0).X
    if cls().__sklearn_tags__().feedback == "explicit":
        X.data = X.indices % 5 + 1.0
    return cls(**{**cls._test_parameters}), X


def lines_of(pattern: str) -> int:
    """Count the lines of the files of skrec that a pattern matches."""
    home = Path(skrec.__file__).parent
    return sum(len(file.read_text().splitlines()) for file in home.rglob(pattern))


def docstring_lines() -> int:
    """Count the lines of docstrings."""
    total = 0
    for file in Path(skrec.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                total += len((ast.get_docstring(node, clean=False) or "").splitlines())
    return total


def side_dictionaries() -> tuple[int, int]:
    """Count the dictionaries that describe parameters beside their fields, and their lines."""
    names, found = {"_parameter_constraints", "_parameter_docs"}, []
    for file in Path(skrec.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") in names:
                if isinstance(node.value, ast.Dict) and node.value.keys:
                    found.append(node.end_lineno - node.lineno + 1)
    return len(found), sum(found)


def import_seconds(statement: str, repeats: int) -> float:
    """Return the median time that a statement takes in a process of its own."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])  # the first one reads from disk


def main(args: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.speed.house",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--imports", type=int, default=0, metavar="N", help="time imports N times")
    options = parser.parse_args(args)
    warnings.simplefilter("ignore")
    estimators = dict(all_estimators())
    every = {base for cls in estimators.values() for base in classes_of(cls)}
    print(
        f"skrec at {Path(skrec.__file__).parent.name}: {len(estimators)} estimators of "
        f"{len(every)} classes, at most {max(len(classes_of(c)) for c in estimators.values())} each"
    )
    print(
        f"lines of Python {lines_of('*.py')}, of docstrings {docstring_lines()}; dictionaries "
        "beside parameters {} with {} lines".format(*side_dictionaries())
    )
    print(f"{'':22}{'classes':>8}{'fit':>5}{'recommend':>11}{'both':>6}   (files)")
    for name in MODELS:
        cls = estimators[name]
        estimator, X = example_of(cls)
        estimator.fit(X)  # what is imported on first use is not touched by a second fit
        fit, lists = files_touched(estimator.fit, X), files_touched(estimator.recommend, X[:5])
        print(f"{name:22}{len(classes_of(cls)):8}{len(fit):5}{len(lists):11}{len(fit | lists):6}")
    for statement in IMPORTS if options.imports else ():
        print(f"{statement}: {import_seconds(statement, options.imports):.2f} s")


if __name__ == "__main__":
    main()
