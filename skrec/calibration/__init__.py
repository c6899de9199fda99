"""From scores to probabilities."""

from skrec.calibration._held_out import HeldOutCalibration, fit_logistic
from skrec.calibration._links import sampling_log_odds, user_offsets

__all__ = ["HeldOutCalibration", "fit_logistic", "sampling_log_odds", "user_offsets"]
