"""Interactions as a sequence in a fixed frame of users and items."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, DTypeLike

from skrec.interactions._columns import as_column
from skrec.interactions._entries import check_frame, coordinates, indices, times_of
from skrec.interactions._strengths import as_strengths
from skrec.interactions._times import TimeUnit, as_timestamps
from skrec.typing import Array, CSRMatrix, MatrixLike

if TYPE_CHECKING:
    from skrec.interactions._encoder import InteractionEncoder

__all__ = ["Interactions"]


class Interactions:
    """A sequence of interactions between the users and items of a fixed frame.

    A part of it has the same frame. So where scikit-learn indexes rows, it indexes interactions
    here: a cross-validation splits interactions, and every part still speaks of the same users and
    items. NumPy does not turn it into an array; `tocsr` returns the matrix.

    Parameters
    ----------
    X : sparse matrix or array-like of shape (n_users, n_items)
        The interactions. Each stored entry of a sparse matrix is one, a stored zero too. Of a
        dense array each entry is one that is neither 0 nor masked.
    timestamps : sparse matrix or array of shape (n_users, n_items), default=None
        Times with the same pattern of stored entries as ``X``. A dense array is read where ``X``
        has entries; it may hold datetimes.

    Attributes
    ----------
    user, item : ndarray of shape (n,)
        Row and column of each interaction, int64.
    value : ndarray of shape (n,)
        Its strength or rating, float32.
    timestamp : ndarray of shape (n,) or None
        Its time, int64.
    time_unit : "ns" or None
        Unit of the times: nanoseconds since 1970 where they came as dates or with fractions of
        seconds, None for integers in a unit of their own; see `skrec.interactions.as_timestamps`.
    encoder : InteractionEncoder or None
        The encoder of the raw ids as it was when these interactions were made, None where rows
        and columns were given.
    frame : tuple of int
        ``(n_users, n_items)``.
    shape : tuple of int
        ``(n,)``.

    Raises
    ------
    ValueError
        If ``X`` is no sound matrix of numbers, ``timestamps`` has another pattern, or a time is
        missing.

    See Also
    --------
    InteractionEncoder : Maps raw ids to rows and columns.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec import Interactions
    >>> X = sp.csr_matrix([[1, 0, 1], [0, 1, 0]])
    >>> I = Interactions(X)
    >>> len(I), I[:2].frame, I[:2].tocsr().toarray().tolist()
    (3, (2, 3), [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    """

    # what was pickled before these were there has neither
    encoder: InteractionEncoder | None = None
    time_unit: TimeUnit = None

    def __init__(self, X: MatrixLike, timestamps: MatrixLike | None = None) -> None:
        entries = coordinates(X, "X")
        timestamp, unit = None, None
        if timestamps is not None:
            timestamp, unit = times_of(entries, timestamps)
        value = as_strengths(entries.data, "X", finite=False)
        self._set(entries.row, entries.col, value, timestamp, check_frame(entries.shape), unit)

    def _set(
        self,
        user: Array,
        item: Array,
        value: Array,
        timestamp: Array | None,
        frame: tuple[int, int],
        time_unit: TimeUnit = None,
        encoder: InteractionEncoder | None = None,
    ) -> Self:
        """Keep arrays that nobody else writes to."""
        self.user = _locked(user, np.int64)
        self.item = _locked(item, np.int64)
        self.value = _locked(value, np.float32)
        self.timestamp = None if timestamp is None else _locked(timestamp, np.int64)
        self.frame, self.time_unit, self.encoder = frame, time_unit, encoder
        return self

    @classmethod
    def from_arrays(
        cls,
        user: ArrayLike,
        item: ArrayLike,
        value: ArrayLike | None = None,
        timestamp: ArrayLike | None = None,
        *,
        frame: Sequence[int] | None = None,
        time_unit: TimeUnit = None,
        encoder: InteractionEncoder | None = None,
    ) -> Self:
        """Return interactions from arrays of rows and columns.

        Parameters
        ----------
        user, item : array-like of int of shape (n,)
            Row and column of each interaction.
        value : array-like of shape (n,), default=None
            Strength or rating; None means 1.
        timestamp : array-like of shape (n,), default=None
            Times, of any kind that `skrec.interactions.as_timestamps` reads.
        frame : tuple of int, default=None
            ``(n_users, n_items)``; None takes that of the encoder, or else the largest row and
            column that occur.
        time_unit : {"ns", None}, default=None
            "ns" says that integers in ``timestamp`` are nanoseconds since 1970.
        encoder : InteractionEncoder, default=None
            The encoder whose rows and columns these are.

        Returns
        -------
        interactions : Interactions
            The interactions, in the order of the input.

        Raises
        ------
        ValueError
            If the lengths differ, a time is missing, the frame is not that of the encoder, or an
            index lies outside the frame. Without a frame, also if indices are as large and as rare
            as raw ids: 10 million or more, and 1,000 times the number of interactions or more.
        """
        user, item = indices(user, "user"), indices(item, "item")
        columns: dict[str, Any] = {"item": item}
        if value is not None:
            columns["value"] = as_column(value, "value")
        if timestamp is not None:
            columns["timestamp"] = as_column(timestamp, "timestamp")
        for name, column in columns.items():
            if column.shape != user.shape:
                raise ValueError(
                    f"{name} must have the shape of user, {user.shape}; got {column.shape}"
                )
        if frame is None and encoder is not None:
            frame = (len(encoder.user_ids_), len(encoder.item_ids_))
        checked = check_frame(frame, user, item)
        times, unit = None, None
        if timestamp is not None:
            times, unit = as_timestamps(columns["timestamp"])
            unit = _unit(unit, time_unit)
        strengths: Array = np.ones(len(user), np.float32)
        if value is not None:
            strengths = as_strengths(columns["value"], "value", finite=False)
        made = cls.__new__(cls)
        return made._set(user, item, strengths, times, checked, unit, _snapshot(encoder, checked))

    @classmethod
    def from_frame(
        cls,
        df: Any,
        *,
        user: str = "user",
        item: str = "item",
        rating: str | None = None,
        timestamp: str | None = None,
    ) -> tuple[Interactions, InteractionEncoder]:
        """Return the interactions of a long table of raw ids, and the encoder of the ids.

        Parameters
        ----------
        df : DataFrame, table or dict of columns
            One row an interaction; of pandas, polars, Arrow, DuckDB or whatever narwhals reads.
        user, item : str
            Columns of the raw ids, which may be anything hashable.
        rating : str, default=None
            Column of strengths or ratings; None means 1.
        timestamp : str, default=None
            Column of times. Integers keep their own unit; dates, and seconds with fractions,
            become nanoseconds since 1970: see `skrec.interactions.as_timestamps`.

        Returns
        -------
        interactions : Interactions
            The interactions, in the order of the table.
        encoder : InteractionEncoder
            Maps raw ids to rows and columns, and back.

        Raises
        ------
        TypeError
            If ``df`` is no table.
        ValueError
            If a column, an id, a rating or a time is missing or of a wrong kind.

        Examples
        --------
        >>> import pandas as pd
        >>> from skrec import Interactions
        >>> df = pd.DataFrame({"who": ["ann", "bob"], "what": ["tea", "tea"]})
        >>> I, encoder = Interactions.from_frame(df, user="who", item="what")
        >>> I.frame, encoder.decode_items([0, -1]).tolist()
        ((2, 1), ['tea', None])
        """
        from skrec.interactions._encoder import InteractionEncoder

        encoder = InteractionEncoder(user=user, item=item, rating=rating, timestamp=timestamp)
        return encoder.fit_transform(df), encoder

    @classmethod
    def from_frames(
        cls,
        frames: Any,
        *,
        user: str = "user",
        item: str = "item",
        rating: str | None = None,
        timestamp: str | None = None,
    ) -> tuple[Interactions, InteractionEncoder]:
        """Return what `from_frame` returns, from a long table that is read a part at a time.

        The raw table is never in memory as a whole, so that text ids take no room but once.

        Parameters
        ----------
        frames : str, path-like, pyarrow.dataset.Dataset, iterable of tables, or callable
            A file or a folder of Parquet, read in blocks, or parts of the table, each of which
            `from_frame` would read; or a function without arguments that returns them.
        user, item : str
            Columns of the raw ids: numbers, dates or text.
        rating : str, default=None
            Column of strengths or ratings; None means 1.
        timestamp : str, default=None
            Column of times, as in `from_frame`. They must be of one kind in all parts.

        Returns
        -------
        interactions : Interactions
            The interactions, in the order of the parts.
        encoder : InteractionEncoder
            Maps raw ids to rows and columns, and back.

        Raises
        ------
        ImportError
            If ``frames`` is Parquet, and pyarrow is missing.
        ValueError
            If there is no interaction, or a column, an id, a rating or a time is missing or of a
            wrong kind.

        See Also
        --------
        skrec.interactions.write_csr_from_frames : Writes the matrix to disk, where even the
            interactions do not fit into memory.

        Notes
        -----
        An interaction takes 20 bytes, 28 with times; while the parts are joined 24 and 32.

        Examples
        --------
        >>> from skrec import Interactions
        >>> days = [
        ...     {"user": ["ann", "bob"], "item": ["tea", "tea"]},
        ...     {"user": ["ann"], "item": ["rum"]},
        ... ]
        >>> I, encoder = Interactions.from_frames(days)
        >>> I.tocsr().toarray().tolist(), encoder.item_ids_.tolist()
        ([[1.0, 1.0], [1.0, 0.0]], ['tea', 'rum'])
        """
        from skrec.interactions._tables import read_frames

        return read_frames(frames, user=user, item=item, rating=rating, timestamp=timestamp)

    @property
    def shape(self) -> tuple[int]:
        """Return the number of interactions as a tuple."""
        return self.user.shape

    def __len__(self) -> int:
        return len(self.user)

    def __sizeof__(self) -> int:
        # engines ask for it: what is large they send once, and not to every task
        arrays = (self.user, self.item, self.value, self.timestamp)
        return super().__sizeof__() + sum(a.nbytes for a in arrays if a is not None)

    def __iter__(self) -> NoReturn:
        raise TypeError("Interactions cannot be iterated; use .user, .item, .value or tocsr()")

    def __getitem__(self, key: slice | ArrayLike | tuple[Any, ...]) -> Self:
        index: Any = key[0] if isinstance(key, tuple) else key
        if isinstance(index, list):
            index = _as_index(index)
        if isinstance(index, (int, np.integer)):
            index = [index]
        timestamp = None if self.timestamp is None else self.timestamp[index]
        user = self.user[index]
        if user.ndim != 1:
            raise IndexError(f"interactions are 1-D; got an index that makes them {user.ndim}-D")
        part = (user, self.item[index], self.value[index], timestamp, self.frame)
        return type(self).__new__(type(self))._set(*part, self.time_unit, self.encoder)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NoReturn:
        raise TypeError(
            "Interactions are a sequence, not an array; use tocsr() for the matrix of "
            f"shape {self.frame}"
        )

    def __repr__(self) -> str:
        times = "with" if self.timestamp is not None else "without"
        users, items = self.frame
        return f"<{len(self)} interactions of {users} users and {items} items, {times} timestamps>"

    def tocsr(self) -> CSRMatrix:
        """Return the matrix of the interactions.

        Returns
        -------
        X : csr_matrix of shape (n_users, n_items)
            Canonical float32 matrix. Of a repeated pair it holds the latest value where there
            are timestamps (ties: the last in input order), else the sum. Zeros stay stored.
        """
        if self.timestamp is None:
            # summed in float64: many repeats of a pair, or large and small ones, stay exact
            entries = (self.value.astype(np.float64), (self.user, self.item))
            X = sp.coo_matrix(entries, shape=self.frame).tocsr()
            X.sum_duplicates()
            return X.astype(np.float32)
        order = np.lexsort((self.timestamp, self.item, self.user))
        user, item = self.user[order], self.item[order]
        last = np.ones(len(order), dtype=bool)
        last[:-1] = (user[1:] != user[:-1]) | (item[1:] != item[:-1])
        entries = (self.value[order][last], (user[last], item[last]))
        return sp.csr_matrix(entries, shape=self.frame)


def _as_index(index: list) -> Array:
    try:
        return np.asarray(index, dtype=None if len(index) else np.int64)
    except ValueError as error:
        raise IndexError("interactions are 1-D; got an index that is a ragged list") from error


def _locked(array: Array, dtype: DTypeLike) -> Array:
    """Lock an array, so that parts may share it."""
    array = array.astype(dtype, copy=False).view()
    array.flags.writeable = False
    return array


def _unit(found: TimeUnit, given: TimeUnit) -> TimeUnit:
    if given not in (None, "ns"):
        raise ValueError(f"time_unit must be 'ns' or None; got {given!r}")
    return found or given


def _snapshot(
    encoder: InteractionEncoder | None, frame: tuple[int, int]
) -> InteractionEncoder | None:
    """Return the encoder as it is now, after a check that it has as many ids as the frame."""
    if encoder is None:
        return None
    size = (len(encoder.user_ids_), len(encoder.item_ids_))
    if size != frame:
        raise ValueError(f"encoder must have as many ids as the frame {frame}; got {size}")
    return copy(encoder)
