"""Our scorers as what scikit-learn's tools of model selection take."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import check_scoring
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    LearningCurveDisplay,
    ValidationCurveDisplay,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)

from skrec import BiasedMFRegressor, EASERecommender
from skrec.datasets import make_interactions
from skrec.metrics import make_calibration_scorer, make_ranking_scorer, make_rating_scorer

X = make_interactions(80, 20, 900, random_state=0).X
SCORERS = [
    (make_ranking_scorer("recall", k=5), "recall@5"),
    (make_ranking_scorer("hit_rate", n_negatives=9), "sampled_hit_rate@10"),
    (make_ranking_scorer(["ndcg", "recall"], k=3), "ndcg@3, recall@3"),
    (make_rating_scorer("neg_mae"), "neg_mae"),
    (make_calibration_scorer("ece"), "neg_ece"),
]


@pytest.mark.parametrize(("scorer", "name"), SCORERS)
def test_a_scorer_has_a_name_and_is_copied_whole(scorer, name):
    assert scorer.__name__ == name
    again = pickle.loads(pickle.dumps(scorer))
    assert (again.__name__, repr(again)) == (name, repr(scorer))
    search = clone(GridSearchCV(EASERecommender(), {}, scoring=scorer))
    assert repr(search.scoring) == repr(scorer)
    assert callable(check_scoring(EASERecommender(), scoring=scorer))


@pytest.mark.parametrize("scorer", [make_ranking_scorer("ndcg", k=5), make_calibration_scorer()])
def test_curves(scorer):
    est, options = EASERecommender(), {"cv": 2, "scoring": scorer, "error_score": "raise"}
    label = scorer.__name__.replace("_", " ").lower()
    display = LearningCurveDisplay.from_estimator(est, X, None, train_sizes=[0.5, 1.0], **options)
    assert label.removeprefix("neg ") in display.ax_.get_ylabel().lower()
    values = {"param_name": "l2", "param_range": [1.0, 100.0]}
    display = ValidationCurveDisplay.from_estimator(est, X, None, **values, **options)
    assert label.removeprefix("neg ") in display.ax_.get_ylabel().lower()
    assert np.isfinite(learning_curve(est, X, None, train_sizes=[0.5, 1.0], **options)[2]).all()
    assert np.isfinite(validation_curve(est, X, None, **values, **options)[1]).all()


def test_permutation_test_and_searches():
    scorer = make_ranking_scorer("ndcg", k=5)
    y = np.zeros(X.shape[0])  # labels are ignored, so no permutation of them is any worse
    value, permuted, pvalue = permutation_test_score(
        EASERecommender(), X, y, scoring=scorer, cv=2, n_permutations=3
    )
    assert (permuted == value).all()
    assert pvalue == 1
    grid = {"l2": [1.0, 1000.0]}
    halving = HalvingGridSearchCV(
        EASERecommender(), grid, scoring=scorer, cv=2, min_resources=40, random_state=0
    )
    assert 0 < halving.fit(X).best_score_ <= 1
    several = {"ndcg": scorer, "brier": make_calibration_scorer()}
    found = cross_validate(EASERecommender(), X, scoring=several, cv=2, error_score="raise")
    assert (found["test_ndcg"] > 0).all()
    assert (found["test_brier"] < 0).all()


def test_curves_of_ratings():
    ratings = sp.csr_matrix(X.multiply(np.arange(X.shape[1]) % 5 + 1))
    est = BiasedMFRegressor(n_factors=2, max_epochs=2, random_state=0)
    scorer = make_rating_scorer()
    display = LearningCurveDisplay.from_estimator(
        est, ratings, None, cv=2, scoring=scorer, train_sizes=[0.5, 1.0], error_score="raise"
    )
    assert "rmse" in display.ax_.get_ylabel().lower()
