"""Compare lists of two stages, where draws rank what means have chosen, with lists of draws alone.

    python -m benchmarks.claims.stages --data ml-100k --candidates 20 50 100

Fits a model of Gaussian vectors to all but the validation items and recommends ten items to some
users, with draws for all items and with draws for the best of a first stage. A row of the CSV is a
number of candidates: the share of users whose lists are equal in order, the mean share of items in
common, and the seconds that the lists took.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.arguments import add_compute, add_data, add_output, make_parser, prepare
from benchmarks.cells import smoke_parameters
from benchmarks.claims.variances import SMALL
from benchmarks.former import with_former
from skrec.reproduce import load_data, make_protocol, make_system
from skrec.typing import Array

__all__ = ["compare_lists", "main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    parts = {system: _one_system(system, options) for system in options.systems}
    table = pd.concat(parts, names=["system"]).reset_index()
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    table.assign(data=options.data).to_csv(options.output, index=False)
    print(table.round(4).to_string(index=False))


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("claims.stages", __doc__)
    parser.set_defaults(protocol="ncf")
    add_data(parser, "ml-100k")
    names = ["MoGClassifier", "GeRecClassifier"]
    parser.add_argument("--systems", nargs="+", choices=[*SMALL], default=names)
    parser.add_argument("--candidates", nargs="+", type=int, default=[20, 50, 100, 200])
    parser.add_argument("--users", type=int, default=200, help="users to list for; default: 200")
    parser.add_argument("--n-samples", type=int, default=10, help="default: 10")
    add_compute(parser)
    add_output(parser, "stages.csv", "CSV to write")
    return parser


def _one_system(system: str, options: argparse.Namespace) -> pd.DataFrame:
    parameters = SMALL[system] | {"n_samples": options.n_samples}
    parameters |= smoke_parameters(system) if options.smoke else {}
    train = make_protocol("ncf").tuning(load_data(options.data, options.data_home)).train
    parameters = with_former(system, parameters)
    est = make_system(system, parameters, 0, options.device).fit(train)
    known = np.flatnonzero(np.diff(est.interactions_.indptr))
    users = np.sort(np.random.default_rng(0).permutation(known)[: options.users])
    return compare_lists(est, users, options.candidates)


def compare_lists(est: Any, users: Array, candidates: Sequence[int]) -> pd.DataFrame:
    """Compare lists of ten for several numbers of candidates with those for all items.

    Parameters
    ----------
    est : GaussianRecommender
        Fitted, with the parameter ``n_candidates``.
    users : ndarray of int
        Rows of ``fit``.
    candidates : sequence of int
        Numbers of candidates.

    Returns
    -------
    table : DataFrame
        A row a number, the first one for all items.
    """
    right, seconds = _timed(est.set_params(n_candidates=None), users)
    rows = [{"n_candidates": est.n_features_in_, "equal": 1.0, "common": 1.0, "seconds": seconds}]
    for n in candidates:
        lists, seconds = _timed(est.set_params(n_candidates=n), users)
        common = np.mean([np.isin(a, b).mean() for a, b in zip(lists, right, strict=True)])
        equal = (lists == right).all(axis=1).mean()
        rows.append({"n_candidates": n, "equal": equal, "common": common, "seconds": seconds})
    return pd.DataFrame(rows).set_index("n_candidates")


def _timed(est: Any, users: Array) -> tuple[Array, float]:
    start = time.perf_counter()
    lists = est.recommend(users=users, n_items=10)
    return lists, time.perf_counter() - start


if __name__ == "__main__":
    main()
