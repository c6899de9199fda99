"""implicit's cosine neighbours and factor ranking on arrays that are handed over.

Usage: python implicit_worker.py ARRAYS.npz N_THREADS N_NEIGHBORS N_ITEMS
"""

import sys

from _protocol import claim_stdout, seconds, serve

STREAM = claim_stdout()

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402
from implicit.cpu.als import AlternatingLeastSquares  # noqa: E402
from implicit.nearest_neighbours import CosineRecommender  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402


class Rounds:
    """The tasks, each one round a call."""

    def __init__(
        self, data: dict[str, np.ndarray], n_threads: int, n_neighbors: int, n_items: int
    ) -> None:
        pattern = np.ones(len(data["indices"]), dtype=np.float32)
        shape = tuple(data["shape"])
        self.X = sp.csr_matrix((pattern, data["indices"], data["indptr"]), shape=shape)
        self.users = np.arange(shape[0])
        self.n_items = n_items
        self.knn = CosineRecommender(K=n_neighbors, num_threads=n_threads)
        self.factors = AlternatingLeastSquares(
            factors=data["user_factors"].shape[1], num_threads=n_threads
        )
        self.factors.user_factors = data["user_factors"]
        self.factors.item_factors = data["item_factors"]

    def knn_fit(self) -> float:
        """Fit the neighbours."""
        return seconds(lambda: self.knn.fit(self.X, show_progress=False))

    def knn_recommend(self) -> float:
        """Rank all items for all users by neighbours."""
        if self.knn.similarity is None:
            self.knn.fit(self.X, show_progress=False)
        return seconds(lambda: self.knn.recommend(self.users, self.X, N=self.n_items))

    def factor_recommend(self) -> float:
        """Rank all items for all users by products of factors."""
        return seconds(lambda: self.factors.recommend(self.users, self.X, N=self.n_items))


def main(arrays: str, n_threads: str, n_neighbors: str, n_items: str) -> None:
    """Load the arrays and serve rounds."""
    with np.load(arrays) as data, threadpool_limits(int(n_threads)):
        rounds = Rounds(dict(data), int(n_threads), int(n_neighbors), int(n_items))
        names = ("knn_fit", "knn_recommend", "factor_recommend")
        serve({name: getattr(rounds, name) for name in names}, STREAM)


if __name__ == "__main__":
    main(*sys.argv[1:])
