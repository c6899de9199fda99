"""
Tuning with scikit-learn
========================

You can tune every recommender of skrec with scikit-learn's searches. What you pass decides what is
put aside. The rows of a matrix are users, so a splitter puts users aside. The elements of
`Interactions` are single interactions, so a splitter puts interactions aside. The data are made up.
"""

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV

from skrec import ItemKNNRecommender, MultVAERecommender
from skrec.datasets import make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import LeaveOneOut, StrongGeneralization

data = make_interactions(
    n_users=1200, n_items=300, n_interactions=30_000, timestamps=True, random_state=0
)
mult_vae = MultVAERecommender(
    hidden_sizes=(100,),
    latent_size=32,
    batch_size=100,
    lr=2e-3,
    max_epochs=20,
    anneal_epochs=16,
    random_state=0,
)

# %%
# Users are put aside
# -------------------
#
# `StrongGeneralization` trains on some users and tests on others. The scorer hides 20 % of the
# interactions of each test user, and looks where the model ranks them, given the rest. It ranks
# once for all its metrics. With several metrics, ``refit`` names the one that decides.

search = GridSearchCV(
    mult_vae,
    {"beta": [0.0, 0.2, 0.5, 1.0, 2.0]},
    cv=StrongGeneralization(test_users=200, n_splits=2, random_state=0),
    scoring=make_ranking_scorer(["ndcg@100", "recall@20"]),
    refit="ndcg@100",
)
search.fit(data.X)
results = pd.DataFrame(search.cv_results_)
print(results[["param_beta", "mean_test_ndcg@100", "std_test_ndcg@100", "mean_test_recall@20"]])

# %%
# The search has fitted the best estimator to all users. Ask it for recommendations.

search.best_estimator_.recommend(data.X[:3], n_items=5)

# %%
# If the prior's weight is too small, the model overfits. If it is too large, the code says nothing
# about the user. The best value lies between, as in section 2.2.2 of the paper. (``beta="auto"``
# finds a good one in two trainings.)

fig, ax = plt.subplots()
ax.errorbar(
    results["param_beta"].astype(float),
    results["mean_test_ndcg@100"],
    results["std_test_ndcg@100"],
    marker="o",
    capsize=3,
)
ax.set(xlabel="beta", ylabel="NDCG@100 of unseen users", title="Mult-VAE")
plt.show()

# %%
# Interactions are put aside
# --------------------------
#
# `LeaveOneOut` holds out the last interaction of every user. The models then recommend to users
# that they know from ``fit``.

knn_search = GridSearchCV(
    ItemKNNRecommender(),
    {"n_neighbors": [5, 20, 80], "shrinkage": [0, 10, 100]},
    cv=LeaveOneOut(by="latest"),
    scoring=make_ranking_scorer("hit_rate", k=10),
)
knn_search.fit(data.interactions)
table = pd.DataFrame(knn_search.cv_results_)
print(table.pivot_table("mean_test_score", index="param_shrinkage", columns="param_n_neighbors"))

# %%
# Epochs as a resource
# --------------------
#
# Successive halving trains all candidates for a few epochs, keeps the better third, and trains
# these for three times as many. Each is trained from the start. ``beta`` rises in the same 16
# epochs in every round, so that all rounds compare the same objective.

halving = HalvingGridSearchCV(
    mult_vae,
    {"beta": [0.1, 0.5], "lr": [5e-4, 2e-3, 1e-2]},
    resource="max_epochs",
    min_resources=3,
    max_resources=27,
    factor=3,
    cv=StrongGeneralization(test_users=200, random_state=0),
    scoring=make_ranking_scorer("ndcg", k=100),
    random_state=0,
)
halving.fit(data.X)
rounds = pd.DataFrame(halving.cv_results_)
print(rounds[["iter", "n_resources", "param_beta", "param_lr", "mean_test_score"]])
print(halving.best_params_)
