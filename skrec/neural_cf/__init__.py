"""Neural collaborative filtering: learnt functions of a user's and an item's vector."""

from skrec.neural_cf._conv_ncf import ConvNCFRanker
from skrec.neural_cf._deep_cf import DeepCFClassifier
from skrec.neural_cf._gmf import GMFClassifier, GMFRanker
from skrec.neural_cf._jrl import JRLRanker
from skrec.neural_cf._mlp import NCFMLPClassifier, NCFMLPRanker
from skrec.neural_cf._neumf import NeuMFClassifier, NeuMFRanker

__all__ = [
    "ConvNCFRanker",
    "DeepCFClassifier",
    "GMFClassifier",
    "GMFRanker",
    "JRLRanker",
    "NCFMLPClassifier",
    "NCFMLPRanker",
    "NeuMFClassifier",
    "NeuMFRanker",
]
