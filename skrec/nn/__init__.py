"""The networks and their losses, in torch alone."""

import os

from skrec.nn.encoders import HistoryEncoder, UserTable, make_table
from skrec.nn.expected_likelihood import ExpectedLikelihood
from skrec.nn.gaussian import GaussianPairModel, make_gaussian_table, variance_of
from skrec.nn.gerec import INTERACTIONS, GeRec
from skrec.nn.interactions import Dot, Interaction
from skrec.nn.losses import gaussian_nll, logistic_nll, multinomial_nll, standard_normal_kl
from skrec.nn.mult_vae import ELBO, LIKELIHOODS, MultDAE, MultVAE
from skrec.nn.outer_product import MAP_PARTS, ConvTower, MapMLP
from skrec.nn.pairs import PairBatch, PairModel
from skrec.nn.rows import SparseLinear, SparseRows
from skrec.nn.sampled_losses import (
    PairwiseLoss,
    PointwiseLoss,
    RatingLoss,
    SampledLoss,
    bpr_nll,
    pointwise_nll,
)
from skrec.nn.soft_contrastive import SoftContrastive

# Large temporaries in huge pages: on Linux the first touch of fresh memory is a good part of a
# batch over a large catalogue. Read by torch at its first tensor, ignored elsewhere.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

__all__ = [
    "ELBO",
    "INTERACTIONS",
    "LIKELIHOODS",
    "MAP_PARTS",
    "ConvTower",
    "Dot",
    "ExpectedLikelihood",
    "GaussianPairModel",
    "GeRec",
    "HistoryEncoder",
    "Interaction",
    "MapMLP",
    "MultDAE",
    "MultVAE",
    "PairBatch",
    "PairModel",
    "PairwiseLoss",
    "PointwiseLoss",
    "RatingLoss",
    "SampledLoss",
    "SoftContrastive",
    "SparseLinear",
    "SparseRows",
    "UserTable",
    "bpr_nll",
    "gaussian_nll",
    "logistic_nll",
    "make_gaussian_table",
    "make_table",
    "multinomial_nll",
    "pointwise_nll",
    "standard_normal_kl",
    "variance_of",
]
