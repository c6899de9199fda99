"""Mult-VAE's batches, cosine neighbours and ranking by factors on Gowalla, a peer at a time."""

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks import matrices
from benchmarks.jobs import ProductAndTopK, untrained
from benchmarks.measure import alternate, seconds, summarize
from benchmarks.multvae_batch import EstimatorBatches
from benchmarks.peers import Worker
from skrec import ItemKNNRecommender

__all__ = ["peers"]

_N_NEIGHBORS = 100


def peers(options):
    """Take turns with peers on the same arrays."""
    path, _ = matrices.gowalla_matrices(options.folder, options.data_home, options.smoke)
    torch.set_num_threads(options.threads)
    rows = []
    if "recbole" in options.peers:
        rows += _beside_recbole(path, options)
    if "implicit" in options.peers:
        rows += _beside_implicit(path, options)
    return rows


def _beside_recbole(path, options):
    X, size = matrices.load_matrix(path), 100 if options.smoke else 500
    arrays = matrices.save_arrays(options.folder / "recbole.npz", X)
    with Worker("recbole", arrays, options.threads, size, threads=options.threads) as worker:
        tasks = {
            "multvae_batch": EstimatorBatches(X, size, options.batches),
            "recbole_multvae_batch": lambda: [worker.run("batch") for _ in range(options.batches)],
        }
        return summarize(alternate(tasks, options.rounds), "recbole_multvae_batch")


def _beside_implicit(path, options):
    model = untrained(path)
    X, users = model.interactions_, np.arange(model.interactions_.shape[0])
    factors = {
        "user_factors": ProductAndTopK(model, 20).hidden.numpy(),
        "item_factors": model.item_factors_,
    }
    arrays = matrices.save_arrays(options.folder / "implicit.npz", X, **factors)
    knn = ItemKNNRecommender(n_neighbors=_N_NEIGHBORS, shrinkage=0.0)
    ours = {
        "knn_fit": lambda: knn.fit(X),
        "knn_recommend": lambda: knn.recommend(users=users, n_items=20),
        "factor_recommend": lambda: model.recommend(users=users, n_items=20),
    }
    arguments = (arrays, options.threads, _N_NEIGHBORS, 20)
    with (
        threadpool_limits(options.threads),
        Worker("implicit", *arguments, threads=options.threads) as worker,
    ):
        return [row for name in ours for row in _pair(name, ours[name], worker, options.rounds)]


def _pair(name, ours, worker, rounds):
    """Give the rows of a task that both sides can do."""
    peer = f"implicit_{name}"
    tasks = {name: lambda: seconds(ours), peer: lambda: worker.run(name)}
    return summarize(alternate(tasks, rounds), peer)
