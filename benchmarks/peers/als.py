"""Alternating least squares beside implicit's: the time of a sweep, and the quality of both."""

from argparse import Namespace
from contextlib import ExitStack
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.peers.environments import Worker
from benchmarks.peers.judge import Judge
from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_gowalla, save_arrays
from benchmarks.speed.measure import alternate, limited_threads, seconds, summarize
from skrec import WMFRecommender
from skrec.typing import Array, CSRMatrix

__all__ = ["Sweeps", "als_sweep"]

# of both sides; not tuned, the comparison is at equal settings
_WMF = {"n_factors": 64, "weighting": "confidence", "alpha": 10.0, "l2": 1.0}
_MOST_OF_CHOLESKY = 128  # factors with which implicit's exact solution is timed


class Sweeps:
    """The sweeps of a WMFRecommender, each going on from the last.

    Parameters
    ----------
    estimator : WMFRecommender
        Whose settings count.
    X : csr_matrix of shape (n_users, n_items)
        What it would be fitted on.
    items : ndarray of float32 of shape (n_items, n_factors)
        The first vectors of the items.
    block_size : int, default=None
        Unknowns solved for at a time; None solves exactly.
    """

    def __init__(
        self, estimator: WMFRecommender, X: CSRMatrix, items: Array, block_size: int | None = None
    ) -> None:
        self.items = items
        self.users = np.zeros((X.shape[0], items.shape[1]), dtype=np.float32)
        self.by_user = estimator._rows(X, X.shape[1], "cpu")
        self.by_item = estimator._rows(sp.csr_matrix(X.T), X.shape[0], "cpu")
        self.block_size = block_size

    def sweep(self) -> None:
        """Solve all users, then all items."""
        options = {"block_size": self.block_size}
        self.users = self.by_user.solve(self.items, start=self.users, **options)
        self.items = self.by_item.solve(self.users, start=self.items, **options)

    def __call__(self) -> float:
        """Do a sweep and return the seconds."""
        return seconds(self.sweep)


def als_sweep(options: Namespace) -> list[Row]:
    """Time sweeps over users and items beside implicit's, then compare NDCG@20 after a fit."""
    train, test = load_gowalla(options)
    settings = _WMF | {"n_factors": options.factors, "max_epochs": options.sweeps}
    estimator = WMFRecommender(**settings, device="cpu", random_state=0)
    if options.smoke:
        estimator.set_params(n_factors=8, max_epochs=2)
    tasks = _our_sweeps(estimator, train)
    with limited_threads(options.threads), ExitStack() as stack:
        worker = None
        if "implicit" in options.peers:
            worker = stack.enter_context(_worker(estimator, train, options))
            tasks |= {f"implicit_{n}": lambda n=n: worker.run(n) for n in _of_implicit(estimator)}
        reference = "implicit_cg" if worker else "wmf_cholesky"
        rows = summarize(alternate(tasks, options.rounds), reference)
        rows = [row | {"note": f"a sweep, {train.nnz} interactions"} for row in rows]
        return rows + _quality(estimator, worker, train, Judge(train, test, k=20), options)


def _of_implicit(estimator: WMFRecommender) -> tuple[str, ...]:
    """Return implicit's solvers; its exact one takes minutes where there are many factors."""
    return ("cholesky", "cg") if estimator.n_factors <= _MOST_OF_CHOLESKY else ("cg",)


def _our_sweeps(estimator: WMFRecommender, X: CSRMatrix) -> dict[str, Any]:
    K = estimator.n_factors
    items = np.random.RandomState(0).normal(0, 0.1 / K**0.5, (X.shape[1], K)).astype(np.float32)
    return {
        "wmf_cholesky": Sweeps(estimator, X, items),
        "wmf_ials++": Sweeps(estimator, X, items, max(1, K // 2)),
    }


def _worker(estimator: WMFRecommender, train: CSRMatrix, options: Namespace) -> Worker:
    """Return implicit's worker: its confidence is what a stored pair weighs in all."""
    arrays = save_arrays(options.folder / "als.npz", train)
    settings = estimator.n_factors, 1 + estimator.alpha, estimator.l2
    arguments = (arrays, options.threads, *settings)
    return Worker("implicit", *arguments, threads=options.threads, script="implicit_als_worker")


def _quality(
    estimator: WMFRecommender,
    worker: Worker | None,
    train: CSRMatrix,
    judge: Judge,
    options: Namespace,
) -> list[Row]:
    """Return a row a system: seconds of a fit, and NDCG@20 over seeds."""
    runs: dict[str, list[tuple[float, float]]] = {}
    estimator = estimator.set_params(block_size=max(1, estimator.n_factors // 2))
    for seed in range(options.seeds):
        for solver in ("cholesky", "ials++"):
            model = estimator.set_params(random_state=seed, solver=solver)
            taken = seconds(lambda model=model: model.fit(train))
            value = judge.factors(model.user_factors_, model.item_factors_)
            runs.setdefault(f"wmf_{solver}_fit", []).append((taken, value))
        for solver in _of_implicit(estimator) if worker else ():
            run = _implicit_fit(worker, estimator.max_epochs, seed, solver, judge, options)
            runs.setdefault(f"implicit_{solver}_fit", []).append(run)
    return _quality_rows(runs, "implicit_cg_fit" if worker else "wmf_cholesky_fit")


def _implicit_fit(
    worker: Worker, n_sweeps: int, seed: int, solver: str, judge: Judge, options: Namespace
) -> tuple[float, float]:
    path = str(options.folder / "als_factors.npz")
    taken = worker.run("fit", n_sweeps, path, seed, solver == "cg")
    with np.load(path) as factors:
        return taken, judge.factors(factors["users"], factors["items"])


def _quality_rows(runs: dict[str, list[tuple[float, float]]], reference: str) -> list[Row]:
    means = {name: np.mean(values, axis=0) for name, values in runs.items()}
    return [
        {
            "what": name,
            "seconds": taken,
            "n": len(runs[name]),
            "ratio": taken / means[reference][0],
            "reference": reference,
            "note": f"ndcg@20 {value:.4f} after a whole fit",
        }
        for name, (taken, value) in means.items()
    ]
