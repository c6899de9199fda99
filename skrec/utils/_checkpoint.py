"""The state of an unfinished training in a folder: arrays and JSON, nothing that is executed."""

from __future__ import annotations

import json
import os
import time
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

import joblib
import numpy as np
import scipy.sparse as sp

from skrec.exceptions import SkrecWarning
from skrec.typing import Array
from skrec.utils._files import taking_the_place_of

__all__ = ["Checkpoint", "Checkpoints", "fingerprint"]

# writing may take this share of the time of a training
_MOST_TIME = 0.1


class Checkpoints:
    """The checkpoints of one fit, one for each of its phases, in order.

    Parameters
    ----------
    folder : str or path-like or None
        Where they are; it is made if it is not there. None keeps nothing.
    key : str
        From `fingerprint`: fits with another key have other files.

    Raises
    ------
    ValueError
        If there is no such folder and none can be made.

    Examples
    --------
    >>> import tempfile
    >>> from skrec.utils import Checkpoints, fingerprint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = Checkpoints(folder, fingerprint("a model", 0.1)).next()
    ...     first.save({"epoch": 3}, must=True)
    ...     Checkpoints(folder, fingerprint("a model", 0.1)).next().load()
    {'epoch': 3}
    """

    def __init__(self, folder: str | os.PathLike[str] | None, key: str) -> None:
        self.folder = None if folder is None else Path(folder)
        self.key = key
        self.n_phases = 0
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(
                f"checkpoint must be a folder that is there or can be made; got {folder}: {error}"
            ) from error

    def next(self) -> Checkpoint:
        """Return the checkpoint of the next phase.

        Returns
        -------
        checkpoint : Checkpoint
            Which keeps nothing if there is no folder.
        """
        name = f"{self.key}-{self.n_phases}.npz"
        self.n_phases += 1
        return Checkpoint(None if self.folder is None else self.folder / name)


class Checkpoint:
    """A file with the state of a training.

    A state is made of dicts, lists, tuples, numbers, texts, None, arrays, numbers of NumPy, and CSR
    matrices; it comes back bit for bit.

    Parameters
    ----------
    path : Path or None
        The file; None keeps nothing.

    See Also
    --------
    Checkpoints : Makes them.

    Examples
    --------
    >>> from skrec.utils import Checkpoint
    >>> Checkpoint(None).load() is None
    True
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._free_at = 0.0

    @property
    def is_due(self) -> bool:
        """Whether there is a file, and writing it again would not slow the training down much."""
        return self.path is not None and time.perf_counter() >= self._free_at

    def load(self) -> Any:
        """Return what was saved last, None if there is nothing.

        Returns
        -------
        state : object
            The state.

        Raises
        ------
        ValueError
            If the file is none of these.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            with open(self.path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            return _decoded(json.loads(arrays.pop("tree").tobytes()), arrays)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"checkpoint must be a folder whose files this version has written; {self.path} "
                "is another: delete it to begin anew"
            ) from error

    def save(self, state: Any, must: bool = False) -> None:
        """Write a state in place of the last one, which stays where writing fails.

        Parameters
        ----------
        state : object
            The state.
        must : bool, default=False
            Write it also where it is not due.

        Warns
        -----
        SkrecWarning
            If it could not be written.
        """
        if self.path is None or not (must or self.is_due):
            return
        start = time.perf_counter()
        arrays: dict[str, Array] = {}
        tree = json.dumps(_encoded(state, arrays))
        savez: Any = np.savez
        try:
            with taking_the_place_of(self.path) as file:
                savez(file, tree=np.frombuffer(tree.encode(), np.uint8), **arrays)
        except OSError as error:
            warnings.warn(
                f"the checkpoint {self.path} could not be written, the one before it stays: "
                f"{error}",
                SkrecWarning,
            )
        end = time.perf_counter()
        self._free_at = end + (end - start) / _MOST_TIME


def fingerprint(*parts: Any) -> str:
    """Return a text that is another one where anything is different.

    Parameters
    ----------
    *parts
        Numbers, texts, arrays, sparse matrices, containers of these, classes and functions, of
        which the names count, and estimators, of which the class and the parameters do.

    Returns
    -------
    text : str
        32 hexadecimal digits, the same in every process.

    Examples
    --------
    >>> from skrec.utils import fingerprint
    >>> fingerprint(1, "a") == fingerprint(1, "a") != fingerprint(2, "a")
    True
    """
    return str(joblib.hash(_bare(parts)))


def _bare(value: Any) -> Any:
    """Return what counts of a value, without what it may have cached."""
    if isinstance(value, Mapping):
        return {name: _bare(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_bare(inner) for inner in value]
    if sp.issparse(value):
        matrix: Any = sp.csr_matrix(value)
        return [matrix.shape, matrix.indptr, matrix.indices, matrix.data]
    if isinstance(value, type | FunctionType):  # which may be of no module that can be imported
        return [value.__module__, value.__qualname__]
    if hasattr(value, "get_params"):
        return [type(value).__qualname__, _bare(value.get_params(deep=False))]
    if hasattr(value, "tocsr"):  # Interactions
        return [value.frame, value.user, value.item, value.value, value.timestamp]
    return value


def _encoded(value: Any, arrays: dict[str, Array]) -> Any:
    """Return a value as JSON has it, and put its arrays aside; what is no plain value is tagged."""
    if value is None or isinstance(value, bool | int | float | str):
        if type(value) in (bool, int, float, str, type(None)):
            return value
    if isinstance(value, list):
        return [_encoded(inner, arrays) for inner in value]
    if isinstance(value, tuple):
        return {"tuple": [_encoded(inner, arrays) for inner in value]}
    if isinstance(value, Mapping):
        pairs = [[_encoded(k, arrays), _encoded(v, arrays)] for k, v in value.items()]
        return {"dict": pairs}
    if sp.issparse(value):
        matrix: Any = value
        parts = matrix.shape, matrix.data, matrix.indices, matrix.indptr
        return {"csr": _encoded(parts, arrays)}
    if isinstance(value, np.ndarray | np.generic):
        name = f"array{len(arrays)}"
        arrays[name] = np.asarray(value)
        return {"array" if isinstance(value, np.ndarray) else "number": name}
    raise TypeError(f"a state must be made of plain values; got {type(value).__name__}")


def _decoded(value: Any, arrays: Mapping[str, Array]) -> Any:
    if isinstance(value, list):
        return [_decoded(inner, arrays) for inner in value]
    if not isinstance(value, dict):
        return value
    ((tag, inner),) = value.items()
    if tag == "tuple":
        return tuple(_decoded(each, arrays) for each in inner)
    if tag == "dict":
        return {_decoded(k, arrays): _decoded(v, arrays) for k, v in inner}
    if tag == "csr":
        shape, *parts = _decoded(inner, arrays)
        return sp.csr_matrix(tuple(parts), shape=shape)
    return arrays[inner] if tag == "array" else arrays[inner][()]
