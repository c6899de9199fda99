"""myFM's Bayesian factorisation machine on ratings that are handed over.

Usage: python myfm_worker.py ARRAYS.npz N_THREADS JSON
where ARRAYS.npz has the ratings as values and test_values, and JSON may have n_factors.
"""

import json
import os
import sys

from _protocol import claim_stdout, seconds, serve

STREAM = claim_stdout()

os.environ["TQDM_DISABLE"] = "1"  # its progress

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402
from _matrices import load_matrices, pairs  # noqa: E402
from myfm import MyFMRegressor  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402


def one_hot(X: sp.csr_matrix) -> sp.csr_matrix:
    """Return a row for each entry, with a one for its user and a one for its item."""
    n_users, n_items = X.shape
    columns = (pairs(X) + [0, n_users]).ravel()
    offsets = np.arange(0, len(columns) + 1, 2)
    return sp.csr_matrix((np.ones(len(columns)), columns, offsets), (X.nnz, n_users + n_items))


class Rounds:
    """The tasks, each one round a call."""

    def __init__(self, arrays: str, n_factors: int = 20) -> None:
        train, test = load_matrices(arrays)
        with np.load(arrays) as data:
            self.ratings, self.test_ratings = data["values"], data["test_values"]
        self.train, self.test = one_hot(train), one_hot(test)
        self.groups, self.n_factors = list(train.shape), n_factors

    def gibbs_sweeps(self, n_sweeps: int) -> float:
        """Sample from the start, keep every draw, and return the seconds of a sweep."""
        self.model = MyFMRegressor(self.n_factors, random_seed=0)
        # users and items have priors of their own, as ours
        settings = {"n_iter": n_sweeps, "n_kept_samples": n_sweeps, "group_shapes": self.groups}
        return seconds(lambda: self.model.fit(self.train, self.ratings, **settings)) / n_sweeps

    def rmse(self) -> float:
        """Return the root mean squared error of the last fit on the test ratings."""
        error = self.model.predict(self.test) - self.test_ratings
        return float(np.sqrt(np.mean(error**2)))


def main(arrays: str, n_threads: str, options: str) -> None:
    """Load the arrays and serve rounds."""
    with threadpool_limits(int(n_threads)):
        rounds = Rounds(arrays, **json.loads(options))
        serve({name: getattr(rounds, name) for name in ("gibbs_sweeps", "rmse")}, STREAM)


if __name__ == "__main__":
    main(*sys.argv[1:])
