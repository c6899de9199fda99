"""The fitted attributes that all models have, as they are written to a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from skrec.base._links import Link
from skrec.base._place import Place
from skrec.base.fields import (
    Field,
    Flag,
    Integers,
    Length,
    Made,
    Matrix,
    Maybe,
    OneOf,
    Text,
    Texts,
    fields_of,
)
from skrec.interactions import InteractionEncoder
from skrec.typing import Array, CSRMatrix

__all__ = ["FITTED", "EncoderOf", "empty_like"]


def empty_like(X: CSRMatrix) -> CSRMatrix:
    """Return a matrix of the same shape and dtype without entries."""
    return sp.csr_matrix(X.shape, dtype=X.dtype)


# of links that are fitted when they are first asked
_WAITING = ("knots_", "offsets_", "slope_")


class LinkOf(Field):
    """The link of a model: one of the classes of links that the package has, by its name."""

    def pack(self, value: Any, at: Place) -> dict[str, Any]:
        return self._kinds().pack(value, at)

    def unpack(self, packed: Any, at: Place) -> Link:
        return self._kinds().unpack(packed, at)

    def _kinds(self) -> OneOf:
        return OneOf(
            **{c.__name__: Made(c, _WAITING, **fields_of(c)) for c in _with_subclasses(Link)}
        )


def _with_subclasses(cls: type) -> Iterator[type]:
    yield cls
    for sub in cls.__subclasses__():
        yield from _with_subclasses(sub)


class Ids(Field):
    """Raw ids: numbers, dates, text, or a mixture of numbers, text and tuples."""

    def pack(self, ids: Array, at: Place) -> dict[str, Any]:
        if ids.dtype.kind in "biuf":
            return {"numbers": ids}
        if ids.dtype.kind == "M":
            return {"dates": ids.view(np.int64), "unit": np.datetime_data(ids.dtype)[0]}
        ids = ids.astype(object)
        if all(type(each) is str for each in ids):
            return {"texts": Texts(None).pack(ids, at)}
        return {"mixed": [_packed_id(each, at) for each in ids]}

    def unpack(self, packed: Any, at: Place) -> Array:
        if not isinstance(packed, dict) or not packed:
            at.refuse("ids of some kind", packed)
        kind, value = next(iter(packed.items()))
        if kind == "texts":
            return Texts(None).unpack(value, at)
        if kind == "mixed" and isinstance(value, list):
            ids = np.empty(len(value), dtype=object)
            for number, each in enumerate(value):
                ids[number] = _unpacked_id(each, at)
            return ids
        if kind not in ("numbers", "dates") or not isinstance(value, np.ndarray) or value.ndim != 1:
            at.refuse("an array of ids", value)
        if kind == "dates":
            unit = Text(("D", "h", "m", "s", "ms", "us", "ns")).check(packed.get("unit"), at)
            return Integers(None).check(value, at).astype(np.int64, copy=False).view(f"M8[{unit}]")
        return value


def _packed_id(value: Any, at: Place) -> Any:
    if type(value) is tuple:
        return [_packed_id(each, at) for each in value]
    return value if _is_plain(value) else at.refuse("ids of numbers, dates, text or tuples", value)


def _unpacked_id(value: Any, at: Place) -> Any:
    if isinstance(value, list):
        return tuple(_unpacked_id(each, at) for each in value)
    return value if _is_plain(value) else at.refuse("ids of numbers, text or tuples", value)


def _is_plain(value: Any) -> bool:
    return type(value) in (str, int, float, bool) or isinstance(value, np.number | np.bool_)


class EncoderOf(Field):
    """An encoder of raw ids."""

    _names = ("user", "item", "rating", "timestamp", "unknown")

    def pack(self, value: Any, at: Place) -> dict[str, Any]:
        if type(value) is not InteractionEncoder:
            at.refuse("an InteractionEncoder", value)
        names = {name: self._name(getattr(value, name), at.inside(name)) for name in self._names}
        tables = {"users": value.user_ids_, "items": value.item_ids_}
        ids = {name: Ids().pack(table, at.inside(name)) for name, table in tables.items()}
        return {"columns": names, **ids, "times": value._time_kind}

    def unpack(self, packed: Any, at: Place) -> InteractionEncoder:
        if not isinstance(packed, dict) or set(packed) != {"columns", "users", "items", "times"}:
            at.refuse("an encoder's columns, users, items and times", packed)
        names = packed["columns"]
        if not isinstance(names, dict) or set(names) != set(self._names):
            at.refuse(f"columns by the names {self._names}", names)
        columns = {k: self._name(v, at.inside(k)) for k, v in names.items()}
        users, items = (Ids().unpack(packed[k], at.inside(k)) for k in ("users", "items"))
        times: Any = Maybe(Text(("integers", "seconds", "calendar"))).unpack(packed["times"], at)
        return InteractionEncoder._of_ids(users, items, times, **columns)

    def _name(self, value: Any, at: Place) -> Any:
        """Return the name of a column."""
        return value if value is None or type(value) in (str, int) else at.refuse("a name", value)


FITTED: dict[str, Field] = {
    "n_features_in_": Length("items"),
    "feature_names_in_": Texts("items"),
    "interactions_": Matrix("users", "items"),
    "encoder_": Maybe(EncoderOf()),
    "item_counts_": Integers("items"),
    "_lacks_interactions_": Flag(),
    "link_": LinkOf(),
}
"""What `BaseRecommender.fit` itself sets."""
