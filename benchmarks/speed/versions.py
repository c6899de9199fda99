"""Compare how long fits take with this checkout and with an older one, in turns.

    python -m benchmarks.speed.versions --older ../older --systems WMFRecommender BPRMFRanker

Each fit runs in a process of its own; the seconds are those of `fit` alone.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import skrec
from skrec.datasets import fetch_gowalla, fetch_movielens, make_interactions

# what costs the most in a fit without much waiting
# an older checkout has other defaults
_STEPS = {"solver": "torch", "n_negatives": 1, "lr_decay": None, "l2": 0.0}
SYSTEMS = {
    "WMFRecommender": {
        "n_factors": 64,
        "max_epochs": 5,
        "random_state": 0,
        "unobserved_weight": 0.1,
    },
    "BPRMFRanker": {"n_factors": 64, "max_epochs": 2, "random_state": 0, "device": "cpu", **_STEPS},
    "EASERecommender": {"l2": 500.0},
    "ItemKNNRecommender": {"alpha": 0.5},
    "SLIMRecommender": {},
    "MultVAERecommender": {"max_epochs": 3, "random_state": 0, "device": "cpu"},
}
DATA = {
    "gowalla": lambda: fetch_gowalla().interactions.tocsr(),
    "ml-1m": lambda: fetch_movielens("1m").interactions.tocsr(),
    "ml-100k": lambda: fetch_movielens("100k").interactions.tocsr(),
    "synthetic": lambda: make_interactions(300, 100, 4000, random_state=0).X,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.versions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--older", type=Path, help="another checkout")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=["WMFRecommender"])
    parser.add_argument("--data", choices=DATA, default="gowalla")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--alone", action="store_true", help="print the seconds of one fit")
    options = parser.parse_args(argv)
    if options.alone:
        print(seconds_of_fit(options.systems[0], options.data))
        return
    if options.older is None or not (options.older / "skrec").is_dir():
        parser.error(f"--older must be a checkout of skrec; got {options.older}")
    for system in options.systems:
        print(compare(system, options.data, options.older, options.rounds))


def seconds_of_fit(system: str, data: str) -> float:
    """Return the seconds of one fit by the package that Python imports."""
    X = DATA[data]()
    model = getattr(skrec, system)(**SYSTEMS[system])
    start = time.perf_counter()
    model.fit(X)
    return time.perf_counter() - start


def compare(system: str, data: str, older: Path, rounds: int) -> str:
    """Return a line: median seconds of both checkouts, and the ratio of their pairs."""
    checkouts = {"older": older, "this": Path(skrec.__file__).parents[1]}
    taken: dict[str, list[float]] = {name: [] for name in checkouts}
    for _ in range(rounds):
        for name, checkout in checkouts.items():
            taken[name].append(_in_process(checkout, system, data))
    ratio = statistics.median(n / o for n, o in zip(taken["this"], taken["older"], strict=True))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    return (
        f"{system} on {data}: older {medians['older']:.2f} s, this {medians['this']:.2f} s, "
        f"median ratio of {rounds} pairs {ratio:.3f}"
    )


def _in_process(checkout: Path, system: str, data: str) -> float:
    # as a file, so that the folder of the checkout is not the first to import from
    command = [sys.executable, str(Path(__file__).resolve()), "--alone"]
    environment = {**os.environ, "PYTHONPATH": str(checkout.resolve())}
    done = subprocess.run(
        [*command, "--systems", system, "--data", data],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        cwd=checkout,
    )
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main()
