"""The bases of models that read and rebuild whole rows."""

from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from skrec.base import Queries, RatingRecommender, item_vectors, user_vectors
from skrec.neural._base import TorchRecommender
from skrec.neural._rating_validation import RatedData, RatedFraction, RatedMetric
from skrec.neural._sizes import as_sizes
from skrec.neural.objectives import (
    LIKELIHOODS,
    Objective,
    RowLikelihood,
    RowRatings,
    SampledMultinomial,
)
from skrec.nn import SparseRows
from skrec.training import ROW_WISE, RecommenderNet, sparse_rows
from skrec.typing import Array, CSRMatrix

__all__ = [
    "LikelihoodRecommender",
    "RatedRowRecommender",
    "RowRecommender",
    "SampledRowRecommender",
    "module_scores",
]


class RowRecommender(TorchRecommender):
    """Train on batches of rows; the scores of a row are the output of the net.

    The module takes `SparseRows` (and columns to score) and returns a tuple whose first entry are
    the logits. A family names its class, and the parameters that it takes, in ``_module_class``
    and ``_module_parameters``.
    """

    latent_size: Annotated[
        int, Interval(Integral, 1, None, closed="left"), "Width of the code."
    ] = 200
    dropout: Annotated[
        float,
        Interval(Real, 0, 1, closed="left"),
        "Share of the input's entries that is dropped in training.",
    ] = 0.5

    _grows: ClassVar[bool] = True
    _module_class: ClassVar[type[torch.nn.Module]]
    _module_parameters: ClassVar[tuple[str, ...]] = ("latent_size", "dropout")
    _test_parameters: ClassVar[dict[str, Any]] = {
        "latent_size": 8,
        "max_epochs": 30,
        "lr": 0.01,
        "device": "cpu",
        "random_state": 0,
    }

    def _network(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self._module_parameters}
        if "hidden_sizes" in values:
            values["hidden_sizes"] = as_sizes("hidden_sizes", values["hidden_sizes"])
        own = {f"module__{name}": value for name, value in values.items()}
        return {"module": self._module_class, "module__n_items": self.n_features_in_, **own}

    def _check_warm_start(self, net: RecommenderNet) -> None:
        n_items = net.module__n_items
        if n_items > self.n_features_in_:
            raise ValueError(
                f"X must have at least the {n_items} items of the last fit when warm_start=True; "
                f"got {self.n_features_in_}"
            )

    # scores

    def _row_bytes(self) -> int:
        # an entry of the last hidden layers is small beside the scores
        return super()._row_bytes() + 8 * 4096

    def _score_block(self, queries: Queries) -> Array:
        return self._row_scores(queries)

    def _score_candidates(self, queries: Queries, candidates: Array) -> Array:
        shared = candidates.ndim == 1
        if shared and not queries.empty(self.__sklearn_tags__().fold_in).any():
            return self._row_scores(queries, candidates)
        return super()._score_candidates(queries, candidates)

    def _row_scores(self, queries: Queries, items: Array | None = None) -> Array:
        """Return the scores of all items or of shared candidates."""
        with torch.inference_mode():
            return module_scores(self._module, queries.history, items)

    def _watched_scorer(self, module: torch.nn.Module) -> Callable[[CSRMatrix], Array]:
        """Return the function from histories to scores by which training is watched."""
        return partial(module_scores, module)

    user_vectors, item_vectors = user_vectors, item_vectors

    def _user_vectors(self, queries: Queries) -> Array:
        with torch.inference_mode():
            hidden = self._hidden(queries, sparse_rows(queries.history).to(self.net_.device))
        return np.pad(hidden.cpu().numpy(), ((0, 0), (0, 1)), constant_values=1)

    def _hidden(self, queries: Queries, rows: SparseRows) -> torch.Tensor:
        """Return the input of the last layer."""
        return self._module.hidden(rows)

    def _item_vectors(self) -> Array:
        last = self._module.last
        return torch.cat([last.weight, last.bias[:, None]], dim=1).detach().cpu().numpy()

    @property
    def item_factors_(self) -> Array:
        """Decoder weights of each item, ndarray of shape (n_items, width of the last layer)."""
        return self._module.last.weight.detach().cpu().numpy()


class LikelihoodRecommender(RowRecommender):
    """Rows of interactions under a likelihood of choice."""

    likelihood: Annotated[
        Literal["multinomial", "gaussian", "logistic"], "Likelihood of a row."
    ] = "multinomial"
    confidence: Annotated[
        tuple[float, float] | list[float],
        tuple,
        list,
        "The Gaussian likelihood's weights c1 of stored and c0 of other entries, c1 > c0.",
    ] = (1.0, 0.1)

    @property
    def _objective(self) -> RowLikelihood:
        return LIKELIHOODS.get(self.likelihood, LIKELIHOODS["multinomial"])

    def _network(self) -> dict[str, Any]:
        numbers = all(isinstance(c, Real) and not isinstance(c, bool) for c in self.confidence)
        if (
            len(self.confidence) != 2
            or not numbers
            or not self.confidence[0] > self.confidence[1] >= 0
        ):
            raise ValueError(f"confidence must be c1 > c0 >= 0; got {self.confidence!r}")
        return super()._network()


class SampledRowRecommender(LikelihoodRecommender):
    """A likelihood of choice, and the multinomial one over samples of the items if wanted."""

    n_sampled_items: Annotated[
        int | None,
        Interval(Integral, 1, None, closed="left"),
        "Items a batch over which the softmax of training is taken, beside those of the row "
        "itself; None takes all. Frequent items are in each sample, others weigh more when they "
        "are. The estimated normaliser has no bias, its logarithm is too small, the less the "
        'more items are drawn. With ``optimizer="adam"`` only the rows of the first and the last '
        "layer are updated whose items are in the batch or the sample: others stand still, and "
        "move further when it is their turn. For large catalogues under the multinomial "
        "likelihood.",
    ] = None

    @property
    def _objective(self) -> RowLikelihood:
        return super()._objective if self.n_sampled_items is None else _SAMPLED

    def _validate_params(self) -> None:
        super()._validate_params()
        if self.n_sampled_items is not None and self.likelihood != "multinomial":
            raise ValueError(
                'n_sampled_items must be None unless likelihood="multinomial"; got '
                f"{self.n_sampled_items} with likelihood={self.likelihood!r}"
            )

    def _by_rows(self) -> bool:
        """Return whether the first and the last layer are updated by rows."""
        given = self.n_sampled_items is not None and self.optimizer == "adam"
        return given and self._allows_row_updates

    def _optimizer_for(self, module: Any) -> type[torch.optim.Optimizer]:
        optimizer = super()._optimizer_for(module)
        return ROW_WISE[optimizer] if self._by_rows() else optimizer


_SAMPLED = SampledMultinomial()


class RatedRowRecommender(RowRecommender, RatingRecommender):
    """Ratings are predicted from rows of ratings: squared error on what is rated.

    The module reads ratings and returns ratings; it has `set_scale`, and takes ``at``, the entries
    to predict. Early stopping watches ratings that are hidden from their rows, so every user is
    trained, as where ratings are split at random.
    """

    max_epochs: int = 50
    batch_size: Annotated[int, "Rows a batch."] = 64
    validation_fraction: RatedFraction = 0.1
    validation_data: RatedData = None
    validation_metric: RatedMetric = "rmse"

    _objective: ClassVar[Objective] = RowRatings()

    def _data(self, X: CSRMatrix, rng: np.random.RandomState) -> tuple[Any, Any]:
        self.rating_mean_ = float(X.data.mean(dtype=np.float64))
        return super()._data(X, rng)

    def _rows(self, X: CSRMatrix) -> CSRMatrix:
        """Return what the net reads of a matrix of users and items."""
        return X

    def _scale(self) -> tuple[float, float, float]:
        """Return the ends of the scale and the mean of the ratings of ``fit``."""
        data = self.interactions_.data
        low, high = self.rating_range_ if "link_" in self.__dict__ else (data.min(), data.max())
        return float(low), float(high), self.rating_mean_

    def _span(self) -> float:
        low, high, _ = self._scale()
        return high - low if high > low else 1.0

    def _item_vectors(self) -> Array:
        return self._span() * super()._item_vectors()


def module_scores(
    module: torch.nn.Module,
    history: CSRMatrix,
    items: Array | None = None,
    **given: torch.Tensor,
) -> Array:
    """Return the logits of histories.

    Parameters
    ----------
    module : torch.nn.Module
        A module of rows.
    history : csr_matrix of shape (n_rows, n_items)
        The rows.
    items : ndarray of int64 of shape (m,), default=None
        Columns to score.
    **given : Tensor of shape (n_rows, size)
        What else the module takes.

    Returns
    -------
    scores : ndarray of shape (n_rows, n_items) or (n_rows, m)
        float32.
    """
    device = next(module.parameters()).device
    columns = None if items is None else torch.from_numpy(items).to(device)
    given = {name: value.to(device) for name, value in given.items()}
    logits, *_ = module(sparse_rows(history).to(device), columns, **given)
    return logits.cpu().numpy()
