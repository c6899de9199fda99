"""
Grids, fits and lists on Ray
============================

Search a grid, fit a model and list recommendations for all users on Ray. Here it has two processes
of this machine; ``ray.init(address="auto")`` takes a cluster that is there::

    pip install 'sklearn-recommenders[ray]'
    python examples/scale/ray_engine.py
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
    """Return the lists of some users; what is loaded stays in the file, which processes share."""
    model = load_model(path, mmap=True)
    return pd.concat(recommend_batches(model, table["user"].to_numpy()))


def main():
    """Do all three."""
    try:
        import ray
        import ray.data
        from ray.util.joblib import register_ray
    except ImportError as error:
        print(f"{error}: pip install 'sklearn-recommenders[ray]'")
        return
    X = make_interactions(1000, 300, 20_000, n_clusters=8, random_state=0).X
    search = GridSearchCV(
        SLIMRecommender(),
        {"l1": [0.5, 2.0], "l2": [30.0, 300.0]},
        cv=StrongGeneralization(test_users=200, random_state=0),
        scoring=make_ranking_scorer("ndcg", k=10),
    )
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=500_000_000)
    register_ray()
    with joblib.parallel_config(backend="ray", n_jobs=-1):
        search.fit(X)  # settings in parallel, then the items of the best one
    print(f"best: {search.best_params_}, NDCG@10 = {search.best_score_:.3f}")

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "slim.safetensors"))  # that all machines can read
        save_model(search.best_estimator_, path)
        users = ray.data.from_pandas(pd.DataFrame({"user": np.arange(X.shape[0])})).repartition(8)
        made = users.map_batches(list_part, fn_args=(path,), batch_format="pandas")
        lists = made.to_pandas().sort_values(["user", "rank"])
    ray.shutdown()
    own = pd.concat(recommend_batches(search.best_estimator_))
    print(
        f"{len(lists):,} rows; as in one process: {lists['item'].tolist() == own['item'].tolist()}"
    )


if __name__ == "__main__":
    main()
