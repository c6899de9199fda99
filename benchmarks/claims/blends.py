"""Show whether a blend of recommenders beats each of them, with weights that validation chose.

    python -m benchmarks.claims.blends --data ml-1m --systems EASERecommender ELSARecommender

Fits the systems once with their settings. Points of weights, drawn evenly over all shares, are
scored on the validation users of strong generalisation; the best is scored on the test users,
beside equal weights, fused ranks and the systems alone. A row of the CSV is one of these on a
split: the protocol's metric on validation and on test users, with the mean difference to the system
that is best on validation, its standard error over the test users, and the p value of Wilcoxon's
test.

Rows of a set of systems, data set, split and seed that are in the CSV are not run again.
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
    add_seeds,
    add_splits,
    add_systems,
    make_parser,
    prepare,
)
from benchmarks.cells import parameters_for, protocol_for, study_of_systems
from skrec import BlendedRecommender, RankFusionRecommender
from skrec.model_selection import compare
from skrec.reproduce import Protocol, load_data, make_system
from skrec.typing import Array

__all__ = ["blends_of", "judge", "main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    study_of_systems(options, _rows)


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("claims.blends", __doc__)
    parser.set_defaults(protocol="strong")
    add_data(parser, ["ml-1m"])
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
    single = {}
    for system in options.systems:
        parameters = parameters_for(system, name, options)
        made = system, parameters, seed, options.device, test.sampled_parameters
        single[system] = make_system(*made, **test.fit_parameters).fit(test.train)
        print(f"{system} on {name}: fitted", flush=True)
    points = 2 if options.smoke else options.points
    systems = single | blends_of(single, tuning, protocol, points, seed)
    valid = {system: tuning.score(est)[protocol.criterion] for system, est in systems.items()}
    values = {system: test.score(est)[protocol.criterion] for system, est in systems.items()}
    best = max(single, key=lambda system: valid[system].mean())
    rows = judge(values, best)
    for row in rows:
        chosen = systems[row["system"]]
        shares = getattr(chosen, "weights_", None)
        row["validation"] = float(valid[row["system"]].mean())
        row["weights"] = "" if shares is None else " ".join(f"{share:.3f}" for share in shares)
    return rows


def blends_of(
    single: Mapping[str, Any], tuning: Any, protocol: Protocol, points: int, seed: int
) -> dict[str, Any]:
    """Return three joint recommenders of fitted ones, by name.

    Parameters
    ----------
    single : mapping of str to BaseRecommender
        Fitted.
    tuning : Task
        What weights are chosen on.
    protocol : Protocol
        Its criterion decides.
    points : int
        How many weights to try; the corners and equal weights are tried too.
    seed : int
        Source of the points.

    Returns
    -------
    blends : dict of str to EnsembleRecommender
        "equal blend", "fused ranks" and "blend".
    """
    parts = [(system, FrozenEstimator(est)) for system, est in single.items()]

    def blend(weights: Array | None = None) -> Any:
        return BlendedRecommender(parts, weights=weights).fit(tuning.train)

    drawn = np.random.default_rng(seed).dirichlet(np.ones(len(parts)), points)
    candidates = [*np.eye(len(parts)), np.full(len(parts), 1 / len(parts)), *drawn]
    found = [tuning.score(blend(weights))[protocol.criterion].mean() for weights in candidates]
    return {
        "equal blend": blend(),
        "fused ranks": RankFusionRecommender(parts).fit(tuning.train),
        "blend": blend(candidates[int(np.argmax(found))]),
    }


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
