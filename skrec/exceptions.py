"""Exceptions and warnings of skrec."""

__all__ = ["DivergenceError", "SkrecWarning"]


class DivergenceError(ArithmeticError):
    """Training produced a loss that is not a finite number.

    Raised out of ``fit``; the estimator is then as it was before the call.
    """


class SkrecWarning(UserWarning):
    """Data that can be fitted but is hardly what the user meant."""
