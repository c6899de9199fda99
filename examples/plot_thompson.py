"""
Exploring with Thompson lists
=============================

A model that learns from what it has shown can only learn about what it shows. ``strategy`` of
`recommend` can be ``"thompson"``, which ranks by one draw from the posterior, or ``"ucb"``, which
adds the deviation. Here lists are shown for some rounds to users whose taste is known to us and not
to the model. Does exploring find more? The data are MovieLens-100K where the folder ``SKREC_DATA``
holds it, and made up otherwise.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec import EASERecommender, MultVAERecommender
from skrec.datasets import fetch_movielens, make_interactions
from skrec.metrics import make_ranking_scorer

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    source = "MovieLens-100K"
    X = fetch_movielens("100k", download_if_missing=False).interactions.tocsr()
else:
    source = "made up by make_interactions"
    X = make_interactions(900, 500, 60_000, random_state=0).X

# %%
# A simulation
# ------------
#
# The 400 items with the most users, and users who have 20 of them or more. The taste of a user is
# what the data say: everything that the user has is a hit, everything else is none. The model
# begins with two items of each of 300 users. In each round every user is shown five items that were
# not shown before. Hits join the data, and the model is fitted anew. Items that were shown in vain
# are not shown to the user again, and tell the model nothing else.

n_rounds, n_shown, n_known, seeds = 10, 5, 2, (0, 1, 2)
counts = np.asarray((X > 0).sum(axis=0)).ravel()
taste = (X[:, np.sort(np.argsort(-counts, kind="stable")[:400])] > 0).toarray()
taste = taste[np.flatnonzero(taste.sum(axis=1) >= 20)]
taste, others = taste[:300], sp.csr_matrix(taste[300:600], dtype=np.float32)
print(
    f"data: {source}, {taste.shape[0]} users, {taste.shape[1]} items, {taste.mean():.1%} are hits"
)
scorer = make_ranking_scorer("ndcg", k=10)


def recommend(known, shown, strategy, seed):
    """Fit a model to what is known, and return the next list of each user."""
    model = MultVAERecommender(
        hidden_sizes=(),
        latent_size=16,
        batch_size=100,
        max_epochs=20,
        anneal_epochs=16,
        lr=0.005,
        random_state=seed,  # another draw in every round
    )
    model.fit(sp.csr_matrix(known, dtype=np.float32))
    options = {"users": np.arange(len(known)), "exclude": sp.csr_matrix(shown)}
    return model.recommend(n_items=n_shown, strategy=strategy, **options)


def play(strategy, seed):
    """Return the hits of each round, and what the data that were gathered are worth."""
    rng = np.random.default_rng(seed)
    known = np.zeros_like(taste)
    for row, likes in zip(known, taste):
        row[rng.choice(np.flatnonzero(likes), n_known, replace=False)] = True
    shown, hits = known.copy(), []
    for number in range(n_rounds):
        if strategy == "random":
            lists = np.argsort(rng.random(taste.shape) + shown, axis=1)[:, :n_shown]
        else:
            lists = recommend(known, shown, strategy, 100 * seed + number)
        new = np.zeros_like(taste)
        np.put_along_axis(new, lists, True, axis=1)
        hits.append((new & taste).sum() / len(taste))
        shown, known = shown | new, known | (new & taste)
    gathered = EASERecommender(l2=50.0).fit(sp.csr_matrix(known, dtype=np.float32))
    return np.cumsum(hits), known.any(axis=0).mean(), scorer(gathered, others)


names = {"mean": "greedy", "thompson": "Thompson", "ucb": "UCB", "random": "random"}
played = {names[s]: [play(s, seed) for seed in seeds] for s in names}

# %%
# What to look at
# ---------------
#
# Left: the hits. A strategy that explores well starts below the greedy one and crosses it. If the
# curves do not cross, exploring has not paid within these rounds. The bars are deviations over
# three starts.
#
# Right: the worth of the data that a strategy gathered. EASE is fitted to them, and recommends to
# users who took no part. Random lists are the other extreme: they find little, but of everything.

curves = {name: np.array([hits for hits, *_ in runs]) for name, runs in played.items()}
rest = {name: np.array([run[1:] for run in runs]) for name, runs in played.items()}
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for name, curve in curves.items():
    style = {"color": "grey", "linestyle": "--"} if name == "random" else {"marker": "o"}
    rounds, spread = np.arange(n_rounds) + 1, curve.std(axis=0, ddof=1)
    left.errorbar(rounds, curve.mean(axis=0), spread, capsize=2, label=name, **style)
    right.plot(curve[:, -1], rest[name][:, 1], "o", label=name, color=style.get("color"))
left.set(xlabel="rounds of five items", ylabel="hits of a user, so far", title="Found")
right.set(xlabel="hits of a user after all rounds", ylabel="NDCG@10 of other users, EASE")
right.set_title("Learnt")
left.legend()
plt.show()

table = {
    name: {
        "hits, first half": curve[:, n_rounds // 2 - 1].mean(),
        "hits": curve[:, -1].mean(),
        "deviation": curve[:, -1].std(ddof=1),
        "items in the data": rest[name][:, 0].mean(),
        "NDCG@10 of others": rest[name][:, 1].mean(),
    }
    for name, curve in curves.items()
}
print(pd.DataFrame(table).T.round(3).to_string())
late = {name: np.diff(curve[:, [n_rounds // 2 - 1, -1]]).mean() for name, curve in curves.items()}
best = max(late, key=late.get)
print(f"most hits in the second half: {best}, {late[best]:.2f}; greedy {late['greedy']:.2f}")
