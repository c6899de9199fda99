"""
Does the outer product help?
============================

ConvNCF joins the vectors of a user and an item to a map, their outer product, and reads it with
convolutions, as if it were a picture. Here all ways to join two vectors start from the same vectors
of matrix factorisation, and a validation part says when to stop. So what differs is the way to join
them. Convolutions are slow, so that there are but 300 users.
"""

import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.frozen import FrozenEstimator

from skrec import (
    BPRMFRanker,
    ConvNCFRanker,
    GMFRanker,
    Interactions,
    JRLRanker,
    NCFMLPRanker,
)
from skrec.datasets import fetch_movielens, make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import InteractionHoldout, compare

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    source, data = "MovieLens-100K", fetch_movielens("100k", download_if_missing=False)
else:
    source, data = "made up", make_interactions(900, 400, 40_000, random_state=0)
interactions = Interactions(data.interactions.tocsr()[:300])
rest, test = next(InteractionHoldout(0.2, random_state=0).split(interactions))
train, valid = next(InteractionHoldout(0.1, random_state=0).split(interactions[rest]))
learn, validation, hidden = interactions[rest][train], interactions[rest][valid], interactions[test]
print(f"data: {source}, {len(learn)} interactions of 300 users to learn from")

# %%
# One start
# ---------
#
# The vectors come from BPRMF. ``FrozenEstimator`` keeps it as it is, so that it is fitted once.
# A map of 16 × 16 entries is small for a picture; the paper has 64 × 64, and costs by the hour.

shared = {"n_factors": 16, "random_state": 0}
shared |= {"validation_data": validation, "validation_metric": "ndcg@10", "early_stopping": True}
start = BPRMFRanker(init_std=0.1, l2=0.005, lr=0.002, max_epochs=60, **shared).fit(learn)

# %%
# Seven ways to go on
# -------------------
#
# The inner product trains on, too: else a gain could come from more training alone. GMF reads the
# diagonal of the map. The twin of the convolutions has plain layers on the same map. Shuffled
# dimensions ask if the order within a vector matters, as that of the pixels in a picture does.

shared |= {"pretrain": FrozenEstimator(start), "lr": 1e-3, "batch_size": 512, "max_epochs": 10}
shared |= {"validation_candidates": None, "patience": 4}
tower = {**shared, "n_feature_maps": 8, "tower_lr": 0.05, "l2": 0.0}
models = {
    "inner product (BPRMF)": start,
    "inner product, trained on": ConvNCFRanker(**{**tower, "tower": "dot"}),
    "weighted product (GMF)": GMFRanker(**shared),
    "product and layers (JRL)": JRLRanker(hidden_sizes=(16, 8), **shared),
    "side by side (MLP)": NCFMLPRanker(hidden_sizes=(32, 16), **shared),
    "map, plain layers": ConvNCFRanker(tower="mlp", **tower),
    "map, convolutions": ConvNCFRanker(**tower),
    "the same, shuffled": ConvNCFRanker(permute_dims=True, **tower),
}
scorer, ndcg, cost = make_ranking_scorer("ndcg@10"), {}, {}
for name, est in models.items():
    begin = time.perf_counter()
    if est is not start:
        est.fit(learn)
        cost[name] = {"seconds": time.perf_counter() - begin, "epochs": len(est.net_.history)}
    ndcg[name] = scorer.per_user(est, hidden)["ndcg@10"]

# %%
# The result
# ----------
#
# A bar left of the line is a loss against matrix factorisation. Intervals are over users, and take
# the models as they are.

result = compare(pd.DataFrame(ndcg), reference="inner product (BPRMF)", n_resamples=2000)
gain = result.pairwise.droplevel(1)
table = result.summary[["mean", "std_error"]].round(4)
print(table.join(pd.DataFrame(cost).T.round(1)).to_string())
print(gain[["difference", "ci_low", "ci_high", "t_pvalue_holm"]].round(4).to_string())

fig, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
rows = np.arange(len(gain))[::-1]
away = np.abs(gain[["ci_low", "ci_high"]].sub(gain["difference"], axis=0)).T
colors = ["C1" if name[:3] in ("map", "the") else "C0" for name in gain.index]
ax.barh(rows, gain["difference"], xerr=away, color=colors, capsize=3, height=0.6)
ax.axvline(0, color="0.3", linewidth=1)
ax.set_yticks(rows, gain.index)
ax.set(xlabel="NDCG@10, minus that of the start", title="Orange: what reads the outer product")
plt.show()

# %%
# What to conclude
# ----------------
#
# The outer product would help if its bars were right of those of all others that started from the
# same vectors. Convolutions would help if they beat the plain layers, and if shuffling hurt them.

others = ["map, plain layers", "the same, shuffled", "inner product, trained on"]
pairs = compare(pd.DataFrame(ndcg)[["map, convolutions", *others]], n_resamples=2000).pairwise
for other, row in pairs.loc["map, convolutions"].iterrows():
    interval = f"[{row['ci_low']:.4f}, {row['ci_high']:.4f}]"
    print(f"convolutions minus {other}: {row['difference']:.4f} {interval}")
