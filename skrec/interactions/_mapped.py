"""A CSR matrix whose arrays are read from files when they are needed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import scipy.sparse as sp

from skrec.interactions._array_files import map_file
from skrec.interactions._saved_ids import inside, load_encoder
from skrec.typing import Array, CSRMatrix

if TYPE_CHECKING:
    from skrec.interactions._encoder import InteractionEncoder

__all__ = ["MappedCSR", "open_csr"]

FORMAT, VERSION, INDEX = "skrec.csr", 1, "store.json"
PARTS = ("data", "indices", "indptr")


class MappedCSR(sp.csr_matrix):
    """A canonical CSR matrix on disk, which `open_csr` opens.

    It is read-only, and a ``csr_matrix`` in all else. Estimators that are fitted to it copy no
    entries, and keep it as their ``interactions_``. Its rows, ``X[rows]``, are copies in memory.
    Pickles hold the entries and not the path.

    Parameters
    ----------
    arg1, shape, dtype, copy, maxprint : object
        Those of `scipy.sparse.csr_matrix`, which scipy passes; users call `open_csr`.

    Attributes
    ----------
    encoder : InteractionEncoder or None
        The raw ids of rows and columns, where the files have them.

    See Also
    --------
    open_csr : Opens it.

    Examples
    --------
    >>> import os, tempfile
    >>> import scipy.sparse as sp
    >>> from skrec.interactions import open_csr, write_csr
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csr(os.path.join(folder, "x"), [sp.csr_matrix([[0, 1], [1, 1]])], transposed=True)
    ...     X = open_csr(os.path.join(folder, "x"))
    ...     type(X).__name__, X[1:].toarray(), X.T.format
    ('MappedCSR', array([[1., 1.]], dtype=float32), 'csr')
    """

    # what scipy makes of this class, such as some of the rows, has neither
    encoder: InteractionEncoder | None = None
    _turned: tuple[Array, ...] | None = None

    @classmethod
    def of_arrays(
        cls,
        parts: tuple[Array, ...],
        shape: tuple[int, int],
        turned: tuple[Array, ...] | None = None,
        encoder: InteractionEncoder | None = None,
    ) -> Self:
        """Return a matrix over data, indices and indptr, and over those of its transpose.

        Parameters
        ----------
        parts : tuple of ndarray
            The arrays, which are not looked at.
        shape : tuple of int
            ``(n_rows, n_columns)``.
        turned : tuple of ndarray, default=None
            The arrays of the transpose as CSR.
        encoder : InteractionEncoder, default=None
            The raw ids.

        Returns
        -------
        X : MappedCSR
            The matrix, which holds the arrays themselves.
        """
        X: Any = cls((0, 0), dtype=parts[0].dtype)  # scipy would look at all indices
        X._shape = shape
        X.data, X.indices, X.indptr = parts
        X._turned, X.encoder = turned, encoder
        return X

    def with_data(self, data: Array) -> Self:
        """Return the same pattern with the same values, or with one for every entry.

        Parameters
        ----------
        data : ndarray of shape (nnz,)
            ``self.data``, or numbers that are all equal: they are those of the transpose too.

        Returns
        -------
        X : MappedCSR
            It shares the index arrays.
        """
        turned = self._turned
        if turned is not None and data is not self.data:
            turned = data, *turned[1:]
        parts = data, self.indices, self.indptr
        return type(self).of_arrays(parts, self.shape, turned, self.encoder)

    def transpose(self, axes: Any = None, copy: bool = False) -> Any:
        """Return the transpose: CSR where it is on disk too, else CSC as of any CSR matrix.

        Parameters
        ----------
        axes : None
            As in scipy.
        copy : bool, default=False
            Whether to copy the entries.

        Returns
        -------
        X : MappedCSR or csc_matrix of shape (n_columns, n_rows)
            The transpose.
        """
        if self._turned is None or copy or axes is not None:
            return super().transpose(axes, copy)
        own = self.data, self.indices, self.indptr
        n_rows, n_columns = self.shape
        return type(self).of_arrays(self._turned, (n_columns, n_rows), own)

    def __reduce__(self) -> tuple[Any, ...]:
        # arrays without the path, which may not be there where a pickle is read
        return _in_memory, ((self.data, self.indices, self.indptr), self.shape)


def _in_memory(parts: tuple[Array, ...], shape: tuple[int, int]) -> CSRMatrix:
    return sp.csr_matrix(parts, shape=shape)


def open_csr(path: str | os.PathLike[str]) -> MappedCSR:
    """Open a matrix that `write_csr` or `write_csr_from_frames` has written.

    Nothing is read but the sizes of the files, and the raw ids where there are any. The rest is
    read when it is needed, and the operating system may drop it from memory again.

    Parameters
    ----------
    path : str or path-like
        The folder.

    Returns
    -------
    X : MappedCSR of shape (n_users, n_items)
        The matrix, float32, read-only.

    Raises
    ------
    ValueError
        If it is no such folder, if files are missing or of another size than they should have, or
        if a newer version has written them.

    See Also
    --------
    write_csr : Writes one from blocks of rows.
    write_csr_from_frames : Writes one from a long table.

    Examples
    --------
    >>> import os, tempfile
    >>> import scipy.sparse as sp
    >>> from skrec import PopularityRecommender
    >>> from skrec.interactions import open_csr, write_csr
    >>> blocks = [sp.csr_matrix([[1, 1, 0], [0, 1, 0]]), sp.csr_matrix([[0, 1, 1]])]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csr(os.path.join(folder, "clicks"), blocks)
    ...     X = open_csr(os.path.join(folder, "clicks"))
    ...     model = PopularityRecommender().fit(X)
    ...     X.shape, model.interactions_.indices is X.indices
    ((3, 3), True)
    """
    folder = Path(path)
    try:
        index = _read_index(folder)
        shape = index["shape"][0], index["shape"][1]
        parts = _load(folder, index, "", shape)
        turned = _load(folder, index, "turned_", shape[::-1]) if index["transposed"] else None
        encoder = load_encoder(folder, index["encoder"])
        if encoder is not None and (len(encoder.user_ids_), len(encoder.item_ids_)) != shape:
            raise ValueError("there are other numbers of ids than of rows and columns")
    except (OSError, ValueError, KeyError, TypeError, IndexError, EOFError) as error:
        raise ValueError(
            f"path must be a folder that write_csr has written whole; got {folder}: {error}"
        ) from error
    return MappedCSR.of_arrays(parts, shape, turned, encoder)


def _read_index(folder: Path) -> dict[str, Any]:
    index = json.loads((folder / INDEX).read_text("utf-8"))
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        raise ValueError(f"{INDEX} is of another kind of file")
    if index["version"] > VERSION:
        raise ValueError(
            f"it has version {index['version']}, this skrec reads up to {VERSION}: update skrec"
        )
    shape = index["shape"]
    if len(shape) != 2 or any(type(n) is not int or n < 0 for n in (*shape, index["n_entries"])):
        raise ValueError(f"{INDEX} has the shape {shape} with {index['n_entries']} entries")
    return index


def _load(
    folder: Path, index: dict[str, Any], side: str, shape: tuple[int, int]
) -> tuple[Array, ...]:
    """Return data, indices and indptr as maps of files, after a check that they can be those."""
    n, files = index["n_entries"], index["files"]
    arrays = [map_file(inside(folder, files[f"{side}{part}"])) for part in PARTS]
    data, indices, indptr = arrays
    integers = (np.int32, np.int64)
    sound = data.dtype == np.float32 and indices.dtype == indptr.dtype in integers
    if not sound or [len(each) for each in arrays] != [n, n, shape[0] + 1]:
        got = ", ".join(f"{len(a)} of {a.dtype}" for a in arrays)
        raise ValueError(f"the arrays do not fit {shape} with {n} entries: {got}")
    if indptr[0] != 0 or indptr[-1] != n:
        raise ValueError(f"rows go from {indptr[0]} to {indptr[-1]}, of {n} entries")
    return data, indices, indptr
