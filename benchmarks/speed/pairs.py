"""Measure the compiled descent over pairs: millions of pairs a second a core.

A pair is a user with one item: MF takes a step for each positive and each of its negatives, BPR one
for a positive with a negative, a triplet, which counts as one here. Whole epochs of fits are timed,
shuffling, sampling and history included, all but the first of each fit. The
rate is in the note; with --threads it is that of all threads together.
"""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.arguments import make_parser
from benchmarks.speed.command import NOTES, Row, add_speed_options, record, scratch_folder
from benchmarks.speed.matrices import load_gowalla, load_movielens
from benchmarks.speed.measure import alternate, summarize
from benchmarks.speed.settings import SGD
from benchmarks.speed.timers import EstimatorEpochs
from skrec import BPRMFRanker, MFClassifier
from skrec.typing import CSRMatrix

__all__ = ["main", "pairs"]

_DATA = {
    "ml-1m": lambda options: load_movielens("1m", options)[0],
    "gowalla": lambda options: load_gowalla(options)[0],
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("speed.pairs", __doc__, NOTES)
    parser.add_argument("--data", nargs="+", default=list(_DATA), choices=_DATA,
                        help=f"of {', '.join(_DATA)}; default: all")  # fmt: skip
    parser.add_argument("--factors", nargs="+", type=int, default=[64], help="default: 64")
    add_speed_options(parser)
    parser.set_defaults(threads=1)
    options = parser.parse_args(argv)
    if options.smoke:
        options.rounds, options.batches = min(options.rounds, 2), min(options.batches, 2)
        options.factors = [4]
    with scratch_folder(options):
        record("pairs", pairs(options), options)


def pairs(options: Namespace) -> Iterator[Row]:
    """Time epochs of both models in turns, by data set and number of factors.

    Parameters
    ----------
    options : Namespace
        Of the command line.

    Yields
    ------
    row : dict
        For `record`.
    """
    for name in options.data:
        X = _DATA[name](options)
        for n_factors in options.factors:
            yield from _epochs(name, X, n_factors, options)


def _epochs(name: str, X: CSRMatrix, n_factors: int, options: Namespace) -> Iterator[Row]:
    shared = {**SGD, "n_factors": n_factors, "random_state": 0, "n_jobs": options.threads}
    models = {
        "MF": MFClassifier(n_negatives=4, **shared),
        "BPR": BPRMFRanker(n_negatives=1, **shared),
    }
    steps = {"MF": 1 + models["MF"].n_negatives, "BPR": models["BPR"].n_negatives}
    tasks: dict[str, Any] = {
        each: EstimatorEpochs(model, X, 1 + options.batches) for each, model in models.items()
    }
    for row in summarize(alternate(tasks, options.rounds)):
        each = row["what"]
        rate = np.divide(X.nnz * steps[each] / 1e6, row["seconds"])
        what = f"{each} epoch, {name}, {n_factors} factors"
        yield row | {"what": what, "note": f"{rate:.2f} million pairs a second"}


if __name__ == "__main__":
    main()
