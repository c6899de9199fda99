"""
What does a point of quality cost?
==================================

A model that is a little better and takes a thousand times longer is not always the one to take.
This example fits models of several families on the same training data, and draws how well each
ranks against the seconds of its fit. The front joins those that no other beats at their price.

The data are MovieLens-100K where the environment variable ``SKREC_DATA`` names a folder that holds
it, and else a synthetic stand-in. The first line of the output says which.
"""

import os
from pathlib import Path
from time import perf_counter

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.model_selection import GridSearchCV

from skrec import (
    EASERecommender,
    ELSARecommender,
    GraphFilterRecommender,
    ItemKNNRecommender,
    MultVAERecommender,
    PopularityRecommender,
    RP3betaRecommender,
    UserKNNRecommender,
    WMFRecommender,
)
from skrec.datasets import fetch_movielens, make_interactions
from skrec.inspection import QualityCostDisplay
from skrec.metrics import make_ranking_scorer
from skrec.utils import split_rows

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    X = fetch_movielens("100k", download_if_missing=False).interactions.tocsr()
    print("MovieLens-100K")
else:
    X = make_interactions(900, 400, 40_000, random_state=0).X
    print("a synthetic stand-in for MovieLens-100K")

# %%
# Strong generalisation: a quarter of the users is held out. Each model sees 80 % of a held-out
# user's history and has to find the rest.

n_train = X.shape[0] * 3 // 4
train, held_out = X[:n_train], X[n_train:]
history, targets = split_rows(held_out, random_state=0)
scorer = make_ranking_scorer("ndcg@20")

models = [
    PopularityRecommender(),
    ItemKNNRecommender(),
    UserKNNRecommender(),
    RP3betaRecommender(),
    GraphFilterRecommender(),
    EASERecommender(l2=300.0),
    ELSARecommender(max_epochs=20, random_state=0),
    WMFRecommender(n_factors=32, random_state=0),
    MultVAERecommender(max_epochs=50, random_state=0),
]

rows = {}
for model in models:
    model.fit(train[:100])  # the first call compiles, which is no part of the cost
    start = perf_counter()
    model.fit(train)
    seconds = perf_counter() - start
    values = scorer.per_user(model, history, targets)["ndcg@20"]
    name = type(model).__name__.removesuffix("Recommender")
    rows[name] = {"seconds": seconds, "ndcg@20": values.mean(), "std_error": values.sem()}
table = pd.DataFrame.from_dict(rows, orient="index")
print(table.sort_values("seconds").round(4))

# %%
# The bars are standard errors over the users. All models are judged on the same users, so two of
# them can differ although their bars overlap: `skrec.model_selection.compare` tests that.

display = QualityCostDisplay.from_frame(
    table, cost="seconds", quality="ndcg@20", std_error="std_error"
)
plt.show()

# %%
# The front is in the table of the display. What lies below it costs more than a model that ranks
# better, with these settings and on this machine. Settings were not tuned here: the
# :doc:`pages of results <../results/index>` show models whose settings were chosen on validation
# data.

print(display.table[display.table["front"]].sort_values("cost").round(4))

# %%
# The same plot shows what a parameter costs. A search of scikit-learn keeps the seconds of each fit
# beside the scores, so its results can be drawn as they are.

search = GridSearchCV(
    WMFRecommender(random_state=0), {"n_factors": [4, 16, 64]}, scoring=scorer, cv=2
).fit(train)
QualityCostDisplay.from_results(search.cv_results_)
plt.show()
