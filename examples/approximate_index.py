"""
Vectors for a server: an approximate index
==========================================

An exact search reads all items for each user. An approximate index reads few of them, and misses
some of the best. Here usearch, a graph of neighbours (HNSW), holds ``item_vectors`` and is asked
with ``user_vectors``. What it misses is the recall@10 against ``recommend``, at several depths of
the search. With a folder ``SKREC_DATA`` that holds the Amazon music data the items are those, and
otherwise they are made up::

    pip install "sklearn-recommenders[index]"
    python examples/approximate_index.py
"""

import os
import time
from pathlib import Path

import numpy as np

from skrec import WMFRecommender
from skrec.datasets import fetch_amazon_music, make_interactions

home = os.environ.get("SKREC_DATA")
if home and Path(home, "amazon-music").is_dir():
    X = fetch_amazon_music(download_if_missing=False).interactions.tocsr()
else:
    X = make_interactions(2000, 4000, 60_000, random_state=0).X

# %%
# A model, of which only vectors are kept
# ---------------------------------------

k = 10
users = np.random.RandomState(0).permutation(X.shape[0])[:500]
history = X[users]
model = WMFRecommender(n_factors=32, max_epochs=8, random_state=0).fit(X)
item_vectors, user_vectors = model.item_vectors(), model.user_vectors(users=users)
print(f"{len(item_vectors)} items of {item_vectors.shape[1]} dimensions")

# %%
# What the index finds
# --------------------
#
# It knows nothing of histories. Either all items may be listed, or as many more are searched as the
# longest history has, and what the user has is dropped afterwards. Then a search is deep anyway.

longest = int(np.diff(history.indptr).max())
right = {
    "all items": model.recommend(users=users, n_items=k, exclude_seen=False),
    "unseen items": model.recommend(users=users, n_items=k),
}


def unseen(found):
    """Return the first k found items of each user that are not in the history, -1 for none."""
    lists = np.full((len(found), k), -1)
    for row, items in enumerate(found):
        seen = history.indices[history.indptr[row] : history.indptr[row + 1]]
        kept = items[~np.isin(items, seen)][:k]
        lists[row, : len(kept)] = kept
    return lists


def recall(lists, right):
    """Return the share of what ``recommend`` lists that is in the lists."""
    return np.mean([np.isin(a, b).mean() for a, b in zip(right, lists)])


# %%
# The metric is the inner product. Vectors of the same direction and other lengths are other items,
# so the cosine would rank otherwise. A deeper search (``expansion_search``) misses less and takes
# longer. What even the deepest one misses are ties, such as items that the same users have.

found = {}
try:
    from usearch.index import Index
except ImportError:
    print('usearch is not there; `pip install "sklearn-recommenders[index]"` brings it')
else:
    index = Index(ndim=item_vectors.shape[1], metric="ip", dtype="f32", connectivity=16)
    index.add(np.arange(len(item_vectors)), item_vectors, threads=1)
    for depth in (10, 40, 160):
        index.expansion_search = depth
        for what, n in {"all items": k, "unseen items": k + longest}.items():
            start = time.perf_counter()
            keys = index.search(user_vectors, n, threads=1).keys.astype(np.int64)
            seconds = time.perf_counter() - start
            lists = keys if n == k else unseen(keys)
            found[depth, what] = recall(lists, right[what])
            print(
                f"depth {depth:3}, {what:12}: recall@{k} against recommend = "
                f"{found[depth, what]:.3f}, {1e6 * seconds / len(users):.0f} µs a user"
            )
