"""Models that factorise the matrix of interactions."""

from skrec.factorization._bayesian_mf import BayesianMFRegressor
from skrec.factorization._biased_mf import BiasedMFRegressor
from skrec.factorization._bpr_mf import BPRMFRanker
from skrec.factorization._cross_feedback import CrossFeedbackBMF
from skrec.factorization._mf import MFClassifier, MFRecommender
from skrec.factorization._wmf import WMFRecommender

__all__ = [
    "BPRMFRanker",
    "BayesianMFRegressor",
    "BiasedMFRegressor",
    "CrossFeedbackBMF",
    "MFClassifier",
    "MFRecommender",
    "WMFRecommender",
]
