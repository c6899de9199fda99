"""From scores to probabilities."""

from skrec.calibration._calibrated import CalibratedRecommender
from skrec.calibration._held_out import HeldOutCalibration, fit_logistic
from skrec.calibration._links import sampling_log_odds, user_offsets

__all__ = [
    "CalibratedRecommender",
    "HeldOutCalibration",
    "fit_logistic",
    "sampling_log_odds",
    "user_offsets",
]
