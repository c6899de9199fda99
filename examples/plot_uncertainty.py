"""
How sure is a recommendation?
=============================

A model of Gaussian vectors learns how unsure it is about each user. This example shows how to use
that, who the uncertain users are, and how much of the uncertainty follows from the number of
interactions alone. The data are synthetic, and the settings are chosen so that there is something
to see. Nothing here says how real users behave.
"""

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse as sp
from sklearn.base import clone

from skrec import GeRecClassifier, Interactions
from skrec.datasets import make_interactions
from skrec.inspection import (
    UncertaintyDisplay,
    partial_spearman,
    uncertainty_excess,
    user_uncertainty,
)
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import InteractionHoldout
from skrec.preprocessing import permute_items

# %%
# Half of these users prefer items of one kind, the others take all kinds. The kinds serve as
# genres.

options = {"n_users": 300, "n_items": 120, "n_interactions": 5000, "activity_exponent": 0.8}
focused = make_interactions(**options, affinity=0.9, random_state=0)
roaming = make_interactions(**options, affinity=0.3, random_state=0)
genres = np.eye(8)[focused.item_clusters]
X = sp.vstack([focused.X, roaming.X], format="csr")

# %%
# Recommending under uncertainty
# ------------------------------
#
# With ``return_std`` you also get the spread of the scores over draws from the Gaussians. ``"ucb"``
# adds it to the scores, so it shows more items about which the model is unsure. ``"thompson"``
# ranks by one draw.

settings = {"n_factors": 8, "n_draws": 2, "n_filters": 16, "hidden_size": 16, "n_samples": 5}
est = GeRecClassifier(**settings, lr=0.02, max_epochs=15, early_stopping=False, random_state=0).fit(
    X
)
items, std = est.recommend(users=[0], n_items=5, return_std=True)
print("items", items[0], "deviations", std[0].round(2))
everyone = np.arange(X.shape[0])
for strategy in ("mean", "ucb", "thompson"):
    _, std = est.recommend(users=everyone, strategy=strategy, return_std=True)
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
for kl_weight in (0.0, 1.0):
    restrained = clone(est).set_params(kl_weight=kl_weight).fit(X)
    variances = restrained.user_variances_.mean(axis=1)
    correlation = partial_spearman(activity, variances).statistic
    print(f"kl_weight={kl_weight:g}: variance and activity {correlation:.2f}")

# %%
# Is it worth something?
# ----------------------
#
# If the model is unsure where it is weak, then uncertain users find less in their lists. We hold
# out a fifth of the interactions. The correlation should be negative.

interactions = Interactions(X)
train, test = next(InteractionHoldout(0.2, random_state=0).split(interactions))
est = clone(est).fit(interactions[train])
ndcg = make_ranking_scorer("ndcg@10").per_user(est, interactions[test])["ndcg@10"]
unsure = user_uncertainty(est, users=ndcg.index.to_numpy()).per_user
found = partial_spearman(unsure["uncertainty"], ndcg)
alone = partial_spearman(unsure["uncertainty"], ndcg, given=unsure["n_interactions"])
print(f"variance and NDCG: {found.statistic:.2f} (p = {found.pvalue:.1g})")
print(f"with activity held fixed: {alone.statistic:.2f} (p = {alone.pvalue:.1g})")
