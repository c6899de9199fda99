"""Interactions as a sequence in a fixed frame of users and items, and the coding of raw ids."""

from skrec.interactions._batches import RecommendationBatches, recommend_batches
from skrec.interactions._encoder import InteractionEncoder, join_ids
from skrec.interactions._ids import different_ids
from skrec.interactions._interactions import Interactions
from skrec.interactions._lists import Titles, recommend_frame
from skrec.interactions._mapped import MappedCSR, open_csr
from skrec.interactions._store import write_csr
from skrec.interactions._tables import write_csr_from_frames
from skrec.interactions._times import as_timestamps

__all__ = [
    "InteractionEncoder",
    "Interactions",
    "MappedCSR",
    "RecommendationBatches",
    "Titles",
    "as_timestamps",
    "different_ids",
    "join_ids",
    "open_csr",
    "recommend_batches",
    "recommend_frame",
    "write_csr",
    "write_csr_from_frames",
]
