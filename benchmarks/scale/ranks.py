"""Train networks in one process and in several under torchrun, and compare what comes out.

    python -m benchmarks.scale.ranks --data ml-1m --processes 1 2 --epochs 3

Each number of processes trains the same model on the same batches, with a thread a process. Printed
are the seconds of an epoch, the median without the first; how far the losses of epochs are from
those of the first number of processes, relative to them; and how far the weights are, relative to
the largest. GeRec is trained on a sample of users (--share), as its epochs are long.
"""

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from skorch.callbacks import Callback

from benchmarks.arguments import add_data, add_output, make_parser, prepare
from skrec.reproduce import append_rows, load_data, make_system

__all__ = ["SYSTEMS", "EpochClock", "main"]

_COMMON = {"random_state": 0, "device": "cpu", "early_stopping": False}
SYSTEMS: dict[str, dict[str, Any]] = {
    "MultVAERecommender": _COMMON,
    "BPRMFRanker": {**_COMMON, "solver": "torch", "n_factors": 64},
    "GeRecClassifier": {
        **_COMMON,
        "n_factors": 16,
        "n_draws": 2,
        "pretrain": None,
        "interaction": "concat",
    },
}
"""What is trained, none of it tuned."""


class EpochClock(Callback):
    """Note the seconds of each epoch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self.start = time.perf_counter()

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Stop it."""
        self.seconds.append(time.perf_counter() - self.start)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    if options.worker:
        _work(options)
        return
    prepare(parser, options)
    if options.smoke:
        options.models, options.processes, options.epochs = options.models[:2], [1], 1
    rows = [row for system in options.models for row in _compare(options, system)]
    print(pd.DataFrame(rows).to_string(index=False))
    append_rows(options.output, rows)


def _compare(options: argparse.Namespace, system: str) -> list[dict[str, Any]]:
    """Train a system in each number of processes, and return the rows of the table."""
    rows, first = [], None
    for n_processes in options.processes:
        found = _train(options, system, n_processes)
        first = first or found
        loss = max(abs(np.array(found["losses"]) / first["losses"] - 1))
        weights = zip(found["weights"], first["weights"], strict=True)
        apart = max(abs(own - other).max() / abs(other).max() for own, other in weights)
        seconds = float(np.median(found["seconds"][1:] or found["seconds"]))
        rows.append({
            "system": system, "data": options.data, "processes": n_processes,
            "epochs": len(found["losses"]), "last_loss": round(found["losses"][-1], 6),
            "epoch_seconds": round(seconds, 3), "losses_apart": float(f"{loss:.2g}"),
            "weights_apart": float(f"{apart:.2g}"),
        })  # fmt: skip
        print(f"{system}, {n_processes}: {seconds:.2f} s an epoch", flush=True)
    return rows


def _train(options: argparse.Namespace, system: str, n_processes: int) -> dict[str, Any]:
    """Run this file in some processes, and return what the first of them saves."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "found.pkl")
        own = [*("-m", "benchmarks.scale.ranks", "--worker", str(path), "--models", system)]
        own += ["--data", options.data, "--epochs", str(options.epochs)]
        own += ["--share", str(options.share)]
        own += ["--data-home", options.data_home] if options.data_home else []
        launcher = "-m torch.distributed.run --standalone --nproc-per-node".split()
        several = [*launcher, str(n_processes)] if n_processes > 1 else []
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, *several, *own], check=True, env=environment)
        return pickle.loads(path.read_bytes())


def _work(options: argparse.Namespace) -> None:
    """Train in this process, as one of a group where torchrun has started it."""
    import torch
    from torch import distributed as dist

    torch.set_num_threads(1)
    several = "RANK" in os.environ
    if several:
        dist.init_process_group("gloo")
    (system,) = options.models
    X = load_data(options.data, options.data_home).interactions.tocsr()
    if system.startswith("GeRec"):
        X = X[: max(1, int(options.share * X.shape[0]))]
    clock = EpochClock()
    parameters = {**SYSTEMS[system], "max_epochs": options.epochs, "callbacks": [clock]}
    model = make_system(system, parameters).fit(X)
    if not several or dist.get_rank() == 0:
        weights = [value.numpy() for value in model.net_.module_.state_dict().values()]
        losses = model.net_.history[:, "train_loss"]
        found = {"losses": losses, "weights": weights, "seconds": clock.seconds}
        Path(options.worker).write_bytes(pickle.dumps(found))
    if several:
        dist.barrier()
        dist.destroy_process_group()
        sys.stdout.flush()
        os._exit(0)  # threads of gloo may still hold tensors, and abort an interpreter that ends


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("scale.ranks", __doc__)
    add_data(parser, "ml-1m")
    parser.add_argument("--models", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 2], help="default: 1 2")
    parser.add_argument("--epochs", type=int, default=3, help="default: 3")
    parser.add_argument("--share", type=float, default=0.1, help="of GeRec's users; default: .1")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    add_output(parser, "ranks.csv")
    return parser


if __name__ == "__main__":
    main()
