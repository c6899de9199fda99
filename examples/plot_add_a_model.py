"""
Adding a model
==============

A model of your own needs parameters, `_fit` and `_score_block`. This page shows the whole class of
``examples/model_template.py``, runs the checks that every estimator of skrec passes, and sets its
quality beside popularity and EASE. The data are MovieLens-100K where the folder ``SKREC_DATA``
holds it, and made up otherwise.
"""

# %%
# The class
# ---------
#
# An annotated field is a parameter. `_fit` gets a matrix that has been checked, and `_score_block`
# answers for a block of users. Everything else comes from the base: lists, probabilities, users
# that the model has not seen, and scikit-learn's tools.
#
# .. literalinclude:: model_template.py
#    :pyobject: AssociationRecommender

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from model_template import AssociationRecommender  # the file lies beside this one
from sklearn.model_selection import GridSearchCV

from skrec import EASERecommender, PopularityRecommender
from skrec.datasets import fetch_movielens, make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization
from skrec.testing import check_recommender

# %%
# The checks
# ----------
#
# The checks fit the model to small data, and ask for what a user of the model may rely on. The
# first one that fails is an error that says what is wrong.

check_recommender(AssociationRecommender(damping=0.0))
print("every check has passed")

# %%
# Is it any good?
# ---------------
#
# A search like any other chooses the parameter, on users of its own. The baselines belong beside
# it: a new model that does not beat popularity has a fault or no idea.

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    source = "MovieLens-100K"
    X = fetch_movielens("100k", download_if_missing=False).interactions.tocsr()
else:
    source = "made up by make_interactions"
    X = make_interactions(900, 600, 60_000, random_state=0).X
print(f"data: {source}, {X.shape[0]} users, {X.shape[1]} items, {X.nnz} interactions")

train, test = next(StrongGeneralization(test_users=0.3, random_state=0).split(X))
scorer = make_ranking_scorer("ndcg", k=20)
cv = StrongGeneralization(test_users=0.3, random_state=1)
dampings = [0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0]
search = GridSearchCV(AssociationRecommender(), {"damping": dampings}, cv=cv, scoring=scorer)
search.fit(X[train])
l2 = {"l2": [20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0]}
ease = GridSearchCV(EASERecommender(), l2, cv=cv, scoring=scorer).fit(X[train])
models = {
    "popularity": PopularityRecommender().fit(X[train]),
    "the template": search.best_estimator_,
    "EASE": ease.best_estimator_,
}
values = {name: scorer.per_user(model, X[test])["ndcg@20"] for name, model in models.items()}
table = pd.DataFrame({"mean": {n: v.mean() for n, v in values.items()}})
table["error"] = [value.sem() for value in values.values()]
print(table.round(3).to_string())

# %%
# Left: the search, on validation users. Right: test users, with standard errors. Both models had
# the same number of trials.

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(range(len(dampings)), search.cv_results_["mean_test_score"], marker="o", color="C1")
left.set(xticks=range(len(dampings)), xticklabels=[f"{d:g}" for d in dampings])
left.set(xlabel="damping", ylabel="NDCG@20, validation", title="AssociationRecommender")
right.bar(table.index, table["mean"], yerr=table["error"], capsize=3, color=["0.6", "C1", "C0"])
right.set(ylabel="NDCG@20 of users not seen in fit", title="Beside baselines")
plt.show()

difference = values["the template"] - values["popularity"]
error = difference.sem()
print(f"beside popularity: {difference.mean():+.3f}, standard error {error:.3f}")
print(
    "a user's list:", np.array2string(search.best_estimator_.recommend(X[test[:1]], n_items=5)[0])
)
