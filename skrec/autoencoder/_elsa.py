"""ELSA."""

from typing import Annotated, Any, ClassVar

import numpy as np
import torch

from skrec import kernels
from skrec.base import Queries, ScoreGraph, product_parts
from skrec.neural import RowRecommender
from skrec.neural.objectives import Objective, Reconstruction
from skrec.nn import ELSA
from skrec.typing import Array
from skrec.utils import row_of_entry

__all__ = ["ELSARecommender"]


class ELSARecommender(RowRecommender):
    r"""Scalable linear shallow autoencoder (ELSA): EASE of low rank.

    .. math:: f(x) = x (A A^\top - I), \quad \lVert a_i \rVert = 1, \qquad
        \min_A \frac1B \sum_u \Big\lVert \frac{f(x_u)}{\lVert f(x_u) \rVert}
        - \frac{x_u}{\lVert x_u \rVert} \Big\rVert^2

    The vectors of the items have norm 1, so that the weights :math:`A A^\top - I` between items
    have a zero diagonal: no item explains itself.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    item_factors_ : ndarray of shape (n_items, latent_size)
        The vectors A of the items.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    EASERecommender : Weights of full rank in closed form, which take memory for each pair of items.

    Notes
    -----
    The loss is computed from codes x A and from :math:`A^\top A`, so that training takes no more
    memory than the vectors, their gradients and the optimiser's state: a multiple of the number of
    items.

    Differences from the authors' code: the optimiser is Adam in place of NAdam (pass
    ``optimizer=torch.optim.NAdam``), with a smaller learning rate; the loss is a sum over items
    where they take the mean, and rows without interactions do not count; ``dropout`` is ours, and
    0 by default.

    References
    ----------
    Vancura, V., Alves, R., Kasalicky, P., & Kordik, P. (2022). Scalable linear shallow autoencoder
    for collaborative filtering. RecSys. https://doi.org/10.1145/3523227.3551482

    Steck, H. (2019). Embarrassingly shallow autoencoders for sparse data. WWW.
    https://doi.org/10.1145/3308558.3313710

    Examples
    --------
    >>> from skrec import ELSARecommender
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = ELSARecommender(latent_size=16, max_epochs=5, random_state=0)
    >>> est.fit(X).recommend(X[:2], n_items=3).shape
    (2, 3)
    """

    latent_size: Annotated[int, "Length of the items' vectors, the rank of the weights."] = 256
    dropout: float = 0.0
    max_epochs: int = 15
    batch_size: Annotated[int, "Rows a batch."] = 256
    lr: float = 0.01

    _objective: ClassVar[Objective] = Reconstruction()
    _module_class: ClassVar[type] = ELSA
    _scores_few_cheaply: ClassVar[bool] = True
    _test_parameters: ClassVar[dict[str, Any]] = {**RowRecommender._test_parameters, "lr": 0.05}

    def _score_candidates(self, queries: Queries, candidates: Array) -> Array:
        scores = self._row_scores(queries, candidates)
        return self._with_prior(scores, queries, candidates, self._prior_scores)

    def _user_vectors(self, queries: Queries) -> Array:
        return kernels.sum_rows(queries.history, self.item_factors_)

    def _item_vectors(self) -> Array:
        return self.item_factors_

    def _graph_scores(self, graph: ScoreGraph) -> str:
        vectors = graph.constant(self.item_factors_)
        rows = graph.add("Gather", vectors, graph.used, axis=0)
        codes = graph.add("MatMul", graph.used_history, rows)
        return graph.add("Sub", graph.add("Gemm", codes, vectors, transB=1), graph.history)

    def _history_parts(self, queries: Queries, lists: Array) -> tuple[Array, Array]:
        history, vectors = queries.history, self.item_factors_
        values, row = history.data[:, None].astype(np.float64), row_of_entry(history)
        parts = values * product_parts(history, vectors[history.indices], vectors, lists)
        own = history.indices[:, None] == (lists if lists.ndim == 1 else lists[row])
        return parts - own * values, np.zeros((queries.n_rows, lists.shape[-1]))

    @property
    def item_factors_(self) -> Array:
        """Vectors of norm 1, ndarray of shape (n_items, latent_size)."""
        with torch.inference_mode():
            return self._module.vectors().cpu().numpy()
