"""Odd matrices: every format and type, what no model can use, and corrupt ones."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from benchmarks.fuzz.case import Odd
from skrec import Interactions

__all__ = ["corrupt", "matrices"]

_FOLDER = tempfile.TemporaryDirectory(prefix="skrec-fuzz-")


def matrices(X: np.ndarray) -> list[Odd]:
    """Return forms of a dense matrix and what could be mistaken for one; the verdict is the sort.

    Sorts: format (the same matrix), width (repeats to be summed), nan, infinite, negative, complex,
    text, none, dimensions, empty, zero, ragged, table, corrupt, size, frame, other.
    """
    odds = [Odd(label, form, "format", X) for label, form in _formats(X)]
    odds += _summed(X)
    odds += [Odd(label, wrong, sort) for sort, label, wrong in _wrong(X)]
    odds += [Odd(f"corrupt {label}", wrong, "corrupt") for label, wrong in corrupt(X)]
    return odds + _tables() + [Odd(label, other, "size") for label, other in _sizes(X)]


def _formats(X: np.ndarray) -> Iterator[tuple[str, Any]]:
    for name in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia"):
        for kind in ("matrix", "array"):
            yield f"{name}_{kind}", getattr(sp, f"{name}_{kind}")(X)
    for dtype in ("f2", "f4", ">f8", "i1", "u1", "i8", "u8"):
        yield f"dense {dtype}", X.astype(dtype)
        if dtype not in ("f2", ">f8"):  # scipy has none of these
            yield f"csr {dtype}", sp.csr_matrix(X.astype(dtype))
    yield "Fortran", np.asfortranarray(X)
    yield "strided", np.repeat(X, 2, axis=1)[:, ::2]
    yield "list of lists", X.tolist()
    yield "tuple of arrays", tuple(X)
    yield "DataFrame", pd.DataFrame(X, columns=[f"i{i}" for i in range(X.shape[1])])
    csr = sp.csr_matrix(X)
    csr.indices, csr.indptr = csr.indices.astype(np.int64), csr.indptr.astype(np.int64)
    yield "csr int64", csr
    locked = sp.csr_matrix(X)
    for part in (locked.data, locked.indices, locked.indptr):
        part.flags.writeable = False
    yield "csr read-only", locked
    yield "memmap", _mapped(X)
    yield "unsorted csr", _reversed_rows(X)


def _mapped(X: np.ndarray) -> np.ndarray:
    path = Path(_FOLDER.name) / f"{abs(hash(X.tobytes()))}.bin"
    if not path.exists():
        X.tofile(path)
    return np.memmap(path, X.dtype, "r", shape=X.shape)


def _reversed_rows(X: np.ndarray) -> sp.csr_matrix:
    csr = sp.csr_matrix(X)
    for a, b in zip(csr.indptr[:-1], csr.indptr[1:], strict=True):
        csr.indices[a:b], csr.data[a:b] = csr.indices[a:b][::-1].copy(), csr.data[a:b][::-1].copy()
    csr.has_sorted_indices = False
    return csr


def _summed(X: np.ndarray) -> list[Odd]:
    """Return matrices of ones that hold one pair so often that small types overflow."""
    odds = []
    row, column = np.argwhere(X)[0]
    for dtype, times in (("u1", 256), ("u1", 300), ("i1", 256), ("i2", 65536)):
        pairs = np.concatenate([np.argwhere(X), np.repeat([[row, column]], times - 1, axis=0)])
        coo = sp.coo_matrix((np.ones(len(pairs), dtype), tuple(pairs.T)), shape=X.shape)
        truth = (X != 0).astype(float)
        truth[row, column] = times
        odds.append(Odd(f"coo {dtype} with a pair {times} times", coo, "width", truth))
    csr = sp.csr_matrix((X != 0).astype("u1"))
    many = sp.vstack([csr])
    odds.append(Odd("csr u1 of ones", many, "width", (X != 0).astype(float)))
    return odds


def _wrong(X: np.ndarray) -> Iterator[tuple[str, str, Any]]:
    for sort, value in (("nan", np.nan), ("infinite", np.inf), ("infinite", 1e300)):
        changed = X.astype(float)
        changed[tuple(np.argwhere(X)[0])] = value
        yield sort, f"dense with {value}", changed
        yield sort, f"csr with {value}", sp.csr_matrix(changed)
        yield sort, f"coo_array with {value}", sp.coo_array(changed)
        yield sort, f"list with {value}", changed.tolist()
    yield "nan", "DataFrame with NaN", pd.DataFrame(_with_nan(X))
    yield "nan", "nullable DataFrame", pd.DataFrame(_with_nan(X)).convert_dtypes()
    yield "negative", "dense negative", -X
    yield "negative", "csr negative", -sp.csr_matrix(X)
    yield "complex", "dense complex", X + 1j
    yield "complex", "csr complex", sp.csr_matrix(X + 1j)
    yield "text", "text", X.astype(str)
    yield "text", "list of words", [["a", "b"], ["c", "d"]]
    yield "text", "object with text", np.where(X > 0, "a", X.astype(object))
    yield "text", "datetime", X.astype("datetime64[s]")
    yield "text", "DataFrame of words", pd.DataFrame(X).astype(str) + "x"
    yield "text", "structured", np.zeros(X.shape, [("a", int)])
    yield "none", "None", None
    yield "none", "object()", object()
    yield "none", "'X'", "X"
    yield "none", "3", 3
    yield "none", "{}", {}
    yield "none", "set", {1, 2}
    yield "none", "generator", (row for row in X)
    yield "none", "class", sp.csr_matrix
    yield "dimensions", "1-D", X[0]
    yield "dimensions", "3-D", X[None]
    yield "dimensions", "0-D", np.array(1.0)
    yield "dimensions", "1-D coo_array", sp.coo_array(X[0])
    yield "dimensions", "[]", []
    yield "empty", "[[]]", [[]]
    yield "empty", "0 rows", X[:0]
    yield "empty", "0 columns", X[:, :0]
    yield "empty", "csr 0 rows", sp.csr_matrix((0, X.shape[1]))
    yield "empty", "csr 0 x 0", sp.csr_matrix((0, 0))
    yield "zero", "dense zeros", X * 0
    yield "zero", "csr of nothing", sp.csr_matrix(X.shape)
    yield "ragged", "ragged", [[1.0, 2.0], [3.0]]
    yield "ragged", "ragged objects", np.array([[1], [1, 2]], dtype=object)
    yield "other", "masked", np.ma.masked_array(X, X > 0)
    yield "other", "masked, none", np.ma.masked_array(X, False)
    yield "other", "object of numbers", X.astype(object)
    yield "other", "bool", X > 0
    yield "other", "csr bool", sp.csr_matrix(X > 0)
    yield "other", "longdouble", X.astype(np.longdouble)
    yield "frame", "Interactions", Interactions(sp.csr_matrix(X))
    yield "frame", "no Interactions", Interactions(sp.csr_matrix(X))[:0]


def _with_nan(X: np.ndarray) -> np.ndarray:
    changed = X.astype(float)
    changed[0, 0] = np.nan
    return changed


def corrupt(X: np.ndarray) -> Iterator[tuple[str, Any]]:
    """Yield sparse matrices whose arrays contradict each other."""
    for name in ("csr", "csc"):
        for label, spoil in _SPOILERS.items():
            broken = getattr(sp, f"{name}_matrix")(X)
            spoil(broken)
            yield f"{name}: {label}", broken
    for part, value in (("row", 10**6), ("col", -1), ("col", X.shape[1]), ("row", -5)):
        broken = sp.coo_matrix(X)
        getattr(broken, part)[0] = value
        yield f"coo: {part}[0] = {value}", broken
    lil = sp.lil_matrix(X)
    lil.rows[2], lil.data[2] = [0, X.shape[1] + 7], [1.0, 1.0]
    yield "lil: a column beyond", lil
    bsr = sp.bsr_matrix(X, blocksize=(1, 1))
    bsr.indices[0] = 10**6
    yield "bsr: indices[0] = 10**6", bsr


def _set(part: str, place: int, value: int) -> Callable[[Any], None]:
    def spoil(matrix: Any) -> None:
        getattr(matrix, part)[place] = value

    return spoil


def _shorten(part: str) -> Callable[[Any], None]:
    return lambda matrix: setattr(matrix, part, getattr(matrix, part)[:-1])


_SPOILERS: dict[str, Callable[[Any], None]] = {
    "indices[0] = 10**6": _set("indices", 0, 10**6),
    "indices[0] = 99": _set("indices", 0, 99),
    "indices[0] = -1": _set("indices", 0, -1),
    "indptr falls": _set("indptr", 2, 10**6),
    "indptr[1] = -3": _set("indptr", 1, -3),
    "indptr[0] = 2": _set("indptr", 0, 2),
    "indptr ends beyond": _set("indptr", -1, 10**7),
    "data too short": _shorten("data"),
    "indices too short": _shorten("indices"),
    "indptr too short": _shorten("indptr"),
}


def _tables() -> list[Odd]:
    """Return long tables of ids, with columns of any name."""
    rng = np.random.RandomState(0)
    ids = np.column_stack([rng.permutation(40) + 100, rng.permutation(40), rng.randint(1, 6, 40)])
    frames = {
        "DataFrame user, item": ["user", "item", "rating"],
        "DataFrame a, b": ["a", "b", "c"],
        "DataFrame customer, sku": ["customer", "sku", "amount"],
    }
    odds = [Odd(f"table: {k}", pd.DataFrame(ids, columns=c), "table") for k, c in frames.items()]
    odds += [Odd(f"table: {d} array", ids.astype(d), "table") for d in ("i8", "f4")]
    odds += [Odd("table: list of lists", ids.tolist(), "table")]
    odds += [Odd("table: two columns", ids[:, :2], "table")]
    words = pd.DataFrame({"who": [f"u{i}" for i in ids[:, 0]], "what": ids[:, 1]})
    return [*odds, Odd("table: words", words, "table")]


def _sizes(X: np.ndarray) -> Iterator[tuple[str, Any]]:
    yield "one row", X[1:2]
    yield "one column", X[:, :1] + 1
    yield "1 x 1", np.ones((1, 1))
    yield "two rows", sp.csr_matrix(X[:2])
    yield "one entry", sp.csr_matrix(([1.0], ([1], [2])), shape=X.shape)
    yield "a full matrix", X * 0 + 1
    yield "one more column", np.column_stack([X, X[:, 0]])
    yield "1500 columns", sp.csr_matrix(np.tile(X[:4], (1, 1500 // X.shape[1])))
    yield "stored zeros", _stored_zeros(X)


def _stored_zeros(X: np.ndarray) -> sp.csr_matrix:
    csr = sp.csr_matrix(X)
    csr.data[::2] = 0
    return csr
