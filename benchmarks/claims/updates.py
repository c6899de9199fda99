"""Update models with more users and items, and compare them with fits to all the data.

Part "blocks": partial_fit in 1, 7 and 100 blocks of users, and in seven of another order, beside
one fit to the most popular items. "scores" is the largest difference over the largest score,
"probabilities" the mean difference, "sum p / sum y" what other users' probabilities add up to over
what was hidden of them.

Part "growth": a fifth of the users and of the items come later: the last ones by their first time,
or drawn where there are no times. Each user's last interaction, or one drawn, is the test. "before"
is a model that has seen the known users with known items, "grown" the same after an update, "refit"
a fit to everything. Mult-VAE and WMF go on by warm_start for some epochs; EASE and ItemKNN take in
the new users by partial_fit, and no new items of known users. All of them are asked with whole
histories. NDCG@10 over all items, of known users, new users and those whose test is a new item.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from benchmarks.arguments import add_data, add_output, make_parser, prepare
from benchmarks.cells import keep_rows, smoke_parameters
from benchmarks.claims.calibration import ratios
from skrec import InteractionEncoder, Interactions
from skrec.metrics import evaluate_ranking
from skrec.reproduce import list_systems, load_data, make_system, with_leave_one_out
from skrec.typing import Array, CSRMatrix

__all__ = ["blocks", "growth", "main"]

_LATER = 0.2  # of the users, and of the items
_ROUNDS = {"1 block": 1, "7 blocks": 7, "100 blocks": 100, "7, mixed": 7}
_FIXED: dict[str, dict[str, Any]] = {"EASERecommender": {"l2": 100.0}, "EDLAE": {"l2": 100.0}}
_ROWS: dict[str, Any] = {"hidden_sizes": (200,), "latent_size": 64, "batch_size": 100}
_COLUMNS = ["part", "data", "system", "way", "seconds", "scores", "equal bits", "probabilities"]
_COLUMNS += ["sum p / sum y", "known users", "new users", "new items"]
# parameters, and the epochs of an update
_GROWING: dict[str, tuple[dict[str, Any], int | None]] = {
    "WMFRecommender": ({"n_factors": 64, "max_epochs": 10}, 2),
    "MultVAERecommender": ({**_ROWS, "max_epochs": 60}, 10),
    "EASERecommender": ({"l2": 100.0}, None),
    "ItemKNNRecommender": ({}, None),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("claims.updates", __doc__)
    add_data(parser, "amazon-music")
    tables: dict[str, Callable[..., Iterator[dict[str, Any]]]] = {
        "blocks": blocks,
        "growth": growth,
    }
    parser.add_argument("--parts", nargs="+", default=list(tables), choices=list(tables))
    parser.add_argument("--items", type=int, default=1000, help="of blocks; default: 1000")
    add_output(parser, "updates.csv")
    options = parser.parse_args(argv)
    prepare(parser, options)
    data = load_data(options.data, options.data_home)
    for part in options.parts:
        rows = []
        for row in tables[part](data, options):
            rows.append({"part": part, "data": options.data, **row})
            print(part, row["system"], row["way"], file=sys.stderr, flush=True)
        keep_rows(options.output, {}, pd.DataFrame(rows, columns=_COLUMNS).to_dict("records"))
        print(f"\n{pd.DataFrame(rows).round(9).to_string(index=False)}\n")


def blocks(data: Any, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield how models of blocks of users differ from one fit.

    Parameters
    ----------
    data : Bunch
        From `load_data`.
    options : Namespace
        With ``items``.

    Yields
    ------
    row : dict
        A system and a way to cut the users.
    """
    X = data.interactions.tocsr()
    X.data[:] = 1
    popular = np.argsort(-X.getnnz(axis=0), kind="stable")[: options.items]
    X = X[:, np.sort(popular)]
    order = np.random.default_rng(0).permutation(X.shape[0])
    test, train = X[order[: len(order) // 4]], X[order[len(order) // 4 :]]
    for system in list_systems():
        if not hasattr(make_system(system, _FIXED.get(system, {})), "partial_fit"):
            continue
        start = time.perf_counter()
        whole = make_system(system, _FIXED.get(system, {})).fit(train)
        seconds = time.perf_counter() - start
        wanted = whole.decision_function(test), whole.predict_proba(test)
        yield {
            "system": system,
            "way": "fit",
            "seconds": seconds,
            "sum p / sum y": ratios(whole, test)[0],
        }
        for way, n in _ROUNDS.items():
            users = np.arange(train.shape[0])
            if way.endswith("mixed"):
                users = np.random.default_rng(1).permutation(users)
            model = make_system(system, _FIXED.get(system, {}))
            start = time.perf_counter()
            for some in np.array_split(users, n):
                model.partial_fit(train[some])
            yield {
                "system": system,
                "way": way,
                "seconds": time.perf_counter() - start,
                **_differences(model, test, wanted),
            }


def _differences(model: Any, test: CSRMatrix, wanted: tuple[Array, Array]) -> dict[str, Any]:
    scores, proba = model.decision_function(test), model.predict_proba(test)
    return {
        "scores": np.abs(scores - wanted[0]).max() / np.abs(wanted[0]).max(),
        "equal bits": scores.tobytes() == wanted[0].tobytes(),
        "probabilities": np.abs(proba - wanted[1]).mean(),
        "sum p / sum y": ratios(model, test)[0],
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
    table, test = _table(data.loo_train), data.loo_test
    n_users, n_items = data.interactions.frame
    new_users, new_items = (
        _later(table, key, n) for key, n in (("user", n_users), ("item", n_items))
    )
    known = ~(new_users[table["user"]] | new_items[table["item"]])
    encoder = InteractionEncoder()
    first = encoder.fit_transform(table[known])
    encoder.partial_fit(table)
    everything = encoder.transform(table)
    newcomers = encoder.transform(table[new_users[table["user"]]])
    # whose test item nobody has in training cannot be found by anybody
    X = everything.tocsr()
    users, items = encoder.user_ids_, test[encoder.user_ids_]
    able = np.isin(items, encoder.item_ids_)
    columns = encoder.encode_items(items[able])
    targets = sp.csr_matrix((np.ones(able.sum()), (np.flatnonzero(able), columns)), X.shape)
    is_new_item = able & new_items[np.where(able, items, 0)]
    groups = {"known users": able & ~new_users[users] & ~is_new_item}
    groups |= {"new users": able & new_users[users] & ~is_new_item, "new items": is_new_item}
    for system, (parameters, epochs) in _GROWING.items():
        small = smoke_parameters(system) if options.smoke else {}
        for state, model, seconds in _states(
            system, {**parameters, **small}, epochs, first, newcomers, everything
        ):
            scores = _scores(model, X)
            ndcg = evaluate_ranking(targets, scores, metrics=("ndcg@10",), exclude=X)["ndcg@10"]
            values = {name: ndcg[mask].mean() for name, mask in groups.items()}
            yield {"system": system, "way": state, "seconds": seconds, **values}


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
        first = table.groupby(key)["time"].min()
        rank = np.full(n, np.inf)
        rank[first.index] = first.rank(method="first")
    return rank >= np.quantile(rank[np.isfinite(rank)], 1 - _LATER)


def _scores(model: Any, X: CSRMatrix) -> Array:
    """Return the scores of all histories; items that the model does not know come last."""
    n = model.n_features_in_
    scores = np.full(X.shape, -np.inf, dtype=np.float32)
    scores[:, :n] = model.decision_function(X[:, :n])
    return scores


if __name__ == "__main__":
    main()
