"""Widths of layers."""

from collections.abc import Iterable
from numbers import Integral
from typing import Annotated

__all__ = ["Sizes", "as_sizes"]

Sizes = Annotated[tuple[int, ...] | list[int], tuple, list]
"""The annotation of a parameter that holds widths of layers."""


def as_sizes(name: str, sizes: Iterable[int], least: int = 0) -> tuple[int, ...]:
    """Check the widths of layers.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    sizes : tuple or list of int
        Its value.
    least : int, default=0
        The least number of layers.

    Returns
    -------
    sizes : tuple of int
        The same.
    """
    checked = tuple(sizes)
    whole = [isinstance(n, Integral) and not isinstance(n, bool) for n in checked]
    if len(checked) < least or not all(whole) or not all(n > 0 for n in checked):
        wanted = "positive integers" if least == 0 else "one or more positive integers"
        raise ValueError(f"{name} must be {wanted}; got {checked!r}")
    return tuple(int(n) for n in checked)
