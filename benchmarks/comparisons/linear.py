"""Models from items to items beside the peers: EASE, SLIM and cosine neighbours."""

import skrec
from benchmarks.comparisons._data import movielens, with_arrays
from benchmarks.comparisons._sides import SCRIPTS, Team, compare
from benchmarks.measure import seconds

__all__ = ["ease", "itemknn", "slim"]

L2 = 500.0
N_NEIGHBORS = 100
SLIM = {"l1": 5.0, "l2": 100.0}


def _fits(what, estimator, version, calls, options, warm_up=True):
    """Time fits on the train part of MovieLens."""
    X, test = movielens(version, options)
    arrays = with_arrays(what, X, test, options)
    settings = {peer: {} for peer in calls}
    name = "synthetic data" if options.smoke else f"ml-{version}"
    variants = {what: estimator, f"{what}_scores_alone": _scores_alone(estimator)}
    ours = {
        each: lambda variant=variant: seconds(lambda: variant.fit(X))
        for each, variant in variants.items()
    }
    with Team(settings, arrays, options) as team:
        note = f"{name}, {X.nnz} interactions, {X.shape[1]} items"
        return compare(what, ours, calls, team, options, note, warm_up)


def _scores_alone(estimator):
    """Give the estimator without what `predict_proba` needs, which no peer has."""
    cls = type(estimator)
    hooks = {"_fit_proba": lambda self, X: None, "__doc__": cls.__doc__}
    return type(cls.__name__, (cls,), hooks)(**estimator.get_params())


def ease(options):
    """Time EASE on ml-1m."""
    calls = {peer: ["ease_fit", L2] for peer in SCRIPTS if peer != "implicit"}
    return _fits("ease_fit", skrec.EASERecommender(l2=L2), "1m", calls, options, warm_up=False)


def itemknn(options):
    """Time cosine neighbours on ml-1m."""
    estimator = skrec.ItemKNNRecommender(n_neighbors=N_NEIGHBORS, shrinkage=0.0)
    calls = {peer: ["knn_fit", N_NEIGHBORS] for peer in SCRIPTS}
    return _fits("itemknn_fit", estimator, "1m", calls, options)


def slim(options):
    """Time SLIM on ml-100k, with penalties that mean the same everywhere.

    Where the squares are divided by twice the number n of users, as in scikit-learn, ``alpha *
    l1_ratio`` is ``l1 / n`` and ``alpha * (1 - l1_ratio)`` is ``l2 / n``.
    """
    if not hasattr(skrec, "SLIMRecommender"):
        return [{"what": "slim_fit", "note": "there is no SLIMRecommender to time"}]
    estimator = skrec.SLIMRecommender(**SLIM, n_neighbors=N_NEIGHBORS, n_jobs=options.threads)
    n_users = movielens("100k", options)[0].shape[0]
    penalty = sum(SLIM.values())
    scaled = [penalty / n_users, SLIM["l1"] / penalty]
    calls = {
        "recbole": ["slim_fit", *scaled],
        "skrecsys": ["slim_fit", *scaled, N_NEIGHBORS],
    }
    return _fits("slim_fit", estimator, "100k", calls, options, warm_up=False)
