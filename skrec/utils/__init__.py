"""Small tools on arrays and sparse rows, without torch."""

from skrec.utils._check import as_integers, check_count, check_flag
from skrec.utils._matrix import canonical_csr, check_dense, check_structure
from skrec.utils._rows import (
    has_entries,
    hide_entries,
    index_pointer,
    pair_keys,
    row_blocks,
    row_of_entry,
    split_rows,
    take_entries,
)
from skrec.utils._topk import most_similar, top_candidates, top_k

__all__ = [
    "as_integers",
    "canonical_csr",
    "check_count",
    "check_dense",
    "check_flag",
    "check_structure",
    "has_entries",
    "hide_entries",
    "index_pointer",
    "most_similar",
    "pair_keys",
    "row_blocks",
    "row_of_entry",
    "split_rows",
    "take_entries",
    "top_candidates",
    "top_k",
]
