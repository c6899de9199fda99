"""What speed is held against: loops and products in bare NumPy, SciPy and torch.

Nothing here imports the package, and nothing here is to be made faster: a ratio to a reference says
something over years only while the reference stays what it is.
"""

from itertools import pairwise

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn
from torch.nn import functional

__all__ = [
    "Net",
    "autoencoder_epoch",
    "draws",
    "inverse",
    "least_squares",
    "made_matrix",
    "ndcg",
    "one_list",
    "pair_epoch",
    "pair_steps",
    "rank_in_blocks",
    "similarities",
    "solve_one",
]

_L2 = 100.0
_AT_ONCE = 4096  # pairs


def made_matrix(n_users: int, n_items: int, n_draws: int) -> sp.csr_matrix:
    """Return ones where a user has an item; some users and items have far more than others."""
    rng = np.random.default_rng(0)
    users = np.concatenate([np.arange(n_users), (n_users * rng.random(n_draws) ** 2).astype(int)])
    items = (n_items * rng.random(len(users)) ** 3).astype(int)
    X = sp.csr_matrix((np.ones(len(users), np.float32), (users, items)), shape=(n_users, n_items))
    X.data[:] = 1
    X.sort_indices()
    return X


# fits


def inverse(X: sp.csr_matrix) -> np.ndarray:
    """Return the inverse of the Gram matrix with a ridge."""
    gram = (X.T @ X).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += _L2
    return np.linalg.inv(gram)


def similarities(A: sp.csr_matrix, k: int = 100) -> np.ndarray:
    """Return the k-th largest product of each row with others."""
    product = (A @ A.T).toarray()
    return np.partition(product, -min(k, product.shape[1]), axis=1)[:, -min(k, product.shape[1])]


def least_squares(X: sp.csr_matrix, n_factors: int) -> np.ndarray:
    """Solve a ridge regression a row."""
    V = np.random.default_rng(0).normal(size=(X.shape[1], n_factors)).astype(np.float32)
    ridge = V.T @ V + _L2 * np.eye(n_factors, dtype=np.float32)
    out = np.empty((X.shape[0], n_factors), np.float32)
    for user in range(X.shape[0]):
        own = V[X.indices[X.indptr[user] : X.indptr[user + 1]]]
        out[user] = np.linalg.solve(ridge + own.T @ own, own.sum(axis=0))
    return out


# epochs


def pair_steps(X: sp.csr_matrix, n_factors: int, n_negatives: int) -> None:
    """Take steps on random pairs, as many as an epoch has, some thousands at once."""
    rng = np.random.default_rng(0)
    P, Q = (rng.normal(0, 0.1, (n, n_factors)).astype(np.float32) for n in X.shape)
    users = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    users = rng.permutation(np.repeat(users, 1 + n_negatives))
    for start in range(0, len(users), _AT_ONCE):
        rows = users[start : start + _AT_ONCE]
        items = rng.integers(X.shape[1], size=len(rows))
        p, q = P[rows], Q[items]
        slope = 0.01 / (1 + np.exp(np.einsum("ij,ij->i", p, q)))[:, None]
        P[rows], Q[items] = p + slope * q, q + slope * p


class Net(nn.Module):
    """Inner products, or layers on both vectors.

    Parameters
    ----------
    n_users, n_items, n_factors : int
        Sizes.
    hidden_sizes : tuple of int, default=()
        Of the layers; none for inner products.
    """

    def __init__(
        self, n_users: int, n_items: int, n_factors: int, hidden_sizes: tuple[int, ...] = ()
    ) -> None:
        super().__init__()
        self.users, self.items = (nn.Embedding(n, n_factors) for n in (n_users, n_items))
        sizes = (2 * n_factors, *hidden_sizes)
        layers = [m for ab in pairwise(sizes) for m in (nn.Linear(*ab), nn.ReLU())]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], 1)) if hidden_sizes else None

    def forward(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Score pairs: (B,), (B,) -> (B,)."""
        p, q = self.users(users), self.items(items)
        scores = (p * q).sum(1)
        return scores if self.layers is None else scores + self.layers(torch.cat([p, q], 1))[:, 0]


def pair_epoch(net: Net, X: sp.csr_matrix, n_negatives: int, batch_size: int) -> None:
    """Train on all pairs and as many random ones as are asked for, by Adam."""
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    for part in np.array_split(rng.permutation(len(users)), -(-len(users) // batch_size)):
        drawn = rng.integers(X.shape[1], size=len(part) * n_negatives)
        rows = torch.from_numpy(np.tile(users[part], 1 + n_negatives))
        columns = torch.from_numpy(np.concatenate([X.indices[part], drawn]))
        labels = (torch.arange(len(rows)) < len(part)).float()
        optimizer.zero_grad()
        functional.binary_cross_entropy_with_logits(net(rows, columns), labels).backward()
        optimizer.step()


def autoencoder_epoch(net: nn.Module, X: sp.csr_matrix, batch_size: int) -> None:
    """Train on dense rows, by Adam."""
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    for start in range(0, X.shape[0], batch_size):
        rows = torch.from_numpy(X[start : start + batch_size].toarray())
        optimizer.zero_grad()
        (-(functional.log_softmax(net(rows), 1) * rows).sum(1).mean()).backward()
        optimizer.step()


def draws(X: sp.csr_matrix) -> np.ndarray:
    """Draw an item for each entry, and look whether the matrix has it."""
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    keys = users * X.shape[1] + X.indices
    drawn = users * X.shape[1] + rng.integers(X.shape[1], size=len(users))
    return keys[np.minimum(np.searchsorted(keys, drawn), len(keys) - 1)] == drawn


# lists


def rank_in_blocks(
    P: np.ndarray, Q: np.ndarray, X: sp.csr_matrix, k: int, block: int = 256
) -> None:
    """Rank all items for all users."""
    for start in range(0, len(P), block):
        scores = P[start : start + block] @ Q.T
        scores[X[start : start + block].nonzero()] = -np.inf
        torch.topk(torch.from_numpy(scores), k)


def one_list(scores: np.ndarray, seen: np.ndarray, k: int) -> np.ndarray:
    """Return the best items of one user."""
    scores[seen] = -np.inf
    best = np.argpartition(-scores, k)[:k]
    return best[np.argsort(-scores[best])]


def solve_one(Q: np.ndarray, gram: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return the vector of one user by a ridge regression."""
    own = Q[seen]
    return np.linalg.solve(gram + own.T @ own, own.sum(axis=0))


def ndcg(targets: sp.csr_matrix, scores: np.ndarray, k: int) -> float:
    """Return the mean NDCG of users, ties as they come."""
    best = np.argpartition(-scores, k, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    hits = np.take_along_axis(targets.toarray(), np.take_along_axis(best, order, axis=1), axis=1)
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[np.minimum(np.diff(targets.indptr), k) - 1]
    return float(np.mean(hits @ discounts / ideal))
