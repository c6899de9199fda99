"""CDAE."""

from collections.abc import Callable
from numbers import Integral
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from skrec.autoencoder._node_graph import fitted_nodes
from skrec.base import Queries, ScoreGraph
from skrec.base.fields import Integers
from skrec.neural import Folder, LikelihoodRecommender, module_scores, score_graphs
from skrec.nn import CDAE, SparseRows
from skrec.training import NodeFoldIn, RecommenderNet, RowBatches, cpu_copy, sparse_rows
from skrec.typing import Array, CSRMatrix

__all__ = ["CDAERecommender"]

_PRIOR_USERS = 5000
_FOLD_IN_ITEMS = 4096


class CDAERecommender(LikelihoodRecommender):
    r"""Denoising autoencoder with a free vector, a node, for each user (CDAE).

    The row is normalised, half of its entries are dropped, and the network must reconstruct the
    whole row:

    .. math:: \min \; \frac1B \sum_u \sum_i \frac{c_{ui}}{2} (x_{ui} - f_{ui})^2
        + \frac{w}{2} \lVert W, W', V, b, b' \rVert^2,

    .. math:: h_u = \tanh(W^\top \tilde x_u + V_u + b), \qquad f_u = \tanh(W'^\top h_u + b').

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    user_factors_ : ndarray of shape (n_users, latent_size)
        Nodes of the users; those of users that were held out are fitted after training.
    item_factors_ : ndarray of shape (n_items, latent_size)
        Decoder weights of the items.
    trained_users_ : ndarray of int64
        Users that were trained on.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    MultDAERecommender : The denoising model without nodes.

    Notes
    -----
    This is the model as Liang et al. run it: whole rows of users in place of sampled entries, a
    weighted square loss in their place, Adam, tanh in place of the logistic function; rows are
    normalised before they are dropped out, as those of Mult-DAE are. Nodes start Gaussian with
    deviation 0.01. The paper keeps the epoch with the best validation NDCG@100; so does
    ``early_stopping=True``, which watches held-out users whose nodes are predicted, not fitted.

    ``users=`` takes the trained node, with ``X`` beside the newer history. For any other row the
    node alone is fitted, from a ridge regression of the trained nodes on what the row adds to the
    hidden layer, which is its prior too. On MovieLens 100k the ten items for a training row
    share more than nine with those of its trained node, on average.

    References
    ----------
    Wu, Y., DuBois, C., Zheng, A. X., & Ester, M. (2016). Collaborative denoising auto-encoders for
    top-N recommender systems. WSDM. https://doi.org/10.1145/2835776.2835837

    Liang, D., Krishnan, R. G., Hoffman, M. D., & Jebara, T. (2018). Variational autoencoders for
    collaborative filtering. WWW. https://doi.org/10.1145/3178876.3186150

    Examples
    --------
    >>> from skrec import CDAERecommender
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = CDAERecommender(latent_size=16, max_epochs=5, random_state=0).fit(X)
    >>> est.recommend(X[:2], n_items=3).shape  # nodes are fitted to the rows
    (2, 3)
    >>> est.recommend(users=[0, 1], n_items=3).shape  # nodes are those of training
    (2, 3)
    """

    likelihood: Annotated[
        Literal["gaussian", "logistic", "multinomial"],
        "Likelihood of a row. Scores pass tanh under the Gaussian alone.",
    ] = "gaussian"
    weight_decay: Annotated[
        float,
        "Penalty w on squared weights, those of nodes too. The values 0.01 to 100 among which "
        "Liang et al. choose are 4e-5 to 0.4 here.",
    ] = 1e-3
    fold_in_steps: Annotated[
        int,
        Interval(Integral, 0, None, closed="left"),
        "Steps in which the node of an unseen user is fitted; 0 leaves it at its start.",
    ] = 20

    _fold_in: ClassVar = "approximate"
    _calibrates_late: ClassVar[bool] = True
    _module_class: ClassVar[type] = CDAE
    _fitted: ClassVar = {"trained_users_": Integers(None, below="users"), "folder_": Folder}
    _test_parameters: ClassVar[dict[str, Any]] = {
        **LikelihoodRecommender._test_parameters,
        "latent_size": 4,
        "max_epochs": 60,
        "weight_decay": 0.003,
        "fold_in_steps": 5,
    }

    # training

    def _network(self) -> dict[str, Any]:
        return {
            **super()._network(),
            "module__n_users": self.interactions_.shape[0],
            "module__bounded": self._objective.bounded,
        }

    def _data(self, X: CSRMatrix, rng: np.random.RandomState) -> tuple[RowBatches, Any]:
        batches, watched = super()._data(X, rng)
        trained = np.ones(X.shape[0], dtype=bool) if watched is None else watched.trained
        self.trained_users_ = np.flatnonzero(trained)
        return RowBatches(batches.X, self.batch_size, rng, self.trained_users_), watched

    def _finish(self, batches: RowBatches, rng: np.random.RandomState) -> None:
        sample = np.sort(rng.permutation(self.n_features_in_)[:_FOLD_IN_ITEMS])
        self.folder_ = self._folder(cpu_copy(self._module), sample, self.fold_in_steps)
        self._fold_in_held_out(self.interactions_)

    def _folder(self, module: CDAE, sample: Array, n_steps: int) -> NodeFoldIn:
        """Return what fits nodes, with the trained ones as the prior."""
        users = self.trained_users_
        users = users[np.diff(self.interactions_.indptr)[users] > 0]
        users = np.sort(np.random.RandomState(0).permutation(users)[:_PRIOR_USERS])
        return NodeFoldIn(
            module,
            sparse_rows(self.interactions_[users]),
            torch.from_numpy(users),
            sample=torch.from_numpy(sample),
            n_steps=n_steps,
            term=self._objective.row_term(self),
            estimates_variance=self._objective.estimates_variance,
        )

    def _fold_in_held_out(self, X: CSRMatrix) -> None:
        """Fit the nodes of the users that were not trained on."""
        users = np.setdiff1d(np.arange(X.shape[0]), self.trained_users_)
        if len(users):
            nodes = self.folder_(cpu_copy(self._module), sparse_rows(X[users]))
            with torch.no_grad():
                weight = self._module.nodes.weight
                weight[torch.from_numpy(users).to(weight.device)] = nodes.to(weight.device)

    def _watched_scorer(self, module: CDAE) -> Callable[[CSRMatrix], Array]:
        """Score histories with nodes at the start of their fit, which costs little."""
        copy = cpu_copy(module)
        folder = self._folder(copy, np.arange(0), 0)

        def score(history: CSRMatrix) -> Array:
            return module_scores(module, history, nodes=folder(copy, sparse_rows(history)))

        return score

    def _check_warm_start(self, net: RecommenderNet) -> None:
        super()._check_warm_start(net)
        n_users = self.interactions_.shape[0]
        if net.module__n_users > n_users:
            raise ValueError(
                f"X must have at least the {net.module__n_users} users of the last fit when "
                f"warm_start=True; got {n_users}"
            )

    # scores

    def _row_scores(self, queries: Queries, items: Array | None = None) -> Array:
        nodes = self._nodes(queries)
        with torch.inference_mode():
            return module_scores(self._module, queries.history, items, nodes=nodes)

    def _graph_scores(self, graph: ScoreGraph) -> str:
        module = self._module
        code = score_graphs.first_layer(graph, module.first)
        objective = self.likelihood, self.confidence
        nodes = fitted_nodes(graph, code, module, self.folder_, objective)
        hidden = graph.add("Tanh", graph.add("Add", code, nodes))
        scores = score_graphs.last_layer(graph, hidden, module.last)
        return graph.add("Tanh", scores) if module.bounded else scores

    def _hidden(self, queries: Queries, rows: SparseRows) -> torch.Tensor:
        return self._module.hidden(rows, self._nodes(queries).to(self.net_.device))

    def _nodes(self, queries: Queries) -> torch.Tensor:
        """Return the nodes of users, trained or fitted to their histories."""
        known, users = queries.known()
        nodes = torch.empty(queries.n_rows, self.latent_size)
        if known.any():
            nodes[torch.from_numpy(known)] = self._trained_nodes()[users]
        if not known.all():
            rows = sparse_rows(queries.history[~known])
            nodes[torch.from_numpy(~known)] = self.folder_(cpu_copy(self._module), rows)
        return nodes

    def _trained_nodes(self) -> torch.Tensor:
        return self._module.nodes.weight.detach().cpu()

    @property
    def user_factors_(self) -> Array:
        """Nodes of the users, ndarray of shape (n_users, latent_size)."""
        return self._trained_nodes().numpy()
