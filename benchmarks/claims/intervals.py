"""Show whether intervals of ratings hold what they say, and whether models doubt the same users.

    python -m benchmarks.claims.intervals --data ml-100k

Fits probabilistic models of ratings. An interval is that of a Gaussian around the score, whose
variance is that of the score over the posterior and that of the noise: the model's own, or what
validation ratings are off by where a model has none. A row is a model: RMSE on the test ratings,
the share of them in intervals of each level, the intervals' mean width, and Spearman's correlation
of the deviation of a user's scores, a mean over the user's test ratings, with the number of
training ratings, with what the user's ratings are off by, and with the same of the other models.
Models that draw from the posterior have several chains: "R-hat" is the quantile of 99 % over the
test ratings, 1 where all chains agree, and "R-hat < 1.05" the share of the ratings below it.

--set '{"n_chains": 4, "n_samples": 200}' has more draws, and so a sharper R-hat.

Rows of a set of systems, data set, seed and changed parameters that are in the CSV are not run
again.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from benchmarks.arguments import (
    add_compute,
    add_data,
    add_output,
    add_seeds,
    add_splits,
    add_systems,
    make_parser,
    parse_json,
    prepare,
)
from benchmarks.cells import make_task, parameters_for, set_parameters, study_of_systems
from skrec import Interactions
from skrec.inspection import partial_spearman
from skrec.reproduce import make_system
from skrec.typing import Array

__all__ = ["LEVELS", "about", "by_user", "main"]

LEVELS = 0.5, 0.8, 0.9, 0.95
_AGREE = 1.05  # the largest R-hat of chains that agree


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    study_of_systems(options, _rows)


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("claims.intervals", __doc__)
    parser.set_defaults(protocol="ratings")
    add_data(parser, ["ml-100k"])
    add_systems(parser, ["BayesianMFRegressor", "CrossFeedbackBMF", "GeRecRegressor"])
    add_splits(parser)
    add_seeds(parser, [0])
    parser.add_argument(
        "--set", type=parse_json, default={"n_chains": 4},
        help="more parameters of the systems that have such, JSON; default: four chains",
    )  # fmt: skip
    add_compute(parser)
    add_output(parser, "intervals.csv")
    return parser


def _rows(name: str, seed: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Fit all systems, and return what is about each, the others included."""
    task, rows, deviations = make_task(name, options), [], {}
    for system in options.systems:
        parameters = parameters_for(system, name, options)
        made = system, parameters, seed, options.device, task.sampled_parameters
        estimator: Any = make_system(*made, **task.fit_parameters)
        estimator.set_params(**set_parameters(system, options))
        row, deviations[system] = about(estimator.fit(task.train), task.evaluate)
        rows.append({"system": system, **row})
        print(f"{system} on {name}: done", flush=True)
    for row in rows:
        own = deviations[row["system"]]
        row |= {f"like {other}": _spearman(own, each) for other, each in deviations.items()}
    return rows


def about(estimator: Any, pairs: Any) -> tuple[dict[str, float], Array]:
    """Return numbers about the intervals of a fitted model, and the deviation of each user.

    Parameters
    ----------
    estimator : RatingRecommender
        A probabilistic model of ratings.
    pairs : Interactions
        Test ratings of users known from ``fit``.

    Returns
    -------
    row : dict of str to float
        Numbers by name.
    deviations : ndarray of shape (n_users,)
        Means over the pairs of each user that has some.
    """
    scores, deviations = estimator.decision_function(pairs, return_std=True)
    off = np.clip(scores, *estimator.rating_range_) - pairs.value
    row = {"rmse": float(np.sqrt(np.mean(off**2)))}
    noise = getattr(estimator, "noise_std_", estimator.link_.std_)
    total = np.hypot(deviations, noise)
    for level in LEVELS:
        half = norm.ppf((1 + level) / 2) * total
        row[f"in {level:g}"] = float(np.mean(np.abs(scores - pairs.value) <= half))
        row[f"width {level:g}"] = 2 * float(np.mean(half))
    users = by_user(pairs, {"deviation": deviations, "off": np.abs(off)})
    counts = np.diff(estimator.interactions_.indptr)[users.index]
    own = users["deviation"].to_numpy()
    row["deviation"] = float(own.mean())
    if hasattr(estimator, "r_hat"):
        r_hat = estimator.r_hat(pairs)
        row |= {"R-hat": float(np.quantile(r_hat, 0.99)), "R-hat < 1.05": np.mean(r_hat < _AGREE)}
    row["and count"] = _spearman(own, counts)
    row["and error"] = _spearman(own, users["off"].to_numpy())
    return row, own


def by_user(pairs: Interactions, values: Mapping[str, Array]) -> pd.DataFrame:
    """Return means of values over the pairs of each user.

    Parameters
    ----------
    pairs : Interactions
        Pairs of users.
    values : mapping of str to ndarray of shape (n_pairs,)
        Values by name.

    Returns
    -------
    means : DataFrame of shape (n_users, n_values)
        Users that have pairs, in order.
    """
    return pd.DataFrame(dict(values)).groupby(pairs.user).mean()


def _spearman(x: Array, y: Array) -> float:
    return float(partial_spearman(x, y).statistic)


if __name__ == "__main__":
    main()
