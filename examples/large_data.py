"""
Large data
==========

Train five models in the ways that are fast on large catalogues. For each one print the seconds of
``fit``, the NDCG@10 of users that it has not seen, and the time of a list for one of them.

Without data it runs on synthetic interactions::

    python examples/large_data.py
    python examples/large_data.py --data ml-1m
    python examples/large_data.py --models ItemKNN WMF
"""

import argparse
import time

import numpy as np
from sklearn.base import clone

from skrec import (
    BPRMFRanker,
    ItemKNNRecommender,
    MultVAERecommender,
    SLIMRecommender,
    WMFRecommender,
)
from skrec.datasets import fetch_amazon_music, fetch_gowalla, fetch_movielens, make_interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization
from skrec.preprocessing import binarize, k_core

DATA_SETS = {
    "ml-100k": lambda: fetch_movielens("100k"),
    "ml-1m": lambda: fetch_movielens("1m"),
    "gowalla": fetch_gowalla,
    "amazon-music": fetch_amazon_music,
}
LIKED = 4  # the smallest rating that counts
N_LISTS = 200  # that are timed

# Nearest neighbours, SLIM, WMF and BPRMF run compiled code. SLIM regresses each item on the
# 100 most similar ones alone. Mult-VAE takes the softmax over samples of the items; that needs more
# epochs, each of which costs less.
MODELS = {
    "ItemKNN": ItemKNNRecommender(n_jobs=-1),
    "SLIM": SLIMRecommender(l1=5.0, l2=20.0, n_candidates=100, n_jobs=-1),
    "WMF": WMFRecommender(n_factors=32, max_epochs=5, random_state=0),
    "BPRMF": BPRMFRanker(
        n_factors=32,
        item_bias=True,
        n_negatives=1,
        l2=0.0025,
        max_epochs=20,
        random_state=0,
    ),
    "Mult-VAE": MultVAERecommender(
        hidden_sizes=(),
        latent_size=64,
        n_sampled_items=2000,
        batch_size=500,
        lr=1e-2,
        max_epochs=20,
        anneal_epochs=16,
        random_state=0,
    ),
}


def main(argv=None):
    """Fit the models, and print a line for each."""
    options = make_parser().parse_args(argv)
    train, test = split(load(options.data))
    models = {name: clone(MODELS[name]) for name in options.models}
    print(f"{train.shape[0]:,} users to train on, {train.shape[1]:,} items, {train.nnz:,} entries")
    print(f"compiled code: {seconds(lambda: try_out(models.values(), train[:50])):.1f} s to start")
    print(f"\n{'':10}{'fit':>10}{'NDCG@10':>10}{'one user':>12}")
    scorer = make_ranking_scorer("ndcg", k=10)
    for name, model in models.items():
        fit = seconds(lambda model=model: model.fit(train))
        ndcg = scorer(model, test)
        print(f"{name:10}{fit:8.2f} s{ndcg:10.3f}{time_of_a_list(model, test):9.2f} ms", flush=True)


def load(name):
    """Return a matrix of users x items, 1 for what a user has or likes."""
    if name is None:
        options = {"n_users": 6000, "n_items": 10_000, "n_interactions": 250_000}
        return make_interactions(**options, n_clusters=50, random_state=0).X
    data = DATA_SETS[name]()
    X = data.interactions.tocsr()
    return binarize(X, LIKED if "rating" in data.frame else 1)


def split(X):
    """Put users aside to test on, and return the others first."""
    X = k_core(X, user_k=5, item_k=1)
    splitter = StrongGeneralization(test_users=min(500, X.shape[0] // 5), random_state=0)
    train, test = next(splitter.split(X))
    return X[train], X[test]


def try_out(models, X):
    """Fit copies to a few users: numba compiles, or reads what an earlier process has stored."""
    for model in models:
        small = clone(model)
        if hasattr(small, "max_epochs"):
            small.set_params(max_epochs=1)
        small.fit(X).recommend(X[0])


def time_of_a_list(model, X):
    """Return the median milliseconds of a list of ten items for one user."""
    rows = [X[row] for row in range(min(N_LISTS, X.shape[0]))]  # sorted CSR rows of floats
    times = [seconds(lambda row=row: model.recommend(row, n_items=10)) for row in rows]
    return 1000 * np.median(times)


def seconds(call):
    """Return how long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def make_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description="Train on large data, and time it.")
    help_of_data = "in the folder SKREC_DATA, else downloaded; default: synthetic interactions"
    parser.add_argument("--data", choices=DATA_SETS, help=help_of_data)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    return parser


if __name__ == "__main__":
    main()
