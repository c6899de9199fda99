"""dask, Ray and Spark with two processes each: the results of one process, also where one dies."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from benchmarks.scale.clusters import ENGINES, ROOT, Fuse, list_users
from skrec import EASERecommender, Interactions, SLIMRecommender, WMFRecommender, save_model
from skrec.datasets import make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import LeaveOneOut, StrongGeneralization

pytestmark = [
    pytest.mark.engine,
    # what they and their clients leave open when they end, and what they say of pandas 3
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Tip. In future versions of Ray:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning:ray.data.context"),
]
X = make_interactions(600, 300, 12_000, random_state=0).X
NDCG = make_ranking_scorer("ndcg", k=10)
CV = {
    "csr": StrongGeneralization(test_users=100, random_state=0),
    "pairs": LeaveOneOut(by="random"),
}
DATA = {"csr": X, "pairs": Interactions(X)}
USERS = np.arange(X.shape[0])


def search_of(kind, scorer=NDCG):
    """Return a search of two settings."""
    return GridSearchCV(SLIMRecommender(), {"l1": [0.5, 2.0]}, cv=CV[kind], scoring=scorer)


@pytest.fixture(scope="module", params=["dask", "ray", "spark"])
def cluster(request):
    """Return a cluster that runs."""
    package = {"dask": "distributed", "ray": "ray", "spark": "pyspark"}[request.param]
    pytest.importorskip(package, reason=f"the extra {request.param}")
    with ENGINES[request.param]() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the path of a model, and its lists."""
    path = str(tmp_path_factory.mktemp("model") / "ease.safetensors")
    save_model(EASERecommender().fit(X), path)
    return path, list_users(USERS, path)


def assert_same_lists(made, expected):
    """Check users, items and scores in their order."""
    for name in expected:
        np.testing.assert_array_equal(made[name], expected[name])


@pytest.mark.parametrize("kind", DATA)
def test_grids(cluster, kind):
    expected = search_of(kind).fit(DATA[kind]).cv_results_["mean_test_score"]
    with cluster.parallel():
        search = search_of(kind).fit(DATA[kind])
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], expected)


@pytest.mark.parametrize(
    "model",
    [SLIMRecommender(), WMFRecommender(n_factors=8, max_epochs=2, device="cpu", random_state=0)],
)
def test_fits(cluster, model, monkeypatch):
    monkeypatch.setattr("skrec.kernels._wmf._ENTRIES", 4000)  # several tasks
    expected = clone(model).fit(X).decision_function(X)
    with cluster.parallel():
        made = clone(model).fit(X).decision_function(X)
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-6 if "factors" in repr(model) else 0)


def test_lists_of_a_saved_model(cluster, saved):
    path, expected = saved
    assert_same_lists(cluster.lists(path, USERS), expected)


def test_a_worker_that_dies_loses_no_lists(cluster, saved, tmp_path):
    path, expected = saved
    fuse = Fuse(str(tmp_path / "blown"))
    assert_same_lists(cluster.lists(path, USERS, fuse), expected)
    assert Path(fuse.path).exists()


def test_a_worker_that_dies_loses_no_grid(cluster, tmp_path):
    cluster.wait()
    fuse = Fuse(str(tmp_path / "blown"), NDCG)
    expected = search_of("csr").fit(X).cv_results_["mean_test_score"]
    with cluster.parallel(X):
        if type(cluster).__name__ == "RayCluster":  # the backend does not try again
            with pytest.raises(Exception, match="actor died unexpectedly"):
                search_of("csr", fuse).fit(X)
        search = search_of("csr", fuse).fit(X)
    assert Path(fuse.path).exists()
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], expected)


@pytest.mark.parametrize("engine", ["dask", "ray", "spark"])
def test_examples(engine, tmp_path):
    pytest.importorskip({"dask": "distributed", "spark": "pyspark"}.get(engine, engine))
    script = ROOT / "examples" / "scale" / f"{engine}_engine.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    options = {"capture_output": True, "text": True, "cwd": tmp_path, "env": environment}
    done = subprocess.run([sys.executable, str(script)], check=False, timeout=300, **options)
    assert "10,000 rows; as in one process: True" in done.stdout, done.stderr[-2000:]
