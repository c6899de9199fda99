"""Autoencoders of rows with a mixture of their own posteriors as prior: EVCF.

Kim, D., & Suh, B. (2019). Enhancing VAEs for collaborative filtering: flexible priors & gating
mechanisms. RecSys. https://doi.org/10.1145/3298689.3347015

Tomczak, J. M., & Welling, M. (2018). VAE with a VampPrior. AISTATS.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from skrec.nn.losses import gaussian_kl, gaussian_log_density, mixture_log_density
from skrec.nn.mult_vae import RowAutoencoder, sample
from skrec.nn.rows import SparseRows
from skrec.nn.stacks import RowEncoder, make_hidden, make_linear

__all__ = ["HierarchicalVampVAE", "VampVAE"]

_LOG_VARIANCE = -12.0, 4.0  # the bounds of the released code
_START = 0.05, 0.01  # mean and deviation of the pseudo-inputs' entries


def _gaussian(code: Tensor) -> tuple[Tensor, Tensor]:
    """Split a code into mean and bounded log-variance, each of shape (B, latent_size)."""
    mean, log_variance = code.chunk(2, dim=1)
    return mean, log_variance.clamp(*_LOG_VARIANCE)


class VampVAE(RowAutoencoder):
    r"""Variational autoencoder under a mixture of posteriors (Vamp; section 3.1.2).

    .. math:: p(z) = \frac1K \sum_k q(z \mid u_k)

    with trainable rows :math:`u_k`, the pseudo-inputs.

    Parameters
    ----------
    n_items : int
        Number of columns.
    hidden_sizes : tuple of int, default=(600,)
        Widths of the encoder's hidden layers; the decoder has them in reverse.
    latent_size : int, default=200
        Width of the code.
    dropout : float, default=0.5
        Share of the input's entries that is dropped in training.
    gated : bool, default=False
        Whether hidden units are gated linear units; else they are tanh.
    n_pseudo_inputs : int, default=1000
        Number of components K.
    """

    _n_codes = 1

    def __init__(
        self,
        n_items: int,
        hidden_sizes: Sequence[int] = (600,),
        latent_size: int = 200,
        dropout: float = 0.5,
        gated: bool = False,
        n_pseudo_inputs: int = 1000,
    ) -> None:
        code_size = self._n_codes * latent_size
        super().__init__(n_items, hidden_sizes, code_size, 2 * latent_size, dropout, gated)
        self.noise_size = code_size
        self.pseudo_inputs = nn.Parameter(torch.empty(n_pseudo_inputs, n_items))
        nn.init.normal_(self.pseudo_inputs, *_START)

    def prior(self) -> tuple[Tensor, Tensor]:
        """Compute the components of the prior, after pseudo-inputs are clamped to [0, 1].

        Returns
        -------
        means, log_variances : Tensor of shape (K, latent_size)
            Gaussians of equal weight.
        """
        self._clamp()
        return _gaussian(self.encoder.dense(self.pseudo_inputs))

    def _clamp(self) -> None:
        with torch.no_grad():
            self.pseudo_inputs.clamp_(0, 1)

    def decode_prior(self) -> Tensor:
        """Decode the means of the components.

        Returns
        -------
        logits : Tensor of shape (K, n_items)
            The scores.
        """
        return self.decode(self.prior()[0])

    def posterior(self, rows: SparseRows) -> tuple[Tensor, Tensor]:
        """Compute the distribution of the code whose prior is the mixture.

        Parameters
        ----------
        rows : SparseRows
            B rows.

        Returns
        -------
        mean, log_variance : Tensor of shape (B, latent_size)
            Those of a diagonal Gaussian.
        """
        return _gaussian(self.encode(rows))

    def draw(self, rows: SparseRows, noise: Tensor) -> Tensor:
        """Sample codes.

        Parameters
        ----------
        rows : SparseRows
            B rows.
        noise : Tensor of shape (noise_size,) or (B, noise_size)
            Standard normal draws; zeros give the means.

        Returns
        -------
        z : Tensor of shape (B, noise_size)
            The codes.
        """
        return sample(*self.posterior(rows), noise)

    def code(self, rows: SparseRows) -> Tensor:
        """Compute the means of the codes.

        Parameters
        ----------
        rows : SparseRows
            B rows.

        Returns
        -------
        z : Tensor of shape (B, noise_size)
            The codes.
        """
        return self.draw(rows, self.last.weight.new_zeros(self.noise_size))

    def forward(self, rows: SparseRows, items: Tensor | None = None) -> tuple[Any, ...]:
        """Return logits and, in training, a draw of the divergence; else codes are means.

        Parameters
        ----------
        rows : SparseRows
            B rows.
        items : Tensor of int64 of shape (m,), default=None
            Columns to return logits of.

        Returns
        -------
        logits : Tensor of shape (B, n_items) or (B, m), or SampledLogits
            The scores.
        divergence : Tensor of shape (B,)
            One draw of log q(z | x) - log p(z); only in training.
        """
        if not self.training:
            return (self.decode(self.code(rows), items),)
        z, divergence = self.sample_with_divergence(self.corrupt(rows))
        return self.outputs(z, rows, items), divergence

    def sample_with_divergence(self, rows: SparseRows) -> tuple[Tensor, Tensor]:
        """Sample codes of rows that are corrupted already.

        Parameters
        ----------
        rows : SparseRows
            B rows.

        Returns
        -------
        z : Tensor of shape (B, noise_size)
            The codes.
        divergence : Tensor of shape (B,)
            That of the posterior from the prior, by this draw.
        """
        self._clamp()
        posterior, prior = map(_gaussian, self.encoder.with_dense(rows, self.pseudo_inputs))
        z = sample(*posterior)
        return z, gaussian_log_density(z, *posterior) - mixture_log_density(z, *prior)


class HierarchicalVampVAE(VampVAE):
    r"""Two layers of codes under a mixture of posteriors (H+Vamp; section 3.1.3).

    .. math:: q(z_1 \mid x, z_2) \, q(z_2 \mid x), \qquad
        p(x \mid z_1, z_2) \, p(z_1 \mid z_2) \, \frac1K \sum_k q(z_2 \mid u_k)

    Where two vectors are read, the first hidden layer reads them side by side.

    Parameters
    ----------
    n_items : int
        Number of columns.
    hidden_sizes : tuple of int, default=(600,)
        Widths of the encoders' hidden layers; the decoder and the prior of the first code have
        them in reverse.
    latent_size : int, default=200
        Width of each code.
    dropout : float, default=0.5
        Share of the input's entries that is dropped in training.
    gated : bool, default=False
        Whether hidden units are gated linear units; else they are tanh.
    n_pseudo_inputs : int, default=1000
        Number of components K.
    """

    _n_codes = 2

    def __init__(
        self,
        n_items: int,
        hidden_sizes: Sequence[int] = (600,),
        latent_size: int = 200,
        dropout: float = 0.5,
        gated: bool = False,
        n_pseudo_inputs: int = 1000,
    ) -> None:
        super().__init__(n_items, hidden_sizes, latent_size, dropout, gated, n_pseudo_inputs)
        self.first_encoder = RowEncoder(n_items, hidden_sizes, 2 * latent_size, gated, latent_size)
        widths = [latent_size, *reversed(hidden_sizes)]
        self.first_prior = make_hidden(widths, gated)
        self.first_prior.append(make_linear(widths[-1], 2 * latent_size))

    def draw(self, rows: SparseRows, noise: Tensor) -> Tensor:
        """Sample codes.

        Parameters
        ----------
        rows : SparseRows
            B rows.
        noise : Tensor of shape (noise_size,) or (B, noise_size)
            Standard normal draws; zeros give the means.

        Returns
        -------
        z : Tensor of shape (B, noise_size)
            Both codes of each row, the first one first.
        """
        first, second = noise.chunk(2, dim=-1)
        rows = self.corrupt(rows)
        z2 = sample(*_gaussian(self.encoder(rows)), second)
        z1 = sample(*_gaussian(self.first_encoder(rows, z2)), first)
        return torch.cat([z1, z2], dim=1)

    def decode_prior(self) -> Tensor:
        """Decode the means of the components.

        Returns
        -------
        logits : Tensor of shape (K, n_items)
            The scores.
        """
        z2, _ = self.prior()
        z1, _ = _gaussian(self.first_prior(z2))
        return self.decode(torch.cat([z1, z2], dim=1))

    def sample_with_divergence(self, rows: SparseRows) -> tuple[Tensor, Tensor]:
        """Sample codes of rows that are corrupted already.

        Parameters
        ----------
        rows : SparseRows
            B rows.

        Returns
        -------
        z : Tensor of shape (B, noise_size)
            The codes.
        divergence : Tensor of shape (B,)
            Of the second code by this draw, of the first one in closed form given the second.
        """
        z2, divergence = super().sample_with_divergence(rows)
        posterior = _gaussian(self.first_encoder(rows, z2))
        divergence = divergence + gaussian_kl(*posterior, *_gaussian(self.first_prior(z2)))
        return torch.cat([sample(*posterior), z2], dim=1), divergence
