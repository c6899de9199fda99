"""Raw ids and their codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skrec.interactions._columns import whole_column
from skrec.typing import Array
from skrec.utils import as_array, as_integers

if TYPE_CHECKING:
    from skrec.interactions._encoder import InteractionEncoder

__all__ = ["IdTable", "Unknown", "different_ids"]

Unknown = Literal["error", "ignore"]

_EXACT = 2**53
_NUMBERS = {"integers", "floats"}


def different_ids(
    first: InteractionEncoder | None,
    second: InteractionEncoder | None,
    *,
    items_only: bool = False,
) -> Literal["user", "item"] | None:
    """Return whose ids two encoders code differently, the users' or the items'.

    One of them may have grown by `partial_fit` since, so that ids are compared up to the shorter of
    the two lists.

    Parameters
    ----------
    first, second : InteractionEncoder or None
        Fitted encoders; if one is None, nothing can be said and None is returned.
    items_only : bool, default=False
        Whether users may differ, because the histories are those of other users.

    Returns
    -------
    side : "user", "item" or None
        The first side that differs; None if both agree as far as they go.

    Examples
    --------
    >>> from skrec import InteractionEncoder
    >>> from skrec.interactions import different_ids
    >>> one = InteractionEncoder().fit({"user": ["a", "b"], "item": [1, 2]})
    >>> other = InteractionEncoder().fit({"user": ["a", "b"], "item": [2, 1]})
    >>> different_ids(one, other)
    'item'
    """
    if first is None or second is None or first is second:
        return None
    if not items_only and not _agree(first.user_ids_, second.user_ids_):
        return "user"
    return None if _agree(first.item_ids_, second.item_ids_) else "item"


def _agree(first: Array, second: Array) -> bool:
    if first is second:
        return True
    length = min(len(first), len(second))
    return _index(first[:length]).equals(_index(second[:length]))


def _index(ids: Any) -> pd.Index:
    return pd.Index(ids, tupleize_cols=False)


class IdTable:
    """Distinct raw ids, each with its place as code.

    Parameters
    ----------
    ids : array-like of shape (n,)
        The ids, all different.
    name : {"user", "item"}
        Whose ids they are.

    Attributes
    ----------
    ids : ndarray of shape (n,)
        The ids; locked.
    """

    def __init__(self, ids: Any, name: str) -> None:
        self.name = name
        self._index = _lossless_index(ids)
        self._kind = _kind_of(self._index)
        self.ids: Array = self._index.to_numpy().view()
        self.ids.flags.writeable = False

    def __reduce__(self) -> tuple[type[IdTable], tuple[Array, str]]:
        return type(self), (self.ids, self.name)

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def learn(cls, values: Any, name: str) -> tuple[Self, Array]:
        """Return the ids of a column in order of first appearance, and the code of each row."""
        column = _checked(whole_column(values, f"{name} ids"), name)
        try:
            codes, ids = pd.factorize(column)
        except TypeError as error:
            raise ValueError(f"{name} ids must be hashable; got {_unhashable(column)}") from error
        return cls(np.asarray(ids) if isinstance(ids, pd.CategoricalIndex) else ids, name), codes

    def grown(self, values: Any) -> tuple[Self, Array]:
        """Return a table with the new ids after the old ones, and the code of each row."""
        new, rows = type(self).learn(values, self.name)
        if not len(self):
            return new, rows
        self._check_kind(new._kind)
        codes = self._codes(pd.Series(new._index))
        fresh = codes < 0
        new_ids = new.ids[fresh]
        codes[fresh] = len(self) + np.arange(len(new_ids))
        if not len(new_ids):
            return self, codes[rows]
        if self.ids.dtype == new_ids.dtype and self.ids.dtype.kind != "O":
            return type(self)(np.concatenate([self.ids, new_ids]), self.name), codes[rows]
        return type(self)(_joined(self.ids, new_ids), self.name), codes[rows]

    def taken(self, index: ArrayLike, name: str) -> Self:
        """Return the table of some of the ids, chosen by their codes or by a mask."""
        if isinstance(index, list | np.ndarray) and as_array(index, name).dtype == bool:
            index = self._where(np.asarray(index), name)
        places = as_integers(index, name, f"integer {name} of the frame")
        if places.ndim != 1:
            raise ValueError(f"{name} must be 1-D; got {places.ndim}-D")
        if not len(places):
            raise ValueError(f"{name} must not be empty; got none of {len(self)}")
        if places.min() < 0 or places.max() >= len(self):
            raise ValueError(
                f"{name} must lie in [0, {len(self)}), the frame of the encoder; got "
                f"{places.min()} to {places.max()}"
            )
        if len(np.unique(places)) < len(places):
            raise ValueError(f"{name} must not repeat; got {len(places)} with fewer different ones")
        return type(self)(self.ids[places], self.name)

    def _where(self, mask: Array, name: str) -> Array:
        if mask.shape != self.ids.shape:
            raise ValueError(
                f"{name} must have one entry for each of the {len(self)} {name} where it is a "
                f"mask; got the shape {mask.shape}"
            )
        return np.flatnonzero(mask)

    def encode(self, values: Any, unknown: Unknown) -> Any:
        """Return the codes of ids; of unknown ones an error, or -1."""
        if self._is_one(values):
            return int(self.encode([values], unknown)[0])
        column = whole_column(values, f"{self.name} ids")
        codes = self._codes(column)
        if (codes < 0).any():
            self._check_kind(_kind_of(column))
            if unknown == "error":
                some = column[codes < 0].unique()[:5].tolist()
                raise ValueError(
                    f"{self.name} ids must be among the {len(self)} of fit; "
                    f"got unknown ids such as {some}"
                )
        return codes

    def as_many(self, values: Any) -> Any:
        """Return a list of ids, also of one."""
        return [values] if self._is_one(values) else values

    def decode(self, codes: ArrayLike, name: str) -> Any:
        """Return the ids of codes, None for -1."""
        codes = as_integers(codes, name)
        if codes.size and (codes.min() < -1 or codes.max() >= len(self)):
            low, high = codes.min(), codes.max()
            raise ValueError(f"{name} must lie in [-1, {len(self)}); got {low} to {high}")
        if codes.ndim == 0:
            return None if codes < 0 else _python(self.ids[int(codes)])
        if not codes.size or codes.min() >= 0:
            return self.ids[codes]
        out = np.empty(codes.shape, dtype=object)
        out[codes >= 0] = self.ids[codes[codes >= 0]].astype(object)
        return out

    def _is_one(self, values: Any) -> bool:
        if isinstance(values, tuple) and len(self) and isinstance(self.ids[0], tuple):
            return not (values and isinstance(values[0], tuple))
        return not pd.api.types.is_list_like(values)

    def _codes(self, column: pd.Series) -> Array:
        if isinstance(column.dtype, pd.CategoricalDtype):
            return self._codes(pd.Series(column.cat.categories))[column.cat.codes]
        target = _lossless_index(_whole_floats(column))
        kinds = {self._index.dtype.kind, target.dtype.kind}
        if len(kinds) > 1 and kinds <= set("iuf"):  # as floats, large integers would be equal
            target = target.astype(object)
        try:
            return self._index.get_indexer(target).astype(np.int64)
        except TypeError as error:
            got = _unhashable(column)
            raise ValueError(f"{self.name} ids must be hashable; got {got}") from error

    def _check_kind(self, kind: str | None) -> None:
        """Refuse ids of another kind, of which none can be known."""
        if self._kind is None or kind is None or kind == self._kind:
            return
        if {kind, self._kind} <= _NUMBERS:
            return
        raise ValueError(
            f"{self.name} ids must be {self._kind}, as they were in fit; got {kind} "
            f"(fit saw ids such as {_python(self.ids[0])!r})"
        )


def _lossless_index(ids: Any) -> pd.Index:
    """Return ids as an Index of integers, text or another type that changes none of them."""
    index = _index(ids)
    if index.dtype == object:
        kind = pd.api.types.infer_dtype(index, skipna=False)
        return index.infer_objects() if kind in ("integer", "string", "floating") else index
    if isinstance(index.dtype, np.dtype) and index.dtype.kind in "iu":
        large = (index.to_numpy() > np.iinfo(np.int64).max).any()
        return index if large else index.astype(np.int64)
    return index


def _whole_floats(column: pd.Series) -> pd.Series:
    """Return a column of whole floats as integers."""
    if column.dtype.kind != "f":
        return column
    values = column.to_numpy()
    if (np.abs(values) < _EXACT).all() and (values == np.rint(values)).all():
        return pd.Series(values.astype(np.int64))
    return column


def _checked(column: pd.Series, name: str) -> pd.Series:
    """Return a column, after a check that ids are equal only where they are the same."""
    if column.dtype.kind == "f" and (np.abs(column.to_numpy()) >= _EXACT).any():
        raise ValueError(
            f"{name} ids must be integers or text where they are 2**53 or more; got floats, which "
            f"are not exact there, such as {column.abs().max()!r}"
        )
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=False) != "string":
        types = set(map(type, column))
        if types & {bool, np.bool_} and len(types) > 1:
            got = sorted(kind.__name__ for kind in types)
            raise ValueError(f"{name} ids must not mix True and False with others; got {got}")
    return column


def _kind_of(values: pd.Index | pd.Series) -> str | None:
    """Return the one kind of ids that there is, None where it is mixed or unusual."""
    kind = values.dtype.kind
    if kind in "iufbM":
        names = {"i": "integers", "u": "integers", "f": "floats", "b": "booleans", "M": "datetimes"}
        return names[kind]
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _kind_of(values.dtype.categories)
    inferred = pd.api.types.infer_dtype(values, skipna=False)
    return {"string": "text", "integer": "integers"}.get(inferred)


def _joined(first: Array, second: Array) -> Array:
    out = np.empty(len(first) + len(second), dtype=object)
    out[: len(first)], out[len(first) :] = first, second
    return out


def _python(value: Any) -> Any:
    """Return a scalar of NumPy as Python's, as far as it has it."""
    plain = isinstance(value, np.generic) and value.dtype.kind in "biufUS"
    return value.item() if plain else value


def _unhashable(column: pd.Series) -> str:
    for value in column:
        try:
            hash(value)
        except TypeError:
            return f"{type(value).__name__} such as {value!r}"
    return "ids that are not"
