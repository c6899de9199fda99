"""Speed of CrossFeedbackBMF: a batch of users with a batch of items, and its own parts alone.

The parts: products of embeddings with the weights of the latent inputs and their gradients, sparse
products of ratings and of what is rated with the first layers and their gradients, the inner
products of the embeddings, the optimiser's step. Small layers and the attention are not among them.
"""

import time
from argparse import Namespace
from typing import Any

import torch

from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_movielens_ratings
from benchmarks.speed.measure import alternate, summarize
from benchmarks.speed.timers import BatchTimer
from skrec import CrossFeedbackBMF
from skrec.nn import CrossFeedbackVAE, SideEncoder, SparseLinear, SparseRows
from skrec.training import sparse_rows
from skrec.typing import CSRMatrix

__all__ = ["Pass", "PassParts", "cross_feedback_pass"]

_SIZE: dict[str, Any] = {"n_factors": 25, "hidden_sizes": (50,), "joined_size": 50}
_SMOKE: dict[str, Any] = {"n_factors": 3, "hidden_sizes": (4,), "joined_size": 4}


def cross_feedback_pass(options: Namespace) -> list[Row]:
    """Time a pass of CrossFeedbackBMF over ml-1m, and its parts."""
    torch.set_num_threads(options.threads)
    X = load_movielens_ratings(options)
    size, batch = (_SMOKE, 100) if options.smoke else (_SIZE, 1000)
    rows = []
    for attention in (None, "rated"):
        estimator = CrossFeedbackBMF(
            **size,
            early_stopping=False,
            attention=attention,
            batch_size=batch,
            item_batch_size=batch,
            random_state=0,
        )
        ours = Pass(estimator, X)
        ours()  # the module is there after a fit
        parts = PassParts(estimator.net_.module_, X, batch)
        suffix = "" if attention is None else "_attention"
        reference = f"cross_feedback_parts{suffix}"
        tasks = {f"cross_feedback_pass{suffix}": ours, reference: parts}
        note = f"{X.nnz} ratings, batches of {batch}"
        measured = summarize(alternate(tasks, options.rounds), reference)
        rows += [row | {"note": note} for row in measured]
    return rows


class Pass:
    """A pass of a fit: slicing, skorch, callbacks and all, without what comes after the batches.

    Parameters
    ----------
    estimator : CrossFeedbackBMF
        What to fit.
    X : csr_matrix of shape (n_users, n_items)
        Ratings.
    """

    def __init__(self, estimator: CrossFeedbackBMF, X: CSRMatrix) -> None:
        self.estimator = estimator.set_params(max_epochs=1, device="cpu")
        self.X = X

    def __call__(self) -> list[float]:
        """Fit for a pass and return the mean seconds of its batches but the first."""
        timer = BatchTimer()
        self.estimator.set_params(callbacks=[timer]).fit(self.X)
        taken = timer.batches()
        return [sum(taken) / max(1, len(taken))]


class PassParts:
    """What a pass cannot do without, each part by itself.

    Parameters
    ----------
    module : CrossFeedbackVAE
        Whose sizes count.
    X : csr_matrix of shape (n_users, n_items)
        Ratings.
    batch : int
        Users and items a batch.
    """

    def __init__(self, module: CrossFeedbackVAE, X: CSRMatrix, batch: int) -> None:
        self.generator = torch.Generator().manual_seed(0)
        n_factors = module.user_embeddings.shape[1]
        self.sides = []
        for rows, encoder in ((X, module.users), (X.T.tocsr(), module.items)):
            n_rows = min(batch, rows.shape[0])
            chosen = torch.randperm(rows.shape[0], generator=self.generator)[:n_rows].numpy()
            self.sides.append(self._side(sparse_rows(rows[chosen]), encoder, n_factors))
        self.weights = [torch.nn.Parameter(self._draw(*p.shape)) for p in module.parameters()]
        for weight in self.weights:
            weight.grad = self._draw(*weight.shape)
        self.optimizer = torch.optim.Adam(self.weights, lr=1e-3, fused=True)
        self.n_batches = -(-X.shape[0] // batch) * -(-X.shape[1] // batch)

    def _draw(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self.generator)

    def _side(self, rows: SparseRows, encoder: SideEncoder, n_factors: int) -> dict[str, Any]:
        """Return what one side's products need."""
        weight = encoder.latent.weight
        layer = SparseLinear(weight.shape[0], weight.shape[2])
        table = self._draw(weight.shape[0], weight.shape[2])
        return {
            "rows": rows,
            "layer": layer,
            "weight": self._draw(*weight.shape),
            "embeddings": self._draw(weight.shape[0], n_factors),
            "table": table,
            "gradient": self._draw(len(rows), weight.shape[2]),
            "own": self._draw(len(rows), n_factors),
        }

    def __call__(self) -> list[float]:
        """Do the work of some batches and return the mean seconds of one."""
        n_times = min(self.n_batches, 10)
        start = time.perf_counter()
        for _ in range(n_times):
            for side in self.sides:
                self._products(**side)
            users, items = (side["own"] for side in self.sides)
            met = users @ items.T
            met @ items
            met.T @ users
            self.optimizer.step()
        return [(time.perf_counter() - start) / n_times]

    def _products(
        self,
        rows: SparseRows,
        layer: SparseLinear,
        weight: torch.Tensor,
        embeddings: torch.Tensor,
        table: torch.Tensor,
        gradient: torch.Tensor,
        own: torch.Tensor,
    ) -> None:
        torch.bmm(embeddings[:, None], weight)
        torch.bmm(embeddings[:, :, None], table[:, None])
        for _ in range(2):  # ratings, and what is rated
            layer(rows).backward(gradient)
            layer.weight.grad = None
