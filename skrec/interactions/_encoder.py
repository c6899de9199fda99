"""The coding of raw ids as a transformer of scikit-learn."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from copy import copy
from typing import Any, Self, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skrec.interactions._frames import take_columns
from skrec.interactions._ids import IdTable, Unknown, different_ids
from skrec.interactions._interactions import Interactions
from skrec.interactions._strengths import as_strengths
from skrec.interactions._times import TimeKind, converted, read_times, unit_of
from skrec.typing import Array

__all__ = ["Ids", "InteractionEncoder", "join_ids"]

Ids: TypeAlias = ArrayLike | Sequence[Hashable] | Hashable
"""Raw ids, anything hashable."""


# sklearn's container wrapping is off: interactions are no array
class InteractionEncoder(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Map raw user and item ids to rows and columns, and back.

    A transformer from tables of raw ids to `Interactions`. Pass training and test tables through
    the same encoder, so that the same id has the same code in both.

    Parameters
    ----------
    user, item : str
        Columns of the raw ids in the tables given to `fit` and `transform`.
    rating, timestamp : str, default=None
        Columns of values and times, where there are any.
    unknown : {"error", "ignore"}, default="error"
        What to do with ids that `fit` has not seen. With "ignore" `transform` drops their rows
        and `encode_users` and `encode_items` return -1.

    Attributes
    ----------
    user_ids_ : ndarray of shape (n_users,)
        Raw id of each row, in order of first appearance; it cannot be written to.
    item_ids_ : ndarray of shape (n_items,)
        Raw id of each column; it cannot be written to.
    time_unit_ : "ns" or None
        Unit of the times that `fit` saw: nanoseconds since 1970, or None for plain integers and
        where there were no times.

    See Also
    --------
    Interactions : What `transform` returns.

    Notes
    -----
    Tables are those of pandas, polars (lazy ones too), Arrow, DuckDB and whatever else narwhals
    reads, dicts of columns and lists of dicts. An id of one type is never equal to one of another:
    to look up "7" where `fit` saw integers is an error that says so.

    Times must be of the kind that `fit` saw. Whole numbers of seconds after numbers with fractions
    are converted; dates and plain integers in one encoder are an error.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import InteractionEncoder
    >>> encoder = InteractionEncoder().fit(pd.DataFrame({"user": ["b", "a"], "item": [7, 7]}))
    >>> encoder.encode_users(["a", "b"]).tolist()
    [1, 0]
    >>> encoder.encode_users("a"), encoder.decode_items(0)
    (1, 7)

    Ids that come later get the next codes:

    >>> encoder.partial_fit({"user": ["c"], "item": [8]}).encode_users(["a", "b", "c"]).tolist()
    [1, 0, 2]
    """

    def __init__(
        self,
        *,
        user: str = "user",
        item: str = "item",
        rating: str | None = None,
        timestamp: str | None = None,
        unknown: Unknown = "error",
    ) -> None:
        self.user = user
        self.item = item
        self.rating = rating
        self.timestamp = timestamp
        self.unknown: Unknown = unknown

    def fit(self, df: Any, y: Any = None) -> Self:
        """Learn the ids of a table.

        Parameters
        ----------
        df : DataFrame, table or dict of columns
            One row an interaction. Ratings and times may be missing here.
        y : None
            Ignored.

        Returns
        -------
        self : InteractionEncoder
            The encoder.

        Raises
        ------
        TypeError
            If ``df`` is no table.
        ValueError
            If a column or an id is missing; the encoder is then as it was before.
        """
        table = self._take(df, optional=("timestamp",))
        (users, _), (items, _) = _learn(table)
        return self._know(users, items, _kind_of_times(table))

    def fit_transform(self, df: Any, y: Any = None) -> Interactions:  # type: ignore[override]
        """Learn the ids of a table and return its interactions, in one pass.

        Parameters
        ----------
        df : DataFrame, table or dict of columns
            One row an interaction.
        y : None
            Ignored.

        Returns
        -------
        interactions : Interactions
            One a row of the table, in its order.

        Raises
        ------
        TypeError
            If ``df`` is no table.
        ValueError
            If a column, an id, a rating or a time is missing or of a wrong kind; the encoder is
            then as it was before.
        """
        table = self._take(df)
        (users, rows), (items, columns) = _learn(table)
        value, timestamp, kind = _values(table)
        self._know(users, items, kind)
        return self._interactions(rows, columns, value, timestamp, kind)

    def partial_fit(self, df: Any, y: Any = None) -> Self:
        """Learn the ids of a table that are new; the codes of the others stay.

        Parameters
        ----------
        df : DataFrame, table or dict of columns
            One row an interaction. Ratings and times may be missing here.
        y : None
            Ignored.

        Returns
        -------
        self : InteractionEncoder
            The encoder.

        Raises
        ------
        ValueError
            If ids are missing or of another type than in `fit`, or times are of another kind; the
            encoder is then as it was before.
        """
        if not hasattr(self, "user_ids_"):
            return self.fit(df)
        table = self._take(df, optional=("timestamp",))
        (users, _), (items, _) = self._grown(table)
        kind = _kind_of_times(table)
        if kind is not None and self._time_kind is not None:
            converted(np.empty(0, dtype=np.int64), kind, self._time_kind, "timestamp")
        return self._know(users, items, self._time_kind or kind)

    def restrict(self, rows: ArrayLike, columns: ArrayLike) -> Self:
        """Forget the ids of all but some rows and columns; the kind of times stays.

        Parameters
        ----------
        rows, columns : array-like of int, or mask
            What is kept, in this order.

        Returns
        -------
        self : InteractionEncoder
            The encoder, whose ids are ``user_ids_[rows]`` and ``item_ids_[columns]``.

        Raises
        ------
        ValueError
            If no row or no column is left, one is kept twice or there is none of its number; the
            encoder is then as it was before.
        """
        self._check_fitted()
        users, items = self._users.taken(rows, "rows"), self._items.taken(columns, "columns")
        return self._know(users, items, self._time_kind)

    def transform(self, df: Any) -> Interactions:
        """Return the interactions of a table.

        Parameters
        ----------
        df : DataFrame, table or dict of columns
            A table with the columns that the encoder was made for.

        Returns
        -------
        interactions : Interactions
            One a row of the table, in its order; with ``unknown="ignore"`` only of the rows whose
            user and item are known.

        Raises
        ------
        ValueError
            If an id is not known (``unknown="error"``), if a column, an id, a rating or a time is
            missing, or if ids or times are of another kind than in `fit`.
        """
        self._check_fitted()
        table = self._take(df)
        rows, columns = self.encode_users(table["user"]), self.encode_items(table["item"])
        value, timestamp, kind = _values(table)
        if timestamp is not None and kind is not None and self._time_kind is not None:
            timestamp = converted(timestamp, kind, self._time_kind, "timestamp")
        made = self._interactions(rows, columns, value, timestamp, kind)
        known = (rows >= 0) & (columns >= 0)
        return made if known.all() else made[known]

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the raw item ids as text: the names of the matrix's columns.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        names : ndarray of str objects of shape (n_items,)
            One a column.
        """
        self._check_fitted()
        return np.array([str(name) for name in self.item_ids_], dtype=object)

    def encode_users(self, ids: Ids) -> Any:
        """Return the rows of raw user ids.

        Parameters
        ----------
        ids : array-like of shape (n,) or one id
            Raw ids.

        Returns
        -------
        rows : ndarray of shape (n,) or int
            Rows, int64; with ``unknown="ignore"`` -1 for ids that are not known.

        Raises
        ------
        ValueError
            If an id is not known (``unknown="error"``), or ids are of another type than in `fit`.
        """
        self._check_fitted()
        return self._users.encode(ids, self.unknown)

    def encode_items(self, ids: Ids) -> Any:
        """Return the columns of raw item ids.

        Parameters
        ----------
        ids : array-like of shape (n,) or one id
            Raw ids.

        Returns
        -------
        columns : ndarray of shape (n,) or int
            Columns, int64; with ``unknown="ignore"`` -1 for ids that are not known.

        Raises
        ------
        ValueError
            If an id is not known (``unknown="error"``), or ids are of another type than in `fit`.
        """
        self._check_fitted()
        return self._items.encode(ids, self.unknown)

    def decode_users(self, rows: ArrayLike) -> Any:
        """Return the raw ids of rows.

        Parameters
        ----------
        rows : array-like of int, or int
            Rows; -1 becomes None.

        Returns
        -------
        ids : ndarray or one id
            Raw ids, in the shape of ``rows``.

        Raises
        ------
        ValueError
            If a row lies outside the frame.
        """
        self._check_fitted()
        return self._users.decode(rows, "rows")

    def decode_items(self, columns: ArrayLike) -> Any:
        """Return the raw ids of columns, such as `recommend` returns them.

        Parameters
        ----------
        columns : array-like of int, or int
            Columns; -1 becomes None.

        Returns
        -------
        ids : ndarray or one id
            Raw ids, in the shape of ``columns``.

        Raises
        ------
        ValueError
            If a column lies outside the frame.
        """
        self._check_fitted()
        return self._items.decode(columns, "columns")

    def _take(self, df: Any, optional: Sequence[str] = ()) -> dict[str, pd.Series]:
        """Return the columns of a table by parameter; with optional ones, no ratings."""
        if self.unknown not in ("error", "ignore"):
            raise ValueError(f"unknown must be 'error' or 'ignore'; got {self.unknown!r}")
        names = {"user": self.user, "item": self.item, "timestamp": self.timestamp}
        for key in ("user", "item"):
            if names[key] is None:
                raise ValueError(f"{key} must name a column of raw ids; got None")
        if not optional:
            names["rating"] = self.rating
        given = {key: name for key, name in names.items() if name is not None}
        return take_columns(df, given, optional)

    def _partial_fit_transform(self, df: Any) -> Interactions:
        """Learn the new ids of a table and return its interactions, in one pass."""
        table = self._take(df)
        known = self._time_kind if hasattr(self, "user_ids_") else None
        (users, rows), (items, columns) = self._grown(table)
        value, timestamp, kind = _values(table)
        if timestamp is not None and kind is not None and known is not None:
            timestamp = converted(timestamp, kind, known, "timestamp")
        self._know(users, items, known or kind)
        return self._interactions(rows, columns, value, timestamp, kind)

    def _grown(self, table: dict[str, pd.Series]) -> list[tuple[IdTable, Array]]:
        if not hasattr(self, "user_ids_"):
            return _learn(table)
        return [self._users.grown(table["user"]), self._items.grown(table["item"])]

    @classmethod
    def _of_ids(cls, users: Array, items: Array, kind: TimeKind | None, **columns: Any) -> Self:
        """Return an encoder that knows some ids, all different."""
        return cls(**columns)._know(IdTable(users, "user"), IdTable(items, "item"), kind)

    def _know(self, users: IdTable, items: IdTable, kind: TimeKind | None) -> Self:
        self._users, self._items = users, items
        self._time_kind: TimeKind | None = kind
        self.user_ids_, self.item_ids_ = users.ids, items.ids
        self.time_unit_ = None if kind is None else unit_of(kind)
        return self

    def _interactions(
        self,
        rows: Array,
        columns: Array,
        value: Array | None,
        timestamp: Array | None,
        kind: TimeKind | None,
    ) -> Interactions:
        kind = self._time_kind or kind
        unit = None if timestamp is None or kind is None else unit_of(kind)
        value = np.ones(len(rows), np.float32) if value is None else value
        frame = (len(self._users), len(self._items))
        made = Interactions.__new__(Interactions)
        return made._set(rows, columns, value, timestamp, frame, unit, copy(self))

    def _check_fitted(self) -> None:
        check_is_fitted(self, "user_ids_")


def join_ids(first: InteractionEncoder, second: InteractionEncoder) -> InteractionEncoder:
    """Return an encoder of the users of two, those of the second after those of the first.

    Parameters
    ----------
    first, second : InteractionEncoder
        Fitted encoders. Of their lists of items one begins with the other; so do their lists of
        users, or these have nobody in common.

    Returns
    -------
    joined : InteractionEncoder
        A copy of the first that knows the users of both, and the longer list of items.

    Raises
    ------
    ValueError
        If lists of users differ and have somebody in common, or ids are of different types.

    Examples
    --------
    >>> from skrec import InteractionEncoder
    >>> from skrec.interactions import join_ids
    >>> one = InteractionEncoder().fit({"user": ["a", "b"], "item": [1, 2]})
    >>> other = InteractionEncoder().fit({"user": ["c"], "item": [1]})
    >>> join_ids(one, other).encode_users("c")
    2
    """
    items = max(first._items, second._items, key=len)
    if different_ids(first, second) is None:
        users = max(first._users, second._users, key=len)
        return copy(first)._know(users, items, first._time_kind)
    known = second.user_ids_[first._users.encode(second.user_ids_, "ignore") >= 0]
    if len(known):
        raise ValueError(
            f"the users must be others than those of the model; got {len(known)} that it has, "
            f"such as {known[:3].tolist()}: fit to all interactions anew"
        )
    return copy(first)._know(first._users.grown(second.user_ids_)[0], items, first._time_kind)


def _learn(table: dict[str, pd.Series]) -> list[tuple[IdTable, Array]]:
    """Return the users' and the items' table of ids, each with the codes of the rows."""
    return [IdTable.learn(table[name], name) for name in ("user", "item")]


def _kind_of_times(table: dict[str, pd.Series]) -> TimeKind | None:
    """Return what the times of a table are, None where there are none."""
    if len(table.get("timestamp", ())) == 0:
        return None
    return read_times(table["timestamp"], "timestamp")[1]


def _values(table: dict[str, pd.Series]) -> tuple[Array | None, Array | None, TimeKind | None]:
    """Return the strengths, the times and the kind of the times of a table."""
    value = as_strengths(table["rating"], "rating") if "rating" in table else None
    if "timestamp" not in table:
        return value, None, None
    timestamp, kind = read_times(table["timestamp"], "timestamp")
    return value, timestamp, kind if len(timestamp) else None
