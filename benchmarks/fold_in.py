"""Fold-in: how near the vectors fitted to histories come to those that training has learnt.

Run from the checkout as ``python -m benchmarks.fold_in --help``.
"""

import argparse
import time

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from skrec.metrics import evaluate_ranking
from skrec.model_selection import InteractionHoldout
from skrec.reproduce import _data, _store, _systems
from skrec.reproduce._settings import settings_of

__all__ = ["main"]

_SYSTEMS = ("BPRMFRanker", "MFClassifier", "SVDppRanker", "GMFClassifier", "NCFMLPClassifier")
_SYSTEMS += ("NeuMFClassifier", "JRLRanker", "ConvNCFRanker")
# those that no row of the settings knows; a tenth of the interactions is held out, not tuned
_DEFAULTS = {"max_epochs": 20, "l2": 0.005, "batch_size": 512}
_CONV = {"max_epochs": 5, "n_factors": 32}


def main(argv=None):
    """Run the command line."""
    options = _make_parser().parse_args(argv)
    interactions = _data.load(options.data, options.data_home).interactions
    train, test = next(InteractionHoldout(0.1, random_state=0).split(interactions))
    X, targets = interactions[train].tocsr(), interactions[test].tocsr()
    for system in options.systems:
        row = {"system": system, "data": options.data, **measure(system, X, targets, options)}
        _store.append(options.output, [row])
        print(pd.Series(row).to_frame().T.to_string(index=False), flush=True)


def _make_parser():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fold_in", description=__doc__)
    parser.add_argument("--data", default="ml-100k", choices=_data.DATASETS)
    parser.add_argument("--data-home", help="folder of the data; default: $SKREC_DATA")
    parser.add_argument("--systems", nargs="+", default=list(_SYSTEMS), help="estimators by name")
    parser.add_argument("--users", type=int, default=200, help="how many training users are asked")
    parser.add_argument("--output", default="benchmarks/results/fold_in.csv", help="CSV to extend")
    return parser


def measure(system, X, targets, options):
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
    parameters, known = settings_of(system, options.data, "ncf")
    if not known:
        parameters = {**_DEFAULTS, **(_CONV if system == "ConvNCFRanker" else {})}
    est = _systems.make_system(system, parameters, seed=0).fit(X)
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


def _overlap(est, X, users):
    lists = zip(est.recommend(users=users), est.recommend(X[users]), strict=True)
    return np.mean([np.isin(a, b).mean() for a, b in lists])


def _ndcg(scores, history, targets):
    values = evaluate_ranking(targets, scores, metrics=("ndcg@10",), exclude=history)
    return values["ndcg@10"].mean()


if __name__ == "__main__":
    main()
