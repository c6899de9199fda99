"""
How sure is a recommendation?
=============================

A model of Gaussian vectors knows how unsure it is of each user. This shows what can be done with
that, who the uncertain users are, and how much of it comes from nothing but counts. The data are
made up, and the settings chosen so that the plots have something to show: nothing here says how
real users behave.
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
# Half of these users stay with one kind of items, the others take all kinds. The kinds serve as
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
# ``return_std`` tells how far the scores spread over draws from the Gaussians. ``"ucb"`` adds it to
# the scores, so that more of what the model is not sure of is shown; ``"thompson"`` ranks by one
# draw.

settings = {"n_factors": 8, "n_draws": 2, "n_filters": 16, "hidden_size": 16, "n_samples": 5}
est = GeRecClassifier(**settings, lr=0.02, max_epochs=15, random_state=0).fit(X)
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
# The mean variance of a user, by the number of interactions (o1) and by how mixed the genres of the
# user's items are (o2). Users with more interactions are updated more often, which alone moves
# their variances. So the same model is fitted to a placebo: every user has as many items and every
# item as many users as before, but who has what is left to chance.

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
# Is it worth something?
# ----------------------
#
# If a model is unsure where it is weak, then uncertain users find less in their lists. Here a fifth
# of the interactions is held out, and the correlation should be below zero.

interactions = Interactions(X)
train, test = next(InteractionHoldout(0.2, random_state=0).split(interactions))
est = clone(est).fit(interactions[train])
ndcg = make_ranking_scorer("ndcg@10").per_user(est, interactions[test])["ndcg@10"]
unsure = user_uncertainty(est, users=ndcg.index.to_numpy()).per_user
found = partial_spearman(unsure["uncertainty"], ndcg)
alone = partial_spearman(unsure["uncertainty"], ndcg, given=unsure["n_interactions"])
print(f"variance and NDCG: {found.statistic:.2f} (p = {found.pvalue:.1g})")
print(f"with activity held fixed: {alone.statistic:.2f} (p = {alone.pvalue:.1g})")
