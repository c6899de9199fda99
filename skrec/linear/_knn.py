"""Neighbourhood models: cosine with shrinkage, TF-IDF or BM25 weights, top-k neighbours."""

from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal, cast

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.utils._param_validation import Interval

from skrec import kernels
from skrec.base import BaseRecommender, Link, Place, Queries
from skrec.base.fields import Both, Field, Floats, Integers, Matrix, Maybe, Number
from skrec.calibration import HeldOut
from skrec.linear._item_weights import (
    MOST_EXACT,
    ItemWeightsRecommender,
    in_frame,
    type_of_counts,
    warn_of_nothing,
)
from skrec.linear._user_sums import nearest_by_sums
from skrec.typing import Array, CSRMatrix
from skrec.utils import entry_blocks, has_entries, row_of_entry, take_entries

__all__ = ["ItemKNNRecommender", "UserKNNRecommender"]

_TRIED = 64  # users whose neighbours ``fit`` looks for
_BM25_K1, _BM25_B = 1.2, 0.75  # the usual constants of BM25


def weigh(X: CSRMatrix, weighting: str | None, state: Any = None) -> tuple[CSRMatrix, Any]:
    """Weigh the entries of a matrix whose rows are documents and whose columns are terms.

    Parameters
    ----------
    X : csr_matrix of shape (n_documents, n_terms)
        Binary interactions.
    weighting : {"tf-idf", "bm25"} or None
        The scheme.
    state : object, default=None
        What an earlier call returned, to weigh other documents alike.

    Returns
    -------
    X : csr_matrix of shape (n_documents, n_terms)
        Weighted entries.
    state : object
        What is needed to weigh other documents.
    """
    if weighting is None:
        return X, None
    if state is None:
        state = (TfidfTransformer(norm=cast(Any, None)).fit(X), X.sum() / X.shape[0])
    idf, mean_length = state
    weighted = sp.csr_matrix(idf.transform(X, copy=True), dtype=np.float32)
    if weighting == "bm25":
        lengths = np.diff(X.indptr)
        damping = _BM25_K1 * (1 - _BM25_B + _BM25_B * lengths / mean_length)
        weighted.data *= np.repeat((_BM25_K1 + 1) / (1 + damping), lengths).astype(np.float32)
    return weighted, state


class _Weights(Field):
    """What `weigh` has learnt of terms."""

    def pack(self, value: Any, at: Place) -> Array:
        return Floats("items").check(value.idf_, at)

    def unpack(self, packed: Any, at: Place) -> TfidfTransformer:
        weights: Any = TfidfTransformer(norm=cast(Any, None))
        weights.idf_ = Floats("items").check(packed, at)
        weights.n_features_in_ = len(packed)
        return weights


def norms(X: CSRMatrix, dtype: Any = None) -> Array:
    """Return the Euclidean norm of each row of a CSR matrix, in a type or in that of the matrix."""
    dtype = X.dtype if dtype is None else dtype
    squares = np.zeros(X.shape[0], dtype=dtype)
    for rows in entry_blocks(X.indptr):
        part = X[rows].astype(dtype, copy=False)
        squares[rows] = np.asarray(part.multiply(part).sum(axis=1)).ravel()
    return np.sqrt(squares)


def nearest(
    A: CSRMatrix,
    B: CSRMatrix,
    params: "NeighborhoodRecommender",
    own: Array | None = None,
) -> CSRMatrix:
    """Return for each row of A its most similar rows of B, as a sparse matrix.

    Parameters
    ----------
    A, B : csr_matrix of shape (n_a, n_features) and (n_b, n_features)
        Weighted vectors.
    params : NeighborhoodParameters
        Number of neighbours and the similarity.
    own : ndarray of int of shape (n_a,), default=None
        The row of B that is the row of A itself and no neighbour.

    Returns
    -------
    similarities : csr_matrix of shape (n_a, n_b)
        At most ``n_neighbors`` entries a row, float32.

    Raises
    ------
    ValueError
        If float32 cannot hold a similarity.
    """
    return powers(similar(A, B, params, own, int(params.n_neighbors)), params)


def similar(
    A: CSRMatrix,
    B: CSRMatrix,
    params: "NeighborhoodRecommender",
    own: Array | None,
    k: int,
    description: str | None = None,
) -> CSRMatrix:
    """Return the k largest similarities of each row, see `nearest`, before they get a power."""
    if A.shape[1] > MOST_EXACT:
        A, B = A.astype(np.float64), B.astype(np.float64)
    return kernels.nearest_rows(
        A,
        B.T.tocsr(),
        norms(A) ** (2 * params.alpha),
        norms(B) ** (2 * (1 - params.alpha)),
        params.shrinkage,
        k=k,
        itself=own,
        n_jobs=params.n_jobs,
        description=description,
    )


def powers(near: CSRMatrix, params: "NeighborhoodRecommender") -> CSRMatrix:
    """Return similarities to the power that is asked for, float32, without zeros; see `nearest`."""
    with np.errstate(over="ignore", under="ignore"):
        if params.power != 1:
            near.data **= params.power  # keeps the order, so that it can wait until here
        near = sp.csr_matrix(near, dtype=np.float32)
    if not np.isfinite(near.data).all():
        raise ValueError(
            "power must be small enough that float32 can hold the similarities, and norms must "
            f"not be 0; got power={params.power:g} with alpha={params.alpha:g}"
        )
    if near.nnz and not near.data.any():
        large = "power" if params.power > params.shrinkage else "shrinkage"
        warn_of_nothing(f"{large}={getattr(params, large):g}", "similarities")
    near.eliminate_zeros()
    return near


def without_next(near: CSRMatrix, k: int) -> tuple[CSRMatrix, Array]:
    """Return the k largest entries of rows of at most k + 1, and the next one of each.

    Parameters
    ----------
    near : csr_matrix of shape (n_rows, n_columns)
        Similarities, columns increasing.
    k : int
        The most entries that are left, of equal ones those of lower columns.

    Returns
    -------
    near : csr_matrix of shape (n_rows, n_columns)
        The same, without the least entry of rows of k + 1.
    following : ndarray of shape (n_rows,)
        That entry, 0 where there is none.
    """
    following = np.zeros(near.shape[0])
    full = np.flatnonzero(np.diff(near.indptr) > k)
    if len(full) == 0:
        return near, following
    rows = near.data[near.indptr[full][:, None] + np.arange(k + 1)]
    place = k - rows[:, ::-1].argmin(axis=1)  # of equal ones the last
    following[full] = rows[np.arange(len(full)), place]
    keep = np.ones(near.nnz, dtype=bool)
    keep[near.indptr[full] + place] = False
    return take_entries(near, row_of_entry(near), keep), following


class NeighborhoodRecommender(BaseRecommender):
    """Base of the neighbourhood models: their parameters."""

    n_neighbors: Annotated[int, Interval(Integral, 1, None, closed="left"), "Neighbours k."] = 100
    shrinkage: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Added to the denominator h; damps similarities that rest on little.",
    ] = 10.0
    alpha: Annotated[
        float,
        Interval(Real, 0, 1, closed="both"),
        "Share of the norms' weight that lies on the row itself; 0.5 is the cosine, less favours "
        "neighbours with little of their own.",
    ] = 0.3
    power: Annotated[
        float,
        Interval(Real, 0, None, closed="neither"),
        "Exponent q of the similarities; more than 1 lets the closest decide.",
    ] = 1.0
    weighting: Annotated[Literal["tf-idf", "bm25"] | None, "Weights of the entries."] = None
    n_jobs: Annotated[
        int | None,
        Integral,
        "Threads over rows; None takes that of `joblib.parallel_config`.",
    ] = None
    verbose: Annotated[int, "verbose", "1 shows a progress bar."] = 0

    _test_parameters: ClassVar[dict[str, Any]] = {"shrinkage": 0.0}


class ItemKNNRecommender(NeighborhoodRecommender, ItemWeightsRecommender):
    r"""Item-based nearest neighbours with shrunk cosine similarities.

    .. math:: s_{ui} = \sum_{j \in I_u \cap N_k(i)} w_{ij}, \qquad
        w_{ij} = \Big( \frac{x_i^\top x_j}
        {\lVert x_i \rVert^{2\alpha} \lVert x_j \rVert^{2(1 - \alpha)} + h} \Big)^q

    with :math:`x_i` the (weighted) column of item i, h the shrinkage, and :math:`N_k(i)` the k
    items most similar to i.

    Attributes
    ----------
    item_weights_ : csr_matrix of shape (n_items, n_items)
        Row j holds what having item j adds to each score.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    UserKNNRecommender : The same between users.
    EASERecommender : Regression weights in place of similarities.

    Notes
    -----
    With ``weighting=None`` more users may come by `partial_fit`. From its second call on it keeps
    how many users each two items share: 4 bytes for each pair up to 8,192 items, of more 8 for
    each pair that shares any. The weights are the same bits as those of one ``fit``.

    References
    ----------
    Aiolli, F. (2013). Efficient top-n recommendation for very large scale binary rated datasets.
    RecSys. https://doi.org/10.1145/2507157.2507189 (the asymmetric cosine and its power)

    Ferrari Dacrema, M., Boglio, S., Cremonesi, P., & Jannach, D. (2021). A troubling analysis of
    reproducibility and progress in recommender systems research. TOIS.
    https://doi.org/10.1145/3434185

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec import ItemKNNRecommender
    >>> X = sp.csr_matrix([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    >>> ItemKNNRecommender().fit(X).similar_items([2], n_items=1)[0]
    array([[3]])
    """

    weighting: Annotated[
        Literal["tf-idf", "bm25"] | None,
        "Weights of the entries, with items as documents and users as terms: what a very active "
        "user has counts less.",
    ] = None
    normalize: Annotated[
        bool,
        "Divide each score by the sum of the item's weights, as a weighted mean.",
    ] = False

    _fitted: ClassVar = {"item_weights_": Matrix("items", "items")}
    _working_arrays: ClassVar[tuple[str, ...]] = ("_near_", "_next_", "_vectors_")

    def _fit(self, X: CSRMatrix) -> None:
        self._vectors_, _ = weigh(X.T.tocsr(), self.weighting)  # CSR already where it is on disk
        known = np.flatnonzero(self.item_counts_)  # the others are near to nothing
        items = self._vectors_ if len(known) == X.shape[1] else self._vectors_[known]
        bar = type(self).__name__ if self.verbose else None
        itself = np.arange(len(known))
        with kernels.engine_workers(self.n_jobs):
            near = similar(items, items, self, itself, self._most(known) + 1, bar)
        self._keep(near, known)

    def _no_sum(self) -> str | None:
        if self.weighting is None:
            return None
        return (
            "weighting=None: the other weights depend on the lengths of all items or on their "
            f"number; got weighting={self.weighting!r}"
        )

    def _fit_more(self, X: CSRMatrix, new: CSRMatrix) -> None:
        sums = self._sums_with(X, new, dtype=type_of_counts(X.shape[0]))
        known, norm = np.flatnonzero(self.item_counts_), np.sqrt(sums.diagonal())
        factors = norm ** (2 * self.alpha), norm ** (2 * (1 - self.alpha)), self.shrinkage
        k = self._most(known) + 1
        self._keep(nearest_by_sums(sums, *factors, k=k, n_jobs=self.n_jobs), known)

    def _most(self, known: Array) -> int:
        return min(int(self.n_neighbors), len(known))

    def _keep(self, near: CSRMatrix, known: Array) -> None:
        """Keep the neighbours of items among themselves, and what is next to the last ones."""
        n_items = len(self.item_counts_)
        near, following = without_next(near, self._most(known))
        neighbours = powers(near, self)
        self._next_ = np.zeros(n_items)
        self._next_[known] = following**self.power
        self._near_ = in_frame(neighbours, known, n_items)
        if self.normalize:
            neighbours = neighbours.copy()
            totals = np.maximum(np.asarray(neighbours.sum(axis=1)).ravel(), 1e-12)
            neighbours.data /= np.repeat(totals, np.diff(neighbours.indptr))
        self.item_weights_ = in_frame(sp.csr_matrix(neighbours.T), known, n_items)

    def _held_out_pairs(self, history: CSRMatrix, rows: Array, row: Array, column: Array) -> Array:
        # what is hidden from a history was part of the fit: leave its user out of that
        own = sp.csr_matrix(self._vectors_[:, rows].T)
        return kernels.sums_without(
            self._near_,
            self._next_,
            norms(self._vectors_, np.float64) ** 2,
            own,
            has_entries(history, row_of_entry(own), own.indices),
            row,
            column,
            alpha=self.alpha,
            shrinkage=self.shrinkage,
            power=self.power,
            normalize=self.normalize,
        )


class UserKNNRecommender(NeighborhoodRecommender):
    r"""User-based nearest neighbours with shrunk cosine similarities.

    .. math:: s_{ui} = (c_i + 1)^{-d} \sum_{v \in N_k(u)} w_{uv} x_{vi}, \qquad
        w_{uv} = \Big( \frac{x_u^\top x_v}
        {\lVert x_u \rVert^{2\alpha} \lVert x_v \rVert^{2(1 - \alpha)} + h} \Big)^q

    with :math:`N_k(u)` the k training users most similar to the history of u, and :math:`c_i` the
    number of users who have item i.

    Attributes
    ----------
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw; the neighbours' histories.

    See Also
    --------
    ItemKNNRecommender : The same between items.

    Notes
    -----
    A training row that is scored again finds itself among its neighbours; it adds to the items of
    the row alone, so the scores of other items do not change, but it takes the place of one
    neighbour.

    References
    ----------
    Aiolli, F. (2013). Efficient top-n recommendation for very large scale binary rated datasets.
    RecSys. https://doi.org/10.1145/2507157.2507189 (the asymmetric cosine and its power)

    Ferrari Dacrema, M., Boglio, S., Cremonesi, P., & Jannach, D. (2021). A troubling analysis of
    reproducibility and progress in recommender systems research. TOIS.
    https://doi.org/10.1145/3434185

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec import UserKNNRecommender
    >>> X = sp.csr_matrix([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    >>> UserKNNRecommender().fit(X).recommend(sp.csr_matrix([[0, 0, 1, 0]]), n_items=1)
    array([[3]])
    """

    weighting: Annotated[
        Literal["tf-idf", "bm25"] | None,
        "Weights of the entries, with users as documents and items as terms: sharing a popular "
        "item counts less.",
    ] = "tf-idf"
    alpha: float = 0.4
    shrinkage: float = 0.0
    popularity_discount: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Exponent d; more than 0 takes back some of what every neighbourhood gives to popular "
        "items.",
    ] = 0.0

    _fitted: ClassVar = {
        "_weigh_state_": Maybe(Both(_Weights(), Number())),
        "_users_": Integers("active", below="users"),
        "_weighted_": Matrix("active", "items"),
        "_histories_": Matrix("active", "items"),
    }
    _link: ClassVar[type[Link]] = HeldOut
    _calibrates_late: ClassVar[bool] = True  # there is nothing to fit

    def _fit(self, X: CSRMatrix) -> None:
        weighted, self._weigh_state_ = weigh(X, self.weighting)
        # users without interactions are near to nobody
        self._users_ = np.flatnonzero(np.diff(X.indptr))
        whole = len(self._users_) == X.shape[0]
        self._weighted_ = weighted if whole else weighted[self._users_]
        self._histories_ = X if whole else X[self._users_]
        if not self._discounts()[self.item_counts_ > 0].astype(np.float32).any():
            warn_of_nothing(f"popularity_discount={self.popularity_discount:g}", "scores")
        nearest(self._weighted_[:_TRIED], self._weighted_, self)  # bad parameters are told at once

    def _discounts(self) -> Array:
        return (self.item_counts_ + 1.0) ** -float(self.popularity_discount)

    def _score_block(self, queries: Queries, own: Array | None = None) -> Array:
        rows, _ = weigh(queries.history, self.weighting, self._weigh_state_)
        nearby = nearest(rows, self._weighted_, self, own)
        scores = (nearby @ self._histories_).toarray()
        if self.popularity_discount:
            scores *= self._discounts()
        return scores

    def _history_parts(self, queries: Queries, lists: Array) -> tuple[Array, Array]:
        # a neighbour's similarity is shared out by what each item adds to the product of the rows
        history, lists = queries.history, np.broadcast_to(lists, (queries.n_rows, lists.shape[-1]))
        rows, _ = weigh(history, self.weighting, self._weigh_state_)
        nearby, discounts = nearest(rows, self._weighted_, self), self._discounts()
        parts = np.empty((history.nnz, lists.shape[1]))
        for row, (start, stop) in enumerate(zip(history.indptr[:-1], history.indptr[1:])):
            own = slice(nearby.indptr[row], nearby.indptr[row + 1])
            near, similarities = nearby.indices[own], nearby.data[own].astype(np.float64)
            shared = self._weighted_[near][:, history.indices[start:stop]].toarray()
            shared = shared * rows.data[start:stop].astype(np.float64)  # (n_near, n)
            shared *= (similarities / shared.sum(axis=1))[:, None]
            have = self._histories_[near][:, lists[row]].toarray()  # (n_near, m)
            parts[start:stop] = (shared.T @ have) * discounts[lists[row]]
        return parts, np.zeros(lists.shape)

    def _held_out_scores(self, history: CSRMatrix, rows: Array) -> Array:
        # a training user's own stored row holds what is hidden: it must not be a neighbour
        return self._score_block(Queries(history), own=np.searchsorted(self._users_, rows))

    def _row_bytes(self) -> int:
        # a row's similarities to all users come before its scores
        return super()._row_bytes() + 24 * len(self._users_)
