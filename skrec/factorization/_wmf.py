"""Weighted matrix factorisation by alternating least squares."""

import copy
import math
import warnings
from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from tqdm.auto import tqdm

from skrec import kernels
from skrec.base import (
    BaseRecommender,
    CheckpointFolder,
    Doc,
    Link,
    Queries,
    ScoreGraph,
    checkpoints_of,
    item_vectors,
    user_vectors,
)
from skrec.base.fields import Floats, Number
from skrec.calibration import HeldOut
from skrec.exceptions import SkrecWarning
from skrec.factorization._history_parts import parts_of_solve
from skrec.factorization._products import inner_products
from skrec.factorization._solve_graph import RidgeSystem, conjugate_gradients
from skrec.neural import check_range, check_scores, likely_cause, similar_items
from skrec.nn import WeightedRows, use_huge_pages
from skrec.training import resolve_device
from skrec.typing import Array, CSRMatrix, RandomState
from skrec.utils import Checkpoint, check_memory

__all__ = ["WMFRecommender"]

_TorchLinAlgError = torch.linalg.LinAlgError  # pyright: ignore[reportPrivateImportUsage]
_MOST, _LEAST = 1e30, 1e-60  # float32 holds the first, and the root of the second
_AUTO_WEIGHT = 1.4  # with which NDCG@100 of validation data was near the best: see the notes


class WMFRecommender(BaseRecommender):
    r"""Weighted matrix factorisation (WMF, iALS): all pairs count, the stored ones for more.

    With ``weighting="unobserved"`` it minimises over the pairs S that are stored and all pairs
    (Rendle et al. 2022)

    .. math:: \sum_{(u, i) \in S} (p_u^\top q_i - 1)^2 + \alpha_0 \sum_{u, i} (p_u^\top q_i)^2
        + \lambda \sum_u (|I_u| + \alpha_0 n_i)^\nu \|p_u\|^2
        + \lambda \sum_i (|U_i| + \alpha_0 n_u)^\nu \|q_i\|^2,

    where user u has :math:`|I_u|` of the :math:`n_i` items and item i has :math:`|U_i|` of the
    :math:`n_u` users. With ``weighting="confidence"`` it has strengths r (Hu et al. 2008) and
    minimises

    .. math:: \sum_{u, i} (1 + \alpha r_{ui}) (p_u^\top q_i - [r_{ui} > 0])^2
        + \lambda (\sum_u \|p_u\|^2 + \sum_i \|q_i\|^2).

    An epoch solves all users with the items as they are, then all items. At the end users are
    solved once more, and an unseen user is solved in the same way from the history.

    Attributes
    ----------
    user_factors_ : ndarray of shape (n_users, n_factors)
        Vectors of the users.
    item_factors_ : ndarray of shape (n_items, n_factors)
        Vectors of the items.
    unobserved_weight_ : float
        The weight :math:`\alpha_0` that was used.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw; with ``weighting="confidence"`` its strengths.

    See Also
    --------
    BPRMFRanker : Matrix factorisation by pairwise ranking.
    EASERecommender : Least squares from items to items.

    Notes
    -----
    Strengths count with ``weighting="confidence"`` alone, in ``fit`` and in histories; otherwise
    every stored entry is a 1. Rendle et al. start both sides at random; here users are solved
    first, so that only the items' first vectors matter.

    A row with fewer entries than factors is solved through a system of the size of its entries
    (Woodbury), so a sweep costs little more than its long rows do. Blocks of ``"ials++"`` are
    taken in the eigenbasis of the other side's Gram matrix, where that matrix is diagonal.

    The sparser X, the smaller should :math:`\alpha_0` be, or what nobody has drowns what is there.
    ``unobserved_weight="auto"`` is :math:`1.4 \sqrt{n / (n_u n_i)}` with n interactions. The rule
    follows validation data of MovieLens, Amazon music and Gowalla.

    With ``warm_start`` the sweeps go on from the items' vectors. A new item starts as one that
    nobody has, at 0, and a new user as an unseen one, solved from the history. So 0 epochs add
    users to a model that stays as it is, and a few let it follow new items. Under the solver
    "cholesky" two fits of a few epochs are one of as many as both, to the last bit.

    References
    ----------
    Hu, Y., Koren, Y., & Volinsky, C. (2008). Collaborative filtering for implicit feedback
    datasets. ICDM. https://doi.org/10.1109/ICDM.2008.22

    Rendle, S., Krichene, W., Zhang, L., & Koren, Y. (2022). Revisiting the performance of iALS on
    item recommendation benchmarks. RecSys. https://doi.org/10.1145/3523227.3548486

    Rendle, S., Krichene, W., Zhang, L., & Koren, Y. (2021). iALS++: Speeding up matrix
    factorization with subspace optimization. https://arxiv.org/abs/2110.14044

    Examples
    --------
    >>> from skrec import WMFRecommender
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = WMFRecommender(n_factors=8, max_epochs=5, random_state=0).fit(X)
    >>> est.recommend(X[:2], n_items=3).shape
    (2, 3)
    """

    n_factors: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Length of the vectors.",
    ] = 64
    weighting: Annotated[
        Literal["unobserved", "confidence"],
        "Which of the two objectives.",
    ] = "unobserved"
    unobserved_weight: Annotated[
        float | Literal["auto"],
        Interval(Real, 0, None, closed="neither"),
        r'Weight :math:`\alpha_0` of each pair beside the 1 of a stored one (``"unobserved"``). '
        '``"auto"`` takes it from the density of X, see the notes.',
    ] = "auto"
    alpha: Annotated[
        float,
        Interval(Real, 0, None, closed="neither"),
        r'Rate :math:`\alpha` at which confidence rises with strength (``"confidence"``).',
    ] = 10.0
    l2: Annotated[
        float,
        Interval(Real, 0, None, closed="neither"),
        r'Weight :math:`\lambda` of the squared norms. ``"confidence"`` does not scale it, and '
        r"wants a larger one.",
    ] = 0.005
    frequency_exponent: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        r'Exponent :math:`\nu` of what scales the penalty of a user or an item (``"unobserved"``); '
        r"0 penalises all alike.",
    ] = 1.0
    max_epochs: Annotated[
        int,
        Interval(Integral, 0, None, closed="left"),
        "Sweeps over users and items.",
    ] = 16
    solver: Annotated[
        Literal["cholesky", "ials++"],
        "How a sweep solves: exactly, or by one block of unknowns after the other from the last "
        "vectors, which costs less with several hundred factors where rows are longer than a "
        "block; shorter ones are solved exactly. So are users at the end, and unseen ones.",
    ] = "cholesky"
    block_size: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        'Unknowns in a block of ``"ials++"``.',
    ] = 128
    init_std: Annotated[
        float | None,
        Interval(Real, 0, None, closed="neither"),
        "Standard deviation of the first vectors; None takes ``0.1 / sqrt(n_factors)``.",
    ] = None
    device: Annotated[
        str | torch.device,
        str,
        torch.device,
        Doc(
            'Where to train and predict; ``"auto"`` takes CUDA where there is one.',
            "str or torch.device",
        ),
    ] = "auto"
    n_jobs: Annotated[
        int | None,
        Integral,
        "Threads over rows on a CPU; None takes that of `joblib.parallel_config`, or as many as "
        "torch does where that is 1.",
    ] = None
    verbose: Annotated[int, "verbose", "1 shows a progress bar."] = 0
    random_state: Annotated[RandomState, "random_state", "Seed of the first vectors."] = None
    warm_start: Annotated[
        bool,
        "Go on from the vectors of the last ``fit``, whose users are the first rows of X and whose "
        "items its first columns. There may be more of both, see the notes.",
    ] = False
    checkpoint: CheckpointFolder = None

    _link: ClassVar[type[Link]] = HeldOut
    _scores_few_cheaply: ClassVar[bool] = True
    _fitted: ClassVar = {
        "unobserved_weight_": Number(),
        "item_factors_": Floats("items", "factors"),
        "_spectrum_": Floats("factors"),
        "_rotation_": Floats("factors", "factors"),
        "user_factors_": Floats("users", "factors"),
    }
    _test_parameters: ClassVar[dict[str, Any]] = {
        "n_factors": 4,
        "max_epochs": 5,
        "device": "cpu",
        "random_state": 0,
    }

    similar_items = similar_items
    user_vectors, item_vectors = user_vectors, item_vectors

    @property
    def _weighs_strengths(self) -> bool:
        return self.weighting == "confidence"

    # fitting

    def _forget(self) -> None:
        goes_on = self.warm_start and "link_" in self.__dict__
        last = (self.user_factors_, self.item_factors_) if goes_on else None
        super()._forget()
        if last is not None:
            self._last_vectors: Any = last

    def _validate_params(self) -> None:
        super()._validate_params()
        check_range(self)
        resolve_device(self.device)

    def _fit(self, X: CSRMatrix) -> None:
        device = resolve_device(self.device)
        n_bytes = 8.0 * self.n_factors * (sum(X.shape) + self.n_factors)
        check_memory(n_bytes, f"n_factors={self.n_factors}", "choose a smaller n_factors")
        self.unobserved_weight_ = self._unobserved_weight(X)
        try:
            start = self.__dict__.get("_last_vectors")
            with checkpoints_of(self, X, start) as checkpoints, kernels.engine_workers(self.n_jobs):
                self.item_factors_ = self._train(X, device, checkpoints.next())
                basis = kernels.eigenbasis(self.item_factors_.astype(np.float64))
                self._spectrum_, self._rotation_ = basis
                self.user_factors_ = self._solved(X, device)
        except (np.linalg.LinAlgError, _TorchLinAlgError) as error:
            cause = likely_cause(self, default="a larger l2 or smaller frequency_exponent helps")
            raise ValueError(
                f"l2 must be large enough for systems that can be solved; got {self.l2:g}; {cause}"
            ) from error
        check_scores(self)
        if not (self.item_factors_.any() and self.user_factors_.any()):
            warnings.warn(
                "all vectors are 0, so that all items have the same score: "
                f"l2={self.l2:g} or unobserved_weight={self.unobserved_weight_:g} is too large, "
                "or init_std too small",
                SkrecWarning,
                stacklevel=4,
            )

    def _unobserved_weight(self, X: CSRMatrix) -> float:
        if isinstance(self.unobserved_weight, str):
            n_rows, n_columns = X.shape
            return _AUTO_WEIGHT * math.sqrt(X.nnz / n_rows / n_columns)
        return float(self.unobserved_weight)

    def _train(self, X: CSRMatrix, device: str, checkpoint: Checkpoint) -> Array:
        """Return the vectors of the items after all sweeps, float32."""
        last = self.__dict__.pop("_last_vectors", None)
        if last is None:
            items = self._first_vectors(X.shape[1])
            users = np.zeros((X.shape[0], int(self.n_factors)), dtype=np.float32)
        else:
            users, items = self._grown_vectors(X, device, *last)
        by_user = self._rows(X, X.shape[1], device)
        by_item = self._rows(sp.csr_matrix(X.T), X.shape[0], device)
        block_size = int(self.block_size) if self.solver == "ials++" else None
        n_done, items, users = checkpoint.load() or (0, items, users)
        items, users = _placed(items, device), _placed(users, device)
        sweeps = range(n_done, self.max_epochs)
        for sweep in tqdm(sweeps, type(self).__name__, disable=not self.verbose):
            users = by_user.solve(items, start=users, block_size=block_size)
            items = by_item.solve(users, start=items, block_size=block_size)
            ended = sweep + 1 == self.max_epochs
            if ended or checkpoint.is_due:
                checkpoint.save((sweep + 1, _fetched(items), _fetched(users)), must=ended)
        return _fetched(items)

    def _grown_vectors(
        self, X: CSRMatrix, device: str, users: Array, items: Array
    ) -> tuple[Array, Array]:
        """Return the vectors of the last fit, and those of new users and items after them."""
        n_users, n_items = X.shape
        if items.shape[1] != self.n_factors:
            raise ValueError(
                f"n_factors must be as in the last fit, {items.shape[1]}, when warm_start=True; "
                f"got {self.n_factors}"
            )
        if n_items < len(items):
            raise ValueError(
                f"X must have at least the {len(items)} items of the last fit when "
                f"warm_start=True; got {n_items}"
            )
        items = np.pad(items, [(0, n_items - len(items)), (0, 0)])
        if n_users > len(users):
            new = self._rows(X[len(users) :], n_items, device).solve(_placed(items, device))
            users = np.concatenate([users, _fetched(new)])
        return users[:n_users], items

    def _first_vectors(self, n_rows: int) -> Array:
        # None takes fresh entropy: NumPy's global state is left alone
        rng = np.random.RandomState() if self.random_state is None else self.random_state
        seed = check_random_state(rng).randint(2**31 - 1)
        use_huge_pages()  # before what may be the process's first tensor
        generator = torch.Generator().manual_seed(seed)
        std = self.init_std or 0.1 / self.n_factors**0.5
        return (std * torch.randn(n_rows, self.n_factors, generator=generator)).numpy()

    def _rows(
        self, X: CSRMatrix, n_columns: int, device: str, dtype: torch.dtype = torch.float32
    ) -> Any:
        """Return the least squares problems of the rows of X, on arrays or on tensors.

        There are ``n_columns`` columns, those that X lacks because no row stores them included.
        """
        l2, exponent = float(self.l2), float(self.frequency_exponent)
        if self.weighting == "confidence":
            alpha, weight = float(self.alpha), 1.0
            if X.nnz and alpha * float(X.data.min()) < _LEAST:
                raise ValueError(
                    f"alpha times the strengths of X must be at least {_LEAST:g}; got "
                    f"alpha={alpha:g} and strengths from {X.data.min():g}"
                )
            ridge = np.full(X.shape[0], l2)
        else:
            alpha, weight = None, self.unobserved_weight_
            frequency = np.diff(X.indptr) + weight * n_columns
            with np.errstate(over="ignore"):
                ridge = l2 * frequency**exponent
        if not ridge.max(initial=0) <= _MOST:
            raise ValueError(
                f"the penalties must be at most {_MOST:g}; got up to {ridge.max():g} from "
                f"l2={l2:g}, unobserved_weight={weight:g} and "
                f"frequency_exponent={exponent:g}"
            )
        if _is_cpu(device):
            entries = X.indptr, X.indices, X.data
            n_jobs = self._n_threads() if X.shape[0] > 1 else 1
            return kernels.WeightedRidge(entries, alpha, ridge, weight, n_jobs)
        added = np.ones(X.nnz) if alpha is None else alpha * X.data.astype(np.float64)
        scales = np.sqrt(added)
        targets = added if alpha is None else (1 + added) / scales
        indptr, indices = (torch.from_numpy(a.astype(np.int64)) for a in (X.indptr, X.indices))
        numbers = (torch.from_numpy(a).to(device, dtype) for a in (scales, targets, ridge))
        scale, target, penalty = numbers
        pattern = indptr.to(device), indices.to(device)
        return WeightedRows(*pattern, scale, target, penalty, weight, int(self.n_factors))

    def _n_threads(self) -> int:
        asked = kernels.count_jobs(None) if self.n_jobs is None else int(self.n_jobs)
        # as a rule nobody has said anything, or this is one of several processes
        return torch.get_num_threads() if self.n_jobs is None and asked == 1 else asked

    # unseen users

    def _solved(self, X: CSRMatrix, device: str = "cpu") -> Array:
        """Solve users from their histories, in float64 so that they do not depend on the batch."""
        items, basis = self.item_factors_, (self._spectrum_, self._rotation_)
        if X.nnz < len(items):  # then only theirs are turned into the eigenbasis
            used, columns = X.indices, np.arange(X.nnz)
            if X.shape[0] > 1:
                used = np.unique(used)
                columns = np.searchsorted(used, X.indices)
            X = copy.copy(X)  # a new matrix would be checked, which takes long for one user
            X.indices = columns
            items = items[used]
        items = items.astype(np.float64)
        vectors, spectrum, rotation = (_placed(a, device) for a in (items, *basis))
        rows = self._rows(X, self.n_features_in_, device, torch.float64)
        return _fetched(rows.solve(vectors, (spectrum, rotation)))

    # answers

    def _vectors(self, queries: Queries) -> Array:
        if queries.users is not None and queries.history is queries.stored:
            return self.user_factors_[queries.users]
        return self._solved(queries.history)

    def _user_vectors(self, queries: Queries) -> Array:
        return self._vectors(queries)

    def _item_vectors(self) -> Array:
        return self.item_factors_

    def _history_parts(self, queries: Queries, lists: Array) -> tuple[Array, Array]:
        rows = self._rows(queries.history, self.n_features_in_, "cpu")
        gram = self._rotation_ * self._spectrum_ @ self._rotation_.T
        return parts_of_solve(queries.history, rows, self.item_factors_, gram, lists)

    def _graph_scores(self, graph: ScoreGraph) -> str:
        ones = graph.cast(graph.add("Gather", graph.seen, graph.used, axis=1), np.float64)
        added, targets, weight = ones, ones, self.unobserved_weight_
        ridge = np.array([[float(self.l2)]])
        if self.weighting == "confidence":
            added = graph.cast(graph.used_history, np.float64)
            added, weight = graph.add("Mul", added, np.array(float(self.alpha))), 1.0
            targets = graph.add("Add", ones, added)
        else:
            frequency = graph.cast(graph.lengths, np.float64)
            frequency = graph.add("Add", frequency, np.array(weight * self.n_features_in_))
            power = graph.add("Pow", frequency, np.array(float(self.frequency_exponent)))
            ridge = graph.add("Mul", power, ridge)
        roots = graph.add("Sqrt", graph.add("Add", ridge, weight * self._spectrum_[None]))
        roots = graph.add("Reciprocal", roots)
        vectors = graph.add(
            "Gather", self.item_factors_.astype(np.float64) @ self._rotation_, graph.used, axis=0
        )
        right = graph.add("Mul", graph.add("MatMul", targets, vectors), roots)
        transposed = graph.add("Transpose", vectors, perm=[1, 0])
        system = RidgeSystem(vectors, transposed, added, roots)
        solved = conjugate_gradients(graph, system, right, len(self._spectrum_))
        solved = graph.add("MatMul", graph.add("Mul", solved, roots), self._rotation_.T)
        return graph.linear(graph.cast(solved, np.float32), self.item_factors_)

    def _score_block(self, queries: Queries) -> Array:
        return inner_products(self._vectors(queries), self.item_factors_)

    def _score_candidates(self, queries: Queries, candidates: Array) -> Array:
        scores = inner_products(self._vectors(queries), self.item_factors_, candidates)
        return self._with_prior(scores, queries, candidates, self._prior_scores)


# a CPU has kernels of its own, which work on arrays; other devices work on tensors


def _is_cpu(device: str) -> bool:
    return torch.device(device).type == "cpu"


def _placed(array: Array, device: str) -> Any:
    return array if _is_cpu(device) else torch.from_numpy(array).to(device)


def _fetched(vectors: Any) -> Array:
    if isinstance(vectors, torch.Tensor):
        vectors = vectors.cpu().numpy()
    return vectors.astype(np.float32, copy=False)
