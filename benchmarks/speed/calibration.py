"""What the calibration of probabilities adds to a fit."""

import time
from argparse import Namespace
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_gowalla, load_movielens_ratings
from benchmarks.speed.measure import limited_threads, seconds
from skrec import EASERecommender, ItemKNNRecommender, MultVAERecommender, WMFRecommender
from skrec.calibration import HeldOut
from skrec.typing import CSRMatrix

__all__ = ["calibration"]


def calibration(options: Namespace) -> list[Row]:
    """Time fits, and the part of each that its calibration takes."""
    ml_1m = load_movielens_ratings(options)
    ml_1m.data[:] = 1
    gowalla, _ = load_gowalla(options)
    network = MultVAERecommender(max_epochs=options.batches, device="cpu", random_state=0)
    tasks: list[tuple[str, Any, CSRMatrix]] = [
        ("ItemKNN, ml-1m", ItemKNNRecommender(alpha=0.5), ml_1m),
        ("ItemKNN, Gowalla", ItemKNNRecommender(alpha=0.5), gowalla),
        ("EASE, ml-1m", EASERecommender(l2=500.0), ml_1m),
        ("WMF, ml-1m", WMFRecommender(n_factors=64, device="cpu", random_state=0), ml_1m),
        (f"MultVAE, ml-1m, {options.batches} epochs", network, ml_1m),
    ]
    with limited_threads(options.threads):
        return [_row(what, model, X, options.rounds) for what, model, X in tasks]


def _row(what: str, model: Any, X: CSRMatrix, rounds: int) -> Row:
    """Return the medians over fits; one more before them compiles what is compiled."""
    fits, parts = zip(*[_fit(model, X) for _ in range(rounds + 1)][1:])
    share = float(np.median(np.divide(parts, fits)))
    low, middle, high = np.quantile(fits, [0.25, 0.5, 0.75])
    return {
        "what": what,
        "seconds": middle,
        "low": low,
        "high": high,
        "n": rounds,
        "ratio": share,
        "reference": "the fit",
        "note": f"a fit; {np.median(parts):.4f} s of it are calibration",
    }


def _fit(model: Any, X: CSRMatrix) -> tuple[float, float]:
    """Fit once, and return the seconds of the fit and of its calibration."""
    spent = 0.0
    calibrate = HeldOut.fit

    def timed(link: HeldOut, *arguments: Any) -> HeldOut:
        nonlocal spent
        start = time.perf_counter()
        answer = calibrate(link, *arguments)
        spent += time.perf_counter() - start
        return answer

    with patch.object(HeldOut, "fit", timed):
        whole = seconds(lambda: model.fit(X))
    return whole, spent
