"""Settings of the protocol "ratings"."""

__all__ = ["SETTINGS"]

# (system, data, protocol): parameters of the estimator
SETTINGS = {}
