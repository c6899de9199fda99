"""
From raw ids to recommendations
===============================

Start from a long table of raw ids and times, and end with lists of titles. On the way the data are
split in time, a user comes who is new, the model goes through a file, and more data come in. With a
folder ``SKREC_DATA`` that holds MovieLens-100K the table is that one, and otherwise it is made up::

    python examples/raw_data.py
"""

import os
import tempfile
from pathlib import Path

import pandas as pd

from skrec import (
    EASERecommender,
    InteractionEncoder,
    PopularityRecommender,
    load_model,
    recommend_frame,
    save_model,
)
from skrec.datasets import fetch_movielens, make_interactions
from skrec.metrics import make_ranking_scorer

# %%
# A table of raw ids
# ------------------
#
# One row is one interaction. Here the table is a DataFrame of pandas. A polars DataFrame, an Arrow
# table, a DuckDB relation or a plain dict of columns would do as well. To read a file of your own,
# call `skrec.datasets.load_interactions`.


def movielens():
    """Return the ratings of MovieLens-100K with the titles of its items, and a moment in time."""
    data = fetch_movielens("100k", download_if_missing=False)
    titles = dict(zip(data.item_frame["item"], data.item_frame["title"]))
    return data.frame, titles, pd.Timestamp("1998-02-01").timestamp()


def made_up():
    """Return the same for users and items that do not exist."""
    data = make_interactions(
        n_users=900, n_items=200, n_interactions=30_000, ratings=True, timestamps=True
    )
    pairs = data.interactions
    table = {
        "user": [f"u{row:04}" for row in pairs.user],
        "item": [f"B{column:04}" for column in pairs.item],
        "rating": pairs.value,
        "timestamp": pairs.timestamp,
    }
    titles = {f"B{column:04}": name.title() for column, name in enumerate(data.item_names)}
    return pd.DataFrame(table), titles, pd.Timestamp("2018-09-01").timestamp()


home = os.environ.get("SKREC_DATA")
table, titles, moment = movielens() if home and Path(home, "ml-100k").is_dir() else made_up()
print(table.head(3))

# %%
# EASE learns from what users like. So the ratings from 4 on count, and their values no longer do.

likes = table[table["rating"] >= 4]
before, after = likes[likes["timestamp"] < moment], likes[likes["timestamp"] >= moment]

# %%
# One encoder for training and test
# ---------------------------------
#
# An `InteractionEncoder` numbers the ids. It learns them from the training table. The later table
# goes through the *same* encoder, because the numbers of another one would mean other items. With
# ``unknown="ignore"`` rows with an id that the encoder does not know are left out.

encoder = InteractionEncoder(timestamp="timestamp", unknown="ignore")
train = encoder.fit_transform(before)
test = encoder.transform(after)
print(f"train: {train}\ntest:  {test}, of {len(after)} rows")

# %%
# Only items that are new to the user can be found. The scorer leaves out what she had before.

models = {"popularity": PopularityRecommender(), "EASE": EASERecommender(l2=200.0)}
scorer = make_ranking_scorer("ndcg", k=10)
for name, model in models.items():
    print(f"{name:10} NDCG@10 = {scorer(model.fit(train), test):.3f}")

# %%
# Lists with titles
# -----------------
#
# `recommend_frame` takes raw ids, and returns a table of raw ids. The model has kept the encoder.

ease = models["EASE"]
some = before["user"].unique()[:2]
print(recommend_frame(ease, some, n_items=3, titles=titles))

# %%
# A user who is new
# -----------------
#
# The model need not be trained again. Pass her history, with whatever id she has.

likes_of_hers = list(before["item"].value_counts().index[:3])
print("she likes", [titles[item] for item in likes_of_hers])
history = {"user": ["new"] * 3, "item": likes_of_hers}
lists = recommend_frame(ease, X=history, n_items=3, titles=titles)
print(lists)

# %%
# Why these
# ---------
#
# In EASE a score is a sum over the history, so its parts are exact and add up to it.

row = encoder.encode_users(some[:1])
why = ease.explain(users=row, items=ease.recommend(users=row, n_items=2))
reasons = why.to_frame(titles, n_reasons=2)
print(reasons[["title", "score", "reason_title", "part"]].to_string(index=False))

# %%
# Another process
# ---------------
#
# The file has arrays and JSON, and nothing in it is ever executed. Without the training data it is
# smaller, and still answers for whoever brings a history.

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "ease.safetensors"
    save_model(ease, path, training_data=False)
    served = load_model(path)
again = recommend_frame(served, X=history, n_items=3, titles=titles)
print("the same lists from a file:", again.equals(lists))

# %%
# More data
# ---------
#
# ``partial_fit`` learns the ids that are new, and leaves the numbers of the others as they are. Fit
# the model again, so that it knows the new users and recommends the new items.

encoder.partial_fit(after)
everything = encoder.transform(likes)
print(f"all:   {everything}")
ease.fit(everything)
newcomers = after.loc[~after["user"].isin(before["user"]), "user"].unique()
newest = recommend_frame(ease, newcomers[:2], n_items=3, titles=titles)
print(newest)
