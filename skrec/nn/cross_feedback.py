"""Encoders of users and items that read each other's embeddings (VAE-BMF with cross feedback).

Jin, Y., Zhao, H., Liu, M., Zhu, Y., Du, L., Gao, L., Zhang, H., & Li, Y. (2021). Leveraging cross
feedback of user and item embeddings with attention for variational autoencoder based collaborative
filtering. https://arxiv.org/abs/2002.09145
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn

from skrec.nn._huge_pages import use_huge_pages
from skrec.nn._random import randn, randn_like
from skrec.nn._row_kernels import weighted_sums
from skrec.nn.attention import EmbeddingAttention
from skrec.nn.losses import standard_normal_kl
from skrec.nn.rows import SparseLinear, SparseRows, row_product, xavier_

__all__ = ["CrossFeedbackVAE", "LatentLinear", "NestedBatch", "RatingELBO", "SideEncoder"]

_LEAST_VARIANCE = 1e-6
_FIRST_LOGIT = -2.0  # of variances: near .1, where draws do not drown small means


@dataclass(frozen=True)
class NestedBatch:
    """Users and items, and the ratings where they meet.

    Parameters
    ----------
    user_rows : SparseRows of length B_U or None
        All ratings of the users; None where embeddings of all users stay as they are.
    item_rows : SparseRows of length B_V or None
        All ratings of the items; None where embeddings of all items stay as they are.
    user, item : Tensor of shape (n,)
        For each rating the places of its user and its item in the rows, or their numbers where
        there are no rows.
    values : Tensor of shape (n,)
        The ratings, less their mean.
    user_share, item_share : float
        Shares of the divergences that this batch counts: one over the number of batches in a pass
        in which the users, or the items, take part.
    n_expected : float
        Ratings that such a batch holds on average.
    """

    user_rows: SparseRows | None
    item_rows: SparseRows | None
    user: Tensor
    item: Tensor
    values: Tensor
    user_share: float = 1.0
    item_share: float = 1.0
    n_expected: float = 1.0

    def __len__(self) -> int:
        return len(self.values)

    def to(self, device: str | torch.device) -> "NestedBatch":
        """Return the batch on a device.

        Parameters
        ----------
        device : str or torch.device
            Where to.

        Returns
        -------
        batch : NestedBatch
            The same batch there.
        """
        if self.values.device == torch.device(device):
            return self
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: v.to(device) for k, v in parts.items() if hasattr(v, "to")})


class LatentLinear(nn.Module):
    r"""Linear layer on the latent input, which is never built.

    The input's row for a user is the concatenation of the embeddings of all items, with zeros for
    those that the user has not rated. Its product with the weight is

    .. math:: Z \Phi = M T, \qquad T_j = v_j \Phi_j

    with M the mask of the ratings and :math:`\Phi_j` the K rows of the weight that belong to
    item j. These are n_columns small products, and sums of their results over the rated items.

    Parameters
    ----------
    n_columns : int
        Number of embeddings.
    n_factors : int
        Their width K.
    out_features : int
        Width of the output.
    parts : int, default=1
        Layers side by side, each with ``out_features`` columns of the output.
    """

    def __init__(self, n_columns: int, n_factors: int, out_features: int, parts: int = 1) -> None:
        use_huge_pages()
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_columns, n_factors, parts * out_features))
        self.bias = nn.Parameter(torch.zeros(parts * out_features))
        xavier_(self.weight.data.flatten(0, 1).T, parts)

    def table(self, embeddings: Tensor) -> Tensor:
        """Compute what each embedding adds to a row that has it.

        Parameters
        ----------
        embeddings : Tensor of shape (n_columns, n_factors)
            The embeddings.

        Returns
        -------
        table : Tensor of shape (n_columns, parts * out_features)
            One row for each embedding.
        """
        return torch.bmm(embeddings[:, None], self.weight)[:, 0]

    def forward(self, rows: SparseRows, embeddings: Tensor) -> Tensor:
        """Multiply the latent inputs of some rows with the weight and add the bias.

        Parameters
        ----------
        rows : SparseRows
            B rows; where they have entries counts, not their values.
        embeddings : Tensor of shape (n_columns, n_factors)
            The embeddings.

        Returns
        -------
        output : Tensor of shape (B, parts * out_features)
            The layer's output.
        """
        mask = replace(rows, values=torch.ones_like(rows.values))
        return row_product(mask, self.table(embeddings)) / _root_length(rows) + self.bias


def _root_length(rows: SparseRows) -> Tensor:
    """Compute the root of the number of entries of each row, at least 1, of shape (B, 1)."""
    return rows.offsets.diff().clamp(min=1).sqrt()[:, None]


class _MeanLinear(nn.Module):
    """Linear layer on the mean of the embeddings that a row has: the paper's cheap variant."""

    def __init__(self, n_factors: int, out_features: int, parts: int = 1) -> None:
        super().__init__()
        self.linear = nn.Linear(n_factors, parts * out_features)
        xavier_(self.linear.weight, parts)
        nn.init.zeros_(self.linear.bias)

    def forward(self, rows: SparseRows, embeddings: Tensor) -> Tensor:
        share = 1 / rows.offsets.diff().clamp(min=1)[rows.row].to(embeddings.dtype)
        mean = weighted_sums(rows, share, embeddings)
        return self.linear(mean)  # (B, parts * out_features)


class _Head(nn.Module):
    """From first layers to one parameter of the posteriors: eq. 8, the fusion, the attention."""

    def __init__(
        self,
        branches: int,
        sizes: Sequence[int],
        head_sizes: Sequence[int],
        n_factors: int,
        attention: EmbeddingAttention | None,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(_relu_stack(sizes) for _ in range(branches))
        self.fusion = _linear_stack([branches * sizes[-1], *head_sizes, n_factors])
        self.attention = attention

    def forward(self, hidden: list[Tensor], rows: SparseRows, embeddings: Tensor) -> Tensor:
        inner = [stack(part) for stack, part in zip(self.branches, hidden, strict=True)]
        answer = self._activation(self.fusion(torch.cat(inner, dim=1)))  # (B, n_factors)
        if self.attention is None:
            return answer
        return self._again(self.attention(answer, rows, embeddings))

    def _activation(self, answer: Tensor) -> Tensor:
        return answer

    def _again(self, answer: Tensor) -> Tensor:
        return answer


class _VarianceHead(_Head):
    """Variances lie between 0 and 1, also after attention, which joins them or their logits."""

    def __init__(self, *options: Any, joins_logits: bool = False) -> None:
        super().__init__(*options)
        self.joins_logits = joins_logits
        last = cast("nn.Linear", self.fusion[-1])
        nn.init.constant_(last.bias, _FIRST_LOGIT)

    def _activation(self, answer: Tensor) -> Tensor:
        return answer if self.joins_logits else torch.sigmoid(answer)

    def _again(self, answer: Tensor) -> Tensor:
        if self.joins_logits:
            return torch.sigmoid(answer)
        return torch.sigmoid(4 * answer - 2)  # nearly the identity around one half


def _relu_stack(sizes: Sequence[int]) -> nn.Sequential:
    """Return a ReLU for the first layer, and a layer with ReLU for each further width."""
    layers: list[nn.Module] = [nn.ReLU()]
    for n_in, n_out in pairwise(sizes):
        layers += [_linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers)


def _linear_stack(sizes: Sequence[int]) -> nn.Sequential:
    """Return linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [_linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _linear(n_in: int, n_out: int) -> nn.Linear:
    layer = nn.Linear(n_in, n_out)
    xavier_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class SideEncoder(nn.Module):
    r"""Posteriors of one side, users or items, from their ratings and the other side's embeddings.

    Means and variances have networks of their own. With l the output of that of variances and
    ":" for what `EmbeddingAttention` joins, variances are

    .. math:: \operatorname{sigmoid}(4 \, (\operatorname{sigmoid}(l) : c) - 2), \qquad
        \operatorname{sigmoid}(l : c) \quad \text{or} \quad \operatorname{sigmoid}(l)

    where attention is on ``"both"``, on ``"logits"`` or on ``"means"`` alone. The first cannot fall
    below sigmoid(-2), about .12, where ``merge="add"`` and c is not negative.

    Parameters
    ----------
    n_columns : int
        Number of items, for an encoder of users.
    n_factors : int, default=25
        Width K of the embeddings.
    hidden_sizes : tuple of int, default=(50,)
        Widths of the hidden layers through which ratings and embeddings pass before they are
        joined.
    joined_size : int, default=50
        Width K' of each part that is joined.
    head_sizes : tuple of int, default=()
        Widths of the hidden layers after the parts are joined.
    data_input : bool, default=True
        Whether ratings are read.
    latent_input : {"concat", "mean", None}, default="concat"
        How embeddings are read: each with weights of its own, or their mean, or not.
    attention : {"rated", "all", None}, default="rated"
        Which embeddings the posteriors attend to.
    merge : {"concat", "add"}, default="concat"
        How the result of the attention is joined with the parameter.
    normalization : {"softmax", "ratio"}, default="softmax"
        How attention's weights are normalised.
    attention_on : {"both", "logits", "means"}, default="both"
        Whether means and variances attend, means and the logits of variances, or means alone.
    """

    def __init__(
        self,
        n_columns: int,
        n_factors: int = 25,
        hidden_sizes: Sequence[int] = (50,),
        joined_size: int = 50,
        head_sizes: Sequence[int] = (),
        data_input: bool = True,
        latent_input: str | None = "concat",
        attention: str | None = "rated",
        merge: str = "concat",
        normalization: str = "softmax",
        attention_on: str = "both",
    ) -> None:
        super().__init__()
        sizes = [*hidden_sizes, joined_size]
        self.data = SparseLinear(n_columns, sizes[0], parts=2) if data_input else None
        self.latent = None
        if latent_input == "concat":
            self.latent = LatentLinear(n_columns, n_factors, sizes[0], parts=2)
        elif latent_input == "mean":
            self.latent = _MeanLinear(n_factors, sizes[0], parts=2)
        branches = (self.data is not None) + (self.latent is not None)
        options = branches, sizes, head_sizes, n_factors

        def attend() -> EmbeddingAttention | None:
            if attention is None:
                return None
            return EmbeddingAttention(n_factors, attention, merge, normalization)

        self.mean = _Head(*options, attend())
        of_variances = None if attention_on == "means" else attend()
        self.variance = _VarianceHead(
            *options,
            of_variances,
            joins_logits=of_variances is not None and attention_on == "logits",
        )

    def forward(self, rows: SparseRows, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the posteriors of some rows.

        Parameters
        ----------
        rows : SparseRows
            Ratings of B users, or items.
        embeddings : Tensor of shape (n_columns, n_factors)
            Those of the other side.

        Returns
        -------
        mean, variance : Tensor of shape (B, n_factors)
            Those of diagonal Gaussians.
        """
        hidden = [] if self.data is None else [_read(self.data, rows).chunk(2, dim=1)]
        if self.latent is not None:
            hidden.append(self.latent(rows, embeddings).chunk(2, dim=1))
        mean = self.mean([both[0] for both in hidden], rows, embeddings)
        variance = self.variance([both[1] for both in hidden], rows, embeddings)
        return mean, variance.clamp(min=_LEAST_VARIANCE)


def _read(layer: SparseLinear, rows: SparseRows) -> Tensor:
    """Compute the first layer of the ratings, whose sums are divided as those of embeddings."""
    product = row_product(rows, layer.weight)
    return product / _root_length(rows) + layer.bias


class CrossFeedbackVAE(nn.Module):
    """Encoders of users and items, whose embeddings meet in an inner product.

    Parameters
    ----------
    n_users, n_items : int
        Numbers of users and items.
    n_factors : int, default=25
        Width of the embeddings.
    clip : bool, default=False
        Whether drawn embeddings are made non-negative.
    noise_std : float, default=1.0
        Deviation of ratings at the start.
    **options
        Further parameters of `SideEncoder`.

    Attributes
    ----------
    user_embeddings : Tensor of shape (n_users, n_factors)
        Embeddings that the encoder of items reads in this pass.
    item_embeddings : Tensor of shape (n_items, n_factors)
        Embeddings that the encoder of users reads in this pass.
    """

    user_embeddings: Tensor
    item_embeddings: Tensor

    def __init__(
        self,
        n_users: int,
        n_items: int,
        n_factors: int = 25,
        clip: bool = False,
        noise_std: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__()
        self.users = SideEncoder(n_items, n_factors, **options)
        self.items = SideEncoder(n_users, n_factors, **options)
        self.clip = clip
        self.log_noise = nn.Parameter(torch.tensor(float(math.log(noise_std))))
        self.register_buffer("user_embeddings", self.clipped(randn(n_users, n_factors)))
        self.register_buffer("item_embeddings", self.clipped(randn(n_items, n_factors)))

    def clipped(self, embeddings: Tensor) -> Tensor:
        """Make embeddings non-negative, if the model clips.

        Parameters
        ----------
        embeddings : Tensor of shape (B, n_factors)
            The embeddings.

        Returns
        -------
        embeddings : Tensor of shape (B, n_factors)
            The same, with negative entries set to 0 if the model clips.
        """
        return embeddings.clamp(min=0) if self.clip else embeddings

    def draw(self, mean: Tensor, variance: Tensor) -> Tensor:
        """Sample embeddings by the reparameterisation.

        Parameters
        ----------
        mean, variance : Tensor of shape (B, n_factors)
            The posteriors.

        Returns
        -------
        embeddings : Tensor of shape (B, n_factors)
            The draws.
        """
        return self.clipped(mean + randn_like(mean) * variance.sqrt())

    def forward(self, batch: NestedBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Reconstruct the ratings of a batch.

        Parameters
        ----------
        batch : NestedBatch
            Users, items and where they meet.

        Returns
        -------
        ratings : Tensor of shape (n,)
            Inner products of drawn embeddings.
        user_divergence, item_divergence : Tensor of shape ()
            Sums over the batch; 0 for a side that stays as it is.
        log_noise : Tensor of shape ()
            Logarithm of the deviation of ratings.
        """
        users, user_divergence = self._side(
            self.users, batch.user_rows, self.item_embeddings, self.user_embeddings
        )
        items, item_divergence = self._side(
            self.items, batch.item_rows, self.user_embeddings, self.item_embeddings
        )
        ratings = _inner(users, items, batch.user, batch.item)  # (n,)
        return ratings, user_divergence, item_divergence, self.log_noise

    def _side(
        self, encoder: SideEncoder, rows: SparseRows | None, read: Tensor, stored: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return drawn embeddings of a side, and the sum of their divergences."""
        if rows is None:
            return stored, stored.new_zeros(())
        mean, variance = encoder(rows, read)
        return self.draw(mean, variance), standard_normal_kl(mean, variance.log()).sum()


def _inner(users: Tensor, items: Tensor, user: Tensor, item: Tensor) -> Tensor:
    """Compute inner products of pairs, out of those of all pairs where these are few."""
    if len(users) * len(items) <= 32 * len(user):
        return (users @ items.T)[user, item]
    return (users[user] * items[item]).sum(dim=1)


class RatingELBO(nn.Module):
    r"""Negative evidence lower bound of ratings, eq. 7, divided by their number.

    .. math:: \frac1n \Big( \sum_{(i, j)} \frac{(x_{ij} - u_i^\top v_j)^2}{2 s^2} + \log s
        + \beta_u \sum_i \operatorname{KL}_i + \beta_v \sum_j \operatorname{KL}_j \Big)

    The divergence of a user occurs with each batch of items, so a share of it counts each time.

    Parameters
    ----------
    beta_user, beta_item : float, default=1.0
        Weights of the divergences.
    """

    def __init__(self, beta_user: float = 1.0, beta_item: float = 1.0) -> None:
        super().__init__()
        self.beta_user = beta_user
        self.beta_item = beta_item

    def forward(self, output: tuple[Tensor, Tensor, Tensor, Tensor], batch: NestedBatch) -> Tensor:
        """Compute the loss of a batch.

        Parameters
        ----------
        output : tuple of Tensor
            The output of `CrossFeedbackVAE`.
        batch : NestedBatch
            The batch.

        Returns
        -------
        loss : Tensor of shape ()
            Its share of the bound of a pass, times the number of batches.
        """
        ratings, user_divergence, item_divergence, log_noise = output
        error = (batch.values - ratings).square().sum()
        loss = 0.5 * error * torch.exp(-2 * log_noise) + len(batch) * log_noise
        loss = loss + self.beta_user * batch.user_share * user_divergence
        loss = loss + self.beta_item * batch.item_share * item_divergence
        return loss / batch.n_expected
