"""Checks of training beside other threads: neither takes random numbers from the other."""

import sys
import threading
from collections.abc import Callable
from typing import Any

from skrec.testing._checks_fit import _global_seed, _random_states
from skrec.testing._data import AnyRecommender, assert_close, fitted, quick, scores_of, tiny

__all__ = ["TORCH_CHECKS"]


def _calling(function: Callable[[], None]) -> Any:
    """Return a callback of skorch that calls a function before and after each update."""

    def call(self: Any, net: Any, **kwargs: Any) -> None:
        function()

    base = sys.modules["skorch.callbacks"].Callback
    return type("Calling", (base,), {"on_batch_begin": call, "on_batch_end": call})()


def check_fit_leaves_random_state_alone(name: str, estimator: AnyRecommender) -> None:
    """Check that NumPy's and torch's global source stay as they are while a model is trained."""
    seen = []
    model = quick(estimator, callbacks=[_calling(lambda: seen.append(_random_states()))])
    before = _random_states()
    model.fit(tiny(estimator))
    assert seen, f"{name}: the callback was not called"
    assert set(seen) == {before}, f"{name}.fit changed a global random state for a while"


def check_fit_ignores_random_state_of_others(name: str, estimator: AnyRecommender) -> None:
    """Check that what another thread draws or seeds meanwhile does not change a model."""
    torch = sys.modules["torch"]

    def draw() -> None:
        torch.random.default_generator.manual_seed(3)
        torch.rand(3)

    def draw_elsewhere() -> None:
        thread = threading.Thread(target=draw)
        thread.start()
        thread.join()

    model = quick(estimator, callbacks=[_calling(draw_elsewhere)])
    with _global_seed(3):
        model.fit(tiny(estimator))
    what = f"{name}: fitted while another thread draws"
    assert_close(scores_of(model), scores_of(fitted(estimator)), what, tolerance=0)


TORCH_CHECKS = [check_fit_leaves_random_state_alone, check_fit_ignores_random_state_of_others]
