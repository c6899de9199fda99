"""SLIM: sparse non-negative regression from items to items, an elastic net for each item."""

import warnings
from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal, cast

import numpy as np
import scipy.sparse as sp
from scipy.linalg import cho_factor, cho_solve
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval

from skrec import kernels
from skrec.base import CheckpointFolder, checkpoints_of
from skrec.base.fields import Matrix
from skrec.linear._item_weights import (
    ItemWeightsRecommender,
    in_frame,
    type_of_counts,
    warn_of_nothing,
)
from skrec.typing import Array, CSRMatrix
from skrec.utils import Checkpoint, check_memory, row_of_entry, take_entries

__all__ = ["SLIMRecommender"]

_CHUNK = 64  # items that one task solves
_CHUNKS_AT_ONCE = 4  # of each thread, after which they can be kept
_SCORED = 32  # items that one task scores
_LARGE, _CANDIDATES = 10_000, 1000  # n_candidates="auto": so many of a catalogue larger than this
_LARGEST = 1e30  # more than any gap, and times any square norm a number
_MOST_PASSES = 2**31 - 1


def solve(
    items: Array,
    gram: Array,
    X: CSRMatrix,
    transposed: CSRMatrix,
    n_candidates: int | None,
    params: "SLIMRecommender",
) -> tuple[CSRMatrix, int]:
    """Regress items on others.

    Parameters
    ----------
    items : ndarray of int of shape (n,)
        The items to regress.
    gram : ndarray of shape (n_items, n_items)
        X'X; of shape (0, 0) where its entries are to be counted.
    X : csr_matrix of shape (n_users, n_items)
        Interactions.
    transposed : csr_matrix of shape (n_items, n_users)
        X'.
    n_candidates : int or None
        The most items that one is regressed on, the most similar by cosine; None for all.
    params : SLIMRecommender
        Penalties and stopping.

    Returns
    -------
    weights : csr_matrix of shape (n, n_items)
        A row an item, float32.
    n_failed : int
        Items that did not converge.
    """
    if n_candidates is None:
        others = [candidates_of(gram[item], item, float(params.l1)) for item in items]
    else:
        near = candidates(transposed, X, items, n_candidates, float(params.l1))
        others = np.split(kernels.index_arrays(near)[0], near.indptr[1:-1])
    columns = kernels.index_arrays(transposed)
    sums = np.zeros(0 if len(gram) else X.shape[0])
    stopping = min(float(params.tol), _LARGEST), min(int(params.max_iter), _MOST_PASSES)
    rest = float(params.l1), float(params.l2), *stopping
    solved = [
        kernels.elastic_net(gram, columns, sums, int(item), other, *rest)
        for item, other in zip(items, others)
    ]
    weights, converged = zip(*solved)
    lengths = [0, *map(len, others)]
    entries = (np.concatenate(weights), np.concatenate(others), np.cumsum(lengths))
    rows = sp.csr_matrix(entries, shape=(len(items), X.shape[1]), dtype=np.float32)
    rows.eliminate_zeros()
    return _trimmed(rows, params), len(items) - sum(converged)


def solve_chunk(gram: Array, *arguments: Any) -> tuple[CSRMatrix, int]:
    """Regress items on others, see `solve`, with the matrices as arrays: engines send these once.

    Parameters
    ----------
    gram : ndarray of shape (n_items, n_items)
        As for `solve`.
    *arguments
        ``data``, ``indices`` and ``indptr`` of X, the same of X', and what is left of the
        arguments of `solve`, the items last.

    Returns
    -------
    weights, n_failed
        As from `solve`.
    """
    X, transposed, (n_candidates, params, items) = arguments[:3], arguments[3:6], arguments[6:]
    shape = len(X[2]) - 1, len(transposed[2]) - 1
    X, transposed = sp.csr_matrix(X, shape=shape), sp.csr_matrix(transposed, shape=shape[::-1])
    return solve(items, gram, X, transposed, n_candidates, params)


def candidates_of(products: Array, item: int, l1: float) -> Array:
    """Return the items that share more than ``l1`` users with one, from a row of X'X.

    Others cannot weigh: nothing is negative, so other weights only take from what one could add.
    """
    others = np.flatnonzero(products > np.float64(l1)).astype(np.int32)
    return others[others != item]


def candidates(
    transposed: CSRMatrix, X: CSRMatrix, items: Array, n_candidates: int, l1: float
) -> CSRMatrix:
    """Return the cosines, up to the item's own factor, between items and their candidates."""
    return kernels.nearest_rows(
        transposed[items],
        X,
        np.ones(len(items)),
        np.sqrt(np.diff(transposed.indptr)),
        k=n_candidates,
        least=l1,
        itself=items,
        n_jobs=1,
    )


def scores_without(
    weights: Array, gram: Array, l2: float, own: Array, seen: Array, shown: Array
) -> Array:
    r"""Score histories by the weights that a fit without each one's user would have.

    With z what the user has of the items that weigh, r the residual and
    :math:`H = G + l_2 I` over those items, and as long as it is they that weigh,

    .. math:: w' = w - H^{-1} z \frac{r}{1 - z^\top H^{-1} z}.

    Parameters
    ----------
    weights : ndarray of shape (n,)
        The weights of an item that are not 0.
    gram : ndarray of shape (n, n)
        G of the items that weigh.
    l2 : float
        Penalty of squares.
    own : ndarray of shape (n_users,)
        Whether each user has the item.
    seen, shown : ndarray of shape (n_users, n)
        What each user has, and the part of it that is in the history.

    Returns
    -------
    scores : ndarray of shape (n_users,)
        Those of the item.
    """
    factor = cho_factor(gram + l2 * np.eye(len(gram)))
    change = cho_solve(factor, seen.T).T
    leverage = np.einsum("ui,ui->u", seen, change)
    residual = (own - seen @ weights) / (1 - leverage)
    return shown @ weights - residual * np.einsum("ui,ui->u", shown, change)


def score_items(
    weights: sp.csc_matrix,
    transposed: CSRMatrix,
    seen: CSRMatrix,
    history: CSRMatrix,
    l2: float,
    pairs: list[tuple[int, Array]],
) -> Array:
    """Score items for some rows of the histories, each without its user, see `scores_without`.

    Parameters
    ----------
    weights : csc_matrix of shape (n_items, n_items)
        Those of the model.
    transposed : csr_matrix of shape (n_items, n_users)
        X' of the fit.
    seen, history : csr_matrix of shape (n_rows, n_items)
        What users have, and the part of it that is shown.
    l2 : float
        Penalty of squares.
    pairs : list of tuple
        Each item with its rows.

    Returns
    -------
    scores : ndarray of shape (n_pairs,)
        One item's after the other's.
    """
    scores = []
    for item, users in pairs:
        part = slice(*weights.indptr[item : item + 2])
        others, values = weights.indices[part], weights.data[part]
        own = seen[users, item].toarray().ravel()
        had, shown = (matrix[users][:, others].toarray() for matrix in (seen, history))
        part = transposed[others]
        gram = np.ascontiguousarray((part @ part.T).toarray())
        scores.append(scores_without(values, gram, l2, own, had, shown))
    return np.concatenate(scores)


def _trimmed(weights: CSRMatrix, params: "SLIMRecommender") -> CSRMatrix:
    return weights if params.n_neighbors is None else keep_largest(weights, int(params.n_neighbors))


def keep_largest(X: CSRMatrix, k: int) -> CSRMatrix:
    """Keep the k largest entries of each row of a CSR matrix, ties to the lower column."""
    X.sort_indices()
    keep = np.ones(X.nnz, dtype=bool)
    for row in np.flatnonzero(np.diff(X.indptr) > k):
        part = slice(X.indptr[row], X.indptr[row + 1])
        keep[part] = _largest(X.data[part], k)
    return take_entries(X, row_of_entry(X), keep)


def _largest(values: Array, k: int) -> Array:
    """Mark the k largest of more than k values, ties to the first."""
    least = np.partition(values, len(values) - k)[len(values) - k]
    chosen = values > least
    chosen[np.flatnonzero(values == least)[: k - np.count_nonzero(chosen)]] = True
    return chosen


class SLIMRecommender(ItemWeightsRecommender):
    r"""Sparse linear method (SLIM): an elastic net from items to items.

    For each item j, with :math:`x_j` its column of X,

    .. math:: \min_{w_j \geq 0,\; w_{jj} = 0} \tfrac12 \lVert x_j - X w_j \rVert^2
        + l_1 \lVert w_j \rVert_1 + \tfrac12 l_2 \lVert w_j \rVert^2,
        \qquad s_{uj} = x_u^\top w_j.

    Attributes
    ----------
    item_weights_ : csr_matrix of shape (n_items, n_items)
        Row i holds what having item i adds to each score: column j is :math:`w_j`. float32.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    Raises
    ------
    MemoryError
        If there are more items with interactions than memory allows without candidates.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If ``max_iter`` passes were too few for some items.
    SkrecWarning
        If the penalties leave no weight.

    See Also
    --------
    EASERecommender : Without signs and sparsity, in closed form.
    ItemKNNRecommender : Similarities in place of regression weights.

    Notes
    -----
    The penalties are those of the paper's objective, a sum over users. `sklearn.linear_model`
    divides the squares by 2 n for n users: there ``alpha * l1_ratio`` is ``l1 / n`` and ``alpha *
    (1 - l1_ratio)`` is ``l2 / n``. An item that shares no more than ``l1`` users with another has
    no weight for it.

    Each item is solved by coordinate descent until no pass would change a weight by more than
    ``tol`` of the largest one and the duality gap is small, as in scikit-learn.

    Without candidates, memory is 4 bytes times the square of the number of items that have
    interactions. With candidates it grows with the interactions and weights.

    From its second call on `partial_fit` keeps :math:`X^\top X` where there are no candidates, and
    regresses all items anew: regressions take most of the time of a fit. The weights are the same
    bits as those of one ``fit``.

    For `predict_proba` the weights without a user follow from those with it to first order: the
    same weights are taken to be positive.

    References
    ----------
    Ning, X., & Karypis, G. (2011). SLIM: Sparse linear methods for top-N recommender systems.
    ICDM. https://doi.org/10.1109/ICDM.2011.134

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec import SLIMRecommender
    >>> X = sp.csr_matrix([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    >>> SLIMRecommender(l1=0.1, l2=1.0).fit(X).item_weights_.toarray().round(2)
    array([[0.  , 0.63, 0.  , 0.  ],
           [0.63, 0.  , 0.  , 0.  ],
           [0.  , 0.  , 0.  , 0.63],
           [0.  , 0.  , 0.63, 0.  ]], dtype=float32)
    """

    l1: Annotated[
        float,
        Interval(Real, 0, None, closed="neither"),
        "Penalty of the sum of the weights; the larger, the fewer weights are not 0.",
    ] = 1.0
    l2: Annotated[
        float,
        Interval(Real, 0, None, closed="neither"),
        "Penalty of their squares; the larger the data, the larger it should be.",
    ] = 300.0
    n_neighbors: Annotated[
        int | None,
        Interval(Integral, 1, None, closed="left"),
        "Keep so many of the largest weights of each :math:`w_j`; None keeps all.",
    ] = None
    n_candidates: Annotated[
        int | Literal["auto"] | None,
        Interval(Integral, 1, None, closed="left"),
        "Regress each item on at most so many others, the most similar by cosine; None on all. "
        '"auto" is 1,000 for more than 10,000 items, else None.',
    ] = "auto"
    max_iter: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Passes of coordinate descent over the weights of an item.",
    ] = 1000
    tol: Annotated[
        float,
        Interval(Real, 0, None, closed="neither"),
        r"An item is done when its duality gap is at most this share of :math:`\lVert x_j "
        r"\rVert^2`.",
    ] = 1e-4
    n_jobs: Annotated[
        int | None,
        Integral,
        "Threads over items; None takes that of `joblib.parallel_config`.",
    ] = None
    verbose: Annotated[int, "verbose", "1 shows a progress bar."] = 0
    checkpoint: CheckpointFolder = None

    _fitted: ClassVar = {"item_weights_": Matrix("items", "items")}
    _test_parameters: ClassVar[dict[str, Any]] = {"l1": 0.5, "l2": 5.0}
    _calibrated_items: ClassVar[float] = 0.25
    _calibrates_late: ClassVar[bool] = True  # a small system for each of many pairs

    def _fit(self, X: CSRMatrix) -> None:
        self._regress(X, None)

    def _fit_more(self, X: CSRMatrix, new: CSRMatrix) -> None:
        self._regress(X, new)

    def _regress(self, X: CSRMatrix, new: CSRMatrix | None) -> None:
        """Regress all items; where the last users are new, from the kept products of others."""
        n_items = X.shape[1]
        items = np.flatnonzero(self.item_counts_)  # the others have no weights
        if new is None or self._candidates_of(n_items) is not None:
            gram = None
            self.__dict__.pop("_sums_", None)  # it would lack these users
        else:
            self._check_memory(len(items), X.shape[0])
            gram = self._sums_with(X, new, dtype=type_of_counts(X.shape[0]), dense=True)
        X = X if len(items) == n_items else sp.csr_matrix(X[:, items])
        common = self._common(X, n_items, gram)
        chunks = np.array_split(np.arange(X.shape[1]), -(-X.shape[1] // _CHUNK))
        with checkpoints_of(self, X) as checkpoints, kernels.engine_workers(self.n_jobs):
            done = self._solved_chunks(common, chunks, checkpoints.next())
        blocks, n_failed = zip(*done)
        weights = sp.csr_matrix(sp.vstack(blocks, format="csr").T)
        self.item_weights_ = in_frame(weights, items, n_items)
        if n_failed := sum(n_failed):
            warnings.warn(
                f"{n_failed} of {X.shape[1]} items did not converge to tol={self.tol} in "
                f"max_iter={self.max_iter} passes; raise one of them",
                ConvergenceWarning,
                stacklevel=3,
            )
        if X.shape[0] < X.nnz and not weights.nnz:
            large = max(("l1", "l2"), key=lambda name: getattr(self, name))
            large = "tol" if self.tol >= 1 else large
            warn_of_nothing(f"{large}={getattr(self, large):g}", "weights")

    def _solved_chunks(
        self, common: tuple[Any, ...], chunks: list[Array], checkpoint: Checkpoint
    ) -> list[tuple[CSRMatrix, int]]:
        """Solve all chunks of items; between some of them their weights are kept."""
        done = checkpoint.load() or []
        at_once = _CHUNKS_AT_ONCE * kernels.count_jobs(self.n_jobs)
        at_once = len(chunks) if checkpoint.path is None else at_once
        while len(done) < len(chunks):
            done += kernels.in_threads(
                solve_chunk,
                ((chunk,) for chunk in chunks[len(done) : len(done) + at_once]),
                self.n_jobs,
                description=type(self).__name__ if self.verbose else None,
                common=common,
            )
            checkpoint.save(done, must=len(done) == len(chunks))
        return done

    def _candidates_of(self, n_items: int) -> int | None:
        if self.n_candidates == "auto":
            return _CANDIDATES if n_items > _LARGE else None
        return None if self.n_candidates is None else int(self.n_candidates)

    def _check_memory(self, n_items: int, n_users: int) -> None:
        check_memory(
            np.dtype(type_of_counts(n_users)).itemsize * n_items**2,
            f"{type(self).__name__} on {n_items:,} items with interactions and with "
            "n_candidates=None",
            "use n_candidates=1000, ItemKNNRecommender or WMFRecommender",
        )

    def _common(self, X: CSRMatrix, n_items: int, gram: Array | None) -> tuple[Any, ...]:
        """Return what all chunks of a catalogue's columns in X take, see `solve_chunk`."""
        n_candidates = self._candidates_of(n_items)
        dtype = type_of_counts(X.shape[0])
        if n_candidates is None:
            if gram is None:
                self._check_memory(X.shape[1], X.shape[0])
                gram = kernels.dense_gram(X, dtype, self.n_jobs)
            X = X[:0]  # nothing else is needed of it
        else:
            gram, X = np.empty((0, 0), dtype=dtype), X.astype(np.float64)
        both = (
            A for matrix in (X, X.T.tocsr()) for A in (matrix.data, *kernels.index_arrays(matrix))
        )
        params = cast(Any, clone(self))  # processes may get it, and not what is fitted
        return gram, *both, n_candidates, params

    def _held_out_pairs(self, history: CSRMatrix, rows: Array, row: Array, column: Array) -> Array:
        # what is hidden from a history was part of the fit: leave its user out of that
        weights, X = sp.csc_matrix(self.item_weights_), self.interactions_
        order = np.argsort(column, kind="stable")
        order = order[np.diff(weights.indptr)[column[order]] > 0]  # the scores of the others are 0
        items, starts = np.unique(column[order], return_index=True)
        pairs = np.split(order, starts[1:])
        common = weights, sp.csr_matrix(X.T), X[rows], history, self.l2
        tasks = [(item, row[part]) for item, part in zip(items, pairs)]
        some = ((tasks[start : start + _SCORED],) for start in range(0, len(tasks), _SCORED))
        scores = np.zeros(len(row))
        done = kernels.in_threads(score_items, some, self.n_jobs, common=common)
        scores[order] = np.concatenate([np.empty(0), *done])
        return scores
