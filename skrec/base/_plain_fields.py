"""Kinds of values that hold no others: numbers, text, arrays and sparse matrices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from skrec.base._place import Place, Size
from skrec.typing import Array, CSRMatrix

__all__ = [
    "Field",
    "Flag",
    "Floats",
    "Integers",
    "Length",
    "Matrix",
    "Number",
    "Text",
    "Texts",
    "csr_of_parts",
    "csr_parts",
]


class Field:
    """A kind of values.

    What is written are None, booleans, numbers, text, arrays, and lists and dicts of these.
    """

    def pack(self, value: Any, at: Place) -> Any:
        """Return what is written of a value, after a check that it is of this kind.

        Parameters
        ----------
        value : object
            The value.
        at : Place
            Where it is.

        Returns
        -------
        packed : object
            None, booleans, numbers, text, arrays, or lists and dicts of these.

        Raises
        ------
        PersistenceError
            If it is not of this kind.
        """
        return self.check(value, at)

    def unpack(self, packed: Any, at: Place) -> Any:
        """Return the value of which something was written, after the same check.

        Parameters
        ----------
        packed : object
            What `pack` has returned.
        at : Place
            Where it is.

        Returns
        -------
        value : object
            The value.

        Raises
        ------
        PersistenceError
            If it is not of this kind.
        """
        return self.check(packed, at)

    def check(self, value: Any, at: Place) -> Any:
        """Return a value that is written as it is, after a check.

        Parameters
        ----------
        value : object
            The value, or what was written of it.
        at : Place
            Where it is.

        Returns
        -------
        value : object
            The same.

        Raises
        ------
        PersistenceError
            If it is not of this kind.
        """
        raise NotImplementedError


class Number(Field):
    """A number of Python or NumPy."""

    def check(self, value: Any, at: Place) -> Any:
        plain = isinstance(value, int | float | np.integer | np.floating)
        return value if plain and not isinstance(value, bool) else at.refuse("a number", value)


class Flag(Field):
    """True or False."""

    def check(self, value: Any, at: Place) -> Any:
        return value if isinstance(value, bool | np.bool_) else at.refuse("True or False", value)


@dataclass
class Text(Field):
    """A text, one of some where they are given.

    Parameters
    ----------
    among : tuple of str, default=None
        What it may be; None is anything.
    """

    among: tuple[str, ...] | None = None

    def check(self, value: Any, at: Place) -> str:
        if type(value) is str and (self.among is None or value in self.among):
            return value
        at.refuse("a text" if self.among is None else f"one of {self.among}", value)


@dataclass
class Length(Field):
    """A number that is a size.

    Parameters
    ----------
    size : str
        The name of the size.
    """

    size: str

    def check(self, value: Any, at: Place) -> int:
        if type(value) is not int or not at.fits((value,), (self.size,)):
            at.refuse(f"the number of {self.size}, {at.shown((self.size,))}", value)
        return value


class Floats(Field):
    """An array of floats.

    Parameters
    ----------
    *sizes : int, str or None
        The shape.
    """

    kinds: ClassVar[str] = "f"
    word: ClassVar[str] = "floats"

    def __init__(self, *sizes: Size) -> None:
        self.sizes = sizes

    def check(self, value: Any, at: Place) -> Array:
        right = isinstance(value, np.ndarray) and value.dtype.kind in self.kinds
        if not right or not at.fits(value.shape, self.sizes):
            at.refuse(f"an array of {self.word} of shape {at.shown(self.sizes)}", value)
        return value


class Integers(Floats):
    """An array of integers, below a size and not negative where that is given.

    Parameters
    ----------
    *sizes : int, str or None
        The shape.
    below : int, str or None, default=None
        What all are smaller than, and then none is negative.
    """

    kinds: ClassVar[str] = "iu"
    word: ClassVar[str] = "integers"

    def __init__(self, *sizes: Size, below: Size = None) -> None:
        super().__init__(*sizes)
        self.below = below

    def check(self, value: Any, at: Place) -> Array:
        value = super().check(value, at)
        if self.below is not None and value.size:
            most = at.sizes[self.below] if isinstance(self.below, str) else self.below
            if value.min() < 0 or value.max() >= most:
                at.refuse(f"integers from 0 to {most - 1}", value)
        return value


@dataclass
class Matrix(Field):
    """A CSR matrix of numbers, sound enough for compiled code.

    Parameters
    ----------
    rows, columns : int, str or None
        The shape.
    """

    rows: Size
    columns: Size

    def pack(self, value: Any, at: Place) -> dict[str, Any]:
        if not isinstance(value, sp.csr_matrix) or not at.fits(value.shape, self._sizes):
            at.refuse(f"a csr_matrix of shape {at.shown(self._sizes)}", value)
        return csr_parts(value)

    def unpack(self, packed: Any, at: Place) -> CSRMatrix:
        matrix = csr_of_parts(packed, at)
        if not at.fits(matrix.shape, self._sizes):
            at.refuse(f"a matrix of shape {at.shown(self._sizes)}", matrix)
        return matrix

    @property
    def _sizes(self) -> tuple[Size, Size]:
        return self.rows, self.columns


def csr_parts(X: Any) -> dict[str, Any]:
    """Return the parts of a CSR matrix by name.

    Parameters
    ----------
    X : csr_matrix or csr_array of shape (n_rows, n_columns)
        The matrix.

    Returns
    -------
    parts : dict
        Its arrays and its shape.
    """
    parts = {name: getattr(X, name) for name in ("data", "indices", "indptr")}
    return {**parts, "shape": [int(n) for n in X.shape]}


def csr_of_parts(packed: Any, at: Place) -> CSRMatrix:
    """Return the CSR matrix of its parts, after a check of every index.

    Parameters
    ----------
    packed : dict
        What `csr_parts` has returned.
    at : Place
        Where it is.

    Returns
    -------
    X : csr_matrix of shape (n_rows, n_columns)
        On the arrays themselves.

    Raises
    ------
    PersistenceError
        If they make no sound matrix.
    """
    named = isinstance(packed, dict) and set(packed) == {"data", "indices", "indptr", "shape"}
    if not named or not isinstance(packed["shape"], list) or len(packed["shape"]) != 2:
        at.refuse("the parts of a sparse matrix", packed)
    shape, sizes = packed["shape"], dict(at.sizes)
    if not all(type(n) is int and 0 <= n < 2**62 for n in shape):
        at.refuse("a matrix of some shape", shape)
    within = replace(at, sizes=sizes)
    indptr = Integers(shape[0] + 1).check(packed["indptr"], within.inside("indptr"))
    indices = Integers(None, below=shape[1]).check(packed["indices"], within.inside("indices"))
    data = packed["data"]
    if (
        not isinstance(data, np.ndarray)
        or data.shape != indices.shape
        or data.dtype.kind not in "biuf"
    ):
        at.refuse(f"an array of {len(indices)} numbers", data)
    if indptr[0] != 0 or indptr[-1] != len(indices) or (indptr[1:] < indptr[:-1]).any():
        at.refuse(f"ends of rows that rise from 0 to {len(indices)}", indptr)
    if indptr.dtype != indices.dtype or indptr.dtype not in (np.int32, np.int64):
        at.refuse("indices of int32 or int64", indptr)
    # the constructor would copy what int64 counts into int32
    matrix = sp.csr_matrix((shape[0], shape[1]), dtype=data.dtype)
    matrix.data, matrix.indices, matrix.indptr = data, indices, indptr
    return matrix


class Texts(Field):
    """An array of objects that are all text, kept as the bytes of UTF-8 and where each ends.

    Parameters
    ----------
    *sizes : int, str or None
        The shape.
    """

    def __init__(self, *sizes: Size) -> None:
        self.sizes = sizes

    def pack(self, value: Any, at: Place) -> dict[str, Array]:
        if not isinstance(value, np.ndarray) or not all(type(each) is str for each in value):
            at.refuse("an array of texts", value)
        coded = [each.encode("utf-8", "surrogatepass") for each in value]
        ends = np.cumsum([len(each) for each in coded], dtype=np.int64)
        return {"bytes": np.frombuffer(b"".join(coded), np.uint8), "ends": ends}

    def unpack(self, packed: Any, at: Place) -> Array:
        if not isinstance(packed, dict) or set(packed) != {"bytes", "ends"}:
            at.refuse("texts as bytes and ends", packed)
        coded = Integers(None).check(packed["bytes"], at.inside("bytes")).tobytes()
        ends = Integers(*self.sizes, below=len(coded) + 1).check(packed["ends"], at.inside("ends"))
        starts = [0, *ends[:-1].tolist()]
        texts = np.empty(len(ends), dtype=object)
        for number, (start, end) in enumerate(zip(starts, ends.tolist(), strict=False)):
            texts[number] = coded[start:end].decode("utf-8", "surrogatepass")
        return texts
