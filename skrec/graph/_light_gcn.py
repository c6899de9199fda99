"""Light graph convolution, trained to rank."""

from numbers import Integral
from typing import Annotated, Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skrec.base import Queries, check_has_interactions, item_vectors, user_vectors
from skrec.neural import SampledPairRecommender, SharedNegatives, graph_scores, history_parts
from skrec.neural.objectives import Pairwise
from skrec.nn import Dot, Graph, LightGCN, SettledLightGCN, UserTable, make_table
from skrec.training import csr_of, sparse_rows
from skrec.typing import Array, CSRMatrix

__all__ = ["LightGCNRanker"]


class LightGCNRanker(SampledPairRecommender):
    r"""Light graph convolution trained to rank (LightGCN).

    Free vectors E of users and items are averaged over K + 1 layers, in which each node takes the
    weighted sum of its neighbours, the items that a user has and the users of an item:

    .. math:: \bar E = \frac{1}{K + 1} \sum_{k=0}^K \tilde A^k E, \qquad
        \tilde A_{ui} = \tilde A_{iu} = \frac{1}{\sqrt{d_u d_i}} \text{ if u has i, else } 0,

    with the degrees d. Minimises over triplets of a user u, an item i that u has and a sampled item
    j that u lacks

    .. math:: \sum_{(u, i, j)} -\ln \sigma(f_{ui} - f_{uj})
        + \lambda (\|p_u\|^2 + \|q_i\|^2 + \|q_j\|^2), \qquad
        f_{ui} = \bar p_u^\top \bar q_i,

    where p and q are the free vectors, those of layer 0.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history; its module holds the free vectors.
    user_factors_ : ndarray of shape (n_users, n_factors)
        Vectors of the users, averaged over the layers.
    item_factors_ : ndarray of shape (n_items, n_factors)
        Vectors of the items, averaged over the layers.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    BPRMFRanker : The same without layers.

    Notes
    -----
    Each update propagates the whole graph forth and back, :math:`4 K` products of the matrix of
    interactions with the vectors, whatever the size of the batch. So batches are large by default
    (the paper has 2,048), with a larger rate, and a small batch on large data is slow. Nothing is
    reused from update to update, so that it is the model of the paper. Its penalty of
    :math:`10^{-4}` stands beside half of the squares: ``l2=5e-5``. With ``early_stopping`` the
    graph lacks what is held out. With ``shared_negatives`` a penalty falls on each of them once a
    positive.

    The paper knows no unseen users. Here such a user is a new node, while the layers of the items
    and their degrees stay as they are. What its items give follows from the history alone, exactly
    as for a user of ``fit`` with that history; its own free vector is fitted to the history under
    the loss of training, so that fold-in is approximate. The log odds of `predict_proba` are the
    scores and a constant of each user, set right on held-out pairs: see
    `skrec.calibration.HeldOut`.

    References
    ----------
    He, X., Deng, K., Wang, X., Li, Y., Zhang, Y., & Wang, M. (2020). LightGCN: simplifying and
    powering graph convolution network for recommendation. SIGIR.
    https://doi.org/10.1145/3397271.3401063

    Examples
    --------
    >>> from skrec import LightGCNRanker
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = LightGCNRanker(n_factors=8, max_epochs=5, random_state=0).fit(X)
    >>> est.recommend(X[:2], n_items=3).shape
    (2, 3)
    """

    n_layers: Annotated[
        int,
        Interval(Integral, 0, None, closed="left"),
        "Layers K of the propagation; 0 is matrix factorisation.",
    ] = 3
    l2: Annotated[
        float, "Weight of the squared norms of the free vectors of a triplet, those of layer 0."
    ] = 5e-5
    init_std: float = 0.1
    batch_size: int = 8192
    lr: float = 5e-3
    shared_negatives: SharedNegatives = False

    _objective: ClassVar = Pairwise()

    user_vectors, item_vectors = user_vectors, item_vectors
    _history_parts, _graph_scores = history_parts, graph_scores

    # the model

    def _interaction(self) -> Dot:
        return Dot(self.n_factors)

    def _model(self, n_users: int, n_items: int) -> LightGCN:
        graph = Graph(sparse_rows(self._graph_of), sparse_rows(self._graph_of.T.tocsr()))
        users = UserTable(n_users, self.n_factors, self.init_std)
        items = make_table(n_items, self.n_factors, self.init_std)
        return LightGCN(users, items, self._interaction(), graph, self.n_layers)

    def _choose_updates(self, model: LightGCN) -> None:
        """Leave tables whole: every vector takes part in every update."""

    # training

    def _prepare(self, batches: Any, seed: int) -> None:
        super()._prepare(batches, seed)
        self._graph_of: CSRMatrix = batches.X  # without what is held out

    def _finish(self, batches: Any, rng: np.random.RandomState) -> None:
        del self._graph_of
        super()._finish(batches, rng)

    def _matrix_of(self, module: LightGCN) -> CSRMatrix:
        return csr_of(module.graph.user_edges, module.graph.user_offsets, self.n_features_in_)

    def _network_of(self, matrix: CSRMatrix) -> dict[str, Any]:
        self._graph_of = matrix
        try:
            return super()._network_of(matrix)
        finally:
            del self._graph_of

    # scores

    def _watched_scores(
        self, module: LightGCN, queries: Queries, candidates: Array | None
    ) -> Array:
        return self._model_scores(module.settled(), queries, candidates, False)

    @property
    def _module(self) -> SettledLightGCN:
        return super()._module.settled()

    @property
    def user_factors_(self) -> Array:
        """Averaged vectors of the users, ndarray of shape (n_users, n_factors)."""
        check_has_interactions(self, "user_factors_ cannot be computed")
        module = self._module
        free = module.users.free.weight.detach()
        rows = sparse_rows(self.interactions_).to(free.device)
        return module.states(free, rows).detach().cpu().numpy()
