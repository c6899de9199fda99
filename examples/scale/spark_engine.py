"""
Grids and lists on Spark
========================

Fit the settings of a grid and list recommendations for all users on Spark. Here it runs in its
local mode with two cores; it needs Java 17::

    pip install 'sklearn-recommenders[spark]'
    python examples/scale/spark_engine.py

The settings are a plain map. With the package joblibspark, `GridSearchCV` and the maps inside of
``fit`` run on Spark as they do on other engines, by ``joblib.parallel_config(backend="spark")``.
"""

import os
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import ParameterGrid, cross_val_score

from skrec import SLIMRecommender, load_model, recommend_batches, save_model
from skrec.datasets import make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization

GRID = ParameterGrid({"l1": [0.5, 2.0], "l2": [30.0, 300.0]})


def score(X, setting):
    """Return the NDCG@10 of a setting."""
    model, scoring = SLIMRecommender(**setting), make_ranking_scorer("ndcg", k=10)
    cv = StrongGeneralization(test_users=200, random_state=0)
    return float(cross_val_score(model, X, cv=cv, scoring=scoring).mean())


def lists_of(path):
    """Return a function that lists recommendations; it loads the model once a partition."""

    def list_parts(tables):
        model = load_model(path, mmap=True)
        for table in tables:
            yield pd.concat(recommend_batches(model, table["user"].to_numpy()))

    return list_parts


def main():
    """Do both."""
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        print(f"{error}: pip install 'sklearn-recommenders[spark]'")
        return
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    X = make_interactions(1000, 300, 20_000, n_clusters=8, random_state=0).X
    # two cores; a task that dies is tried four times
    builder = SparkSession.builder.master("local[2,4]").config("spark.ui.enabled", "false")
    spark = builder.getOrCreate()
    sent = spark.sparkContext.broadcast(X)  # once to each process
    scores = (
        spark.sparkContext.parallelize(list(GRID), len(GRID))
        .map(lambda setting: score(sent.value, setting))
        .collect()
    )
    best = GRID[int(np.argmax(scores))]
    print(f"best: {best}, NDCG@10 = {max(scores):.3f}")
    model = SLIMRecommender(**best).fit(X)

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # pyspark 4 says that of pandas 3
        path = str(Path(folder, "slim.safetensors"))  # that all machines can read
        save_model(model, path)
        users = spark.createDataFrame(pd.DataFrame({"user": np.arange(X.shape[0])}))
        columns = "user long, rank long, item long, score float"
        lists = users.repartition(8).mapInPandas(lists_of(path), columns).toPandas()
    spark.stop()
    lists = lists.sort_values(["user", "rank"])
    own = pd.concat(recommend_batches(model))
    print(
        f"{len(lists):,} rows; as in one process: {lists['item'].tolist() == own['item'].tolist()}"
    )


if __name__ == "__main__":
    main()
