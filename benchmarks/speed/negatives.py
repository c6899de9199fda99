"""Speed of sampled negatives: the draw of an epoch's, one a positive."""

from argparse import Namespace
from functools import partial

import numpy as np

from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_gowalla
from benchmarks.speed.measure import alternate, seconds, summarize
from skrec.training import NegativeSampler
from skrec.utils import row_of_entry

__all__ = ["negatives"]


def negatives(options: Namespace) -> list[Row]:
    """Time the draw of an epoch's negatives, in the order of an epoch and row by row."""
    X, _ = load_gowalla(options)
    X.sort_indices()
    rng, in_rows = np.random.RandomState(0), row_of_entry(X)
    users = rng.permutation(in_rows)
    uniform, popular = NegativeSampler(X), NegativeSampler(X, power=1.0)
    jobs = {
        "uniform": lambda: uniform.draw(users, 1, rng),
        "popularity": lambda: popular.draw(users, 1, rng),
        "uniform_row_by_row": lambda: uniform.draw(in_rows, 1, rng),
        "popularity_row_by_row": lambda: popular.draw(in_rows, 1, rng),
        "unchecked_draws": lambda: rng.randint(X.shape[1], size=X.nnz),
    }
    tasks = {name: partial(seconds, job) for name, job in jobs.items()}
    rows = summarize(alternate(tasks, options.rounds), "unchecked_draws")
    return [row | {"note": f"{X.nnz} positives"} for row in rows]
