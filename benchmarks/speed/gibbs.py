"""Speed of BayesianMFRegressor: a sweep over users and items, by what is implicit."""

import time
from argparse import Namespace

from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_movielens_ratings
from benchmarks.speed.measure import alternate, summarize
from skrec import BayesianMFRegressor
from skrec.typing import CSRMatrix

__all__ = ["Sweep", "gibbs_sweep"]

_KINDS = "none", "svdpp", "flipped"
_SWEEPS = 5


def gibbs_sweep(options: Namespace) -> list[Row]:
    """Time a sweep over ml-1m, and say what a draw of it takes that is kept."""
    X, n_factors = load_movielens_ratings(options), 4 if options.smoke else 20
    tasks = {f"gibbs_sweep_{kind}": Sweep(X, n_factors, kind, options.threads) for kind in _KINDS}
    rows, (n_users, n_items) = [], X.shape
    for row, kind in zip(summarize(alternate(tasks, options.rounds), "gibbs_sweep_none"), _KINDS):
        vectors = n_users + n_items * (1 if kind == "none" else 2)
        kept = 4 * (n_factors + 1) * vectors / 1e6
        note = f"{X.nnz} ratings, {n_factors} factors; a draw that is kept takes {kept:.2f} MB"
        rows.append(row | {"note": note})
    return rows


class Sweep:
    """A short fit, checks of what comes in and the draw that is kept included.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Ratings.
    n_factors : int
        Length of the vectors.
    implicit : {"none", "svdpp", "flipped"}
        Who has implicit feedback.
    n_jobs : int
        Threads.
    """

    def __init__(self, X: CSRMatrix, n_factors: int, implicit: str, n_jobs: int) -> None:
        made = {"n_factors": n_factors, "implicit": implicit, "n_jobs": n_jobs}
        short = {"burn_in": _SWEEPS - 1, "n_samples": 1, "thin": 1}
        self._estimator, self._X = BayesianMFRegressor(**made, **short, random_state=0), X
        self()  # which compiles

    def __call__(self) -> list[float]:
        """Return the seconds of a sweep."""
        start = time.perf_counter()
        self._estimator.fit(self._X)
        return [(time.perf_counter() - start) / _SWEEPS]
