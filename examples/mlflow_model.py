"""
A model in MLflow
=================

Log a recommender with its parameters and metrics, and load it back as a `mlflow.pyfunc` model. It
takes a frame of histories, one row an interaction with raw ids, and returns a frame of lists. The
model is a file of `save_model`, which has arrays and the raw ids; the code beside it is this very
file ("models from code"). So nothing is pickled. With a folder ``SKREC_DATA`` that holds
MovieLens-100K the data are that, and otherwise they are made up::

    pip install "sklearn-recommenders[mlflow]"
    python examples/mlflow_model.py
"""

import json
import os
import tempfile
from pathlib import Path

import pandas as pd

from skrec import EASERecommender, InteractionEncoder, load_model, recommend_frame, save_model
from skrec.datasets import fetch_movielens, make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import InteractionHoldout

try:
    import mlflow
except ImportError:
    print('mlflow is not there; `pip install "sklearn-recommenders[mlflow]"` brings it')
    raise SystemExit from None

N_ITEMS = 5

# %%
# What MLflow serves
# ------------------
#
# MLflow runs this file when it loads the model, and calls ``load_context`` with the paths of what
# was logged. The encoder is in the model's file. It drops rows with items that it does not know,
# which is what a server wants: ids of users need not be known at all.


class Lists(mlflow.pyfunc.PythonModel):
    """Recommendations for histories: from a frame of ``user`` and ``item`` to a frame of lists."""

    def load_context(self, context):
        """Read the model and the titles."""
        self.model = load_model(context.artifacts["model"])
        self.titles = pd.read_json(context.artifacts["titles"])

    def predict(self, context, model_input: pd.DataFrame, params=None) -> pd.DataFrame:
        """Return a row for each user and rank."""
        n_items = (params or {}).get("n_items", N_ITEMS)
        return recommend_frame(self.model, X=model_input, n_items=n_items, titles=self.titles)


mlflow.models.set_model(Lists())


# %%
# A table of raw ids
# ------------------


def read():
    """Return a table of users and items, and the titles of the items."""
    home = os.environ.get("SKREC_DATA")
    if home and Path(home, "ml-100k").is_dir():
        data = fetch_movielens("100k", download_if_missing=False)
        return data.frame[["user", "item"]], data.item_frame[["item", "title"]]
    data = make_interactions(600, 200, 15_000, random_state=0)
    rows, columns = data.X.nonzero()
    ids = [f"B{column:04}" for column in range(data.X.shape[1])]
    table = {"user": [f"u{row:04}" for row in rows], "item": [ids[column] for column in columns]}
    titles = {"item": ids, "title": [name.title() for name in data.item_names]}
    return pd.DataFrame(table), pd.DataFrame(titles)


# %%
# A run
# -----
#
# Interactions are held out to have a metric. Without the interactions of ``fit`` the file is
# smaller, and whoever asks sends a history. The signature tells MLflow what to check: columns of
# the frame, and the length of the lists, which a request may choose.


def log(folder, table, titles):
    """Fit, log what there is to log, and return the address of the model and the model."""
    encoder = InteractionEncoder(unknown="ignore")
    interactions = encoder.fit_transform(table)
    train, test = next(InteractionHoldout(0.1, random_state=0).split(interactions))
    with mlflow.start_run(run_name="EASE"):
        model = EASERecommender(l2=200.0).fit(interactions[train])
        mlflow.log_params(model.get_params())
        scorer = make_ranking_scorer(["ndcg@10", "recall@20"])
        values: dict = scorer(model, interactions[test])
        mlflow.log_metrics({name.replace("@", "_at_"): value for name, value in values.items()})
        save_model(model, folder / "ease.safetensors", training_data=False)
        titles.to_json(folder / "titles.json", orient="records")
        some = table[table["user"].isin(table["user"].unique()[:2])]
        lists = recommend_frame(model, X=some, n_items=N_ITEMS, titles=titles)
        info = mlflow.pyfunc.log_model(
            name="lists",
            python_model=__file__,
            artifacts={
                "model": str(folder / "ease.safetensors"),
                "titles": str(folder / "titles.json"),
            },
            input_example=some,
            signature=mlflow.models.infer_signature(some, lists, {"n_items": N_ITEMS}),
            pip_requirements=["sklearn-recommenders"],
        )
    print("logged:", json.dumps({name: round(value, 3) for name, value in values.items()}))
    return info.model_uri, model


# %%
# And back
# --------
#
# A folder is enough to keep runs. MLflow recommends a database, and asks for a variable where there
# is none: ``mlflow.set_tracking_uri("sqlite:///mlflow.db")`` needs SQLAlchemy and alembic.


def main():
    """Log a model, load it, and compare its lists with those of the model in memory."""
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    table, titles = read()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mlflow.set_tracking_uri((folder / "runs").as_uri())
        mlflow.set_experiment("recommenders")
        uri, model = log(folder, table, titles)
        local = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder / "copy")))
        served = mlflow.pyfunc.load_model(str(local))
        liked = table["item"].value_counts().index[:3]
        history = pd.DataFrame({"user": table["user"].iloc[:1].repeat(3).values, "item": liked})
        lists = served.predict(history, params={"n_items": 3})
        files = sorted(path.name for path in local.rglob("*") if path.is_file())
        print(lists)
        print("files of the model:", *files)
    wanted = recommend_frame(model, X=history, n_items=3, titles=titles)
    print("the same lists as before:", lists.equals(wanted))
    return lists, wanted, files


if __name__ == "__main__":
    main()
