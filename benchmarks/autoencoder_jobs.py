"""Speed of the autoencoders: a batch of H+Vamp (Gated), and RecVAE's epochs beside RecBole's.

What H+Vamp cannot do without: the pseudo-inputs meet the first layer (product, and the gradients
of both), the decoder's last layer meets all items (the same three), and the optimiser's step.
"""

import json
import time

import torch

from benchmarks import matrices
from benchmarks.jobs import Epochs
from benchmarks.measure import alternate, summarize
from benchmarks.multvae_batch import EstimatorBatches
from benchmarks.peers import Worker
from skrec import RecVAERecommender, VampVAERecommender
from skrec.reproduce import _data, strong_generalization_parts

__all__ = ["recvae_epoch", "vamp_batch"]

VAMP = {
    "hierarchical": True,
    "gated": True,
    "hidden_sizes": (600,),
    "latent_size": 200,
    "n_pseudo_inputs": 1000,
}
_SMOKE = {"hidden_sizes": (8,), "latent_size": 4}
_BATCH = 200


def _rows(options):
    """Give the training rows of strong generalisation on ml-1m."""
    name = "synthetic" if options.smoke else "ml-1m"
    dataset = _data.load(name, options.data_home)
    n_users = 20 if options.smoke else 500
    return strong_generalization_parts(dataset.interactions, n_users)[0]


def vamp_batch(options):
    """Time batches of H+Vamp (Gated), and what they cannot do without, on two catalogues."""
    torch.set_num_threads(options.threads)
    rows = _vamp_rows("", _rows(options), options)
    train, _ = matrices.gowalla_matrices(options.folder, options.data_home, options.smoke)
    return rows + _vamp_rows("_gowalla", matrices.load_matrix(train), options)


def _vamp_rows(suffix, X, options):
    size = {"n_pseudo_inputs": 20, **_SMOKE} if options.smoke else {}
    estimator = VampVAERecommender(**{**VAMP, **size})
    batches = EstimatorBatches(X, _BATCH, options.batches, estimator)
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

    def __init__(self, module, n_batches):
        generator = torch.Generator().manual_seed(0)
        draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
        first, last = module.encoder.first.weight.shape, module.last.weight.shape
        K = len(module.pseudo_inputs)
        self.products = [
            (draw(K, first[0]), draw(*first), draw(K, first[1])),
            (draw(_BATCH, last[1]), draw(last[1], last[0]), draw(_BATCH, last[0])),
        ]
        self.weights = [torch.nn.Parameter(draw(*p.shape)) for p in module.parameters()]
        for weight in self.weights:
            weight.grad = draw(*weight.shape)
        self.optimizer = torch.optim.Adam(self.weights, lr=5e-4, fused=True)
        self.n_batches = n_batches

    def __call__(self):
        """Do the work and give the seconds of each time."""
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


def recvae_epoch(options):
    """Time epochs of RecVAE, three passes of the encoder and one of the decoder, beside RecBole."""
    torch.set_num_threads(options.threads)
    X = _rows(options)
    size = {"hidden_size": 8, "latent_size": 4} if options.smoke else {}
    batch_size = min(500, X.shape[0])
    estimator = RecVAERecommender(batch_size=batch_size, device="cpu", random_state=0, **size)
    ours = Epochs(estimator, X, 1 + options.batches)
    tasks = {"recvae_epoch": ours}
    if "recbole" not in options.peers:
        return summarize(alternate(tasks, options.rounds), "recvae_epoch")
    arrays = matrices.save_arrays(options.folder / "recvae.npz", X)
    given = json.dumps({name: getattr(estimator, name) for name in ("hidden_size", "latent_size")})
    arguments = (arrays, options.threads, batch_size, given)
    with Worker(
        "recbole", *arguments, threads=options.threads, script="recbole_recvae_worker"
    ) as worker:
        tasks["recbole_recvae_epoch"] = lambda: [
            worker.run("epoch") for _ in range(options.batches)
        ]
        return summarize(alternate(tasks, options.rounds), "recbole_recvae_epoch")
