"""fastslim on arrays that are handed over.

Usage: python fastslim_worker.py ARRAYS.npz N_THREADS JSON
where JSON is not read: it has no settings.
"""

import sys
import warnings

from _protocol import claim_stdout, seconds, serve

STREAM = claim_stdout()

import fastslim  # noqa: E402
import scipy.sparse as sp  # noqa: E402
from _matrices import load_matrices  # noqa: E402


class Rounds:
    """The tasks, each one round a call."""

    def __init__(self, X: sp.csr_matrix, n_threads: int) -> None:
        self.X, self.n_threads = X.astype(float), n_threads

    def slim_fit(self, l1: float, l2: float, tol: float) -> float:
        """Fit SLIM."""
        self.model = fastslim.SLIM(l1, l2, tol=tol, n_threads=self.n_threads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # columns that did not converge
            return seconds(lambda: self.model.fit(self.X))

    def slim_weights(self, path: str) -> float:
        """Write the weights of the last fit."""
        sp.save_npz(path, sp.csr_matrix(self.model.weights))
        return 0.0


def main(arrays: str, n_threads: str, options: str) -> None:
    """Load the arrays and serve rounds."""
    rounds = Rounds(load_matrices(arrays)[0], int(n_threads))
    serve({name: getattr(rounds, name) for name in ("slim_fit", "slim_weights")}, STREAM)


if __name__ == "__main__":
    main(*sys.argv[1:])
