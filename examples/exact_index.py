"""
Vectors for a server: an exact index
====================================

Many models end in an inner product of a user's vector and the items' vectors. ``item_vectors`` and
``user_vectors`` return both sides, with biases folded in, so that a server needs nothing of the
model but two arrays: one product ranks as ``recommend`` does. Here an index of all items is
searched, by NumPy and by faiss where it is installed, and compared with ``recommend``. With a
folder ``SKREC_DATA`` that holds MovieLens-100K the data are that, and otherwise they are made up::

    python examples/exact_index.py
"""

import os
import time
from pathlib import Path

import numpy as np

from skrec import MultDAERecommender, WMFRecommender
from skrec.datasets import fetch_movielens, make_interactions

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    X = fetch_movielens("100k", download_if_missing=False).interactions.tocsr()
else:
    X = make_interactions(900, 400, 40_000, random_state=0).X
learn, new = X[: X.shape[0] * 4 // 5], X[X.shape[0] * 4 // 5 :]  # the others come later

# %%
# Two models, of which only vectors are kept
# ------------------------------------------
#
# Matrix factorisation has vectors as a matter of course. Of an autoencoder they are the input and
# the weights of its last layer. EASE and the neighbourhood models have none: there a user is her
# whole history.

models = {
    "WMF": WMFRecommender(n_factors=32, random_state=0),
    "Mult-DAE": MultDAERecommender(
        hidden_sizes=(100,), latent_size=32, max_epochs=20, random_state=0
    ),
}


def search(items, users, n):
    """Return the n items of each user with the largest products, best first."""
    products = users @ items.T
    best = np.argpartition(-products, n - 1, axis=1)[:, :n]
    order = np.argsort(-np.take_along_axis(products, best, axis=1), axis=1)
    return np.take_along_axis(best, order, axis=1)


def search_by_faiss(items, users, n):
    """Return the same; raise ImportError where there is no faiss."""
    import faiss

    index = faiss.IndexFlatIP(items.shape[1])
    index.add(np.ascontiguousarray(items))
    return index.search(np.ascontiguousarray(users), n)[1]


# %%
# An index knows nothing of histories. So more items are searched than are wanted, and those that
# the user has are dropped afterwards.


def unseen(found, history, k):
    """Return the first k found items of each user that are not in the history, -1 for none."""
    lists = np.full((len(found), k), -1)
    for row, items in enumerate(found):
        seen = history.indices[history.indptr[row] : history.indptr[row + 1]]
        kept = items[~np.isin(items, seen)][:k]
        lists[row, : len(kept)] = kept
    return lists


def recall(lists, right):
    """Return the share of the right items that is in the lists."""
    return np.mean([np.isin(a, b).mean() for a, b in zip(right, lists)])


# %%
# The lists are those of ``recommend``
# ------------------------------------
#
# The users are new: the model folds their histories into vectors as it does for ``recommend``.

k, found = 10, {}
n = min(X.shape[1], k + int(np.diff(new.indptr).max()))
for name, model in models.items():
    model.fit(learn)
    right = model.recommend(new, n_items=k)
    items, users = model.item_vectors(), model.user_vectors(new)
    start = time.perf_counter()
    lists = unseen(search(items, users, n), new, k)
    seconds = time.perf_counter() - start
    found[name] = recall(lists, right)
    print(
        f"{name:9} {items.shape[1]} dimensions, recall@{k} against recommend = {found[name]:.4f}, "
        f"{1e6 * seconds / len(users):.0f} µs a user"
    )
    try:
        by_faiss = recall(unseen(search_by_faiss(items, users, n), new, k), right)
        print(f"{name:9} by faiss the same: {by_faiss:.4f}")
    except ImportError:
        print("faiss is not there; `pip install faiss-cpu` brings it")
