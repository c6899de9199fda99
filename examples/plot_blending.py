"""
Models without training, and a blend of them
============================================

Compare five models that need no gradient steps, on users whom none has seen. Then join three of
them, with weights that validation chooses: it is a search like any other, and need not beat the
best part. With a folder ``SKREC_DATA`` that holds MovieLens-100K the data are that, and otherwise
they are made up::

    python examples/plot_blending.py
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV

from skrec import (
    BlendedRecommender,
    EASERecommender,
    GraphFilterRecommender,
    InfiniteAERecommender,
    ItemKNNRecommender,
    RP3betaRecommender,
)
from skrec.datasets import fetch_movielens, make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization, compare

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    source, data = "MovieLens-100K", fetch_movielens("100k", download_if_missing=False)
else:
    source, data = "made up", make_interactions(900, 400, 40_000, random_state=0)
X = data.interactions.tocsr()
print("data:", source)

# %%
# Three parts of users: to learn from, to choose by, to test on
# --------------------------------------------------------------

n_test = X.shape[0] // 5
users = np.random.RandomState(0).permutation(X.shape[0])
learn, test = X[users[n_test:]], X[users[:n_test]]
scorer = make_ranking_scorer("ndcg", k=20)  # hides 20 % of each row that it is given

models = {
    "ItemKNN": ItemKNNRecommender(),
    "EASE": EASERecommender(dropout=0.25),
    "RP3beta": RP3betaRecommender(),
    "graph filter": GraphFilterRecommender(),
    "infinite-AE": InfiniteAERecommender(),
}
values = {name: scorer.per_user(model.fit(learn), test) for name, model in models.items()}

# %%
# A blend
# -------
#
# Each part's scores are brought to mean 0 and deviation 1 over what a user has not seen, and added
# up. Weights are parameters as any other: the search knows nothing of the test users.

parts = [
    ("ease", models["EASE"]),
    ("graph", models["graph filter"]),
    ("wide", models["infinite-AE"]),
]
search = GridSearchCV(
    BlendedRecommender(parts),
    {"weights": [(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2), (1, 0, 1)]},
    cv=StrongGeneralization(test_users=n_test, random_state=0),
    scoring=scorer,
).fit(learn)
values["blend"] = scorer.per_user(search.best_estimator_, test)

ndcg = pd.concat(values, axis=1).droplevel(1, axis=1)
for name, score in ndcg.mean().items():
    print(f"{name:12} NDCG@20 = {score:.3f}")
print("weights of the blend:", search.best_params_["weights"])

# %%
# Is the blend better?
# --------------------
#
# All models rank for the same test users. The left plot shows the means, with intervals over users.
# They overlap, because users differ much more than models do. The right one shows the difference of
# the blend from each model for the same user. Where its interval is right of 0, the blend gains.

order = ["blend", *models]
result = compare(ndcg[order], n_resamples=2000)
means = result.summary.loc[order]
gain = result.pairwise.loc["blend"]  # the blend minus the model
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
rows = np.arange(len(means))[::-1]
away = np.abs(means[["ci_low", "ci_high"]].sub(means["mean"], axis=0)).T
left.errorbar(means["mean"], rows, xerr=away, fmt="o", capsize=3)
left.set_yticks(rows, means.index)
left.margins(y=0.15)
left.set(xlabel="NDCG@20", title="Means")
away = np.abs(gain[["ci_low", "ci_high"]].sub(gain["difference"], axis=0)).T
right.errorbar(gain["difference"], rows[1:], xerr=away, fmt="o", color="C1", capsize=3)
right.axvline(0, color="0.5", linewidth=1)
right.set(
    xlabel="NDCG@20 of the blend, minus that of the model", title="right of 0: the blend gains"
)
plt.show()
best = means["mean"].drop("blend").idxmax()
least, low, high = gain.loc[best, ["difference", "ci_low", "ci_high"]]
print(f"blend minus {best}, the best model: {least:.4f} [{low:.4f}, {high:.4f}]")
