"""Writing a CSR matrix to files, block by block."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import scipy.sparse as sp

from skrec.interactions._array_files import ArrayFile, map_file
from skrec.interactions._buckets import Buckets
from skrec.interactions._encoder import InteractionEncoder
from skrec.interactions._mapped import FORMAT, INDEX, VERSION
from skrec.interactions._saved_ids import save_encoder
from skrec.typing import Array, CSRMatrix, MatrixLike
from skrec.utils import canonical_csr, check_flag, entry_blocks, holds_ones, taking_the_place_of

__all__ = ["NewStore", "write_csr"]

_MOST_INT32 = 2**31 - 1
_AT_ONCE = 2**20  # entries that are turned together
_OURS = re.compile(r"[0-9a-f]{16}-[a-z_0-9-]+\.(npy|tmp)")


def write_csr(
    path: str | os.PathLike[str],
    blocks: Iterable[MatrixLike],
    *,
    binary: bool = False,
    transposed: bool = False,
    encoder: InteractionEncoder | None = None,
) -> None:
    """Write blocks of rows to a folder, as one matrix that `open_csr` opens.

    Parameters
    ----------
    path : str or path-like
        The folder, which is made, or which holds an older matrix. That one stays as it is until
        the new one is whole.
    blocks : iterable of sparse matrix or array-like of shape (n_rows, n_items)
        Consecutive rows. Entries that are given more than once are summed.
    binary : bool, default=False
        Write a 1 for each entry that is not 0, as most models of implicit feedback read them: they
        then copy nothing. Otherwise values are kept, zeros too.
    transposed : bool, default=False
        Write the transpose too, from which `ItemKNNRecommender` and `WMFRecommender` read items.
        They make it in memory where it is missing.
    encoder : InteractionEncoder, default=None
        The raw ids of rows and columns, to be written beside the matrix. They are numbers, dates
        or text.

    Raises
    ------
    ValueError
        If a block is no matrix of finite numbers, or is of another width than the first; or if the
        folder holds other files.

    See Also
    --------
    open_csr : Opens the matrix.
    write_csr_from_frames : Writes one from a long table.

    Notes
    -----
    Memory is that of a block and 8 bytes a row, with ``transposed=True`` about 150 MB and 8 bytes
    a column more. On disk an entry takes 8 bytes, and 8 more transposed (4, where all values are
    1), of which indices take twice as much where there are 2**31 entries or more.

    Examples
    --------
    >>> import os, tempfile
    >>> import scipy.sparse as sp
    >>> from skrec.interactions import open_csr, write_csr
    >>> rows = (sp.csr_matrix([[user % 2, 1, 0]]) for user in range(4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csr(os.path.join(folder, "clicks"), rows, transposed=True)
    ...     open_csr(os.path.join(folder, "clicks")).toarray()
    array([[0., 1., 0.],
           [1., 1., 0.],
           [0., 1., 0.],
           [1., 1., 0.]], dtype=float32)
    """
    turn = check_flag(transposed, "transposed")
    with NewStore(path) as store:
        store.write(blocks, binary=check_flag(binary, "binary"), transposed=turn, encoder=encoder)


class _Side(NamedTuple):
    """One orientation of a matrix, as it was written."""

    shape: tuple[int, int]
    files: dict[str, str]
    counts: Array
    ones: bool


class NewStore:
    """A folder in which a matrix is written aside, and then takes the place of the last one.

    Which files belong to the matrix stands in one small file, which is replaced at the end.

    Parameters
    ----------
    path : str or path-like
        The folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.folder = Path(path)
        self.token = secrets.token_hex(8)

    def __enter__(self) -> Self:
        self._is_new = not self.folder.exists()
        self.folder.mkdir(exist_ok=True)
        strange = [f.name for f in self.folder.iterdir() if not _is_ours(f.name)]
        if strange:
            raise ValueError(
                f"path must be a new folder, or one that write_csr has written; got {self.folder} "
                f"with other files, such as {sorted(strange)[:3]}"
            )
        return self

    def __exit__(self, kind: type | None, *exception: Any) -> None:
        if kind is None:
            return
        for file in self._files_of(self.token):
            file.unlink()
        if self._is_new:
            with contextlib.suppress(OSError):
                self.folder.rmdir()

    def write(
        self,
        blocks: Iterable[MatrixLike],
        *,
        binary: bool,
        transposed: bool,
        encoder: InteractionEncoder | None,
    ) -> None:
        """Write a matrix and put it in place of the last one, see `write_csr`."""
        side = self._write_side("", _checked(blocks, binary))
        if encoder is not None:
            size = len(encoder.user_ids_), len(encoder.item_ids_)
            if size != side.shape:
                raise ValueError(
                    f"encoder must have as many ids as rows and columns, {side.shape}; got {size}"
                )
        files = dict(side.files)
        if transposed:
            files |= self._turn(side)
        self._put_in_place({
            "format": FORMAT,
            "version": VERSION,
            "shape": side.shape,
            "n_entries": int(side.counts.sum()),
            "transposed": transposed,
            "encoder": None if encoder is None else save_encoder(encoder, self.save),
            "files": files,
        })  # fmt: skip

    def save(self, name: str, array: Array) -> str:
        """Write an array, and return the name of its file."""
        with ArrayFile(self._path(name), array.dtype) as file:
            file.append(array)
        return file.path.name

    def stem(self, name: str) -> str:
        """Return what the paths of files that are put aside begin with."""
        return str(self.folder / f"{self.token}-{name}")

    def _path(self, name: str) -> Path:
        return self.folder / f"{self.token}-{name}.npy"

    def _write_side(self, side: str, blocks: Iterable[CSRMatrix], ones: bool = False) -> _Side:
        """Write canonical blocks of rows; with ``ones``, nothing of their values."""
        counts, width, same = [np.zeros(0, dtype=np.int64)], None, True
        with contextlib.ExitStack() as stack:
            indices = stack.enter_context(ArrayFile(self._path(f"{side}indices"), np.int32))
            data = None
            if not ones:
                data = stack.enter_context(ArrayFile(self._path(f"{side}data"), np.float32))
            for block in blocks:
                width = _check_width(block, width)
                counts.append(np.diff(block.indptr).astype(np.int64))
                indices.append(block.indices)
                if data is not None:
                    data.append(block.data)
                    same = same and holds_ones(block.data)
        if width is None:
            raise ValueError("blocks must hold at least one block of rows; got none")
        lengths = np.concatenate(counts)
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        files = {f"{side}indices": indices.path.name}
        if data is not None:
            files[f"{side}data"] = data.path.name
        if indptr[-1] > _MOST_INT32:  # scipy wants both in one type, or copies one at each use
            files[f"{side}indices"] = self._widen(indices.path, f"{side}wide")
        else:
            indptr = indptr.astype(np.int32)
        files[f"{side}indptr"] = self.save(f"{side}indptr", indptr)
        return _Side((len(lengths), width), files, lengths, same)

    def _widen(self, path: Path, name: str) -> str:
        narrow = map_file(path)
        with ArrayFile(self._path(name), np.int64) as wide:
            for start in range(0, len(narrow), 2**20):
                wide.append(narrow[start : start + 2**20])
        del narrow
        path.unlink()
        return wide.path.name

    def _turn(self, side: _Side) -> dict[str, str]:
        """Write the transpose, and return its files."""
        n_rows, n_columns = side.shape
        if n_rows > _MOST_INT32:
            raise ValueError(f"transposed must be False for 2**31 rows or more; got {n_rows}")
        names = [side.files[part] for part in ("data", "indices", "indptr")]
        data, indices, indptr = (map_file(self.folder / name) for name in names)
        values: dict[str, Any] = {} if side.ones else {"value": np.float32}
        counts = np.zeros(n_columns, dtype=np.int64)
        for rows in entry_blocks(indptr, _AT_ONCE):
            counts += np.bincount(indices[indptr[rows.start] : indptr[rows.stop]], None, n_columns)
        buckets = Buckets(self.stem("turned"), counts, user=np.int32, **values)
        for rows in entry_blocks(indptr, _AT_ONCE):
            part = slice(indptr[rows.start], indptr[rows.stop])
            lengths = side.counts[rows]
            user = np.repeat(np.arange(rows.start, rows.stop, dtype=np.int32), lengths)
            own = {} if side.ones else {"value": data[part]}
            buckets.put(np.asarray(indices[part]), user=user, **own)
        turned = self._write_side("turned_", _turned(buckets, n_rows), ones=side.ones)
        return turned.files | ({"turned_data": names[0]} if side.ones else {})

    def _put_in_place(self, index: dict[str, Any]) -> None:
        names = [file.name for file in self._files_of(self.token)]
        if lost := sorted(set(index["files"].values()) - set(names)):
            raise OSError(f"somebody else has written to {self.folder} meanwhile: {lost} are gone")
        with taking_the_place_of(self.folder / INDEX) as file:
            file.write(json.dumps(index, indent=1).encode())
        for file in self._files_of(""):
            if not file.name.startswith(self.token):
                with contextlib.suppress(OSError):  # some systems keep what is mapped
                    file.unlink()

    def _files_of(self, token: str) -> list[Path]:
        ours = [file for file in self.folder.iterdir() if _OURS.fullmatch(file.name)]
        return [file for file in ours if file.name.startswith(token)]


def _is_ours(name: str) -> bool:
    return name == INDEX or name.startswith(f".{INDEX}.") or bool(_OURS.fullmatch(name))


def _checked(blocks: Iterable[MatrixLike], binary: bool) -> Iterator[CSRMatrix]:
    """Yield blocks as canonical float32 CSR matrices of finite numbers."""
    for number, block in enumerate(blocks):
        name = f"blocks[{number}]"
        X = canonical_csr(block, name)
        if X.shape[1] > _MOST_INT32:
            raise ValueError(f"{name} must have less than 2**31 columns; got {X.shape[1]}")
        with np.errstate(over="ignore"):
            X = X.astype(np.float32, copy=False)
        if not np.isfinite(X.data).all():
            raise ValueError(f"{name} must hold finite values in the range of float32")
        if binary:
            X.eliminate_zeros()
            X.data[:] = 1
        yield X


def _check_width(block: CSRMatrix, width: int | None) -> int:
    if width not in (None, block.shape[1]):
        raise ValueError(
            f"blocks must all have the {width} columns of the first; got {block.shape[1]}"
        )
    return block.shape[1]


def _turned(buckets: Buckets, n_rows: int) -> Iterator[CSRMatrix]:
    for columns, part in buckets:
        value = part["value"] if "value" in (part.dtype.names or ()) else np.ones(len(part), "f4")
        shape = columns.stop - columns.start, n_rows
        yield sp.csr_matrix((value, (part["row"], part["user"])), shape=shape)
