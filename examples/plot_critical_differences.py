"""
Which differences are real?
===========================

Six systems, two questions. On one data set: is the difference larger than chance among its users?
Over several data sets: does one system rank before another in general? `compare` and
`CriticalDifferenceDisplay` answer them. Real data are taken from the folder ``SKREC_DATA``, as many
as it holds, and others are made up.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from skrec import (
    EASERecommender,
    GraphFilterRecommender,
    ItemKNNRecommender,
    PopularityRecommender,
    RP3betaRecommender,
    UserKNNRecommender,
)
from skrec.datasets import fetch_amazon_music, fetch_movielens, make_interactions
from skrec.inspection import CriticalDifferenceDisplay
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization, compare

# %%
# Data sets
# ---------
#
# The real ones are cut to 1,200 users and to the items that three of them have. The made-up ones
# differ in how much taste decides (``affinity``) and how steep popularity is.

home, data = Path(os.environ.get("SKREC_DATA", "nowhere")), {}
loaders = {
    "ml-100k": lambda: fetch_movielens("100k", download_if_missing=False),
    "ml-1m": lambda: fetch_movielens("1m", download_if_missing=False),
    "amazon-music": lambda: fetch_amazon_music(download_if_missing=False),
}
for name, load in loaders.items():
    if (home / name).is_dir():
        X = load().interactions.tocsr()
        X = X[np.random.default_rng(0).permutation(X.shape[0])[:1200]]
        data[name] = X[:, np.flatnonzero((X > 0).sum(axis=0).A1 >= 3)]
real = list(data)
print("real data:", ", ".join(real) or "none, as SKREC_DATA names no folder with them")
for affinity in (0.3, 0.6, 0.9):
    for steep in (0.4, 0.8):
        options = {"affinity": affinity, "popularity_exponent": steep, "random_state": 0}
        name = f"made up, affinity {affinity}, exponent {steep}"
        data[name] = make_interactions(1000, 300, 20_000, **options).X

models = {
    "popularity": PopularityRecommender(),
    "ItemKNN": ItemKNNRecommender(),
    "UserKNN": UserKNNRecommender(),
    "RP3beta": RP3betaRecommender(),
    "EASE": EASERecommender(l2=200.0),
    "graph filter": GraphFilterRecommender(),
}
scorer = make_ranking_scorer("ndcg", k=20)
values = {}
for name, X in data.items():
    train, test = next(StrongGeneralization(test_users=0.3, random_state=0).split(X))
    values[name] = {
        system: scorer.per_user(model.fit(X[train]), X[test])["ndcg@20"].to_numpy()
        for system, model in models.items()
    }

# %%
# One data set
# ------------
#
# The users are the sample. All systems have the same users, so their differences are paired: the
# intervals of the differences are narrower than those of the means would let expect. The p-values
# are corrected by Holm's method, as there are several questions.

first = next(iter(data))
found = compare(values[first], reference="EASE", n_resamples=2000)
print(f"{first}, {found.summary['n_users'].iloc[0]} test users")
print(found.summary[["mean", "ci_low", "ci_high"]].round(4).to_string())
columns = ["difference", "ci_low", "ci_high", "t_pvalue_holm", "wilcoxon_pvalue_holm"]
print(found.pairwise[columns].round(4).to_string())

# %%
# Several data sets
# -----------------
#
# Now the data sets are the sample. Only ranks count. A bar joins systems that Nemenyi's test does
# not tell apart. With few data sets it tells little: to be significant, average ranks must be
# further apart than the critical difference.

over = compare(values, n_resamples=500)
print(over.ranks.to_string())
print(f"Friedman's test that all systems are alike: p = {over.friedman_pvalue:.2g}")
fig, axes = plt.subplots(2, 1, figsize=(7, 6.5), layout="constrained")
pairs = found.pairwise[::-1]
errors = np.abs(pairs[["ci_low", "ci_high"]].to_numpy().T - pairs["difference"].to_numpy())
axes[0].errorbar(pairs["difference"], [a for a, _ in pairs.index], xerr=errors, fmt="o", capsize=3)
axes[0].axvline(0, color="black", linestyle=":")
axes[0].set(xlabel="NDCG@20 minus that of EASE, 95 % intervals", title=f"One data set: {first}")
CriticalDifferenceDisplay.from_comparison(over, ax=axes[1])
axes[1].set_title(f"{len(data)} data sets", pad=28)
plt.show()

# %%
# The settings are defaults, not tuned ones, and six of the data sets come from one generator. So
# this is no ranking of the methods: what is alike in the generator counts six times. Compare the
# ranks of the two kinds of data below.

kinds = np.where(over.ranks.index.isin(real), "real", "made up")
print("average ranks by kind of data")
print(over.ranks.groupby(kinds).mean().round(2).to_string())
clear = [f"{a} and {b}" for (a, b), row in over.nemenyi.iterrows() if row["significant"]]
print(f"told apart over data sets, {len(clear)} of {len(over.nemenyi)} pairs:", "; ".join(clear))
alone = found.pairwise.index[found.pairwise["t_pvalue_holm"] < 0.05]
print(f"told apart from EASE on {first} alone:", ", ".join(a for a, _ in alone))
