"""Search an index of the items' vectors, and count what is missed of `recommend`.

"exact" is a product with all items in NumPy, "depth N" a graph of neighbours (usearch, the extra
`index`) that is searched N deep. "all" lists any item. "unseen" lists what the history lacks: the
index is asked for as many more as the longest history has, and these are dropped. Recall is the
share of the ten items of `recommend` that are found, milliseconds are those of one user with one
thread, the user's vector among them. ELSA scores what a user has without itself, which no product
does: there "all" are other lists.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.arguments import add_data, add_output, make_parser, prepare
from benchmarks.cells import keep_rows, smoke_parameters
from skrec.reproduce import load_data, make_system
from skrec.typing import Array, CSRMatrix

__all__ = ["main", "searches", "unseen"]

_LENGTH = 10
_DEPTHS = [16, 64, 256]
_SYSTEMS: dict[str, dict[str, Any]] = {
    "WMFRecommender": {"n_factors": 64, "max_epochs": 8},
    "BPRMFRanker": {"n_factors": 64, "max_epochs": 20},
    "MultDAERecommender": {"hidden_sizes": (200,), "latent_size": 64, "max_epochs": 10},
    "MultVAERecommender": {"hidden_sizes": (200,), "latent_size": 64, "max_epochs": 10},
    "ELSARecommender": {"max_epochs": 5},
}

Search = Callable[[Array, int], Array]
"""From vectors of users and a length to items."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("claims.index", __doc__)
    parser.set_defaults(protocol="ncf")  # all systems of implicit feedback
    add_data(parser, ["ml-1m"])
    parser.add_argument("--systems", nargs="+", default=list(_SYSTEMS), choices=list(_SYSTEMS))
    parser.add_argument("--users", type=int, default=500, help="to ask; default: 500")
    parser.add_argument("--depths", nargs="+", type=int, default=_DEPTHS)
    add_output(parser, "index.csv")
    options = parser.parse_args(argv)
    if options.smoke:
        options.users = min(options.users, 50)
    prepare(parser, options)
    for data in options.data:
        X = load_data(data, options.data_home).interactions.tocsr()
        X.data[:] = 1
        for system in options.systems:
            rows = [{"data": data, **row} for row in _measure(system, X, options)]
            keep_rows(options.output, {}, rows)
            print(pd.DataFrame(rows).round(4).to_string(index=False), flush=True)


def _measure(system: str, X: CSRMatrix, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield a row for each way to search."""
    small = smoke_parameters(system) if options.smoke else {}
    model = make_system(system, _SYSTEMS[system] | small, seed=0).fit(X)
    users = np.random.default_rng(0).permutation(X.shape[0])[: options.users]
    history = X[users]
    n_more = {"all": 0, "unseen": int(np.diff(history.indptr).max())}
    for kind, more in n_more.items():
        seconds, right = _timed(
            lambda kind=kind: model.recommend(
                users=users, n_items=_LENGTH, exclude_seen=kind == "unseen"
            )
        )
        of_all = {"system": system, "lists": kind}
        yield {**of_all, "search": "recommend", "recall": 1.0, "ms": 1e3 * seconds / len(users)}
        for name, search in searches(model.item_vectors(), options.depths):

            def lists(search: Search = search, more: int = more) -> Array:
                n = min(_LENGTH + more, X.shape[1])
                return unseen(search(model.user_vectors(users=users), n), history if more else None)

            seconds, found = _timed(lists)
            recall = np.mean([np.isin(a, b).mean() for a, b in zip(right, found, strict=True)])
            yield {**of_all, "search": name, "recall": recall, "ms": 1e3 * seconds / len(users)}


def searches(items: Array, depths: Sequence[int]) -> Iterator[tuple[str, Search]]:
    """Yield the exact search, and where usearch is installed an index at several depths.

    Parameters
    ----------
    items : ndarray of shape (n_items, n_dimensions)
        Vectors of the items.
    depths : sequence of int
        How many neighbours a search keeps.

    Yields
    ------
    name, search : str and callable
        A search takes vectors of users and the length of the lists.
    """
    yield "exact", lambda users, n: _largest(users @ items.T, n)
    try:
        from usearch.index import Index
    except ImportError:
        print('usearch is not there; `pip install "sklearn-recommenders[index]"` brings it')
        return
    graph = Index(ndim=items.shape[1], metric="ip", dtype="f32")
    graph.add(np.arange(len(items)), items, threads=1)
    for depth in depths:
        graph.expansion_search = depth
        yield f"depth {depth}", lambda users, n: graph.search(users, n, threads=1).keys.astype(int)


def _largest(products: Array, n: int) -> Array:
    best = np.argpartition(-products, n - 1, axis=1)[:, :n]
    order = np.argsort(-np.take_along_axis(products, best, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1)


def unseen(found: Array, history: CSRMatrix | None) -> Array:
    """Return the first ten items of each row that the history lacks.

    Parameters
    ----------
    found : ndarray of shape (n_rows, n)
        Items, best first.
    history : csr_matrix of shape (n_rows, n_items) or None
        What is dropped; None drops nothing.

    Returns
    -------
    lists : ndarray of shape (n_rows, 10)
        Padded with -1.
    """
    if history is None:
        return found[:, :_LENGTH]
    lists = np.full((len(found), _LENGTH), -1)
    for row, items in enumerate(found):
        own = history.indices[history.indptr[row] : history.indptr[row + 1]]
        kept = items[~np.isin(items, own)][:_LENGTH]
        lists[row, : len(kept)] = kept
    return lists


def _timed(function: Callable[[], Array]) -> tuple[float, Array]:
    function()  # what is compiled or cached the first time
    start = time.perf_counter()
    found = function()
    return time.perf_counter() - start, found


if __name__ == "__main__":
    main()
