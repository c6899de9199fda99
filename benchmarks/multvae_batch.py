"""One training batch of Mult-VAE: by the estimator, by a bare loop, and what it cannot do without.

The wide products are those of the decoder's last layer: scores, gradient of the weights, gradient
of the input. Nothing trains this model without them.
"""

import time
from itertools import pairwise

import torch
from skorch.callbacks import Callback

from skrec import MultVAERecommender
from skrec.nn import ELBO, MultVAE
from skrec.training import sparse_rows

__all__ = ["BareLoop", "BatchTimer", "DecoderProducts", "EstimatorBatches"]

HIDDEN, LATENT = 600, 200


class BatchTimer(Callback):
    """Keep the time at the end of each batch; skorch callbacks are part of the estimator's loop."""

    def __init__(self):
        self.ends = []

    def __deepcopy__(self, memo):
        return self  # estimators copy their callbacks, and this one is read afterwards

    def on_batch_end(self, net, training=None, **kwargs):
        """Look at the clock."""
        if training:
            self.ends.append(time.perf_counter())

    def batches(self):
        """Give the seconds of each batch but the first, which has no beginning."""
        return [after - before for before, after in pairwise(self.ends)]


class EstimatorBatches:
    """Some batches of a fit: slicing, skorch, callbacks and all.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Rows to train on.
    batch_size : int
        Rows a batch.
    n_batches : int
        Batches a round that are timed.
    estimator : estimator, default=None
        What to fit; None takes Mult-VAE.
    """

    def __init__(self, X, batch_size, n_batches, estimator=None):
        if estimator is None:
            estimator = MultVAERecommender(hidden_sizes=(HIDDEN,), latent_size=LATENT)
        self.X = X[: batch_size * (n_batches + 1)]
        self.estimator = estimator.set_params(
            max_epochs=1, batch_size=batch_size, device="cpu", random_state=0
        )

    def __call__(self):
        """Fit for an epoch and give the seconds of its batches."""
        timer = BatchTimer()
        self.estimator.set_params(callbacks=[timer]).fit(self.X)
        return timer.batches()


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

    def __init__(self, X, batch_size, n_batches):
        self.X, self.batch_size, self.n_batches = X, batch_size, n_batches
        torch.manual_seed(0)
        self.module = MultVAE(X.shape[1], (HIDDEN,), LATENT).train()
        self.criterion = ELBO()
        self.optimizer = torch.optim.Adam(self.module.parameters(), lr=1e-3, fused=True)

    def __call__(self):
        """Train on some batches and give the seconds of all but the first."""
        order = torch.randperm(self.X.shape[0]).numpy()
        ends = []
        for number in range(self.n_batches + 1):
            start = number * self.batch_size % max(1, len(order) - self.batch_size + 1)
            self._step(sparse_rows(self.X[order[start : start + self.batch_size]]))
            ends.append(time.perf_counter())
        return [after - before for before, after in pairwise(ends)]

    def _step(self, rows):
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

    def __init__(self, n_items, batch_size, n_batches):
        generator = torch.Generator().manual_seed(0)
        self.hidden = torch.randn(batch_size, HIDDEN, generator=generator)
        self.weight = torch.randn(n_items, HIDDEN, generator=generator)
        self.gradient = torch.randn(batch_size, n_items, generator=generator)
        self.n_batches = n_batches

    def __call__(self):
        """Compute the products and give the seconds of each time."""
        taken = []
        for _ in range(self.n_batches):
            start = time.perf_counter()
            self.hidden @ self.weight.T
            self.gradient.T @ self.hidden
            self.gradient @ self.weight
            taken.append(time.perf_counter() - start)
        return taken
