"""Epochs of Mult-VAE and of RecVAE beside the peers'."""

import json
from argparse import Namespace

from benchmarks.peers.environments import Worker
from benchmarks.peers.team import Team, compare
from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_movielens, load_movielens_users, save_arrays
from benchmarks.speed.measure import alternate, limited_threads, summarize
from benchmarks.speed.multvae import SIZES
from benchmarks.speed.timers import EstimatorEpochs
from skrec import MultVAERecommender, RecVAERecommender

__all__ = ["multvae_epoch", "recvae_epoch"]

_BATCH = 500


def multvae_epoch(options: Namespace) -> list[Row]:
    """Time epochs of Mult-VAE [I-600-200-600-I] on ml-1m."""
    X, test = load_movielens("1m", options)
    sizes = {"hidden_sizes": (8,), "latent_size": 4} if options.smoke else SIZES
    estimator = MultVAERecommender(**sizes, batch_size=_BATCH, device="cpu", random_state=0)
    call = ["multvae_epoch", estimator.hidden_sizes[0], estimator.latent_size, _BATCH]
    settings = {"recbole": {}, "cornac": {}}
    arrays = save_arrays(options.folder / "multvae.npz", X, test)
    with Team(settings, arrays, options) as team:
        ours, calls = EstimatorEpochs(estimator, X, 2), {peer: call for peer in settings}
        note = f"{X.shape[0]} users, {X.nnz} interactions"
        return compare("multvae_epoch", ours, calls, team, options, note)


def recvae_epoch(options: Namespace) -> list[Row]:
    """Time epochs of RecVAE, three passes of the encoder and one of the decoder."""
    X = load_movielens_users(options)
    sizes = {"hidden_size": 8, "latent_size": 4} if options.smoke else {}
    batch_size = min(_BATCH, X.shape[0])
    estimator = RecVAERecommender(batch_size=batch_size, device="cpu", random_state=0, **sizes)
    tasks = {"recvae_epoch": EstimatorEpochs(estimator, X, 1 + options.batches)}
    with limited_threads(options.threads):
        if "recbole" not in options.peers:
            return summarize(alternate(tasks, options.rounds), "recvae_epoch")
        with _recvae_worker(estimator, X, options) as worker:
            name = "recbole_recvae_epoch"
            tasks[name] = lambda: [worker.run("epoch") for _ in range(options.batches)]
            return summarize(alternate(tasks, options.rounds), name)


def _recvae_worker(estimator: RecVAERecommender, X: object, options: Namespace) -> Worker:
    arrays = save_arrays(options.folder / "recvae.npz", X)
    sizes = {name: getattr(estimator, name) for name in ("hidden_size", "latent_size")}
    arguments = (arrays, options.threads, estimator.batch_size, json.dumps(sizes))
    script = "recbole_recvae_worker"
    return Worker("recbole", *arguments, threads=options.threads, script=script)
