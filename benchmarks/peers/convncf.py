"""An epoch of ConvNCF beside RecBole's with the same tower."""

import json
from argparse import Namespace
from contextlib import ExitStack
from typing import Any

import numpy as np

from benchmarks.peers.environments import Worker
from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_amazon_music, save_arrays
from benchmarks.speed.measure import alternate, limited_threads, summarize
from benchmarks.speed.settings import CONVNCF
from benchmarks.speed.timers import EstimatorEpochs
from skrec import ConvNCFRanker
from skrec.typing import CSRMatrix
from skrec.utils import row_of_entry, take_entries

__all__ = ["convncf_epoch"]

_OPTIMIZER = {"optimizer": "adagrad", "lr": 0.05}  # of both sides


def convncf_epoch(options: Namespace) -> list[Row]:
    """Time an epoch of ConvNCF beside RecBole's."""
    X = _some_pairs(load_amazon_music(options), options.interactions)
    sizes = {"n_factors": 8} if options.smoke else {}
    parameters = {**CONVNCF, **sizes, **_OPTIMIZER, "batch_size": options.batch_size}
    parameters["pretrain"] = None
    ours = EstimatorEpochs(ConvNCFRanker(**parameters, device="cpu"), X, 1)
    tasks: dict[str, Any] = {"convncf_epoch": ours}
    with limited_threads(options.threads), ExitStack() as stack:
        if "recbole" in options.peers:
            worker = stack.enter_context(_worker(parameters, X, options))
            tasks["recbole_convncf_epoch"] = lambda: worker.run("epoch")
        rows = summarize(alternate(tasks, options.rounds), list(tasks)[-1])
    note = f"{X.nnz} positives, batches of {options.batch_size}"
    rows = [row | {"note": note} for row in rows]
    rows[0]["note"] += f", {ours.note}"
    return rows


def _some_pairs(X: CSRMatrix, n_pairs: int | None) -> CSRMatrix:
    """Return some pairs drawn at random, or all of them."""
    if n_pairs is None or n_pairs >= X.nnz:
        return X
    keep = np.random.default_rng(0).permutation(X.nnz) < n_pairs
    return take_entries(X, row_of_entry(X), keep)


def _worker(parameters: dict[str, Any], X: CSRMatrix, options: Namespace) -> Worker:
    arrays = save_arrays(options.folder / "convncf.npz", X)
    given = {
        "embedding_size": parameters["n_factors"],
        "n_feature_maps": parameters["n_feature_maps"],
        "batch_size": parameters["batch_size"],
        "learner": parameters["optimizer"],
        "learning_rate": parameters["lr"],
    }
    arguments = (arrays, options.threads, json.dumps(given))
    script = "recbole_convncf_worker"
    return Worker("recbole", *arguments, threads=options.threads, script=script)
