"""Small tools on arrays and sparse rows, without torch."""

from skrec.utils._memory import check_memory, memory_limit
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
    "check_memory",
    "has_entries",
    "hide_entries",
    "index_pointer",
    "memory_limit",
    "most_similar",
    "pair_keys",
    "row_blocks",
    "row_of_entry",
    "split_rows",
    "take_entries",
    "top_candidates",
    "top_k",
]
