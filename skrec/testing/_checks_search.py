"""Checks with scikit-learn's own tools, on the rows of a matrix and on Interactions."""

from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import Any

import joblib
import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_validate,
    learning_curve,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrec.interactions import Interactions
from skrec.metrics import make_ranking_scorer, make_rating_scorer
from skrec.model_selection import InteractionKFold, LeaveOneOut, StrongGeneralization
from skrec.testing._data import (
    AnyRecommender,
    Histories,
    assert_close,
    fitted,
    is_explicit,
    quick,
    tiny,
)

__all__ = ["CHECKS", "EPOCH_CHECKS"]

# an error is to be seen, not to become a score of NaN
raising: dict[str, Any] = {"error_score": "raise"}
grid_search: Callable[..., Any] = partial(GridSearchCV, **raising)
randomized_search: Callable[..., Any] = partial(
    RandomizedSearchCV, n_iter=1, random_state=0, **raising
)
cross_validated: Callable[..., Any] = partial(cross_validate, return_train_score=True, **raising)
curve: Callable[..., Any] = partial(learning_curve, shuffle=True, random_state=0, **raising)


def _grid(estimator: AnyRecommender) -> dict[str, list[Any]]:
    """Return two values of a numeric parameter of the estimator, or an empty grid."""
    params = estimator.get_params(deep=False)
    if "max_epochs" in params:
        return {"max_epochs": [1, 2]}
    for name, value in params.items():
        if isinstance(value, Integral) and not isinstance(value, bool):
            return {name: [value, value + 1]}
        if isinstance(value, Real) and not isinstance(value, bool):
            return {name: [value, value / 2]}
    return {}


def _scorer(estimator: AnyRecommender, *metrics: str, **options: Any) -> Any:
    if is_explicit(estimator):
        return make_rating_scorer()
    chosen: Any = metrics[0] if len(metrics) == 1 else metrics
    return make_ranking_scorer(chosen, k=5, **options)


def _protocols(estimator: AnyRecommender) -> tuple[tuple[Histories, Any], tuple[Interactions, Any]]:
    """Return both kinds of X, each with a splitter of its own."""
    X = tiny(estimator)
    by_user = StrongGeneralization(test_users=0.3, n_splits=2)
    return (X, by_user), (Interactions(X), InteractionKFold(2))


def _assert_finite(values: Any, name: str) -> None:
    values = np.asarray(values, dtype=float)
    assert values.size, f"{name}: no scores"
    assert np.isfinite(values).all(), f"{name}: scores are {values}"


def _assert_searched(search: Any, name: str) -> None:
    _assert_finite(search.cv_results_["mean_test_score"], name)
    model = search.best_estimator_
    assert model.recommend(users=[2, 4], n_items=3).shape == (2, 3), name
    rows = tiny(model, 5)
    np.testing.assert_array_equal(search.predict_proba(rows), model.predict_proba(rows))
    _assert_finite(search.score(tiny(model, seed=2)), name)


def check_grid_search_over_users(name: str, estimator: AnyRecommender) -> None:
    """Check that GridSearchCV holds out users of a matrix."""
    cv = StrongGeneralization(test_users=8)
    search = grid_search(
        quick(estimator), _grid(estimator), scoring=_scorer(estimator, "ndcg"), cv=cv
    )
    _assert_searched(search.fit(tiny(estimator)), name)


def check_grid_search_over_interactions(name: str, estimator: AnyRecommender) -> None:
    """Check that GridSearchCV holds out an interaction of each user, ranked among negatives."""
    options = {} if is_explicit(estimator) else {"n_negatives": 9}
    scoring = _scorer(estimator, "hit_rate", **options)
    cv = LeaveOneOut(by="random")
    search = grid_search(quick(estimator), _grid(estimator), scoring=scoring, cv=cv)
    search.fit(Interactions(tiny(estimator)))
    _assert_searched(search, name)
    everything = fitted(search.best_estimator_).interactions_
    assert abs(search.best_estimator_.interactions_ - everything).nnz == 0, name


def check_randomized_search(name: str, estimator: AnyRecommender) -> None:
    """Check that RandomizedSearchCV works on both kinds of X."""
    for X, cv in _protocols(estimator):
        search = randomized_search(quick(estimator), _grid(estimator), cv=cv)
        _assert_searched(search.fit(X), name)


def check_cross_validation(name: str, estimator: AnyRecommender) -> None:
    """Check that cross_validate returns every metric of a scorer, and a search refits by one."""
    metrics = () if is_explicit(estimator) else ("ndcg", "recall")
    for X, cv in _protocols(estimator):
        scoring = _scorer(estimator, *metrics) if metrics else _scorer(estimator)
        results = cross_validated(quick(estimator), X, scoring=scoring, cv=cv)
        wanted = [f"test_{m}@5" for m in metrics] or ["test_score"]
        for key in wanted + [key.replace("test_", "train_") for key in wanted]:
            _assert_finite(results[key], f"{name}: {key}")
            assert len(results[key]) == 2, name
        if metrics:
            options = {"scoring": scoring, "cv": cv, "refit": "ndcg@5"}
            search = grid_search(quick(estimator), _grid(estimator), **options).fit(X)
            _assert_finite(search.cv_results_["mean_test_recall@5"], name)
            assert search.best_estimator_.recommend(users=[2]).shape == (1, 10), name


def check_learning_curve(name: str, estimator: AnyRecommender) -> None:
    """Check that learning_curve fits growing parts of the users or of the interactions."""
    for X, cv in _protocols(estimator):
        options = {"cv": cv, "train_sizes": [0.5, 1.0]}
        sizes, train, test = curve(quick(estimator), X, None, **options)
        assert sizes[0] < sizes[1], f"{name}: {sizes}"
        _assert_finite([train, test], name)


def check_train_test_split(name: str, estimator: AnyRecommender) -> None:
    """Check that train_test_split cuts rows or interactions into parts that can be used."""
    X = tiny(estimator)
    train, test = train_test_split(X, test_size=0.3, random_state=0)
    model = quick(estimator).fit(train)
    assert model.decision_function(test).shape == (9, X.shape[1]), name
    train, test = train_test_split(Interactions(X), test_size=0.3, random_state=0)
    assert len(train) + len(test) == X.nnz, name
    _assert_finite(quick(estimator).fit(train).score(test), name)


def check_pipeline(name: str, estimator: AnyRecommender) -> None:
    """Check that a pipeline passes CSR on to the recommender."""
    X = tiny(estimator)
    pipe: Any = make_pipeline(FunctionTransformer(accept_sparse=True), quick(estimator)).fit(X)
    rows = tiny(estimator, seed=2)
    model = fitted(estimator)
    assert_close(pipe.decision_function(rows), model.decision_function(rows), name)
    assert_close(pipe.predict_proba(rows), model.predict_proba(rows), name)
    lists = pipe[-1].recommend(rows), model.recommend(rows)
    np.testing.assert_array_equal(*lists, err_msg=name)
    assert pipe.score(rows) == pipe[-1].score(rows), name


def check_metadata_routing(name: str, estimator: AnyRecommender) -> None:
    """Check that with metadata routing ``users`` reach the recommender in a pipeline."""
    X, users = tiny(estimator), np.array([4, 2])
    with config_context(enable_metadata_routing=True):
        model = quick(estimator).set_decision_function_request(users=True)
        model.set_predict_proba_request(users=True)
        pipe = make_pipeline(FunctionTransformer(accept_sparse=True), model).fit(X)
        for method in ("decision_function", "predict_proba"):
            routed = getattr(pipe, method)(X[users], users=users)
            assert_close(routed, getattr(fitted(estimator), method)(users=users), name)
        clone(model)
        check_grid_search_over_users(name, estimator)
        check_grid_search_over_interactions(name, estimator)


def check_parallel(name: str, estimator: AnyRecommender) -> None:
    """Check that fits at the same time, in processes or threads, score as they do alone."""
    X, cv = _protocols(estimator)[0]
    options = {"scoring": _scorer(estimator, "ndcg"), "cv": cv}
    alone = cross_validated(quick(estimator), X, **options)["test_score"]
    for backend in ("loky", "threading"):
        with joblib.parallel_config(backend=backend, n_jobs=2):
            together = cross_validated(quick(estimator), X, **options)["test_score"]
        np.testing.assert_allclose(together, alone, rtol=1e-5, err_msg=f"{name}: {backend}")


def check_halving_search_over_epochs(name: str, estimator: AnyRecommender) -> None:
    """Check that HalvingGridSearchCV spends the epochs on the candidates that do well."""
    # not at the top: the first import switches an experiment of scikit-learn on, for everyone
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV

    names = [name for name in ("lr", "l2") if name in estimator.get_params()][:1]
    grid = {name: [0.01, 0.02] for name in names}
    options = {"resource": "max_epochs", "min_resources": 1, "max_resources": 2, "factor": 2}
    options = {**options, **raising, "random_state": 0}
    for X, cv in _protocols(estimator):
        search = HalvingGridSearchCV(quick(estimator), grid, cv=cv, **options)
        _assert_searched(search.fit(X), name)
        assert search.n_resources_ == [1, 2], f"{name}: {search.n_resources_}"


CHECKS = [
    check_grid_search_over_users,
    check_grid_search_over_interactions,
    check_randomized_search,
    check_cross_validation,
    check_learning_curve,
    check_train_test_split,
    check_pipeline,
    check_metadata_routing,
    check_parallel,
]
EPOCH_CHECKS = [check_halving_search_over_epochs]
