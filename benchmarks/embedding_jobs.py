"""Speed of the embedding models: sampled negatives, MF-BPR and ConvNCF beside peers."""

import copy
import json
from contextlib import ExitStack, contextmanager
from functools import partial

import numpy as np
import torch
from sklearn import clone
from skorch.callbacks import Callback
from threadpoolctl import threadpool_limits

from benchmarks import matrices
from benchmarks.jobs import Epochs, Judge
from benchmarks.measure import alternate, seconds, summarize
from benchmarks.peers import Worker
from benchmarks.workers._snapshots import Snapshots
from skrec.reproduce._data import load
from skrec.training import NegativeSampler, StopTraining
from skrec.training._net import load_state
from skrec.utils import row_of_entry, take_entries

__all__ = ["convncf_epoch", "mf_bpr", "negatives"]

# our side of the comparison with implicit; first chosen by the test, then the best of 4 on
# validation interactions by hand, 30 epochs each. benchmarks.tune has lr 0.002 (ndcg@20 0.0793
# after 50 epochs) and did not get to the larger rate with as much patience
BPR_MF = {
    "n_factors": 64,
    "optimizer": "adam",
    "lr": 5e-3,
    "l2": 1e-3,
    "batch_size": 16384,
}
# implicit's side: its defaults first; the rest so that the comparison is fair to it
IMPLICIT_GRID = [
    {"learning_rate": lr, "regularization": regularization}
    for regularization in (0.01, 0.001)
    for lr in (0.01, 0.05, 0.1)
]
CONVNCF = {"n_factors": 64, "n_feature_maps": 32, "tower": "cnn", "embedding": "mf"}
CONVNCF_OPTIMIZER = {"optimizer": "adagrad", "lr": 0.05}  # of both sides

_FOREVER = 100_000  # epochs; the budget ends the training
_SMOKE_FACTORS = 8


def negatives(options):
    """Time the draw of an epoch's negatives, one a positive, in the order of an epoch."""
    X = matrices.load_matrix(_gowalla(options)[0])
    X.sort_indices()
    rng, in_rows = np.random.RandomState(0), row_of_entry(X)
    users = rng.permutation(in_rows)
    uniform, popular = NegativeSampler(X), NegativeSampler(X, power=1.0)
    jobs = {
        "uniform": lambda: uniform.draw(users, 1, rng),
        "popularity": lambda: popular.draw(users, 1, rng),
        "uniform_row_by_row": lambda: uniform.draw(in_rows, 1, rng),
        "popularity_row_by_row": lambda: popular.draw(in_rows, 1, rng),
        "unchecked_draws": lambda: rng.randint(X.shape[1], size=X.nnz),
    }
    tasks = {name: partial(seconds, job) for name, job in jobs.items()}
    rows = summarize(alternate(tasks, options.rounds), "unchecked_draws")
    return [row | {"note": f"{X.nnz} positives"} for row in rows]


def _gowalla(options):
    return matrices.gowalla_matrices(options.folder, options.data_home, options.smoke)


@contextmanager
def _worker(peer, script, options, *arguments):
    """Give a peer's worker under the same limit of threads, None where it is not asked for."""
    torch.set_num_threads(options.threads)
    with threadpool_limits(options.threads), ExitStack() as stack:
        if peer not in options.peers:
            yield None
            return
        worker = Worker(peer, *arguments, threads=options.threads, script=script)
        yield stack.enter_context(worker)


def mf_bpr(options):
    """Time epochs of MF-BPR, then follow NDCG over time, beside implicit's BPR."""
    from skrec import BPRMFRanker

    train, test = map(matrices.load_matrix, _gowalla(options))
    size = {"n_factors": _SMOKE_FACTORS} if options.smoke else {}
    estimator = BPRMFRanker(**{**BPR_MF, **size, "device": "cpu"})
    arrays = matrices.save_arrays(options.folder / "bpr.npz", train)
    arguments = (arrays, options.threads, estimator.n_factors)
    with _worker("implicit", "implicit_bpr_worker", options, *arguments) as worker:
        rows = _epochs(estimator, train, worker, options)
        return rows + _curves(estimator, train, test, worker, options)


def _epochs(estimator, X, worker, options):
    """Give the rows of seconds an epoch."""
    n_epochs = 1 + options.batches
    ours = Epochs(estimator, X, n_epochs)
    tasks = {"bpr_mf_epoch": ours}
    if worker:
        tasks["implicit_bpr_epoch"] = lambda: worker.run("epochs", n_epochs)
    rows = summarize(alternate(tasks, options.rounds), list(tasks)[-1])
    rows[0]["note"] = ours.note
    return rows


def _curves(estimator, train, test, worker, options):
    """Give the rows of NDCG@20 that budgets of training time buy."""
    judge = Judge(train, test, k=20)
    runs = {}
    for seed in range(options.seeds):
        runs.setdefault("bpr_mf", []).append(_our_curve(estimator, train, judge, seed, options))
        for point in IMPLICIT_GRID if worker else []:
            name = "implicit_bpr lr={learning_rate:g} reg={regularization:g}".format(**point)
            curve = _implicit_curve(worker, point, judge, seed, options)
            runs.setdefault(name, []).append(curve)
    return _curve_rows(runs, options.budgets)


class Watch(Callback):
    """Keep the weights of a net for each budget, and end the training after the last.

    Parameters
    ----------
    snapshots : Snapshots
        What keeps them.
    """

    def __init__(self, snapshots):
        self.snapshots = snapshots

    def __deepcopy__(self, memo):
        return self  # estimators copy their callbacks, and this one is read afterwards

    def on_epoch_end(self, net, **kwargs):
        """Look at the clock."""
        if self.snapshots(lambda: copy.deepcopy(net.module_.state_dict())):
            raise StopTraining


def _our_curve(estimator, train, judge, seed, options):
    """Give seconds, epochs and NDCG of each budget."""
    estimator = clone(estimator).set_params(max_epochs=_FOREVER, random_state=seed)
    snapshots = Snapshots(options.budgets)
    estimator.set_params(callbacks=[Watch(snapshots)]).fit(train)
    curve = []
    for taken, n_epochs, state in snapshots.finish():
        value = np.nan
        if state is not None:
            load_state(estimator.net_.module_, state)
            value = judge.ranking(estimator.recommend(users=judge.users, n_items=judge.k))
        curve.append((taken, n_epochs, value))
    return curve


def _implicit_curve(worker, point, judge, seed, options):
    """Give seconds, epochs and NDCG of each budget."""
    path = str(options.folder / "factors.npz")
    spent = worker.run("curve", options.budgets, path, seed, *point.values())
    with np.load(path) as arrays:
        values = [
            judge.factors(arrays[f"user_{place}"], arrays[f"item_{place}"]) if n_epochs else np.nan
            for place, (_, n_epochs) in enumerate(spent)
        ]
    return [(*both, value) for both, value in zip(spent, values)]


def _curve_rows(runs, budgets):
    """Give a row for each run and budget, with the ratio of NDCG to the best of implicit's."""
    curves = {name: np.median(seeds, axis=0) for name, seeds in runs.items()}
    rows = []
    for place, budget in enumerate(budgets):
        others = {name: curve[place, 2] for name, curve in curves.items() if name != "bpr_mf"}
        best = max(others, key=lambda name: np.nan_to_num(others[name]), default="bpr_mf")
        for name, curve in curves.items():
            rows.append(_curve_row(name, curve[place], budget, (best, curves[best][place, 2])))
            rows[-1]["n"] = len(runs[name])
    return rows


def _curve_row(name, point, budget, reference):
    taken, n_epochs, value = point
    return {
        "what": f"{name} in {budget:g} s",
        "seconds": taken,
        "ratio": value / reference[1],
        "reference": f"{reference[0]} in {budget:g} s",
        "note": f"ndcg@20 {value:.4f} after {n_epochs:g} epochs; ratio of ndcg",
    }


def convncf_epoch(options):
    """Time an epoch of ConvNCF beside RecBole's with the same tower."""
    from skrec import ConvNCFRanker

    X = _amazon_music(options)
    size = {"n_factors": _SMOKE_FACTORS} if options.smoke else {}
    parameters = {**CONVNCF, **size, **CONVNCF_OPTIMIZER, "batch_size": options.batch_size}
    ours = Epochs(ConvNCFRanker(**parameters, pretrain=None, device="cpu"), X, 1)
    arrays = matrices.save_arrays(options.folder / "convncf.npz", X)
    tasks = {"convncf_epoch": ours}
    arguments = (arrays, options.threads, json.dumps(_recbole_options(parameters)))
    with _worker("recbole", "recbole_convncf_worker", options, *arguments) as worker:
        if worker:
            tasks["recbole_convncf_epoch"] = lambda: worker.run("epoch")
        rows = summarize(alternate(tasks, options.rounds), list(tasks)[-1])
    note = f"{X.nnz} positives, batches of {options.batch_size}"
    rows = [row | {"note": note} for row in rows]
    rows[0]["note"] += f", {ours.note}"
    return rows


def _recbole_options(parameters):
    return {
        "embedding_size": parameters["n_factors"],
        "n_feature_maps": parameters["n_feature_maps"],
        "batch_size": parameters["batch_size"],
        "learner": parameters["optimizer"],
        "learning_rate": parameters["lr"],
    }


def _amazon_music(options):
    """Give the train part of the leave-one-out, or some pairs of it."""
    if options.smoke:
        X = load("synthetic").loo_train.tocsr()
    else:
        X = load("amazon-music", options.data_home).loo_train.tocsr()
    if options.interactions is None or options.interactions >= X.nnz:
        return X
    keep = np.random.default_rng(0).permutation(X.nnz) < options.interactions
    return take_entries(X, row_of_entry(X), keep)
