"""
Three likelihoods, and what predict_proba means
===============================================

Mult-VAE can have a multinomial, a Gaussian or a logistic likelihood. The likelihood decides how
well the model ranks, and what its probabilities mean. The data are made up.
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
    "anneal_epochs": 32,
    "random_state": 0,
}

# %%
# Ranking
# -------
#
# All systems have the same test users, so you can compare them in pairs.

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
# The plot shows the loss of the training users, and the metric of the validation users. The weights
# of the epoch with the best metric are kept.

TrainingHistoryDisplay.from_estimator(models["multinomial"])
plt.show()

# %%
# Who gains
# ---------
#
# The next plot shows the metric by the users' number of interactions, as in figure 3 of the paper.
# A star marks a significant difference from the multinomial likelihood in a paired t-test.

ActivityDisplay.from_estimators(models, X[test], metric="ndcg@100")
plt.show()

# %%
# Calibration
# -----------
#
# With the multinomial likelihood, `predict_proba` returns an item's share of the user's
# interactions. Times their number, it is the expected number in the whole row. With the others, it
# returns the probability that a pair which the history lacks is an interaction, where a tenth of
# what the user has is hidden. These probabilities are calibrated on held-out pairs. Here a tenth of
# each test user's interactions is hidden.

history, _ = split_rows(X[test], fraction=0.1, random_state=0)
whole_row = X[test].toarray() > 0
not_shown = history.toarray() == 0
n_interactions = whole_row.sum(axis=1, keepdims=True)

fig, ax = plt.subplots()
for name, model in models.items():
    proba = model.predict_proba(history)
    if model.__sklearn_tags__().proba == "categorical":
        proba = np.minimum(n_interactions * proba, 1)
        pairs = np.ones_like(not_shown)
    else:
        pairs = not_shown
    truth, proba = whole_row[pairs], proba[pairs]
    print(f"{name:12} {proba.sum():6.0f} interactions expected, {truth.sum():6.0f} found")
    options = {"n_bins": 20, "strategy": "quantile", "name": name, "ax": ax}
    CalibrationDisplay.from_predictions(truth, proba, **options)
ax.set(xlabel="probability", ylabel="share of pairs that are interactions", title="Calibration")
plt.show()
