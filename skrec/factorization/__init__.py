"""Models that factorise the matrix of interactions."""

from skrec.factorization._bpr_mf import BPRMFRanker
from skrec.factorization._mf import MFClassifier

__all__ = ["BPRMFRanker", "MFClassifier"]
