"""Models from items to items beside the peers: EASE, EDLAE, cosine neighbours and RP3beta."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.peers.team import Team, compare
from benchmarks.speed.command import Row
from benchmarks.speed.matrices import load_gowalla, load_movielens, save_arrays
from benchmarks.speed.measure import seconds
from skrec import EASERecommender, ItemKNNRecommender, RP3betaRecommender
from skrec.base import Link

__all__ = ["ease", "edlae", "itemknn", "itemknn_gowalla", "rp3beta", "scores_alone"]

L2 = 500.0
DROPOUT = 0.33
N_NEIGHBORS = 100


def ease(options: Namespace) -> list[Row]:
    """Time EASE on ml-1m."""
    calls = {peer: ["ease_fit", L2] for peer in ("recbole", "cornac", "skrecsys", "irspack")}
    return _fits("ease_fit", EASERecommender(l2=L2), "ml-1m", calls, options, warm_up=False)


def edlae(options: Namespace) -> list[Row]:
    """Time EASE under dropout on ml-1m."""
    estimator, calls = EASERecommender(l2=L2, dropout=DROPOUT), ["edlae_fit", L2, DROPOUT]
    return _fits("edlae_fit", estimator, "ml-1m", {"irspack": calls}, options, warm_up=False)


def itemknn(options: Namespace) -> list[Row]:
    """Time cosine neighbours on ml-1m."""
    peers = "recbole", "implicit", "cornac", "skrecsys"
    calls = {peer: ["knn_fit", N_NEIGHBORS] for peer in peers}
    return _fits("itemknn_fit", _neighbours(options), "ml-1m", calls, options)


def itemknn_gowalla(options: Namespace) -> list[Row]:
    """Time them on Gowalla, beside the peers whose similarities are sparse."""
    calls = {peer: ["knn_fit", N_NEIGHBORS] for peer in ("implicit", "skrecsys")}
    return _fits("itemknn_gowalla_fit", _neighbours(options), "gowalla", calls, options)


def rp3beta(options: Namespace) -> list[Row]:
    """Time RP3beta on ml-1m."""
    walk = {"alpha": 1.0, "beta": 0.4, "n_neighbors": N_NEIGHBORS, "normalize": True}
    estimator = RP3betaRecommender(**walk, n_jobs=options.threads)
    calls = {"irspack": ["rp3beta_fit", *walk.values()]}
    return _fits("rp3beta_fit", estimator, "ml-1m", calls, options)


def _neighbours(options: Namespace) -> ItemKNNRecommender:
    sizes = {"n_neighbors": N_NEIGHBORS, "n_jobs": options.threads}
    return ItemKNNRecommender(alpha=0.5, shrinkage=0.0, **sizes)


def _fits(
    what: str,
    estimator: Any,
    data: str,
    calls: Mapping[str, Sequence[Any]],
    options: Namespace,
    warm_up: bool = True,
) -> list[Row]:
    """Time fits on the train part of a data set."""
    gowalla = data == "gowalla"
    X, test = load_gowalla(options) if gowalla else load_movielens(data[len("ml-") :], options)
    arrays = save_arrays(options.folder / f"{what}.npz", X, test)
    settings: dict[str, dict[str, Any]] = {peer: {} for peer in calls}
    name = "synthetic data" if options.smoke else data
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
