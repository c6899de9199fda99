"""From whatever a user passes as X to one canonical CSR matrix, and clear errors on the way."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.utils.validation import validate_data

from skrec.base._mapped import mapped_matrix
from skrec.base._one_row import canonical_row
from skrec.exceptions import SkrecWarning
from skrec.interactions import InteractionEncoder, Interactions, different_ids
from skrec.typing import Array, CSRMatrix, MatrixLike
from skrec.utils import (
    as_array,
    as_integers,
    canonical_csr,
    check_structure,
    refuse_long_table,
    row_of_entry,
)

if TYPE_CHECKING:
    from skrec.base._recommender import BaseRecommender

__all__ = [
    "check_candidates",
    "check_ids",
    "check_item_list",
    "check_items",
    "check_matrix",
    "check_pairs",
    "check_users",
]


_AT_ONCE = 2**20  # numbers whose temporaries are in memory together


def check_matrix(
    estimator: "BaseRecommender", X: Any, *, reset: bool, more: bool = False
) -> CSRMatrix:
    """Return the canonical float32 CSR matrix of X, a copy but of a map of files to train on.

    Sorted indices, no duplicates. Implicit models: a 1 for every stored entry that is not zero, or
    its strength where the model weighs strengths. Rating models: the ratings, stored zeros kept.

    Parameters
    ----------
    estimator : BaseRecommender
        Whose ``n_features_in_`` is set (``reset=True``) or compared.
    X : Interactions, sparse matrix or array-like of shape (n_users, n_items)
        Input as the user gave it; it is not changed.
    reset : bool
        True in ``fit``.
    more : bool, default=False
        Whether X holds more users to learn from: it may be wider, and without any entry.

    Returns
    -------
    X : csr_matrix of shape (n_users, n_items)
        The canonical copy.
    """
    explicit = estimator.__sklearn_tags__().feedback == "explicit"
    training, reset = reset or more, reset or (more and _is_wider(X, estimator.n_features_in_))
    row = None if training else canonical_row(estimator, X, explicit)
    if row is not None:
        return row
    if isinstance(X, Interactions):
        matrix = _matrix_of_interactions(estimator, X, explicit, reset)
    else:
        X = _readable(X)
        refuse_long_table(X)
        matrix: Any = validate_data(
            estimator,
            X,
            reset=reset,
            # other formats, which cannot hold a pair twice, become CSR
            accept_sparse=["csr", "csc", "coo"],
            dtype="numeric",
            ensure_all_finite=False,
        )
        mapped = _mapped(estimator, matrix, explicit) if training else None
        if mapped is not None:
            return mapped
        _refuse_infinite(matrix.data if sp.issparse(matrix) else matrix)
    matrix = _canonical(matrix, explicit)
    if not np.isfinite(matrix.data).all():
        raise ValueError("X must hold finite values in the range of float32; got larger ones")
    if not explicit:
        matrix = _implicit(estimator, matrix, training)
    if training and not more:
        _check_training(matrix, explicit)
    return matrix


def _mapped(estimator: Any, X: Any, explicit: bool) -> CSRMatrix | None:
    """Return a matrix that need not be copied, after the checks of what is trained on."""
    matrix = mapped_matrix(estimator, X, explicit)
    if matrix is not None:
        if not explicit and matrix.data is not X.data:  # ones in place of strengths
            _warn_of_weights(estimator, X.data)
        _check_training(matrix, explicit)
    return matrix


def _is_wider(X: Any, n_items: int) -> bool:
    shape = X.frame if isinstance(X, Interactions) else getattr(X, "shape", None) or np.shape(X)
    return len(shape) == 2 and shape[1] > n_items


def _readable(X: Any) -> Any:
    """Return X as scikit-learn can read it, after the checks that it leaves out."""
    if sp.issparse(X):
        return check_structure(X)
    plain = type(X) is np.ndarray or isinstance(X, list | tuple | type | np.ma.MaskedArray)
    return as_array(X) if plain else X


def _refuse_infinite(values: Array) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        kind = "NaN" if np.isnan(values).any() else "infinity"
        raise ValueError(f"X must hold finite values; got {kind}")


def _matrix_of_interactions(
    estimator: "BaseRecommender", interactions: Interactions, explicit: bool, reset: bool
) -> CSRMatrix:
    """Return the matrix of Interactions, after the checks that validate_data does on matrices."""
    n_items = interactions.frame[1]
    if reset:
        estimator.n_features_in_ = n_items
    elif n_items != estimator.n_features_in_:
        raise ValueError(
            f"X has {n_items} items in its frame, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} items"
        )
    else:
        # others' estimators may lack it
        check_ids(interactions, getattr(estimator, "encoder_", None), items_only=True)
    if len(interactions) and not np.isfinite(interactions.value).all():
        raise ValueError("X must hold finite values; got NaN or infinity in Interactions.value")
    if explicit and interactions.timestamp is None:
        _refuse_repeats(interactions.user * n_items + interactions.item)
    return interactions.tocsr()


def _refuse_repeats(keys: Array) -> None:
    n_repeated = len(keys) - len(np.unique(keys))
    if n_repeated:
        raise ValueError(
            "X must hold one rating a pair, or timestamps that tell which is the latest "
            f"(Interactions with timestamps); got {n_repeated} repeated pairs"
        )


def _canonical(X: Any, explicit: bool) -> CSRMatrix:
    if explicit and sp.issparse(X):
        coo = X.tocoo()
        _refuse_repeats(coo.row.astype(np.int64) * X.shape[1] + coo.col)
    X = canonical_csr(X)
    # float64 values beyond float32 become infinite here and are refused by the caller
    with np.errstate(over="ignore"):
        return X.astype(np.float32, copy=False)


def _implicit(estimator: Any, X: CSRMatrix, training: bool) -> CSRMatrix:
    if X.nnz and X.data.min() < 0:
        raise ValueError(
            f"Negative values in data passed to {type(estimator).__name__}: X must hold strengths "
            f">= 0 of implicit feedback; got {X.data.min():g}"
        )
    X.eliminate_zeros()
    if not getattr(estimator, "_weighs_strengths", False):  # others' estimators may lack it
        if training:
            _warn_of_weights(estimator, X.data)
        X.data[:] = 1
    return X


def _warn_of_weights(estimator: Any, strengths: Array) -> None:
    """Warn of strengths that somebody weighed and the model takes as ones."""
    if any(map(_are_weights, np.split(strengths, range(_AT_ONCE, len(strengths), _AT_ONCE)))):
        warnings.warn(
            f"X holds weights from {strengths.min():.3g} to {strengths.max():.3g}, as a step "
            f"before makes them; {type(estimator).__name__} takes every entry as a 1. "
            "WMFRecommender(weighting='confidence') weighs strengths; skrec.preprocessing.binarize "
            "says that ones are meant.",
            SkrecWarning,
            stacklevel=4,
        )


def _are_weights(strengths: Array) -> bool:
    halves = 2 * strengths  # ratings come in halves at the finest
    return bool((halves != np.rint(halves)).any())


def _check_training(X: CSRMatrix, explicit: bool) -> None:
    if X.nnz == 0:
        raise ValueError(f"X must hold at least one interaction; got an empty matrix {X.shape}")
    if explicit and X.nnz > 1 and X.data.min() == X.data.max():
        warnings.warn(f"All ratings in X are equal to {X.data[0]:g}", SkrecWarning, stacklevel=4)


def check_users(users: ArrayLike, n_users: int) -> Array:
    """Return ``users`` as int64 rows of the fitted matrix.

    Parameters
    ----------
    users : int or array-like of int
        Rows of the matrix that ``fit`` saw.
    n_users : int
        How many there are.

    Returns
    -------
    users : ndarray of shape (n_rows,)
        The rows.
    """
    users = np.atleast_1d(as_integers(users, "users", "integer rows of the fitted matrix"))
    if users.ndim != 1:
        raise ValueError(
            f"users must be integer rows of the fitted matrix; got {users.ndim}-D of {users.dtype}"
        )
    if users.size and (users.min() < 0 or users.max() >= n_users):
        unknown = users[(users < 0) | (users >= n_users)][:5].tolist()
        raise ValueError(
            f"users must be rows of the fitted matrix, in [0, {n_users}); got unknown {unknown}"
        )
    return users.astype(np.int64)


def check_pairs(
    interactions: Interactions, frame: tuple[int, int], encoder: InteractionEncoder | None
) -> None:
    """Refuse pairs of another frame, or of other ids, than those of ``fit``.

    Parameters
    ----------
    interactions : Interactions
        Pairs to answer for.
    frame : tuple of int
        Shape of the fitted matrix.
    encoder : InteractionEncoder or None
        Encoder of what ``fit`` saw.
    """
    if interactions.frame != frame:
        raise ValueError(
            f"X must be Interactions in the frame of fit, {frame}; got {interactions.frame}"
        )
    check_ids(interactions, encoder, items_only=False)


def check_ids(
    interactions: Interactions, encoder: InteractionEncoder | None, items_only: bool
) -> None:
    """Refuse Interactions whose rows or columns mean other ids than those of ``fit``.

    Parameters
    ----------
    interactions : Interactions
        What a user passed.
    encoder : InteractionEncoder or None
        Encoder of what ``fit`` saw.
    items_only : bool
        Whether users may differ: histories are of any users.
    """
    side = different_ids(encoder, interactions.encoder, items_only=items_only)
    if side is not None:
        raise ValueError(
            f"X must have the {side} ids that fit saw, in their order; got Interactions of another "
            "encoder. Make both with one: encoder.fit(train), then encoder.transform(test)."
        )


def check_items(items: ArrayLike, n_items: int, name: str = "items", lowest: int = 0) -> Array:
    """Return item indices as int64.

    Parameters
    ----------
    items : array-like of int
        Columns of the fitted matrix.
    n_items : int
        How many there are.
    name : str, default="items"
        Parameter to name in errors.
    lowest : int, default=0
        Lowest value allowed.

    Returns
    -------
    items : ndarray of int64
        In the shape of the input.
    """
    items = as_integers(items, name, "integer columns")
    if items.size == 0:
        return items.astype(np.int64)
    if items.min() < lowest or items.max() >= n_items:
        raise ValueError(
            f"{name} must lie in [{lowest}, {n_items}); got {items.min()} to {items.max()}"
        )
    return items.astype(np.int64)


def check_item_list(items: ArrayLike, n_items: int) -> Array:
    """Return a list of items, or one item, as int64.

    Parameters
    ----------
    items : int or array-like of int of shape (n,)
        Columns of the fitted matrix.
    n_items : int
        How many there are.

    Returns
    -------
    items : ndarray of int64 of shape (n,)
        The columns.
    """
    columns = np.atleast_1d(check_items(items, n_items))
    if columns.ndim != 1:
        raise ValueError(f"items must be 1-D integer columns; got shape {columns.shape}")
    return columns


def check_candidates(candidates: ArrayLike, n_rows: int, n_items: int) -> Array:
    """Return ``candidates`` as int64 columns, shared ``(m,)`` or per row ``(n_rows, m)``.

    Parameters
    ----------
    candidates : array-like of int of shape (m,) or (n_rows, m)
        Columns that may be recommended; -1 pads a row of the second form.
    n_rows, n_items : int
        Shape of the scores.

    Returns
    -------
    candidates : ndarray of shape (m,) or (n_rows, m)
        The columns.
    """
    candidates = as_integers(candidates, "candidates", "integer columns")
    if candidates.ndim not in (1, 2):
        raise ValueError(
            f"candidates must have the shape (m,) or (n_rows, m); got {candidates.shape}"
        )
    if candidates.ndim == 2 and len(candidates) != n_rows:
        raise ValueError(f"candidates must have {n_rows} rows; got {len(candidates)}")
    return check_items(candidates, n_items, "candidates", lowest=1 - candidates.ndim)


def exclusion_keys(
    exclude: MatrixLike, n_rows: int, n_items: int
) -> tuple[CSRMatrix | None, Array | None]:
    """Return what ``exclude`` names as a CSR matrix of shape (n_rows, n_items) or shared columns.

    Parameters
    ----------
    exclude : sparse matrix of shape (n_rows, n_items) or array-like of int
        Pairs or shared items never to recommend.
    n_rows, n_items : int
        Shape of the scores.

    Returns
    -------
    pairs : csr_matrix or None
        Excluded pairs.
    shared : ndarray or None
        Excluded columns.
    """
    if sp.issparse(exclude):
        if exclude.shape != (n_rows, n_items):
            raise ValueError(
                f"exclude must have the shape {(n_rows, n_items)}; got {exclude.shape}"
            )
        return canonical_csr(exclude, "exclude"), None
    columns = as_integers(exclude, "exclude", "a sparse matrix of pairs or integer columns")
    if columns.ndim > 1:
        raise ValueError(
            "exclude must be a sparse matrix of pairs or have the shape (m,) of shared items; "
            f"got an array of shape {columns.shape}"
        )
    return None, check_items(columns.ravel(), n_items, "exclude")


def places_of(X: CSRMatrix) -> tuple[Array | int, Array]:
    """Return where the entries of a CSR matrix stand in a dense one.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_columns)
        The matrix.

    Returns
    -------
    row, column : int or ndarray of int of shape (nnz,)
        Indices; of a single row its number.
    """
    return 0 if X.shape[0] == 1 else row_of_entry(X), X.indices
