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
histories. NDCG@10 over all items, of known users, new users and those whose test is a new item, and
its standard error. Before an update no new item competes with those that are to be found.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.arguments import add_data, add_output, make_parser, prepare
from benchmarks.cells import keep_rows
from benchmarks.claims.calibration import ratios
from benchmarks.claims.growth import growth
from skrec.reproduce import list_systems, load_data, make_system
from skrec.typing import Array, CSRMatrix

__all__ = ["blocks", "main"]

_ROUNDS = {"1 block": 1, "7 blocks": 7, "100 blocks": 100, "7, mixed": 7}
_FIXED: dict[str, dict[str, Any]] = {"EASERecommender": {"l2": 100.0}, "EDLAE": {"l2": 100.0}}
_COLUMNS = ["part", "data", "system", "way", "seconds", "scores", "equal bits", "probabilities"]
_COLUMNS += ["sum p / sum y", "known users", "new users", "new items"]
_COLUMNS += [f"{name} ±" for name in _COLUMNS[-3:]]


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


if __name__ == "__main__":
    main()
