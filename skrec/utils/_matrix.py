"""From whatever can be read as a matrix to a sound CSR matrix."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from skrec.typing import Array, CSRMatrix, MatrixLike

__all__ = ["as_array", "canonical_csr", "check_dense", "check_structure", "is_mapped"]

S = TypeVar("S")

_COMPRESSED = ("csr", "csc", "bsr")


def check_structure(X: S, name: str = "X") -> S:
    """Check that the arrays of a sparse matrix fit each other.

    Compiled code trusts them: an index that is too large reads or writes beyond an array. One
    pass over the indices. What cannot be wrong, such as a dense array, is returned as it is.

    Parameters
    ----------
    X : sparse matrix
        In any format, also with arrays that are mapped from a file.
    name : str, default="X"
        Parameter to name in the error.

    Returns
    -------
    X : sparse matrix
        The same object.

    Raises
    ------
    ValueError
        If indices are negative or too large, or if row pointers fall or end elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> from skrec.utils import check_structure
    >>> X = sp.csr_matrix([[1, 0], [0, 1]])
    >>> X.indices[1] = 7
    >>> check_structure(X)
    Traceback (most recent call last):
        ...
    ValueError: X must be a sound sparse matrix; got column indices up to 7 for 2 columns
    """
    if not sp.issparse(X):
        return X
    matrix: Any = X
    if matrix.ndim != 2:
        raise ValueError(f"{name} must be a matrix; got a sparse array of {matrix.ndim} dimensions")
    if not matrix.dtype.isnative:
        _refuse(name, f"values in the byte order of another machine, {matrix.dtype}")
    if matrix.format in _COMPRESSED:
        _check_compressed(matrix, name)
    elif matrix.format == "coo":
        _check_coordinates(matrix, name)
    elif matrix.format == "dia" and np.shape(matrix.data)[:1] != np.shape(matrix.offsets):
        _refuse(
            name,
            f"{len(matrix.offsets)} offsets for data of shape {np.shape(matrix.data)}",
        )
    elif matrix.format == "lil":
        _check_lists(matrix, name)
    elif matrix.format == "dok":
        _check_keys(matrix, name)
    return X


def as_array(X: Any, name: str = "X") -> Array:
    """Return an array of whatever kind a user's values are.

    Parameters
    ----------
    X : array-like
        What a user passed; masked entries are taken as 0, the value of what is not there.
    name : str, default="X"
        Parameter to name in the error.

    Returns
    -------
    X : ndarray
        The values, in the byte order of the machine.

    Raises
    ------
    TypeError
        If X is a class, or an object that is no array by its own word.
    ValueError
        If X is ragged.

    Examples
    --------
    >>> from skrec.utils import as_array
    >>> as_array([[1], [2, 3]])
    Traceback (most recent call last):
        ...
    ValueError: X must have rows of one length; got a ragged list
    """
    if isinstance(X, type):
        raise TypeError(f"{name} must be an array or a sparse matrix; got the class {X.__name__}")
    array = _as_array(X, name)
    if array.dtype.kind == "O" and array.ndim == 1 and any(map(_is_row, array)):
        raise ValueError(f"{name} must have rows of one length; got an array of lists")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _is_row(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray)


def check_dense(X: ArrayLike, name: str = "X") -> Array:
    """Return a dense matrix of numbers.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_columns)
        What a user passed; masked entries are taken as 0, the value of what is not there.
    name : str, default="X"
        Parameter to name in the error.

    Returns
    -------
    X : ndarray of shape (n_rows, n_columns)
        Numbers or booleans, in the type of the input; float16 becomes float32.

    Raises
    ------
    ValueError
        If X is ragged, is no matrix or holds anything but real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.utils import check_dense
    >>> check_dense(np.ma.masked_equal([[5, 9], [9, 1]], 9)).tolist()
    [[5, 0], [0, 1]]
    """
    array = as_array(X, name)
    if array.ndim != 2:
        raise ValueError(
            f"{name} must be a matrix of shape (n_users, n_items); got {array.ndim} dimensions"
        )
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} must hold real numbers")
    if array.dtype.kind == "O":
        array = _numbers(array, name)
    if array.dtype.kind not in "buif":
        raise ValueError(f"{name} must hold numbers; got an array of {array.dtype}")
    return array.astype(np.float32) if array.dtype == np.float16 else array


def canonical_csr(X: MatrixLike, name: str = "X") -> CSRMatrix:
    """Return the canonical CSR copy of a matrix.

    Indices are sorted. Entries that are given more than once are summed in a type that holds the
    sum: int64, or float64. Stored zeros stay.

    Parameters
    ----------
    X : sparse matrix or array-like of shape (n_rows, n_columns)
        What a user passed; of a dense array the entries that are not 0 are stored.
    name : str, default="X"
        Parameter to name in errors.

    Returns
    -------
    X : csr_matrix of shape (n_rows, n_columns)
        A copy, in the type of the input where nothing was summed.

    Raises
    ------
    ValueError
        If X is corrupt or no matrix of numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> from skrec.utils import canonical_csr
    >>> clicks = (np.ones(300, np.uint8), (np.zeros(300, int), np.zeros(300, int)))
    >>> canonical_csr(sp.coo_matrix(clicks)).toarray().tolist()
    [[300]]
    """
    if not sp.issparse(X):
        return sp.csr_matrix(check_dense(X, name))
    matrix: Any = check_structure(X, name)
    kind = matrix.dtype.kind
    if kind == "c":
        raise ValueError(f"Complex data not supported: {name} must hold real numbers")
    if kind not in "buif":
        raise ValueError(f"{name} must hold numbers; got a sparse matrix of {matrix.dtype}")
    return _summed(matrix, name)


def is_mapped(array: Array) -> bool:
    """Return whether an array is a read-only map of a file.

    Parameters
    ----------
    array : ndarray
        An array, or a view of one.

    Returns
    -------
    mapped : bool
        True where nobody can write to it by this array, and it is in no memory of its own.
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            return False
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return False


def _summed(matrix: Any, name: str) -> CSRMatrix:
    # scipy has no float16, and yet takes one into its hands
    dtype = np.float32 if matrix.dtype == np.float16 else matrix.dtype
    if matrix.format == "csr":
        # new flags: those of the input may speak of what it held once
        arrays = (matrix.data.astype(dtype, copy=False), matrix.indices, matrix.indptr)
        csr = sp.csr_matrix(arrays, shape=matrix.shape, copy=True)
        if csr.has_canonical_format:
            return csr
        n_stored = csr.nnz
        csr.data = csr.data.astype(_wide(csr.data))
    else:
        # each of scipy's ways to CSR sums as it goes
        coo = matrix.astype(dtype, copy=False).tocoo(copy=True)
        check_structure(coo, name)  # lists and dicts of keys are checked here
        n_stored = coo.nnz
        coo.data = coo.data.astype(_wide(coo.data))
        csr = sp.csr_matrix(coo.tocsr())
    csr.sum_duplicates()
    return csr.astype(dtype) if csr.nnz == n_stored else csr


def _wide(data: Array) -> type:
    """Return a type that holds sums of the values."""
    if data.dtype.kind == "f" or (data.size and max(-int(data.min()), int(data.max())) > 2**31):
        return np.float64
    return np.int64


def _as_array(X: Any, name: str) -> Array:
    if isinstance(X, np.ma.MaskedArray):
        return np.ma.filled(X, 0)
    if hasattr(X, "columns") and hasattr(X, "to_numpy"):  # a frame
        if hasattr(X, "iloc") and any(str(dtype) in _NULLABLE for dtype in X.dtypes):  # of pandas
            return X.to_numpy(dtype=np.float64, na_value=np.nan)
        return X.to_numpy()
    try:
        return np.asarray(X)
    except TypeError as error:  # such as Interactions, which are no array
        raise TypeError(f"{name} must be a matrix; got {type(X).__name__} ({error})") from error
    except ValueError as error:  # NumPy's words name no parameter
        raise ValueError(f"{name} must have rows of one length; got a ragged list") from error


_NULLABLE = {f"{kind}{bits}" for kind in ("Int", "UInt", "Float") for bits in (8, 16, 32, 64)}
_NULLABLE |= {"boolean"}


def _numbers(array: Array, name: str) -> Array:
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        other = next((v for v in array.flat if not isinstance(v, int | float)), None)
        raise ValueError(f"{name} must hold numbers; got {other!r}") from error


def _check_compressed(X: Any, name: str) -> None:
    height, width = X.shape if X.format != "csc" else X.shape[::-1]
    if X.format == "bsr":
        height, width = height // X.blocksize[0], width // X.blocksize[1]
    indptr, indices = np.asarray(X.indptr), np.asarray(X.indices)
    _check_integers(name, indptr, indices)
    if indptr.shape != (height + 1,) or indptr[0] != 0:
        start = indptr[0] if indptr.size else "nothing"
        _refuse(name, f"{indptr.size} pointers from {start} for {height} rows")
    if (indptr[1:] < indptr[:-1]).any():
        _refuse(name, f"pointers that fall at row {int(np.argmax(indptr[1:] < indptr[:-1]))}")
    length = min(len(indices), len(X.data))
    if indptr[-1] > length:
        _refuse(name, f"pointers up to {indptr[-1]} for {length} stored entries")
    _check_range(name, indices[: indptr[-1]], width, "row" if X.format == "csc" else "column")


def _check_coordinates(X: Any, name: str) -> None:
    row, column = (np.asarray(index) for index in X.coords)
    _check_integers(name, row, column)
    if not len(row) == len(column) == len(X.data):
        _refuse(name, f"{len(row)} rows and {len(column)} columns of {len(X.data)} entries")
    _check_range(name, row, X.shape[0], "row")
    _check_range(name, column, X.shape[1], "column")


def _check_lists(X: Any, name: str) -> None:
    if not all(isinstance(each, list) for part in (X.rows, X.data) for each in part):
        _refuse(name, "rows that are no lists")
    lengths = [[len(row) for row in part] for part in (X.rows, X.data)]
    if lengths[0] != lengths[1] or len(lengths[0]) != X.shape[0]:
        _refuse(name, f"lists of {sum(lengths[0])} columns and {sum(lengths[1])} values")
    _check_columns(name, [column for row in X.rows for column in row], X.shape[1:])


def _check_keys(X: Any, name: str) -> None:
    for axis in (0, 1):
        _check_columns(name, [key[axis] for key in X.keys()], X.shape[axis:], axis)


def _check_columns(name: str, index: list[Any], shape: tuple[int, ...], axis: int = 1) -> None:
    if index:
        _check_integers(name, np.asarray(index))
        _check_range(name, np.asarray(index), shape[0], ("row", "column")[axis])


def _check_integers(name: str, *arrays: Array) -> None:
    for array in arrays:
        if array.ndim != 1 or array.dtype.kind not in "iu":
            _refuse(name, f"indices in a {array.ndim}-D array of {array.dtype}")


def _check_range(name: str, index: Array, size: int, what: str) -> None:
    if not len(index):
        return
    if (lowest := index.min()) < 0:
        _refuse(name, f"a negative {what} index, {lowest}")
    if (highest := index.max()) >= size:
        _refuse(name, f"{what} indices up to {highest} for {size} {what}s")


def _refuse(name: str, what: str) -> None:
    raise ValueError(f"{name} must be a sound sparse matrix; got {what}")
