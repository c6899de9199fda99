"""The networks and their losses, in torch alone."""

from skrec.nn._huge_pages import use_huge_pages
from skrec.nn._random import (
    Part,
    SeededCalls,
    dropout,
    generator_states,
    own_generator,
    part_of_a_batch,
    randn,
    randn_like,
    seeded,
    set_generator_states,
)
from skrec.nn._row_kernels import stored_products
from skrec.nn.attention import EmbeddingAttention
from skrec.nn.auto_rec import AutoRec, ObservedELBO, RatingDAE, RatingVAE
from skrec.nn.cdae import CDAE
from skrec.nn.cosine import Cosine
from skrec.nn.cross_feedback import CrossFeedbackVAE, NestedBatch, RatingELBO, SideEncoder
from skrec.nn.elsa import ELSA, CosineReconstruction
from skrec.nn.encoders import HistoryEncoder, MeanEncoder, UserTable, make_table
from skrec.nn.expected_likelihood import ExpectedLikelihood
from skrec.nn.gaussian import GaussianPairModel, make_gaussian_table, variance_of
from skrec.nn.gerec import INTERACTIONS, GeRec, MeanProduct
from skrec.nn.interactions import Dot, Interaction
from skrec.nn.light_gcn import Graph, LightGCN, SettledLightGCN
from skrec.nn.losses import (
    gaussian_kl,
    gaussian_log_density,
    gaussian_nll,
    logistic_nll,
    mixture_log_density,
    multinomial_nll,
    observed_nll,
    standard_normal_kl,
)
from skrec.nn.mult_vae import ELBO, MultDAE, MultVAE, RowAutoencoder, sample
from skrec.nn.outer_product import MAP_PARTS, ConvTower, MapMLP
from skrec.nn.pairs import PairBatch, PairModel
from skrec.nn.rec_vae import (
    DenseEncoder,
    EncodedRows,
    RecVAE,
    UserScaledELBO,
    composite_log_density,
)
from skrec.nn.rows import SampledRows, SparseLinear, SparseRows
from skrec.nn.sampled_losses import (
    PairwiseLoss,
    PointwiseLoss,
    RatingLoss,
    SampledLoss,
    SoftmaxLoss,
    bpr_nll,
    mean_of_negatives,
    pointwise_nll,
    softmax_nll,
)
from skrec.nn.sampled_softmax import SampledLogits, sampled_multinomial_nll
from skrec.nn.soft_contrastive import SoftContrastive
from skrec.nn.stacks import RowEncoder, make_hidden, make_linear
from skrec.nn.vamp_vae import HierarchicalVampVAE, VampVAE
from skrec.nn.wmf import WeightedRows

__all__ = [
    "generator_states",
    "set_generator_states",
    "Part",
    "SeededCalls",
    "dropout",
    "own_generator",
    "part_of_a_batch",
    "randn",
    "randn_like",
    "seeded",
    "AutoRec",
    "ObservedELBO",
    "RatingDAE",
    "RatingVAE",
    "observed_nll",
    "stored_products",
    "CrossFeedbackVAE",
    "EmbeddingAttention",
    "NestedBatch",
    "RatingELBO",
    "SideEncoder",
    "HierarchicalVampVAE",
    "VampVAE",
    "WeightedRows",
    "EncodedRows",
    "DenseEncoder",
    "RecVAE",
    "UserScaledELBO",
    "composite_log_density",
    "RowEncoder",
    "RowAutoencoder",
    "sample",
    "sampled_multinomial_nll",
    "gaussian_kl",
    "gaussian_log_density",
    "mixture_log_density",
    "make_hidden",
    "make_linear",
    "CDAE",
    "ELBO",
    "ELSA",
    "INTERACTIONS",
    "MAP_PARTS",
    "ConvTower",
    "Cosine",
    "CosineReconstruction",
    "Dot",
    "ExpectedLikelihood",
    "GaussianPairModel",
    "GeRec",
    "Graph",
    "HistoryEncoder",
    "Interaction",
    "LightGCN",
    "MapMLP",
    "MeanEncoder",
    "MeanProduct",
    "MultDAE",
    "MultVAE",
    "PairBatch",
    "PairModel",
    "PairwiseLoss",
    "PointwiseLoss",
    "RatingLoss",
    "SampledLogits",
    "SampledLoss",
    "SampledRows",
    "SettledLightGCN",
    "SoftContrastive",
    "SoftmaxLoss",
    "SparseLinear",
    "SparseRows",
    "UserTable",
    "bpr_nll",
    "gaussian_nll",
    "logistic_nll",
    "make_gaussian_table",
    "make_table",
    "mean_of_negatives",
    "multinomial_nll",
    "pointwise_nll",
    "softmax_nll",
    "standard_normal_kl",
    "use_huge_pages",
    "variance_of",
]
