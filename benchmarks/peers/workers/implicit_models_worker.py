"""implicit's neighbours, BPR, ranking and evaluation on arrays that are handed over.

Usage: python implicit_models_worker.py ARRAYS.npz N_THREADS JSON
where JSON may have n_factors, learning_rate and regularization of BPR.
"""

import json
import sys
import warnings
from typing import Any

from _protocol import claim_stdout, seconds, serve

STREAM = claim_stdout()

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402
from _matrices import load_matrices, write_factors  # noqa: E402
from implicit.cpu.als import AlternatingLeastSquares  # noqa: E402
from implicit.cpu.bpr import BayesianPersonalizedRanking  # noqa: E402
from implicit.evaluation import ranking_metrics_at_k  # noqa: E402
from implicit.nearest_neighbours import CosineRecommender  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402


class Rows(sp.csr_matrix):
    """Takes memoryviews as row numbers, as implicit's evaluation has them and SciPy no longer."""

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key if isinstance(key, tuple) else np.asarray(key))


class Rounds:
    """The tasks, each one round a call."""

    def __init__(
        self,
        matrices: tuple[sp.csr_matrix, ...],
        n_threads: int,
        n_factors: int = 64,
        learning_rate: float = 0.01,
        regularization: float = 0.001,
    ) -> None:
        self.train, *tests = matrices
        self.test = tests[0] if tests else None
        self.n_threads = n_threads
        self.bpr_options = {
            "factors": n_factors,
            "learning_rate": learning_rate,
            "regularization": regularization,
            "num_threads": n_threads,
        }
        self.models = {}

    def knn_fit(self, n_neighbors: int) -> float:
        """Fit cosine neighbours."""
        model = CosineRecommender(K=n_neighbors, num_threads=self.n_threads)
        return seconds(lambda: model.fit(self.train, show_progress=False))

    def bpr_epochs(self, n_epochs: int, path: str | None = None, seed: int | str = 0) -> float:
        """Train BPR for some more epochs, of the start for a new seed, and write its factors."""
        model, rng = self._bpr(seed)
        model.iterations, model.random_state = n_epochs, int(rng.randint(2**31))
        taken = seconds(lambda: model.fit(self.train, show_progress=False))
        if path:
            write_factors(path, model.user_factors, model.item_factors)
        return taken / n_epochs

    def recommend(self, n_users: int, n_items: int) -> float:
        """Rank all items for users by products of factors."""
        model, users = self._started(), np.arange(n_users)
        return seconds(lambda: model.recommend(users, self.train[users], N=n_items))

    def one_user(self, kind: str, n_users: int, n_items: int) -> list[float]:
        """Return the seconds of single calls, a user each, whose row is at hand."""
        model, rows = self._one_user_model(kind), [self.train[user] for user in range(n_users)]
        if kind == "als_vector":
            return [
                seconds(lambda user=user: model.recalculate_user(user, rows[user]))
                for user in range(n_users)
            ]
        options = {"N": n_items, "recalculate_user": kind == "als_fold_in"}
        return [
            seconds(lambda user=user: model.recommend(user, rows[user], **options))
            for user in range(n_users)
        ]

    def _one_user_model(self, kind: str) -> Any:
        if kind == "bpr":
            return self._started()
        options = {"num_threads": self.n_threads}
        if kind not in self.models:
            if kind == "knn":
                model = CosineRecommender(K=100, **options)
            else:
                n_factors = self.bpr_options["factors"]
                model = AlternatingLeastSquares(n_factors, iterations=1, **options)
            model.fit(self.train, show_progress=False)
            self.models[kind] = model
        return self.models[kind]

    def evaluate(self, cuts: list[int]) -> float:
        """Judge BPR by its four metrics, NDCG among them, at each cut-off: a ranking for each."""
        model = self._started()
        options = {"show_progress": False, "num_threads": self.n_threads}
        parts = Rows(self.train), Rows(self.test)
        return seconds(lambda: [ranking_metrics_at_k(model, *parts, k, **options) for k in cuts])

    def _started(self) -> Any:
        model, _ = self._bpr("started")
        if model.user_factors is None:
            self.bpr_epochs(1, seed="started")
        return model

    def _bpr(self, seed: int | str) -> Any:
        if seed not in self.models:
            rng = np.random.RandomState(0 if seed == "started" else seed)
            self.models[seed] = BayesianPersonalizedRanking(**self.bpr_options), rng
        return self.models[seed]


def main(arrays: str, n_threads: str, options: str) -> None:
    """Load the arrays and serve rounds."""
    warnings.simplefilter("ignore")  # that its own copy of the matrix is not CSR
    with threadpool_limits(int(n_threads)):
        rounds = Rounds(load_matrices(arrays), int(n_threads), **json.loads(options))
        names = ("knn_fit", "bpr_epochs", "recommend", "one_user", "evaluate")
        serve({name: getattr(rounds, name) for name in names}, STREAM)


if __name__ == "__main__":
    main(*sys.argv[1:])
