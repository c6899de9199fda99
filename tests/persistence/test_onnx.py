"""Models that onnxruntime runs: lists and scores are those of recommend."""

import os
import sys

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import onnx
import onnxruntime
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from skrec import (
    AutoRecRegressor,
    BlendedRecommender,
    BPRMFRanker,
    CalibratedRecommender,
    CDAERecommender,
    EASERecommender,
    ELSARecommender,
    FISMClassifier,
    FISMRanker,
    GMFClassifier,
    GraphFilterRecommender,
    InfiniteAERecommender,
    ItemKNNRecommender,
    LightGCNRanker,
    MFClassifier,
    MFRecommender,
    MultDAERecommender,
    MultVAERecommender,
    NAISClassifier,
    PopularityRecommender,
    RecVAERecommender,
    RP3betaRecommender,
    SLIMRecommender,
    SVDppRanker,
    VampVAERecommender,
    WMFRecommender,
    export_onnx,
    load_model,
    save_model,
)
from skrec.base import ScoreGraph
from skrec.base import _score_graph as score_graph
from skrec.calibration import recommender_in
from skrec.model_selection import StrongGeneralization
from skrec.persistence._onnx_file import write_graph
from skrec.testing import all_estimators, make_estimator
from skrec.testing._data import fitted, quick, tiny

STEPLESS = {"fold_in_steps": 0}
MODELS = {
    "popularity": (PopularityRecommender, {}),
    "ease": (EASERecommender, {}),
    "ease with dropout": (EASERecommender, {"dropout": 0.3}),
    "item knn": (ItemKNNRecommender, {}),
    "few neighbours": (ItemKNNRecommender, {"n_neighbors": 2}),
    "slim": (SLIMRecommender, {}),
    "rp3beta": (RP3betaRecommender, {}),
    "ideal": (GraphFilterRecommender, {}),
    "chebyshev": (GraphFilterRecommender, {"filter": "chebyshev"}),
    "power": (GraphFilterRecommender, {"filter": "power", "n_neighbors": 3}),
    "powers": (
        GraphFilterRecommender,
        {"filter": "power", "n_neighbors": 3, "coefficients": [1, 2]},
    ),
    "infinite ae": (InfiniteAERecommender, {}),
    "deep infinite ae": (
        InfiniteAERecommender,
        {"depth": 3, "max_landmarks": 7, "random_state": 0},
    ),
    "mult-vae": (MultVAERecommender, {}),
    "gated mult-vae": (MultVAERecommender, {"gated": True, "hidden_sizes": (12, 6)}),
    "shallow mult-vae": (MultVAERecommender, {"hidden_sizes": ()}),
    "mult-dae": (MultDAERecommender, {}),
    "vamp-vae": (VampVAERecommender, {}),
    "gated h+vamp-vae": (VampVAERecommender, {"hierarchical": True, "gated": True}),
    "rec-vae": (RecVAERecommender, {}),
    "elsa": (ELSARecommender, {}),
    "cdae": (CDAERecommender, {"fold_in_steps": 20, "confidence": (3.0, 0.5)}),
    "logistic cdae": (CDAERecommender, {"likelihood": "logistic", "fold_in_steps": 20}),
    "multinomial cdae": (CDAERecommender, {"likelihood": "multinomial", "fold_in_steps": 20}),
    "cdae without steps": (CDAERecommender, STEPLESS),
    "wmf": (WMFRecommender, {}),
    "wmf with strengths": (WMFRecommender, {"weighting": "confidence", "frequency_exponent": 0.5}),
    "hard wmf": (WMFRecommender, {"l2": 1e-6, "n_factors": 16}),
    "harder wmf": (
        WMFRecommender,
        {"weighting": "confidence", "alpha": 1e5, "l2": 1e-3, "n_factors": 16},
    ),
    "fism": (FISMClassifier, {}),
    "fism ranker": (FISMRanker, {"alpha": 1.0, "item_bias": True}),
    "fitted svd++": (SVDppRanker, {"fold_in_steps": 20, "item_bias": True, "init_std": 0.5}),
    "fitted light gcn": (LightGCNRanker, {"fold_in_steps": 20}),
    "fitted bpr": (BPRMFRanker, {"fold_in_steps": 20}),
    "fitted bpr by sgd": (BPRMFRanker, {"fold_in_steps": 20, "solver": "sgd", "max_epochs": 30}),
    "svd++": (SVDppRanker, {**STEPLESS, "item_bias": True}),
    "light gcn": (LightGCNRanker, STEPLESS),
    "bpr": (BPRMFRanker, STEPLESS),
    "mf": (MFClassifier, STEPLESS),
    "mf by sgd": (MFClassifier, {**STEPLESS, "solver": "sgd"}),
    "cosines": (MFRecommender, STEPLESS),
    "simplex": (MFRecommender, {**STEPLESS, "history": "mean"}),
    "softmax simplex": (MFRecommender, {**STEPLESS, "history": "mean", "loss": "softmax"}),
}
EASE = make_estimator(EASERecommender)


def made(name):
    """Return a fitted model by its name, and histories of 40 others."""
    cls, params = MODELS[name]
    model = quick(make_estimator(cls)).set_params(**params)
    X, rows = tiny(model), tiny(model, n_users=40, seed=1)
    if params.get("weighting") == "confidence":
        for matrix in (X, rows):
            matrix.data[:] = np.random.RandomState(0).randint(1, 9, matrix.nnz)
    return model.fit(X), rows


def session_of(model, path, **options):
    export_onnx(model, path, **options)
    return onnxruntime.InferenceSession(os.fspath(path))


def answers(session, X, **others):
    """Return items and scores of histories."""
    feed = {"history": X.toarray().astype(np.float32), **others}
    return session.run(["items", "scores"], feed)


def assert_lists(found, scores, seen=None, n_items=None):
    """Check items and scores against the scores of all items, equal up to ties within 1e-5."""
    items, values = found
    eligible = scores if seen is None else np.where(seen, -np.inf, scores)
    width = min(items.shape[1], scores.shape[1])
    best = -np.sort(-eligible, axis=1)[:, :width]
    scale = max(1.0, np.abs(scores).max())
    close = {"rtol": 0, "atol": 1e-5 * scale}
    left = np.isfinite(best)
    assert (np.isnan(values[:, :width]) == ~left).all()
    assert (items[:, :width][~left] == -1).all()
    assert (items[:, width:] == -1).all()
    np.testing.assert_allclose(values[:, :width][left], best[left], **close)
    own = np.take_along_axis(eligible, np.maximum(items[:, :width], 0), axis=1)
    np.testing.assert_allclose(own[left], best[left], **close)
    for row in items:
        assert len(set(row[row >= 0])) == (row >= 0).sum()


@pytest.mark.parametrize("name", MODELS)
def test_lists_and_scores_are_those_of_recommend(name, tmp_path):
    model, X = made(name)
    scores, seen = model.decision_function(X), X.toarray() != 0
    session = session_of(model, tmp_path / "model", n_items=15)  # more than some users lack
    for start, stop in ((0, 1), (2, 5), (0, 40)):
        found = answers(session, X[start:stop])
        assert found[0].dtype == np.int64
        assert found[1].dtype == np.float32
        assert_lists(found, scores[start:stop], seen[start:stop])
    assert_lists(answers(session, X[[0, 0]]), scores[[0, 0]], seen[[0, 0]])  # nobody has anything
    lists, values = model.recommend(X, n_items=15, return_scores=True)
    assert (lists == found[0]).mean() > 0.95
    assert (np.isnan(values) == np.isnan(found[1])).all()
    session = session_of(model, tmp_path / "model", n_items=30, exclude_seen=False)
    assert_lists(answers(session, X), scores)


def test_all_that_write_a_graph_are_tested():
    able = {cls for _, cls in all_estimators() if hasattr(cls, "_graph_scores")}
    assert able == {cls for cls, _ in MODELS.values()}


@pytest.mark.parametrize(
    "cls", [BPRMFRanker, LightGCNRanker, GMFClassifier, MultVAERecommender, AutoRecRegressor]
)
def test_vectors_are_ranked(cls, tmp_path):
    model = fitted(make_estimator(cls))
    X = tiny(model, n_users=12, seed=1)
    vectors = model.user_vectors(X)
    session = session_of(model, tmp_path / "model", n_items=12, inputs="vectors")
    found = answers(session, X, user_vectors=vectors)
    assert_lists(found, vectors @ model.item_vectors().T, X.toarray() != 0)
    assert (found[0] == model.recommend(X, n_items=12)).mean() > 0.95


@pytest.mark.parametrize("name", ["item knn", "few neighbours", "rp3beta", "infinite ae"])
def test_weights_that_stay_sparse(name, tmp_path, monkeypatch):
    monkeypatch.setattr(score_graph, "MOST_UNPACKED", 0)
    monkeypatch.setattr(score_graph, "_ENTRY_BYTES", 0)
    model, X = made(name)
    session = session_of(model, tmp_path / "model", n_items=15)
    assert_lists(answers(session, X), model.decision_function(X), X.toarray() != 0)
    assert_lists(answers(session, X[[0, 0]]), model.decision_function(X[[0, 0]]))


def small(shape):
    return hnp.arrays(np.float32, shape, elements=st.sampled_from([0, 0, 0, 1, 2, 3]))


@given(weights=small((6, 5)), histories=small(st.tuples(st.integers(1, 4), st.just(6))))
@settings(max_examples=15, deadline=None)
@pytest.mark.parametrize("most_unpacked", [0, 100])
def test_products_are_exact(most_unpacked, weights, histories, tmp_path_factory):
    graph = ScoreGraph(6, reads_values=True)
    path = os.fspath(tmp_path_factory.getbasetemp() / "product")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score_graph, "MOST_UNPACKED", most_unpacked)
        patch.setattr(score_graph, "_ENTRY_BYTES", 0)
        product = graph.product(sp.csr_matrix(weights))
    graph.add_output("product", "Identity", product)
    shapes = {"history": (np.float32, ["n", 6])}, {"product": (np.float32, ["n", 5])}
    write_graph(graph, path, *shapes, {})
    (found,) = onnxruntime.InferenceSession(path).run(None, {"history": histories})
    np.testing.assert_array_equal(found, histories @ weights)


def test_equal_scores_go_by_index(tmp_path):
    model = PopularityRecommender().fit(np.eye(50))
    X = sp.csr_matrix(np.eye(50)[[3, 49]])
    found, _ = answers(session_of(model, tmp_path / "model"), X)
    assert (found == model.recommend(X)).all()


def test_those_inside_are_exported(tmp_path):
    X = tiny(EASE)
    inner = make_estimator(EASERecommender)
    search = GridSearchCV(inner, {"l2": [1.0, 9.0]}, cv=StrongGeneralization(n_splits=2))
    models = [
        FrozenEstimator(fitted(EASE)),
        CalibratedRecommender(inner).fit(X),
        search.fit(X),
    ]
    for model in models:
        found, _ = answers(session_of(model, tmp_path / "model", n_items=5), X)
        assert (found == recommender_in(model).recommend(X, n_items=5)).all()


@pytest.mark.parametrize("name", ["ease", "infinite ae", "cdae", "fitted bpr", "light gcn", "wmf"])
def test_models_from_files_without_training_data(name, tmp_path):
    model, X = made(name)
    save_model(model, tmp_path / "saved", training_data=False)
    session = session_of(load_model(tmp_path / "saved", mmap=True), tmp_path / "model", n_items=15)
    assert_lists(answers(session, X), model.decision_function(X), X.toarray() != 0)


def test_a_file_says_what_it_is(tmp_path):
    path = tmp_path / "model"
    export_onnx(fitted(EASE), path, n_items=7)
    model = onnx.load(path)
    texts = {each.key: each.value for each in model.metadata_props}
    assert texts["model"] == "EASERecommender"
    assert texts["n_items"] == "20"
    assert texts["list_length"] == "7"
    assert texts["exclude_seen"] == "true"
    assert texts["skrec"]
    assert model.ir_version == 8  # onnxruntime 1.17 reads it
    assert [each.version for each in model.opset_import] == [17]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_items": 0}, ValueError, "n_items"),
        ({"exclude_seen": "yes"}, ValueError, "exclude_seen"),
        ({"inputs": "users"}, ValueError, "inputs must be 'history' or 'vectors'; got 'users'"),
        ({"inputs": "vectors"}, ValueError, "'history' for a model without vectors.*EASE"),
    ],
)
def test_wrong_options(options, error, message, tmp_path):
    with pytest.raises(error, match=message):
        export_onnx(fitted(EASE), tmp_path / "model", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (EASERecommender, TypeError, "model must be an estimator of skrec"),
        (PCA(), TypeError, "model must be an estimator of skrec; got PCA"),
        (EASERecommender(), NotFittedError, "EASERecommender"),
        (GridSearchCV(EASERecommender(), {}), NotFittedError, "EASERecommender"),
    ],
)
def test_wrong_models(model, error, message, tmp_path):
    with pytest.raises(error, match=message):
        export_onnx(model, tmp_path / "model")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (make_estimator(NAISClassifier), "got NAISClassifier: save_model"),
        (make_estimator(BlendedRecommender), "got BlendedRecommender: save_model"),
        (make_estimator(GMFClassifier), 'got GMFClassifier: take inputs="vectors"'),
        (
            make_estimator(MFClassifier),
            "inputs must be 'vectors' for a MFClassifier .*fold_in_steps",
        ),
    ],
)
def test_models_without_a_graph(model, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export_onnx(fitted(model), tmp_path / "model")


def test_weights_beyond_the_format(tmp_path, monkeypatch):
    monkeypatch.setattr(score_graph, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match=r"at most 2 GiB; got .* GiB or more"):
        export_onnx(fitted(EASE), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"sklearn-recommenders\[onnx\]"):
        export_onnx(fitted(EASE), tmp_path / "model")


@pytest.mark.parametrize("fails", ["os.replace", "onnx.checker.check_model"])
def test_a_failure_leaves_the_old_file(fails, tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.write_bytes(b"old")

    def fail(*args, **kwargs):
        raise OSError("no space")

    monkeypatch.setattr(fails, fail)
    with pytest.raises(OSError, match="no space"):
        export_onnx(fitted(EASE), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
