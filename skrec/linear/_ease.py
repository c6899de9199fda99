"""EASE: ridge regression from items to items with a zero diagonal, in closed form."""

import math
from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from sklearn.utils._param_validation import Interval
from tqdm.auto import tqdm

from skrec import kernels
from skrec.base.fields import Floats, Integers, Number
from skrec.linear._item_weights import (
    ItemWeightsRecommender,
    type_of_counts,
    warn_of_nothing,
)
from skrec.linear._ridge_inverse import SURE, TOO_SMALL, add_rows, regularized_inverse, trace
from skrec.typing import Array, CSRMatrix
from skrec.utils import check_memory, column_counts, has_entries, row_blocks, row_of_entry

__all__ = ["EASERecommender"]

_FEW = 4  # more new users than this share of the items cost as much as an inverse
_PHASES = 3  # Gram matrix, inverse, weights
# by users, what is left of an item beside the others is one minus what they explain: a smaller
# rest is rounding
_LEAST_SHARE = 1e-8
_AUTO_L2 = 50.0  # where NDCG@100 of validation users was best: see the notes


def automatic_l2(X: CSRMatrix) -> float:
    r"""Return a ridge penalty that suits the popularity of the items, :math:`50 \sqrt{n / m}`.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        n interactions with m items, each of which has one or more.

    Returns
    -------
    l2 : float
        The penalty.
    """
    return _AUTO_L2 * math.sqrt(X.nnz / X.shape[1])


def ease_weights(
    X: CSRMatrix, l2: float, done: Callable[[], Any], gram: Array | None = None
) -> tuple[Array, Array]:
    """Return EASE's weights by an inverse over items.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Interactions.
    l2 : float
        Ridge penalty, added to the diagonal.
    done : callable
        Called at the end of each phase.
    gram : ndarray of shape (n_items, n_items), default=None
        X'X; None computes it.

    Returns
    -------
    weights : ndarray of shape (n_items, n_items)
        float32, zero diagonal.
    diagonal : ndarray of shape (n_items,)
        That of P, from which the weights and P follow from each other.
    """
    found = weights_of(regularized_inverse(X, l2, done, gram))
    done()
    return found


def weights_of(inverse: Array) -> tuple[Array, Array]:
    """Return EASE's weights, and the diagonal of P, from P."""
    weights = np.empty(inverse.shape, dtype=np.float32)
    diagonal = inverse.diagonal().copy()
    if not diagonal.min() > 0:
        raise ValueError(TOO_SMALL)
    np.divide(inverse, -diagonal, out=weights, casting="same_kind")
    np.fill_diagonal(weights, 0)
    return weights, diagonal


def ease_weights_by_users(X: CSRMatrix, l2: float, done: Callable[[], Any]) -> tuple[Array, Array]:
    r"""Return EASE's weights by an inverse over users, which is less work where they are fewer.

    .. math:: P = (X^\top X + \lambda I)^{-1}
        = \big(I - X^\top (X X^\top + \lambda I)^{-1} X\big) / \lambda

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Interactions.
    l2 : float
        Ridge penalty.
    done : callable
        Called at the end of each phase.

    Returns
    -------
    weights : ndarray of shape (n_items, n_items)
        float32, zero diagonal.
    diagonal : ndarray of shape (n_items,)
        That of P.
    """
    n_users, n_items = X.shape
    inner = regularized_inverse(sp.csr_matrix(X.T), l2, done)
    transposed = sp.csr_matrix(X.T, dtype=np.float64)
    weights = np.empty((n_items, n_items), dtype=np.float32)
    diagonal = np.empty(n_items)
    least = _LEAST_SHARE / l2 if l2 < SURE * trace(X) else 0
    for items in row_blocks(n_items, 8 * (2 * n_users + 3 * n_items)):
        columns = transposed @ (transposed[items] @ inner).T  # (n_items, n_block), of P
        own = np.arange(items.start, items.stop), np.arange(columns.shape[1])
        columns[own] -= 1
        columns /= -l2
        diagonal[items] = columns[own]
        if not diagonal[items].min() > least:
            raise ValueError(TOO_SMALL)
        columns[own] = 0
        weights[:, items] = columns / -diagonal[items]
    done()
    return weights, diagonal


def denoising_weights(
    X: CSRMatrix,
    l2: float,
    done: Callable[[], Any],
    dropout: float,
    solve: Callable[..., Any],
    gram: Array | None = None,
) -> tuple[Array, Array]:
    r"""Return EASE's weights under dropout, whose penalty grows with an item's popularity.

    With :math:`\Lambda = \lambda I + \frac{p}{1 - p} \operatorname{diag}(X^\top X)` and
    :math:`Y = X \Lambda^{-1/2}`

    .. math:: (X^\top X + \Lambda)^{-1} = \Lambda^{-1/2} (Y^\top Y + I)^{-1} \Lambda^{-1/2}.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        Interactions.
    l2 : float
        The :math:`\lambda`.
    done : callable
        Called at the end of each phase.
    dropout : float
        The p.
    solve : callable
        `ease_weights` or `ease_weights_by_users`.
    gram : ndarray of shape (n_items, n_items), default=None
        X'X for `ease_weights`; None computes what it needs.

    Returns
    -------
    weights : ndarray of shape (n_items, n_items)
        float32, zero diagonal.
    diagonal : ndarray of shape (n_items,)
        That of the inverse.
    """
    scale = 1 / np.sqrt(l2 + dropout / (1 - dropout) * column_counts(X))
    entries = scale[X.indices], X.indices, X.indptr
    if gram is not None:
        solve = partial(solve, gram=gram * scale[:, None] * scale)
    weights, diagonal = solve(sp.csr_matrix(entries, shape=X.shape), 1.0, done)
    for rows in row_blocks(len(weights), 16 * len(weights)):
        weights[rows] *= scale[rows, None] / scale
    return weights, diagonal * scale**2


def least_bytes(n_users: int, n_items: int, by_users: bool) -> int:
    """Return the memory that the weights take while they are computed, without small parts."""
    if by_users:
        return max(12 * n_users**2, 8 * n_users**2 + 4 * n_items**2)
    return 12 * n_items**2


def scores_without(
    own: CSRMatrix, shown: Array, row: Array, column: Array, weights: Array, diagonal: Array
) -> Array:
    r"""Score pairs by the weights that a fit without the pair's user would have.

    With x the user's row, h the part of it that is shown and a = x P, the inverse without x is

    .. math:: P' = P + a^\top a / (1 - a x^\top),

    and an item that h lacks has the score :math:`-(h P')_j / P'_{jj}`. Under dropout the penalties
    are those of a fit with the user, one of many who have an item.

    Parameters
    ----------
    own : csr_matrix of shape (n_rows, n_items)
        Rows of ``fit``, of ones.
    shown : ndarray of bool of shape (own.nnz,)
        Which entries are in the history.
    row, column : ndarray of int of shape (n_pairs,)
        Pairs to score, none of which is in the history.
    weights : ndarray of shape (n_items, n_items)
        EASE's weights.
    diagonal : ndarray of shape (n_items,)
        That of P.

    Returns
    -------
    scores : ndarray of shape (n_pairs,)
        float64.
    """
    users, items = row_of_entry(own), own.indices
    parts = [
        sp.csr_matrix((kept.astype(np.float64), items, own.indptr), own.shape, copy=True)
        for kept in (shown, ~shown)
    ]
    for part in parts:
        part.eliminate_zeros()
    by_shown, by_hidden = (kernels.sum_rows(part, weights) for part in parts)
    # a of the row's own items, and of those asked for
    a = diagonal[items] * (1 - by_shown[users, items] - by_hidden[users, items])
    rest = 1 - np.bincount(users, a, own.shape[0])
    top = by_shown[row, column]
    other = has_entries(own, row, column) - top - by_hidden[row, column]
    change = other / rest[row]
    top = top - np.bincount(users, a * shown, own.shape[0])[row] * change
    return top / (1 + diagonal[column] * other * change)


class EASERecommender(ItemWeightsRecommender):
    r"""Embarrassingly shallow autoencoder (EASE).

    Solves :math:`\min_B \lVert X - XB \rVert^2_F + \lambda \lVert B \rVert^2_F` subject to
    :math:`\operatorname{diag}(B) = 0`. With :math:`P = (X^\top X + \lambda I)^{-1}`

    .. math:: B_{ij} = -P_{ij} / P_{jj} \quad (i \neq j), \qquad s_u = x_u B.

    With ``dropout`` it is the denoising autoencoder in closed form (EDLAE), whose penalty is
    :math:`\lambda I + \frac{p}{1 - p} \operatorname{diag}(X^\top X)` in place of
    :math:`\lambda I`.

    Attributes
    ----------
    item_weights_ : ndarray of shape (n_items, n_items)
        B, float32; row i holds what having item i adds to each score.
    l2_ : float
        The penalty that was used.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    Raises
    ------
    MemoryError
        If there are more items with interactions than the machine's memory allows.

    See Also
    --------
    ItemKNNRecommender : Cosine similarities in place of regression weights.
    SLIMRecommender : Regression weights that are sparse and never negative.

    Notes
    -----
    Memory is about 14 bytes times the square of the number of items that have interactions while
    fitting, 4 after. The inverse is computed in float64, in place. Where there are fewer users
    than items, it is one over users, with the same result and about 8 bytes times their number
    squared beside the weights. What cannot fit into the machine's memory is refused at once.

    An item without interactions has no weights, and none are stored for it.

    From its second call on `partial_fit` keeps the inverse, 8 bytes times the square of the number
    of items, to which few users are added without another inversion. Where the penalty changes
    with the users, under ``l2="auto"`` or ``dropout``, it keeps :math:`X^\top X` in their place,
    4 bytes, and inverts anew: a number for ``l2`` makes updates cheap. While there are fewer users
    than items it keeps neither. Scores agree with those of one ``fit`` to about 1e-6 of the
    largest.

    ``l2="auto"`` takes :math:`50 \sqrt{n / m}` for n interactions with m items: the root of the
    mean popularity of the items that have any. The constant follows validation data of MovieLens
    100k and 1M, Amazon music and Gowalla. The paper has 500 for ML-20M, 1000 for Netflix and 200
    for MSD, less than the rule gives for data of that size: choose by validation there.

    ``dropout=p`` solves what training with dropout of the inputs would reach, were it run over all
    ways to drop: the error of each item is averaged over inputs whose entries are 0 with
    probability p and else divided by 1 - p. As in EDLAE, where b = 0 and a = 1, the error counts
    only where the item itself was dropped. Its own weight then never meets an input, so that a
    diagonal of zero is no further constraint. With errors of kept items counted too, b > 0, it
    would be one, and the solution another: that is not offered, nor are weights of low rank. The
    automatic penalty knows nothing of dropout, which adds to it.

    References
    ----------
    Steck, H. (2020). Autoencoders that don't overfit towards the identity. NeurIPS.
    https://proceedings.neurips.cc/paper/2020/hash/e33d974aae13e4d877477d51d8bafdc4-Abstract.html

    Steck, H. (2019). Embarrassingly shallow autoencoders for sparse data. WWW.
    https://doi.org/10.1145/3308558.3313710

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec import EASERecommender
    >>> X = sp.csr_matrix([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    >>> EASERecommender(l2=1.0).fit(X).recommend(sp.csr_matrix([[0, 0, 1, 0]]), n_items=1)
    array([[3]])
    """

    l2: Annotated[
        float | Literal["auto"],
        Interval(Real, 0, None, closed="neither"),
        r"Ridge penalty :math:`\lambda`; the larger the data, the larger it should be. "
        '``"auto"`` takes it from the mean popularity of the items, see the notes.',
    ] = "auto"
    dropout: Annotated[
        float,
        Interval(Real, 0, 1, closed="left"),
        "Share p of the entries that is dropped in a training whose solution this is: the penalty "
        "of an item that n users have grows by n p / (1 - p). 0 is EASE.",
    ] = 0.0
    verbose: Annotated[int, "verbose", "1 shows a progress bar."] = 0

    _fitted: ClassVar = {
        "_items_": Integers("known", below="items"),
        "l2_": Number(),
        "_weights_": Floats("known", "known"),
        "_diagonal_": Floats("known"),
        "_inverse_": Floats("known", "known"),
    }
    _test_parameters: ClassVar[dict[str, Any]] = {"l2": 1.0}

    @property
    def item_weights_(self) -> Array:
        """B; built anew at each access where some items have no interactions."""
        weights, items, n_items = self._weights_, self._items_, self.n_features_in_
        if len(items) == n_items:
            return weights
        check_memory(
            4 * n_items**2,
            f"item_weights_ of {n_items:,} items",
            "similar_items and recommend need only those that have interactions",
        )
        whole = np.zeros((n_items, n_items), dtype=np.float32)
        whole[np.ix_(items, items)] = weights
        return whole

    @item_weights_.setter
    def item_weights_(self, weights: Array) -> None:
        diagonal = np.full(len(weights), 1 / self.l2_)
        diagonal[self._items_] = self._diagonal_
        self._weights_, self._diagonal_ = weights, diagonal
        self._items_ = np.arange(len(weights))

    def _fit(self, X: CSRMatrix) -> None:
        part, by_users = self._known_part(X)
        self._solve(part, ease_weights_by_users if by_users else ease_weights)

    def _fit_more(self, X: CSRMatrix, new: CSRMatrix) -> None:
        # what the last fit knows of its items, unless parameters have changed since
        before = self.__dict__.pop("_inverse_", None), self._items_, self.l2_
        part, by_users = self._known_part(X)
        if by_users:
            self.__dict__.pop("_sums_", None)
            self._solve(part, ease_weights_by_users)
        elif self.dropout or isinstance(self.l2, str):  # the penalty changes with the users
            gram = self._sums_with(X, new, dtype=type_of_counts(X.shape[0]), dense=True)
            self._solve(part, ease_weights, gram)
        else:
            self.__dict__.pop("_sums_", None)
            self._inverse_ = self._inverse_with(part, self._part(new), *before)
            self._weights_, self._diagonal_ = weights_of(self._inverse_)
            self._check_weights(part)

    def _inverse_with(
        self, X: CSRMatrix, new: CSRMatrix, before: Array | None, items: Array, l2: float
    ) -> Array:
        """Return the inverse for all users, from that before where it is less work."""
        few = _FEW * new.shape[0] <= X.shape[1] and l2 >= SURE * trace(X)
        if before is not None and len(before) == len(items) and l2 == self.l2_ and few:
            return add_rows(before, new, np.searchsorted(self._items_, items), l2)
        with np.errstate(over="ignore", invalid="ignore"):
            return regularized_inverse(X, self.l2_, lambda: None)

    def _known_part(self, X: CSRMatrix) -> tuple[CSRMatrix, bool]:
        """Return the rows and columns that have interactions, and whether to invert over users."""
        # what nobody has is apart from all else, and has no weights
        self._items_ = np.flatnonzero(self.item_counts_)
        by_users = X.shape[0] < len(self._items_)
        users = np.flatnonzero(np.diff(X.indptr))
        self._check_memory(len(users), len(self._items_), by_users)
        X = self._part(X)
        self.l2_ = automatic_l2(X) if isinstance(self.l2, str) else float(self.l2)
        # over items, empty rows cost less than a matrix without them
        return (X[users] if by_users and len(users) < X.shape[0] else X), by_users

    def _solve(self, X: CSRMatrix, solve: Callable[..., Any], gram: Array | None = None) -> None:
        """Set the weights by a solver, from X'X where it is there."""
        if self.dropout:
            solve = partial(denoising_weights, dropout=float(self.dropout), solve=solve)
        if gram is not None:
            solve = partial(solve, gram=gram)
        ignored = np.errstate(over="ignore", invalid="ignore")  # both end in the error on l2
        bar = tqdm(desc=type(self).__name__, total=_PHASES, disable=not self.verbose)
        with ignored, bar:
            self._weights_, self._diagonal_ = solve(X, self.l2_, done=bar.update)
        self._check_weights(X)

    def _check_weights(self, X: CSRMatrix) -> None:
        if np.diff(X.indptr).max(initial=0) > 1 and not self._weights_.any():
            beside = f" with dropout={self.dropout:g}" if self.dropout else ""
            warn_of_nothing(f"l2={self.l2_:g}{beside}", "weights")

    def _check_memory(self, n_users: int, n_items: int, by_users: bool) -> None:
        check_memory(
            least_bytes(n_users, n_items, by_users),
            f"{type(self).__name__} on {n_items:,} items with interactions",
            "use SLIMRecommender(n_candidates=1000), ItemKNNRecommender or WMFRecommender, or "
            "drop rare items by skrec.preprocessing.k_core",
        )

    def _part(self, X: CSRMatrix) -> CSRMatrix:
        """Return the columns of the items that have interactions."""
        return X if len(self._items_) == X.shape[1] else sp.csr_matrix(X[:, self._items_])

    def _sums(self, history: CSRMatrix, columns: Array | None = None) -> Array:
        if len(self._items_) == self.n_features_in_:
            return super()._sums(history, columns)
        place = np.full(self.n_features_in_, -1)
        place[self._items_] = np.arange(len(self._items_))
        place = place if columns is None else place[columns]
        has_weights = place >= 0
        if columns is None:
            weights = self._weights_
        else:
            weights = self._weights_[:, place[has_weights]]
        sums = kernels.sum_rows(self._part(history), weights)
        scores = np.zeros((history.shape[0], len(place)), dtype=np.float32)
        scores[:, has_weights] = sums
        return scores

    def _held_out_pairs(self, history: CSRMatrix, rows: Array, row: Array, column: Array) -> Array:
        # what is hidden from a history was part of the fit: leave its user out of that
        place = np.full(self.n_features_in_, -1)
        place[self._items_] = np.arange(len(self._items_))
        at, scores = place[column], np.zeros(len(row))
        own = self._part(self.interactions_[rows])
        shown = has_entries(self._part(history), row_of_entry(own), own.indices)
        for block in row_blocks(len(rows), 16 * own.shape[1]):
            pairs = np.arange(*np.searchsorted(row, [block.start, block.stop]))
            pairs = pairs[at[pairs] >= 0]  # the scores of the others are 0
            asked = row[pairs] - block.start, at[pairs]
            inside = shown[slice(*own.indptr[[block.start, block.stop]])]
            fit = self._weights_, self._diagonal_
            scores[pairs] = scores_without(own[block], inside, *asked, *fit)
        if not np.isfinite(scores).all():  # without l2, users may be all that supports an item
            raise ValueError(TOO_SMALL)
        return scores
