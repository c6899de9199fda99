"""irspack's models of items on arrays that are handed over.

Usage: python irspack_worker.py ARRAYS.npz N_THREADS JSON
where JSON is not read: it has no settings.
"""

import sys
import types
from typing import Any

from _protocol import claim_stdout, seconds, serve

STREAM = claim_stdout()

sys.modules["optuna"] = types.ModuleType("optuna")  # of a search that no worker runs
sys.modules["optuna"].Study = object

import scipy.sparse as sp  # noqa: E402
from _matrices import load_matrices  # noqa: E402
from irspack.recommenders import (  # noqa: E402
    DenseSLIMRecommender,
    EDLAERecommender,
    RP3betaRecommender,
)
from threadpoolctl import threadpool_limits  # noqa: E402


class Rounds:
    """The tasks, each one round a call."""

    def __init__(self, X: sp.csr_matrix, n_threads: int) -> None:
        self.X, self.n_threads = X, n_threads

    def ease_fit(self, l2: float) -> float:
        """Fit EASE, in float32."""
        return self._fit(DenseSLIMRecommender, reg=l2)

    def edlae_fit(self, l2: float, dropout: float) -> float:
        """Fit EDLAE, in float32."""
        return self._fit(EDLAERecommender, reg=l2, dropout_p=dropout)

    def rp3beta_fit(self, alpha: float, beta: float, n_neighbors: int, normalize: bool) -> float:
        """Fit RP3beta."""
        walk = {"alpha": alpha, "beta": beta, "n_threads": self.n_threads}
        return self._fit(RP3betaRecommender, **walk, top_k=n_neighbors, normalize_weight=normalize)

    def _fit(self, cls: type, **settings: Any) -> float:
        return seconds(cls(self.X, **settings).learn)


def main(arrays: str, n_threads: str, options: str) -> None:
    """Load the arrays and serve rounds."""
    with threadpool_limits(int(n_threads)):
        rounds = Rounds(load_matrices(arrays)[0], int(n_threads))
        names = "ease_fit", "edlae_fit", "rp3beta_fit"
        serve({name: getattr(rounds, name) for name in names}, STREAM)


if __name__ == "__main__":
    main(*sys.argv[1:])
