"""Follow a slow model epoch by epoch, for as many minutes as there are.

    python -m benchmarks.claims.gerec_curve --data ml-1m --minutes 60

The estimator has its settings for the NCF protocol. One item of each user is held out beside the
test's; those of some users are ranked among 99 drawn negatives after each epoch, and the weights of
the best epoch then rank the test's lists. "minutes" are those of training and watching since the
first epoch began.
"""

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch
from skorch import NeuralNet
from skorch.callbacks import Callback

from benchmarks.arguments import add_data, add_output, make_parser, prepare
from benchmarks.cells import keep_rows
from skrec.reproduce import find_settings, load_data, make_protocol, make_system
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

    def __init__(self, minutes: float) -> None:
        self.minutes = minutes

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Note the time."""
        self.start_ = time.perf_counter()

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Keep the minutes in the history, and stop if there are no more."""
        minutes = (time.perf_counter() - self.start_) / 60
        net.history.record("minutes", minutes)
        last = net.history[-1]
        print(
            f"epoch {last['epoch']}: {minutes:.1f} min, loss {last['train_loss']:.4f}", flush=True
        )
        if minutes >= self.minutes:
            raise StopTraining


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    dataset, protocol = load_data(options.data, options.data_home), make_protocol("ncf")
    estimator = _make_estimator(dataset, options)
    estimator.fit(protocol.tuning(dataset).train)
    curve = _curve(estimator)
    print(curve.round(4).to_string(index=False))
    test = protocol.test(dataset).score(estimator).mean()
    print(test.round(4).to_string())
    key = {"system": options.system, "data": options.data, "seed": options.seed}
    keep_rows(options.output, key, _rows(curve, test))


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("claims.gerec_curve", __doc__)
    add_data(parser, "ml-1m")
    parser.add_argument("--system", default="GeRecClassifier", help="default: GeRecClassifier")
    parser.add_argument("--minutes", type=float, default=60.0, help="default: 60")
    parser.add_argument("--threads", type=int, help="threads of torch; default: its own")
    parser.add_argument("--seed", type=int, default=0, help="training seed")
    add_output(parser, "gerec_curve.csv")
    return parser


def _make_estimator(dataset: Bunch, options: argparse.Namespace) -> Any:
    """Return the estimator, which watches some users and keeps its best epoch."""
    parameters = find_settings(options.system, options.data, "ncf").parameters
    parameters["max_epochs"] = 2 if options.smoke else 1000
    held_out = make_protocol("ncf").tuning(dataset).evaluate
    users = np.unique(held_out.user)
    chosen = np.random.default_rng(0).permutation(users)[:_WATCHED_USERS]
    return make_system(
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


def _curve(estimator: Any) -> pd.DataFrame:
    """Return epoch, minutes, loss and watched metric; the last epoch may lack the last one."""
    names = ("epoch", "minutes", "train_loss", _WATCHED)
    rows = [{name: row.get(name, np.nan) for name in names} for row in estimator.net_.history]
    return pd.DataFrame(rows)


def _rows(curve: pd.DataFrame, test: pd.Series) -> list[dict[Any, Any]]:
    long = curve.melt(["epoch", "minutes"], var_name="what")
    test = test.rename_axis("what").rename("value").reset_index()
    return [*long.to_dict("records"), *test.assign(epoch=np.nan, minutes=np.nan).to_dict("records")]


if __name__ == "__main__":
    main()
