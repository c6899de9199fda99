"""Ranking all items for users, and evaluating, beside the peers: products of 64 factors."""

import numpy as np

import skrec
from benchmarks.comparisons._data import gowalla, movielens, with_arrays
from benchmarks.comparisons._sides import Team, compare
from benchmarks.comparisons.training import bpr_settings
from benchmarks.jobs import SCORER_CUTS, SCORER_METRICS
from benchmarks.measure import seconds
from skrec.metrics import make_ranking_scorer

__all__ = ["evaluating", "ranking"]

N_ITEMS = 20
N_SLOW = 1_000  # users for peers that rank one after the other


def _started(X, options):
    """Give MF-BPR with the factors it starts from, which rank as fast as any others."""
    n_factors = 8 if options.smoke else 64
    return skrec.BPRMFRanker(n_factors=n_factors, max_epochs=0, device="cpu", random_state=0).fit(X)


def ranking(options):
    """Rank all items for all users of Gowalla, and for some beside the slow peers."""
    train, test = gowalla(options)
    model, arrays = _started(train, options), with_arrays("ranking", train, test, options)
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


def evaluating(options):
    """Judge a model on ml-1m by ten metrics and cut-offs."""
    train, test = movielens("1m", options)
    model, arrays = _started(train, options), with_arrays("evaluating", train, test, options)
    targets = skrec.Interactions(test)
    cuts = (5, 10, 20) if options.smoke else SCORER_CUTS
    score = make_ranking_scorer(SCORER_METRICS, cuts)
    ours = lambda: seconds(lambda: score(model, targets))  # noqa: E731
    with Team(bpr_settings(model), arrays, options) as team:
        calls = {peer: ["evaluate", cuts] for peer in team.settings}
        note = f"{len(np.unique(targets.user))} users, {test.nnz} targets, {train.shape[1]} items"
        return compare("evaluate", ours, calls, team, options, note)
