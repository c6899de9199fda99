"""One training batch of Mult-VAE: by the estimator, by a bare loop, and what it cannot do without.

The wide products are those of the decoder's last layer: scores, gradient of the weights, gradient
of the input. Nothing trains this model without them.
"""

import time
from argparse import Namespace
from itertools import pairwise

import torch

from benchmarks.speed.command import Row
from benchmarks.speed.fresh import PEAK, fit_fresh
from benchmarks.speed.matrices import gowalla_files, load_matrix
from benchmarks.speed.measure import alternate, summarize
from benchmarks.speed.timers import EstimatorBatches
from skrec import MultVAERecommender
from skrec.nn import ELBO, MultVAE, SparseRows
from skrec.training import sparse_rows
from skrec.typing import CSRMatrix

__all__ = ["SIZES", "BareLoop", "DecoderProducts", "multvae_batch"]

HIDDEN, LATENT = 600, 200
SIZES = {"hidden_sizes": (HIDDEN,), "latent_size": LATENT}


def multvae_batch(options: Namespace) -> list[Row]:
    """Time a training batch, and measure the memory of a fit."""
    torch.set_num_threads(options.threads)
    path, _ = gowalla_files(options)
    X, size = load_matrix(path), 100 if options.smoke else 500
    estimator = MultVAERecommender(**SIZES)
    sampled = MultVAERecommender(**SIZES, n_sampled_items=100 if options.smoke else 2000)
    tasks = {
        "estimator": EstimatorBatches(estimator, X, size, options.batches),
        "estimator_sampled_items": EstimatorBatches(sampled, X, size, options.batches),
        "bare_loop": BareLoop(X, size, options.batches),
        "three_products": DecoderProducts(X.shape[1], size, options.batches),
    }
    times = alternate(tasks, options.rounds)
    rows = summarize(times, "three_products") + summarize(times, "bare_loop")[:2]
    return rows if options.no_memory else rows + _fit_memory(path, options)


def _fit_memory(path: str, options: Namespace) -> list[Row]:
    """Return the peaks of a fit, with best weights kept and without."""
    kept = {"early_stopping": True, "validation_fraction": 0.01}
    jobs = {"fit": PEAK, "fit_with_best_weights": {**PEAK, **kept}}
    return [
        {"what": name, **fit_fresh(path, "MultVAERecommender", parameters, options)}
        for name, parameters in jobs.items()
    ]


class BareLoop:
    """The same module, loss and optimiser in a loop of six lines.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Rows to train on.
    batch_size : int
        Rows a batch.
    n_batches : int
        Batches a round that are timed.
    """

    def __init__(self, X: CSRMatrix, batch_size: int, n_batches: int) -> None:
        self.X, self.batch_size, self.n_batches = X, batch_size, n_batches
        torch.manual_seed(0)
        self.module = MultVAE(X.shape[1], (HIDDEN,), LATENT).train()
        self.criterion = ELBO()
        self.optimizer = torch.optim.Adam(self.module.parameters(), lr=1e-3, fused=True)

    def __call__(self) -> list[float]:
        """Train on some batches and return the seconds of all but the first."""
        order = torch.randperm(self.X.shape[0]).numpy()
        ends = []
        for number in range(self.n_batches + 1):
            start = number * self.batch_size % max(1, len(order) - self.batch_size + 1)
            self._step(sparse_rows(self.X[order[start : start + self.batch_size]]))
            ends.append(time.perf_counter())
        return [after - before for before, after in pairwise(ends)]

    def _step(self, rows: SparseRows) -> float:
        self.criterion.beta = 0.1
        self.optimizer.zero_grad()
        loss = self.criterion(self.module(rows), rows)
        loss.backward()
        self.optimizer.step()
        return loss.item()


class DecoderProducts:
    """The three wide products of the decoder's last layer, and nothing else.

    Parameters
    ----------
    n_items : int
        Columns.
    batch_size : int
        Rows a batch.
    n_batches : int
        How often a round.
    """

    def __init__(self, n_items: int, batch_size: int, n_batches: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.hidden = torch.randn(batch_size, HIDDEN, generator=generator)
        self.weight = torch.randn(n_items, HIDDEN, generator=generator)
        self.gradient = torch.randn(batch_size, n_items, generator=generator)
        self.n_batches = n_batches

    def __call__(self) -> list[float]:
        """Compute the products and return the seconds of each time."""
        taken = []
        for _ in range(self.n_batches):
            start = time.perf_counter()
            self.hidden @ self.weight.T
            self.gradient.T @ self.hidden
            self.gradient @ self.weight
            taken.append(time.perf_counter() - start)
        return taken
