"""
Three likelihoods, and what predict_proba means
===============================================

Mult-VAE explains a row by a multinomial, a Gaussian or a logistic likelihood. The likelihood
decides how well it ranks, and what its probabilities are probabilities of.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.calibration import CalibrationDisplay

from skrec import MultVAERecommender
from skrec.datasets import make_interactions
from skrec.inspection import ActivityDisplay, TrainingHistoryDisplay
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization
from skrec.utils import split_rows

X = make_interactions(n_users=1500, n_items=300, n_interactions=40_000, random_state=0).X
train, test = next(StrongGeneralization(test_users=500, random_state=0).split(X))
settings = {
    "hidden_sizes": (100,),
    "latent_size": 32,
    "batch_size": 100,
    "lr": 3e-3,
    "max_epochs": 40,
    "random_state": 0,
}

# %%
# Ranking
# -------
#
# The test users are the same for all, so that the systems can be compared in pairs.

models = {
    likelihood: MultVAERecommender(likelihood=likelihood, early_stopping=True, **settings)
    for likelihood in ("multinomial", "gaussian", "logistic")
}
for model in models.values():
    model.fit(X[train])
scorer = make_ranking_scorer(["ndcg@100", "recall@20"])
values = {name: scorer.per_user(model, X[test]) for name, model in models.items()}
print(pd.DataFrame({name: table.mean() for name, table in values.items()}).T.round(3))
print(pd.DataFrame({name: table.sem() for name, table in values.items()}).T.round(3))

# %%
# How a training goes: the loss of the training users, and the metric of validation users by which
# the best epoch is kept.

TrainingHistoryDisplay.from_estimator(models["multinomial"])
plt.show()

# %%
# Who gains
# ---------
#
# The same by how much of a user is known, as in figure 3 of the paper. Stars tell where a paired
# t-test sees a difference from the multinomial likelihood.

ActivityDisplay.from_estimators(models, X[test], metric="ndcg@100")
plt.show()

# %%
# Calibration
# -----------
#
# `predict_proba` of the multinomial likelihood gives an item's share of the user's interactions:
# times their number it is what to expect of a whole row. The logistic one gives the probability of
# each entry of the row. The Gaussian one has no probabilities of its own; they are fitted on
# held-out interactions, and say how likely one is that the history does not show. Of the test
# users 10 % is hidden here. The tag ``proba_pairs`` tells which pairs the probabilities are about.

history, _ = split_rows(X[test], fraction=0.1, random_state=0)
whole_row = X[test].toarray() > 0
not_shown = history.toarray() == 0
n_interactions = whole_row.sum(axis=1, keepdims=True)

fig, ax = plt.subplots()
for name, model in models.items():
    tags = model.__sklearn_tags__()
    proba = model.predict_proba(history)
    if tags.proba == "categorical":
        proba = np.minimum(n_interactions * proba, 1)
    pairs = not_shown if tags.proba_pairs == "unseen" else np.ones_like(not_shown)
    truth, proba = whole_row[pairs], proba[pairs]
    print(f"{name:12} {proba.sum():6.0f} interactions expected, {truth.sum():6.0f} found")
    options = {"n_bins": 20, "strategy": "quantile", "name": name, "ax": ax}
    CalibrationDisplay.from_predictions(truth, proba, **options)
ax.set(xlabel="probability", ylabel="share of pairs that are interactions", title="Calibration")
plt.show()
