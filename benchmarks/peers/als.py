"""Alternating least squares beside implicit's: the time of a sweep, and the quality of both."""

from argparse import Namespace
from contextlib import ExitStack
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from benchmarks.peers.environments import Worker, limited_threads
from benchmarks.peers.judge import Judge
from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_gowalla, save_arrays
from benchmarks.speed.measure import alternate, seconds, summarize
from skrec import WMFRecommender
from skrec.nn import WeightedRows
from skrec.typing import CSRMatrix

__all__ = ["Sweeps", "als_sweep"]

# of both sides; not tuned, the comparison is at equal settings
_WMF = {"n_factors": 64, "weighting": "confidence", "alpha": 10.0, "l2": 1.0}
_N_SWEEPS = 16
_N_CG_STEPS = 3


class Sweeps:
    """The sweeps of a WMFRecommender weighted by confidence, each going on from the last.

    Parameters
    ----------
    estimator : WMFRecommender
        Whose settings count.
    X : csr_matrix of shape (n_users, n_items)
        What it would be fitted on.
    items : Tensor of shape (n_items, n_factors)
        The first vectors of the items.
    n_steps : int, default=None
        Steps of conjugate gradients; None solves exactly.
    """

    def __init__(
        self,
        estimator: WMFRecommender,
        X: CSRMatrix,
        items: torch.Tensor,
        n_steps: int | None = None,
    ) -> None:
        self.items = items
        self.users = items.new_zeros(X.shape[0], items.shape[1])
        self.by_user = _weighted_rows(estimator, X)
        self.by_item = _weighted_rows(estimator, sp.csr_matrix(X.T))
        self.n_steps = n_steps

    def sweep(self) -> None:
        """Solve all users, then all items."""
        self.users = self.by_user.solve(self.items, start=self.users, n_steps=self.n_steps)
        self.items = self.by_item.solve(self.users, start=self.items, n_steps=self.n_steps)

    def __call__(self) -> float:
        """Do a sweep and return the seconds."""
        return seconds(self.sweep)


def _weighted_rows(estimator: WMFRecommender, X: CSRMatrix) -> WeightedRows:
    """Return the least squares problems: a confidence of 1, and more where an entry is stored."""
    added = torch.from_numpy(estimator.alpha * X.data.astype(np.float64))
    scales = added.sqrt()
    targets = (1 + added) / scales
    ridge = torch.full((X.shape[0],), estimator.l2)
    pattern = (torch.from_numpy(a.astype(np.int64)) for a in (X.indptr, X.indices))
    return WeightedRows(*pattern, scales.float(), targets.float(), ridge, 1.0, estimator.n_factors)


def als_sweep(options: Namespace) -> list[Row]:
    """Time sweeps over users and items beside implicit's, then compare NDCG@20 after a fit."""
    train, test = load_gowalla(options)
    estimator = WMFRecommender(**_WMF, max_epochs=_N_SWEEPS, device="cpu", random_state=0)
    if options.smoke:
        estimator.set_params(n_factors=8, max_epochs=2)
    tasks = _our_sweeps(estimator, train)
    with limited_threads(options.threads), ExitStack() as stack:
        worker = None
        if "implicit" in options.peers:
            worker = stack.enter_context(_worker(estimator, train, options))
            tasks |= {f"implicit_{n}": lambda n=n: worker.run(n) for n in ("cholesky", "cg")}
        reference = "implicit_cholesky" if worker else "wmf_cholesky"
        rows = summarize(alternate(tasks, options.rounds), reference)
        rows = [row | {"note": f"a sweep, {train.nnz} interactions"} for row in rows]
        return rows + _quality(estimator, worker, train, Judge(train, test, k=20), options)


def _our_sweeps(estimator: WMFRecommender, X: CSRMatrix) -> dict[str, Any]:
    K = estimator.n_factors
    items = torch.randn(X.shape[1], K, generator=torch.Generator().manual_seed(0))
    items *= 0.1 / K**0.5
    return {
        "wmf_cholesky": Sweeps(estimator, X, items),
        "wmf_cg": Sweeps(estimator, X, items, _N_CG_STEPS),
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
    for seed in range(options.seeds):
        for solver in ("cholesky", "cg"):
            model = estimator.set_params(random_state=seed, solver=solver)
            taken = seconds(lambda model=model: model.fit(train))
            value = judge.factors(model.user_factors_, model.item_factors_)
            runs.setdefault(f"wmf_{solver}_fit", []).append((taken, value))
            if worker:
                run = _implicit_fit(worker, estimator.max_epochs, seed, solver, judge, options)
                runs.setdefault(f"implicit_{solver}_fit", []).append(run)
    return _quality_rows(runs, "implicit_cholesky_fit" if worker else "wmf_cholesky_fit")


def _implicit_fit(
    worker: Worker, n_sweeps: int, seed: int, solver: str, judge: Judge, options: Namespace
) -> tuple[float, float]:
    path = str(options.folder / "als_factors.npz")
    taken = worker.run("fit", n_sweeps, path, seed, solver == "cg")
    with np.load(path) as factors:
        return taken, judge.factors(factors["users"], factors["items"])


def _quality_rows(runs: dict[str, list[tuple[float, float]]], reference: str) -> list[Row]:
    means = {name: np.mean(values, axis=0) for name, values in runs.items()}
    best = means[reference][1]
    return [
        {
            "what": name,
            "seconds": taken,
            "n": len(runs[name]),
            "ratio": value / best,
            "reference": reference,
            "note": f"ndcg@20 {value:.4f} after a whole fit; ratio of ndcg",
        }
        for name, (taken, value) in means.items()
    ]
