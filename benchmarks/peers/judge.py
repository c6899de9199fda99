"""NDCG of whatever a peer or ours has trained, by the same code."""

import numpy as np
import torch
from sklearn.utils import gen_batches

from skrec.metrics import ndcg
from skrec.typing import Array, CSRMatrix

__all__ = ["Judge"]


class Judge:
    """NDCG of the users of a test matrix, over all items that they do not have in train.

    Parameters
    ----------
    train, test : csr_matrix of shape (n_users, n_items)
        What is left out of the ranking, and the targets.
    k : int
        Cut-off.
    n_users : int, default=None
        Judge so many test users drawn at random; None takes all.
    block : int, default=250
        Users at once; about 40 MB of scores on Gowalla.
    """

    def __init__(
        self,
        train: CSRMatrix,
        test: CSRMatrix,
        k: int,
        n_users: int | None = None,
        block: int = 250,
    ) -> None:
        self.k, self.block = k, block
        self.users = np.flatnonzero(np.diff(test.indptr))
        if n_users is not None:
            self.users = np.sort(np.random.default_rng(0).permutation(self.users)[:n_users])
        self.train, self.test = train[self.users], test[self.users]

    def ranking(self, ranked: Array) -> float:
        """Judge lists of shape (n_test_users, k)."""
        return ndcg(self.test, ranked=ranked, k=self.k)

    def factors(self, user_factors: Array, item_factors: Array) -> float:
        """Judge products of the factors of all users and items."""
        with torch.inference_mode():
            items = torch.from_numpy(item_factors).T.contiguous()
            parts = [
                self._rank(rows, torch.from_numpy(user_factors[self.users[rows]]) @ items)
                for rows in gen_batches(len(self.users), self.block)
            ]
        return self.ranking(np.concatenate(parts))

    def _rank(self, rows: slice, scores: torch.Tensor) -> Array:
        seen = self.train[rows]
        scores[seen.nonzero()] = -torch.inf
        return torch.topk(scores, min(self.k, scores.shape[1]), dim=1).indices.numpy()
