"""skorch callbacks of every training: annealing, decay, validation by ranking, progress."""

import copy
import math
from collections.abc import Callable
from typing import Any, Self

from skorch.callbacks import Callback, LRScheduler
from torch import nn
from tqdm.auto import tqdm

from skrec.training._net import RecommenderNet, StopTraining, cpu_state, load_state
from skrec.training._ranks import current_ranks

__all__ = [
    "DelayedPenalties",
    "LearningRateDecay",
    "LinearAnnealing",
    "ProgressBar",
    "RankingValidation",
    "check_callbacks",
    "copy_callback",
    "decayed",
    "reads_gradients",
    "sets_rates",
]


def check_callbacks(callbacks: list | None) -> None:
    """Check that a list holds what skorch takes for callbacks.

    Parameters
    ----------
    callbacks : list or None
        Callbacks, classes of such, or pairs of a name and one of them; None stands for no
        callback.

    Raises
    ------
    ValueError
        If it holds something else, or one name twice.
    """
    names = []
    for each in callbacks or []:
        callback = each
        if isinstance(each, tuple | list):
            if len(each) != 2 or not isinstance(each[0], str):
                raise ValueError(f"{_WANTED}; got the pair {each!r}")
            names.append(each[0])
            callback = each[1]
        kind = callback if isinstance(callback, type) else type(callback)
        if callback is not None and not issubclass(kind, Callback):
            raise ValueError(f"{_WANTED}; got {each!r}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"callbacks must have names that differ; got {twice} more than once")


_WANTED = (
    "callbacks must be a list of callbacks of skorch, instances or classes of "
    "skorch.callbacks.Callback, or of pairs (name, callback); None stands for no callback"
)


def copy_callback(callback: Any) -> Any:
    """Return a callback for another net, which shares what the callback refers to.

    Parameters
    ----------
    callback : skorch.callbacks.Callback, class, pair of a name and one of them, or None
        What a list of callbacks holds. Its own state is copied, but no object that it refers to,
        such as the trial of a search that it reports to.

    Returns
    -------
    callback : object
        The copy.
    """
    if isinstance(callback, tuple | list):
        name, own = callback
        return name, copy_callback(own)
    if callback is None or isinstance(callback, type):
        return callback
    return copy.copy(callback)


def reads_gradients(callbacks: list | None) -> bool:
    """Return whether a list holds a callback that is called with the gradients of weights.

    Parameters
    ----------
    callbacks : list or None
        What `check_callbacks` lets through.

    Returns
    -------
    reads : bool
        Whether one of them, such as one that clips gradients, has an ``on_grad_computed``.
    """
    return any(kind.on_grad_computed is not Callback.on_grad_computed for kind in _kinds(callbacks))


def sets_rates(callbacks: list | None) -> bool:
    """Return whether a list holds skorch's callback for schedules of the learning rate.

    Parameters
    ----------
    callbacks : list or None
        What `check_callbacks` lets through.

    Returns
    -------
    sets : bool
        Whether one of them is an `LRScheduler`.
    """
    return any(issubclass(kind, LRScheduler) for kind in _kinds(callbacks))


def _kinds(callbacks: list | None) -> list[type]:
    """Return the classes of callbacks."""
    own = [each[1] if isinstance(each, tuple | list) else each for each in callbacks or []]
    return [each if isinstance(each, type) else type(each) for each in own if each is not None]


def decayed(lr: float, schedule: str | None, share: float) -> float:
    r"""Return a learning rate after a share s of a training.

    .. math:: \eta (1 - s) \quad\text{or}\quad \eta \, \frac{1 + \cos \pi s}{2}

    Parameters
    ----------
    lr : float
        The rate :math:`\eta` at the start.
    schedule : {"linear", "cosine"} or None
        Which of the two; None keeps the rate.
    share : float
        From 0, the start, to 1, the end.

    Returns
    -------
    lr : float
        The rate.
    """
    if schedule is None:
        return float(lr)
    left = 1 - share if schedule == "linear" else (1 + math.cos(math.pi * share)) / 2
    return float(lr * left)


class LearningRateDecay(Callback):
    """Let the learning rate of each group of weights fall to 0, update by update.

    Parameters
    ----------
    schedule : {"linear", "cosine"}
        How it falls, see `decayed`.
    n_steps : int
        Updates of the whole training, after which it is 0.
    """

    def __init__(self, schedule: str, n_steps: int) -> None:
        self.schedule = schedule
        self.n_steps = n_steps

    def on_train_begin(self, net: RecommenderNet, **kwargs: Any) -> None:
        """Begin to count, from the rates that the groups have."""
        self.step_ = 0
        self.rates_ = [group["lr"] for group in net.optimizer_.param_groups]

    def on_batch_begin(
        self, net: RecommenderNet, batch: Any = None, training: bool | None = None, **kwargs: Any
    ) -> None:
        """Set the rates for the coming update."""
        if training:
            share = min(1.0, self.step_ / self.n_steps)
            for group, rate in zip(net.optimizer_.param_groups, self.rates_, strict=True):
                group["lr"] = decayed(rate, self.schedule, share)
            self.step_ += 1

    def on_train_end(self, net: RecommenderNet, **kwargs: Any) -> None:
        """Put the rates back: another training has a schedule of its own."""
        for group, rate in zip(net.optimizer_.param_groups, self.rates_, strict=True):
            group["lr"] = rate


class DelayedPenalties(Callback):
    """Train the first epochs of a new net without penalties on weights and vectors.

    Parameters
    ----------
    n_epochs : int, default=1
        How many epochs.
    """

    def __init__(self, n_epochs: int = 1) -> None:
        self.n_epochs = n_epochs

    def on_epoch_begin(self, net: RecommenderNet, **kwargs: Any) -> None:
        """Take the penalties away, or put them back."""
        first = len(net.history)  # the epoch that begins is in the history
        if first == 1 and self.n_epochs:
            self.kept_ = [group["weight_decay"] for group in net.optimizer_.param_groups]
            self.criterion_ = (net.criterion_.l2_users, net.criterion_.l2_items)
            self._set(net, [0.0] * len(self.kept_), (0.0, 0.0))
        elif first == self.n_epochs + 1 and hasattr(self, "kept_"):
            self._restore(net)

    def on_train_end(self, net: RecommenderNet, **kwargs: Any) -> None:
        """Put the penalties back also where training ended before."""
        if hasattr(self, "kept_"):
            self._restore(net)

    def _restore(self, net: RecommenderNet) -> None:
        self._set(net, self.kept_, self.criterion_)
        del self.kept_

    def _set(
        self, net: RecommenderNet, decays: list[float], penalties: tuple[float, float]
    ) -> None:
        net.criterion_.l2_users, net.criterion_.l2_items = penalties
        for group, decay in zip(net.optimizer_.param_groups, decays, strict=True):
            group["weight_decay"] = decay


class LinearAnnealing(Callback):
    """Raise the criterion's ``beta`` linearly by updates, up to a cap.

    Parameters
    ----------
    n_steps : float
        Updates in which beta would go from 0 to 1; 0 begins at the cap.
    cap : float
        Where it stops.
    start : int, default=0
        Updates already done.
    """

    def __init__(self, n_steps: float, cap: float, start: int = 0) -> None:
        self.n_steps = n_steps
        self.cap = cap
        self.start = start

    def initialize(self) -> Self:
        """Begin to count."""
        self.step_ = self.start
        return self

    def on_batch_begin(
        self, net: RecommenderNet, batch: Any = None, training: bool | None = None, **kwargs: Any
    ) -> None:
        """Set beta for the coming update."""
        if training:
            risen = self.step_ / self.n_steps if self.n_steps else self.cap
            net.criterion_.beta = min(self.cap, risen)
            self.step_ += 1

    def on_epoch_end(self, net: RecommenderNet, **kwargs: Any) -> None:
        """Keep beta in the history."""
        net.history.record("beta", net.criterion_.beta)


class RankingValidation(Callback):
    """Watch a ranking metric, keep the best weights, and stop when it no longer rises.

    Parameters
    ----------
    evaluate : callable
        Takes the module and returns the metric; larger is better.
    name : str
        Key in the history.
    floor : float, default=-inf
        The metric of a model without taste. Patience runs over epochs above it alone: the first
        epochs of many models sit at that level, also after a first one that was lucky.
    patience : int, default=None
        Epochs without a new best after which training stops; None never stops.
    keep_best : bool, default=True
        Whether the best weights are restored at the end, or the last ones kept.
    """

    def __init__(
        self,
        evaluate: Callable[[nn.Module], float],
        name: str,
        floor: float = float("-inf"),
        patience: int | None = None,
        keep_best: bool = True,
    ) -> None:
        self.evaluate = evaluate
        self.name = name
        self.floor = floor
        self.patience = patience
        self.keep_best = keep_best

    def on_train_begin(self, net: RecommenderNet, **kwargs: Any) -> None:
        """Forget an earlier best."""
        self.best_ = float("-inf")
        self.waited_ = 0
        self.state_ = None

    def on_epoch_end(self, net: RecommenderNet, **kwargs: Any) -> None:
        """Evaluate, keep the weights if they are the best, stop if patience is over."""
        value, ranks = None, current_ranks()
        if ranks is None or ranks.rank == 0:  # one process watches and decides
            value = float(self.evaluate(net.module_))
        value = ranks.share(value) if ranks else value
        net.history.record(self.name, value)
        net.history.record(f"{self.name}_best", value > self.best_)
        self.waited_ += 1
        if value > self.best_:
            self.best_, self.waited_ = value, 0
            self.state_ = cpu_state(net.module_) if self.keep_best else None
        if value <= self.floor:
            self.waited_ = 0
        if self.patience is not None and self.waited_ >= self.patience:
            raise StopTraining

    def on_train_end(self, net: RecommenderNet, **kwargs: Any) -> None:
        """Restore the best weights."""
        if self.state_ is not None:
            load_state(net.module_, self.state_)
        self.state_ = None


class ProgressBar(Callback):
    """Show a bar over all updates with the last loss and validation metric.

    Parameters
    ----------
    total : int
        Updates that are planned.
    description : str
        Text before the bar.
    """

    def __init__(self, total: int, description: str) -> None:
        self.total = total
        self.description = description

    def on_train_begin(self, net: RecommenderNet, **kwargs: Any) -> None:
        """Open the bar."""
        self.bar_ = tqdm(total=self.total, desc=self.description, unit="batch")

    def on_batch_end(
        self, net: RecommenderNet, batch: Any = None, training: bool | None = None, **kwargs: Any
    ) -> None:
        """Move on by one."""
        if training:
            self.bar_.update()

    def on_epoch_end(self, net: RecommenderNet, **kwargs: Any) -> None:
        """Show the epoch's figures."""
        last = net.history[-1]
        shown = {k: v for k, v in last.items() if k == "train_loss" or k.startswith("valid_")}
        figures: dict[str, Any] = {k: f"{v:.4f}" for k, v in shown.items() if isinstance(v, float)}
        self.bar_.set_postfix(epoch=len(net.history), **figures)

    def on_train_end(self, net: RecommenderNet, **kwargs: Any) -> None:
        """Close the bar, full also where training ended early."""
        self.bar_.total = self.bar_.n
        self.bar_.refresh()
        self.bar_.close()
