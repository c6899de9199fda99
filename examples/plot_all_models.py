"""
Every model once
================

All estimators of skrec on one small data set, with small settings, in alphabetical order of their
names. It shows how each is called and what a fit takes. It is no ranking of models: none is tuned,
and most get a few epochs. The data are a part of MovieLens-100K where the folder ``SKREC_DATA``
holds it, and made up otherwise.
"""

import os
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from skrec import (
    AutoRecRegressor,
    BayesianMFRegressor,
    BiasedMFRegressor,
    BlendedRecommender,
    BPRMFRanker,
    CalibratedRecommender,
    CDAERecommender,
    ConvNCFRanker,
    ConvNCFRegressor,
    CrossFeedbackBMF,
    DAERegressor,
    DeepCFClassifier,
    EASERecommender,
    ELSARecommender,
    FISMClassifier,
    FISMRanker,
    GeRecClassifier,
    GeRecRanker,
    GeRecRegressor,
    GERRanker,
    GMFClassifier,
    GMFRanker,
    GMFRegressor,
    GraphFilterRecommender,
    InfiniteAERecommender,
    Interactions,
    ItemKNNRecommender,
    JRLRanker,
    LightGCNRanker,
    MFClassifier,
    MFRecommender,
    MoGClassifier,
    MultDAERecommender,
    MultVAERecommender,
    NAISClassifier,
    NCFMLPClassifier,
    NCFMLPRanker,
    NCFMLPRegressor,
    NeuMFClassifier,
    NeuMFRanker,
    NeuMFRegressor,
    PopularityRecommender,
    RankFusionRecommender,
    RecVAERecommender,
    RP3betaRecommender,
    SLIMRecommender,
    SVDppRanker,
    UserKNNRecommender,
    VAERegressor,
    VampVAERecommender,
    WMFRecommender,
)
from skrec.datasets import fetch_movielens, make_interactions
from skrec.metrics import make_ranking_scorer, make_rating_scorer
from skrec.model_selection import InteractionHoldout

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    source = "MovieLens-100K, 200 users and the 150 items most rated"
    X = fetch_movielens("100k", download_if_missing=False).interactions.tocsr()
else:
    source = "made up by make_interactions"
    X = make_interactions(400, 200, 16_000, ratings=True, random_state=0).X
items = np.sort(np.argsort(-(X > 0).sum(axis=0).A1, kind="stable")[:150])
data = Interactions(X[:200, items])
train, test = next(InteractionHoldout(0.2, random_state=0).split(data))
print(f"data: {source}, {len(train)} interactions to learn from, {len(test)} to test on")

# %%
# Models of lists
# ---------------
#
# Models of vectors share their settings, and so do those of rows. ``pretrain_epochs`` is
# for what the convolutions of ratings begin with, their own twin without layers.

seed = {"random_state": 0, "device": "cpu"}
pairs = {"n_factors": 16, "max_epochs": 8, "batch_size": 512, "lr": 0.01, **seed}
pairs["early_stopping"] = False
descent = {"n_factors": 16, "max_epochs": 20, **seed}
rows = {"latent_size": 16, "batch_size": 50, "max_epochs": 30, "lr": 0.005, **seed}
deep = {"hidden_sizes": (64,), **rows}
draws = {"n_draws": 2, "n_samples": 3}
gerec = {"n_filters": 8, "hidden_size": 8, **draws, **pairs, "max_epochs": 4}
conv = {"n_feature_maps": 4, "pretrain_epochs": 10, **pairs, "max_epochs": 1}
parts = [("ease", EASERecommender(l2=50.0)), ("knn", ItemKNNRecommender())]

recommenders = [
    BlendedRecommender(parts),
    BPRMFRanker(**descent),
    CalibratedRecommender(EASERecommender(l2=50.0)),
    CDAERecommender(**rows),
    ConvNCFRanker(**conv),
    DeepCFClassifier(representation_sizes=(32, 16), matching_sizes=(32, 16), **pairs),
    EASERecommender(l2=50.0),
    ELSARecommender(**rows),
    FISMClassifier(**pairs),
    FISMRanker(**pairs),
    GeRecClassifier(**gerec),
    GeRecRanker(**gerec),
    GERRanker(n_samples=3, **pairs),
    GMFClassifier(**pairs),
    GMFRanker(**pairs),
    GraphFilterRecommender(n_factors=16),
    InfiniteAERecommender(),
    ItemKNNRecommender(),
    JRLRanker(hidden_sizes=(32, 16), **pairs),
    LightGCNRanker(**pairs),
    MFClassifier(**descent),
    MFRecommender(n_negatives=200, **pairs),
    MoGClassifier(**draws, **pairs),
    MultDAERecommender(**deep),
    MultVAERecommender(anneal_epochs=24, **deep),
    NAISClassifier(**pairs),
    NCFMLPClassifier(hidden_sizes=(32, 16), **pairs),
    NCFMLPRanker(hidden_sizes=(32, 16), **pairs),
    NeuMFClassifier(hidden_sizes=(32, 16), **pairs),
    NeuMFRanker(hidden_sizes=(32, 16), **pairs),
    PopularityRecommender(),
    RankFusionRecommender(parts),
    RecVAERecommender(hidden_size=64, **rows | {"max_epochs": 10}),
    RP3betaRecommender(),
    SLIMRecommender(),
    SVDppRanker(**pairs),
    UserKNNRecommender(),
    VampVAERecommender(n_pseudo_inputs=20, anneal_epochs=24, **deep),
    WMFRecommender(n_factors=16, **seed),
]

# %%
# Models of ratings
# -----------------

pairs = {**pairs, "max_epochs": 15}
regressors = [
    AutoRecRegressor(**rows),
    BayesianMFRegressor(n_factors=8, burn_in=10, n_samples=10, random_state=0),
    BiasedMFRegressor(**pairs),
    ConvNCFRegressor(**conv),
    CrossFeedbackBMF(n_factors=8, joined_size=16, max_epochs=20, batch_size=100, lr=0.01, **seed),
    DAERegressor(**rows),
    GeRecRegressor(**gerec),
    GMFRegressor(**pairs),
    NCFMLPRegressor(hidden_sizes=(32, 16), **pairs),
    NeuMFRegressor(hidden_sizes=(32, 16), **pairs),
    VAERegressor(anneal_epochs=24, **rows),
]


def run(models, scorer):
    """Return the seconds of each fit and the score on test interactions, by name."""
    found = {}
    for model in models:
        name, start = type(model).__name__, time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of so few epochs
            model.fit(data[train])
        found[name] = time.process_time() - start, abs(scorer(model, data[test]))
        print(f"{name:24} {found[name][0]:6.2f} s, score {found[name][1]:6.3f}")
    return found


# %%
# What came out
# -------------
#
# Left: the quality on test interactions of users that the model knows. Right: the processor seconds
# of the fit on small data, where a start of a tenth of a second is much. Before you choose, tune on
# your data: see :doc:`plot_halving`.

for model in (BlendedRecommender(parts), BPRMFRanker(**descent), SLIMRecommender()):
    model.fit(data[train])  # compiled code is loaded at the first call
lists = run(recommenders, make_ranking_scorer("ndcg", k=20))
ratings = run(regressors, make_rating_scorer("neg_rmse"))
fig, axes = plt.subplots(
    2, 2, figsize=(9, 12), sharey="row", height_ratios=(39, 11), layout="constrained"
)
for row, found, label in zip(
    axes, (lists, ratings), ("NDCG@20, more is better", "RMSE, less is better")
):
    names = sorted(found, key=lambda name: found[name][1], reverse=found is ratings)
    seconds, scores = np.transpose([found[name] for name in names])
    row[0].plot(scores, names, "o")
    row[1].plot(seconds, names, "o", color="C1")
    row[0].set_xlabel(label)
    row[1].set(xscale="log", xlabel="processor seconds of the fit")
    for ax in row:
        ax.grid(alpha=0.4)
        ax.margins(y=0.04)
    row[0].tick_params(axis="y", labelsize="small")
axes[0, 0].set_title("models of lists")
axes[1, 0].set_title("models of ratings")
plt.show()

best = max(lists, key=lambda name: lists[name][1])
floor = lists["PopularityRecommender"][1]
below = [name for name, (_, score) in lists.items() if score < floor]
print(f"best of the lists in this setting: {best}")
print(f"below popularity, so too little trained or not tuned: {', '.join(below) or 'none'}")
print(
    f"{sum(s for s, _ in [*lists.values(), *ratings.values()]):.0f} s of the processor for all fits"
)
