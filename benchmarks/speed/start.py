"""Measure what it takes to start: imports, compiling at the first call, and what is installed.

Imports run in fresh processes, the interpreter's own start left out. The first calls of kernels run
in fresh processes too: "cold" compiles into an empty NUMBA_CACHE_DIR, "warm" finds there what the
run before has stored, "again" is the same call once more in the same process. The sizes are those
of the files that importlib.metadata lists for what the package requires, directly or not.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from argparse import Namespace
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.arguments import add_output, make_parser
from benchmarks.speed.command import Row, record, scratch_folder

__all__ = ["installed_sizes", "main", "start"]

_CHECKOUT = Path(__file__).parents[2]
_IMPORTS = {
    "import skrec": "import skrec",
    "from skrec import EASERecommender": "from skrec import EASERecommender",
    "from skrec import MFClassifier": "from skrec import MFClassifier",
    "import skrec.kernels": "import skrec.kernels",
    "first use of skrec.kernels": "from skrec import kernels; kernels.nearest_rows",
}
_IMPORT = """
import json, sys, time
start = time.perf_counter()
{statement}
taken = time.perf_counter() - start
loaded = [name for name in ("numba", "torch") if name in sys.modules]
print(json.dumps({{"taken": taken, "loaded": loaded}}))
"""
_CALLS = {
    "ItemKNN fit": "ItemKNNRecommender()",
    "SLIM fit": "SLIMRecommender(l1=0.5, l2=5.0)",
    "MF fit, sgd": 'MFClassifier(n_factors=4, max_epochs=1, solver="sgd", n_negatives=4)',
    "BPR fit, sgd": 'BPRMFRanker(n_factors=4, max_epochs=1, solver="sgd", n_negatives=1)',
    "MF fit, torch": 'MFClassifier(n_factors=4, max_epochs=1, solver="torch", n_negatives=4)',
    "WMF fit": "WMFRecommender(n_factors=4, max_epochs=1)",
}
_CALL = """
import json, time, warnings
import skrec
from skrec.datasets import make_interactions
warnings.simplefilter("ignore")
X = make_interactions(60, 40, 600, random_state=0).X
model, taken = skrec.{call}, []
for _ in range(2):
    start = time.perf_counter()
    model.fit(X).recommend(users=[0])
    taken.append(time.perf_counter() - start)
print(json.dumps(taken))
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("speed.start", __doc__)
    parser.add_argument("--rounds", type=int, default=5, help="processes each; default: 5")
    parser.add_argument("--scratch", help="folder for the caches of compiled code")
    add_output(parser, "speed.csv")
    parser.add_argument("--smoke", action="store_true", help="one import, one call, one round")
    options = parser.parse_args(argv)
    options.threads = None
    if options.rounds < 1:
        parser.error(f"--rounds must be 1 or more; got {options.rounds}")
    if options.smoke:
        options.rounds = 1
    with scratch_folder(options):
        record("start", start(options), options)


def start(options: Namespace) -> Iterator[Row]:
    """Measure imports, then first calls, then sizes.

    Parameters
    ----------
    options : Namespace
        Of the command line.

    Yields
    ------
    row : dict
        For `record`.
    """
    n = 1 if options.smoke else None
    for name, statement in list(_IMPORTS.items())[:n]:
        yield _import_row(name, statement, options.rounds)
    for name, call in list(_CALLS.items())[:n]:
        yield from _call_rows(name, call, options)
    sizes = installed_sizes(_required())
    for name, size in sorted(sizes.items(), key=lambda each: -each[1])[:10]:
        yield {"what": f"installed {name}", "note": f"{size:.0f} MiB"}
    total = f"{sum(sizes.values()):.0f} MiB, {len(sizes)} packages"
    yield {"what": "installed in all", "note": total}


def _import_row(name: str, statement: str, rounds: int) -> Row:
    code = _IMPORT.format(statement=statement)
    answers = [_fresh(code) for _ in range(rounds + 1)][1:]  # the first one reads from disk
    loaded = " and ".join(answers[0]["loaded"]) or "neither numba nor torch"
    return _row(name, [answer["taken"] for answer in answers], f"loads {loaded}")


def _call_rows(name: str, call: str, options: Namespace) -> Iterator[Row]:
    """Yield the seconds of a first call with a cold and with a warm cache, and of the second."""
    code, taken = _CALL.format(call=call), {"cold": [], "warm": [], "again": []}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(dir=options.folder) as cache:
            for state in ("cold", "warm"):
                first, again = _fresh(code, NUMBA_CACHE_DIR=cache)
                taken[state].append(first)
        taken["again"].append(again)
    for state, values in taken.items():
        yield _row(f"{name}, {state}", values)


def _row(what: str, taken: Sequence[float], note: str | None = None) -> Row:
    low, high = np.quantile(taken, [0.25, 0.75])
    figures = {"seconds": median(taken), "low": low, "high": high, "n": len(taken)}
    return {"what": what, **figures, "note": note}


def _fresh(code: str, **environment: str) -> Any:
    """Return what code prints as JSON in a process of its own."""
    command, environment = [sys.executable, "-c", code], {**os.environ, **environment}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def installed_sizes(requirements: Sequence[str]) -> dict[str, float]:
    """Return the MiB of installed packages and of all that they require, without extras.

    Parameters
    ----------
    requirements : list of str
        As a package names them; what is not installed counts nothing.

    Returns
    -------
    sizes : dict of str to float
        By name.
    """
    sizes: dict[str, float] = {}
    waiting = [_name(line) for line in requirements]
    while waiting:
        name = waiting.pop()
        if name in sizes:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # of another system or Python, or not installed
            continue
        sizes[name] = _size(distribution)
        waiting += [_name(line) for line in distribution.requires or [] if "extra ==" not in line]
    return sizes


def _required() -> list[str]:
    with open(_CHECKOUT / "pyproject.toml", "rb") as file:
        return tomllib.load(file)["project"]["dependencies"]


def _size(distribution: metadata.Distribution) -> float:
    paths = (distribution.locate_file(file) for file in distribution.files or [])
    return sum(os.path.getsize(path) for path in map(str, paths) if os.path.isfile(path)) / 2**20


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", match.group()).lower() if match else ""


if __name__ == "__main__":
    main()
