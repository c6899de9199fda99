"""RP3beta: random walks from item to user to item, with a discount of popular items."""

import math
from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from sklearn.utils._param_validation import Interval

from skrec import kernels
from skrec.base.fields import Matrix, Number
from skrec.linear._item_weights import ItemWeightsRecommender, in_frame, warn_of_nothing
from skrec.linear._knn import without_next
from skrec.linear._walks import degrees, walks
from skrec.typing import Array, CSRMatrix
from skrec.utils import has_entries, row_of_entry

__all__ = ["RP3betaRecommender"]

# the history at which "auto" begins to discount, and the inverse of how fast: see the notes
_AUTO_HISTORY = 9.0
_AUTO_SLOWNESS = 4.0


class RP3betaRecommender(ItemWeightsRecommender):
    r"""Random walks on the graph of users and items (P3alpha and RP3beta).

    A walk goes from an item i of the user to one of its users, and on to one of their items j.
    With :math:`d_u` and :math:`d_i` the numbers of entries of users and items,

    .. math:: w_{ij} = \frac{1}{d_j^\beta} \sum_u
        \Big( \frac{x_{ui}}{d_i} \Big)^\alpha \Big( \frac{x_{uj}}{d_u} \Big)^\alpha
        \quad (i \neq j), \qquad s_{uj} = \sum_{i \in I_u} w_{ij},

    of which each item i keeps the k largest. ``beta=0`` is P3alpha.

    Attributes
    ----------
    item_weights_ : csr_matrix of shape (n_items, n_items)
        Row i holds what having item i adds to each score.
    beta_ : float
        The exponent of the popularity that was used.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    Warns
    -----
    SkrecWarning
        If the exponents leave no weight.

    See Also
    --------
    ItemKNNRecommender : Cosine similarities in place of walks.
    GraphFilterRecommender : Filters of the same graph that take more steps.

    Notes
    -----
    A walk of the paper has three steps; the first, from a user to one of the own items, has the
    same probability for all of them, so that it changes no ranking, and scores leave it out. The
    paper neither bounds the neighbours nor normalises their weights: both come from
    implementations that others compare with (Ferrari Dacrema et al.), where they help. The paper
    takes alpha as an exponent of each step's probability, and so does this.

    ``beta="auto"`` takes :math:`\tfrac{1}{4} \ln(h / 9)`, from 0 to 1, for users who have h items
    each on average: about 0.25 with 24 items and 0.7 with 150. The longer histories are, the closer
    a walk of a few steps comes to the popularity of the items, whichever item it starts from. Both
    constants follow validation data of MovieLens 100k and 1M, Amazon music and Gowalla. Neither
    the rule nor they are the paper's.

    Products are summed in float64, in an order that depends neither on threads nor on blocks.

    From its second call on `partial_fit` keeps these sums without a bound on the neighbours: 8
    bytes for each pair of items up to 8,192 items, of more 12 for each pair that shares a user.
    Sums over blocks are rounded in another order than those of one ``fit``, so that of weights
    which are equal but for that another may be kept.

    References
    ----------
    Paudel, B., Christoffel, F., Newell, C., & Bernstein, A. (2017). Updatable, accurate, diverse,
    and scalable recommendations for interactive applications. ACM Transactions on Interactive
    Intelligent Systems, 7(1). https://doi.org/10.1145/2955101

    Ferrari Dacrema, M., Boglio, S., Cremonesi, P., & Jannach, D. (2021). A troubling analysis of
    reproducibility and progress in recommender systems research. TOIS.
    https://doi.org/10.1145/3434185

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from skrec import RP3betaRecommender
    >>> X = sp.csr_matrix([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    >>> RP3betaRecommender().fit(X).recommend(sp.csr_matrix([[0, 0, 1, 0]]), n_items=1)
    array([[3]])
    """

    alpha: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        r"Exponent :math:`\alpha` of the probability of each step; more than 1 favours walks over "
        "users with few items.",
    ] = 1.0
    beta: Annotated[
        float | Literal["auto"],
        Interval(Real, 0, None, closed="left"),
        r"Exponent :math:`\beta` of the popularity that weights are divided by; 0 is P3alpha. "
        '``"auto"`` takes it from the mean length of the histories, see the notes.',
    ] = "auto"
    n_neighbors: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Weights k that an item keeps.",
    ] = 100
    normalize: Annotated[
        bool,
        "Divide the weights of an item by their sum, so that each item of a history counts alike.",
    ] = True
    n_jobs: Annotated[
        int | None,
        Integral,
        "Threads over items; None takes that of `joblib.parallel_config`.",
    ] = None
    verbose: Annotated[int, "verbose", "1 shows a progress bar."] = 0

    _fitted: ClassVar = {"item_weights_": Matrix("items", "items"), "beta_": Number()}
    _working_arrays: ClassVar[tuple[str, ...]] = ("_near_", "_next_")
    _test_parameters: ClassVar[dict[str, Any]] = {"beta": 0.4}

    def _fit(self, X: CSRMatrix) -> None:
        self._fit_walks(X, None)

    def _fit_more(self, X: CSRMatrix, new: CSRMatrix) -> None:
        self._fit_walks(X, self._sums_with(X, new, float(self.alpha)))

    def _fit_walks(self, X: CSRMatrix, sums: Any) -> None:
        """Keep the largest weights, of sums over users where they are there."""
        self.beta_ = _automatic_beta(X) if isinstance(self.beta, str) else float(self.beta)
        known = np.flatnonzero(self.item_counts_)  # no walk comes to the others
        part = X if len(known) == X.shape[1] else sp.csr_matrix(X[:, known])
        k = min(int(self.n_neighbors), len(known))
        found = walks(
            part,
            self.alpha,
            self.alpha,
            self.beta_,
            k=k + 1,
            sums=sums,
            n_jobs=self.n_jobs,
            description=type(self).__name__ if self.verbose else None,
        )
        near, following = without_next(found, k)
        self._near_ = in_frame(near, known, X.shape[1])
        self._next_ = np.zeros(X.shape[1])
        self._next_[known] = following
        weights = near.copy()
        if self.normalize:
            totals = np.asarray(weights.sum(axis=1)).ravel()
            totals[totals == 0] = 1
            weights.data /= np.repeat(totals, np.diff(weights.indptr))
        with np.errstate(under="ignore"):
            weights = weights.astype(np.float32)
        weights.eliminate_zeros()
        if X.nnz > X.shape[0] and not weights.nnz:
            given = {"alpha": self.alpha, "beta": self.beta_}
            name = max(given, key=lambda name: given[name])
            warn_of_nothing(f"{name}={given[name]:g}", "weights")
        self.item_weights_ = in_frame(weights, known, X.shape[1])

    def _held_out_pairs(self, history: CSRMatrix, rows: Array, row: Array, column: Array) -> Array:
        # what is hidden from a history was part of the fit: leave its user out of that
        own = self.interactions_[rows]
        users, _ = degrees(own)
        with np.errstate(under="ignore"):
            shares = users**-self.alpha
        return kernels.walks_without(
            self._near_,
            self._next_,
            self.item_counts_,
            own,
            shares,
            has_entries(history, row_of_entry(own), own.indices),
            row,
            column,
            source=self.alpha,
            target=self.beta_,
            normalize=self.normalize,
        )


def _automatic_beta(X: CSRMatrix) -> float:
    r"""Return :math:`\tfrac{1}{4} \ln(h / 9)` between 0 and 1, h the mean length of a history.

    Users without interactions do not count.
    """
    users = np.count_nonzero(np.diff(X.indptr))
    history = X.nnz / max(users, 1)
    return min(max(math.log(max(history, 1.0) / _AUTO_HISTORY) / _AUTO_SLOWNESS, 0.0), 1.0)
