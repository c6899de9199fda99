"""
Does attention help?
====================

CrossFeedbackBMF encodes a user from her ratings and from the vectors of the items that she rated,
and an item likewise. Its paper adds attention to them and finds that it lowers the error. Here the
same model learns with and without attention, on three splits of the ratings. The settings are
small, so that the page is quick to build.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skrec import CrossFeedbackBMF
from skrec.datasets import fetch_movielens, make_interactions
from skrec.model_selection import InteractionKFold, compare

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    source, data = "MovieLens-100K", fetch_movielens("100k", download_if_missing=False)
else:
    source, data = "made up", make_interactions(900, 400, 40_000, ratings=True, random_state=0)
ratings = data.interactions
print("data:", source)

# %%
# Two models, three splits
# ------------------------
#
# Each split hides another fifth of the ratings. A tenth of the others is for early stopping: the
# weights of the best epoch are kept. Nothing differs between the two but the attention.

settings = {"lr": 3e-3, "batch_size": 500, "item_batch_size": 500, "joined_size": 32}
settings |= {"n_factors": 16, "max_epochs": 12, "attention_on": "means", "random_state": 0}
variants = {"with attention": "rated", "without": None}

curves, errors = {name: [] for name in variants}, []
for train, test in list(InteractionKFold(5, random_state=0).split(ratings))[:3]:
    hidden, of_this_split = ratings[test], {"user": ratings[test].user}
    for name, attention in variants.items():
        est = CrossFeedbackBMF(attention=attention, **settings).fit(ratings[train])
        of_this_split[name] = (est.predict(hidden) - hidden.value) ** 2
        curves[name].append(-np.array(est.net_.history[:, "valid_neg_rmse"]))
    errors.append(pd.DataFrame(of_this_split))
for split, table in enumerate(errors):
    rmse = np.sqrt(table[list(variants)].mean())
    print(f"split {split}: RMSE", ", ".join(f"{name} {rmse[name]:.4f}" for name in variants))

# %%
# Pairs of errors
# ---------------
#
# Both models predict the same ratings. So we take each user's mean squared error under both, and
# look at the difference. This removes that some users are harder to predict than others. The
# intervals are bootstrap intervals over users, who all weigh the same. In the last row a user's
# errors in the three splits are joined.

tables = {f"split {split}": table for split, table in enumerate(errors)}
tables["all three"] = pd.concat(errors)
compared = {
    name: compare(table.groupby("user").mean(), reference="without", n_resamples=2000).pairwise
    for name, table in tables.items()
}
found = pd.concat(compared.values(), keys=compared).droplevel([1, 2])
print(found[["difference", "ci_low", "ci_high", "t_pvalue"]].round(4))

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for color, (name, runs) in zip(("C0", "C1"), curves.items(), strict=True):
    left.plot(range(1, 1 + len(runs[0])), np.transpose(runs), color=color, alpha=0.6)
    left.plot([], [], color=color, label=name)
left.set(xlabel="epoch", ylabel="RMSE of validation", title="Learning", ylim=(None, 1.1))
left.legend()
rows = np.arange(len(found))[::-1]
away = np.abs(found[["ci_low", "ci_high"]].sub(found["difference"], axis=0)).T
right.errorbar(found["difference"], rows, xerr=away, fmt="o", capsize=3)
right.axvline(0, color="0.5", linewidth=1)
right.set_yticks(rows, found.index)
right.margins(y=0.15)
right.set(xlabel="squared error, with minus without", title="left of 0: attention helps")
plt.show()

# %%
# What to look at
# ---------------
#
# If attention helped, the points would be left of 0, and so would their intervals. The intervals
# take the models as they are. That the same model comes out a little different each time is seen
# in the distance between the splits.

last = found.loc["all three"]
if last["ci_low"] <= 0 <= last["ci_high"]:
    print("No difference that these ratings can tell.")
else:
    print("Attention", "raises" if last["difference"] > 0 else "lowers", "the error.")
