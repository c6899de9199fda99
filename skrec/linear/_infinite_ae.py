"""The autoencoder of infinite width: kernel ridge regression between users, in closed form."""

import math
from collections.abc import Callable, Iterator
from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from scipy.linalg import blas
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from tqdm.auto import tqdm

from skrec import kernels
from skrec.base import BaseRecommender, Link, Queries, ScoreGraph
from skrec.base.fields import Flag, Floats, Integers, Matrix, Number
from skrec.calibration import HeldOut
from skrec.linear._item_weights import ItemWeightsRecommender
from skrec.linear._ridge_inverse import invert
from skrec.typing import Array, CSRMatrix, RandomState
from skrec.utils import check_memory, row_blocks

__all__ = ["InfiniteAERecommender"]

_PHASES = 3  # kernel, inverse, coefficients
_TEMPORARIES = 48  # bytes of an entry of the kernel while it is computed
_LEAST_SHARE = 1e-12  # of the kernel's trace: a smaller ridge leaves no digits of the inverse
_JITTER = 1e-10  # share of the mean diagonal: landmarks that are alike leave no inverse without
_AUTO_L2 = 0.5  # where NDCG@100 of validation data was best: see the notes
_LEAST_LEFT = 1e-8  # of a user's influence on her own row, which is below 1


def tangent_kernel(cosines: Array, depth: int) -> Array:
    r"""Return the neural tangent kernel of a ReLU network of infinite width.

    .. math:: \Theta_0 = \Sigma_0 = \cos(x, x'), \quad
        \Sigma_l = \kappa_1(\Sigma_{l - 1}), \quad
        \Theta_l = \Sigma_l + \Theta_{l - 1} \, \kappa_0(\Sigma_{l - 1})

    with the arc-cosine kernels :math:`\kappa_0(u) = (\pi - \arccos u) / \pi` and
    :math:`\kappa_1(u) = \sqrt{1 - u^2} / \pi + u \, \kappa_0(u)`.

    Parameters
    ----------
    cosines : ndarray of float64
        Cosines of inputs, in [-1, 1].
    depth : int
        Hidden layers.

    Returns
    -------
    kernel : ndarray of float64
        In the shape of ``cosines``; depth + 1 where the cosine is 1.
    """
    products = kernel = cosines
    for _ in range(depth):
        slopes = 1 - np.arccos(products) / np.pi
        # above 1 only by rounding
        products = np.minimum(np.sqrt(1 - products**2) / np.pi + products * slopes, 1)
        kernel = products + kernel * slopes
    return kernel


def graph_of_tangent_kernel(graph: ScoreGraph, cosines: str, depth: int) -> str:
    r"""Add `tangent_kernel` to a graph.

    Runtimes have no inverse cosine in float64, and that in float32 loses half of the digits near
    1. So it is :math:`\arccos u = 2 \arcsin \sqrt{(1 - u) / 2}`.

    Parameters
    ----------
    graph : ScoreGraph
        The graph.
    cosines : str
        Name of cosines, float64 in [0, 1].
    depth : int
        Hidden layers.

    Returns
    -------
    kernel : str
        Its name.
    """
    one, two = np.array(1.0), np.array(2.0)
    products = kernel = cosines
    for _ in range(depth):
        products = graph.add("Min", products, one)
        half = graph.add("Div", graph.add("Sub", one, products), two)
        angles = graph.add("Asin", graph.cast(graph.add("Sqrt", half), np.float32))
        slopes = graph.add("Mul", graph.cast(angles, np.float64), np.array(2 / np.pi))
        slopes = graph.add("Sub", one, slopes)
        squares = graph.add("Mul", products, products)
        heights = graph.add("Sqrt", graph.add("Sub", one, squares))
        heights = graph.add("Mul", heights, np.array(1 / np.pi))
        products = graph.add("Add", heights, graph.add("Mul", products, slopes))
        kernel = graph.add("Add", products, graph.add("Mul", kernel, slopes))
    return kernel


def cosines_of(shared: Array, one: Array, other: Array) -> Array:
    """Return the cosines of binary rows; those of equal rows are 1 to the last bit.

    Parameters
    ----------
    shared : ndarray of shape (n, m)
        Numbers of entries that rows share.
    one, other : ndarray of shape (n,) and (m,)
        Their numbers of entries.

    Returns
    -------
    cosines : ndarray of float64 of shape (n, m)
        Those of empty rows are 0.
    """
    return shared / np.sqrt(np.maximum(np.outer(one, other), 1.0))


def automatic_l2(X: CSRMatrix) -> float:
    r"""Return a ridge penalty that suits the length of the histories, :math:`0.5 \sqrt{N / n}`.

    Parameters
    ----------
    X : csr_matrix of shape (n_users, n_items)
        N interactions of n users, each of whom has one or more.

    Returns
    -------
    l2 : float
        The penalty.
    """
    return _AUTO_L2 * math.sqrt(X.nnz / X.shape[0])


def least_bytes(n_landmarks: int, n_items: int) -> int:
    """Return the memory that a fit takes, without small parts."""
    return max(12 * n_landmarks**2, 8 * n_landmarks**2 + 4 * n_landmarks * n_items)


class InfiniteAERecommender(BaseRecommender):
    r"""Autoencoder of infinite width (infinite-AE): kernel ridge regression in closed form.

    .. math:: s(x) = \sum_v K(x, x_v) \, \alpha_v, \qquad
        \alpha = \Big( K + \lambda \frac{\operatorname{tr} K}{n} I \Big)^{-1} X

    over the n rows of ``fit``. K is the neural tangent kernel of a ReLU network, to which training
    of ever wider ones by gradient descent leads; for one hidden layer, with u the cosine of x and
    x',

    .. math:: K(x, x') = \kappa_1(u) + u \, \kappa_0(u), \qquad
        \kappa_0(u) = \frac{\pi - \arccos u}{\pi}, \quad
        \kappa_1(u) = \frac{\sqrt{1 - u^2} + u \, (\pi - \arccos u)}{\pi}.

    For each further layer :math:`\kappa_1` is applied to its own values, and the kernel of the
    layers before is multiplied by :math:`\kappa_0` of them and added.

    Attributes
    ----------
    landmarks_ : ndarray of int64 of shape (n_landmarks,)
        Rows of ``fit`` that histories are compared with, increasing.
    dual_coef_ : ndarray of shape (n_items, n_landmarks)
        The :math:`\alpha`, float32, an item a row.
    l2_ : float
        The penalty that was used.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    Raises
    ------
    MemoryError
        If kernel or coefficients do not fit into the machine's memory.

    See Also
    --------
    EASERecommender : A linear regression, whose work grows with items in place of users.
    UserKNNRecommender : Similar users without a regression.

    Notes
    -----
    While fitting, n landmarks take about 12 bytes times their number squared, or 8 and 4 for each
    pair of a landmark and an item; after it the latter alone, and the landmarks' rows. The time
    grows with the cube of their number, and with their square for each user.

    With more users than ``max_landmarks`` as many are drawn (Nystroem): all users are fitted by
    the functions that the landmarks span,

    .. math:: \alpha = \Big( K_{nm}^\top K_{nm}
        + \lambda \frac{\operatorname{tr} K}{n} K_{mm} \Big)^{-1} K_{nm}^\top X.

    ``l2="auto"`` takes :math:`0.5 \sqrt{N / n}` for N interactions of n users: half the root of
    the mean length of a history. The constant follows validation data of MovieLens 100k and 1M,
    Amazon music and Gowalla.

    ``similar_items`` ranks by the scores of histories of one item.

    Differences from the paper's code: rows are divided by their norms, and layers have no biases,
    whose deviation is 0.1 there; on validation users of MovieLens 1M both rank equally well. Users
    without interactions are left out. The landmarks are ours: the paper samples users, and leaves
    out the others.

    References
    ----------
    Sachdeva, N., Dhaliwal, M. P., Wu, C.-J., & McAuley, J. (2022). Infinite recommendation
    networks: A data-centric approach. NeurIPS. https://doi.org/10.48550/arXiv.2206.02626

    Cho, Y., & Saul, L. K. (2009). Kernel methods for deep learning. NIPS. (the arc-cosine kernels)

    Jacot, A., Gabriel, F., & Hongler, C. (2018). Neural tangent kernel: Convergence and
    generalization in neural networks. NeurIPS. https://doi.org/10.48550/arXiv.1806.07572

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec import InfiniteAERecommender
    >>> X = sp.csr_matrix([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    >>> InfiniteAERecommender().fit(X).recommend(sp.csr_matrix([[0, 0, 1, 0]]), n_items=1)
    array([[3]])
    """

    l2: Annotated[
        float | Literal["auto"],
        Interval(Real, 0, None, closed="neither"),
        r"Ridge penalty :math:`\lambda`, in units of the kernel's mean diagonal. "
        '``"auto"`` takes it from the mean length of the histories, see the notes.',
    ] = "auto"
    depth: Annotated[int, Interval(Integral, 1, None, closed="left"), "Hidden layers."] = 1
    max_landmarks: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Most users that histories are compared with. Of more users as many are drawn.",
    ] = 10_000
    random_state: Annotated[RandomState, "random_state", "Seed of the draw of landmarks."] = None
    verbose: Annotated[int, "verbose", "1 shows a progress bar."] = 0

    _link: ClassVar[type[Link]] = HeldOut
    _fitted: ClassVar = {
        "l2_": Number(),
        "landmarks_": Integers("landmarks", below="users"),
        "_owners_": Matrix("items", "landmarks"),
        "_lengths_": Integers("landmarks"),
        "_is_exact_": Flag(),
        "dual_coef_": Floats("items", "landmarks"),
    }
    _working_arrays: ClassVar[tuple[str, ...]] = ("_inverse_",)
    _test_parameters: ClassVar[dict[str, Any]] = {"l2": 0.1}

    similar_items = ItemWeightsRecommender.similar_items

    # fitting

    def _fit(self, X: CSRMatrix) -> None:
        users = np.flatnonzero(np.diff(X.indptr))
        self.l2_ = automatic_l2(X[users]) if isinstance(self.l2, str) else float(self.l2)
        if "landmarks_" not in self.__dict__:  # another fit, for held-out pairs, keeps them
            self.landmarks_ = self._draw_landmarks(users)
        n_landmarks = len(self.landmarks_)
        check_memory(
            least_bytes(n_landmarks, X.shape[1]),
            f"{type(self).__name__} with {n_landmarks:,} landmarks and {X.shape[1]:,} items",
            "choose a smaller max_landmarks, or use ItemKNNRecommender, WMFRecommender or "
            "MultDAERecommender",
        )
        landmarks = X[self.landmarks_]
        self._owners_ = sp.csr_matrix(landmarks.T)  # the landmarks that have an item
        self._lengths_ = np.diff(landmarks.indptr)
        self._is_exact_ = n_landmarks == len(users)
        with tqdm(desc=type(self).__name__, total=_PHASES, disable=not self.verbose) as bar:
            if self._is_exact_:
                self._solve(bar.update)
            else:
                self._solve_by_landmarks(X[users], bar.update)

    def _draw_landmarks(self, users: Array) -> Array:
        if len(users) <= self.max_landmarks:
            return users
        # None takes fresh entropy: NumPy's global state is left alone
        rng = np.random.RandomState() if self.random_state is None else self.random_state
        drawn = check_random_state(rng).permutation(users)
        return np.sort(drawn[: self.max_landmarks])

    def _ridge(self) -> float:
        """Return the penalty: the kernel of each row with itself is depth + 1."""
        return self.l2_ * (self.depth + 1)

    def _solve(self, done: Callable[[], Any]) -> None:
        """Fit all users by all of them."""
        matrix = self._kernel_of_landmarks()
        if self.l2_ < _LEAST_SHARE * len(matrix):
            raise ValueError(
                f"l2 must be at least {_LEAST_SHARE:g} times the number of users, or the kernel "
                f"cannot be inverted; got {self.l2_:g} for {len(matrix):,} users"
            )
        matrix[np.diag_indices_from(matrix)] += self._ridge()
        done()
        self._inverse_ = self._invert(matrix)
        done()
        self.dual_coef_ = np.empty(self._owners_.shape, dtype=np.float32)
        for items in row_blocks(len(self.dual_coef_), 12 * len(matrix)):
            self.dual_coef_[items] = kernels.sum_rows(self._owners_[items], matrix)
        done()

    def _solve_by_landmarks(self, X: CSRMatrix, done: Callable[[], Any]) -> None:
        """Fit all users by the functions that landmarks span."""
        matrix = self._kernel_of_landmarks()
        matrix *= self._ridge()
        routines: Any = blas
        for _, block in self._kernel_blocks(X):
            # LAPACK's columns are our rows: what it writes below the diagonal is above it here
            routines.dsyrk(1.0, block.T, beta=1.0, c=matrix.T, lower=1, overwrite_c=1)
        kernels.mirror(matrix)
        matrix[np.diag_indices_from(matrix)] += _JITTER * matrix.diagonal().mean()
        done()
        self._inverse_ = self._invert(matrix)
        done()
        self.dual_coef_ = np.zeros(self._owners_.shape, dtype=np.float32)
        for users, block in self._kernel_blocks(X):
            self._add_products(X[users], block @ matrix)
        done()

    def _add_products(self, X: CSRMatrix, block: Array) -> None:
        """Add X' block to the coefficients, in parts of the items that occur."""
        owners = sp.csr_matrix(X.T)
        items = np.flatnonzero(np.diff(owners.indptr))
        for part in row_blocks(len(items), 12 * block.shape[1]):
            self.dual_coef_[items[part]] += kernels.sum_rows(owners[items[part]], block)

    def _invert(self, matrix: Array) -> Array:
        """Invert a kernel with its ridge in place, and return it."""
        try:
            invert(matrix)
        except ValueError:
            raise ValueError(
                "l2 must be large enough that the kernel with it can be inverted; got "
                f"{self.l2_:g} for {len(matrix):,} landmarks"
            ) from None
        return matrix

    def _kernel_of_landmarks(self) -> Array:
        """Return the kernel between landmarks, float64."""
        matrix = kernels.dense_gram(self._owners_)
        for rows in row_blocks(len(matrix), _TEMPORARIES * len(matrix)):
            cosines = cosines_of(matrix[rows], self._lengths_[rows], self._lengths_)
            matrix[rows] = tangent_kernel(cosines, self.depth)
        return matrix

    def _kernel_blocks(self, X: CSRMatrix) -> Iterator[tuple[slice, Array]]:
        """Yield blocks of rows and their kernels with the landmarks."""
        for rows in row_blocks(X.shape[0], (_TEMPORARIES + 8) * len(self._lengths_)):
            yield rows, self._kernel(X[rows])

    # scores

    def _kernel(self, history: CSRMatrix) -> Array:
        """Return the kernel of histories with the landmarks, float64."""
        shared = kernels.sum_rows(history, self._owners_)
        cosines = cosines_of(shared, np.diff(history.indptr), self._lengths_)
        return tangent_kernel(cosines, self.depth)

    def _sums(self, history: CSRMatrix, columns: Array | None = None) -> Array:
        """Return the scores of histories, for all items or for some columns."""
        weights = self.dual_coef_ if columns is None else self.dual_coef_[columns]
        return self._kernel(history).astype(np.float32) @ weights.T

    def _graph_scores(self, graph: ScoreGraph) -> str:
        shared = graph.cast(graph.product(self._owners_), np.float64)
        lengths = graph.cast(graph.lengths, np.float64)
        products = graph.add("Mul", lengths, self._lengths_.astype(np.float64))
        norms = graph.add("Sqrt", graph.add("Max", products, np.array(1.0)))
        kernel = graph_of_tangent_kernel(graph, graph.add("Div", shared, norms), self.depth)
        return graph.linear(graph.cast(kernel, np.float32), self.dual_coef_)

    def _score_block(self, queries: Queries) -> Array:
        return self._sums(queries.history)

    def _score_candidates(self, queries: Queries, candidates: Array) -> Array:
        if candidates.ndim == 1 and not queries.empty("exact").any():
            return self._sums(queries.history, candidates)
        return super()._score_candidates(queries, candidates)

    def _row_bytes(self) -> int:
        return super()._row_bytes() + _TEMPORARIES * len(self._lengths_)

    def _held_out_scores(self, history: CSRMatrix, rows: Array) -> Array:
        r"""Score histories by what a fit without their users knows.

        With A the inverted matrix, a user with the kernel k and the row x takes with her
        :math:`A^{-1} k` times :math:`(k^\top \alpha - x) / (1 - k^\top A^{-1} k)` from the
        coefficients; where all users are landmarks, it is a column of the inverse times
        :math:`-\alpha_u / A^{-1}_{uu}`.
        """
        kernel = self._kernel(history)
        scores = kernel.astype(np.float32) @ self.dual_coef_.T
        if self._is_exact_:
            place = np.searchsorted(self.landmarks_, rows)
            directions = self._inverse_[place]
            changes = -self.dual_coef_[:, place].T / self._inverse_[place, place][:, None]
        else:
            own = self._kernel(self.interactions_[rows])
            directions = own @ self._inverse_
            left = 1 - np.einsum("um,um->u", own, directions)
            changes = (
                own.astype(np.float32) @ self.dual_coef_.T - self.interactions_[rows].toarray()
            )
            changes /= np.maximum(left, _LEAST_LEFT)[:, None]
        return scores + np.einsum("um,um->u", kernel, directions)[:, None] * changes
