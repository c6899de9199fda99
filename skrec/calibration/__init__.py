"""From scores to probabilities."""

from skrec.calibration._held_out import HeldOutCalibration

__all__ = ["HeldOutCalibration"]
