"""
Does the prior help?
====================

A variational autoencoder holds the codes of its users near a prior, and papers differ in which one.
Here the same network learns with none, with a standard normal of several weights, and with a
mixture of its own posteriors (Vamp). The same test users are ranked by all.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skrec import MultDAERecommender, MultVAERecommender, VampVAERecommender
from skrec.datasets import fetch_movielens, make_interactions
from skrec.inspection import PriorDisplay
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization, compare

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    source, data = "MovieLens-100K", fetch_movielens("100k", download_if_missing=False)
else:
    source, data = "made up", make_interactions(900, 400, 40_000, random_state=0)
X = data.interactions.tocsr()
n_test = X.shape[0] // 3
train, test = next(StrongGeneralization(test_users=n_test, random_state=0).split(X))
print(f"data: {source}, {len(test)} test users, whom no model has seen")

# %%
# Five priors
# -----------
#
# Mult-DAE has no codes that are drawn. The variational model with ``beta=0`` draws codes, but has
# no prior. ``beta`` is the weight of the prior; it rises slowly up to it. ``"auto"`` raises it to 1
# first, and then takes the value at which validation was best.

settings = {"hidden_sizes": (), "latent_size": 64, "batch_size": 50, "lr": 3e-3}
settings |= {"max_epochs": 45, "early_stopping": True, "patience": 45, "random_state": 0}
models = {
    "no prior": MultVAERecommender(beta=0.0, **settings),
    "Mult-DAE": MultDAERecommender(**settings),
    "normal, 0.2": MultVAERecommender(beta=0.2, anneal_epochs=30, **settings),
    "normal, searched": MultVAERecommender(beta="auto", anneal_epochs=30, **settings),
    "Vamp, 0.2": VampVAERecommender(beta=0.2, anneal_epochs=30, n_pseudo_inputs=50, **settings),
}
scorer = make_ranking_scorer("ndcg@100")
ndcg = {name: scorer.per_user(est.fit(X[train]), X[test]) for name, est in models.items()}
ndcg = pd.concat(ndcg, axis=1).droplevel(1, axis=1)
searched = models["normal, searched"]
print(f"the search took beta = {searched.best_beta_:.2f}")

# %%
# Against none
# ------------
#
# All models rank for the same users, so they are compared in pairs. The model without a prior is
# the reference: right of 0 a prior gains. The right plot shows the search. If its curve still rises
# where beta has reached 1, the net was still learning, and the search could not see what beta does.

result = compare(ndcg, reference="no prior", n_resamples=2000)
gain = result.pairwise.droplevel(1)
print(result.summary[["mean", "std_error"]].round(4))
print(gain[["difference", "ci_low", "ci_high", "t_pvalue_holm"]].round(4))

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
rows = np.arange(len(gain))[::-1]
away = np.abs(gain[["ci_low", "ci_high"]].sub(gain["difference"], axis=0)).T
left.errorbar(gain["difference"], rows, xerr=away, fmt="o", capsize=3)
left.axvline(0, color="0.5", linewidth=1)
left.set_yticks(rows, gain.index)
left.margins(y=0.15)
left.locator_params(axis="x", nbins=5)
left.set(xlabel="NDCG@100, minus that without a prior", title="right of 0: the prior helps")
beta, metric = searched.beta_path_.T
right.plot(beta, metric, ".-")
right.axvline(searched.best_beta_, color="0.5", linewidth=1)
right.set(xlabel="beta", ylabel="NDCG@100 of validation", title="The search: beta while it rises")
plt.show()

# %%
# What a learnt prior holds
# -------------------------
#
# The components of Vamp are posteriors of made-up users. The plot shows them beside the posteriors
# of real ones, and the item that a component would see first, popular items discounted. Two users
# near a component need not be alike: the plot shows two axes of many.

vamp = models["Vamp, 0.2"]
names = [name[:28] for name in data.item_names]
options = {"n_items": 1, "popularity_discount": 0.5, "item_names": names, "n_labels": 5}
PriorDisplay.from_estimator(vamp, **options)
plt.show()

# %%
# What to conclude
# ----------------
#
# A prior helps if its interval is right of 0, and its p-value is below 0.05 after Holm's correction
# for the number of comparisons. One run of each model says nothing of the variation between runs.

helps = gain.index[(gain["difference"] > 0) & (gain["t_pvalue_holm"] < 0.05)]
harms = gain.index[(gain["difference"] < 0) & (gain["t_pvalue_holm"] < 0.05)]
print("better than no prior:", ", ".join(helps) or "none")
print("worse than no prior: ", ", ".join(harms) or "none")
