"""Which points of a space of parameters to try next: at random, by Optuna's TPE, or on a grid."""

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.model_selection import ParameterGrid

from benchmarks.arguments import as_tuples

__all__ = ["SEARCHES", "Log", "Space", "edges", "grid_points", "proposals", "random_points"]

SEARCHES = ("random", "tpe", "grid")
_GRID_STEPS = 3  # points of a range on a grid
_STARTUP = 5  # trials after which TPE has learnt something
_NEAR = 0.05  # the share of a range that is its edge


@dataclass(frozen=True)
class Log:
    """A range of positive numbers, uniform in the logarithm.

    Parameters
    ----------
    low, high : float
        Its ends.
    """

    low: float
    high: float

    def at(self, share: float) -> float:
        """Return the number at a share of the way, with three digits."""
        ratio = math.log(self.high / self.low)
        return float(f"{self.low * math.exp(share * ratio):.3g}")

    def share(self, value: float) -> float:
        """Return which share of the way a number is at, below 0 or above 1 if outside."""
        return math.log(value / self.low) / math.log(self.high / self.low)


Space: TypeAlias = Mapping[str, Sequence[Any] | Log]


def random_points(space: Space, seed: int) -> Iterator[dict[str, Any]]:
    """Return points at random, always the same ones for a seed.

    Parameters
    ----------
    space : dict
        A list or a range of each parameter.
    seed : int
        Source of the draws.

    Yields
    ------
    point : dict
        Without end where there is a range; else each point of the lists once.
    """
    if not any(isinstance(values, Log) for values in space.values()):
        yield from grid_points(space, seed)
        return
    rng = np.random.default_rng(seed)
    while True:
        yield {name: _draw(space[name], rng) for name in sorted(space)}


def _draw(values: Sequence[Any] | Log, rng: np.random.Generator) -> Any:
    if isinstance(values, Log):
        return values.at(rng.random())
    return values[rng.integers(len(values))]


def grid_points(space: Space, seed: int) -> Iterator[dict[str, Any]]:
    """Return the points of a grid, each once, in an order drawn by a seed.

    Parameters
    ----------
    space : dict
        A list or a range of each parameter; a range has three points.
    seed : int
        Source of the order.

    Yields
    ------
    point : dict
        A point.
    """
    points = list(ParameterGrid({name: _steps(values) for name, values in space.items()}))
    for i in np.random.default_rng(seed).permutation(len(points)):
        yield points[i]


def _steps(values: Sequence[Any] | Log) -> list[Any]:
    if isinstance(values, Log):
        return [values.at(share) for share in np.linspace(0, 1, _GRID_STEPS)]
    return list(values)


def edges(space: Space, points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what of the best point lies at an end of what was tried: more may be gained beyond.

    Parameters
    ----------
    space : dict
        A list or a range of each parameter. Lists count where they hold three numbers or more.
    points : sequence of dict
        Parameters of all trials, the best first, those of other spaces among them.

    Returns
    -------
    names : list of str
        Of the parameters, in the order of the space. A 0 is no end: nothing lies below it.
    """
    found = []
    for name, values in space.items():
        tried = [point[name] for point in points if _is_number(point.get(name))]
        if tried and _is_number(points[0].get(name)) and _is_at_edge(values, tried):
            found.append(name)
    return found


def _is_at_edge(values: Sequence[Any] | Log, tried: Sequence[float]) -> bool:
    """Return whether the first number is at an end of a list or a range, and of the others."""
    value = tried[0]
    if isinstance(values, Log):
        ends = min(values.low, *tried), max(values.high, *tried)
        return ends[0] > 0 and not _NEAR < Log(*ends).share(value) < 1 - _NEAR
    numbers = {each for each in values if _is_number(each)} | {*tried}
    return value != 0 and len(numbers) > 2 and not min(numbers) < value < max(numbers)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def proposals(
    space: Space,
    how: str,
    seed: int,
    n_trials: int,
    shared: Mapping[str, Any],
    find: Callable[[], pd.DataFrame],
    smaller: bool,
) -> Iterator[dict[str, Any]]:
    """Return parameters to try, one after the other, until there are trials enough.

    Parameters
    ----------
    space : dict
        A list or a range of each parameter.
    how : {"random", "tpe", "grid"}
        How to choose.
    seed : int
        Source of what is drawn.
    n_trials : int
        How many trials there are in the end, those of before among them.
    shared : dict
        Further parameters of every point.
    find : callable
        Returns the finished trials, with ``parameters`` as JSON and ``mean``. It is called before
        each proposal.
    smaller : bool
        Whether a smaller mean is better.

    Yields
    ------
    parameters : dict
        What no trial has, and was not proposed before.
    """
    points = grid_points(space, seed) if how == "grid" else random_points(space, seed)
    proposed: set[str] = set()
    while True:
        trials = find()
        taken = proposed | set(trials.get("parameters", ()))
        if len(taken) >= n_trials:
            return
        likely = [_likely(space, trials, seed, smaller)] if how == "tpe" else []
        new = (p for p in itertools.chain(likely, points) if _key({**shared, **p}) not in taken)
        point = next(new, None)
        if point is None:
            return
        proposed.add(_key({**shared, **point}))
        yield {**shared, **as_tuples(point)}


def _key(parameters: Mapping[str, Any]) -> str:
    """Return parameters as a table of trials has them."""
    return json.dumps(parameters, sort_keys=True)


# TPE


def _likely(space: Space, trials: pd.DataFrame, seed: int, smaller: bool) -> dict[str, Any]:
    """Return the point that TPE takes after the trials that there are."""
    optuna = _import_optuna()
    kinds = {name: _distribution(optuna, values) for name, values in space.items()}
    sampler = optuna.samplers.TPESampler(seed=1000 * seed + len(trials), n_startup_trials=_STARTUP)
    study = optuna.create_study(sampler=sampler, direction="minimize" if smaller else "maximize")
    for text, value in trials[["parameters", "mean"]].to_numpy() if len(trials) else ():
        point = _inside(space, json.loads(text))
        if point is not None and np.isfinite(value):
            study.add_trial(optuna.create_trial(params=point, distributions=kinds, value=value))
    chosen = study.ask(kinds).params
    return {name: _decoded(space[name], value) for name, value in chosen.items()}


def _import_optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise SystemExit(
            "--search tpe needs Optuna, which is not installed: pip install "
            "'sklearn-recommenders[optuna]', or take --search random"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _distribution(optuna: Any, values: Sequence[Any] | Log) -> Any:
    if isinstance(values, Log):
        return optuna.distributions.FloatDistribution(values.low, values.high, log=True)
    return optuna.distributions.CategoricalDistribution([json.dumps(value) for value in values])


def _inside(space: Space, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the point of a trial as Optuna has it; None where it is of another space."""
    point = {}
    for name, values in space.items():
        if name not in parameters:
            return None
        value = parameters[name]
        if isinstance(values, Log):
            if not values.low <= value <= values.high:
                return None
            point[name] = value
        elif (text := json.dumps(value)) in map(json.dumps, values):
            point[name] = text
        else:
            return None
    return point


def _decoded(values: Sequence[Any] | Log, value: Any) -> Any:
    if isinstance(values, Log):
        return min(max(float(f"{value:.3g}"), values.low), values.high)
    return json.loads(value)
