"""Follow a model epoch by epoch on validation and test lists, for as many minutes as there are.

    python -m benchmarks.claims.curve --system ConvNCFRanker --data amazon-music --minutes 60

The estimator has its settings for the protocol, or those of --parameters on top of them. It is
trained on what the tuning of the protocol trains on: under "ncf" with an item of each user held out
beside the test's, under "weak" with a tenth. After each epoch it ranks both held-out parts, and the
row is written at once. Under "ncf" each item is ranked among its 99 negatives; under "weak" among
all items, so that the test's figures are lower bounds: what is held out to validate on is neither
learnt from nor left out of the lists. At the end it says what the epoch that is best by validation
has on the test part, and the mean of the last ten epochs, as some papers report it; these lines are
kept beside the curves, in a file whose name ends with "_summary", with those of the models that it
starts from ("pretrained"). "minutes" are those of training alone, from the first epoch. A curve
that is there and has as many of them, or as many epochs, is not trained again, and its lines are
printed. A rate that falls does so over --epochs; without that it stays as it is at first.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from skorch import NeuralNet
from skorch.callbacks import Callback

from benchmarks.arguments import add_data, add_output, make_parser, parse_json, prepare
from benchmarks.cells import is_finished, keep_study, smoke_parameters
from skrec.reproduce import (
    Cell,
    find_settings,
    find_system,
    load_data,
    make_protocol,
    make_system,
    read_rows,
)
from skrec.training import StopTraining

__all__ = ["EachEpoch", "main", "summary"]

# the last is the one to choose by
_METRICS = {"ncf": ("sampled_hit_rate@10", "sampled_ndcg@10"), "weak": ("recall@20", "ndcg@20")}
_LAST = 10
_MOST_EPOCHS = 1000
# there is a net to look at, and it is trained to the end
_FOLLOWED = {"early_stopping": False, "solver": "torch"}


class EachEpoch(Callback):
    """Report each epoch, and end the training with the one in which the time is over.

    Parameters
    ----------
    report : callable
        Called with the net, the epoch, the minutes of training and the loss.
    minutes : float
        The time; that of reports does not count.
    every : int, default=1
        Report every so many epochs.
    """

    def __init__(self, report: Callable[..., None], minutes: float, every: int = 1) -> None:
        self.report = report
        self.minutes = minutes
        self.every = every

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Note the time."""
        self.start_ = time.perf_counter()

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Report, and stop if there is no more time."""
        end = time.perf_counter()
        minutes, last = (end - self.start_) / 60, net.history[-1]
        over = minutes >= self.minutes
        if over or last["epoch"] % self.every == 0:
            self.report(net, last["epoch"], minutes, last["train_loss"])
        if over:
            raise StopTraining
        self.start_ += time.perf_counter() - end


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    cell = _cell(options)
    known = _ended(_curve(cell, options.output), cell.parameters["max_epochs"], options.minutes)
    if not known:
        _follow(cell, options)
    lines = summary(_curve(cell, options.output))
    print(lines.to_string())
    if not (known and is_finished(_beside(options), {**cell.key, "which": lines.index[-1]})):
        _keep_lines(cell, lines, options)


def _ended(curve: pd.DataFrame, epochs: int, minutes: float) -> bool:
    """Return whether a curve has the epochs or the minutes that are asked for."""
    if curve.empty:
        return False
    last = curve.iloc[-1]
    return bool(last["epoch"] >= epochs or last["minutes"] >= minutes)


def _follow(cell: Cell, options: argparse.Namespace) -> None:
    """Train, and add a row an epoch to the curves."""
    dataset, protocol = load_data(options.data, options.data_home), make_protocol(options.protocol)
    tasks = {"validation": protocol.tuning(dataset), "test": protocol.test(dataset)}
    train, metrics = tasks["validation"].train, _METRICS[options.protocol]
    estimator = make_system(cell.system, cell.parameters, cell.seed, device=options.device)
    shadow = _untrained(estimator).fit(train)
    start = getattr(shadow, "pretrained_", None)

    def figures(model: Any) -> dict[str, float]:
        with torch.random.fork_rng():
            found = {part: task.score(model).mean() for part, task in tasks.items()}
        return {f"{part} {m}": found[part][m] for part in found for m in metrics}

    if start is not None:  # not once more
        pair = isinstance(start, tuple)
        starts = start if pair else (start,)
        estimator.set_params(pretrain=tuple(map(FrozenEstimator, start)) if pair else
                             FrozenEstimator(start))  # fmt: skip
        lines = pd.DataFrame([figures(model) for model in starts]).drop(
            columns=f"validation {metrics[0]}"
        )
        lines.index = pd.Index(_names(starts))
        print(lines.to_string(), flush=True)
        _keep_lines(cell, lines, options)

    def report(net: NeuralNet, epoch: int, minutes: float, loss: float) -> None:
        shadow.net_.module_.load_state_dict(net.module_.state_dict())
        row = {"epoch": epoch, "minutes": round(minutes, 2), "train_loss": loss, **figures(shadow)}
        keep_study(options.output, cell.key, [row])
        print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)

    report(shadow.net_, 0, 0.0, float("nan"))
    estimator.set_params(callbacks=[EachEpoch(report, options.minutes, options.every)])
    estimator.fit(train)


def _names(starts: Sequence[Any]) -> list[str]:
    """Return names of models that are started from; those of one class are numbered."""
    names = [f"pretrained {type(model).__name__}" for model in starts]
    return [f"{s} {n}" if names.count(s) > 1 else s for n, s in enumerate(names, 1)]


def _keep_lines(cell: Cell, lines: pd.DataFrame, options: argparse.Namespace) -> None:
    rows = lines.rename_axis("which").reset_index().to_dict("records")
    keep_study(_beside(options), cell.key, rows)


def _beside(options: argparse.Namespace) -> str:
    path = Path(options.output)
    return str(path.with_name(f"{path.stem}_summary{path.suffix}"))


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("claims.curve", __doc__)
    add_data(parser, "ml-1m")
    parser.add_argument("--protocol", choices=_METRICS, default="ncf", help="default: ncf")
    parser.add_argument("--system", default="GeRecClassifier", help="default: GeRecClassifier")
    parser.add_argument("--parameters", type=parse_json, help="JSON, on top of the settings")
    parser.add_argument("--minutes", type=float, default=60.0, help="default: 60")
    parser.add_argument("--epochs", type=int, help="at most; default: as many as there is time for")
    parser.add_argument("--every", type=int, default=1, help="epochs between rows; default: 1")
    parser.add_argument("--threads", type=int, help="threads of torch; default: its own")
    parser.add_argument("--device", help="where to train; default: auto")
    parser.add_argument("--seed", type=int, default=0, help="training seed")
    add_output(parser, "curve.csv")
    return parser


def _cell(options: argparse.Namespace) -> Cell:
    parameters = find_settings(options.system, options.data, options.protocol).parameters
    known = find_system(options.system)().get_params(deep=False)
    followed = {name: value for name, value in _FOLLOWED.items() if name in known}
    given = options.parameters or {}
    if options.epochs is None and "lr_decay" in parameters:
        parameters = {**parameters, "lr_decay": None}
    epochs = _MOST_EPOCHS if options.epochs is None else options.epochs
    parameters = {**followed, **parameters, **given, "max_epochs": epochs}
    parameters |= smoke_parameters(options.system) if options.smoke else {}
    return Cell(options.system, options.data, options.protocol, options.seed, "given", parameters)


def _untrained(estimator: Any) -> Any:
    """Return a clone that keeps what it starts from, but whose own epochs are none."""
    new = clone(estimator).set_params(max_epochs=0)
    if getattr(estimator, "pretrain_epochs", 0) is None:  # means max_epochs
        new.set_params(pretrain_epochs=estimator.max_epochs)
    return new


def _curve(cell: Cell, path: str) -> pd.DataFrame:
    """Return the rows of a cell's last run, which begins with epoch 0."""
    table = read_rows(path)
    if table.empty:
        return table
    mine = (table[list(cell.key)] == pd.Series(cell.key)).all(axis=1)
    run = (table["epoch"] == 0)[mine].cumsum()
    return table[mine][run == run.max()]


def summary(curve: pd.DataFrame) -> pd.DataFrame:
    """Return the test's metrics of the start, the best epoch by validation, and the last ones.

    Parameters
    ----------
    curve : DataFrame
        A row an epoch, or every few, the first of which is the start.

    Returns
    -------
    summary : DataFrame of shape (3, 4)
        The epoch, its validation, and the two metrics; of the last ones the means.
    """
    metrics = _METRICS[curve["protocol"].iloc[0]]
    criterion = f"validation {metrics[-1]}"
    best = curve.loc[curve[criterion].idxmax()]
    last = curve.loc[curve["epoch"] > max(curve["epoch"].max() - _LAST, 0)]
    names = ["epoch", criterion, *[f"test {m}" for m in metrics]]
    parts = {"start": curve.iloc[0], "best by validation": best}
    parts["mean of the last ten"] = last[names].mean()
    return pd.DataFrame(parts).loc[names].T.astype(float).round(4)


if __name__ == "__main__":
    main()
