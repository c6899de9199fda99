"""Collaborative filtering for implicit and explicit feedback as scikit-learn estimators."""

from importlib import import_module

from skrec.interactions import InteractionEncoder, Interactions

__version__ = "0.1.0"

# estimators are found on first use, so that ``import skrec`` does not import torch
_ESTIMATORS = {
    "AutoRecRegressor": "autoencoder",
    "BPRMFRanker": "factorization",
    "BiasedMFRegressor": "factorization",
    "CDAERecommender": "autoencoder",
    "CalibratedRecommender": "calibration",
    "ConvNCFRanker": "neural_cf",
    "ConvNCFRegressor": "neural_cf",
    "CrossFeedbackBMF": "factorization",
    "DAERegressor": "autoencoder",
    "DeepCFClassifier": "neural_cf",
    "EASERecommender": "linear",
    "FISMRanker": "item_based",
    "GERRanker": "gaussian",
    "GMFClassifier": "neural_cf",
    "GMFRanker": "neural_cf",
    "GMFRegressor": "neural_cf",
    "GeRecClassifier": "gaussian",
    "GeRecRanker": "gaussian",
    "GeRecRegressor": "gaussian",
    "ItemKNNRecommender": "linear",
    "JRLRanker": "neural_cf",
    "MFClassifier": "factorization",
    "MoGClassifier": "gaussian",
    "MultDAERecommender": "autoencoder",
    "MultVAERecommender": "autoencoder",
    "NAISClassifier": "item_based",
    "NCFMLPClassifier": "neural_cf",
    "NCFMLPRanker": "neural_cf",
    "NCFMLPRegressor": "neural_cf",
    "NeuMFClassifier": "neural_cf",
    "NeuMFRanker": "neural_cf",
    "NeuMFRegressor": "neural_cf",
    "PopularityRecommender": "baselines",
    "RecVAERecommender": "autoencoder",
    "SVDppRanker": "item_based",
    "UserKNNRecommender": "linear",
    "VAERegressor": "autoencoder",
    "VampVAERecommender": "autoencoder",
    "WMFRecommender": "factorization",
}

__all__ = ["InteractionEncoder", "Interactions", "__version__", "reproduce", *sorted(_ESTIMATORS)]


def __getattr__(name):
    if name == "reproduce":
        return import_module("skrec.reproduce")
    if name not in _ESTIMATORS:
        raise AttributeError(f"module 'skrec' has no attribute {name!r}")
    return getattr(import_module(f"skrec.{_ESTIMATORS[name]}"), name)


def __dir__():
    return sorted({*globals(), *__all__})
