"""Show whether a blend of recommenders beats each of them, with weights that validation chose.

    python -m benchmarks.claims.blends --data ml-1m --systems EASERecommender ELSARecommender

Fits the systems with their settings. Points of weights, drawn evenly over all shares, are scored on
the validation part of the protocol; the best is scored on the test part, beside equal weights,
fused ranks and the systems alone. Where the test trains on the validation part too, systems are
fitted once for each. A row of the CSV is one of these on a split: the protocol's metric on
validation and on test users, with the mean difference to the system that is best on validation, its
standard error over the test users, and the p value of Wilcoxon's test; then the other metrics on
test users.

Rows of a set of systems, data set, protocol, split and seed that are in the CSV are not run again.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator

from benchmarks.arguments import (
    add_compute,
    add_data,
    add_output,
    add_protocol,
    add_seeds,
    add_splits,
    add_systems,
    make_parser,
    prepare,
)
from benchmarks.cells import parameters_for, protocol_for, study_of_systems
from skrec import BlendedRecommender, RankFusionRecommender
from skrec.model_selection import compare
from skrec.reproduce import Task, load_data, make_system
from skrec.typing import Array

__all__ = ["best_weights", "blends_of", "judge", "main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    study_of_systems(options, _rows)


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("claims.blends", __doc__)
    add_data(parser, ["ml-1m"])
    add_protocol(parser, "strong")
    add_systems(parser, ["EDLAE", "ELSARecommender", "GraphFilterRecommender"])
    add_splits(parser)
    add_seeds(parser, [0])
    parser.add_argument("--points", type=int, default=60, help="of weights; default: 60")
    add_compute(parser)
    add_output(parser, "blends.csv")
    return parser


def _rows(name: str, seed: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    protocol, data = protocol_for(name, options), load_data(name, options.data_home)
    tuning, test = protocol.tuning(data), protocol.test(data)

    def fitted(task: Task) -> dict[str, Any]:
        found = {}
        for system in options.systems:
            parameters = parameters_for(system, name, options)
            made = system, parameters, seed, options.device, task.sampled_parameters
            found[system] = make_system(*made, **task.fit_parameters).fit(task.train)
            print(f"{system} on {name}: fitted", flush=True)
        return found

    single = fitted(tuning)
    points = 2 if options.smoke else options.points
    weights = best_weights(single, tuning, protocol.criterion, points, seed)
    systems = single | blends_of(single, tuning, weights)
    valid = {system: tuning.score(est)[protocol.criterion] for system, est in systems.items()}
    if options.protocol != "strong":  # there, both parts are of users who are not trained on
        single = fitted(test)
        systems = single | blends_of(single, test, weights)
    scores = {system: test.score(est) for system, est in systems.items()}
    best = max(single, key=lambda system: valid[system].mean())
    rows = judge({system: each[protocol.criterion] for system, each in scores.items()}, best)
    for row in rows:
        shares = getattr(systems[row["system"]], "weights_", None)
        row["validation"] = float(valid[row["system"]].mean())
        row["weights"] = "" if shares is None else " ".join(f"{share:.3f}" for share in shares)
        row |= scores[row["system"]].mean().drop(protocol.criterion).to_dict()
    return rows


def best_weights(
    single: Mapping[str, Any], tuning: Task, criterion: str, points: int, seed: int
) -> Array:
    """Return the weights of fitted recommenders whose blend is best on a task.

    Parameters
    ----------
    single : mapping of str to BaseRecommender
        Fitted.
    tuning : Task
        What weights are chosen on.
    criterion : str
        The metric that decides.
    points : int
        How many weights to try; the corners and equal weights are tried too.
    seed : int
        Source of the points.

    Returns
    -------
    weights : ndarray of shape (n_systems,)
        They sum to 1.
    """
    n = len(single)
    drawn = np.random.default_rng(seed).dirichlet(np.ones(n), points)
    candidates = np.vstack([np.eye(n), np.full((1, n), 1 / n), drawn])
    found = [tuning.score(_blend(single, tuning, each))[criterion].mean() for each in candidates]
    return candidates[int(np.argmax(found))]


def blends_of(single: Mapping[str, Any], task: Task, weights: Array) -> dict[str, Any]:
    """Return three joint recommenders of fitted ones, by name.

    Parameters
    ----------
    single : mapping of str to BaseRecommender
        Fitted.
    task : Task
        What they are fitted on.
    weights : ndarray of shape (n_systems,)
        From `best_weights`.

    Returns
    -------
    blends : dict of str to EnsembleRecommender
        "equal blend", "fused ranks" and "blend".
    """
    return {
        "equal blend": _blend(single, task),
        "fused ranks": RankFusionRecommender(_parts(single)).fit(task.train),
        "blend": _blend(single, task, weights),
    }


def _blend(single: Mapping[str, Any], task: Task, weights: Array | None = None) -> Any:
    return BlendedRecommender(_parts(single), weights=weights).fit(task.train)


def _parts(single: Mapping[str, Any]) -> list[tuple[str, FrozenEstimator]]:
    return [(system, FrozenEstimator(est)) for system, est in single.items()]


def judge(values: Mapping[str, Any], reference: str) -> list[dict[str, Any]]:
    """Return what is known of each system beside one of them.

    Parameters
    ----------
    values : mapping of str to Series of shape (n_users,)
        A metric of each user, by system.
    reference : str
        The one.

    Returns
    -------
    rows : list of dict
        One a system: the mean, its difference to the reference's, standard error and p value.
    """
    pairs = compare(values, reference=reference).pairwise
    rows = []
    for system, each in values.items():
        row = {"system": system, "test": float(each.mean()), "beside": reference}
        if system != reference:
            off = each - values[reference]
            row |= {"difference": float(off.mean()), "std_error": float(off.sem())}
            row["p_value"] = float(pairs.loc[(system, reference), "wilcoxon_pvalue"])
        rows.append(row)
    return rows


if __name__ == "__main__":
    main()
