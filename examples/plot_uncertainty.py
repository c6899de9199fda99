"""
Does variance mean uncertainty?
===============================

A model of Gaussian vectors learns a variance for each user, and papers read it as how unsure the
model is. Here we ask three questions: how much of it follows from the number of interactions alone,
what makes it follow, and whether uncertain users have worse lists.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone

from skrec import GERRanker
from skrec.datasets import fetch_movielens, make_interactions
from skrec.inspection import (
    UncertaintyDisplay,
    partial_spearman,
    uncertainty_excess,
    user_uncertainty,
)
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import InteractionHoldout
from skrec.preprocessing import permute_items

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    source, data = "MovieLens-100K", fetch_movielens("100k", download_if_missing=False)
    genres = data.item_frame["genres"].str.get_dummies("|").to_numpy()
else:
    source, data = "made up", make_interactions(900, 400, 40_000, random_state=0)
    genres = np.eye(8)[data.item_clusters]
print("data:", source)
train, test = next(InteractionHoldout(0.2, random_state=0).split(data.interactions))
learn, hidden = data.interactions[train], data.interactions[test]
X = learn.tocsr()

# %%
# Recommending under uncertainty
# ------------------------------
#
# With ``return_std`` you also get the spread of the scores over draws from the Gaussians. ``"ucb"``
# adds it to the scores, so it shows more items about which the model is unsure. ``"thompson"``
# ranks by one draw.

settings = {"n_factors": 16, "lr": 5e-3, "max_epochs": 8, "batch_size": 1024}
est = GERRanker(**settings, early_stopping=False, random_state=0).fit(X)
items, std = est.recommend(users=[0], n_items=5, return_std=True)
print("items", items[0], "deviations", std[0].round(2))
some = np.arange(100)
for strategy in ("mean", "ucb", "thompson"):
    _, std = est.recommend(users=some, strategy=strategy, return_std=True)
    print(f"{strategy:8} mean deviation of what is recommended: {np.nanmean(std):.2f}")

# %%
# Who is uncertain?
# -----------------
#
# The plots show the mean variance of a user by the number of interactions (o1), and by how mixed
# the genres of the user's items are (o2). Users with more interactions are updated more often, and
# that alone changes their variances. So we fit the same model to a placebo. In it every user has as
# many items as before, and every item as many users, but which user has which item is random.

placebo = clone(est).fit(permute_items(X))
fig, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
for ax, groups in zip(axes, ("activity", "diversity"), strict=True):
    question = {"groups": groups, "item_groups": genres, "strategy": "quantile", "n_bins": 5}
    UncertaintyDisplay.from_estimator(est, placebo=placebo, **question, ax=ax)
    real = user_uncertainty(est, X, **question)
    chance = user_uncertainty(placebo, X, **question)
    excess = uncertainty_excess(real, chance, n_resamples=200)
    print(
        f"{groups}: rank correlation {excess.real:.2f}, of the placebo {excess.placebo:.2f}, "
        f"in excess {excess.excess:.2f} [{excess.low:.2f}, {excess.high:.2f}]"
    )
plt.show()

# %%
# What makes a variance mean uncertainty
# --------------------------------------
#
# Nothing restrained the variances so far. ``kl_weight`` weighs their divergence from a prior, once
# for each user, however many interactions there are. So each interaction makes the variance of its
# user smaller, and the rank correlation with activity goes towards -1.

activity = np.diff(X.indptr)
models = {0.0: est, 1.0: clone(est).set_params(kl_weight=1.0).fit(X)}
for kl_weight, model in models.items():
    correlation = partial_spearman(activity, model.user_variances_.mean(axis=1)).statistic
    print(f"kl_weight={kl_weight:g}: variance and activity {correlation:.2f}")

# %%
# Is it worth something?
# ----------------------
#
# If the model is unsure where it is weak, then uncertain users find less in their lists: the
# correlation of variance and NDCG is negative. But users with few interactions have worse lists
# anyway. So the second number holds activity fixed. It asks if the variance knows more than a count
# of interactions does. A fifth of the interactions is hidden, and makes the NDCG.

fig, axes = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True, layout="constrained")
for ax, (kl_weight, model) in zip(axes, models.items(), strict=True):
    ndcg = make_ranking_scorer("ndcg@10").per_user(model, hidden)["ndcg@10"]
    unsure = user_uncertainty(model, users=ndcg.index.to_numpy()).per_user
    found = partial_spearman(unsure["uncertainty"], ndcg)
    alone = partial_spearman(unsure["uncertainty"], ndcg, given=unsure["n_interactions"])
    print(f"kl_weight={kl_weight:g}: variance and NDCG {found.statistic:.2f}", end=", ")
    print(f"with activity held fixed {alone.statistic:.2f} (p = {alone.pvalue:.1g})")
    count = np.log10(unsure["n_interactions"])
    dots = ax.scatter(unsure["uncertainty"], ndcg, c=count, s=8)
    ax.set(xlabel="mean variance of the user", title=f"kl_weight={kl_weight:g}")
axes[0].set_ylabel("NDCG@10 of the user")
fig.colorbar(dots, ax=axes, label="interactions, log10")
plt.show()  # sphinx_gallery_thumbnail_number = 2

# %%
# What to conclude
# ----------------
#
# If variance and activity have a correlation near -1, and nothing of the correlation with NDCG is
# left when activity is held fixed, then the variance is a count of interactions in other units. It
# is no less useful for that: it says where exploring teaches most. But it is not news.
