"""
Halving beside a random search
==============================

Successive halving starts many candidates on a small budget, and goes on with the better third. A
random search trains few candidates to the end. Both get about the same number of epochs here, from
the same distributions, four times each. The data are MovieLens-100K where the folder ``SKREC_DATA``
holds it, and made up otherwise.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import loguniform
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV, RandomizedSearchCV

from skrec import BPRMFRanker
from skrec.datasets import fetch_movielens, make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import InteractionHoldout

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    source = "MovieLens-100K"
    data = fetch_movielens("100k", download_if_missing=False).interactions
else:
    source = "made up by make_interactions"
    data = make_interactions(900, 600, 60_000, random_state=0).interactions
print(f"data: {source}, {len(data)} interactions")

# %%
# Two searches
# ------------
#
# Interactions are put aside twice: for the test, and within the searches. The resource of halving
# is ``max_epochs``. Each round trains its candidates from the start, with a learning rate that
# falls to 0 over the epochs of the round. So a short training is a whole one.

train, test = next(InteractionHoldout(0.2, random_state=0).split(data))
common = {
    "param_distributions": {"lr": loguniform(0.003, 1.0), "l2": loguniform(1e-4, 0.3)},
    "cv": InteractionHoldout(0.2, random_state=1),
    "scoring": make_ranking_scorer("ndcg", k=10),
}
model = BPRMFRanker(n_factors=16, n_negatives=1, random_state=0)
longest, n_candidates = 27, 27
halvings, randoms = [], []
for seed in range(4):
    halving = HalvingRandomSearchCV(
        model,
        n_candidates=n_candidates,
        resource="max_epochs",
        min_resources=1,
        max_resources=longest,
        factor=3,
        random_state=seed,
        **common,
    )
    halvings.append(halving.fit(data[train]))
    epochs = sum(n * r for n, r in zip(halving.n_candidates_, halving.n_resources_))
    random = RandomizedSearchCV(
        model.set_params(max_epochs=longest),
        n_iter=round(epochs / longest),
        random_state=100 + seed,
        **common,
    )
    randoms.append(random.fit(data[train]))
rounds = zip(halving.n_candidates_, halving.n_resources_)
print(
    "halving, candidates x epochs:",
    ", ".join(f"{n} x {r}" for n, r in rounds),
    f"= {epochs} in all",
)
print(f"random: {random.n_iter} candidates for {longest} epochs, {random.n_iter * longest} in all")

# %%
# The rungs
# ---------
#
# Each line is a candidate of one halving, as far as it came. Lines that cross say that few epochs
# are no sure guide: a setting that is good for a short training need not be good for a long one.
# The blue line is the candidate that came to the end. The crosses on the right are those of the
# random search.

rungs = pd.DataFrame(halvings[0].cv_results_)
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for _, part in rungs.groupby(["param_lr", "param_l2"]):
    chosen = len(part) == len(halvings[0].n_resources_)
    style = {"color": "C0", "linewidth": 2.5, "zorder": 3} if chosen else {"color": "0.6"}
    left.plot(part["n_resources"], part["mean_test_score"], marker="o", markersize=4, **style)
crosses = randoms[0].cv_results_["mean_test_score"]
left.plot([longest * 1.25] * len(crosses), crosses, "x", color="C1", label="random search")
left.set(xscale="log", xlabel="epochs", ylabel="NDCG@10, validation", title="One search of each")
left.set(xticks=halvings[0].n_resources_, xticklabels=halvings[0].n_resources_)
left.minorticks_off()
left.legend(loc="lower right")

# %%
# What it was worth
# -----------------
#
# The best candidates of all searches are judged on the test interactions. Look at the spread, and
# not only at the mean. Where the difference is smaller than twice its standard error, these
# searches do not tell which kind is better. Here are two parameters, of which a few draws find good
# values. Halving has more to gain where there are many.

scorer = make_ranking_scorer("ndcg", k=10)
scores = {
    "halving": [scorer(search.best_estimator_, data[test]) for search in halvings],
    "random": [scorer(search.best_estimator_, data[test]) for search in randoms],
}
for place, values in enumerate(scores.values()):
    right.plot(np.full(len(values), place), values, "o", alpha=0.7)
    right.plot([place - 0.2, place + 0.2], [np.mean(values)] * 2, color="black")
right.set(xticks=range(2), xticklabels=scores, xlim=(-0.6, 1.6))
right.set(ylabel="NDCG@10, test", title="The chosen model, four searches")
plt.show()

for name, values in scores.items():
    print(f"{name:8} mean {np.mean(values):.4f}, from {min(values):.4f} to {max(values):.4f}")
both = np.array([*scores.values()])
gap = both[0].mean() - both[1].mean()
error = np.sqrt((both.var(axis=1, ddof=1) / both.shape[1]).sum())
print(f"halving is {gap:+.4f} from the random search, standard error {error:.4f}")
