"""MF-BPR beside implicit's: its epochs, and the NDCG that budgets of training time buy."""

import copy
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeAlias

import numpy as np
import torch
from sklearn import clone
from skorch import NeuralNet

from benchmarks.peers.environments import Worker
from benchmarks.peers.judge import Judge
from benchmarks.peers.workers._snapshots import Snapshots
from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_gowalla, save_arrays
from benchmarks.speed.measure import alternate, limited_threads, summarize
from benchmarks.speed.settings import BPR_MF
from benchmarks.speed.timers import EstimatorEpochs, SharedCallback
from skrec import BPRMFRanker
from skrec.training import StopTraining
from skrec.typing import CSRMatrix

__all__ = ["mf_bpr"]

_Curve: TypeAlias = list[tuple[float, int, float]]  # of each budget: seconds, epochs, NDCG

# of implicit; its defaults first, the rest so that the comparison is fair to it
IMPLICIT_GRID = [
    {"learning_rate": lr, "regularization": regularization}
    for regularization in (0.01, 0.001)
    for lr in (0.01, 0.05, 0.1)
]
_FOREVER = 100_000  # epochs; the budget ends the training


def mf_bpr(options: Namespace) -> list[Row]:
    """Time epochs of MF-BPR, then follow NDCG over time, beside implicit's BPR."""
    train, test = load_gowalla(options)
    sizes = {"n_factors": 8} if options.smoke else {}
    estimator = BPRMFRanker(**{**BPR_MF, **sizes, "device": "cpu"})
    arrays = save_arrays(options.folder / "bpr.npz", train)
    arguments = (arrays, options.threads, estimator.n_factors)
    with limited_threads(options.threads), ExitStack() as stack:
        worker = None
        if "implicit" in options.peers:
            script = "implicit_bpr_worker"
            worker = Worker("implicit", *arguments, threads=options.threads, script=script)
            stack.enter_context(worker)
        rows = _epochs(estimator, train, worker, options)
        return rows + _curves(estimator, train, Judge(train, test, k=20), worker, options)


def _epochs(
    estimator: BPRMFRanker, X: CSRMatrix, worker: Worker | None, options: Namespace
) -> list[Row]:
    """Return the rows of seconds an epoch."""
    n_epochs = 1 + options.batches
    ours = EstimatorEpochs(estimator, X, n_epochs)
    tasks: dict[str, Any] = {"bpr_mf_epoch": ours}
    if worker:
        tasks["implicit_bpr_epoch"] = lambda: worker.run("epochs", n_epochs)
    rows = summarize(alternate(tasks, options.rounds), list(tasks)[-1])
    rows[0]["note"] = ours.note
    return rows


def _curves(
    estimator: BPRMFRanker,
    train: CSRMatrix,
    judge: Judge,
    worker: Worker | None,
    options: Namespace,
) -> list[Row]:
    """Return the rows of NDCG@20 that budgets of training time buy."""
    runs: dict[str, list[_Curve]] = {}
    for seed in range(options.seeds):
        runs.setdefault("bpr_mf", []).append(_our_curve(estimator, train, judge, seed, options))
        for point in IMPLICIT_GRID if worker else []:
            name = "implicit_bpr lr={learning_rate:g} reg={regularization:g}".format(**point)
            curve = _implicit_curve(worker, point, judge, seed, options)
            runs.setdefault(name, []).append(curve)
    return _curve_rows(runs, options.budgets)


class Watch(SharedCallback):
    """Keep the weights of a net for each budget, and end the training after the last.

    Parameters
    ----------
    snapshots : Snapshots
        What keeps them.
    """

    def __init__(self, snapshots: Snapshots) -> None:
        self.snapshots = snapshots

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Keep the weights, or stop."""
        if self.snapshots(lambda: copy.deepcopy(net.module_.state_dict())):
            raise StopTraining


def _our_curve(
    estimator: BPRMFRanker, train: CSRMatrix, judge: Judge, seed: int, options: Namespace
) -> _Curve:
    estimator = clone(estimator).set_params(max_epochs=_FOREVER, random_state=seed)
    snapshots = Snapshots(options.budgets)
    estimator.set_params(callbacks=[Watch(snapshots)]).fit(train)
    curve = []
    for taken, n_epochs, state in snapshots.finish():
        value = np.nan
        if state is not None:
            with torch.no_grad():
                estimator.net_.module_.load_state_dict(state)
            value = judge.ranking(estimator.recommend(users=judge.users, n_items=judge.k))
        curve.append((taken, n_epochs, value))
    return curve


def _implicit_curve(
    worker: Worker | None, point: Mapping[str, float], judge: Judge, seed: int, options: Namespace
) -> _Curve:
    assert worker is not None
    path = str(options.folder / "factors.npz")
    spent = worker.run("curve", options.budgets, path, seed, *point.values())
    with np.load(path) as arrays:
        values = [
            judge.factors(arrays[f"user_{place}"], arrays[f"item_{place}"]) if n_epochs else np.nan
            for place, (_, n_epochs) in enumerate(spent)
        ]
    return [(*both, value) for both, value in zip(spent, values)]


def _curve_rows(runs: Mapping[str, list[_Curve]], budgets: Sequence[float]) -> list[Row]:
    """Return a row for each run and budget, with the ratio of NDCG to the best of implicit's."""
    curves = {name: np.median(seeds, axis=0) for name, seeds in runs.items()}
    rows = []
    for place, budget in enumerate(budgets):
        others = {name: curve[place, 2] for name, curve in curves.items() if name != "bpr_mf"}
        best = max(others, key=lambda name: np.nan_to_num(others[name]), default="bpr_mf")
        for name, curve in curves.items():
            rows.append(_curve_row(name, curve[place], budget, (best, curves[best][place, 2])))
            rows[-1]["n"] = len(runs[name])
    return rows


def _curve_row(
    name: str, point: Sequence[float], budget: float, reference: tuple[str, float]
) -> Row:
    taken, n_epochs, value = point
    return {
        "what": f"{name} in {budget:g} s",
        "seconds": taken,
        "ratio": value / reference[1],
        "reference": f"{reference[0]} in {budget:g} s",
        "note": f"ndcg@20 {value:.4f} after {n_epochs:g} epochs; ratio of ndcg",
    }
