"""Checks of trainings in parts: ended and resumed, or in two halves."""

import sys
import tempfile
from typing import Any

import numpy as np

from skrec.testing._data import AnyRecommender, quick, scores_of, tiny

__all__ = ["TORCH_CHECKS"]


class _Ended(BaseException):
    """What ends a training, and no error that anybody catches."""


def _counting(end: int | None = None) -> Any:
    """Return a callback of skorch that counts the epochs that begin, and ends the training."""

    def on_epoch_begin(self: Any, net: Any, **kwargs: Any) -> None:
        self.seen_by = getattr(self, "seen_by", 0) + 1
        if self.seen_by == end:
            raise _Ended

    base = sys.modules["skorch.callbacks"].Callback
    return type("Counting", (base,), {"on_epoch_begin": on_epoch_begin})()


def check_an_ended_training_goes_on(name: str, estimator: AnyRecommender) -> None:
    """Check that a training with checkpoints that was ended goes on, to the same weights."""
    parameters = estimator.get_params()
    if "checkpoint" not in parameters or parameters.get("solver") == "sgd":  # without callbacks
        return
    X = tiny(estimator)
    with tempfile.TemporaryDirectory() as folder:

        def fit(callback: Any) -> AnyRecommender:
            changed = {"max_epochs": 4, "callbacks": [callback], "checkpoint": folder}
            return quick(estimator, **changed).fit(X)

        try:
            fit(_counting(end=3))
        except _Ended:
            pass
        else:
            raise AssertionError(f"{name}: an epoch that was to begin did not")
        again, third = _counting(), _counting()
        scores = scores_of(fit(again))
        assert again.seen_by < 4, f"{name}: it began anew"
        whole = scores_of(quick(estimator, max_epochs=4).fit(X))
        assert np.array_equal(scores, whole), f"{name}: it went on to something else"
        assert np.array_equal(scores_of(fit(third)), whole), f"{name}: it ended as something else"
        assert not hasattr(third, "seen_by"), f"{name}: it was repeated"


def check_two_halves_are_one_fit(name: str, estimator: AnyRecommender) -> None:
    """Check that warm_start goes on as one training would where nothing depends on its length."""
    parameters = estimator.get_params()
    if not {"warm_start", "lr_decay"} <= parameters.keys():
        return
    constant = {"lr_decay": None, "early_stopping": False}
    X = tiny(estimator)
    halves = quick(estimator, **constant, max_epochs=2, warm_start=True).fit(X).fit(X)
    whole = quick(estimator, **constant, max_epochs=4).fit(X)
    assert np.array_equal(scores_of(halves), scores_of(whole)), name
    left = vars(halves).keys() ^ vars(whole).keys()
    assert not left, f"{name}: a second fit leaves other attributes, so that none is saved: {left}"
    # a fit that did not know of another leaves no draws to go on with, and more users may come
    unaware = quick(estimator, **constant, max_epochs=1).fit(X).set_params(warm_start=True)
    assert np.isfinite(scores_of(unaware.fit(X))).all(), f"{name}: after a fit without warm_start"


TORCH_CHECKS = [check_an_ended_training_goes_on, check_two_halves_are_one_fit]
