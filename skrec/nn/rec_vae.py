"""Autoencoder of rows under a prior that remembers its own posteriors: RecVAE.

Shenbin, I., Alekseev, A., Tutubalina, E., Malykh, V., & Nikolenko, S. I. (2020). RecVAE: a new
variational autoencoder for top-N recommendations with implicit feedback. WSDM.
https://doi.org/10.1145/3336191.3371831
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec.nn.losses import gaussian_log_density, multinomial_nll
from skrec.nn.mult_vae import sample
from skrec.nn.rows import SparseLinear, SparseRows
from skrec.nn.stacks import make_linear, outputs_of

__all__ = ["DenseEncoder", "EncodedRows", "RecVAE", "UserScaledELBO", "composite_log_density"]

_N_LAYERS = 5
_NORM_EPS = 0.1  # of the released code; large beside the variance of such small units
_WEIGHTS = 3 / 20, 3 / 4, 1 / 10  # of the released code
_WIDE = 10.0  # log-variance of the prior's widest component


@dataclass(frozen=True)
class EncodedRows:
    """A batch of training rows, with the codes that the encoder made at the last renewal.

    Parameters
    ----------
    rows : SparseRows
        B rows.
    mean, log_variance : Tensor of shape (B, latent_size)
        Their posterior under the encoder of the last renewal, without dropout.
    updates : {"encoder", "decoder"}
        The part that the batch is to train.
    """

    rows: SparseRows
    mean: Tensor
    log_variance: Tensor
    updates: Literal["encoder", "decoder"]

    def __len__(self) -> int:
        return len(self.rows)

    def to(self, device: str | torch.device) -> "EncodedRows":
        """Return the batch on a device.

        Parameters
        ----------
        device : str or torch.device
            Where to.

        Returns
        -------
        batch : EncodedRows
            The same batch there.
        """
        posterior = self.mean.to(device), self.log_variance.to(device)
        return EncodedRows(self.rows.to(device), *posterior, self.updates)

    def part(self, rows: slice) -> "EncodedRows":
        """Return some adjacent rows as a batch.

        Parameters
        ----------
        rows : slice
            Their places.

        Returns
        -------
        part : EncodedRows
            The rows.
        """
        posterior = self.mean[rows], self.log_variance[rows]
        return EncodedRows(self.rows.part(rows), *posterior, self.updates)

    def entries(self, rows: slice) -> slice:
        """Return where the stored entries of some adjacent rows are.

        Parameters
        ----------
        rows : slice
            Places of the rows.

        Returns
        -------
        entries : slice
            Places of their entries.
        """
        return self.rows.entries(rows)


class DenseEncoder(nn.Module):
    r"""Five densely connected layers from rows to a code.

    .. math:: h_l = \operatorname{LayerNorm}\Big(\operatorname{swish}\Big(W_l h_{l-1} + b_l
        + \sum_{j < l} h_j\Big)\Big)

    Parameters
    ----------
    n_items : int
        Number of columns.
    hidden_size : int
        Width of each layer.
    code_size : int
        Width of the output, which is linear.
    """

    def __init__(self, n_items: int, hidden_size: int, code_size: int) -> None:
        super().__init__()
        self.first = SparseLinear(n_items, hidden_size)
        layers = (make_linear(hidden_size, hidden_size) for _ in range(_N_LAYERS - 1))
        self.layers = nn.ModuleList(layers)
        norms = (nn.LayerNorm(hidden_size, eps=_NORM_EPS) for _ in range(_N_LAYERS))
        self.norms = nn.ModuleList(norms)
        self.code = make_linear(hidden_size, code_size)

    def forward(self, rows: SparseRows) -> Tensor:
        """Encode rows.

        Parameters
        ----------
        rows : SparseRows
            B rows.

        Returns
        -------
        code : Tensor of shape (B, code_size)
            The output.
        """
        first_norm, *norms = self.norms
        hidden = total = first_norm(F.silu(self.first(rows)))  # (B, hidden_size)
        for layer, norm in zip(self.layers, norms, strict=True):
            hidden = norm(F.silu(layer(hidden) + total))
            total = total + hidden
        return self.code(hidden)  # (B, code_size)


def _log_normal(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Compute the logarithm of the normal density of each coordinate."""
    distance = (z - mean).square() * torch.exp(-log_variance)
    return -0.5 * (distance + log_variance + math.log(2 * math.pi))


def composite_log_density(
    z: Tensor, mean: Tensor, log_variance: Tensor, weights: Sequence[float] = _WEIGHTS
) -> Tensor:
    r"""Compute the logarithm of the density of the composite prior.

    .. math:: \sum_k \log \big( w_1 N(z_k; 0, 1) + w_2 N(z_k; \mu_k, \sigma_k^2)
        + w_3 N(z_k; 0, e^{10}) \big)

    Each coordinate has a mixture of its own, as in the released code.

    Parameters
    ----------
    z : Tensor of shape (B, latent_size)
        Points.
    mean, log_variance : Tensor of shape (B, latent_size)
        The posterior that the prior remembers of each row.
    weights : tuple of float, default=(3 / 20, 3 / 4, 1 / 10)
        Weights of the components.

    Returns
    -------
    log_density : Tensor of shape (B,)
        One value for each row.
    """
    zero = torch.zeros_like(z)
    narrow, own = _log_normal(z, zero, zero), _log_normal(z, mean, log_variance)
    components = torch.stack([narrow, own, _log_normal(z, zero, zero + _WIDE)], dim=2)
    log_weights = z.new_tensor(weights).log()
    return torch.logsumexp(components + log_weights, dim=2).sum(dim=1)  # (B,)


class RecVAE(nn.Module):
    """Variational autoencoder of rows whose encoder and decoder are trained in turns.

    Parameters
    ----------
    n_items : int
        Number of columns.
    hidden_size : int, default=600
        Width of the encoder's five hidden layers.
    latent_size : int, default=200
        Width of the code.
    dropout : float, default=0.5
        Share of the input's entries that is dropped while the encoder is trained.
    """

    def __init__(
        self, n_items: int, hidden_size: int = 600, latent_size: int = 200, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.noise_size = latent_size
        self.encoder = DenseEncoder(n_items, hidden_size, 2 * latent_size)
        self.last = make_linear(latent_size, n_items)

    def posterior(self, rows: SparseRows) -> tuple[Tensor, Tensor]:
        """Compute the parameters of the code's distribution, without dropout.

        Parameters
        ----------
        rows : SparseRows
            B rows.

        Returns
        -------
        mean, log_variance : Tensor of shape (B, latent_size)
            Those of a diagonal Gaussian.
        """
        mean, log_variance = self.encoder(rows.normalized()).chunk(2, dim=1)
        return mean, log_variance

    def hidden(self, rows: SparseRows) -> Tensor:
        """Compute the input of the last layer outside training, the means of the codes.

        Parameters
        ----------
        rows : SparseRows
            B rows.

        Returns
        -------
        hidden : Tensor of shape (B, latent_size)
            The units, which the logits are linear in.
        """
        return self.posterior(rows)[0]

    def draw(self, rows: SparseRows, noise: Tensor) -> Tensor:
        """Sample codes.

        Parameters
        ----------
        rows : SparseRows
            B rows.
        noise : Tensor of shape (noise_size,) or (B, noise_size)
            Standard normal draws.

        Returns
        -------
        z : Tensor of shape (B, latent_size)
            The codes.
        """
        return sample(*self.posterior(rows), noise)

    def decode(self, z: Tensor, items: Tensor | None = None) -> Tensor:
        """Compute the logits of a code, of all items or of some.

        Parameters
        ----------
        z : Tensor of shape (B, latent_size)
            The code.
        items : Tensor of int64 of shape (m,), default=None
            Columns to return.

        Returns
        -------
        logits : Tensor of shape (B, n_items) or (B, m)
            The scores.
        """
        return outputs_of(self.last, z, items)  # (B, n_items) or (B, m)

    def forward(
        self, batch: SparseRows | EncodedRows, items: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Return logits: of the posterior's means, or of draws for a batch to train on.

        Parameters
        ----------
        batch : SparseRows or EncodedRows
            B rows; with codes, the batch trains one part and the other gets no gradient.
        items : Tensor of int64 of shape (m,), default=None
            Columns to return logits of (`SparseRows`).

        Returns
        -------
        logits : Tensor of shape (B, n_items) or (B, m)
            The scores.
        divergence : Tensor of shape (B,)
            One draw of log q(z | x) - log p(z | x); only of a batch that trains the encoder.
        """
        if isinstance(batch, SparseRows):
            mean, _ = self.posterior(batch)
            return (self.decode(mean, items),)
        if batch.updates == "decoder":
            return (self.decode(sample(batch.mean, batch.log_variance)),)
        return self._encoder_step(batch)

    def _encoder_step(self, batch: EncodedRows) -> tuple[Tensor, Tensor]:
        """Return logits and divergence; the decoder's weights are constants."""
        rows = batch.rows.normalized().dropped_out(self.dropout, training=True)
        posterior = self.encoder(rows).chunk(2, dim=1)
        z = sample(*posterior)
        logits = F.linear(z, self.last.weight.detach(), self.last.bias.detach())
        log_prior = composite_log_density(z, batch.mean, batch.log_variance)
        return logits, gaussian_log_density(z, *posterior) - log_prior


class UserScaledELBO(nn.Module):
    r"""Negative evidence lower bound with a divergence that weighs more for busier users.

    .. math:: \frac1B \sum_u -\sum_i x_{ui} \log \operatorname{softmax}(f_u)_i
        + \gamma \Big(\sum_i x_{ui}\Big) \operatorname{KL}_u

    Parameters
    ----------
    gamma : float, default=0.005
        Weight of the divergence for each interaction of the user.
    """

    def __init__(self, gamma: float = 0.005) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, output: tuple[Tensor, ...], rows: SparseRows) -> Tensor:
        """Compute the loss of a batch.

        Parameters
        ----------
        output : tuple of Tensor
            Logits of shape (B, n_items) and, if the encoder is trained, divergences of shape (B,).
        rows : SparseRows
            The batch.

        Returns
        -------
        loss : Tensor of shape ()
            Mean over the batch.
        """
        logits, *divergence = output
        loss = multinomial_nll(logits, rows)  # (B,)
        if divergence:
            loss = loss + self.gamma * rows.sum() * divergence[0]
        return loss.mean()
