"""
Are probabilities what they say?
================================

`predict_proba` answers for every model of skrec. This page compares what four models predict with
what is found, for users whom none of them has seen. Then `CalibratedRecommender` is put around
each. The data are MovieLens-100K where the folder ``SKREC_DATA`` holds it, and made up otherwise.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.metrics import log_loss

from skrec import (
    CalibratedRecommender,
    EASERecommender,
    MFClassifier,
    MultVAERecommender,
    RP3betaRecommender,
)
from skrec.datasets import fetch_movielens, make_interactions
from skrec.inspection import ReliabilityDisplay
from skrec.metrics import brier, expected_calibration_error, make_calibration_scorer
from skrec.model_selection import StrongGeneralization
from skrec.utils import split_rows

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    source = "MovieLens-100K"
    X = fetch_movielens("100k", download_if_missing=False).interactions.tocsr()
else:
    source = "made up by make_interactions"
    X = make_interactions(900, 600, 60_000, random_state=0).X
print(f"data: {source}, {X.shape[0]} users, {X.shape[1]} items, {X.nnz} interactions")

# %%
# The question
# ------------
#
# A tenth of what each test user has is hidden. Of the pairs that the shown part lacks, a few are
# hidden interactions. A probability of 0.2 is right if a fifth of the pairs that got it are among
# them.

train, test = next(StrongGeneralization(test_users=0.3, random_state=0).split(X))
history, hidden = split_rows(X[test], fraction=0.1, random_state=0)
share = hidden.nnz / (history.shape[0] * history.shape[1] - history.nnz)
print(f"{hidden.nnz} interactions are hidden, {share:.2%} of the pairs that are left")

models = {
    "EASE": EASERecommender(l2=200.0),
    "RP3beta": RP3betaRecommender(),
    "MF, cross-entropy": MFClassifier(n_factors=32, max_epochs=10, random_state=0),
    "Mult-VAE": MultVAERecommender(
        hidden_sizes=(100,),
        latent_size=32,
        batch_size=100,
        max_epochs=25,
        anneal_epochs=20,
        random_state=0,
    ),
}

# %%
# Before and after
# ----------------
#
# EASE and RP3beta have scores without a meaning, so their `predict_proba` is a curve that is fitted
# to held-out pairs. MF is trained on sampled negatives, and its probabilities are corrected for
# that. Mult-VAE answers another question: its shares add up to one over a user's whole row. For the
# comparison they become the chance that an item is among as many interactions as the history has,
# although only a tenth is hidden here. `CalibratedRecommender` fits a rising map to held-out pairs,
# and the ranking stays. Here the map has steps (``method="isotonic"``).
#
# Points on the dotted line are right, points below it promise too much. Both axes are logarithmic,
# as most pairs are improbable.

scorer = make_calibration_scorer()
metrics = {"log_loss": log_loss, "brier": brier, "ece": expected_calibration_error}
table = {}
fig, axes = plt.subplots(1, 2, figsize=(10, 4.6), sharey=True, layout="constrained")
for name, model in models.items():
    calibrated = CalibratedRecommender(model, method="isotonic", random_state=0)
    for ax, kind, each in zip(axes, ("as it is", "calibrated"), (model, calibrated)):
        pairs = scorer.pairs(each.fit(X[train]), history, hidden)
        truth, proba = pairs["outcome"].to_numpy(), pairs["proba"].to_numpy()
        weights = {"sample_weight": pairs["weight"].to_numpy()}
        ReliabilityDisplay.from_predictions(truth, proba, n_bins=12, name=name, ax=ax, **weights)
        table[name, kind] = {key: f(truth, proba, **weights) for key, f in metrics.items()}
for ax, title in zip(axes, ("predict_proba", "inside CalibratedRecommender")):
    ax.set(title=title, xlim=(1e-6, 1), ylim=(1e-6, 1))
axes[1].set_ylabel("")
plt.show()

# %%
# The log loss judges each probability. The calibration error (``ece``) is the mean distance of the
# points from the line, weighted by pairs. Less is better in all columns.

table = pd.DataFrame(table).T
print(table.to_string(float_format="{:.5f}".format))
for name in models:
    before, after = table.loc[(name, "as it is")], table.loc[(name, "calibrated")]
    print(f"{name:18} calibration error: {after['ece'] / before['ece']:.2f} times what it was")
