"""Thresholds and filters that evaluation protocols apply before they split."""

from skrec.preprocessing._binarize import binarize
from skrec.preprocessing._encoder import reduce_encoder
from skrec.preprocessing._filter import k_core, min_interactions
from skrec.preprocessing._permute import permute_items

__all__ = ["binarize", "k_core", "min_interactions", "permute_items", "reduce_encoder"]
