"""skrecsys' models and its evaluation on arrays that are handed over.

Usage: python skrecsys_worker.py ARRAYS.npz N_THREADS JSON
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
from _matrices import load_matrices, pairs, write_factors  # noqa: E402
from skrecsys.metrics import evaluate_recommender, ndcg_at_k, recall_at_k  # noqa: E402
from skrecsys.recommendation import (  # noqa: E402
    EASE,
    BayesianPersonalizedRanking,
    ItemKNNRecommender,
    SLIMElasticNet,
)
from threadpoolctl import threadpool_limits  # noqa: E402


class Rounds:
    """The tasks, each one round a call; ``fit`` takes pairs and numbers their ids itself."""

    def __init__(
        self,
        matrices: tuple[sp.csr_matrix, ...],
        n_threads: int,
        n_factors: int = 64,
        **bpr_options: Any,
    ) -> None:
        self.shape = matrices[0].shape
        self.train, *tests = map(pairs, matrices)
        self.test = tests[0] if tests else None
        self.n_threads = n_threads
        size = {"n_factors": n_factors, "use_bias": False}  # as ours
        self.bpr_options = {**size, "n_jobs": n_threads, **bpr_options}
        self.models = {}

    def ease_fit(self, l2: float) -> float:
        """Fit EASE."""
        return self._fit(EASE(l2_reg=l2, n_jobs=self.n_threads))

    def knn_fit(self, n_neighbors: int) -> float:
        """Fit cosine neighbours."""
        return self._fit(ItemKNNRecommender(n_neighbors=n_neighbors, n_jobs=self.n_threads))

    def slim_fit(self, alpha: float, l1_ratio: float, n_neighbors: int) -> float:
        """Fit SLIM."""
        return self._fit(SLIMElasticNet(alpha, l1_ratio, n_neighbors, n_jobs=self.n_threads))

    def slim_weights(self, path: str) -> float:
        """Write the weights of the last fit in the whole frame."""
        weights = self.fitted.similarity_.tocoo()
        ids, n_items = self.fitted.item_ids_, self.shape[1]
        entries = weights.data, (ids[weights.row], ids[weights.col])
        sp.save_npz(path, sp.csr_matrix(entries, (n_items, n_items)))
        return 0.0

    def bpr_epochs(self, n_epochs: int, path: str | None = None, seed: int | str = 0) -> float:
        """Train BPR for some more epochs, of the start for a new seed, and write its factors."""
        model, rng = self._bpr(seed)
        X = model.interactions_
        # what `fit` calls once it has the matrix; it goes on with the factors that are there
        taken = seconds(lambda: model._epochs(X, None, n_epochs, rng, self.n_threads))
        if path:
            user = self._in_frame(model.user_ids_, model.user_factors_, 0)
            item = self._in_frame(model.item_ids_, model.item_factors_, 1)
            bias = self._in_frame(model.item_ids_, model.item_bias_[:, None], 1)
            write_factors(path, user, item, bias)
        return taken / n_epochs

    def recommend(self, n_users: int, n_items: int) -> float:
        """Rank all items for users by products of factors."""
        model, _ = self._bpr(0)
        users = np.sort(model.user_ids_)[:n_users]
        return seconds(lambda: model.recommend(users, n_recommendations=n_items))

    def evaluate(self, cuts: list[int]) -> float:
        """Judge BPR by recall and NDCG at some cut-offs."""
        model, _ = self._bpr(0)
        known = np.isin(self.test[:, 0], model.user_ids_)
        options = {"metrics": [recall_at_k, ndcg_at_k], "k": list(cuts)}
        return seconds(lambda: evaluate_recommender(model, self.test[known], **options))

    def _bpr(self, seed: int | str) -> Any:
        if seed not in self.models:
            model = BayesianPersonalizedRanking(
                **self.bpr_options, max_iter=0, random_state=seed
            ).fit(self.train)
            self.models[seed] = model, np.random.RandomState(seed)
        return self.models[seed]

    def _in_frame(self, ids: np.ndarray, rows: Any, axis: int) -> np.ndarray:
        """Return rows of what the train matrix has as rows of the whole frame."""
        framed = np.zeros((self.shape[axis], rows.shape[1]))
        framed[ids] = rows
        return framed

    def _fit(self, model: Any) -> float:
        self.fitted = model
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # columns that did not converge
            return seconds(lambda: model.fit(self.train))


def main(arrays: str, n_threads: str, options: str) -> None:
    """Load the arrays and serve rounds."""
    with threadpool_limits(int(n_threads)):
        rounds = Rounds(load_matrices(arrays), int(n_threads), **json.loads(options))
        names = (
            "ease_fit", "knn_fit", "slim_fit", "slim_weights", "bpr_epochs", "recommend",
            "evaluate",
        )  # fmt: skip
        serve({name: getattr(rounds, name) for name in names}, STREAM)


if __name__ == "__main__":
    main(*sys.argv[1:])
