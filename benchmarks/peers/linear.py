"""Models from items to items beside the peers: EASE, SLIM and cosine neighbours."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.peers.team import SCRIPTS, Team, compare
from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_movielens, save_arrays
from benchmarks.speed.measure import seconds
from skrec import EASERecommender, ItemKNNRecommender, SLIMRecommender
from skrec.base import Link

__all__ = ["ease", "itemknn", "scores_alone", "slim"]

L2 = 500.0
N_NEIGHBORS = 100
SLIM = {"l1": 5.0, "l2": 100.0}


def ease(options: Namespace) -> list[Row]:
    """Time EASE on ml-1m."""
    calls = {peer: ["ease_fit", L2] for peer in SCRIPTS if peer != "implicit"}
    return _fits("ease_fit", EASERecommender(l2=L2), "1m", calls, options, warm_up=False)


def itemknn(options: Namespace) -> list[Row]:
    """Time cosine neighbours on ml-1m."""
    estimator = ItemKNNRecommender(n_neighbors=N_NEIGHBORS, shrinkage=0.0)
    calls = {peer: ["knn_fit", N_NEIGHBORS] for peer in SCRIPTS}
    return _fits("itemknn_fit", estimator, "1m", calls, options)


def slim(options: Namespace) -> list[Row]:
    """Time SLIM on ml-100k, with penalties that mean the same everywhere.

    Where the squares are divided by twice the number n of users, as in scikit-learn, ``alpha *
    l1_ratio`` is ``l1 / n`` and ``alpha * (1 - l1_ratio)`` is ``l2 / n``.
    """
    estimator = SLIMRecommender(**SLIM, n_neighbors=N_NEIGHBORS, n_jobs=options.threads)
    n_users = load_movielens("100k", options)[0].shape[0]
    penalty = sum(SLIM.values())
    scaled = [penalty / n_users, SLIM["l1"] / penalty]
    calls = {
        "recbole": ["slim_fit", *scaled],
        "skrecsys": ["slim_fit", *scaled, N_NEIGHBORS],
    }
    return _fits("slim_fit", estimator, "100k", calls, options, warm_up=False)


def _fits(
    what: str,
    estimator: Any,
    version: str,
    calls: Mapping[str, Sequence[Any]],
    options: Namespace,
    warm_up: bool = True,
) -> list[Row]:
    """Time fits on the train part of MovieLens."""
    X, test = load_movielens(version, options)
    arrays = save_arrays(options.folder / f"{what}.npz", X, test)
    settings: dict[str, dict[str, Any]] = {peer: {} for peer in calls}
    name = "synthetic data" if options.smoke else f"ml-{version}"
    variants = {what: estimator, f"{what}_scores_alone": scores_alone(estimator)}
    ours = {
        each: lambda variant=variant: seconds(lambda: variant.fit(X))
        for each, variant in variants.items()
    }
    with Team(settings, arrays, options) as team:
        note = f"{name}, {X.nnz} interactions, {X.shape[1]} items"
        return compare(what, ours, calls, team, options, note, warm_up)


def scores_alone(estimator: Any) -> Any:
    """Return the estimator without what `predict_proba` needs, which no peer has.

    Parameters
    ----------
    estimator : estimator
        Not fitted.

    Returns
    -------
    estimator : estimator
        Of a subclass whose fit does not calibrate.

    """
    cls = type(estimator)
    names = {"_link": Link, "__doc__": cls.__doc__}  # a link that learns nothing
    return type(cls.__name__, (cls,), names)(**estimator.get_params())
