"""Interactions as a sequence in a fixed frame of users and items, and the coding of raw ids."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NoReturn, Self, TypeAlias, cast

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike, DTypeLike

from skrec.typing import Array, CSRMatrix, MatrixLike

__all__ = ["InteractionEncoder", "Interactions"]

Ids: TypeAlias = ArrayLike | Sequence[Hashable]
"""Raw ids, anything hashable."""

_COO: TypeAlias = sp.coo_matrix | sp.coo_array


class Interactions:
    """A sequence of interactions between the users and items of a fixed frame.

    Taking a part of it gives the chosen interactions in the same frame, so scikit-learn's row
    indexing is interaction indexing: a cross-validation splits interactions, and every part
    still speaks of the same users and items. It is never turned into an array by itself.

    Parameters
    ----------
    X : sparse matrix or array-like of shape (n_users, n_items)
        The interactions. Each stored entry of a sparse matrix is one, a stored zero too; of a
        dense array each entry that is not 0 is one.
    timestamps : sparse matrix of shape (n_users, n_items), default=None
        Times with the same pattern of stored entries as ``X``.

    Attributes
    ----------
    user, item : ndarray of shape (n,)
        Row and column of each interaction, int64.
    value : ndarray of shape (n,)
        Its strength or rating, float32.
    timestamp : ndarray of shape (n,) or None
        Its time, int64.
    frame : tuple of int
        ``(n_users, n_items)``.
    shape : tuple of int
        ``(n,)``.

    Raises
    ------
    ValueError
        If ``X`` is no matrix or ``timestamps`` has another pattern.

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

    def __init__(self, X: MatrixLike, timestamps: MatrixLike | None = None) -> None:
        coo = _as_coo(X, "X")
        timestamp = None
        if timestamps is not None:
            timestamp = _timestamps_in_order(coo, _as_coo(timestamps, "timestamps"))
        self._set(coo.row, coo.col, coo.data, timestamp, coo.shape)

    def _set(
        self,
        user: ArrayLike,
        item: ArrayLike,
        value: ArrayLike,
        timestamp: ArrayLike | None,
        frame: Sequence[int],
    ) -> Self:
        self.user = _frozen(user, np.int64)
        self.item = _frozen(item, np.int64)
        self.value = _frozen(value, np.float32)
        self.timestamp = None if timestamp is None else _frozen(timestamp, np.int64)
        self.frame = (int(frame[0]), int(frame[1]))
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
    ) -> Self:
        """Return interactions from arrays of rows and columns.

        Parameters
        ----------
        user, item : array-like of int of shape (n,)
            Row and column of each interaction.
        value : array-like of shape (n,), default=None
            Strength or rating; None means 1.
        timestamp : array-like of int of shape (n,), default=None
            Times.
        frame : tuple of int, default=None
            ``(n_users, n_items)``; None takes the largest row and column that occur.

        Returns
        -------
        interactions : Interactions
            The interactions, in the order of the input.

        Raises
        ------
        ValueError
            If the lengths differ or an index lies outside the frame.
        """
        user, item = _indices(user, "user"), _indices(item, "item")
        value = np.ones(len(user), np.float32) if value is None else np.asarray(value)
        for name, array in {"item": item, "value": value, "timestamp": timestamp}.items():
            if array is not None and np.shape(array) != user.shape:
                raise ValueError(
                    f"{name} must have the shape of user, {user.shape}; got {np.shape(array)}"
                )
        if frame is None:
            frame = (user.max(initial=-1) + 1, item.max(initial=-1) + 1)
        for name, index, size in (("user", user, frame[0]), ("item", item, frame[1])):
            if len(index) and (index.min() < 0 or index.max() >= size):
                raise ValueError(
                    f"{name} must lie in [0, {size}), the frame; "
                    f"got values from {index.min()} to {index.max()}"
                )
        return cls.__new__(cls)._set(user, item, value, timestamp, frame)

    @classmethod
    def from_frame(
        cls,
        df: pd.DataFrame,
        *,
        user: str = "user",
        item: str = "item",
        rating: str | None = None,
        timestamp: str | None = None,
    ) -> tuple[Interactions, InteractionEncoder]:
        """Return the interactions of a long table of raw ids, and the encoder of the ids.

        Parameters
        ----------
        df : DataFrame
            One row an interaction.
        user, item : str
            Columns of the raw ids, which may be anything hashable.
        rating : str, default=None
            Column of strengths or ratings; None means 1.
        timestamp : str, default=None
            Column of times: integers, or datetimes (taken as whole seconds).

        Returns
        -------
        interactions : Interactions
            The interactions, in the order of the table.
        encoder : InteractionEncoder
            Maps raw ids to rows and columns, and back.

        Raises
        ------
        ValueError
            If a column is missing or an id is missing.

        Examples
        --------
        >>> import pandas as pd
        >>> from skrec import Interactions
        >>> df = pd.DataFrame({"who": ["ann", "bob"], "what": ["tea", "tea"]})
        >>> I, encoder = Interactions.from_frame(df, user="who", item="what")
        >>> I.frame, encoder.decode_items([0, -1]).tolist()
        ((2, 1), ['tea', None])
        """
        encoder = InteractionEncoder(user=user, item=item, rating=rating, timestamp=timestamp)
        return encoder.fit(df).transform(df), encoder

    @property
    def shape(self) -> tuple[int]:
        """Return the number of interactions as a tuple."""
        return self.user.shape

    def __len__(self) -> int:
        return len(self.user)

    def __iter__(self) -> NoReturn:
        raise TypeError("Interactions cannot be iterated; use .user, .item, .value or tocsr()")

    def __getitem__(self, key: slice | ArrayLike | tuple[Any, ...]) -> Self:
        index: Any = key[0] if isinstance(key, tuple) else key
        if isinstance(index, list):
            index = np.asarray(index, dtype=None if len(index) else np.int64)
        if isinstance(index, (int, np.integer)):
            index = [index]
        timestamp = None if self.timestamp is None else self.timestamp[index]
        part = (self.user[index], self.item[index], self.value[index], timestamp)
        return type(self).__new__(type(self))._set(*part, self.frame)

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
            X = sp.coo_matrix((self.value, (self.user, self.item)), shape=self.frame).tocsr()
            X.sum_duplicates()
            return X
        order = np.lexsort((self.timestamp, self.item, self.user))
        user, item = self.user[order], self.item[order]
        last = np.ones(len(order), dtype=bool)
        last[:-1] = (user[1:] != user[:-1]) | (item[1:] != item[:-1])
        entries = (self.value[order][last], (user[last], item[last]))
        return sp.csr_matrix(entries, shape=self.frame)


class InteractionEncoder:
    """Map raw user and item ids to rows and columns, and back.

    Parameters
    ----------
    user, item : str
        Columns of the raw ids in the tables given to `fit` and `transform`.
    rating, timestamp : str, default=None
        Columns of values and times, where there are any.

    Attributes
    ----------
    user_ids_ : ndarray of shape (n_users,)
        Raw id of each row, in order of first appearance.
    item_ids_ : ndarray of shape (n_items,)
        Raw id of each column.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import InteractionEncoder
    >>> encoder = InteractionEncoder().fit(pd.DataFrame({"user": ["b", "a"], "item": [7, 7]}))
    >>> encoder.encode_users(["a", "b"]).tolist()
    [1, 0]
    """

    def __init__(
        self,
        user: str = "user",
        item: str = "item",
        rating: str | None = None,
        timestamp: str | None = None,
    ) -> None:
        self.user = user
        self.item = item
        self.rating = rating
        self.timestamp = timestamp

    def __repr__(self) -> str:
        return f"InteractionEncoder(user={self.user!r}, item={self.item!r})"

    def fit(self, df: pd.DataFrame) -> Self:
        """Learn the ids of a table.

        Parameters
        ----------
        df : DataFrame
            One row an interaction.

        Returns
        -------
        self : InteractionEncoder
            The encoder.
        """
        self._users = _unique_ids(_column(df, self.user, "user"), "user")
        self._items = _unique_ids(_column(df, self.item, "item"), "item")
        self.user_ids_ = self._users.to_numpy()
        self.item_ids_ = self._items.to_numpy()
        return self

    def transform(self, df: pd.DataFrame) -> Interactions:
        """Return the interactions of a table.

        Parameters
        ----------
        df : DataFrame
            A table with the columns that the encoder was made for.

        Returns
        -------
        interactions : Interactions
            One a row of the table, in its order.

        Raises
        ------
        ValueError
            If an id is not known.
        """
        value = timestamp = None
        if self.rating is not None:
            value = _column(df, self.rating, "rating").to_numpy(dtype=np.float32)
        if self.timestamp is not None:
            timestamp = _seconds(_column(df, self.timestamp, "timestamp"))
        users = self.encode_users(_column(df, self.user, "user"))
        items = self.encode_items(_column(df, self.item, "item"))
        frame = (len(self._users), len(self._items))
        return Interactions.from_arrays(users, items, value, timestamp, frame=frame)

    def encode_users(self, ids: Ids) -> Array:
        """Return the rows of raw user ids.

        Parameters
        ----------
        ids : array-like of shape (n,)
            Raw ids.

        Returns
        -------
        rows : ndarray of shape (n,)
            Rows, int64.

        Raises
        ------
        ValueError
            If an id is not known.
        """
        return _encode(self._users, ids, "user")

    def encode_items(self, ids: Ids) -> Array:
        """Return the columns of raw item ids.

        Parameters
        ----------
        ids : array-like of shape (n,)
            Raw ids.

        Returns
        -------
        columns : ndarray of shape (n,)
            Columns, int64.

        Raises
        ------
        ValueError
            If an id is not known.
        """
        return _encode(self._items, ids, "item")

    def decode_users(self, rows: ArrayLike) -> Array:
        """Return the raw ids of rows.

        Parameters
        ----------
        rows : array-like of int
            Rows; -1 becomes None.

        Returns
        -------
        ids : ndarray
            Raw ids, in the shape of ``rows``.
        """
        return _decode(self.user_ids_, rows, "rows")

    def decode_items(self, columns: ArrayLike) -> Array:
        """Return the raw ids of columns, such as `recommend` returns them.

        Parameters
        ----------
        columns : array-like of int
            Columns; -1 becomes None.

        Returns
        -------
        ids : ndarray
            Raw ids, in the shape of ``columns``.
        """
        return _decode(self.item_ids_, columns, "columns")


def _frozen(array: ArrayLike, dtype: DTypeLike) -> Array:
    """Copy an array and lock it, so that parts may share it."""
    array = np.array(array, dtype=dtype)
    array.flags.writeable = False
    return array


def _as_coo(X: MatrixLike, name: str) -> _COO:
    """Return the stored entries of a matrix in the order of its rows, zeros and repeats kept."""
    if sp.issparse(X):
        return X.tocoo(copy=True)
    dense = np.asarray(X)
    if dense.ndim != 2:
        raise ValueError(f"{name} must be a matrix of users and items; got {dense.ndim} dimensions")
    return sp.coo_matrix(dense)


def _timestamps_in_order(values: _COO, times: _COO) -> Array:
    """Return the times of the entries of ``values``."""
    message = "timestamps must store the same entries as X"
    if values.shape != times.shape or values.nnz != times.nnz:
        raise ValueError(
            f"{message}; got shapes {values.shape} and {times.shape} with "
            f"{values.nnz} and {times.nnz} entries"
        )
    mine, theirs = (np.lexsort((m.col, m.row)) for m in (values, times))
    same = (values.row[mine] == times.row[theirs]) & (values.col[mine] == times.col[theirs])
    if not same.all():
        raise ValueError(f"{message}; {np.count_nonzero(~same)} entries differ")
    timestamp = np.empty(values.nnz, dtype=np.int64)
    timestamp[mine] = times.data[theirs]
    return timestamp


def _indices(array: ArrayLike, name: str) -> Array:
    array = np.asarray(array)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(
            f"{name} must be a 1-D array of integers; got {array.ndim}-D of {array.dtype} "
            "(raw ids go through Interactions.from_frame)"
        )
    return array.astype(np.int64)


def _column(df: pd.DataFrame, name: str, parameter: str) -> pd.Series:
    if name not in df.columns:
        raise ValueError(f"{parameter}={name!r} must name a column; got {list(df.columns)}")
    return cast(pd.Series, df[name])


def _unique_ids(ids: pd.Series, name: str) -> pd.Index:
    if ids.isna().any():
        raise ValueError(f"{name} ids must not be missing; got {int(ids.isna().sum())} that are")
    return pd.Index(ids.unique())


def _encode(index: pd.Index, ids: Ids, name: str) -> Array:
    ids = pd.Index(ids)
    codes = index.get_indexer(ids)
    if (codes < 0).any():
        unknown = ids[codes < 0].unique()[:5].tolist()
        raise ValueError(
            f"{name} ids must be among the {len(index)} of fit; got unknown ids such as {unknown}"
        )
    return codes.astype(np.int64)


def _decode(ids: Array, codes: ArrayLike, name: str) -> Array:
    codes = np.asarray(codes)
    if codes.size and (codes.min() < -1 or codes.max() >= len(ids)):
        raise ValueError(f"{name} must lie in [-1, {len(ids)}); got {codes.min()} to {codes.max()}")
    if codes.size and codes.min() < 0:
        ids = np.append(np.asarray(ids, dtype=object), np.array([None]))
    return ids[codes]


def _seconds(times: pd.Series) -> Array:
    if times.isna().any():
        raise ValueError(f"timestamp must not be missing; got {int(times.isna().sum())} that are")
    if pd.api.types.is_datetime64_any_dtype(times):
        return times.to_numpy(dtype="datetime64[s]").astype(np.int64)
    return times.to_numpy(dtype=np.int64)
