"""Ranking all items for users, and evaluating, beside the peers: products of 64 factors."""

from argparse import Namespace

import numpy as np

from benchmarks.peers.bpr import bpr_settings
from benchmarks.peers.team import Team, compare
from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_gowalla, load_movielens, save_arrays
from benchmarks.speed.measure import seconds
from benchmarks.speed.ranking import SCORER_CUTS, SCORER_METRICS
from skrec import BPRMFRanker, Interactions
from skrec.metrics import make_ranking_scorer
from skrec.typing import CSRMatrix

__all__ = ["evaluating", "ranking"]

N_ITEMS = 20
N_SLOW = 1_000  # users for peers that rank one after the other


def _started(X: CSRMatrix, options: Namespace) -> BPRMFRanker:
    """Return MF-BPR with the factors it starts from, which rank as fast as any others."""
    n_factors = 8 if options.smoke else 64
    options = {"solver": "torch", "lr": 2e-3, "device": "cpu", "random_state": 0}
    return BPRMFRanker(n_factors=n_factors, max_epochs=0, **options).fit(X)


def ranking(options: Namespace) -> list[Row]:
    """Rank all items for all users of Gowalla, and for some beside the slow peers."""
    train, test = load_gowalla(options)
    model, arrays = _started(train, options), save_arrays(options.folder / "r.npz", train, test)
    n_users = train.shape[0]
    slow = min(N_SLOW, n_users)
    plan = [
        ("recommend", n_users, ("implicit", "skrecsys")),
        (f"recommend_{slow}_users", slow, ("cornac",)),
    ]
    settings = bpr_settings(model)
    asked = {peer: settings[peer] for _, _, peers in plan for peer in peers}
    with Team(asked, arrays, options) as team:
        rows = []
        for what, n_rows, peers in plan:
            users = np.arange(n_rows)
            ours = lambda users=users: seconds(  # noqa: E731
                lambda: model.recommend(users=users, n_items=N_ITEMS)
            )
            calls = {peer: ["recommend", n_rows, N_ITEMS] for peer in peers}
            note = f"{N_ITEMS} of {train.shape[1]} items for {n_rows} users"
            rows += compare(what, ours, calls, team, options, note)
        return rows


def evaluating(options: Namespace) -> list[Row]:
    """Judge a model on ml-1m by ten metrics and cut-offs."""
    train, test = load_movielens("1m", options)
    model, arrays = _started(train, options), save_arrays(options.folder / "e.npz", train, test)
    targets = Interactions(test)
    cuts = (5, 10, 20) if options.smoke else SCORER_CUTS
    score = make_ranking_scorer(SCORER_METRICS, cuts)
    with Team(bpr_settings(model), arrays, options) as team:
        calls = {peer: ["evaluate", cuts] for peer in team.settings}
        note = f"{len(np.unique(targets.user))} users, {test.nnz} targets, {train.shape[1]} items"
        ours = lambda: seconds(lambda: score(model, targets))  # noqa: E731
        return compare("evaluate", ours, calls, team, options, note)
