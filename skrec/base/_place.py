"""Where in a model a value is that is written to a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np

from skrec.exceptions import PersistenceError

__all__ = ["Place", "Size"]

Size = str | int | None


@dataclass
class Place:
    """Where in a model a value is.

    Parameters
    ----------
    model : BaseRecommender
        The model; while it is read, with the attributes that were read before.
    name : str
        The name of the value, for errors.
    pack, unpack : callable
        Take an estimator and return what is written of it, and the reverse; with ``name``, and
        the first of them with whether its probabilities may be asked for.
    sizes : dict of str to int
        The sizes that are known.
    """

    model: Any
    name: str
    pack: Callable[[Any, str, bool], Any]
    unpack: Callable[[Any, str], Any]
    sizes: dict[str, int] = field(default_factory=dict)

    def inside(self, name: str) -> Place:
        """Return the place of a part.

        Parameters
        ----------
        name : str
            The part's name.

        Returns
        -------
        place : Place
            Of the same model.
        """
        return replace(self, name=f"{self.name}.{name}")

    def refuse(self, expected: str, value: Any) -> NoReturn:
        """Raise an error that says what was expected.

        Parameters
        ----------
        expected : str
            What goes after "must be".
        value : object
            What came.

        Raises
        ------
        PersistenceError
            Always.
        """
        got = f"{type(value).__name__}"
        if isinstance(value, np.ndarray):
            got = f"an array of {value.dtype} of shape {value.shape}"
        elif isinstance(value, str | int | float | None):
            got = f"{value!r:.60}"
        raise PersistenceError(f"{self.name} must be {expected}; got {got}")

    def fits(self, shape: tuple[int, ...], sizes: tuple[Size, ...]) -> bool:
        """Return whether a shape is what it has to be; names that are new get their sizes.

        Parameters
        ----------
        shape : tuple of int
            The shape.
        sizes : tuple of int, str or None
            What it has to be.

        Returns
        -------
        fits : bool
            Whether it is.
        """
        if len(shape) != len(sizes):
            return False
        for n, size in zip(shape, sizes, strict=True):
            wanted = self.sizes.setdefault(size, n) if isinstance(size, str) else size
            if wanted is not None and wanted != n:
                return False
        return True

    def shown(self, sizes: tuple[Size, ...]) -> str:
        """Return sizes as errors show them.

        Parameters
        ----------
        sizes : tuple of int, str or None
            The sizes.

        Returns
        -------
        shown : str
            A tuple, with numbers where they are known.
        """
        each = [str(self.sizes.get(s, s) if isinstance(s, str) else s or "any") for s in sizes]
        return f"({', '.join(each)}{',' if len(each) == 1 else ''})"
