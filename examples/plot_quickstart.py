"""
Three models in three minutes
=============================

Popularity, EASE and Mult-VAE on interactions: who ranks best for users that none has seen, and what
a list looks like. ``examples/quickstart.py`` does the same for a file of yours. The data are
MovieLens-100K where the folder ``SKREC_DATA`` holds it, and made up otherwise.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from skrec import EASERecommender, MultVAERecommender, PopularityRecommender
from skrec.datasets import fetch_movielens, make_interactions
from skrec.inspection import TrainingHistoryDisplay
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization
from skrec.preprocessing import binarize

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    source = "MovieLens-100K, ratings of 4 and 5"
    data = fetch_movielens("100k", download_if_missing=False)
    X, titles = binarize(data.interactions.tocsr(), 4), data.item_names
else:
    source = "made up by make_interactions"
    data = make_interactions(900, 600, 50_000, random_state=0)
    X, titles = data.X, data.item_names
print(f"data: {source}, {X.shape[0]} users, {X.shape[1]} items, {X.nnz} interactions")

# %%
# Users are put aside
# -------------------
#
# The rows of a matrix are users. The test users are not in ``fit``. Mult-VAE has validation users
# of its own, on whom it stops.

train, test = next(StrongGeneralization(test_users=0.2, random_state=0).split(X))
models = {
    "popularity": PopularityRecommender(),
    "EASE": EASERecommender(l2=200.0),
    "Mult-VAE": MultVAERecommender(
        hidden_sizes=(200,),
        latent_size=64,
        batch_size=100,
        max_epochs=40,
        anneal_epochs=30,
        early_stopping=True,
        random_state=0,
    ),
}

# %%
# Quality
# -------
#
# The scorer hides a fifth of each test user's interactions, and looks where a model ranks them. The
# standard error is over users.

scorer = make_ranking_scorer(["ndcg@100", "recall@20"])
values = {name: scorer.per_user(model.fit(X[train]), X[test]) for name, model in models.items()}
means = pd.DataFrame({name: table.mean() for name, table in values.items()}).T
errors = pd.DataFrame({name: table.sem() for name, table in values.items()}).T
table = pd.concat({"mean": means, "standard error": errors}, axis=1)
print(table.round(3).to_string())

fig, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
means.plot.bar(yerr=errors, rot=0, capsize=3, ax=axes[0])
axes[0].set(title="Users not seen in fit", ylabel="mean over users")
TrainingHistoryDisplay.from_estimator(models["Mult-VAE"], ax=axes[1])
axes[1].set_title("Mult-VAE, epoch by epoch")
plt.show()

# %%
# A list
# ------
#
# One row is one user: five of the titles that she has, and five that each model recommends.

user = X[test[:1]]
print("has:", "; ".join(map(str, titles[user.indices[:5]])))
for name, model in models.items():
    print(f"{name}:", "; ".join(map(str, titles[model.recommend(user, n_items=5)[0]])))
