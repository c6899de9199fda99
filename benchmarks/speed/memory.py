"""Measure what training holds for each interaction, and what a step costs by number of users.

Each cell runs in a fresh process. "bytes" is the peak of resident memory during fit, validation
included, above that of a process which has fitted the model on small data; less the weights, the
optimiser's state and the copy of the best weights; by interaction. "seconds" of a step are those of
the CPU.
"""

import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.arguments import make_parser
from benchmarks.speed.command import Row, add_speed_options, record
from benchmarks.speed.measure import call_fresh, watch_memory
from skrec.reproduce import make_system
from skrec.typing import CSRMatrix

__all__ = ["fit_held", "fit_steps", "main", "memory"]

_SIZE = (300_000, 5_000, 6_000_000)  # users, items, interactions
_SMALL = (300, 200, 3_000)
_N_USERS = (10**4, 10**5, 10**6)
_STEPS = 50
_TRAINED = {"max_epochs": 1, "random_state": 0, "device": "cpu"}
_PAIRS = {"n_factors": 16, "batch_size": 4096, "early_stopping": True, **_TRAINED}
_PAIRS |= {"validation_fraction": 0.1, "validation_metric": "ndcg@10"}
_NET = {"solver": "torch", "lr_decay": None}
_VAE = {"hidden_sizes": [16], "latent_size": 16, "early_stopping": True, **_TRAINED}

SYSTEMS: dict[str, dict[str, Any]] = {
    "BPRMFRanker": {**_PAIRS, **_NET, "n_negatives": 1},
    "MFClassifier": {**_PAIRS, **_NET, "n_negatives": 4},
    "NeuMFClassifier": {**_PAIRS, "pretrain": None},
    "WMFRecommender": {"n_factors": 16, "max_epochs": 1, "random_state": 0},
    "MultVAERecommender": _VAE,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("speed.memory", __doc__)
    add_speed_options(parser)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--limit", type=float, default=1200.0, help="seconds a cell; default: 1200")
    options = parser.parse_args(argv)
    record("memory", memory(options), options)


def memory(options: Namespace) -> Iterator[Row]:
    """Measure all cells.

    Parameters
    ----------
    options : Namespace
        Of the command line.

    Yields
    ------
    row : dict
        For `record`.
    """
    size = _SMALL if options.smoke else _SIZE
    for system in options.systems:
        call = {"size": size, "system": system, "parameters": SYSTEMS[system]}
        answer = call_fresh("held", options.threads, options.limit, **call)
        yield _row(f"{system}, bytes an interaction", answer)
    first: Row | None = None
    for n_users in _N_USERS[:1] if options.smoke else _N_USERS:
        answer = call_fresh("steps", options.threads, options.limit, n_users=n_users)
        row = _row(f"BPRMFRanker, a step at {n_users} users", answer)
        first = first or row
        if "seconds" in row and "seconds" in first:
            ratio = row["seconds"] / first["seconds"]
            row |= {"ratio": ratio, "reference": first["what"]}
        yield row


def _row(what: str, answer: dict[str, Any]) -> Row:
    note = answer.get("error") or answer.get("note")
    row = {"what": what, **answer, "note": note}
    print(f"{what}: {note}", flush=True)
    return row


def fit_held(size: Sequence[int], system: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Fit once in a warmed process: seconds, memory, and bytes an interaction as ``note``."""
    X = _matrix(*size)
    make_system(system, parameters).fit(_matrix(*_SMALL))
    estimator = make_system(system, {**parameters, **_keeping_state(parameters)})
    start = time.perf_counter()
    with watch_memory() as figures:
        estimator.fit(X)
    seconds = time.perf_counter() - start
    own = _own_bytes(estimator, "early_stopping" in parameters)
    held = (figures["extra"] * 2**20 - own) / X.nnz
    return {"seconds": seconds, **figures, "note": f"{held:.1f} bytes, {own / 2**20:.1f} MiB off"}


def _keeping_state(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameter by which the optimiser's state is there to be counted."""
    return {"warm_start": True} if "early_stopping" in parameters else {}


def _own_bytes(estimator: Any, keeps_best: bool) -> int:
    """Return the memory of weights, the optimiser's state, and the copy of the best weights."""
    net = getattr(estimator, "net_", None)
    if net is None:
        return estimator.user_factors_.nbytes + estimator.item_factors_.nbytes
    weights = sum(each.numel() * each.element_size() for each in net.module_.state_dict().values())
    states = [each for state in net.optimizer_.state.values() for each in state.values()]
    state = sum(each.numel() * each.element_size() for each in states if hasattr(each, "numel"))
    return weights * (1 + keeps_best) + state


def fit_steps(n_users: int, n_factors: int = 64, n_items: int = 5_000) -> dict[str, Any]:
    """Time steps of BPRMFRanker with 64 factors and batches of 2,048."""
    from benchmarks.speed.timers import SharedCallback  # imports torch

    class Clock(SharedCallback):
        """Note the time of the CPU at the end of each batch."""

        def __init__(self) -> None:
            self.ends: list[float] = []

        def on_batch_end(self, net: Any, training: bool | None = None, **kwargs: Any) -> None:
            """Note the time."""
            self.ends.append(time.process_time())

    clock = Clock()
    parameters = {**_TRAINED, "n_factors": n_factors, "batch_size": 2_048, "fold_in_steps": 0}
    parameters |= {**_NET, "n_negatives": 1}
    estimator = make_system("BPRMFRanker", {**parameters, "callbacks": [clock]})
    estimator.fit(_matrix(n_users, n_items, 2_048 * _STEPS))
    taken = np.diff(clock.ends)
    low, middle, high = np.quantile(taken, [0.25, 0.5, 0.75])
    figures = {"seconds": middle, "low": low, "high": high, "n": len(taken)}
    return {**figures, "note": f"{1e3 * middle:.2f} ms of the CPU"}


def _matrix(n_users: int, n_items: int, n_interactions: int) -> CSRMatrix:
    """Draw interactions, of which a few fall together, with some items more popular."""
    rng = np.random.RandomState(0)
    users = rng.randint(n_users, size=n_interactions)
    items = (n_items * rng.random_sample(n_interactions) ** 2).astype(np.int32)
    ones = np.ones(n_interactions, dtype=np.float32)
    X = sp.csr_matrix((ones, (users, items)), shape=(n_users, n_items))
    X.data[:] = 1
    return X


if __name__ == "__main__":
    main()
