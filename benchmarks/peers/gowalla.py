"""Mult-VAE's batches, cosine neighbours and ranking by factors on Gowalla, a peer at a time."""

from argparse import Namespace
from collections.abc import Callable

import numpy as np

from benchmarks.peers.environments import Worker
from benchmarks.speed.command import Row
from benchmarks.speed.matrices import gowalla_files, load_matrix, save_arrays
from benchmarks.speed.measure import alternate, limited_threads, seconds, summarize
from benchmarks.speed.multvae import SIZES
from benchmarks.speed.ranking import ProductAndTopK, start_multvae
from benchmarks.speed.timers import EstimatorBatches
from skrec import ItemKNNRecommender, MultVAERecommender

__all__ = ["gowalla"]

_N_NEIGHBORS = 100


def gowalla(options: Namespace) -> list[Row]:
    """Take turns with RecBole and implicit on the same arrays."""
    path, _ = gowalla_files(options)
    rows = []
    with limited_threads(options.threads):
        if "recbole" in options.peers:
            rows += _beside_recbole(path, options)
        if "implicit" in options.peers:
            rows += _beside_implicit(path, options)
    return rows


def _beside_recbole(path: str, options: Namespace) -> list[Row]:
    X, size = load_matrix(path), 100 if options.smoke else 500
    arrays = save_arrays(options.folder / "recbole.npz", X)
    ours = EstimatorBatches(MultVAERecommender(**SIZES), X, size, options.batches)
    with Worker("recbole", arrays, options.threads, size, threads=options.threads) as worker:
        tasks = {
            "multvae_batch": ours,
            "recbole_multvae_batch": lambda: [worker.run("batch") for _ in range(options.batches)],
        }
        return summarize(alternate(tasks, options.rounds), "recbole_multvae_batch")


def _beside_implicit(path: str, options: Namespace) -> list[Row]:
    model = start_multvae(path)
    X, users = model.interactions_, np.arange(model.interactions_.shape[0])
    factors = {
        "user_factors": ProductAndTopK(model, 20).hidden.numpy(),
        "item_factors": model.item_factors_,
    }
    arrays = save_arrays(options.folder / "implicit.npz", X, **factors)
    knn = ItemKNNRecommender(n_neighbors=_N_NEIGHBORS, alpha=0.5, shrinkage=0.0)
    ours = {
        "knn_fit": lambda: knn.fit(X),
        "knn_recommend": lambda: knn.recommend(users=users, n_items=20),
        "factor_recommend": lambda: model.recommend(users=users, n_items=20),
    }
    arguments = (arrays, options.threads, _N_NEIGHBORS, 20)
    with Worker("implicit", *arguments, threads=options.threads) as worker:
        return [row for name in ours for row in _pair(name, ours[name], worker, options.rounds)]


def _pair(name: str, ours: Callable[[], object], worker: Worker, rounds: int) -> list[Row]:
    """Return the rows of a task that both sides can do."""
    peer = f"implicit_{name}"
    tasks = {name: lambda: seconds(ours), peer: lambda: worker.run(name)}
    return summarize(alternate(tasks, rounds), peer)
