"""Fingerprints of fitted models: whether two versions of skrec give the same numbers.

    python -m benchmarks.quality.fingerprint
    PYTHONPATH=older/checkout python benchmarks/quality/fingerprint.py

The second line runs the same fits with another version. Models are fitted with a fixed seed on one
thread, and the bytes of what they answer are hashed: equal lines are equal to the last bit. EASE is
measured too, on the lists of MovieLens-1M among 99 negatives, where its figures are known.
"""

import argparse
import hashlib
import time
import warnings
from typing import Any

import numpy as np
import torch

import skrec
from benchmarks.former import with_former
from skrec import Interactions
from skrec.datasets import fetch_movielens
from skrec.metrics import make_ranking_scorer

SHORT = {"max_epochs": 2, "random_state": 0, "device": "cpu"}
MODELS: dict[str, dict[str, Any]] = {
    "EASERecommender": {},
    "MultVAERecommender": {**SHORT, "max_epochs": 10},
    "BPRMFRanker": {**SHORT, "max_epochs": 5},
    "GeRecClassifier": {**SHORT, "max_epochs": 1, "n_draws": 3, "n_filters": 16, "n_samples": 2},
    "CrossFeedbackBMF": SHORT,
}


def digest(*arrays: Any) -> str:
    """Return a hash of the bytes of arrays."""
    value = hashlib.sha256()
    for array in arrays:
        value.update(np.ascontiguousarray(array).tobytes())
    return value.hexdigest()[:16]


def fingerprint(name: str, parameters: dict[str, Any], X: Any) -> str:
    """Fit a model to ratings or to what is rated; return what its answers hash to."""
    model = getattr(skrec, name)(**with_former(name, parameters))
    known, rows = np.arange(50), X[100:150]
    model.fit(X)
    scores = model.decision_function(users=known), model.decision_function(rows)
    proba = model.predict_proba(users=known), model.predict_proba(rows)
    return f"scores {digest(*scores)} proba {digest(*proba)} lists {digest(model.recommend(rows))}"


def ease_on_ml_1m() -> str:
    """Return the figures of EASE on the lists of He et al."""
    data = fetch_movielens("1m")
    model = skrec.EASERecommender(l2=1320.0).fit(data.loo_train)
    scorer = make_ranking_scorer(("hit_rate", "ndcg"), k=10, negatives=data.loo_negatives)
    has_one = np.flatnonzero(data.loo_test >= 0)
    targets = Interactions.from_arrays(
        has_one, data.loo_test[has_one], frame=data.interactions.frame
    )
    found = scorer(model, targets)
    return ", ".join(f"{name} {value:.4f}" for name, value in found.items())


def main(args: list[str] | None = None) -> None:
    """Print a line for each model."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.quality.fingerprint",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--models", nargs="+", choices=MODELS, default=[*MODELS])
    parser.add_argument("--no-ml-1m", action="store_true", help="leave out EASE on ml-1m")
    options = parser.parse_args(args)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    X = fetch_movielens("100k").interactions.tocsr()
    for name in options.models:
        start = time.perf_counter()
        line = fingerprint(name, MODELS[name], X)
        print(f"{name}: {line} ({time.perf_counter() - start:.0f} s)", flush=True)
    if not options.no_ml_1m:
        print(f"EASERecommender(l2=1320) on ml-1m: {ease_on_ml_1m()}")


if __name__ == "__main__":
    main()
