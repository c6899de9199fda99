"""Sweeps of Gibbs sampling on ratings beside myFM's, and the error that so many sweeps leave.

Both keep every draw from the first sweep on and predict by the mean over them, so that the errors
tell how far as many sweeps come from the start, and not how good the models get in the end.
"""

from argparse import Namespace
from collections.abc import Mapping

import numpy as np

from benchmarks.peers.team import Team, compare
from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_movielens_rating_parts, save_arrays
from benchmarks.speed.measure import seconds
from skrec import BayesianMFRegressor, Interactions
from skrec.metrics import rmse
from skrec.typing import CSRMatrix

__all__ = ["Sweeps", "bayesian_mf"]

N_FACTORS = 20


def bayesian_mf(options: Namespace) -> list[Row]:
    """Time sweeps over the ratings of ml-100k and of ml-1m."""
    return [row for version in ("100k", "1m") for row in _sweeps(version, options)]


class Sweeps:
    """Fits of some sweeps from the start, all draws kept, as a callable.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Ratings.
    n_factors : int
        Length of the vectors.
    n_sweeps : int
        Sweeps a fit.
    n_jobs : int
        Threads.
    """

    def __init__(self, X: CSRMatrix, n_factors: int, n_sweeps: int, n_jobs: int) -> None:
        self.X, self.n_sweeps = X, n_sweeps
        self.estimator = BayesianMFRegressor(
            n_factors=n_factors, implicit="none", burn_in=0, n_samples=n_sweeps, thin=1,
            n_jobs=n_jobs, random_state=0,
        )  # fmt: skip

    def __call__(self) -> float:
        """Fit once and return the seconds of a sweep."""
        return seconds(lambda: self.estimator.fit(self.X)) / self.n_sweeps

    def error(self, test: CSRMatrix) -> float:
        """Return the root mean squared error of the last fit on other ratings."""
        pairs = Interactions(test)
        return rmse(pairs.value, self.estimator.predict(pairs))


def _sweeps(version: str, options: Namespace) -> list[Row]:
    train, test = load_movielens_rating_parts(version, options)
    values = {"values": train.data, "test_values": test.data}
    arrays = save_arrays(options.folder / f"ratings-{version}.npz", train, test, **values)
    n_factors = 4 if options.smoke else N_FACTORS
    ours = Sweeps(train, n_factors, options.sweeps, options.threads)
    what, name = f"gibbs_sweep_{version}", "synthetic data" if options.smoke else f"ml-{version}"
    note = f"{name}, {train.nnz} ratings, {options.sweeps} sweeps a fit"
    with Team({"myfm": {"n_factors": n_factors}}, arrays, options) as team:
        calls = {"myfm": ["gibbs_sweeps", options.sweeps]}
        rows = compare(what, ours, calls, team, options, note)
        errors = {what: ours.error(test)}
        if "myfm" in team.workers:
            errors[f"myfm_{what}"] = team.run("myfm", "rmse")
    return [_with_error(row, errors) for row in rows]


def _with_error(row: Row, errors: Mapping[str, float]) -> Row:
    error = errors.get(row["what"], np.nan)
    if not np.isfinite(error) or not row.get("seconds"):
        return row
    return row | {"note": "; ".join(filter(None, [row.get("note"), f"rmse {error:.4f}"]))}
