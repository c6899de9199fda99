"""Why this item: what each item of a history adds to a score."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.frozen import FrozenEstimator

from skrec import (
    BayesianMFRegressor,
    BiasedMFRegressor,
    BPRMFRanker,
    CalibratedRecommender,
    EASERecommender,
    FISMClassifier,
    FISMRanker,
    GraphFilterRecommender,
    Interactions,
    ItemKNNRecommender,
    LightGCNRanker,
    MFRecommender,
    MultVAERecommender,
    NAISClassifier,
    PopularityRecommender,
    SVDppRanker,
    UserKNNRecommender,
    WMFRecommender,
)
from skrec.base import Explanation
from skrec.linear import _graph_filter
from skrec.testing import make_estimator
from skrec.testing._checks_explain import check_explain
from skrec.testing._data import fitted, quick, tiny

EXACT = [
    (EASERecommender, {"dropout": 0.3}),
    (ItemKNNRecommender, {"normalize": True, "weighting": "bm25", "n_neighbors": 3}),
    (GraphFilterRecommender, {"filter": "ideal"}),
    (GraphFilterRecommender, {"filter": "power", "coefficients": (1.0, 0.5), "n_neighbors": 4}),
    (UserKNNRecommender, {"power": 2.0, "weighting": "bm25", "popularity_discount": 0.5}),
    (UserKNNRecommender, {"weighting": None, "n_neighbors": 2}),
    (WMFRecommender, {"weighting": "confidence", "l2": 1.0}),
    (WMFRecommender, {"frequency_exponent": 0.0, "n_factors": 12}),
    (BiasedMFRegressor, {"bias": False}),
    (FISMClassifier, {"alpha": 1.0}),
    (FISMRanker, {"item_bias": True}),
    (SVDppRanker, {"item_bias": True}),
    (LightGCNRanker, {"n_layers": 0}),
    (MFRecommender, {"history": "mean", "loss": "softmax", "temperature": 0.3}),
    (MFRecommender, {"history": "mean", "history_weight": 0.9}),
    (NAISClassifier, {"attention": "concat", "beta": 1.0, "item_bias": False}),
    (NAISClassifier, {"init_attention": 0.0, "beta": 0.0}),
    (PopularityRecommender, {}),
]
LEFT_OUT = [(BPRMFRanker, {}), (MFRecommender, {}), (BayesianMFRegressor, {})]


@pytest.mark.parametrize(("cls", "params"), EXACT, ids=lambda x: getattr(x, "__name__", ""))
def test_exact_parts_add_up(cls, params):
    estimator = make_estimator(cls, **params)
    check_explain(cls.__name__, estimator)
    assert fitted(estimator).explain(tiny(estimator, 3), [0]).method == "exact"


@pytest.mark.parametrize(("cls", "params"), LEFT_OUT, ids=lambda x: getattr(x, "__name__", ""))
def test_other_parts_are_left_out(cls, params):
    model = fitted(make_estimator(cls, **params))
    assert model.explain(tiny(model, 3), [0]).method == "leave-one-out"


def test_graph_filters_without_stored_weights_explain_alike(monkeypatch):
    X = tiny(EASERecommender())
    stored = GraphFilterRecommender(n_factors=4).fit(X)
    monkeypatch.setattr(_graph_filter, "_DENSE_ITEMS", 0)
    computed = GraphFilterRecommender(n_factors=4).fit(X)
    assert computed._weights_ is None
    lists = np.arange(20).reshape(5, 4)
    one, other = (model.explain(X[2:7], lists) for model in (stored, computed))
    np.testing.assert_allclose(one.parts.data, other.parts.data, atol=1e-5)
    check_explain("GraphFilterRecommender", quick(GraphFilterRecommender(n_factors=3)))


def test_parts_of_ease_are_its_weights():
    X = tiny(EASERecommender()).toarray()
    X[:, [3, 11]] = 0  # items that nobody has
    X = sp.csr_matrix(X)
    model = EASERecommender(l2=1.0).fit(X)
    history, items = X[4:6], np.array([3, 7, 0])
    found = model.explain(history, items)
    weights = model.item_weights_
    for parts, row, item in zip(found.parts, found.row, found.item):
        mine = history[row].indices
        np.testing.assert_array_equal(parts.indices, mine)
        np.testing.assert_allclose(parts.data, weights[mine, item], atol=1e-7)
    assert not found.baseline.any()
    assert not found.parts[found.item == 3].data.any()  # what nothing supports


def test_parts_of_wmf_are_those_of_its_solve():
    model = fitted(make_estimator(WMFRecommender))
    X, Y = tiny(model, 6, seed=7), model.item_factors_.astype(np.float64)
    found = model.explain(X[4:5], [2, 9])
    own, weight = X[4].indices, model.unobserved_weight_
    ridge = model.l2 * (len(own) + weight * len(Y)) ** model.frequency_exponent
    system = weight * Y.T @ Y + Y[own].T @ Y[own] + ridge * np.eye(Y.shape[1])
    right = Y[own] @ np.linalg.solve(system, Y[[2, 9]].T)
    np.testing.assert_allclose(found.parts.data.reshape(2, -1).T, right, atol=1e-9)


def test_parts_of_nais_are_weighed_by_attention():
    model = fitted(make_estimator(NAISClassifier, beta=0.5))
    module, X = model._module, tiny(model, 6, seed=7)
    found, own = model.explain(X[4:5], [2]), X[4].indices
    layer = module.attention
    arrays = (layer.weight, layer.bias, layer.out, module.users.history.weight, module.items.weight)
    W, b, h, history, items = (array.detach().numpy().astype(float) for array in arrays)
    own = own[own != 2]
    target = items[2, :-1]
    logits = np.maximum((history[own] * target) @ W + b, 0) @ h
    right = np.exp(logits) / np.exp(logits).sum() ** 0.5 * (history[own] @ target)
    parts = found.parts[0, own].toarray().ravel()
    np.testing.assert_allclose(parts, right, rtol=1e-5)
    assert found.baseline[0] == pytest.approx(items[2, -1])


def test_an_item_adds_nothing_to_itself():
    for cls in (FISMClassifier, NAISClassifier, EASERecommender, MFRecommender):
        params = {"history": "mean"} if cls is MFRecommender else {}
        model = fitted(make_estimator(cls, **params))
        X = tiny(model, 6, seed=7)[4:5]
        found = model.explain(X, X.indices)
        assert not found.parts[np.arange(X.nnz), X.indices].any()


def test_items_of_none_are_those_of_recommend():
    model = fitted(make_estimator(EASERecommender))
    found = model.explain(users=[3, 1])
    lists = model.recommend(users=[3, 1])
    row, place = np.nonzero(lists >= 0)
    np.testing.assert_array_equal(found.row, row)
    np.testing.assert_array_equal(found.item, lists[row, place])
    assert len(found) == len(row)


@pytest.mark.parametrize("cls", [EASERecommender, MultVAERecommender, NAISClassifier])
def test_explanations_come_in_blocks(cls):
    model = fitted(make_estimator(cls))
    X, lists = tiny(model, 7, seed=3), np.arange(21).reshape(7, 3) % 20
    whole = model.explain(X, lists)
    with config_context(working_memory=1e-5):
        parts = model.explain(X, lists)
    np.testing.assert_allclose(parts.parts.data, whole.parts.data, atol=1e-5)
    np.testing.assert_allclose(parts.baseline, whole.baseline, atol=1e-5)
    shared, each = model.explain(X, lists[2]), model.explain(X, np.tile(lists[2], (7, 1)))
    np.testing.assert_allclose(shared.parts.data, each.parts.data, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 19), max_size=12, unique=True),
    st.lists(st.integers(-1, 19), min_size=1, max_size=5),
)
def test_parts_and_baseline_add_up_for_any_history(history, items):
    entries = np.ones(len(history)), (np.zeros(len(history), int), history)
    X = sp.csr_matrix(entries, shape=(1, 20))
    for cls in (EASERecommender, UserKNNRecommender, WMFRecommender, MultVAERecommender):
        model = fitted(make_estimator(cls))
        found = model.explain(X, [items])
        total = found.baseline + np.asarray(found.parts.sum(axis=1)).ravel()
        scores = model.decision_function(X)[0, found.item]
        np.testing.assert_allclose(total, scores, atol=1e-6 * max(1, abs(scores).max(initial=0)))


TABLE = {"user": ["ann", "ann", "bob", "bob", "cy"], "item": ["tea", "rum", "tea", "gin", "rum"]}


def test_a_table_of_raw_ids_and_titles():
    interactions, encoder = Interactions.from_frame(TABLE)
    model = EASERecommender(l2=1.0).fit(interactions)
    found = model.explain(users=encoder.encode_users(["ann"]), items=encoder.encode_items(["gin"]))
    table = found.to_frame({"tea": "Tea, green", "gin": "Gin"})
    assert table["item"].tolist() == ["gin", "gin"]
    assert table["title"].tolist() == ["Gin", "Gin"]
    assert set(table["reason"]) == {"tea", "rum"}
    by_reason = table.set_index("reason")["reason_title"]
    assert by_reason["tea"] == "Tea, green"
    assert pd.isna(by_reason["rum"])
    assert (np.diff(table["part"]) <= 0).all()
    assert (table["method"] == "exact").all()
    top = found.to_frame(pd.Series({"tea": "Tea"}), n_reasons=1)
    assert top["reason"].tolist() == ["tea"]
    assert "title" not in found.to_frame()


def test_a_wrapped_model_explains_as_the_model_inside():
    inner = fitted(make_estimator(EASERecommender))
    X = inner.interactions_
    model = CalibratedRecommender(FrozenEstimator(inner)).fit(X)
    one, other = model.explain(X[2:4], [1, 5]), inner.explain(X[2:4], [1, 5])
    assert isinstance(one, Explanation)
    np.testing.assert_array_equal(one.parts.toarray(), other.parts.toarray())


def test_no_rows_have_no_parts():
    model = fitted(make_estimator(EASERecommender))
    found = model.explain(users=[], items=[1, 2])
    assert len(found) == len(found.to_frame()) == 0


def test_more_parts_than_memory_holds_are_refused(monkeypatch):
    model = fitted(make_estimator(EASERecommender))
    monkeypatch.setattr("skrec.utils._memory.memory_limit", lambda: 10**8)
    monkeypatch.setattr("skrec.utils._memory._ALWAYS_FINE", 10**3)
    lists = np.zeros((1, 10**6), dtype=int)
    with pytest.raises(MemoryError, match="explain fewer rows or items"):
        model.explain(tiny(model)[4:5], lists)
