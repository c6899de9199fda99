"""
Serving from an index
=====================

A server need not score every item for each user. This page sets an exact product, a tree and a
graph of neighbours (HNSW, of usearch) beside the lists of `recommend`: what each finds, and how
long it takes. The data are those of Gowalla where the folder ``SKREC_DATA`` holds them, and made up
otherwise. ``examples/exact_index.py`` and ``examples/approximate_index.py`` are shorter scripts.
"""

import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.neighbors import NearestNeighbors

from skrec import WMFRecommender
from skrec.datasets import fetch_gowalla, make_interactions

home = os.environ.get("SKREC_DATA")
if home and Path(home, "gowalla").is_dir():
    source = "Gowalla, 5,000 users"
    X = fetch_gowalla(download_if_missing=False).interactions.tocsr()
    X = X[np.random.default_rng(0).permutation(X.shape[0])[:5000]]
    X = X[:, np.flatnonzero(X.sum(axis=0).A1)]
else:
    source = "made up by make_interactions"
    X = make_interactions(2000, 8000, 80_000, random_state=0).X
print(f"data: {source}, {X.shape[0]} users, {X.shape[1]} items, {X.nnz} interactions")

# %%
# Two arrays instead of a model
# -----------------------------
#
# Models that end in an inner product have `item_vectors` and `user_vectors`. The vectors of these
# 300 users are asked for once, and every index gets the same. All run on one thread, a user at a
# time, as a server is asked.

model = WMFRecommender(n_factors=32, max_epochs=4, random_state=0).fit(X)
users = np.random.default_rng(1).permutation(X.shape[0])[:300]
items, queries = model.item_vectors(), model.user_vectors(users=users)
k = 10
right = model.recommend(users=users, n_items=k, exclude_seen=False)
print(f"{len(items)} items, {items.shape[1]} dimensions")
found = []


def ask(name, search):
    """Time a search for each user, and count what it shares with the lists of recommend."""
    search(queries[0])  # what is made at the first call is not counted
    seconds, hits = [], 0
    for query, items_of_user in zip(queries, right):
        start = time.perf_counter()
        answer = search(query)
        seconds.append(time.perf_counter() - start)
        hits += np.isin(items_of_user, answer).sum()
    found.append((name, 1e6 * np.median(seconds), hits / right.size))
    print(f"{name:22} recall@{k} {found[-1][2]:.3f}, {found[-1][1]:7.0f} µs a user")


# %%
# Exact: a product, and a tree
# ----------------------------
#
# Most trees know distances, not products. With one more entry, all items are made equally long.
# Then the nearest item is the one of the largest product. A tree leaves out what is surely far, and
# among vectors of many dimensions little is.


def by_product(query):
    """Return the best items by their products with the query."""
    products = items @ query
    return np.argpartition(-products, k)[:k]


squares = (items.astype(np.float64) ** 2).sum(axis=1)
padding = np.sqrt(squares.max() - squares)
tree = NearestNeighbors(n_neighbors=k, algorithm="ball_tree")
tree.fit(np.column_stack([items, padding]))
ask("product", by_product)
ask("tree", lambda query: tree.kneighbors([np.append(query, 0)], return_distance=False))

# %%
# Approximate: a graph
# --------------------
#
# The deeper the search (``expansion_search``), the less is missed, and the longer it takes.

try:
    from usearch.index import Index
except ImportError:
    print('usearch is not there; `pip install "sklearn-recommenders[index]"` brings it')
else:
    graph = Index(ndim=items.shape[1], metric="ip", dtype="f32", connectivity=16)
    start = time.perf_counter()
    graph.add(np.arange(len(items)), items, threads=1)
    print(f"building the graph took {time.perf_counter() - start:.1f} s")
    for depth in (10, 20, 40, 80, 160, 320):
        graph.expansion_search = depth
        ask(f"graph, depth {depth}", lambda query: graph.search(query, k, threads=1).keys)

# %%
# What to look at
# ---------------
#
# Up is better, and left is better. An index pays where its points are left of the product by more
# than the server notices. A recall of 0.95 means that one item in twenty of a list is another than
# `recommend` would list: mostly one that scores nearly as much. A user's own items are not left out
# here; ask for a few more, and drop them.

fig, ax = plt.subplots(layout="constrained")
for name, marker in {"product": "s", "tree": "^", "graph": "o"}.items():
    part = [(us, recall) for label, us, recall in found if label.startswith(name)]
    if part:
        ax.plot(*zip(*part), marker=marker, linestyle="-", label=name)
for label, us, recall in found:
    if "depth" in label:
        where = {"xytext": (5, -10), "textcoords": "offset points"}
        ax.annotate(label.split()[-1], (us, recall), size="small", **where)
ax.set(xscale="log", xlabel="µs a user, one thread", ylabel=f"recall@{k} against recommend")
ax.set(title=f"{len(items):,} items, {items.shape[1]} dimensions")
ax.legend(loc="lower right")
plt.show()

fast = [row for row in found if row[2] >= 0.95]
best, product = min(fast, key=lambda row: row[1]), found[0]
print(f"fastest with a recall of 0.95 or more: {best[0]}, {product[1] / best[1]:.1f} x the product")
