"""Compare vectors fitted to histories with those that training has learnt.

A tenth of the interactions is held out. Some training users are asked for recommendations by their
row, and by their history as if nobody knew them.
"""

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from benchmarks.arguments import add_data, add_output, add_systems, make_parser, prepare
from benchmarks.cells import keep_rows, smoke_parameters
from benchmarks.former import with_former
from skrec.metrics import evaluate_ranking
from skrec.model_selection import InteractionHoldout
from skrec.reproduce import find_settings, load_data, make_system
from skrec.typing import Array, CSRMatrix

__all__ = ["main", "measure"]

_SYSTEMS = ["BPRMFRanker", "MFClassifier", "SVDppRanker", "GMFClassifier", "NCFMLPClassifier"]
_SYSTEMS += ["NeuMFClassifier", "JRLRanker", "ConvNCFRanker"]
# of systems that have no settings for the data; not tuned
_DEFAULTS = {"max_epochs": 20, "l2": 0.005, "batch_size": 512}
_CONV: dict[str, dict[str, Any]] = {"ConvNCFRanker": {"max_epochs": 5, "n_factors": 32}}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    interactions = load_data(options.data, options.data_home).interactions
    train, test = next(InteractionHoldout(0.1, random_state=0).split(interactions))
    X, targets = interactions[train].tocsr(), interactions[test].tocsr()
    for system in options.systems:
        key = {"system": system, "data": options.data}
        row = measure(system, X, targets, options)
        keep_rows(options.output, key, [row])
        print(pd.DataFrame([{**key, **row}]).to_string(index=False), flush=True)


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("claims.fold_in", __doc__)
    parser.set_defaults(protocol="ncf")
    add_data(parser, "ml-100k")
    add_systems(parser, _SYSTEMS)
    parser.add_argument("--users", type=int, default=200, help="users to ask; default: 200")
    add_output(parser, "fold_in.csv")
    return parser


def measure(
    system: str, X: CSRMatrix, targets: CSRMatrix, options: argparse.Namespace
) -> dict[str, Any]:
    """Compare the answers for training users by row and by history.

    Parameters
    ----------
    system : str
        Name of the class.
    X, targets : csr_matrix of shape (n_users, n_items)
        What is trained on, and held-out interactions.
    options : Namespace
        With ``data`` and ``users``.

    Returns
    -------
    row : dict
        Share of common items among the first ten, rank correlation over all items, NDCG@10 of
        both ways, and milliseconds a user that folding in takes.
    """
    est = make_system(system, _parameters(system, options), seed=0).fit(X)
    able = np.flatnonzero((np.diff(X.indptr) > 0) & (np.diff(targets.indptr) > 0))
    users = np.random.default_rng(0).permutation(able)[: options.users]
    learnt = est.decision_function(users=users)
    start = time.perf_counter()
    folded = est.decision_function(X[users])
    seconds = time.perf_counter() - start
    ranks = [rankdata(scores, axis=1) for scores in (learnt, folded)]
    spearman = [np.corrcoef(a, b)[0, 1] for a, b in zip(*ranks, strict=True)]
    return {
        "overlap@10": _overlap(est, X, users),
        "spearman": np.mean(spearman),
        "ndcg@10 learnt": _ndcg(learnt, X[users], targets[users]),
        "ndcg@10 folded in": _ndcg(folded, X[users], targets[users]),
        "ms a user": 1e3 * seconds / len(users),
    }


def _parameters(system: str, options: argparse.Namespace) -> dict[str, Any]:
    settings = find_settings(system, options.data, "ncf")
    unknown = with_former(system, {**_DEFAULTS, **_CONV.get(system, {})})
    small = smoke_parameters(system) if options.smoke else {}
    return {**(settings.parameters if settings.known else unknown), **small}


def _overlap(est: Any, X: CSRMatrix, users: Array) -> float:
    lists = zip(est.recommend(users=users), est.recommend(X[users]), strict=True)
    return float(np.mean([np.isin(a, b).mean() for a, b in lists]))


def _ndcg(scores: Array, history: CSRMatrix, targets: CSRMatrix) -> float:
    values = evaluate_ranking(targets, scores, metrics=("ndcg@10",), exclude=history)
    return values["ndcg@10"].mean()


if __name__ == "__main__":
    main()
