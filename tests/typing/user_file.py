"""What a user writes, with six mistakes for a type checker to find: see test_typing.py."""

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import GridSearchCV, cross_val_score

import skrec
from skrec import (
    BPRMFRanker,
    CalibratedRecommender,
    EASERecomender,  # wrong: a misspelt estimator
    EASERecommender,
    InteractionEncoder,
    Interactions,
    MultVAERecommender,
)
from skrec.datasets import make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization
from skrec.preprocessing import binarize, k_core
from skrec.utils import top_k

data = make_interactions(n_users=500, n_items=200, n_interactions=10_000, random_state=0)
X = sp.csr_matrix(data.X)
X_train, X_new = X[:450], X[450:]

# parameters
ease = EASERecommender(l2=200.0)
ease = EASERecommender(l3=1.0)  # wrong: a misspelt parameter
model = MultVAERecommender(max_epochs=5, beta="auto", random_state=0)
model = MultVAERecommender(max_epochs="many")  # wrong: a parameter of another type

# methods
est = EASERecommender().fit(X_train)
est.recommend(X_new, n_items=10)
est.recommend(users=[3, 17], n_items=10)
est.recomend(X_new)  # wrong: a misspelt method
est.recommend(X_new, n_items="ten")  # wrong: an argument of another type
MultVAERecommender().fit(X_train).predict_proba(X_new)
CalibratedRecommender(estimator=BPRMFRanker(max_epochs=2)).fit(X_train).predict_proba(X_new)
cross_val_score(est, X_train, cv=5)
cross_val_score(EASERecomender(), X_train)

# scorers and splitters
scorer = make_ranking_scorer("ndcg", k=100)
scorer = make_ranking_scorer("ndcg", cutoff=100)  # wrong: a misspelt keyword
search = GridSearchCV(
    MultVAERecommender(max_epochs=5, random_state=0),
    {"beta": [0.1, 0.2]},
    cv=StrongGeneralization(test_users=50, random_state=0),
    scoring=scorer,
).fit(X_train)
search.best_estimator_.recommend(X_new, n_items=10)

# what comes out is what went in
core, rows, columns = k_core(Interactions(X), 5, return_indices=True)
liked = binarize(core, 4).tocsr()
first = liked.data[: len(rows) + len(columns)].mean()
indices, values = top_k(np.ones((2, 3)), 2)
encoder = InteractionEncoder(user="who", item="what")
tables = skrec.reproduce.list_tables()
