"""Exceptions and warnings of skrec."""

__all__ = ["DivergenceError", "PersistenceError", "SkrecWarning"]


class DivergenceError(ArithmeticError):
    """Training produced a loss that is not a finite number.

    Raised out of ``fit``; the estimator is then as it was before the call.
    """


class PersistenceError(ValueError):
    """A model cannot be written to a file, or a file is not one that a model can be read from.

    Raised by `skrec.save_model` and `skrec.load_model`.
    """


class SkrecWarning(UserWarning):
    """Data that can be fitted but is hardly what the user meant."""
