"""implicit's alternating least squares on arrays that are handed over.

Usage: python implicit_als_worker.py ARRAYS.npz N_THREADS N_FACTORS CONFIDENCE REGULARIZATION
"""

import sys
from typing import Any

from _protocol import claim_stdout, seconds, serve

STREAM = claim_stdout()

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402
from implicit.cpu.als import AlternatingLeastSquares  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402


class Sweeps:
    """The tasks. Sweeps go on from where the last one ended; both solvers have their own."""

    def __init__(
        self,
        data: dict[str, np.ndarray],
        n_threads: int,
        n_factors: int,
        confidence: float,
        regularization: float,
    ) -> None:
        values = np.full(len(data["indices"]), confidence, dtype=np.float32)
        shape = tuple(data["shape"])
        self.X = sp.csr_matrix((values, data["indices"], data["indptr"]), shape=shape)
        self.transposed = self.X.T.tocsr()
        self.options = {
            "factors": n_factors,
            "regularization": regularization,
            "num_threads": n_threads,
        }
        self.started = {use_cg: self._started(use_cg) for use_cg in (False, True)}

    def _started(self, use_cg: bool) -> Any:
        """Return a model with first factors."""
        model = AlternatingLeastSquares(**self.options, use_cg=use_cg, iterations=1, random_state=0)
        model.fit(self.X, show_progress=False)
        return model

    def _sweep(self, model: Any) -> None:
        l2, n_threads = self.options["regularization"], self.options["num_threads"]
        users, items = model.user_factors, model.item_factors
        model.solver(self.X, users, items, l2, num_threads=n_threads)
        model.solver(self.transposed, items, users, l2, num_threads=n_threads)

    def cholesky(self) -> float:
        """Solve all users, then all items, exactly."""
        return seconds(lambda: self._sweep(self.started[False]))

    def cg(self) -> float:
        """Solve all users, then all items, by three steps of conjugate gradients."""
        return seconds(lambda: self._sweep(self.started[True]))

    def fit(self, n_sweeps: int, path: str, seed: int | str, use_cg: bool) -> float:
        """Train from the start, write the factors, and return the seconds."""
        options = {**self.options, "iterations": n_sweeps, "random_state": seed}
        model = AlternatingLeastSquares(**options, use_cg=use_cg)
        taken = seconds(lambda: model.fit(self.X, show_progress=False))
        np.savez(path, users=model.user_factors, items=model.item_factors)
        return taken


def main(arrays: str, n_threads: str, n_factors: str, confidence: str, regularization: str) -> None:
    """Load the arrays and serve rounds."""
    numbers = int(n_threads), int(n_factors), float(confidence), float(regularization)
    # its threads each call a BLAS that must not start more of them
    with np.load(arrays) as data, threadpool_limits(1, "blas"):
        sweeps = Sweeps(dict(data), *numbers)
        serve({name: getattr(sweeps, name) for name in ("cholesky", "cg", "fit")}, STREAM)


if __name__ == "__main__":
    main(*sys.argv[1:])
