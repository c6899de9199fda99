"""An epoch of LightGCN beside RecBole's with the same layers, vectors and batches."""

from argparse import Namespace
from typing import Any

from benchmarks.peers.team import Team, compare
from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_amazon_music, save_arrays
from benchmarks.speed.timers import EstimatorEpochs
from skrec import LightGCNRanker

__all__ = ["lightgcn_epoch"]

# of both sides, and of the paper
_SETTINGS: dict[str, Any] = {"n_layers": 3, "lr": 1e-3, "l2": 5e-5}
_SIZES = {"n_factors": 64, "batch_size": 2048}
_SMALL = {"n_factors": 8, "batch_size": 500}


def lightgcn_epoch(options: Namespace) -> list[Row]:
    """Time epochs of LightGCN on amazon-music."""
    X = load_amazon_music(options)
    given = {**_SETTINGS, **(_SMALL if options.smoke else _SIZES)}
    fixed = {"n_negatives": 1, "optimizer": "adam", "early_stopping": False, "device": "cpu"}
    ours = EstimatorEpochs(LightGCNRanker(**given, **fixed), X, 1)
    arrays = save_arrays(options.folder / "lightgcn.npz", X)
    call = ["lightgcn_epoch", *(given[name] for name in ("n_layers", *_SIZES, "lr", "l2"))]
    with Team({"recbole": {}}, arrays, options) as team:
        note = f"{X.nnz} positives, batches of {given['batch_size']}"
        return compare("lightgcn_epoch", ours, {"recbole": call}, team, options, note)
