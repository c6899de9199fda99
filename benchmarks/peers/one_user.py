"""One user at a time beside implicit: lists of users of the fit, and of new ones.

Each round makes single calls, one for each user, whose row is at hand on both sides.
"""

from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.peers.team import Team, compare
from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_movielens, save_arrays
from benchmarks.speed.measure import seconds
from skrec import (
    BPRMFRanker,
    EASERecommender,
    ItemKNNRecommender,
    SLIMRecommender,
    WMFRecommender,
)

__all__ = ["one_user"]

N_USERS, N_ITEMS = 1_000, 10
_CALLS = Callable[[int], Any]


def one_user(options: Namespace) -> list[Row]:
    """Time lists of one user, and her vector by a closed form, on ml-1m."""
    X, _ = load_movielens("1m", options)
    arrays = save_arrays(options.folder / "one.npz", X)
    n_users, n_factors = (20, 8) if options.smoke else (N_USERS, 64)
    rows = [X[user] for user in range(n_users)]
    with Team({"implicit": {"n_factors": n_factors}}, arrays, options) as team:
        found = []
        for what, kind, call in _plan(X, rows, n_factors):
            ours = partial(_each, call, n_users)
            calls = {"implicit": ["one_user", kind, n_users, N_ITEMS]}
            note = f"a call, median of {n_users} users; implicit's: {kind}"
            found += compare(what, ours, calls, team, options, note)
        return found


def _plan(X: Any, rows: list[Any], n_factors: int) -> list[tuple[str, str, _CALLS]]:
    """Return what is timed, what implicit has for it, and our call for a user."""
    shared = {"n_factors": n_factors, "device": "cpu", "random_state": 0}
    wmf = WMFRecommender(**shared, max_epochs=1).fit(X)
    bpr = BPRMFRanker(**shared, solver="sgd", lr=0.02, max_epochs=1, n_negatives=1).fit(X)
    knn = ItemKNNRecommender(n_neighbors=100, alpha=0.5).fit(X)
    ease, slim = EASERecommender(l2=500.0).fit(X), SLIMRecommender(l1=5.0, l2=100.0).fit(X)

    def known(model: Any) -> _CALLS:
        return lambda user: model.recommend(users=[user], n_items=N_ITEMS)

    def row(model: Any) -> _CALLS:
        return lambda user: model.recommend(rows[user], n_items=N_ITEMS)

    return [
        ("known_user_wmf", "als", known(wmf)),
        ("known_user_bpr", "bpr", known(bpr)),
        ("known_user_itemknn", "knn", known(knn)),
        ("row_itemknn", "knn", row(knn)),
        ("row_ease", "knn", row(ease)),
        ("row_slim", "knn", row(slim)),
        ("fold_in_wmf", "als_fold_in", row(wmf)),
        ("fold_in_wmf_list_beside_vector", "als_vector", row(wmf)),
        ("fold_in_bpr", "als_fold_in", row(bpr)),
    ]


def _each(call: _CALLS, n_users: int) -> list[float]:
    return [seconds(partial(call, user)) for user in range(n_users)]
