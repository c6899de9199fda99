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
import scipy.sparse as sp

from skrec import GERRanker
from skrec.datasets import fetch_movielens, make_interactions

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
# The 400 items with the most users, and 300 users who have 20 of them or more. The taste of a user
# is what the data say: everything that the user has is a hit, everything else is none. The model
# begins with two items of each user. In each round every user is shown five items that were not
# shown before. Hits join the data, and the model is fitted anew. Items that were shown in vain are
# never shown to the user again, and tell the model nothing else.

n_rounds, n_shown, n_known = 12, 5, 2
counts = np.asarray((X > 0).sum(axis=0)).ravel()
taste = (X[:, np.sort(np.argsort(-counts, kind="stable")[:400])] > 0).toarray()
taste = taste[np.flatnonzero(taste.sum(axis=1) >= 20)[:300]]
print(
    f"data: {source}, {taste.shape[0]} users, {taste.shape[1]} items, {taste.mean():.1%} are hits"
)


def start(rng):
    """Return a matrix with some items of each user."""
    known = np.zeros_like(taste)
    for row, likes in zip(known, taste):
        row[rng.choice(np.flatnonzero(likes), n_known, replace=False)] = True
    return known


def play(strategy, seed):
    """Return the hits of each round, and the model's NDCG-free count of items ever shown."""
    rng = np.random.default_rng(seed)
    known = start(rng)
    shown, hits = known.copy(), []
    for number in range(n_rounds):
        if strategy == "random":
            lists = np.argsort(rng.random(taste.shape) + shown, axis=1)[:, :n_shown]
        else:
            model = GERRanker(
                n_factors=16,
                kl_weight=1.0,
                max_epochs=20,
                lr=0.02,
                batch_size=512,
                early_stopping=False,
                random_state=100 * seed + number,
            ).fit(sp.csr_matrix(known, dtype=np.float32))
            options = {"users": np.arange(len(taste)), "exclude": sp.csr_matrix(shown)}
            lists = model.recommend(n_items=n_shown, strategy=strategy, **options)
        new = np.zeros_like(taste)
        np.put_along_axis(new, lists, True, axis=1)
        hits.append((new & taste).sum())
        shown, known = shown | new, known | (new & taste)
    return np.cumsum(hits) / len(taste), (shown & ~start(np.random.default_rng(seed))).any(axis=0)


strategies = {"mean": "greedy", "thompson": "Thompson", "ucb": "UCB", "random": "random"}
seeds = range(3)
played = {name: [play(name, seed) for seed in seeds] for name in strategies}
curves = {name: np.array([hits for hits, _ in runs]) for name, runs in played.items()}

fig, ax = plt.subplots(layout="constrained")
for name, label in strategies.items():
    style = {"color": "grey", "linestyle": "--"} if name == "random" else {"marker": "o"}
    mean, spread = curves[name].mean(axis=0), curves[name].std(axis=0, ddof=1)
    ax.errorbar(range(1, n_rounds + 1), mean, spread, capsize=2, label=label, **style)
ax.set(xlabel="rounds of five items", ylabel="hits so far, of a user", title="Exploration")
ax.legend()
plt.show()
for name, label in strategies.items():
    c = curves[name]
    n_items = np.mean([ever.sum() for _, ever in played[name]])
    print(label, c[:, [0, 3, 5, -1]].mean(axis=0).round(2), c[:, -1].round(2), n_items)
