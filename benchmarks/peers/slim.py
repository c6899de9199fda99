"""SLIM beside the peers: the time of a fit, and the objective that each of them ends with.

All keep every weight and have the same penalties, so that what they minimise is the same. Their
rules to stop differ; the objective in the note tells how far each one came.
"""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.peers.linear import scores_alone
from benchmarks.peers.team import Team, compare
from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_movielens, save_arrays
from benchmarks.speed.measure import seconds
from skrec import SLIMRecommender
from skrec.typing import CSRMatrix

__all__ = ["objective", "slim", "slim_1m"]

# the penalties that the table began with, which leave few weights, and our defaults
POINTS = ({"l1": 5.0, "l2": 100.0}, {"l1": 1.0, "l2": 300.0})
TOL = 1e-4  # the default of all but RecBole, where it cannot be set


def slim(options: Namespace) -> list[Row]:
    """Time SLIM on ml-100k, beside RecBole with the first penalties alone."""
    rows = _fits("100k", POINTS[0], ("recbole", "skrecsys", "fastslim"), options)
    return rows + _fits("100k", POINTS[1], ("skrecsys", "fastslim"), options)


def slim_1m(options: Namespace) -> list[Row]:
    """Time SLIM on all items of ml-1m."""
    return _fits("1m", POINTS[0], ("skrecsys", "fastslim"), options)


def _fits(
    version: str, penalties: dict[str, float], peers: Sequence[str], options: Namespace
) -> list[Row]:
    l1, l2 = penalties["l1"], penalties["l2"]
    X, test = load_movielens(version, options)
    arrays = save_arrays(options.folder / f"slim-{version}.npz", X, test)
    estimator = SLIMRecommender(l1=l1, l2=l2, tol=TOL, n_candidates=None, n_jobs=options.threads)
    what = f"slim_fit_l1={l1:g}_l2={l2:g}"
    variants = {what: estimator, f"{what}_scores_alone": scores_alone(estimator)}
    ours = {
        name: lambda variant=variant: seconds(lambda: variant.fit(X))
        for name, variant in variants.items()
    }
    calls = {peer: call for peer, call in _calls(X, l1, l2).items() if peer in peers}
    settings: dict[str, dict[str, Any]] = {peer: {} for peer in calls}
    scores_alone(estimator).fit(X[:100])  # compiles, in the place of a round that does not count
    with Team(settings, arrays, options) as team:
        note = f"{'synthetic data' if options.smoke else f'ml-{version}'}, {X.shape[1]} items"
        rows = compare(what, ours, calls, team, options, note, warm_up=False)
        values = {name: objective(X, model.item_weights_, l1, l2)
                  for name, model in variants.items()}  # fmt: skip
        for peer in {"skrecsys", "fastslim"} & set(team.workers):
            path = str(options.folder / f"{peer}_weights.npz")
            if np.isfinite(team.run(peer, "slim_weights", path)):
                values[f"{peer}_{what}"] = objective(X, sp.load_npz(path), l1, l2)
    return [_with_objective(row, values) for row in rows]


def _calls(X: CSRMatrix, l1: float, l2: float) -> dict[str, list[Any]]:
    """Return what the workers are told, with penalties that mean the same everywhere.

    Where the squares are divided by twice the number n of users, as in scikit-learn, ``alpha *
    l1_ratio`` is ``l1 / n`` and ``alpha * (1 - l1_ratio)`` is ``l2 / n``.
    """
    scaled = [(l1 + l2) / X.shape[0], l1 / (l1 + l2)]
    return {
        "recbole": ["slim_fit", *scaled],
        "skrecsys": ["slim_fit", *scaled, X.shape[1]],
        "fastslim": ["slim_fit", l1, l2, TOL],
    }


def objective(X: CSRMatrix, weights: sp.spmatrix, l1: float, l2: float) -> float:
    r"""Return what SLIM minimises, summed over items.

    .. math:: \tfrac12 \lVert X - X W \rVert^2 + l_1 \lVert W \rVert_1
        + \tfrac12 l_2 \lVert W \rVert^2

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Interactions.
    weights : sparse matrix of shape (n_items, n_items)
        W, not negative.
    l1, l2 : float
        Penalties.

    Returns
    -------
    value : float
        In float64.
    """
    X, W = X.astype(np.float64), sp.csr_matrix(weights, dtype=np.float64)
    gram = X.T @ X
    product = gram @ W
    error = gram.diagonal().sum() - 2 * gram.multiply(W).sum() + W.multiply(product).sum()
    return float(error / 2 + l1 * W.sum() + l2 / 2 * W.multiply(W).sum())


def _with_objective(row: Row, values: Mapping[str, float]) -> Row:
    value = values.get(row["what"])
    if value is None or not row.get("seconds"):
        return row
    return row | {"note": "; ".join(filter(None, [row.get("note"), f"objective {value:.8g}"]))}
