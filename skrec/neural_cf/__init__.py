"""Neural collaborative filtering: learnt functions of a user's and an item's vector."""

from skrec.neural_cf._conv_ncf import ConvNCFRanker, ConvNCFRegressor
from skrec.neural_cf._deep_cf import DeepCFClassifier
from skrec.neural_cf._gmf import GMFClassifier, GMFRanker, GMFRegressor
from skrec.neural_cf._jrl import JRLRanker
from skrec.neural_cf._mlp import NCFMLPClassifier, NCFMLPRanker, NCFMLPRegressor
from skrec.neural_cf._neumf import NeuMFClassifier, NeuMFRanker, NeuMFRegressor

__all__ = [
    "ConvNCFRanker",
    "ConvNCFRegressor",
    "DeepCFClassifier",
    "GMFClassifier",
    "GMFRanker",
    "GMFRegressor",
    "JRLRanker",
    "NCFMLPClassifier",
    "NCFMLPRanker",
    "NCFMLPRegressor",
    "NeuMFClassifier",
    "NeuMFRanker",
    "NeuMFRegressor",
]
