"""Batches from CSR, the skorch net, and its callbacks."""

from skrec.training._batches import RowBatches, sparse_rows
from skrec.training._callbacks import LinearAnnealing, ProgressBar, RankingValidation
from skrec.training._net import RecommenderNet, run_training
from skrec.training._sampler import NegativeSampler
from skrec.training._seeds import resolve_device, seeded

__all__ = [
    "LinearAnnealing",
    "NegativeSampler",
    "ProgressBar",
    "RankingValidation",
    "RecommenderNet",
    "RowBatches",
    "resolve_device",
    "run_training",
    "seeded",
    "sparse_rows",
]
