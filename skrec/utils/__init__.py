"""Small tools on arrays and sparse rows, without torch."""

from skrec.utils._check import as_integers, check_count, check_flag
from skrec.utils._checkpoint import Checkpoint, Checkpoints, fingerprint
from skrec.utils._files import taking_the_place_of
from skrec.utils._long_tables import refuse_long_table
from skrec.utils._matrix import as_array, canonical_csr, check_dense, check_structure, is_mapped
from skrec.utils._memory import check_list_memory, check_memory, memory_limit
from skrec.utils._rows import (
    column_counts,
    entry_blocks,
    has_entries,
    hide_entries,
    holds_ones,
    index_pointer,
    pair_keys,
    row_blocks,
    row_matrix,
    row_of_entry,
    split_rows,
    take_entries,
    take_rows,
)
from skrec.utils._topk import most_similar, top_candidates, top_k
from skrec.utils._values import (
    as_numbers,
    check_choice,
    check_finite,
    check_number,
    check_rng,
    check_share,
)

__all__ = [
    "Checkpoint",
    "Checkpoints",
    "fingerprint",
    "as_array",
    "as_integers",
    "as_numbers",
    "canonical_csr",
    "check_choice",
    "check_count",
    "check_dense",
    "check_finite",
    "check_memory",
    "check_flag",
    "check_list_memory",
    "check_number",
    "check_rng",
    "check_share",
    "check_structure",
    "column_counts",
    "entry_blocks",
    "has_entries",
    "hide_entries",
    "holds_ones",
    "index_pointer",
    "is_mapped",
    "memory_limit",
    "most_similar",
    "pair_keys",
    "refuse_long_table",
    "row_blocks",
    "row_matrix",
    "row_of_entry",
    "split_rows",
    "take_entries",
    "take_rows",
    "taking_the_place_of",
    "top_candidates",
    "top_k",
]
