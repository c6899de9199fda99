"""
Sampled metrics beside full ones
================================

Many papers rank the hidden item of a user among 99 items that were drawn, and count how often it is
among the first ten. This is cheap, and it is another question: it hardly sees the top of the list.
Here ten systems are ranked by it, and by metrics of the whole ranking. See where the order changes.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from skrec import (
    BPRMFRanker,
    EASERecommender,
    GraphFilterRecommender,
    InfiniteAERecommender,
    ItemKNNRecommender,
    MultVAERecommender,
    PopularityRecommender,
    RP3betaRecommender,
    WMFRecommender,
)
from skrec.datasets import fetch_movielens, make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import LeaveOneOut, compare

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    source, data = "MovieLens-100K", fetch_movielens("100k", download_if_missing=False)
else:
    source, data = "made up", make_interactions(900, 400, 40_000, random_state=0)
interactions = data.interactions
train, test = next(LeaveOneOut(by="random", random_state=0).split(interactions))
learn, hidden = interactions[train], interactions[test]
print("data:", source)

# %%
# Ten systems, two ways to rank
# -----------------------------
#
# One item of each user is hidden. ``n_negatives=99`` ranks it among 99 drawn items that the user
# has not seen. Without it, it is ranked among all of them.

settings = {"hidden_sizes": (), "latent_size": 64, "batch_size": 50, "lr": 3e-3}
models = {
    "popularity": PopularityRecommender(),
    "ItemKNN": ItemKNNRecommender(),
    "ItemKNN, 20": ItemKNNRecommender(n_neighbors=20),
    "RP3beta": RP3betaRecommender(),
    "graph filter": GraphFilterRecommender(),
    "EASE": EASERecommender(),
    "infinite-AE": InfiniteAERecommender(),
    "WMF": WMFRecommender(n_factors=16, random_state=0),
    "BPRMF": BPRMFRanker(n_factors=16, max_epochs=40, random_state=0),
    "Mult-VAE": MultVAERecommender(**settings, max_epochs=30, anneal_epochs=20, random_state=0),
}
full = make_ranking_scorer(["hit_rate@10", "ndcg@10", "recall@50"])
drawn = make_ranking_scorer("hit_rate@10", n_negatives=99)
values = {}
for name, est in models.items():
    est.fit(learn)
    values[name] = full.per_user(est, hidden).join(drawn.per_user(est, hidden))
table = pd.DataFrame({name: each.mean() for name, each in values.items()}).T
table = table.sort_values("sampled_hit_rate@10", ascending=False)
print(table.round(3).to_string())

# %%
# The order
# ---------
#
# Each line is a system. Where lines cross, the metrics disagree about which one is better.
# Kendall's tau is 1 for the same order, and 0 for orders that have nothing in common.

columns = ["sampled_hit_rate@10", "recall@50", "hit_rate@10", "ndcg@10"]
ranks = table[columns].rank(ascending=False, method="first")  # ties: in the order of the table
fig, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
for name, row in ranks.iterrows():
    moved = abs(row.iloc[0] - row.iloc[-1]) >= 2
    ax.plot(row.to_numpy(), "o-", color="C1" if moved else "0.6", linewidth=2 if moved else 1)
    for place, side, align in ((0, -0.08, "right"), (-1, 0.08, "left")):
        at = place % len(columns)
        ax.text(at + side, row.iloc[place], name, ha=align, va="center", fontsize="small")
ax.set_xticks(range(len(columns)), ["HR@10 of 99 drawn", "recall@50", "HR@10", "NDCG@10"])
ax.set(xlim=(-0.9, len(columns) - 0.1), ylabel="rank", title="Orange: moves two ranks or more")
ax.invert_yaxis()
plt.show()
for column in columns[1:]:
    tau = kendalltau(table["sampled_hit_rate@10"], table[column]).statistic
    print(f"sampled HR@10 and full {column}: tau = {tau:.2f}")

# %%
# Do they change places by chance?
# --------------------------------
#
# With one hidden item a user, metrics are noisy. So for each pair of systems we look at whether its
# difference is significant under a metric, corrected for the number of pairs. A pair that is
# significant under both and has another sign is a contradiction. More often a metric does not
# separate what another one separates.

pairs = {}
for column in ("sampled_hit_rate@10", "ndcg@10"):
    scores = pd.DataFrame({name: each[column] for name, each in values.items()})
    pairwise = compare(scores, n_resamples=500).pairwise
    pairs[column] = np.sign(pairwise["difference"]) * (pairwise["t_pvalue_holm"] < 0.05)
by_sampled, by_full = pairs["sampled_hit_rate@10"], pairs["ndcg@10"]
print(f"{len(by_full)} pairs of systems")
print("separated by both, in the same order: ", int((by_sampled * by_full > 0).sum()))
print("separated by both, in the other order:", int((by_sampled * by_full < 0).sum()))
print("separated by sampled HR@10 alone:     ", int(((by_full == 0) & (by_sampled != 0)).sum()))
print("separated by full NDCG@10 alone:      ", int(((by_sampled == 0) & (by_full != 0)).sum()))

# %%
# Why
# ---
#
# An item at rank r is in the sampled top ten if at most nine of the 99 drawn items come from the
# r - 1 above it. The curve shows the chance. It hardly falls between the first rank and the tenth,
# where a list of ten ends, and counts items as hits that no user would see.

n_items = interactions.frame[1]
above = np.arange(min(n_items, 400)) / n_items
rng = np.random.default_rng(0)
chance = (rng.binomial(99, above[:, None], (len(above), 2000)) <= 9).mean(axis=1)
fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.plot(1 + np.arange(len(above)), chance, label="HR@10 of 99 drawn")
ax.step([1, 10, len(above)], [1, 0, 0], where="post", label="HR@10 of all items")
ax.set(xlabel="rank among all items", ylabel="counts as a hit", title="What a metric sees")
ax.legend()
plt.show()
