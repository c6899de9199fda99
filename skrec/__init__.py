"""Collaborative filtering for implicit and explicit feedback as scikit-learn estimators."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# names are found on first use, so that ``import skrec`` imports neither torch nor pandas
_DATA = {
    "InteractionEncoder": "interactions",
    "Interactions": "interactions",
    "recommend_batches": "interactions",
    "recommend_frame": "interactions",
}
_FILES = {
    "export_onnx": "persistence",
    "load_model": "persistence",
    "save_model": "persistence",
}
_ESTIMATORS = {
    "AutoRecRegressor": "autoencoder",
    "BPRMFRanker": "factorization",
    "BayesianMFRegressor": "factorization",
    "BiasedMFRegressor": "factorization",
    "BlendedRecommender": "ensemble",
    "CDAERecommender": "autoencoder",
    "CalibratedRecommender": "calibration",
    "ConvNCFRanker": "neural_cf",
    "ConvNCFRegressor": "neural_cf",
    "CrossFeedbackBMF": "factorization",
    "DAERegressor": "autoencoder",
    "DeepCFClassifier": "neural_cf",
    "EASERecommender": "linear",
    "ELSARecommender": "autoencoder",
    "FISMClassifier": "item_based",
    "FISMRanker": "item_based",
    "GERRanker": "gaussian",
    "GMFClassifier": "neural_cf",
    "GMFRanker": "neural_cf",
    "GMFRegressor": "neural_cf",
    "GeRecClassifier": "gaussian",
    "GeRecRanker": "gaussian",
    "GeRecRegressor": "gaussian",
    "GraphFilterRecommender": "linear",
    "InfiniteAERecommender": "linear",
    "ItemKNNRecommender": "linear",
    "JRLRanker": "neural_cf",
    "LightGCNRanker": "graph",
    "MFClassifier": "factorization",
    "MFRecommender": "factorization",
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
    "RP3betaRecommender": "linear",
    "RankFusionRecommender": "ensemble",
    "RecVAERecommender": "autoencoder",
    "SLIMRecommender": "linear",
    "SVDppRanker": "item_based",
    "UserKNNRecommender": "linear",
    "VAERegressor": "autoencoder",
    "VampVAERecommender": "autoencoder",
    "WMFRecommender": "factorization",
}

if TYPE_CHECKING:  # the same names for type checkers, which do not run what is below
    from skrec import reproduce as reproduce
    from skrec.autoencoder import AutoRecRegressor as AutoRecRegressor
    from skrec.autoencoder import CDAERecommender as CDAERecommender
    from skrec.autoencoder import DAERegressor as DAERegressor
    from skrec.autoencoder import ELSARecommender as ELSARecommender
    from skrec.autoencoder import MultDAERecommender as MultDAERecommender
    from skrec.autoencoder import MultVAERecommender as MultVAERecommender
    from skrec.autoencoder import RecVAERecommender as RecVAERecommender
    from skrec.autoencoder import VAERegressor as VAERegressor
    from skrec.autoencoder import VampVAERecommender as VampVAERecommender
    from skrec.baselines import PopularityRecommender as PopularityRecommender
    from skrec.calibration import CalibratedRecommender as CalibratedRecommender
    from skrec.ensemble import BlendedRecommender as BlendedRecommender
    from skrec.ensemble import RankFusionRecommender as RankFusionRecommender
    from skrec.factorization import BayesianMFRegressor as BayesianMFRegressor
    from skrec.factorization import BiasedMFRegressor as BiasedMFRegressor
    from skrec.factorization import BPRMFRanker as BPRMFRanker
    from skrec.factorization import CrossFeedbackBMF as CrossFeedbackBMF
    from skrec.factorization import MFClassifier as MFClassifier
    from skrec.factorization import MFRecommender as MFRecommender
    from skrec.factorization import WMFRecommender as WMFRecommender
    from skrec.gaussian import GeRecClassifier as GeRecClassifier
    from skrec.gaussian import GeRecRanker as GeRecRanker
    from skrec.gaussian import GeRecRegressor as GeRecRegressor
    from skrec.gaussian import GERRanker as GERRanker
    from skrec.gaussian import MoGClassifier as MoGClassifier
    from skrec.graph import LightGCNRanker as LightGCNRanker
    from skrec.interactions import InteractionEncoder as InteractionEncoder
    from skrec.interactions import Interactions as Interactions
    from skrec.interactions import recommend_batches as recommend_batches
    from skrec.interactions import recommend_frame as recommend_frame
    from skrec.item_based import FISMClassifier as FISMClassifier
    from skrec.item_based import FISMRanker as FISMRanker
    from skrec.item_based import NAISClassifier as NAISClassifier
    from skrec.item_based import SVDppRanker as SVDppRanker
    from skrec.linear import EASERecommender as EASERecommender
    from skrec.linear import GraphFilterRecommender as GraphFilterRecommender
    from skrec.linear import InfiniteAERecommender as InfiniteAERecommender
    from skrec.linear import ItemKNNRecommender as ItemKNNRecommender
    from skrec.linear import RP3betaRecommender as RP3betaRecommender
    from skrec.linear import SLIMRecommender as SLIMRecommender
    from skrec.linear import UserKNNRecommender as UserKNNRecommender
    from skrec.neural_cf import ConvNCFRanker as ConvNCFRanker
    from skrec.neural_cf import ConvNCFRegressor as ConvNCFRegressor
    from skrec.neural_cf import DeepCFClassifier as DeepCFClassifier
    from skrec.neural_cf import GMFClassifier as GMFClassifier
    from skrec.neural_cf import GMFRanker as GMFRanker
    from skrec.neural_cf import GMFRegressor as GMFRegressor
    from skrec.neural_cf import JRLRanker as JRLRanker
    from skrec.neural_cf import NCFMLPClassifier as NCFMLPClassifier
    from skrec.neural_cf import NCFMLPRanker as NCFMLPRanker
    from skrec.neural_cf import NCFMLPRegressor as NCFMLPRegressor
    from skrec.neural_cf import NeuMFClassifier as NeuMFClassifier
    from skrec.neural_cf import NeuMFRanker as NeuMFRanker
    from skrec.neural_cf import NeuMFRegressor as NeuMFRegressor
    from skrec.persistence import export_onnx as export_onnx
    from skrec.persistence import load_model as load_model
    from skrec.persistence import save_model as save_model

if not TYPE_CHECKING:  # a checker that saw __getattr__ would take every name for one of ours
    __all__ = [
        "__version__",
        "reproduce",
        *sorted(_DATA),
        *sorted(_FILES),
        *sorted(_ESTIMATORS),
    ]

    def __getattr__(name: str) -> Any:
        if name == "reproduce":
            return import_module("skrec.reproduce")
        package = {**_DATA, **_FILES, **_ESTIMATORS}.get(name)
        if package is None:
            raise AttributeError(f"module 'skrec' has no attribute {name!r}")
        return getattr(import_module(f"skrec.{package}"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
