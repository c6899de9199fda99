"""
Popularity bias, and what changes it
====================================

Recommenders show popular items more often than users choose them. This page measures how much, and
turns the parameters that change it: the popularity of sampled negatives in MF-BPR, and the
exponents of normalisation in ItemKNN, RP3beta and the graph filter. The data are MovieLens-100K
where the folder ``SKREC_DATA`` holds it, and made up otherwise.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skrec import (
    BPRMFRanker,
    EASERecommender,
    GraphFilterRecommender,
    ItemKNNRecommender,
    PopularityRecommender,
    RP3betaRecommender,
)
from skrec.datasets import fetch_movielens, make_interactions
from skrec.metrics import coverage, gini, make_ranking_scorer, novelty
from skrec.model_selection import StrongGeneralization
from skrec.utils import split_rows

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    source = "MovieLens-100K"
    X = fetch_movielens("100k", download_if_missing=False).interactions.tocsr()
else:
    source = "made up by make_interactions"
    X = make_interactions(900, 600, 70_000, random_state=0).X
print(f"data: {source}, {X.shape[0]} users, {X.shape[1]} items, {X.nnz} interactions")

# %%
# How it is measured
# ------------------
#
# The items are cut into five groups, from the most popular to the rarest, each with a fifth of the
# training interactions. So the first group has few items. A list without bias would have the
# groups in the shares in which users choose them: those of the hidden targets.

train, test = next(StrongGeneralization(test_users=0.3, random_state=0).split(X))
X_train = X[train]
history, targets = split_rows(X[test], random_state=0)
popularity = np.asarray((X_train > 0).sum(axis=0)).ravel()
order = np.argsort(-popularity, kind="stable")
before = np.cumsum(popularity[order]) - popularity[order]
group = np.empty(len(order), dtype=int)
group[order] = np.minimum(5 * before // popularity.sum(), 4)
print("items in each group:", np.bincount(group))

scorer = make_ranking_scorer("ndcg", k=20)


def shares(items):
    """Return the share of each group among items."""
    return np.bincount(group[items], minlength=5) / len(items)


def measure(model):
    """Return the quality of a model, and how popular its lists of 20 are."""
    lists = model.fit(X_train).recommend(history, n_items=20)
    return {
        "ndcg@20": scorer(model, history, targets),
        "popular group": shares(lists[lists >= 0])[0],
        "coverage": coverage(lists, X.shape[1]),
        "gini": gini(lists, X.shape[1]),
        "novelty": novelty(lists, popularity),
        "groups": shares(lists[lists >= 0]),
    }


knobs = {
    "MF-BPR, negative_power": {
        p: BPRMFRanker(n_factors=32, n_negatives=4, negative_power=p, max_epochs=25, random_state=0)
        for p in (0.0, 0.5, 1.0)
    },
    "ItemKNN, alpha": {a: ItemKNNRecommender(alpha=a) for a in (0.0, 0.3, 0.5, 0.7)},
    "RP3beta, beta": {b: RP3betaRecommender(beta=b) for b in (0.0, 0.3, 0.6, 0.8)},
    "graph filter, degree_power": {
        d: GraphFilterRecommender(degree_power=d) for d in (0.0, 0.2, 0.5, 0.8)
    },
    "EASE": {"": EASERecommender(l2=200.0)},
    "popularity": {"": PopularityRecommender()},
}
found = {
    (knob, value): measure(model)
    for knob, models in knobs.items()
    for value, model in models.items()
}
table = pd.DataFrame(found).T
groups = table.pop("groups")
table = table.astype(float)
print(table.round(3).to_string())

# %%
# What to look at
# ---------------
#
# Left: the groups in the lists, beside the targets. The darkest part is the most popular group.
# Right: quality against the share of that group in the lists. The dotted line is what users choose.
# A curve that goes up and to the left has less bias and better lists. Where it falls as it goes to
# the left, less bias costs quality on these targets.

picks = {"targets": shares(targets.indices), "popularity": groups["popularity", ""]}
picks["EASE"] = groups["EASE", ""]
for knob, models in list(knobs.items())[:4]:
    label = knob.replace(", ", ",\n")
    for value in (min(models), max(models)):
        picks[f"{label}={value:g}"] = groups[knob, value]
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained")
pd.DataFrame(picks).T[::-1].plot.barh(
    stacked=True, ax=left, width=0.8, colormap="viridis", legend=False
)
left.set(xlabel="share of the lists, by group of items", xlim=(0, 1))
left.tick_params(axis="y", labelsize="small")
for knob, models in knobs.items():
    part = table.loc[knob]
    right.plot(part["popular group"], part["ndcg@20"], marker="o", label=knob)
    for value, row in zip(models, part.to_numpy()):
        right.annotate(value, row[1::-1], xytext=(3, 4), textcoords="offset points", size="small")
right.axvline(picks["targets"][0], color="black", linestyle=":", label="what users choose")
right.set(xlabel="share of the most popular group", ylabel="NDCG@20 of users not seen in fit")
right.legend(fontsize="small")
plt.show()

# %%
# For each knob: the setting with the best lists, and the one whose share of the most popular group
# is nearest to what users choose. A test user's hidden interactions were made under other
# recommenders and shop windows, which have a bias of their own, so NDCG rewards some of it.

for knob in list(knobs)[:4]:
    part = table.loc[knob]
    best = part["ndcg@20"].idxmax()
    fair = (part["popular group"] - picks["targets"][0]).abs().idxmin()
    print(
        f"{knob:27} best lists at {best:g} (NDCG {part['ndcg@20'][best]:.3f}), "
        f"nearest to the users' share at {fair:g} (NDCG {part['ndcg@20'][fair]:.3f})"
    )
