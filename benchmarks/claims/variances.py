"""Show what makes the variances of Gaussian vectors mean uncertainty.

    python -m benchmarks.claims.variances --data ml-100k --kl-weights 0 0.1 1

Fits models of Gaussian vectors with several weights of the divergence from the prior. A row is a
fit: the rank correlations of the mean variance of a user with the number of interactions, and of
that of an item with its count, quartiles of both, and how well the model ranks the validation
items among 99 drawn negatives. The test part is not looked at. The models are small, so that all of
it takes minutes; --set '{"n_factors": 64}' changes their parameters.

Rows of a system, data set, seed and parameters that are in the CSV are not run again.
"""

import argparse
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.arguments import (
    add_compute,
    add_data,
    add_output,
    add_seeds,
    add_systems,
    make_parser,
    parse_json,
    prepare,
)
from benchmarks.cells import is_finished, keep_rows, smoke_parameters
from benchmarks.former import with_former
from skrec.inspection import partial_spearman
from skrec.reproduce import Task, load_data, make_protocol, make_system, read_rows
from skrec.typing import Array

__all__ = ["SMALL", "fit_row", "main"]

_METRICS = "sampled_hit_rate@10", "sampled_ndcg@10"
_DRAWN = {"n_factors": 32, "n_draws": 3, "n_samples": 3, "max_epochs": 12}
_GEREC = {**_DRAWN, "n_filters": 16, "hidden_size": 16, "batch_size": 1024, "lr": 4e-3}

SMALL: dict[str, dict[str, Any]] = {
    "GERRanker": {"lr": 5e-3, "max_epochs": 20},
    "MoGClassifier": {**_DRAWN, "lr": 5e-3},
    "GeRecClassifier": {**_GEREC, "interaction": "product"},
    "GeRecRanker": {**_GEREC, "interaction": "product"},
}
"""Parameters of each system that learn something within minutes; no choice of the best ones."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    for name in options.data:
        task = make_protocol("ncf").tuning(load_data(name, options.data_home))
        for key, parameters in _cells(name, options):
            if not is_finished(options.output, key):
                given = with_former(key["system"], parameters)
                est = make_system(key["system"], given, key["seed"], options.device)
                keep_rows(options.output, key, [fit_row(est, task)])
                print(f"{key['system']} {key['parameters']}: done", flush=True)
    print(_summary(read_rows(options.output), options).to_string(index=False))


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("claims.variances", __doc__)
    parser.set_defaults(protocol="ncf")
    add_data(parser, ["ml-100k"])
    add_systems(parser, ["GERRanker", "MoGClassifier", "GeRecClassifier"])
    add_seeds(parser, [0])
    add_compute(parser)
    numbers = {"nargs": "+", "type": float}
    parser.add_argument("--kl-weights", **numbers, default=[0.0, 0.1, 1.0], help="default: 0 0.1 1")
    parser.add_argument("--prior-variances", **numbers, default=[1.0], help="default: 1")
    parser.add_argument("--set", type=parse_json, default={}, help="more parameters, JSON")
    add_output(parser, "variances.csv")
    return parser


def _cells(name: str, options: argparse.Namespace) -> Iterator[tuple[dict[str, Any], dict]]:
    """Yield key and parameters of each fit; without a weight there is one prior to run."""
    priors = options.prior_variances
    grid = [(w, s) for w in options.kl_weights for s in (priors if w else priors[:1])]
    for system, (weight, prior), seed in itertools.product(options.systems, grid, options.seeds):
        parameters = {**SMALL.get(system, {}), **options.set}
        parameters |= {"kl_weight": weight, "prior_variance": prior}
        parameters |= smoke_parameters(system) if options.smoke else {}
        text = json.dumps(parameters, sort_keys=True)
        yield {"data": name, "system": system, "seed": seed, "parameters": text}, parameters


def fit_row(estimator: Any, task: Task) -> dict[str, float]:
    """Fit a model and describe its variances and its ranking.

    Parameters
    ----------
    estimator : GaussianRecommender
        Not fitted.
    task : Task
        With validation items.

    Returns
    -------
    row : dict of str to float
        Numbers by name.
    """
    estimator.fit(task.train)
    activity = np.diff(estimator.interactions_.indptr)
    row = {"kl_weight": estimator.kl_weight, "prior_variance": estimator.prior_variance}
    row |= _about("users", estimator.user_variances_.mean(axis=1), activity)
    row |= _about("items", estimator.item_variances_.mean(axis=1), estimator.item_counts_)
    metrics: Any = task.score(estimator).mean()
    return row | {name: float(metrics[name]) for name in _METRICS}


def _about(what: str, variances: Array, counts: Array) -> dict[str, float]:
    some = counts > 0
    quartiles = np.quantile(variances[some], [0.25, 0.5, 0.75])
    names = [f"{what}_{q}" for q in ("low", "middle", "high")]
    correlation = partial_spearman(variances[some], counts[some]).statistic
    return {f"{what}_correlation": correlation} | dict(zip(names, map(float, quartiles)))


def _summary(table: pd.DataFrame, options: argparse.Namespace) -> pd.DataFrame:
    """Return means over the seeds, of what was asked for."""
    asked = {"data": options.data, "system": options.systems, "seed": options.seeds}
    texts = [key["parameters"] for name in options.data for key, _ in _cells(name, options)]
    mine = [table[name].isin(values) for name, values in {**asked, "parameters": texts}.items()]
    by = ["data", "system", "kl_weight", "prior_variance"]
    chosen: Any = table[np.logical_and.reduce(mine)].drop(columns=["seed", "parameters"])
    return chosen.groupby(by, sort=False).mean().round(4).reset_index()


if __name__ == "__main__":
    main()
