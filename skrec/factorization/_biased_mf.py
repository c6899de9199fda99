"""Matrix factorisation with biases, on ratings."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, ClassVar

import numpy as np
import torch

from skrec.base import Queries, item_vectors, user_vectors
from skrec.factorization._history_parts import parts_of_ratings
from skrec.factorization._row_ridge import solve_rows
from skrec.neural import RatedPairRecommender
from skrec.nn import Dot, PairModel
from skrec.training import RatedBatches, RecommenderNet
from skrec.typing import Array, CSRMatrix

__all__ = ["BiasedMFRegressor"]


class BiasedMFRegressor(RatedPairRecommender):
    r"""Matrix factorisation with biases, trained on ratings.

    Minimises over the ratings :math:`r_{ui}`

    .. math:: \sum_{(u, i)} (\hat r_{ui} - r_{ui})^2
        + \lambda (\|p_u\|^2 + b_u^2 + \|q_i\|^2 + b_i^2), \qquad
        \hat r_{ui} = m + b_u + b_i + p_u^\top q_i.

    The penalty counts once a rating, so a user with n ratings has :math:`n \lambda`. At the end
    each user's :math:`(p_u, b_u)` is the exact minimum, a ridge regression on the vectors of the
    items, and an unseen user's is made the same way.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    rating_mean_ : float
        The mean m of all ratings.
    user_factors_ : ndarray of shape (n_users, n_factors)
        Vectors of the users, with ``bias`` one entry longer.
    item_factors_ : ndarray of shape (n_items, n_factors)
        Vectors of the items, with ``bias`` one entry longer.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    GMFRegressor : With weights of the factors, and no biases of users and items.
    MFClassifier : The same form, trained on interactions.

    Notes
    -----
    Differences from the reference: mini-batches with Adam in place of single steps of gradient
    descent, and the last step, which takes in the ratings that early stopping held out.
    Early stopping judges by users solved on what is trained on, as the fitted model is used.
    A ``l2`` below 1e-6 is raised to that where users are solved, so that there is one minimum.

    References
    ----------
    Koren, Y., Bell, R., & Volinsky, C. (2009). Matrix factorization techniques for recommender
    systems. Computer, 42(8), 30-37. https://doi.org/10.1109/MC.2009.263

    Examples
    --------
    >>> from skrec import BiasedMFRegressor
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(60, 40, 600, random_state=0).X
    >>> X.data = X.indices % 5 + 1.0
    >>> est = BiasedMFRegressor(n_factors=4, max_epochs=20, lr=0.02, random_state=0).fit(X)
    >>> est.predict(X[:2]).shape
    (2, 40)
    """

    l2: Annotated[
        float,
        "Weight of the squared norms, biases included, beside each squared error.",
    ] = 0.08
    max_epochs: int = 30
    bias: Annotated[
        bool, "Whether users and items have biases, the last entries of their vectors."
    ] = True
    fold_in_steps: Annotated[int, "Not used: unseen users are solved."] = 20

    _fold_in: ClassVar = "exact"

    user_vectors, item_vectors = user_vectors, item_vectors

    def _interaction(self) -> Dot:
        return Dot(self.n_factors, user_bias=self.bias, item_bias=self.bias)

    def _callbacks(self, batches: RatedBatches, watched: Any) -> list[tuple[str, Any]]:
        callbacks = super()._callbacks(batches, watched)
        for _, callback in callbacks:
            history = self._centred(batches.X)
            callback.evaluate = partial(self._evaluate_as_used, callback.evaluate, history)
        return callbacks

    def _evaluate_as_used(
        self, evaluate: Callable[[PairModel], float], history: CSRMatrix, module: PairModel
    ) -> float:
        module = copy.deepcopy(module)  # training keeps its own vectors
        self._solve_users(module, history)
        return evaluate(module)

    def _centred(self, X: CSRMatrix) -> CSRMatrix:
        return self._objective.fold_in_rows(self, X)

    def _finish(self, batches: RatedBatches, rng: np.random.RandomState) -> None:
        super()._finish(batches, rng)
        if self.warm_start:  # the next fit goes on from what was trained
            self.net_.trained_users_ = self._module.users.free.weight.detach().clone()
        self._solve_users(self._module, self._centred(self.interactions_))

    def _continued_net(self, net: RecommenderNet, callbacks: list) -> RecommenderNet:
        net = super()._continued_net(net, callbacks)
        trained = getattr(net, "trained_users_", None)
        if trained is not None:  # the last fit, not from a file, knew that another would follow
            with torch.no_grad():
                net.module_.users.free.weight[: len(trained)] = trained
        return net

    def _solve_users(self, module: PairModel, ratings: CSRMatrix) -> None:
        """Put the vectors that `_solved` returns into a module."""
        with torch.no_grad():
            module.users.free.weight.copy_(torch.from_numpy(self._solved(module, ratings)))

    def _model_scores(
        self,
        module: PairModel,
        queries: Queries,
        candidates: Array | None = None,
        *args: Any,
        **options: Any,
    ) -> Array:
        if candidates is not None and candidates.ndim == 2:
            return super()._model_scores(module, queries, candidates, *args, **options)
        # in float64: where a probability is small, it shows what a row's place among the others
        # does to the last digits of a float32 product
        with torch.inference_mode():
            users = self._free_vectors(module, queries).double()
            chosen = None if candidates is None else torch.from_numpy(candidates).to(users.device)
            side = module.interaction.item_side(module.item_vectors(chosen).double())
            scores = module.interaction.cross(users, side) + self.rating_mean_
        return scores.float().cpu().numpy()

    def _free_vectors(self, module: PairModel, queries: Queries) -> torch.Tensor:
        if queries.users is not None and queries.history is queries.stored:
            return module.users.free.weight.detach()[torch.from_numpy(queries.users)]
        vectors = self._solved(module, self._centred(queries.history))
        return torch.from_numpy(vectors).to(module.items.weight)

    def _solved(self, module: PairModel, ratings: CSRMatrix) -> Array:
        """Return the vectors of the users of a matrix of ratings less their mean."""
        residuals, items, _ = self._regression(module, ratings)
        return solve_rows(residuals, items, self.l2)

    def _regression(self, module: PairModel, ratings: CSRMatrix) -> tuple[CSRMatrix, Array, Array]:
        """Return the targets of users, their regressors, and the biases of items."""
        items = module.items.weight.detach().cpu().double().numpy()
        if not self.bias:
            return ratings, items, np.zeros(len(items))
        residuals, biases = ratings.astype(np.float64), items[:, -1].copy()
        residuals.data -= biases[ratings.indices]
        items[:, -1] = 1  # a user's bias is the weight of a constant
        return residuals, items, biases

    def _history_parts(self, queries: Queries, lists: Array) -> tuple[Array, Array]:
        ratings = self._centred(queries.history)
        residuals, items, biases = self._regression(self._module, ratings)
        parts = parts_of_ratings(residuals.astype(np.float64), items, self.l2, lists)
        shape = queries.n_rows, lists.shape[-1]
        return parts, self.rating_mean_ + np.broadcast_to(biases[lists], shape)
