"""Plots of trainings and comparisons, in the manner of scikit-learn's displays."""

from skrec.inspection._activity import activity_quintiles
from skrec.inspection._activity_display import ActivityDisplay
from skrec.inspection._history_display import TrainingHistoryDisplay

__all__ = ["ActivityDisplay", "TrainingHistoryDisplay", "activity_quintiles"]
