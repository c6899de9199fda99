"""Long tables that are read in parts: as interactions, or as a matrix on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

import numpy as np

from skrec.interactions._buckets import Buckets
from skrec.interactions._encoder import InteractionEncoder
from skrec.interactions._interactions import Interactions
from skrec.interactions._store import NewStore
from skrec.typing import Array, CSRMatrix
from skrec.utils import check_flag

__all__ = ["read_frames", "write_csr_from_frames"]

_ROWS = 2**19  # of a batch of Parquet


def write_csr_from_frames(
    path: str | os.PathLike[str],
    frames: Any,
    *,
    user: str = "user",
    item: str = "item",
    rating: str | None = None,
    timestamp: str | None = None,
    binary: bool = False,
    transposed: bool = False,
) -> None:
    """Write a long table of raw ids to a folder, as a matrix that `open_csr` opens.

    The matrix is that of ``Interactions.from_frame(...)[0].tocsr()`` on the whole table: users and
    items in order of first appearance, of a repeated pair the latest value where there are times,
    else the sum. The ids are written beside it, as the ``encoder`` of what `open_csr` returns.

    Parameters
    ----------
    path : str or path-like
        The folder, which is made, or which holds an older matrix. That one stays as it is until
        the new one is whole.
    frames : str, path-like, pyarrow.dataset.Dataset, iterable of tables, or callable
        A file or a folder of Parquet, or parts of the table, each of which
        `Interactions.from_frame` would read. They are read twice: a list or another object that
        can be iterated over again, or a function without arguments that returns an iterator.
    user, item : str
        Columns of the raw ids: numbers, dates or text.
    rating : str, default=None
        Column of strengths or ratings; None means 1.
    timestamp : str, default=None
        Column of times, by which the latest value of a pair is found. They are not written.
    binary, transposed : bool, default=False
        As in `write_csr`.

    Raises
    ------
    ImportError
        If ``frames`` is Parquet, and pyarrow is missing.
    TypeError
        If ``frames`` can be iterated over once only.
    ValueError
        If a column, an id, a rating or a time is missing or of a wrong kind, if the frames are
        others when they are read again, or if the folder holds other files.

    See Also
    --------
    open_csr : Opens the matrix.
    Interactions.from_frame : The same in memory.

    Notes
    -----
    Memory is that of one part, of the ids with a table to find them (about 100 bytes each), and
    about 300 MB. On disk an interaction takes 12 bytes more until the end, 20 with times. The time
    that new ids take grows with the number of parts times that of ids: parts of a million rows are
    better than parts of a thousand.

    Examples
    --------
    >>> import os, tempfile
    >>> from skrec.interactions import open_csr, write_csr_from_frames
    >>> days = [{"who": ["ann", "bob"], "what": ["tea", "tea"]}, {"who": ["ann"], "what": ["rum"]}]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = os.path.join(folder, "orders")
    ...     write_csr_from_frames(store, days, user="who", item="what")
    ...     X = open_csr(store)
    ...     X.toarray(), X.encoder.item_ids_.tolist()
    (array([[1., 1.],
           [1., 0.]], dtype=float32), ['tea', 'rum'])
    """
    flags = {
        "binary": check_flag(binary, "binary"),
        "transposed": check_flag(transposed, "transposed"),
    }
    encoder = InteractionEncoder(user=user, item=item, rating=rating, timestamp=timestamp)
    read = _reader(frames, _columns(encoder), twice=True)
    with NewStore(path) as store:
        counts = _learn(encoder, read())
        times = {} if timestamp is None else {"time": np.int64}
        buckets = Buckets(store.stem("rows"), counts, item=np.int32, value=np.float32, **times)
        _place(encoder, read(), buckets, int(counts.sum()))
        blocks = _merged(buckets, len(encoder.item_ids_))
        store.write(blocks, encoder=encoder, **flags)


def read_frames(frames: Any, **columns: str | None) -> tuple[Interactions, InteractionEncoder]:
    """Return the interactions of a long table that is read a part at a time, and the encoder.

    Parameters
    ----------
    frames : object
        See `Interactions.from_frames`.
    **columns : str or None
        Names of the columns, as `InteractionEncoder` takes them.

    Returns
    -------
    interactions : Interactions
        In the order of the parts.
    encoder : InteractionEncoder
        The encoder of the ids.
    """
    encoder = InteractionEncoder(**cast(Any, columns))
    user, item, value, times = [], [], [], []
    for frame in _reader(frames, _columns(encoder), twice=False)():
        part = encoder._partial_fit_transform(frame)
        user.append(part.user.astype(np.int32))
        item.append(part.item.astype(np.int32))
        value.append(part.value)
        times.append(part.timestamp)
    if not user:
        raise ValueError("frames must hold at least one interaction; got none")
    timestamp = None if encoder.timestamp is None else _joined(times, np.int64)
    arrays = _joined(user, np.int64), _joined(item, np.int64), _joined(value, np.float32)
    return encoder._interactions(*arrays, timestamp, None), encoder


def _joined(parts: list[Any], dtype: type) -> Array:
    """Return the parts as one array, and let them go."""
    whole = np.concatenate(parts, dtype=dtype)
    parts.clear()
    return whole


def _columns(encoder: InteractionEncoder) -> list[str]:
    names = encoder.user, encoder.item, encoder.rating, encoder.timestamp
    return [name for name in names if name is not None]


def _reader(frames: Any, columns: list[str], twice: bool) -> Callable[[], Iterable[Any]]:
    """Return the function that begins to read."""
    if isinstance(frames, str | os.PathLike) or _is_dataset(frames):
        return _parquet(frames, columns)
    if callable(frames):
        return cast(Any, frames)
    if isinstance(frames, Mapping) or hasattr(frames, "columns"):
        return lambda: [frames]  # one table
    if not isinstance(frames, Iterable):
        raise TypeError(f"frames must be parts of a table, or Parquet; got {type(frames).__name__}")
    if twice and isinstance(frames, Iterator):
        raise TypeError(
            f"frames must be read twice, and a {type(frames).__name__} can be read once; pass a "
            "list, or the function that makes it"
        )
    return lambda: frames


def _is_dataset(frames: Any) -> bool:
    return type(frames).__module__.startswith("pyarrow.") and hasattr(frames, "get_fragments")


def _parquet(source: Any, columns: list[str]) -> Callable[[], Iterable[Any]]:
    try:
        import pyarrow as pa
        from pyarrow import dataset
    except ImportError as error:
        raise ImportError(
            "frames needs pyarrow to be read from Parquet: "
            "pip install 'sklearn-recommenders[parquet]'"
        ) from error
    if not _is_dataset(source):
        path = os.fspath(source)
        if not os.path.exists(path):
            raise FileNotFoundError(f"frames must be a file or a folder of Parquet; got {path}")
        source = dataset.dataset(path, format="parquet")
    names = source.schema.names
    wanted = [name for name in dict.fromkeys(columns) if name in names]  # others are an error later

    def read() -> Iterator[Any]:
        # no more than one batch is read ahead
        options = {"batch_size": _ROWS, "batch_readahead": 1, "fragment_readahead": 1}
        for batch in source.to_batches(columns=wanted, **options):
            if batch.num_rows:
                yield pa.Table.from_batches([batch])

    return read


def _learn(encoder: InteractionEncoder, frames: Iterable[Any]) -> Array:
    """Learn the ids of all frames, and return how many interactions each user has."""
    counts = np.zeros(0, dtype=np.int64)
    for frame in frames:
        rows = encoder._partial_fit_transform(frame).user
        more = np.bincount(rows, minlength=len(encoder.user_ids_))
        more[: len(counts)] += counts
        counts = more
    if not len(counts):
        raise ValueError("frames must hold at least one interaction; got none")
    return counts


def _place(
    encoder: InteractionEncoder, frames: Iterable[Any], buckets: Buckets, n_entries: int
) -> None:
    """Put the interactions of all frames aside."""
    for frame in frames:
        part = encoder.transform(frame)
        times = {} if part.timestamp is None else {"time": part.timestamp}
        buckets.put(part.user, item=part.item, value=part.value, **times)
        n_entries -= len(part)
    if n_entries:
        raise ValueError(
            "frames must be the same when they are read again; got another number of interactions"
        )


def _merged(buckets: Buckets, n_items: int) -> Iterator[CSRMatrix]:
    """Yield rows in which each pair is there once."""
    for rows, part in buckets:
        times = part["time"] if "time" in (part.dtype.names or ()) else None
        frame = rows.stop - rows.start, n_items
        columns = part["row"], part["item"], part["value"], times
        yield Interactions.from_arrays(*columns, frame=frame).tocsr()
