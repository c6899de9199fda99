"""Batches from CSR, the skorch net, and its callbacks."""

from skrec.training._alternating import AlternatingBatches, PosteriorRenewal
from skrec.training._batches import NumberedRows, RowBatches, csr_of, sparse_rows
from skrec.training._callbacks import (
    DelayedPenalties,
    LearningRateDecay,
    LinearAnnealing,
    ProgressBar,
    RankingValidation,
    check_callbacks,
    copy_callback,
    decayed,
    reads_gradients,
    sets_rates,
)
from skrec.training._decoder_fold_in import DecoderFoldIn
from skrec.training._device import resolve_device
from skrec.training._fold_in import FoldIn, PairDifferences, ranked_places
from skrec.training._forks import prepare_process
from skrec.training._nested_batches import NestedBatches, Resampling, centred, encode_side
from skrec.training._net import RecommenderNet, StopTraining, cpu_copy, run_training
from skrec.training._node_fold_in import NodeFoldIn
from skrec.training._pair_batches import PairBatches
from skrec.training._ranks import Ranks, current_ranks
from skrec.training._rated_batches import RatedBatches
from skrec.training._resuming import (
    Resuming,
    as_arrays,
    as_tensors,
    draws_state,
    restore_draws,
)
from skrec.training._row_updates import ROW_WISE, rows_follow
from skrec.training._sampler import ItemSampler, NegativeSampler, inclusion_probabilities
from skrec.training._vector_fit import LEAST_GRADIENT, MOMENTS

__all__ = [
    "Resuming",
    "as_arrays",
    "as_tensors",
    "LEAST_GRADIENT",
    "MOMENTS",
    "ROW_WISE",
    "AlternatingBatches",
    "DecoderFoldIn",
    "DelayedPenalties",
    "FoldIn",
    "ItemSampler",
    "LearningRateDecay",
    "LinearAnnealing",
    "NegativeSampler",
    "NestedBatches",
    "NodeFoldIn",
    "NumberedRows",
    "PairBatches",
    "PairDifferences",
    "PosteriorRenewal",
    "ProgressBar",
    "RankingValidation",
    "Ranks",
    "RatedBatches",
    "RecommenderNet",
    "Resampling",
    "RowBatches",
    "StopTraining",
    "centred",
    "check_callbacks",
    "copy_callback",
    "csr_of",
    "cpu_copy",
    "current_ranks",
    "decayed",
    "draws_state",
    "encode_side",
    "inclusion_probabilities",
    "prepare_process",
    "reads_gradients",
    "resolve_device",
    "ranked_places",
    "restore_draws",
    "rows_follow",
    "run_training",
    "sets_rates",
    "sparse_rows",
]
