"""
Grids, fits and lists on dask
=============================

Search a grid, fit a model and list recommendations for all users on a cluster of dask. Here it is
made of two processes of this machine; give ``Client`` the address of a scheduler for a larger one::

    pip install 'sklearn-recommenders[dask]'
    python examples/scale/dask_engine.py
"""

import tempfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV

from skrec import SLIMRecommender, load_model, recommend_batches, save_model
from skrec.datasets import make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization


def list_part(table, path):
    """Return the lists of some users; a worker loads the model once."""
    from distributed import get_worker

    worker = get_worker()
    if getattr(worker, "model_path", None) != path:
        worker.model, worker.model_path = load_model(path, mmap=True), path
    return pd.concat(recommend_batches(worker.model, table["user"].to_numpy()))


def main():
    """Do all three."""
    try:
        import dask.dataframe as dd
        from distributed import Client, LocalCluster
    except ImportError as error:
        print(f"{error}: pip install 'sklearn-recommenders[dask]'")
        return
    X = make_interactions(1000, 300, 20_000, n_clusters=8, random_state=0).X
    search = GridSearchCV(
        SLIMRecommender(),
        {"l1": [0.5, 2.0], "l2": [30.0, 300.0]},
        cv=StrongGeneralization(test_users=200, random_state=0),
        scoring=make_ranking_scorer("ndcg", k=10),
    )
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
        tempfile.TemporaryDirectory() as folder,
    ):
        with joblib.parallel_config(backend="dask"):
            search.fit(X)  # settings in parallel, then the items of the best one
        print(f"best: {search.best_params_}, NDCG@10 = {search.best_score_:.3f}")

        path = str(Path(folder, "slim.safetensors"))  # that all machines can read
        save_model(search.best_estimator_, path)
        users = dd.from_pandas(pd.DataFrame({"user": np.arange(X.shape[0])}), npartitions=8)
        meta = {"user": "int64", "rank": "int64", "item": "int64", "score": "float32"}
        lists = users.map_partitions(list_part, path, meta=meta).compute()
    own = pd.concat(recommend_batches(search.best_estimator_))
    print(
        f"{len(lists):,} rows; as in one process: {lists['item'].tolist() == own['item'].tolist()}"
    )


if __name__ == "__main__":
    main()
