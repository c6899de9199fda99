"""Speed of alternating least squares beside implicit, and the quality of both alike."""

from contextlib import ExitStack

import numpy as np
import scipy.sparse as sp
import torch
from threadpoolctl import threadpool_limits

from benchmarks import matrices
from benchmarks.jobs import Judge
from benchmarks.measure import alternate, seconds, summarize
from benchmarks.peers import Worker

__all__ = ["als_sweep"]

# of both sides; not tuned, the comparison is at equal settings
WMF = {"n_factors": 64, "weighting": "confidence", "alpha": 10.0, "l2": 1.0}
_N_SWEEPS = 16


class Sweeps:
    """Sweeps of an estimator, each going on from the last.

    Parameters
    ----------
    estimator : WMFRecommender
        Whose settings count.
    X : csr_matrix of shape (n_users, n_items)
        What it would be fitted on.
    n_steps : int, default=None
        Steps of conjugate gradients; None solves exactly.
    """

    def __init__(self, estimator, X, n_steps=None):
        n_users, n_items = X.shape
        self.items = estimator._first_vectors(n_items)
        self.users = self.items.new_zeros(n_users, estimator.n_factors)
        self.by_user = estimator._rows(X, n_items, self.items)
        self.by_item = estimator._rows(sp.csr_matrix(X.T), n_users, self.items)
        self.n_steps = n_steps

    def _sweep(self):
        self.users = self.by_user.solve(self.items, start=self.users, n_steps=self.n_steps)
        self.items = self.by_item.solve(self.users, start=self.items, n_steps=self.n_steps)

    def __call__(self):
        """Solve all users, then all items, and give the seconds."""
        return seconds(self._sweep)


def als_sweep(options):
    """Time sweeps over users and items beside implicit's, then compare NDCG@20 after a fit."""
    from skrec import WMFRecommender

    paths = matrices.gowalla_matrices(options.folder, options.data_home, options.smoke)
    train, test = map(matrices.load_matrix, paths)
    estimator = WMFRecommender(**WMF, max_epochs=_N_SWEEPS, device="cpu", random_state=0)
    if options.smoke:
        estimator.set_params(n_factors=8, max_epochs=2)
    torch.set_num_threads(options.threads)
    tasks = {"wmf_cholesky": Sweeps(estimator, train), "wmf_cg": Sweeps(estimator, train, 3)}
    with threadpool_limits(options.threads), ExitStack() as stack:
        worker = None
        if "implicit" in options.peers:
            worker = stack.enter_context(_worker(estimator, train, options))
            tasks |= {f"implicit_{n}": lambda n=n: worker.run(n) for n in ("cholesky", "cg")}
        reference = "implicit_cholesky" if worker else "wmf_cholesky"
        rows = summarize(alternate(tasks, options.rounds), reference)
        note = f"a sweep, {train.nnz} interactions"
        rows = [row | {"note": note} for row in rows]
        return rows + _quality(estimator, worker, train, Judge(train, test, k=20), options)


def _worker(estimator, train, options):
    """Give implicit's worker: its confidence is what a stored pair weighs in all."""
    arrays = matrices.save_arrays(options.folder / "als.npz", train)
    settings = estimator.n_factors, 1 + estimator.alpha, estimator.l2
    arguments = (arrays, options.threads, *settings)
    return Worker("implicit", *arguments, threads=options.threads, script="implicit_als_worker")


def _quality(estimator, worker, train, judge, options):
    """Give a row a system: seconds of a fit, and NDCG@20 over seeds."""
    runs = {}
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


def _implicit_fit(worker, n_sweeps, seed, solver, judge, options):
    path = str(options.folder / "als_factors.npz")
    taken = worker.run("fit", n_sweeps, path, seed, solver == "cg")
    with np.load(path) as factors:
        return taken, judge.factors(factors["users"], factors["items"])


def _quality_rows(runs, reference):
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
