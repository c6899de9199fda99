"""From scores to probabilities."""

from skrec.calibration._calibrated import CalibratedRecommender
from skrec.calibration._held_out import HeldOut
from skrec.calibration._links import SamplingOdds, UserOffset, sampling_log_odds, user_offsets
from skrec.calibration._logistic import fit_logistic
from skrec.calibration._wrapping import recommender_in

__all__ = [
    "CalibratedRecommender",
    "HeldOut",
    "SamplingOdds",
    "UserOffset",
    "fit_logistic",
    "recommender_in",
    "sampling_log_odds",
    "user_offsets",
]
