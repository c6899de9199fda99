"""Studies of CrossFeedbackBMF: convergence, intervals, batch sizes, time to an error.

Run from the checkout as ``python -m benchmarks.cross_feedback --help``.
"""

import argparse
import time

import numpy as np
import pandas as pd
from scipy.stats import norm
from skorch.callbacks import Callback

from benchmarks import quality
from skrec.reproduce import _data, _store, _systems
from skrec.reproduce._protocols import PROTOCOLS

__all__ = ["VARIANTS", "main"]

# figure 4: what encoders read, and their hidden layers
VARIANTS = {
    "A": {"cross_feedback": False, "hidden_sizes": (), "attention": None},
    "B": {"hidden_sizes": (), "attention": None},
    "C": {"cross_feedback": False, "hidden_sizes": (50,), "attention": None},
    "D": {"hidden_sizes": (50,), "attention": None},
    "E": {"hidden_sizes": (50,), "attention": "rated"},
}
_LEVELS = (0.5, 0.8, 0.9, 0.95)

_EPILOG = """\
parts, on the split of the protocol "ratings" of benchmarks.quality:
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


class Clock(Callback):
    """Keep the seconds since training began in the history."""

    def on_train_begin(self, net, **kwargs):
        """Look at the clock."""
        self.start_ = time.perf_counter()

    def on_epoch_end(self, net, **kwargs):
        """Record the seconds."""
        net.history.record("seconds", time.perf_counter() - self.start_)


def main(argv=None):
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    options.protocol, options.systems = "ratings", None
    quality.prepare(parser, options)
    for name in options.data:
        protocol = PROTOCOLS["ratings"](options)
        dataset = _data.load(name, options.data_home)
        tasks = protocol.tuning(dataset), protocol.test(dataset)
        for part in options.parts:
            key = {"part": part, "data": name, "split": protocol.split, "seed": options.seed}
            if _store.has_rows(options.output, key):
                print(f"{part} on {name}, split {protocol.split}: in {options.output}")
                continue
            rows = pd.DataFrame(_PARTS[part](name, *tasks, options))
            print(rows.round(4).to_string(index=False), flush=True)
            _store.append(options.output, [{**key, **row} for row in _long(rows)])


def _make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cross_feedback",
        description=__doc__.splitlines()[0],
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    quality.add_common(parser)
    parser.add_argument("--parts", nargs="+", choices=list(_PARTS), default=list(_PARTS))
    parser.add_argument("--passes", type=int, default=100, help="convergence: passes")
    parser.add_argument("--sizes", nargs="+", type=int, default=[300, 1000], help="batches: sizes")
    parser.add_argument("--seed", type=int, default=0, help="training seed")
    parser.add_argument("--output", default="benchmarks/results/cross_feedback.csv")
    return parser


def _long(rows):
    """Give a dict a number."""
    rows = rows if "epoch" in rows else rows.assign(epoch=None)
    return rows.melt(["case", "epoch"], var_name="what").to_dict("records")


def _fit(name, task, options, system="CrossFeedbackBMF", **changed):
    """Fit a system as the protocol does, with the clock in its history."""
    parameters = quality.parameters_for(system, name, options)
    given = {**task.fit_parameters, **parameters, "callbacks": [Clock()], **changed}
    return _systems.make_system(system, given, options.seed, options.device).fit(task.train)


def _errors(estimator):
    """Give the RMSE that was watched after each pass, and the seconds until then."""
    history = estimator.net_.history
    return -np.array(history[:, "valid_neg_rmse"]), np.array(history[:, "seconds"])


def _convergence(name, tuning, test, options):
    """Watch the test ratings in place of the validation ratings."""
    n_passes = 2 if options.smoke else options.passes
    for letter, changed in VARIANTS.items():
        watched = {"validation_data": test.evaluate, "patience": n_passes, "max_epochs": n_passes}
        estimator = _fit(name, test, options, **changed, **watched)
        for epoch, (rmse, seconds) in enumerate(zip(*_errors(estimator), strict=True), start=1):
            yield {"case": letter, "epoch": epoch, "rmse": rmse, "seconds": seconds}


def _intervals(name, tuning, test, options):
    """Count what lies in central intervals, before and after one factor."""
    estimator = _fit(name, test, options)
    factor = np.sqrt(np.mean(_standardized(estimator, tuning.evaluate) ** 2))
    z = np.abs(_standardized(estimator, test.evaluate))
    for level in _LEVELS:
        width = norm.ppf(0.5 + level / 2)
        inside = {"claimed": np.mean(z <= width), "calibrated": np.mean(z <= factor * width)}
        yield {"case": level, **inside, "factor": factor}


def _standardized(estimator, ratings):
    """Give errors of ratings divided by their deviations."""
    mean, _ = estimator.decision_function(ratings, return_std=True)
    _, std = estimator.predict(ratings, return_std=True)
    return (ratings.value - mean) / std


def _batches(name, tuning, test, options):
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


def _reach(name, tuning, test, options):
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
