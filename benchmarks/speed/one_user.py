"""Measure the answers for one user at a time: medians of single calls.

"users" is `recommend(users=[u])` for a user of the fit, "row" is `recommend(X[u])` for a history.
Weights are those of short fits, since the time does not depend on how good they are. To compare
with libraries of one thread, run it with OMP_NUM_THREADS=1.
"""

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.arguments import add_data, make_parser
from benchmarks.speed.measure import seconds
from skrec import (
    BPRMFRanker,
    EASERecommender,
    ItemKNNRecommender,
    MultVAERecommender,
    SLIMRecommender,
    WMFRecommender,
)
from skrec.reproduce import load_data
from skrec.typing import CSRMatrix

__all__ = ["main", "time_calls"]

_MODELS: dict[str, Callable[[], Any]] = {
    "ItemKNN": ItemKNNRecommender,
    "EASE": EASERecommender,
    "SLIM": lambda: SLIMRecommender(n_candidates=100),
    "WMF": lambda: WMFRecommender(max_epochs=1, random_state=0),
    "BPRMF": lambda: BPRMFRanker(solver="sgd", lr=0.02, max_epochs=1, random_state=0),
    "MultVAE": lambda: MultVAERecommender(max_epochs=0, random_state=0),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("speed.one_user", __doc__)
    add_data(parser, "ml-1m")
    parser.add_argument("--models", nargs="+", choices=_MODELS, default=list(_MODELS))
    parser.add_argument("--users", type=int, default=1000, help="users to time; default: 1000")
    parser.add_argument("--n-items", type=int, default=10, help="length of the lists; default: 10")
    options = parser.parse_args(argv)
    if options.smoke:
        options.data, options.users = "synthetic", 5
    if min(options.users, options.n_items) < 1:
        parser.error(f"must be 1 or more: --users {options.users}, --n-items {options.n_items}")
    print(f"{'model':10} {'users':>8} {'row':>8}  median microseconds, {options.data}")
    for name, medians in one_user(options):
        print(f"{name:10} {medians['users']:8.0f} {medians['row']:8.0f}", flush=True)


def one_user(options: Namespace) -> Iterator[tuple[str, dict[str, float]]]:
    """Fit each model, and yield its name and the medians of its calls."""
    X = sp.csr_matrix(load_data(options.data, options.data_home).interactions.tocsr())
    X.data[:] = 1
    for name in options.models:
        yield name, time_calls(_MODELS[name]().fit(X), X, options.users, options.n_items)


def time_calls(model: Any, X: CSRMatrix, n_users: int, n_items: int) -> dict[str, float]:
    """Return the median microseconds of single calls, for users of the fit and for rows.

    Parameters
    ----------
    model : BaseRecommender
        A fitted model.
    X : csr_matrix of shape (n_users, n_items)
        What it was fitted on.
    n_users : int
        How many users to time, drawn at random.
    n_items : int
        Length of the lists.

    Returns
    -------
    medians : dict of str to float
        By the kind of the call.
    """
    users = np.random.RandomState(0).permutation(X.shape[0])[:n_users]
    rows = [X[user] for user in users]
    calls = {
        "users": lambda i: model.recommend(users=[users[i]], n_items=n_items),
        "row": lambda i: model.recommend(rows[i], n_items=n_items),
    }
    medians = {}
    for kind, call in calls.items():
        call(0)  # compiles, and fills what is kept
        times = [seconds(lambda i=i: call(i)) for i in range(len(users))]  # noqa: B023
        medians[kind] = 1e6 * float(np.median(times))
    return medians


if __name__ == "__main__":
    main()
