"""Splitters of users or interactions, checks of a split, and comparisons of systems."""

from skrec.model_selection._check import SplitReport, check_split
from skrec.model_selection._compare import Comparison, compare
from skrec.model_selection._over_datasets import RankComparison, compare_over_datasets
from skrec.model_selection._random_split import InteractionHoldout, InteractionKFold
from skrec.model_selection._significance import critical_difference, holm
from skrec.model_selection._time_split import LeaveOneOut, TemporalHoldout
from skrec.model_selection._user_split import StrongGeneralization

__all__ = [
    "Comparison",
    "InteractionHoldout",
    "InteractionKFold",
    "LeaveOneOut",
    "RankComparison",
    "SplitReport",
    "StrongGeneralization",
    "TemporalHoldout",
    "check_split",
    "compare",
    "compare_over_datasets",
    "critical_difference",
    "holm",
]
