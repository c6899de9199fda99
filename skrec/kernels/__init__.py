"""Compiled loops for what NumPy cannot express; numba is imported when the first is needed.

Callers import the package and not its functions (``from skrec import kernels``), so that they do
not import numba before they call one.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# the file of each function
_FILES = {
    "Positives": "_pairs",
    "WeightedRidge": "_wmf",
    "dense_gram": "_gram",
    "count_jobs": "_threads",
    "descend_pairs": "_pairs",
    "descend_triplets": "_pairs",
    "draw_lacking": "_pairs",
    "draw_rows": "_gibbs",
    "draw_weights": "_gibbs",
    "eigenbasis": "_wmf",
    "elastic_net": "_descent_gram",
    "engine_workers": "_threads",
    "fit_ranked_vectors": "_ranked_vectors",
    "in_threads": "_threads",
    "index_arrays": "_sparse",
    "list_products": "_gibbs",
    "mark_items": "_pairs",
    "mirror": "_gram",
    "nearest_rows": "_sparse",
    "read_only": "_compile",
    "shuffle": "_pairs",
    "similarity_blocks": "_sparse",
    "sum_rows": "_topk",
    "top_k": "_topk",
    "sums_without": "_left_out",
    "update_rows": "_row_updates",
    "walks_without": "_left_out",
}

if TYPE_CHECKING:  # the same names for type checkers, which do not run what is below
    from skrec.kernels._compile import read_only as read_only
    from skrec.kernels._descent_gram import elastic_net as elastic_net
    from skrec.kernels._gibbs import draw_rows as draw_rows
    from skrec.kernels._gibbs import draw_weights as draw_weights
    from skrec.kernels._gibbs import list_products as list_products
    from skrec.kernels._gram import dense_gram as dense_gram
    from skrec.kernels._gram import mirror as mirror
    from skrec.kernels._left_out import sums_without as sums_without
    from skrec.kernels._left_out import walks_without as walks_without
    from skrec.kernels._pairs import Positives as Positives
    from skrec.kernels._pairs import descend_pairs as descend_pairs
    from skrec.kernels._pairs import descend_triplets as descend_triplets
    from skrec.kernels._pairs import draw_lacking as draw_lacking
    from skrec.kernels._pairs import mark_items as mark_items
    from skrec.kernels._pairs import shuffle as shuffle
    from skrec.kernels._ranked_vectors import fit_ranked_vectors as fit_ranked_vectors
    from skrec.kernels._row_updates import update_rows as update_rows
    from skrec.kernels._sparse import index_arrays as index_arrays
    from skrec.kernels._sparse import nearest_rows as nearest_rows
    from skrec.kernels._sparse import similarity_blocks as similarity_blocks
    from skrec.kernels._threads import count_jobs as count_jobs
    from skrec.kernels._threads import engine_workers as engine_workers
    from skrec.kernels._threads import in_threads as in_threads
    from skrec.kernels._topk import sum_rows as sum_rows
    from skrec.kernels._topk import top_k as top_k
    from skrec.kernels._wmf import WeightedRidge as WeightedRidge
    from skrec.kernels._wmf import eigenbasis as eigenbasis

if not TYPE_CHECKING:  # a checker that saw __getattr__ would take every name for one of ours
    __all__ = sorted(_FILES)

    def __getattr__(name: str) -> Any:
        if name not in _FILES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(f"{__name__}.{_FILES[name]}"), name)
        return found
