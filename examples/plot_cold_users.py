"""
Users of whom little is known
=============================

Which model serves a user with one item, and which one with forty? Here the same test users, whom no
model has seen, show more and more of their history. What they are to be recommended stays the same.
The data are MovieLens-100K where the folder ``SKREC_DATA`` holds it, and made up otherwise.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec import (
    EASERecommender,
    ItemKNNRecommender,
    MultVAERecommender,
    PopularityRecommender,
    UserKNNRecommender,
    WMFRecommender,
)
from skrec.datasets import fetch_movielens, make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization, compare

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    source = "MovieLens-100K"
    X = fetch_movielens("100k", download_if_missing=False).interactions.tocsr()
else:
    source = "made up by make_interactions"
    X = make_interactions(900, 600, 70_000, random_state=0).X
print(f"data: {source}, {X.shape[0]} users, {X.shape[1]} items, {X.nnz} interactions")

# %%
# The same users, histories of growing length
# --------------------------------------------
#
# A test user has 60 interactions or more. 20 of them, drawn at random, are the targets. Of the
# others the first 1, 2, 5, ... in a random order are shown.

lengths, n_targets = (1, 2, 5, 10, 20, 40), 20
train, test = next(StrongGeneralization(test_users=0.4, random_state=0).split(X))
test = test[np.diff(X.indptr)[test] >= n_targets + max(lengths)]
rng = np.random.default_rng(0)
orders = [rng.permutation(X[user].indices) for user in test]


def rows(start, stop):
    """Return the items of each test user from one place of the order to another, as a matrix."""
    items = np.concatenate([order[start:stop] for order in orders])
    pointer = np.arange(len(orders) + 1) * (stop - start)
    return sp.csr_matrix((np.ones(len(items)), items, pointer), (len(orders), X.shape[1]))


targets = rows(0, n_targets)
models = {
    "popularity": PopularityRecommender(),
    "ItemKNN": ItemKNNRecommender(),
    "UserKNN": UserKNNRecommender(),
    "EASE": EASERecommender(l2=200.0),
    "WMF": WMFRecommender(n_factors=32, random_state=0),
    "Mult-VAE": MultVAERecommender(
        hidden_sizes=(100,),
        latent_size=32,
        batch_size=100,
        max_epochs=40,
        anneal_epochs=32,
        random_state=0,
    ),
}
scorer = make_ranking_scorer("ndcg", k=20)
values = {n: {} for n in lengths}
for name, model in models.items():
    model.fit(X[train])
    for n in lengths:
        history = rows(n_targets, n_targets + n)
        values[n][name] = scorer.per_user(model, history, targets)["ndcg@20"].to_numpy()

# %%
# What to look at
# ---------------
#
# The bars are standard errors over users. Where a curve is flat, more history does not help that
# model. Where it is below popularity, the model should not be asked for such users.

mean = pd.DataFrame({n: {k: v.mean() for k, v in parts.items()} for n, parts in values.items()})
error = pd.DataFrame(
    {n: {k: v.std() / len(v) ** 0.5 for k, v in parts.items()} for n, parts in values.items()}
)
print(f"{len(test)} test users, NDCG@20 by the number of items shown")
print(mean.round(3).to_string())
fig, ax = plt.subplots(layout="constrained")
for name in models:
    style = {"color": "grey", "linestyle": "--"} if name == "popularity" else {"marker": "o"}
    ax.errorbar(lengths, mean.loc[name], error.loc[name], capsize=2, label=name, **style)
ax.set(xscale="log", xticks=lengths, xticklabels=lengths, title="Cold users")
ax.set(xlabel="items of the history that are shown", ylabel="NDCG@20 of users not seen in fit")
ax.minorticks_off()
ax.legend()
plt.show()

# %%
# Is a model better than popularity for such users? The intervals are of the paired differences, at
# the 5 % level. Where an interval includes 0, this sample does not tell.

for n in (lengths[0], lengths[2], lengths[-1]):
    found = compare(values[n], reference="popularity", n_resamples=2000).pairwise
    print(f"\n{n} shown: difference from popularity")
    print(found[["difference", "ci_low", "ci_high"]].round(3).to_string())
print("\nbest by length:", {n: str(mean[n].idxmax()) for n in lengths})
