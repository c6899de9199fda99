"""Maps of fits and of answers on a backend like that of an engine, without one."""

import pickle
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skrec import (
    BayesianMFRegressor,
    BPRMFRanker,
    EASERecommender,
    Interactions,
    ItemKNNRecommender,
    MFClassifier,
    RP3betaRecommender,
    SLIMRecommender,
    WMFRecommender,
    kernels,
    recommend_batches,
)
from skrec.datasets import make_interactions
from skrec.kernels import _gibbs, _sparse, _wmf
from skrec.linear import _slim
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import LeaveOneOut, StrongGeneralization
from tests.scale.engine import on_engine

EXAMPLES = Path(__file__).parents[2] / "examples" / "scale"
X = make_interactions(120, 90, 1500, random_state=0).X
RATINGS = X.copy()
RATINGS.data = (RATINGS.indices % 5 + 1).astype(np.float32)
QUICK = {"n_factors": 3, "burn_in": 1, "n_samples": 2, "thin": 1, "random_state": 0}
SGD = {"n_factors": 4, "max_epochs": 2, "solver": "sgd", "random_state": 0}
MODELS = {
    "SLIM": (SLIMRecommender(l1=0.5, l2=5.0), X),
    "SLIM, candidates": (SLIMRecommender(l1=0.5, l2=5.0, n_candidates=20), X),
    "kNN": (ItemKNNRecommender(), X),
    "RP3beta": (RP3betaRecommender(), X),
    "EASE": (EASERecommender(), X),
    "WMF": (WMFRecommender(n_factors=4, max_epochs=2, device="cpu", random_state=0), X),
    "MF": (MFClassifier(**SGD), X),
    "BPRMF": (BPRMFRanker(**SGD), X),
    "chains": (BayesianMFRegressor(n_chains=3, **QUICK), RATINGS),
    "a chain": (BayesianMFRegressor(**QUICK), RATINGS),
}


@pytest.fixture(autouse=True)
def _many_tasks(monkeypatch):
    """Cut little data into several tasks."""
    for module in (_gibbs, _wmf):
        monkeypatch.setattr(module, "_ENTRIES", 400)
    monkeypatch.setattr(_sparse, "_PRODUCTS", 4000)
    monkeypatch.setattr(_slim, "_CHUNK", 20)
    monkeypatch.setattr(_slim, "_SCORED", 5)


_SLOW = {"SLIM, candidates", "EASE", "MF", "BPRMF", "chains", "RP3beta"}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in _SLOW else n for n in MODELS]
)
def test_engines_fit_the_same_model(name):
    model, data = MODELS[name]
    answers = model.fit(data).predict_proba(data[:9]), model.recommend(data[:9])
    with on_engine()[0]:
        model.fit(data)
        others = model.predict_proba(data[:9]), model.recommend(data[:9])
    for one, other in zip(answers, others):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "share"),
    [("SLIM", 0.2), ("SLIM, candidates", 0.2), ("kNN", 0.4), ("WMF", 0.2), ("chains", 0.2)],
)
def test_engines_get_the_fixed_side_once(name, share):
    model, data = MODELS[name]
    context, engine = on_engine()
    with context:
        (clone(model).set_params(n_factors=64, max_epochs=1) if name == "WMF" else model).fit(data)
    assert len(engine.inline) > 2
    fixed = len(pickle.dumps(list(engine.once.values()))) / (3 if name == "WMF" else 1)  # maps
    assert max(engine.inline) < share * fixed


def test_what_writes_to_shared_arrays_stays_on_one_thread():
    with on_engine()[0]:
        assert kernels.count_jobs(None) == kernels.count_jobs(None, shared=True) == 1
        with kernels.engine_workers(None):
            assert kernels.count_jobs(None) == 1000
            assert kernels.count_jobs(None, shared=True) == 1
        assert kernels.count_jobs(-1, shared=True) == joblib.cpu_count()
        total = np.zeros(3)
        kernels.in_threads(np.add, [(total[:2], 1, total[:2]), (total[2:], 2, total[2:])], 2, True)
    assert total.tolist() == [1, 1, 2]


@pytest.mark.skipif(joblib.cpu_count() < 2, reason="one core")
def test_a_number_of_jobs_counts_without_a_backend():
    with joblib.parallel_config(n_jobs=2):
        assert kernels.count_jobs(None) == kernels.count_jobs(None, shared=True) == 2
        assert kernels.count_jobs(1) == 1
    assert kernels.count_jobs(None) == 1


def test_tasks_of_dask_keep_their_maps(monkeypatch):
    state = SimpleNamespace(execution_state={})
    context, engine = on_engine()
    monkeypatch.setitem(sys.modules, "distributed.worker", SimpleNamespace(thread_state=state))
    with context, kernels.engine_workers(None):
        assert kernels.count_jobs(None) == 1
        assert kernels.in_threads(pow, [(2, 3), (3, 2)], None) == [8, 9]
    assert not engine.inline


def test_maps_of_answers_stay_in_the_process():
    model = WMFRecommender(n_factors=4, max_epochs=2, device="cpu", random_state=0).fit(X)
    expected = model.decision_function(X)
    context, engine = on_engine()
    with context:
        np.testing.assert_array_equal(model.decision_function(X), expected)
        assert not engine.inline
        model.fit(X)
    assert engine.inline


@pytest.mark.parametrize("data", [X, Interactions(X)], ids=["csr", "interactions"])
def test_grids_on_engines(data):
    rows = not isinstance(data, Interactions)
    cv = StrongGeneralization(test_users=30, random_state=0) if rows else LeaveOneOut(by="random")
    scorer = make_ranking_scorer("ndcg", k=10)
    search = GridSearchCV(SLIMRecommender(), {"l1": [0.5, 2.0]}, cv=cv, scoring=scorer)
    scores = search.fit(data).cv_results_["mean_test_score"]
    with on_engine()[0]:
        search.fit(data)
    np.testing.assert_array_equal(scores, search.cv_results_["mean_test_score"])


def test_interactions_say_how_large_they_are():
    timed = Interactions(X, X)
    assert 28 * X.nnz < sys.getsizeof(timed) < 28 * X.nnz + 1000
    assert 20 * X.nnz < sys.getsizeof(Interactions(X)) < 20 * X.nnz + 1000


@pytest.mark.parametrize("n_jobs", [2, -1])
def test_batches_are_made_at_once(n_jobs):
    model = EASERecommender().fit(X)
    expected = pd.concat(recommend_batches(model, batch_size=25))
    made = list(recommend_batches(model, batch_size=25, n_jobs=n_jobs))
    assert [table["user"].nunique() for table in made] == [25, 25, 25, 25, 20]
    pd.testing.assert_frame_equal(pd.concat(made), expected)
    context, engine = on_engine()
    with context:
        pd.testing.assert_frame_equal(pd.concat(recommend_batches(model, batch_size=25)), expected)
    assert len(engine.inline) == 5
    batches = recommend_batches(model)
    assert sys.getsizeof(batches) > X.nnz * 4


@pytest.mark.parametrize("n_jobs", [0, 1.5, "all", True])
def test_a_wrong_number_of_jobs(n_jobs):
    model = EASERecommender().fit(X)
    with pytest.raises(ValueError, match=r"n_jobs must be an integer other than 0, or None; got"):
        recommend_batches(model, n_jobs=n_jobs)


@pytest.mark.parametrize(
    ("engine", "package"), [("dask", "distributed"), ("ray", "ray"), ("spark", "pyspark.sql")]
)
def test_an_example_names_the_extra_that_is_missing(engine, package, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, package, None)
    names = runpy.run_path(str(EXAMPLES / f"{engine}_engine.py"))
    names["main"]()
    assert f"pip install 'sklearn-recommenders[{engine}]'" in capsys.readouterr().out


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_every_example_starts_with_a_title(path):
    lines = path.read_text("utf-8").split("\n")
    assert lines[0] == '"""'
    assert lines[2] == "=" * len(lines[1])
