"""Models before an update, after it, and fitted anew: a part of ``claims.updates``."""

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.stats import sem

from benchmarks.cells import smoke_parameters
from skrec import InteractionEncoder, Interactions
from skrec.metrics import evaluate_ranking
from skrec.reproduce import make_system, with_leave_one_out
from skrec.typing import Array, CSRMatrix

__all__ = ["growth"]

_LATER = 0.2  # of the users, and of the items
_ROWS: dict[str, Any] = {"hidden_sizes": (200,), "latent_size": 64, "batch_size": 100}
# parameters, and the epochs of an update
_GROWING: dict[str, tuple[dict[str, Any], int | None]] = {
    "WMFRecommender": ({"n_factors": 64, "max_epochs": 10}, 2),
    "MultVAERecommender": ({**_ROWS, "max_epochs": 60}, 10),
    "EASERecommender": ({"l2": 100.0}, None),
    "ItemKNNRecommender": ({}, None),
}


def growth(data: Any, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield how models that were updated rank, beside those of before and those fitted anew.

    Parameters
    ----------
    data : Bunch
        From `load_data`.
    options : Namespace
        With ``smoke``.

    Yields
    ------
    row : dict
        A system in one of the three states.
    """
    data = with_leave_one_out(data)
    table = _table(data.loo_train)
    later = {
        key: _later(table, key, n)
        for key, n in zip(("user", "item"), data.interactions.frame, strict=True)
    }
    is_newcomer, has_new_item = (later[key][table[key]] for key in later)
    encoder = InteractionEncoder()
    first = encoder.fit_transform(table[~(is_newcomer | has_new_item)])
    encoder.partial_fit(table)
    everything, newcomers = encoder.transform(table), encoder.transform(table[is_newcomer])
    targets, groups = _test(data.loo_test, encoder, later)
    X = everything.tocsr()
    for system, (parameters, epochs) in _GROWING.items():
        small = smoke_parameters(system) if options.smoke else {}
        states = _states(system, parameters | small, epochs, first, newcomers, everything)
        for state, model, seconds in states:
            scores = _scores(model, X)
            ndcg = evaluate_ranking(targets, scores, metrics=("ndcg@10",), exclude=X)["ndcg@10"]
            values = {name: ndcg[mask].mean() for name, mask in groups.items()}
            values |= {f"{name} ±": sem(ndcg[mask]) for name, mask in groups.items()}
            yield {"system": system, "way": state, "seconds": seconds, **values}


def _test(
    item_of_user: Array, encoder: InteractionEncoder, later: dict[str, Array]
) -> tuple[CSRMatrix, dict[str, Array]]:
    """Return the targets in the encoder's frame, and its users by group.

    An item that nobody has in training can be found by nobody, and is left out.
    """
    users, items = encoder.user_ids_, item_of_user[encoder.user_ids_]
    able = np.isin(items, encoder.item_ids_)
    columns = encoder.encode_items(items[able])
    shape = len(users), len(encoder.item_ids_)
    targets = sp.csr_matrix((np.ones(able.sum()), (np.flatnonzero(able), columns)), shape)
    is_new_item = able & later["item"][np.where(able, items, 0)]
    is_new, known_item = later["user"][users], able & ~is_new_item
    groups = {"known users": known_item & ~is_new, "new users": known_item & is_new}
    return targets, {**groups, "new items": is_new_item}


def _states(
    system: str,
    parameters: dict[str, Any],
    epochs: int | None,
    first: Interactions,
    newcomers: Interactions,
    everything: Interactions,
) -> Iterator[tuple[str, Any, float]]:
    """Yield a model before its update, after it, and one fitted anew, each with its seconds."""
    model = make_system(system, parameters, seed=0)
    if epochs is not None:
        model.set_params(warm_start=True)
    yield "before", model, _seconds(lambda: model.fit(first))
    if epochs is None:
        yield "grown", model, _seconds(lambda: model.partial_fit(newcomers))
    else:
        model.set_params(max_epochs=min(epochs, parameters["max_epochs"]))
        yield "grown", model, _seconds(lambda: model.fit(everything))
    again = make_system(system, parameters, seed=0)
    yield "refit", again, _seconds(lambda: again.fit(everything))


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _table(interactions: Interactions) -> pd.DataFrame:
    columns = {"user": interactions.user, "item": interactions.item}
    if interactions.timestamp is not None:
        columns["time"] = interactions.timestamp
    return pd.DataFrame(columns)


def _later(table: pd.DataFrame, key: str, n: int) -> Array:
    """Return which users, or items, of n come later."""
    rank = np.random.default_rng(0).permutation(n).astype(float)
    if "time" in table:
        first: Any = table.groupby(key)["time"].min()
        rank = np.full(n, np.inf)
        rank[first.index] = first.rank(method="first")
    return rank >= np.quantile(rank[np.isfinite(rank)], 1 - _LATER)


def _scores(model: Any, X: CSRMatrix) -> Array:
    """Return the scores of all histories; items that the model does not know come last."""
    n = model.n_features_in_
    scores = np.full(X.shape, -np.inf, dtype=np.float32)
    scores[:, :n] = model.decision_function(X[:, :n])
    return scores
