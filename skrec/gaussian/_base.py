"""What the models of Gaussian vectors share as estimators."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skrec.neural import Pretrained, copy_factors
from skrec.nn import GaussianPairModel, PointwiseLoss, UserTable, make_gaussian_table, variance_of

__all__ = ["DrawnRecommender", "GaussianRecommender"]

_VALIDATION_DRAWS = 2


class GaussianRecommender(Pretrained):
    """A diagonal Gaussian for each user and each item.

    It stands before `PairRanker` or `PairClassifier` among the bases. A model writes
    ``_interaction()``.

    Parameters
    ----------
    init_variance : float, default=0.1
        Middle of the variances at the start.
    n_samples : int, default=10
        Draws for ``return_std``.
    """

    init_variance: float = 0.1
    n_samples: int = 10

    _fold_in: ClassVar[str] = "approximate"
    _fold_in_draws: ClassVar[tuple[int, ...]] = ()
    _probabilistic: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "init_variance": [Interval(Real, 0, None, closed="neither")],
        "n_samples": [Interval(Integral, 1, None, closed="left")],
    }
    _parameter_docs: ClassVar[dict[str, str]] = {
        "n_factors": """
            n_factors : int, default=64
                Dimensions D of the Gaussians of users and items.""",
        "l2": """
            l2 : float, default=0.0
                Weight of the squared norms of the means that take part in a loss term.""",
        "init_std": """
            init_std : float, default=0.1
                Deviation of the means' entries at the start.""",
        "init_variance": """
            init_variance : float, default=0.1
                Middle of the variances at the start, uniform within half of it around.""",
        "n_samples": """
            n_samples : int, default=10
                Draws for ``return_std``, and for predictions that are averages over draws; more
                take longer and are less noisy.""",
        "pretrain": """
            pretrain : estimator or None, default=None
                Estimator with vectors of ``n_factors``, such as ``MFClassifier(bias=False)``, that
                is cloned, fitted on what is trained on, and gives the means to start from;
                `sklearn.frozen.FrozenEstimator` keeps a fitted one as it is. Its parameters are
                those of this estimator after ``pretrain__``. None starts at random.""",
    }

    def _interaction(self):
        """Give the new interaction function."""
        raise NotImplementedError

    def _model(self, n_users, n_items):
        start = self.n_factors, self.init_std, self.init_variance
        users = UserTable(n_users, 2 * self.n_factors)
        users.free = make_gaussian_table(n_users, *start)
        items = make_gaussian_table(n_items, *start)
        return GaussianPairModel(users, items, self._interaction())

    def _start(self, model):
        copy_factors(model, self.pretrained_, columns=slice(self.n_factors))

    def _model_scores(self, module, queries, candidates=None, seen_matter=True, draws=None):
        draws = self._mean_draws if draws is None else draws
        return super()._model_scores(module.under(draws), queries, candidates, seen_matter)

    def _free_vectors(self, module, queries):
        # the same vectors whatever draws they are scored under
        return super()._free_vectors(module.under(self._fold_in_draws), queries)

    @property
    def _mean_draws(self):
        """The draws that a score is averaged over; none where it is exact."""
        return ()

    def _draw_block(self, queries, draw):
        return self._model_scores(self._module, queries, draws=(draw,))

    def _draw_candidates(self, queries, candidates, draw):
        return self._score_candidates(queries, candidates, draws=(draw,))

    def _gaussians(self, table):
        mean, raw = table.weight.detach().cpu().chunk(2, dim=1)
        return mean.numpy(), variance_of(raw).numpy()

    @property
    def user_means_(self):
        """Means of the users, ndarray of shape (n_users, n_factors)."""
        return self._gaussians(self._module.users.free)[0]

    @property
    def user_variances_(self):
        """Variances of the users, ndarray of shape (n_users, n_factors)."""
        return self._gaussians(self._module.users.free)[1]

    @property
    def item_means_(self):
        """Means of the items, ndarray of shape (n_items, n_factors)."""
        return self._gaussians(self._module.items)[0]

    @property
    def item_variances_(self):
        """Variances of the items, ndarray of shape (n_items, n_factors)."""
        return self._gaussians(self._module.items)[1]

    @property
    def user_factors_(self):
        """Means of the users, ndarray of shape (n_users, n_factors)."""
        return self.user_means_

    @property
    def item_factors_(self):
        """Means of the items, ndarray of shape (n_items, n_factors)."""
        return self.item_means_


class DrawnRecommender(GaussianRecommender):
    """A model whose scores are worked out from draws.

    Parameters
    ----------
    n_draws : int, default=9
        Vectors drawn from each Gaussian for one score.
    """

    n_draws: int = 9

    _fold_in_draws: ClassVar[tuple[int, ...]] = (0,)
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_draws": [Interval(Integral, 1, None, closed="left")]
    }
    _parameter_docs: ClassVar[dict[str, str]] = {
        "n_draws": """
            n_draws : int, default=9
                Vectors K drawn from each Gaussian for one score."""
    }

    @property
    def _mean_draws(self):
        return range(self.n_samples)

    @property
    def _average(self):
        return "probability" if self._loss is PointwiseLoss else "score"

    def _check_warm_start(self, net):
        super()._check_warm_start(net)
        before = net.module_.interaction.n_draws
        if before != self.n_draws:
            raise ValueError(
                f"n_draws must be as in the last fit, {before}, when warm_start=True; "
                f"got {self.n_draws}"
            )

    def _validation_scores(self, module, queries, candidates):
        draws = range(min(self.n_samples, _VALIDATION_DRAWS))
        return self._model_scores(module, queries, candidates, False, draws)

    def _row_bytes(self):
        # the scores of all draws, and two logarithms of each, are kept until they are averaged
        return super()._row_bytes() + 12 * self.n_samples * self.n_features_in_


def as_sizes(name, sizes):
    """Check a tuple of positive integers.

    Parameters
    ----------
    name : str
        Name of the parameter.
    sizes : iterable of int
        Its value.

    Returns
    -------
    sizes : tuple of int
        The same.
    """
    sizes = tuple(sizes)
    if not sizes or not all(isinstance(size, Integral | np.integer) and size > 0 for size in sizes):
        raise ValueError(f"{name} must be one or more positive integers; got {sizes!r}")
    return sizes
