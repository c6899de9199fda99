"""MF-BPR beside the peers: its epochs, and its time to a given NDCG."""

import itertools
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from skorch import NeuralNet

from benchmarks.peers.judge import Judge
from benchmarks.peers.team import Team, compare, pair_rows
from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_gowalla, save_arrays
from benchmarks.speed.measure import seconds
from benchmarks.speed.settings import BPR_MF, BPR_SGD
from benchmarks.speed.timers import EstimatorEpochs, SharedCallback
from skrec import BPRMFRanker
from skrec.training import StopTraining
from skrec.typing import Array, CSRMatrix

__all__ = ["bpr", "bpr_settings"]

_Factors: TypeAlias = tuple[Array, Array]
_Limits: TypeAlias = tuple[float, float]  # the target, and the budget in seconds

# RecBole's BPR is ours, so it has our optimiser, rate and batch; the others descend pair by pair,
# each with the best of a grid on the test of Gowalla itself, which favours them. cornac's: 0.0888
# after 10 epochs, where rate 0.05 has 0.0700 and penalty 0.01 has 0.0741; skrecsys' is a port of it
PAIR_BY_PAIR = {
    "implicit": {"learning_rate": 0.01, "regularization": 0.001},
    "cornac": {"learning_rate": 0.1, "regularization": 0.001},
    "skrecsys": {"learning_rate": 0.1, "regularization": 0.001},
}
TARGET, BUDGET = 0.07, 30.0  # ndcg@20 of Gowalla's test, and seconds of training to get there
N_JUDGED = 3_000  # test users, so that looking at the clock does not take longer than training
CHUNKS = {"recbole": 1, "implicit": 10, "cornac": 2, "skrecsys": 2}  # epochs between two looks


def bpr(options: Namespace) -> list[Row]:
    """Time epochs of MF-BPR on Gowalla, then how long it takes to a given NDCG."""
    train, test = load_gowalla(options)
    sizes = {"n_factors": 8} if options.smoke else {}
    estimator = BPRMFRanker(**{**BPR_MF, **sizes, "device": "cpu"})
    descent = BPRMFRanker(**{**BPR_SGD, **sizes, "n_jobs": options.threads})
    arrays = save_arrays(options.folder / "bpr.npz", train, test)
    judge = Judge(train, test, k=20, n_users=N_JUDGED)
    with Team(bpr_settings(estimator), arrays, options) as team:
        epochs = _epochs({"bpr_epoch": estimator, "bpr_sgd_epoch": descent}, train, team, options)
        races = {
            "bpr_to_ndcg": partial(our_race, estimator, train, judge),
            "bpr_sgd_to_ndcg": partial(descent_race, descent, train, judge),
        }
        return epochs + _race(races, judge, team, options)


def bpr_settings(estimator: BPRMFRanker) -> dict[str, dict[str, Any]]:
    """Return what the workers take, so that their BPR has the sizes of ours."""
    size = {"n_factors": estimator.n_factors}
    batches = {"learning_rate": estimator.lr, "batch_size": estimator.batch_size}
    return {"recbole": size | batches} | {
        peer: size | settings for peer, settings in PAIR_BY_PAIR.items()
    }


def _epochs(
    models: Mapping[str, BPRMFRanker], X: CSRMatrix, team: Team, options: Namespace
) -> list[Row]:
    n_epochs = 1 + options.batches
    ours = {name: EstimatorEpochs(model, X, n_epochs) for name, model in models.items()}
    calls = {peer: ["bpr_epochs", options.batches] for peer in team.settings}
    return compare("bpr_epoch", ours, calls, team, options, f"{X.nnz} positives")


class UntilGood(SharedCallback):
    """End a fit when the model is good enough or the time is over; judging is not counted.

    Parameters
    ----------
    judge : callable
        Takes factors of users and items.
    target, budget : float
        What to reach, in how many seconds.

    Attributes
    ----------
    best : float
        Of all epochs.
    aside : float
        Seconds that the judging took.
    """

    def __init__(
        self, judge: Callable[[Array, Array], float], target: float, budget: float
    ) -> None:
        self.judge, self.target, self.budget = judge, target, budget
        self.best, self.aside = 0.0, 0.0
        self._start = time.perf_counter()

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Judge the factors."""
        start = time.perf_counter()
        module: Any = net.module_
        tables = module.users.free, module.items
        value = self.judge(*(table.weight.detach().numpy() for table in tables))
        self.best = max(self.best, value)
        self.aside += time.perf_counter() - start
        if value >= self.target or start - self._start - self.aside > self.budget:
            raise StopTraining


def our_race(
    estimator: BPRMFRanker, X: CSRMatrix, judge: Judge, seed: int, limits: _Limits
) -> tuple[float, float]:
    """Return the seconds of a fit to the target, NaN if it was not reached, and the best value."""
    watch = UntilGood(judge.factors, *limits)
    start = time.perf_counter()
    estimator.set_params(max_epochs=100_000, random_state=seed, callbacks=[watch]).fit(X)
    taken = time.perf_counter() - start - watch.aside
    return (taken if watch.best >= limits[0] else np.nan), watch.best


def descent_race(
    estimator: BPRMFRanker, X: CSRMatrix, judge: Judge, seed: int, limits: _Limits
) -> tuple[float, float]:
    """Return the same of the fit with the fewest epochs that gets there.

    The compiled descent has no callbacks, so that fits are tried, each one epoch longer.
    """
    best = 0.0
    for n_epochs in itertools.count(1):
        estimator.set_params(max_epochs=n_epochs, random_state=seed)
        taken = seconds(lambda: estimator.fit(X))
        best = max(best, judge.factors(*_factors(estimator)))
        if best >= limits[0]:
            return taken, best
        if taken > limits[1]:
            break
    return np.nan, best


def _factors(estimator: Any) -> _Factors:
    return estimator.user_factors_, estimator.item_factors_


def peer_race(
    train_on: Callable[[], tuple[float, _Factors | None]],
    judge: Callable[..., float],
    limits: _Limits,
) -> tuple[float, float]:
    """Return the seconds of a peer to the target, NaN if it was not reached, and the best value."""
    target, budget = limits
    spent, best = 0.0, 0.0
    while spent < budget:
        taken, factors = train_on()
        if factors is None:
            break
        spent += taken
        best = max(best, judge(*factors))
        if best >= target:
            return spent, best
    return np.nan, best


def _race(
    ours: Mapping[str, Callable[[int, _Limits], tuple[float, float]]],
    judge: Judge,
    team: Team,
    options: Namespace,
) -> list[Row]:
    """Return the rows of times to the target, a seed a round."""
    limits = (0.0, 1.0) if options.smoke else (TARGET, BUDGET)
    names = [*ours, *(f"{peer}_bpr_to_ndcg" for peer in team.settings)]
    times: dict[str, list[Array]] = {name: [] for name in names}
    best: dict[str, list[float]] = {name: [] for name in names}
    for seed in range(1, options.rounds + 1):
        races = [partial(race, seed, limits) for race in ours.values()]
        for peer in team.settings:
            train_on = _chunks(peer, team, seed, options)
            races.append(partial(peer_race, train_on, judge.factors, limits))
        for name, race in zip(names, races):
            taken, value = race()
            times[name].append(np.atleast_1d(taken))
            best[name].append(value)
    return race_rows(times, best, team, limits)


def _chunks(
    peer: str, team: Team, seed: int, options: Namespace
) -> Callable[[], tuple[float, _Factors | None]]:
    """Return a function that trains a peer some more epochs: their seconds, and the factors."""
    path, n_epochs = str(options.folder / f"{peer}_factors.npz"), CHUNKS[peer]

    def train_on() -> tuple[float, _Factors | None]:
        taken = team.run(peer, "bpr_epochs", n_epochs, path, seed) * n_epochs
        if np.isnan(taken):
            return taken, None
        with np.load(path) as arrays:
            return taken, (arrays["user"], arrays["item"])

    return train_on


def race_rows(
    times: Mapping[str, Sequence[Array]],
    best: Mapping[str, Sequence[float]],
    team: Team,
    limits: _Limits,
) -> list[Row]:
    """Return the rows, with a note where the target was not reached in every round."""
    missed = {}
    for peer in team.settings:
        taken = np.concatenate(times[f"{peer}_bpr_to_ndcg"])
        if np.isnan(taken).any() and peer not in team.errors:
            values = best[f"{peer}_bpr_to_ndcg"]
            missed[peer] = (
                f"ndcg@20 {limits[0]:g} reached in {np.isfinite(taken).sum()} of {len(taken)} "
                f"rounds within {limits[1]:g} s, best {max(values):.4f}"
            )
    note = f"to ndcg@20 {limits[0]:g}, {N_JUDGED} test users; judging not counted"
    errors = {**team.errors, **missed}
    references = {peer: f"{peer}_bpr_to_ndcg" for peer in team.settings}
    ours = [name for name in times if name not in references.values()]
    rows = pair_rows(ours, references, times, errors, note)
    return [row if "seconds" in row else row | _seconds(times[row["what"]]) for row in rows]


def _seconds(times: Sequence[Array]) -> dict[str, Any]:
    return {"seconds": np.median(np.concatenate(times)), "n": len(times)}
