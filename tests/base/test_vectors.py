"""Vectors of users and items, for an index of inner products."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.frozen import FrozenEstimator

from skrec import (
    AutoRecRegressor,
    BayesianMFRegressor,
    BiasedMFRegressor,
    BPRMFRanker,
    CalibratedRecommender,
    CDAERecommender,
    CrossFeedbackBMF,
    DAERegressor,
    EASERecommender,
    FISMClassifier,
    GMFClassifier,
    GMFRegressor,
    LightGCNRanker,
    MFClassifier,
    MFRecommender,
    MultDAERecommender,
    MultVAERecommender,
    RecVAERecommender,
    SVDppRanker,
    VAERegressor,
    VampVAERecommender,
    WMFRecommender,
)
from skrec.datasets import make_interactions
from skrec.testing import all_estimators, make_estimator
from skrec.testing._checks_vectors import check_vectors
from skrec.testing._data import fitted, tiny

VARIANTS = [
    (MFClassifier, {"solver": "sgd"}),
    (MFClassifier, {"bias": False}),
    (BPRMFRanker, {"item_bias": True}),
    (MFRecommender, {"loss": "softmax", "temperature": 0.3}),
    (MFRecommender, {"history": "mean", "history_weight": 0.7}),
    (WMFRecommender, {"weighting": "confidence", "l2": 1.0}),
    (FISMClassifier, {"alpha": 1.0}),
    (SVDppRanker, {"item_bias": True}),
    (LightGCNRanker, {"n_layers": 0}),
    (BiasedMFRegressor, {"bias": False}),
    (BayesianMFRegressor, {"implicit": "none", "n_chains": 2}),
    (CrossFeedbackBMF, {"clip": True}),
    (MultVAERecommender, {"likelihood": "logistic", "hidden_sizes": (12, 6)}),
    (MultDAERecommender, {"hidden_sizes": ()}),
    (VampVAERecommender, {"hierarchical": True, "gated": True}),
    (CDAERecommender, {"likelihood": "gaussian"}),
    (CDAERecommender, {"likelihood": "multinomial"}),
    (AutoRecRegressor, {"side": "user"}),
    (AutoRecRegressor, {"side": "item"}),
    (VAERegressor, {"hidden_sizes": (6,)}),
]


@pytest.mark.parametrize(("cls", "params"), VARIANTS, ids=lambda x: getattr(x, "__name__", ""))
def test_variants_rank_alike(cls, params):
    check_vectors(cls.__name__, make_estimator(cls, **params))


LINEAR = [
    (MFClassifier, {}),
    (MFClassifier, {"solver": "sgd"}),
    (MFRecommender, {"loss": "softmax", "temperature": 0.3}),
    (WMFRecommender, {}),
    (LightGCNRanker, {}),
    (GMFClassifier, {}),
    (GMFRegressor, {}),
    (BiasedMFRegressor, {}),
    (BayesianMFRegressor, {}),
    (CrossFeedbackBMF, {}),
    (MultVAERecommender, {}),
    (RecVAERecommender, {}),
    (DAERegressor, {}),
]


@pytest.mark.parametrize(("cls", "params"), LINEAR, ids=lambda x: getattr(x, "__name__", ""))
def test_products_are_the_scores_up_to_a_constant_of_the_row(cls, params):
    model = fitted(make_estimator(cls, **params))
    X = tiny(model, 6, seed=4)  # the first row is empty: it has the prior
    for options in ({"X": X}, {"users": [0, 3, 7]}):
        scores = model.decision_function(**options).astype(np.float64)
        products = model.user_vectors(**options).astype(np.float64) @ model.item_vectors().T
        apart = products - scores
        apart -= apart.mean(axis=1, keepdims=True)
        assert abs(apart).max() < 2e-6 * max(1, abs(scores).max())


def test_models_without_a_dot_product_have_none():
    without = {name for name, cls in all_estimators() if not hasattr(cls, "user_vectors")}
    assert {"EASERecommender", "ItemKNNRecommender", "NeuMFClassifier", "NAISClassifier"} <= without
    assert not {cls.__name__ for cls, _ in [*VARIANTS, *LINEAR]} & without
    assert not hasattr(EASERecommender(), "item_vectors")


def test_the_dimension_of_unknown_users_is_small_and_zero_for_others():
    model = fitted(make_estimator(WMFRecommender))
    assert abs(model.item_vectors()[:, -1]).max() == pytest.approx(1e-3)
    vectors = model.user_vectors(users=[0, 4])
    assert vectors[1, -1] == 0
    assert vectors[0, -1] > 1
    assert not vectors[0, :-1].any()


def test_vectors_come_in_blocks():
    model = fitted(make_estimator(MultVAERecommender))
    X = tiny(model, 9, seed=5)
    whole = model.user_vectors(X)
    with config_context(working_memory=1e-5):
        np.testing.assert_allclose(model.user_vectors(X), whole, atol=1e-6)
    assert model.user_vectors(users=[]).shape == (0, whole.shape[1])


@pytest.fixture(scope="module")
def wmf():
    X = make_interactions(200, 60, 3000, random_state=0).X
    return WMFRecommender(n_factors=8, random_state=0).fit(X)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 59), max_size=8, unique=True), min_size=1, max_size=4))
def test_lists_by_products_are_those_of_recommend(wmf, histories):
    rows = [row for row, items in enumerate(histories) for _ in items]
    entries = np.ones(len(rows)), (rows, [item for items in histories for item in items])
    X = sp.csr_matrix(entries, shape=(len(histories), 60))
    products = wmf.user_vectors(X) @ wmf.item_vectors().T
    products[X.nonzero()] = -np.inf
    indices, scores = wmf.recommend(X, 5, return_scores=True)
    right = np.sort(products, axis=1)[:, ::-1][:, :5]
    ours = np.take_along_axis(products, indices, axis=1)
    np.testing.assert_allclose(ours, right, atol=1e-4)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_a_wrapped_model_has_those_of_the_model_inside(wmf):
    X = wmf.interactions_
    model = CalibratedRecommender(FrozenEstimator(wmf)).fit(X)
    np.testing.assert_array_equal(model.item_vectors(), wmf.item_vectors())
    np.testing.assert_array_equal(model.user_vectors(X[:3]), wmf.user_vectors(X[:3]))
    assert not hasattr(CalibratedRecommender(EASERecommender()), "user_vectors")
