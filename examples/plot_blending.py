"""
Models without training, and a blend of them
============================================

Compare five models that need no gradient steps, on users whom none has seen. Then join three of
them, with weights that validation chooses: it is a search like any other, and need not beat the
best part. With a folder ``SKREC_DATA`` that holds MovieLens-100K the data are that, and otherwise
they are made up::

    python examples/blending.py
"""

import os
from pathlib import Path

import numpy as np
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
from skrec.model_selection import StrongGeneralization

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    X = fetch_movielens("100k", download_if_missing=False).interactions.tocsr()
else:
    X = make_interactions(900, 400, 40_000, random_state=0).X

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
scores = {name: scorer(model.fit(learn), test) for name, model in models.items()}

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
scores["blend"] = scorer(search.best_estimator_, test)

for name, score in scores.items():
    print(f"{name:12} NDCG@20 = {score:.3f}")
print("weights of the blend:", search.best_params_["weights"])
