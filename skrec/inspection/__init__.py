"""Plots of training, comparisons, calibration and uncertainty, as scikit-learn's displays."""

from skrec.inspection._activity import activity_quintiles
from skrec.inspection._activity_display import ActivityDisplay
from skrec.inspection._calibration_activity import calibration_by_activity
from skrec.inspection._calibration_activity_display import CalibrationByActivityDisplay
from skrec.inspection._critical_difference_display import CriticalDifferenceDisplay
from skrec.inspection._history_display import TrainingHistoryDisplay
from skrec.inspection._prior import prior_components
from skrec.inspection._prior_display import PriorDisplay
from skrec.inspection._quality_cost_display import QualityCostDisplay
from skrec.inspection._rank_correlation import partial_spearman
from skrec.inspection._reliability_display import ReliabilityDisplay
from skrec.inspection._uncertainty import user_uncertainty
from skrec.inspection._uncertainty_display import UncertaintyDisplay
from skrec.inspection._uncertainty_excess import uncertainty_excess

__all__ = [
    "ActivityDisplay",
    "CalibrationByActivityDisplay",
    "CriticalDifferenceDisplay",
    "PriorDisplay",
    "QualityCostDisplay",
    "ReliabilityDisplay",
    "TrainingHistoryDisplay",
    "UncertaintyDisplay",
    "activity_quintiles",
    "calibration_by_activity",
    "partial_spearman",
    "prior_components",
    "uncertainty_excess",
    "user_uncertainty",
]
