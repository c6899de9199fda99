"""Light graph convolution: vectors averaged over the layers of their propagation.

He, X., Deng, K., Wang, X., Li, Y., Zhang, Y., & Wang, M. (2020). LightGCN: simplifying and powering
graph convolution network for recommendation. SIGIR. https://doi.org/10.1145/3397271.3401063
"""

from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from skrec.nn.encoders import EmbeddingTable, HistoryEncoder, UserTable
from skrec.nn.interactions import Dot
from skrec.nn.pairs import PairBatch, PairModel, Penalised, shared_scores, shared_squares
from skrec.nn.rows import SparseRows

__all__ = ["Graph", "LightGCN", "NodeEncoder", "SettledLightGCN"]


class Graph(nn.Module):
    r"""The graph of users and items, without self-loops, its edges weighted by degrees.

    .. math:: \tilde R = D_U^{-1/2} R D_I^{-1/2}

    Parameters
    ----------
    rows : SparseRows of length n_users
        The items of each user.
    columns : SparseRows of length n_items
        The users of each item.
    """

    user_edges: Tensor
    user_offsets: Tensor
    user_scale: Tensor
    item_edges: Tensor
    item_offsets: Tensor
    item_scale: Tensor

    def __init__(self, rows: SparseRows, columns: SparseRows) -> None:
        super().__init__()
        for name, side in (("user", rows), ("item", columns)):
            degrees = side.offsets.diff().clamp(min=1).to(side.values.dtype)
            self.register_buffer(f"{name}_edges", side.indices, persistent=False)
            self.register_buffer(f"{name}_offsets", side.offsets, persistent=False)
            self.register_buffer(f"{name}_scale", degrees[:, None] ** -0.5, persistent=False)

    def step(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """Let all nodes take the weighted sums of their neighbours.

        Parameters
        ----------
        users, items : Tensor of shape (n_users, size) and (n_items, size)
            Vectors.

        Returns
        -------
        users, items : Tensor
            Vectors of the next layer.
        """
        to_users = _sums(items * self.item_scale, self.user_edges, self.user_offsets)
        to_items = _sums(users * self.user_scale, self.item_edges, self.item_offsets)
        return to_users.mul_(self.user_scale), to_items.mul_(self.item_scale)

    def layer_sums(
        self, users: Tensor, items: Tensor, n_layers: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Sum the vectors of the layers from 0 on.

        Parameters
        ----------
        users, items : Tensor of shape (n_users, size) and (n_items, size)
            Vectors of layer 0.
        n_layers : int
            The number K of further layers.

        Returns
        -------
        users, items : Tensor
            Sums over the layers 0 to K.
        before : Tensor of shape (n_items, size)
            Those of items over the layers 0 to K - 1; zeros without a further layer.
        """
        of_users, of_items, before = users.clone(), items.clone(), torch.zeros_like(items)
        for layer in range(n_layers):
            users, items = self.step(users, items)
            if layer == n_layers - 1:
                before = of_items.clone()
            of_users += users
            of_items += items
        return of_users, of_items, before


def _sums(vectors: Tensor, edges: Tensor, offsets: Tensor) -> Tensor:
    """Sum the vectors that each node's edges lead to; twice as fast as a CSR product."""
    return F.embedding_bag(edges, vectors, offsets, mode="sum", include_last_offset=True)


class _Propagation(torch.autograd.Function):
    """The mean over layers, a symmetric linear map: its gradient is the mean of gradients."""

    @staticmethod
    def forward(
        ctx: Any, users: Tensor, items: Tensor, graph: Graph, n_layers: int
    ) -> tuple[Tensor, Tensor]:
        ctx.graph, ctx.n_layers = graph, n_layers
        of_users, of_items, _ = graph.layer_sums(users, items, n_layers)
        return of_users.div_(1 + n_layers), of_items.div_(1 + n_layers)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, users: Tensor, items: Tensor) -> tuple[Tensor | None, ...]:
        of_users, of_items, _ = ctx.graph.layer_sums(users, items, ctx.n_layers)
        return of_users.div_(1 + ctx.n_layers), of_items.div_(1 + ctx.n_layers), None, None


class LightGCN(PairModel):
    r"""Inner products of vectors that are averaged over the layers of a graph.

    .. math:: f_{ui} = \bar p_u^\top \bar q_i, \qquad
        \bar E = \frac{1}{K + 1} \sum_{k=0}^K \tilde A^k E, \qquad
        \tilde A = \begin{pmatrix} 0 & \tilde R \\ \tilde R^\top & 0 \end{pmatrix}

    where E are the free vectors of users and items, and :math:`\tilde R` is that of `Graph`.

    Parameters
    ----------
    users : UserTable
        Free vectors of the users.
    items : EmbeddingTable
        Free vectors of the items.
    interaction : Dot
        Their inner product.
    graph : Graph
        What users have.
    n_layers : int
        The number K.
    """

    graph: Graph

    def __init__(
        self, users: UserTable, items: EmbeddingTable, interaction: Dot, graph: Graph, n_layers: int
    ) -> None:
        super().__init__(users, items, interaction)
        self.graph = graph
        self.n_layers = n_layers
        # by the versions of the weights; in a tuple, since it is no part of this module
        self._settled: tuple[tuple[int, int], SettledLightGCN] | None = None

    def forward(self, batch: PairBatch) -> tuple[Tensor, Penalised, Penalised]:
        """Score a batch; the whole graph is propagated.

        Parameters
        ----------
        batch : PairBatch
            Positives and their negatives.

        Returns
        -------
        scores : Tensor of shape (B, 1 + K)
            The scores.
        users, items : callable
            Functions that compute the sums of squares of the free vectors of the batch.
        """
        users, items = self.propagated()
        norms = partial(self._user_squares, batch), partial(self._item_squares, batch)
        if batch.shared is None:
            scores, _, _ = self.interaction.score_tables(users, items, batch.users, batch.items)
            return scores, *norms
        own = users.index_select(0, batch.users)  # (B, size)
        others = items.index_select(0, _numbers(batch))  # (B + K, size)
        return shared_scores(self.interaction, own[:, None], own, others, batch), *norms

    def propagated(self) -> tuple[Tensor, Tensor]:
        """Return the vectors that scores are products of.

        Returns
        -------
        users, items : Tensor of shape (n_users, size) and (n_items, size)
            Means over the layers.
        """
        tables = self.users.free.weight, self.items.weight
        return _Propagation.apply(*tables, self.graph, self.n_layers)

    def _user_squares(self, batch: PairBatch) -> Tensor:
        return self.users.free(batch.users).square().sum()[None]

    def _item_squares(self, batch: PairBatch) -> Tensor:
        if batch.shared is None:
            return self.items(batch.items).square().sum((0, 2))
        return shared_squares(self.items(_numbers(batch)), len(batch))

    def train(self, mode: bool = True) -> "LightGCN":
        """Set the mode of training or of evaluation.

        Parameters
        ----------
        mode : bool, default=True
            Whether to train.

        Returns
        -------
        self : LightGCN
            The same model.
        """
        self._settled = None
        return super().train(mode)

    def _apply(self, *args: Any, **kwargs: Any) -> Any:
        self._settled = None  # what moves weights to another device
        return super()._apply(*args, **kwargs)

    def settled(self) -> "SettledLightGCN":
        """Return the model as it scores histories; it is kept until weights are changed.

        Returns
        -------
        model : SettledLightGCN
            A model of its own tables.
        """
        now = self.users.free.weight._version, self.items.weight._version
        kept = self._settled
        if kept is None or kept[0] != now:
            kept = self._settled = now, self._settle()
        return kept[1]

    @torch.no_grad()
    def _settle(self) -> "SettledLightGCN":
        free, n_layers = self.users.free.weight, 1 + self.n_layers
        _, items, before = self.graph.layer_sums(free, self.items.weight, self.n_layers)
        history = before * self.graph.item_scale / n_layers
        users = NodeEncoder(_table(free / n_layers), _table(history))
        return SettledLightGCN(users, _table(items / n_layers), self.interaction).eval()


class SettledLightGCN(PairModel):
    """Trained vectors of items, and users as sums of a free vector and of what they have.

    Parameters
    ----------
    users : NodeEncoder
        The users.
    items : nn.Module
        The table of the items' vectors.
    interaction : nn.Module
        The inner product.
    """

    @property
    def reads_history(self) -> bool:
        """Whether the target is left out of a history: it is not, as in training."""
        return False


class NodeEncoder(HistoryEncoder):
    r"""A user as a node: a free vector, and what comes from the items of the history.

    .. math:: \bar p_u = \frac{1}{K + 1} \Bigl( p_u + |R_u|^{-1/2} \sum_{t \in R_u} d_t^{-1/2}
        \sum_{k=0}^{K-1} q_t^{(k)} \Bigr)

    These are the vectors of `LightGCN` for users of the graph; for others the layers of items stay
    those of the graph.

    Parameters
    ----------
    free : EmbeddingTable
        The vectors :math:`p_u / (K + 1)`.
    history : EmbeddingTable
        What an item t gives to its users, times the root of the length of their histories.
    """

    def __init__(self, free: EmbeddingTable, history: EmbeddingTable) -> None:
        nn.Module.__init__(self)
        self.alpha = 0.5
        self.free = free
        self.history = history

    def share(self, items: Tensor, scale: Tensor) -> None:
        """Return None: nothing is left out of a history.

        Parameters
        ----------
        items, scale : Tensor
            Not used.
        """


def _numbers(batch: PairBatch) -> Tensor:
    """Return the positives of a batch and then its shared negatives, of shape (B + K,)."""
    return torch.cat([batch.items[:, 0], cast("Tensor", batch.shared)])


def _table(vectors: Tensor) -> EmbeddingTable:
    table = EmbeddingTable.from_pretrained(vectors)
    return cast("EmbeddingTable", table)
