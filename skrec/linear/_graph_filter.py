"""Graph filters: a user's items as a signal on the graph of items, smoothed without training."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from sklearn.utils._param_validation import Interval

from skrec import kernels
from skrec.base import ScoreGraph
from skrec.base.fields import Anything, Both, Floats, Integers, Matrix, Maybe
from skrec.linear._graph_signals import (
    chebyshev,
    normalized,
    plateau_coefficients,
    powers,
    product_without,
    projections_without,
    right_vectors,
    scale_entries,
)
from skrec.linear._item_weights import (
    ItemWeightsRecommender,
    in_frame,
    one_hot,
    warn_of_nothing,
)
from skrec.linear._walks import degrees, walks
from skrec.typing import Array, CSRMatrix
from skrec.utils import check_memory, has_entries, row_blocks, row_of_entry

__all__ = ["GraphFilterRecommender"]

_LEAST = 1e-38  # of what P's entries are after the power, in float32
_DENSE_ITEMS = 8192  # of no more, the weights between all are kept: 256 MiB


class GraphFilterRecommender(ItemWeightsRecommender):
    r"""Training-free filters on the graph of items (GF-CF, Turbo-CF, ChebyCF).

    With :math:`D_u, D_i` the numbers of entries of users and items,

    .. math:: \tilde R = D_u^{-\alpha} X D_i^{-(1 - \alpha)}, \qquad P = \tilde R^\top \tilde R,

    and V the right singular vectors of the k largest values of :math:`\tilde R`, a history x has
    the scores

    .. math:: \text{ideal (GF-CF):}\quad & x \big( P
            + b\, D_i^{-\beta} V V^\top D_i^{\beta} \big), \\
        \text{power (Turbo-CF):}\quad & x \sum_k a_k \big( P^{\circ s} \big)^k, \\
        \text{chebyshev (ChebyCF):}\quad & x D_i^{-\beta} \Big( \sum_{k=0}^K c_k T_k(I - 2P)
            + b\, V V^\top \Big) D_i^{\beta},

    where :math:`P^{\circ s}` has the entries of P to the power s, and the :math:`c_k` interpolate
    a filter that is flat about the middle of the spectrum, at the eigenvalue :math:`\lambda` of P

    .. math:: f(x) = \tfrac12 - \tfrac12 \operatorname{sign}(x) |x|^\phi, \qquad x = 1 - 2\lambda.

    Attributes
    ----------
    item_weights_ : ndarray or csr_matrix of shape (n_items, n_items)
        Row i holds what having item i adds to each score, float32. Of more than 8,192 items it is
        computed anew at each access, since scores do not need it.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    Raises
    ------
    MemoryError
        If P of all items, or the singular vectors, are more than the machine's memory holds.

    See Also
    --------
    RP3betaRecommender : Walks of two steps, with a discount of popular items.
    EASERecommender : Weights by regression, where items are few enough.

    Notes
    -----
    Up to 8,192 items the weights between all items are computed by ``fit``, 4 bytes each. Of more,
    ``"ideal"`` and ``"chebyshev"`` multiply the rows that are asked for by :math:`\tilde R^\top`
    and :math:`\tilde R` in turn, and no matrix between items is built; ``"power"`` stores P, 8
    bytes for each pair of items with a common user, or those that ``n_neighbors`` leaves.

    The defaults follow validation data of MovieLens 100k and 1M, Amazon music and Gowalla. Where
    there is much data, a flatter filter and more of the ideal part pay off: on MovieLens 1M
    ``flatness=10, degree_power=0.1, ideal_weight=0.6``.

    Differences from the papers. The singular vectors are those of scipy's ARPACK, to a tolerance
    of 1e-4 where they are few among many. GF-CF has :math:`\alpha = \beta = 1/2`. ChebyCF has
    :math:`\alpha = 1/2`; for other values P is divided by its largest eigenvalue here. Its
    coefficients interpolate f at the Chebyshev nodes, as its paper says; its released code takes
    the values of f from the points :math:`\cos(j \pi / K)` in place of the nodes, and rounds both
    to three digits. Turbo-CF's filters are ``coefficients=(1,)``, ``(2, -1)`` and, as its third
    one, ``(0.71, 0.1, -0.01)``.

    With ``filter="power"`` P is a sum over users, and more of them may come by `partial_fit`. From
    its second call on it keeps that sum before any power: 8 bytes for each pair of items up to
    8,192 items, of more 12 for each pair that shares a user. The other filters need singular
    vectors, and have no `partial_fit`.

    For `predict_proba` P is that without the user, and the singular vectors are to first order;
    of ``"power"`` with higher powers, the first alone.

    References
    ----------
    Shen, Y., Wu, Y., Zhang, Y., Shan, C., Zhang, J., Letaief, K. B., & Li, D. (2021). How powerful
    is graph convolution for recommendation? CIKM. https://doi.org/10.1145/3459637.3482264

    Park, J.-D., Shin, Y.-M., & Shin, W.-Y. (2024). Turbo-CF: Matrix decomposition-free graph
    filtering for fast recommendation. SIGIR. https://doi.org/10.1145/3626772.3657916

    Kim, C., Sung, J., Han, Y., & Lee, J. (2025). Graph spectral filtering with Chebyshev
    interpolation for recommendation. SIGIR. https://doi.org/10.1145/3726302.3729991

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec import GraphFilterRecommender
    >>> X = sp.csr_matrix([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    >>> model = GraphFilterRecommender(n_factors=2).fit(X)
    >>> model.recommend(sp.csr_matrix([[0, 0, 1, 0]]), n_items=1)
    array([[3]])
    """

    filter: Annotated[
        Literal["ideal", "power", "chebyshev"],
        "The filter: linear with an ideal low-pass part, a polynomial of the powers of P's "
        "entries, or a Chebyshev polynomial with an ideal low-pass part.",
    ] = "chebyshev"
    alpha: Annotated[
        float,
        Interval(Real, 0, 1, closed="both"),
        r"Share :math:`\alpha` of the normalisation that lies on users; the rest is on items.",
    ] = 0.5
    order: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Degree K of the Chebyshev polynomial.",
    ] = 8
    flatness: Annotated[
        float,
        Interval(Real, 0, None, closed="neither"),
        r"Exponent :math:`\phi` of the Chebyshev filter; 1 is linear, more is flatter in the "
        "middle.",
    ] = 3.0
    n_factors: Annotated[
        int,
        Interval(Integral, 0, None, closed="left"),
        "Singular vectors k of the ideal part; 0 leaves it out.",
    ] = 256
    ideal_weight: Annotated[
        float,
        Interval(Real, 0, 1e9, closed="both"),
        "Weight b of the ideal part.",
    ] = 0.3
    degree_power: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        r"Exponent :math:`\beta` of the items' numbers of entries, by which the history is "
        'divided and the scores are multiplied; not of ``"power"``.',
    ] = 0.2
    power: Annotated[
        float,
        Interval(Real, 0, None, closed="neither"),
        'Exponent s of the entries of P under ``filter="power"``.',
    ] = 1.0
    coefficients: Annotated[
        tuple[float, ...] | list[float],
        tuple,
        list,
        'The :math:`a_k` of ``filter="power"``, that of the first power of P first.',
    ] = (1.0,)
    n_neighbors: Annotated[
        int | None,
        Interval(Integral, 1, None, closed="left"),
        'Entries of P that each item keeps under ``filter="power"``, the largest; None keeps all.',
    ] = None
    n_jobs: Annotated[
        int | None,
        Integral,
        'Threads over items, for P of ``filter="power"``; None takes that of '
        "`joblib.parallel_config`.",
    ] = None

    _calibrates_late: ClassVar[bool] = True  # there is nothing to fit but singular vectors
    _fitted: ClassVar = {
        "_items_": Integers("known", below="items"),
        "_weights_": Maybe(Anything(Floats("known", "known"), Matrix("known", "known"))),
        "_graph_": Both(Matrix("rows", "known"), Matrix("known", "rows")),
        "_vectors_": Floats("known", "low"),
        "_values_": Floats("low"),
        "_coefficients_": Floats(None),
    }
    _test_parameters: ClassVar[dict[str, Any]] = {"n_factors": 4}

    # fitting

    def _no_sum(self) -> str | None:
        if self.filter == "power":
            return None
        return f"filter='power': the others need singular vectors; got filter={self.filter!r}"

    def _fit_more(self, X: CSRMatrix, new: CSRMatrix) -> None:
        self._fit_graph(X, self._sums_with(X, new, 2 * float(self.alpha)))

    def _fit(self, X: CSRMatrix) -> None:
        self._fit_graph(X, None)

    def _fit_graph(self, X: CSRMatrix, sums: Any) -> None:
        """Fit to interactions, or to their sums over users."""
        self._check_coefficients()
        self._items_ = np.flatnonzero(self.item_counts_)  # the others have no edge
        part = self._part(X)
        part = part[np.flatnonzero(np.diff(part.indptr))]
        self._weights_: Any = None
        with np.errstate(over="ignore", invalid="ignore"):  # both end in an error
            if self.filter == "power":
                self._fit_power(part, sums)
            else:
                self._fit_spectral(part)
        if self._weights_ is not None and X.nnz > X.shape[0]:
            self._check_weights(self._weights_)

    def _check_coefficients(self) -> None:
        given = self.coefficients
        if not len(given) or not all(isinstance(a, Real) and np.isfinite(a) for a in given):
            raise ValueError(f"coefficients must be finite numbers, one or more; got {given!r}")

    def _check_weights(self, weights: Any) -> None:
        values = weights.data if sp.issparse(weights) else weights
        if not np.isfinite(values).all():
            raise ValueError(
                f"the weights of filter={self.filter!r} must be finite numbers of float32; choose "
                "smaller degree_power, ideal_weight or coefficients"
            )
        if not values.any():
            warn_of_nothing(f"power={self.power:g}", "weights")

    def _fit_power(self, X: CSRMatrix, sums: Any) -> None:
        """Store P to a power, or the weights where they are between few items."""
        if self.n_neighbors is None and X.shape[1] <= _DENSE_ITEMS:
            if sums is None:
                P = kernels.dense_gram(normalized(X, self.alpha)) ** self.power
            else:
                divisor = degrees(X)[1] ** (1 - self.alpha)
                P = (sums / divisor[:, None] / divisor) ** self.power
            P[P < _LEAST] = 0
            self._weights_ = powers(P.__matmul__, P, self.coefficients).astype(np.float32)
            return
        P = self._sparse_graph(X, sums).astype(np.float32)
        P.eliminate_zeros()
        if len(self.coefficients) == 1:
            P.data *= np.float32(self.coefficients[0])
            self._weights_ = P
        else:
            self._graph_ = P, sp.csr_matrix(P.T)

    def _sparse_graph(self, X: CSRMatrix, sums: Any = None) -> CSRMatrix:
        """Return the entries of P to a power, float64, the largest of each row."""
        n_items, rest = X.shape[1], 1 - self.alpha
        if self.n_neighbors is None:
            lengths, widest = np.diff(X.indptr), np.zeros(n_items, dtype=np.int64)
            np.maximum.at(widest, X.indices, np.repeat(lengths, lengths))
            check_memory(  # an item's row is at least as long as that of any of its users
                12 * float(widest.sum()),
                f"{type(self).__name__}(filter='power') on {n_items:,} items with interactions",
                "set n_neighbors, or use filter='chebyshev'",
            )
        k = n_items if self.n_neighbors is None else int(self.n_neighbors)
        both = {"sums": sums, "n_jobs": self.n_jobs}
        P = walks(X, 2 * self.alpha, rest, rest, k=k, with_itself=True, **both)
        P.data **= self.power
        P.data[P.data < _LEAST] = 0
        return P

    def _fit_spectral(self, X: CSRMatrix) -> None:
        """Store what multiplies a history, or the weights where they are between few items."""
        R, n_items, degrees = normalized(X, self.alpha), X.shape[1], self._degree_factors()
        self._vectors_, self._values_ = self._low_vectors(R)
        if self.filter == "chebyshev" and self.alpha != 0.5:
            R.data /= right_vectors(R, 1)[1][0]
        self._coefficients_ = plateau_coefficients(int(self.order), float(self.flatness))
        if n_items > _DENSE_ITEMS:
            R = R.astype(np.float32)
            self._graph_ = R, sp.csr_matrix(R.T)
            return
        P = kernels.dense_gram(R).astype(np.float32)
        unit = one_hot(np.arange(n_items), n_items)
        signals = unit.toarray() if self.filter == "ideal" else np.diag(1 / degrees)
        once = P if self.filter == "ideal" else P / degrees
        smooth = self._polynomial(P.__matmul__, signals, once).T
        low = kernels.sum_rows(scale_entries(unit, 1 / degrees), self._vectors_)
        self._weights_ = self._joined(smooth, low @ self._vectors_.T, degrees)

    def _low_vectors(self, R: CSRMatrix) -> tuple[Array, Array]:
        """Return the vectors of the ideal part, float32, and their singular values."""
        k = min(int(self.n_factors), *R.shape)
        if not (k and self.ideal_weight):
            return np.zeros((R.shape[1], 0), dtype=np.float32), np.zeros(0)
        check_memory(
            4 * k * (R.shape[1] + 2 * min(R.shape)),
            f"{type(self).__name__} with n_factors={k:,} on {R.shape[1]:,} items with interactions",
            "choose a smaller n_factors",
        )
        vectors, values = right_vectors(R, k)
        return np.ascontiguousarray(vectors, dtype=np.float32), values.astype(np.float64)

    def _part(self, X: CSRMatrix) -> CSRMatrix:
        """Return the columns of the items that have interactions."""
        return X if len(self._items_) == X.shape[1] else sp.csr_matrix(X[:, self._items_])

    def _degree_factors(self) -> Array:
        counts = self.item_counts_[self._items_].astype(np.float64)
        with np.errstate(over="ignore"):
            factors = (counts**self.degree_power).astype(np.float32)
        if not np.isfinite(factors).all():
            raise ValueError(
                "degree_power must be small enough that float32 holds the items' numbers of "
                f"entries to that power; got {self.degree_power:g}"
            )
        return factors

    # scores

    def _polynomial(self, apply: Callable[[Array], Array], signals: Array, once: Array) -> Array:
        """Return the filter without its ideal part, of signals in columns."""
        if self.filter == "ideal":
            return once
        return chebyshev(apply, signals, once, self._coefficients_)

    def _joined(self, smooth: Array, low: Array, degrees: Array) -> Array:
        """Return the sum of both parts, of signals in rows."""
        weight = np.float32(self.ideal_weight)
        if self.filter == "ideal":
            return smooth + weight * (low * degrees)
        return (smooth + weight * low) * degrees

    def _filtered(self, history: CSRMatrix) -> Array:
        """Return the scores of histories of items with interactions, from the graph."""
        graph, transposed = self._graph_
        if self.filter == "power":
            once = kernels.sum_rows(history, graph).T
            return powers(transposed.__matmul__, once, self.coefficients).T
        degrees = self._degree_factors()
        scaled = scale_entries(history, 1 / degrees)
        signals = history if self.filter == "ideal" else scaled
        once = kernels.sum_rows(sp.csr_matrix(signals @ transposed), graph)
        low = kernels.sum_rows(scaled, self._vectors_) @ self._vectors_.T
        if self.filter == "ideal":
            return self._joined(once, low, degrees)
        columns = signals.T.toarray(order="C"), np.ascontiguousarray(once.T)
        smooth = self._polynomial(lambda x: transposed @ (graph @ x), *columns)
        return self._joined(smooth.T, low, degrees)

    def _sums(self, history: CSRMatrix, columns: Array | None = None) -> Array:
        n_items, known = self.n_features_in_, self._items_
        place = np.full(n_items, -1)
        place[known] = np.arange(len(known))
        place = place if columns is None else place[columns]
        inside = place >= 0
        part, weights = self._part(history), self._weights_
        if weights is None:
            sums = self._filtered(part)
            sums = sums if len(known) == n_items and columns is None else sums[:, place[inside]]
        else:
            sums = kernels.sum_rows(part, weights if columns is None else weights[:, place[inside]])
        if inside.all():
            return sums
        scores = np.zeros((history.shape[0], len(place)), dtype=np.float32)
        scores[:, inside] = sums
        return scores

    def _graph_scores(self, graph: ScoreGraph) -> str:
        if self._weights_ is None:  # before they are computed
            graph.check_room(4 * self.n_features_in_**2)
        return super()._graph_scores(graph)

    def _row_bytes(self) -> int:
        if self._weights_ is not None:
            return super()._row_bytes()
        # the signal on users, and those before and after it on items
        return super()._row_bytes() + 4 * (self.interactions_.shape[0] + 6 * len(self._items_))

    @property
    def item_weights_(self) -> Any:
        """The weights, built anew at each access where scores do without them."""
        known, n_items = self._items_, self.n_features_in_
        weights = self._weights_
        if sp.issparse(weights):
            return in_frame(sp.csr_matrix(weights), known, n_items)
        if weights is not None and len(known) == n_items:
            return weights
        check_memory(
            4 * n_items**2,
            f"item_weights_ of {n_items:,} items",
            "similar_items and recommend do without",
        )
        whole = np.empty((n_items, n_items), dtype=np.float32)
        for rows in row_blocks(n_items, self._row_bytes()):
            whole[rows] = self._sums(one_hot(np.arange(n_items)[rows], n_items))
        return whole

    # without a user

    def _held_out_pairs(self, history: CSRMatrix, rows: Array, row: Array, column: Array) -> Array:
        # what is hidden from a history was part of the graph: leave its user out of that
        place = np.full(self.n_features_in_, -1)
        place[self._items_] = np.arange(len(self._items_))
        at, scores = place[column], np.zeros(len(row))
        pairs = np.flatnonzero(at >= 0)  # the scores of the others are 0
        own, part = self._part(self.interactions_[rows]), self._part(history)
        if self.filter == "power":
            scores[pairs] = self._power_pairs(part, own, row[pairs], at[pairs])
            return scores
        graph = normalized(self._part(self.interactions_), self.alpha).astype(np.float32)
        R = graph[rows]
        if self.filter == "chebyshev" and self.alpha != 0.5:
            graph.data /= right_vectors(graph.astype(np.float64), 1)[1][0]
        transposed = sp.csr_matrix(graph.T)
        n_bytes = 4 * (graph.shape[0] + 8 * graph.shape[1])
        for block in row_blocks(len(rows), n_bytes):
            inside = pairs[slice(*np.searchsorted(row[pairs], [block.start, block.stop]))]
            counts = self.item_counts_[self._items_]
            users = own[block], rows[block]
            apply = product_without(graph, transposed, *users, counts, 1 - self.alpha)
            found = self._filtered_without(part[block], own[block], R[block], apply)
            scores[inside] = found[row[inside] - block.start, at[inside]]
        return scores

    def _power_pairs(self, history: CSRMatrix, own: CSRMatrix, row: Array, column: Array) -> Array:
        """Return scores of pairs with what the first power of P has without the user."""
        P = self._sparse_graph(self._part(self.interactions_))
        users, _ = degrees(own)
        rest = 1 - self.alpha
        first = kernels.walks_without(
            P,
            np.zeros(P.shape[0]),
            self.item_counts_[self._items_],
            own,
            users ** (-2 * self.alpha),
            has_entries(history, row_of_entry(own), own.indices),
            row,
            column,
            source=rest,
            target=rest,
            power=self.power,
        )
        scores = self.coefficients[0] * first
        if len(self.coefficients) > 1:
            for block in row_blocks(history.shape[0], self._row_bytes()):
                inside = slice(*np.searchsorted(row, [block.start, block.stop]))
                pairs = row[inside] - block.start, column[inside]
                part = history[block]
                weights = self._weights_
                stored = weights is not None
                whole = kernels.sum_rows(part, weights) if stored else self._filtered(part)
                once = kernels.sum_rows(part, P)
                scores[inside] += whole[pairs] - self.coefficients[0] * once[pairs]
        return scores

    def _filtered_without(
        self, history: CSRMatrix, own: CSRMatrix, R: CSRMatrix, apply: Callable[[Array], Array]
    ) -> Array:
        """Return scores of histories as they are without the users' own entries."""
        counts = self.item_counts_[self._items_] - own.toarray()  # (n_rows, n_items)
        factors = counts.astype(np.float64) ** self.degree_power
        inverse = np.divide(1, factors, out=np.zeros_like(factors), where=counts > 0)
        scaled = sp.csr_matrix(history.multiply(inverse))
        signals = (history if self.filter == "ideal" else scaled).T.toarray(order="C")
        signals = signals.astype(np.float32)
        smooth = self._polynomial(apply, signals, apply(signals)).T
        low = projections_without(scaled, R, self._vectors_, self._values_)
        return self._joined(smooth, low, factors)
