"""The learning curve of a slow model: what each epoch gives that fits into so many minutes.

    python -m benchmarks.gerec_curve [--data ml-1m] [--minutes 60] [--threads 2]

The estimator has its row of the settings for the NCF protocol. One item of each user is
held out beside the test's; those of some users are ranked among 99 drawn negatives after each
epoch, and the weights of the best epoch then rank the test's lists. Rows go to
results/gerec_curve.csv: "minutes" are those of training and watching since the first epoch began.
"""

import argparse
import time

import numpy as np
import pandas as pd
import torch
from skorch.callbacks import Callback

from skrec.reproduce import _data, _store, _systems
from skrec.reproduce._protocols import PROTOCOLS
from skrec.reproduce._settings import settings_of
from skrec.training import StopTraining

__all__ = ["TimeLimit", "main"]

_WATCHED_USERS = 500
_METRIC = "ndcg@10"
_WATCHED = f"valid_sampled_{_METRIC}"


class TimeLimit(Callback):
    """End the training with the epoch in which the time is over, and show each epoch.

    Parameters
    ----------
    minutes : float
        The time.
    """

    def __init__(self, minutes):
        self.minutes = minutes

    def on_train_begin(self, net, **kwargs):
        """Look at the clock."""
        self.start_ = time.perf_counter()

    def on_epoch_end(self, net, **kwargs):
        """Keep the minutes in the history, and stop if there are no more."""
        minutes = (time.perf_counter() - self.start_) / 60
        net.history.record("minutes", minutes)
        last = net.history[-1]
        print(
            f"epoch {last['epoch']}: {minutes:.1f} min, loss {last['train_loss']:.4f}", flush=True
        )
        if minutes >= self.minutes:
            raise StopTraining


def main(argv=None):
    """Run the command."""
    options = _make_parser().parse_args(argv)
    if options.threads:
        torch.set_num_threads(options.threads)
    name = "synthetic" if options.smoke else options.data
    dataset = _data.load(name, options.data_home)
    estimator = _estimator(name, dataset, options)
    protocol = PROTOCOLS["ncf"]()
    train = protocol.tuning(dataset).train
    estimator.fit(train)
    curve = _curve(estimator)
    print(curve.round(4).to_string(index=False))
    test = protocol.test(dataset).score(estimator).mean()
    print(test.round(4).to_string())
    key = {"system": options.system, "data": name, "seed": options.seed}
    _store.append(options.output, [{**key, **row} for row in _rows(curve, test)])


def _estimator(name, dataset, options):
    """Give the estimator, which watches some users and keeps its best epoch."""
    parameters, _ = settings_of(options.system, name, "ncf")
    parameters["max_epochs"] = 2 if options.smoke else 1000
    held_out = PROTOCOLS["ncf"]().tuning(dataset).evaluate
    users = np.unique(held_out.user)
    chosen = np.random.default_rng(0).permutation(users)[:_WATCHED_USERS]
    return _systems.make_system(
        options.system,
        parameters,
        options.seed,
        early_stopping=True,
        patience=1000,
        validation_data=held_out[np.isin(held_out.user, chosen)],
        validation_metric=_METRIC,
        validation_candidates=99,
        callbacks=[TimeLimit(options.minutes)],
    )


def _curve(estimator):
    """Give epoch, minutes, loss and watched metric; the last epoch may lack the last one."""
    names = ("epoch", "minutes", "train_loss", _WATCHED)
    rows = [{name: row.get(name, np.nan) for name in names} for row in estimator.net_.history]
    return pd.DataFrame(rows)


def _rows(curve, test):
    long = curve.melt(["epoch", "minutes"], var_name="what")
    test = test.rename_axis("what").rename("value").reset_index()
    return [*long.to_dict("records"), *test.assign(epoch=np.nan, minutes=np.nan).to_dict("records")]


def _make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gerec_curve", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--data", default="ml-1m")
    parser.add_argument("--system", default="GeRecClassifier")
    parser.add_argument("--data-home", help="folder of the data; default: $SKREC_DATA")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--threads", type=int, help="threads of torch; default: its own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default="benchmarks/results/gerec_curve.csv")
    parser.add_argument("--smoke", action="store_true", help="tiny synthetic data")
    return parser


if __name__ == "__main__":
    main()
