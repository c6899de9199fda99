"""Checks of input: every form of X is understood, and none is changed."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec.interactions import Interactions
from skrec.testing._data import (
    AnyRecommender,
    Histories,
    assert_close,
    fitted,
    is_explicit,
    quick,
    tiny,
)
from skrec.typing import Array

__all__ = ["CHECKS", "EXPLICIT_CHECKS", "IMPLICIT_CHECKS", "with_duplicates"]


def forms_of(X: Histories) -> dict[str, Any]:
    """Return a matrix in every sparse format, index and value type, dense, and as other objects."""
    forms: dict[str, Any] = {}
    for name in ("csr", "csc", "coo", "lil", "dok"):
        for kind in ("matrix", "array"):
            forms[f"{name}_{kind}"] = getattr(sp, f"{name}_{kind}")(X)
    for index in (np.int32, np.int64):
        forms[f"csr {index.__name__}"] = _with_indices(X, index)
        forms[f"csc {index.__name__}"] = _with_indices(sp.csc_matrix(X), index)
    for value in (np.uint8, np.int64, np.float64):
        forms[value.__name__] = X.astype(value)
    forms["unsorted"] = _unsorted(X)
    forms["dense"] = X.toarray()
    forms["Fortran"] = np.asfortranarray(X.toarray())
    forms["list"] = X.toarray().tolist()
    forms["DataFrame"] = pd.DataFrame(X.toarray(), columns=[f"i{i}" for i in range(X.shape[1])])
    forms["Interactions"] = Interactions(X)[np.random.RandomState(0).permutation(X.nnz)]
    return forms


def _with_indices(X: Any, dtype: Any) -> Any:
    X = X.copy()
    X.indices, X.indptr = X.indices.astype(dtype), X.indptr.astype(dtype)
    return X


def _unsorted(X: Histories) -> Histories:
    """Return a copy in which the entries of each row stand in the opposite order."""
    X = X.copy()
    for a, b in zip(X.indptr[:-1], X.indptr[1:], strict=True):
        X.indices[a:b], X.data[a:b] = X.indices[a:b][::-1].copy(), X.data[a:b][::-1].copy()
    X.has_sorted_indices = False
    return X


def with_duplicates(X: Histories) -> sp.coo_matrix:
    """Return a copy that stores the first nine entries twice."""
    coo = X.tocoo()
    twice = [np.concatenate([a, a[:9]]) for a in (coo.data, coo.row, coo.col)]
    return sp.coo_matrix((twice[0], tuple(twice[1:])), shape=X.shape)


def _with_zeros(X: Histories) -> Histories:
    """Return a copy that stores a zero at ten places that were empty."""
    free = np.argwhere(X.toarray() == 0)[:10]
    coo = X.tocoo()
    row, col = np.concatenate([np.transpose([coo.row, coo.col]), free]).T
    return sp.csr_matrix((np.append(coo.data, np.zeros(10)), (row, col)), shape=X.shape)


def _assert_same_fits(name: str, estimator: AnyRecommender, forms: Mapping[str, Any]) -> None:
    X = tiny(estimator)
    right = _enough_of(fitted(estimator))
    for form, given in forms.items():
        model = quick(estimator)
        _named(f"{name}: fit on {form}", model.fit, given)
        difference = abs(model.interactions_ - X)
        assert difference.nnz == 0, f"{name}: {form} was not understood"
        # a model that was fitted on a DataFrame warns where names are missing
        model.__dict__.pop("feature_names_in_", None)
        assert_close(_enough_of(model), right, f"{name}: fitted on {form}")


def _enough_of(model: AnyRecommender) -> Array:
    """Return what tells two models apart: they are many here, and half of `scores_of` does.

    The scores of known users come from all that was learnt, and the probabilities of other rows
    from that and from fold-in and calibration.
    """
    rows = tiny(model, 6, model.n_features_in_, seed=1)
    scores = model.decision_function(users=np.arange(12))
    return np.concatenate([scores, model.predict_proba(rows)])


def _named(what: str, function: Callable[..., Any], *args: Any) -> Any:
    """Return what a function returns; if it fails, the error says what was tried."""
    try:
        return function(*args)
    except Exception as error:
        raise AssertionError(f"{what} raised {error!r}") from error


def check_forms_of_X_in_fit(name: str, estimator: AnyRecommender) -> None:
    """Check that every form of X leads to the same model."""
    _assert_same_fits(name, estimator, forms_of(tiny(estimator)))


def check_weights_duplicates_and_zeros(name: str, estimator: AnyRecommender) -> None:
    """Check that implicit models count repeats and strengths once, and stored zeros not at all."""
    X = tiny(estimator)
    forms = {"duplicates": with_duplicates(X), "zeros": _with_zeros(X), "strengths": X * 7}
    forms["bool"] = X.astype(bool)
    forms["repeated Interactions"] = Interactions(with_duplicates(X))
    _assert_same_fits(name, estimator, forms)


def check_forms_of_X_in_prediction(name: str, estimator: AnyRecommender) -> None:
    """Check that every form of X leads to the same scores, of shape (n_rows, n_items)."""
    model, X = fitted(estimator), tiny(estimator, 7, seed=2)
    scores, lists = model.decision_function(X), model.recommend(X, 3)
    assert scores.dtype == np.float32, f"{name}: scores are {scores.dtype}"
    assert lists.dtype == np.int64, f"{name}: items are {lists.dtype}"
    forms = forms_of(X)
    del forms["Interactions"], forms["DataFrame"]
    for form, given in forms.items():
        answer = _named(f"{name}: scores of {form}", model.decision_function, given)
        assert_close(answer, scores, f"{name}: {form}")
        assert model.predict_proba(given).shape == X.shape, f"{name}: {form}"
        np.testing.assert_array_equal(model.recommend(given, 3), lists, f"{name}: {form}")
    lists = [model.recommend(form, 3) for form in (X, Interactions(X))]
    np.testing.assert_array_equal(*lists, err_msg=f"{name}: recommend(Interactions)")


def check_pairs(name: str, estimator: AnyRecommender) -> None:
    """Check that pairs of Interactions get the scores that are in the rows of their users."""
    model = fitted(estimator)
    shape = model.interactions_.shape
    rng = np.random.RandomState(0)
    user, item = (rng.randint(size, size=50) for size in shape)
    pairs = Interactions.from_arrays(user, item, frame=shape)
    methods = [model.decision_function, model.predict_proba]
    for method in methods + ([model.predict] if is_explicit(model) else []):
        rows = method(users=np.arange(shape[0]))
        assert_close(method(pairs), rows[user, item], f"{name}.{method.__name__}")
        assert method(pairs[:0]).shape == (0,), f"{name}.{method.__name__} of no pairs"


def check_X_is_left_alone(name: str, estimator: AnyRecommender) -> None:
    """Check that fit and prediction work on read-only files, and change no entry and no index."""
    X = tiny(estimator)
    # the first one is canonical: fit works on the files themselves
    untidy = _unsorted(X if is_explicit(estimator) else _with_zeros(X))
    frozen = [X.astype(np.float32), X.toarray(), untidy]
    with tempfile.TemporaryDirectory() as folder:
        for number, given in enumerate(frozen):
            locked = _as_memmap(given, Path(folder) / str(number))
            model = quick(estimator).fit(locked)
            for method in (model.decision_function, model.predict_proba, model.recommend):
                method(locked)
            model.score(locked)
            _assert_same_arrays(locked, given, name)
            if sp.issparse(given):  # in memory that can be written to
                again = given.copy()
                model.fit(again).recommend(again, exclude=again)
                model.score(again, again)
                _assert_same_arrays(again, given, name)
            del locked


def _as_memmap(X: Any, path: Path) -> Any:
    """Write the arrays of a matrix to files; return the matrix over these, read-only."""
    if not sp.issparse(X):
        return _mapped(X, path)
    given: Any = X
    parts = [
        _mapped(a, f"{path}-{i}") for i, a in enumerate((given.data, given.indices, given.indptr))
    ]
    locked: Any = sp.csr_matrix(X.shape, dtype=X.dtype)
    locked.data, locked.indices, locked.indptr = parts
    return locked


def _mapped(array: Array, path: Path | str) -> Array:
    np.asarray(array).tofile(path)
    return np.memmap(path, dtype=array.dtype, mode="r", shape=array.shape)


def _assert_same_arrays(actual: Any, desired: Any, name: str) -> None:
    if not sp.issparse(desired):
        np.testing.assert_array_equal(actual, desired, err_msg=f"{name}: X was changed")
        return
    for part in ("data", "indices", "indptr"):
        pair = getattr(actual, part), getattr(desired, part)
        np.testing.assert_array_equal(*pair, err_msg=f"{name}: X.{part} was changed")


def check_the_latest_rating_counts(name: str, estimator: AnyRecommender) -> None:
    """Check that the later of two ratings of a pair is kept, and a stored zero is a rating."""
    X = tiny(estimator)
    pairs = Interactions(X)
    user, item = (np.concatenate([a, a[:5]]) for a in (pairs.user, pairs.item))
    value = np.concatenate([pairs.value, np.zeros(5)])
    time = np.concatenate([np.full(len(pairs), 2), np.arange(5) % 2 * 2 + 1])
    again = Interactions.from_arrays(user, item, value, time, frame=X.shape)
    kept = quick(estimator).fit(again).interactions_
    right = np.where(np.arange(5) % 2, 0, pairs.value[:5])
    np.testing.assert_array_equal(kept[user[:5], item[:5]].A1, right, err_msg=name)
    assert kept.nnz == X.nnz, f"{name}: stored zeros are ratings"


CHECKS = [
    check_forms_of_X_in_fit,
    check_forms_of_X_in_prediction,
    check_pairs,
    check_X_is_left_alone,
]
IMPLICIT_CHECKS = [check_weights_duplicates_and_zeros]
EXPLICIT_CHECKS = [check_the_latest_rating_counts]
