"""Study CrossFeedbackBMF: convergence, intervals, batches, time to an error.

parts, on the split of the protocol "ratings" of benchmarks.quality.run:
  convergence  figure 4: the test RMSE after each pass of the variants A to E, whose encoders have
               neither embeddings nor a hidden layer (A), no hidden layer (B), no embeddings (C),
               both (D), and attention too (E); nothing is chosen by it
  intervals    how many test ratings lie in the central intervals that predict(return_std=True)
               claims, as they are and with all deviations multiplied by one factor, the root mean
               square of errors over deviations on the validation ratings
  batches      the RMSE and the seconds of a pass by the sizes of batches
  reach        seconds until the validation RMSE that both CrossFeedbackBMF and VAERegressor reach

A part that is in the CSV is not run again.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy.stats import norm
from skorch import NeuralNet
from skorch.callbacks import Callback

from benchmarks.arguments import (
    add_compute,
    add_data,
    add_output,
    add_splits,
    make_parser,
    prepare,
)
from benchmarks.cells import is_finished, keep_rows, parameters_for, protocol_for
from skrec import Interactions
from skrec.reproduce import Task, load_data, make_system
from skrec.typing import Array

__all__ = ["VARIANTS", "main"]

# figure 4: what encoders read, and their hidden layers
VARIANTS: dict[str, dict[str, Any]] = {
    "A": {"cross_feedback": False, "hidden_sizes": (), "attention": None},
    "B": {"hidden_sizes": (), "attention": None},
    "C": {"cross_feedback": False, "hidden_sizes": (50,), "attention": None},
    "D": {"hidden_sizes": (50,), "attention": None},
    "E": {"hidden_sizes": (50,), "attention": "rated"},
}
_LEVELS = (0.5, 0.8, 0.9, 0.95)
_Rows: TypeAlias = Iterator[dict[str, Any]]


class Clock(Callback):
    """Record in the history how many seconds have passed since training began."""

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Note the time."""
        self.start_ = time.perf_counter()

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Record the seconds."""
        net.history.record("seconds", time.perf_counter() - self.start_)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    for name in options.data:
        protocol, dataset = protocol_for(name, options), load_data(name, options.data_home)
        tasks = protocol.tuning(dataset), protocol.test(dataset)
        for part in options.parts:
            key = {"part": part, "data": name, "split": protocol.split, "seed": options.seed}
            if is_finished(options.output, key):
                print(f"{part} on {name}, split {protocol.split}: in {options.output}")
                continue
            rows = pd.DataFrame(_PARTS[part](name, *tasks, options))
            print(rows.round(4).to_string(index=False), flush=True)
            keep_rows(options.output, key, _long(rows))


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("claims.cross_feedback", __doc__)
    parser.set_defaults(protocol="ratings")
    add_data(parser, ["ml-1m"])
    add_splits(parser)
    add_compute(parser)
    parser.add_argument("--parts", nargs="+", choices=list(_PARTS), default=list(_PARTS))
    parser.add_argument("--passes", type=int, default=100, help="convergence: passes; default: 100")
    parser.add_argument("--sizes", nargs="+", type=int, default=[300, 1000], help="batches: sizes")
    parser.add_argument("--seed", type=int, default=0, help="training seed")
    add_output(parser, "cross_feedback.csv")
    return parser


def _long(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a dict a number."""
    rows = rows if "epoch" in rows else rows.assign(epoch=None)
    return rows.melt(["case", "epoch"], var_name="what").to_dict("records")


def _fit(
    name: str,
    task: Task,
    options: argparse.Namespace,
    system: str = "CrossFeedbackBMF",
    **changed: Any,
) -> Any:
    """Fit a system as the protocol does, with the clock in its history."""
    parameters = parameters_for(system, name, options)
    given = {**task.fit_parameters, **parameters, "callbacks": [Clock()], **changed}
    return make_system(system, given, options.seed, options.device).fit(task.train)


def _errors(estimator: Any) -> tuple[Array, Array]:
    """Return the RMSE that was watched after each pass, and the seconds until then."""
    history = estimator.net_.history
    return -np.array(history[:, "valid_neg_rmse"]), np.array(history[:, "seconds"])


def _convergence(name: str, tuning: Task, test: Task, options: argparse.Namespace) -> _Rows:
    """Watch the test ratings in place of the validation ratings."""
    n_passes = 2 if options.smoke else options.passes
    for letter, changed in VARIANTS.items():
        watched = {"validation_data": test.evaluate, "patience": n_passes, "max_epochs": n_passes}
        estimator = _fit(name, test, options, **changed, **watched)
        for epoch, (rmse, seconds) in enumerate(zip(*_errors(estimator), strict=True), start=1):
            yield {"case": letter, "epoch": epoch, "rmse": rmse, "seconds": seconds}


def _intervals(name: str, tuning: Task, test: Task, options: argparse.Namespace) -> _Rows:
    """Count what lies in central intervals, before and after one factor."""
    estimator = _fit(name, test, options)
    factor = np.sqrt(np.mean(_standardized(estimator, tuning.evaluate) ** 2))
    z = np.abs(_standardized(estimator, test.evaluate))
    for level in _LEVELS:
        width = norm.ppf(0.5 + level / 2)
        inside = {"claimed": np.mean(z <= width), "calibrated": np.mean(z <= factor * width)}
        yield {"case": level, **inside, "factor": factor}


def _standardized(estimator: Any, ratings: Interactions) -> Array:
    """Return errors of ratings divided by their deviations."""
    mean, _ = estimator.decision_function(ratings, return_std=True)
    _, std = estimator.predict(ratings, return_std=True)
    return (ratings.value - mean) / std


def _batches(name: str, tuning: Task, test: Task, options: argparse.Namespace) -> _Rows:
    """Fit with batches of several sizes."""
    for size in options.sizes:
        estimator = _fit(name, test, options, batch_size=size, item_batch_size=size)
        rmse, seconds = _errors(estimator)
        yield {
            "case": size,
            "validation_rmse": rmse.min(),
            "test_rmse": float(test.summary(test.score(estimator)).loc["rmse", "mean"]),
            "passes": int(rmse.argmin()) + 1,
            "seconds_per_pass": float(np.median(np.diff(seconds, prepend=0))),
        }


def _reach(name: str, tuning: Task, test: Task, options: argparse.Namespace) -> _Rows:
    """Time both models to the error that both reach."""
    systems = ("CrossFeedbackBMF", "VAERegressor")
    watched = {system: _errors(_fit(name, tuning, options, system)) for system in systems}
    goal = max(rmse.min() for rmse, _ in watched.values())
    for system, (rmse, seconds) in watched.items():
        yield {
            "case": system,
            "goal": goal,
            "seconds_to_goal": seconds[np.argmax(rmse <= goal)],
            "seconds_per_pass": float(np.median(np.diff(seconds, prepend=0))),
            "best_rmse": rmse.min(),
            "seconds_to_best": seconds[rmse.argmin()],
        }


_PARTS = {
    "convergence": _convergence,
    "intervals": _intervals,
    "batches": _batches,
    "reach": _reach,
}


if __name__ == "__main__":
    main()
