"""A model to a file, and back."""

from __future__ import annotations

import json
import os
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from skrec import __version__
from skrec.base import BaseRecommender
from skrec.exceptions import PersistenceError
from skrec.persistence._container import read_file, write_file
from skrec.persistence._json import from_json, to_json
from skrec.persistence._models import pack_model, unpack_model
from skrec.utils import check_flag

__all__ = ["load_model", "save_model"]

_FORMAT = 1
_ABOUT, _MODEL = "skrec", "model"
_PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "skorch")


def save_model(model: Any, path: str | os.PathLike[str], *, training_data: bool = True) -> None:
    """Write a fitted estimator to one file, from which nothing is ever executed.

    The file is in the safetensors format: arrays, and in its header JSON with the class by name,
    the parameters and what was fitted. It takes the place of an older file in one step.

    Parameters
    ----------
    model : object
        A fitted estimator of skrec, with whatever estimators it holds, or a
        `sklearn.frozen.FrozenEstimator` around one.
    path : str or os.PathLike
        The file.
    training_data : bool, default=True
        Whether to keep the interactions of ``fit``, often most of a file. Without them
        ``recommend(X)`` and all else that is given histories work as before, ``users=`` is an
        error; ``validation_data`` is left out too, and ``pretrained_``, what training started
        from, is None. Models that answer from the histories of others keep these:
        `UserKNNRecommender`, `InfiniteAERecommender`, `DeepCFClassifier` and `LightGCNRanker`.

    Raises
    ------
    TypeError
        If ``model`` is no estimator of skrec.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    PersistenceError
        If it has attributes that are not those of its class.
    OSError
        If the file cannot be written; an older one is then as it was.

    Warns
    -----
    SkrecWarning
        If parameters are callbacks, optimisers by class or other objects that no file holds: they
        are left out, and `load_model` gives their defaults. Of a search only the best estimator is
        saved.

    See Also
    --------
    load_model : Reads the file.

    Notes
    -----
    Where probabilities are calibrated when they are first asked for, saving calibrates them, but
    not those of models that training only started from (``pretrained_``). With
    ``warm_start`` the state of the optimiser is saved, but not that of the generators: the next
    ``fit`` draws anew. Of batches in ``net_.history`` the numbers are saved. A `torch.device`
    becomes its name. ``checkpoint`` is left out: no file says where ``fit`` writes.

    Examples
    --------
    >>> import os, tempfile
    >>> from skrec import EASERecommender, load_model, save_model
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = EASERecommender(l2=50.0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "ease.safetensors")
    ...     save_model(est, path)
    ...     same = load_model(path)
    >>> bool((same.recommend(X) == est.recommend(X)).all())
    True
    """
    check_flag(training_data, "training_data")
    inner = model.estimator if isinstance(model, FrozenEstimator) else model
    if isinstance(model, type) or not isinstance(inner, BaseRecommender):
        raise TypeError(f"model must be an estimator of skrec; got {model!r:.80}")
    check_is_fitted(inner)
    packed = pack_model(model, type(inner).__name__, bool(training_data))
    text, arrays = to_json(packed)
    about = {"format": _FORMAT, "skrec": __version__, "packages": _versions()}
    write_file(os.fspath(path), {_ABOUT: json.dumps(about), _MODEL: text}, arrays)


def _versions() -> dict[str, str]:
    """Return the versions of what is here, without importing it."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def load_model(path: str | os.PathLike[str], *, mmap: bool = False) -> Any:
    """Read an estimator from a file that `save_model` has written.

    Nothing in the file is executed or imported. What it holds is checked: the class is one of
    skrec's, its attributes are those of the class, and each is of the kind, shape and range that
    the class expects.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    mmap : bool, default=False
        Whether arrays stay in the file, from which the system reads what is used: processes that
        load one file share one copy in memory. What a process writes to an array it writes to a
        copy of its own, never to the file. Do not write to the file itself while it is loaded;
        `save_model` does not, it puts a new one in its place.

    Returns
    -------
    model : object
        The estimator, which gives the answers of the one that was saved to the last bit.

    Raises
    ------
    PersistenceError
        If it is no such file, was changed, is of a newer format, or holds what its class does not
        expect.
    OSError
        If there is no file that can be read.

    See Also
    --------
    save_model : Writes the file.

    Examples
    --------
    >>> import os, tempfile
    >>> from skrec import PopularityRecommender, load_model, save_model
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "popularity.safetensors")
    ...     save_model(PopularityRecommender().fit([[1, 1, 0], [0, 1, 0]]), path)
    ...     load_model(path).recommend([[1, 0, 0]], n_items=1)
    array([[1]])
    """
    check_flag(mmap, "mmap")
    texts, arrays = read_file(os.fspath(path), bool(mmap))
    try:
        _check_format(texts)
        return unpack_model(from_json(texts[_MODEL], arrays), "model")
    except Exception as error:  # whatever is wrong with it, the file is
        raise PersistenceError(f"{path} cannot be loaded: {error}") from error


def _check_format(texts: dict[str, str]) -> None:
    if set(texts) != {_ABOUT, _MODEL}:
        raise PersistenceError("it is not a file that save_model has written")
    about = json.loads(texts[_ABOUT])
    number, writer = about["format"], about["skrec"]
    if type(number) is not int or number < 1:
        raise PersistenceError(f"its format must be a number; got {number!r:.40}")
    if number > _FORMAT:
        raise PersistenceError(
            f"it is of format {number}, written by skrec {writer!s:.40}; skrec {__version__} reads "
            f"formats up to {_FORMAT}: update skrec"
        )
