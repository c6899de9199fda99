"""A training batch of H+Vamp (Gated), and what it cannot do without.

That is: the pseudo-inputs meet the first layer (product, and the gradients of both), the decoder's
last layer meets all items (the same three), and the optimiser's step.
"""

import time
from argparse import Namespace

import torch

from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_gowalla, load_movielens_users
from benchmarks.speed.measure import alternate, summarize
from benchmarks.speed.timers import EstimatorBatches
from skrec import VampVAERecommender
from skrec.nn import HierarchicalVampVAE
from skrec.typing import CSRMatrix

__all__ = ["UnavoidableWork", "vamp_batch"]

_VAMP = {
    "hierarchical": True,
    "gated": True,
    "hidden_sizes": (600,),
    "latent_size": 200,
    "n_pseudo_inputs": 1000,
}
_SMOKE = {"hidden_sizes": (8,), "latent_size": 4, "n_pseudo_inputs": 20}
_BATCH = 200


def vamp_batch(options: Namespace) -> list[Row]:
    """Time batches of H+Vamp (Gated), and what they cannot do without, on two catalogues."""
    torch.set_num_threads(options.threads)
    rows = _one_catalogue("", load_movielens_users(options), options)
    return rows + _one_catalogue("_gowalla", load_gowalla(options)[0], options)


def _one_catalogue(suffix: str, X: CSRMatrix, options: Namespace) -> list[Row]:
    estimator = VampVAERecommender(**{**_VAMP, **(_SMOKE if options.smoke else {})})
    batches = EstimatorBatches(estimator, X, _BATCH, options.batches)
    batches()  # the module is there after a fit
    module = estimator.net_.module_
    reference = f"unavoidable{suffix}"
    tasks = {f"vamp_batch{suffix}": batches, reference: UnavoidableWork(module, options.batches)}
    note = f"{len(module.pseudo_inputs)} pseudo-inputs, {X.shape[1]} items"
    return [row | {"note": note} for row in summarize(alternate(tasks, options.rounds), reference)]


class UnavoidableWork:
    """The products of the pseudo-inputs and of all items, and the optimiser's step, alone.

    Parameters
    ----------
    module : HierarchicalVampVAE
        Whose sizes count.
    n_batches : int
        How often a round.
    """

    def __init__(self, module: HierarchicalVampVAE, n_batches: int) -> None:
        self.generator = torch.Generator().manual_seed(0)
        first, last = module.encoder.first.weight.shape, module.last.weight.shape
        K = len(module.pseudo_inputs)
        self.products = [
            (self._draw(K, first[0]), self._draw(*first), self._draw(K, first[1])),
            (
                self._draw(_BATCH, last[1]),
                self._draw(last[1], last[0]),
                self._draw(_BATCH, last[0]),
            ),
        ]
        self.weights = [torch.nn.Parameter(self._draw(*p.shape)) for p in module.parameters()]
        for weight in self.weights:
            weight.grad = self._draw(*weight.shape)
        self.optimizer = torch.optim.Adam(self.weights, lr=5e-4, fused=True)
        self.n_batches = n_batches

    def _draw(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self.generator)

    def __call__(self) -> list[float]:
        """Do the work and return the seconds of each time."""
        taken = []
        for _ in range(self.n_batches):
            start = time.perf_counter()
            for inputs, weight, gradient in self.products:
                inputs @ weight
                inputs.T @ gradient
                gradient @ weight.T
            self.optimizer.step()
            taken.append(time.perf_counter() - start)
        return taken
