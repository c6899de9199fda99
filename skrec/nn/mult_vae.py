"""Autoencoders of whole rows with a multinomial, Gaussian or logistic likelihood.

Liang, D., Krishnan, R. G., Hoffman, M. D., & Jebara, T. (2018). Variational autoencoders for
collaborative filtering. WWW. https://doi.org/10.1145/3178876.3186150
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from skrec.nn._random import randn_like
from skrec.nn.losses import multinomial_nll, standard_normal_kl
from skrec.nn.rows import SampledRows, SparseRows
from skrec.nn.sampled_softmax import SampledLogits, sampled_outputs
from skrec.nn.stacks import RowEncoder, make_hidden, make_linear, outputs_of

__all__ = ["ELBO", "MultDAE", "MultVAE", "RowAutoencoder", "sample"]


class RowAutoencoder(nn.Module):
    """Encoder, decoder and the corruption of the input, shared by autoencoders of rows.

    Parameters
    ----------
    n_items : int
        Number of columns.
    hidden_sizes : tuple of int
        Widths of the encoder's hidden layers; the decoder has them in reverse.
    latent_size : int
        Width of the code.
    code_size : int
        Width of the encoder's output.
    dropout : float
        Share of the input's entries that is dropped in training.
    gated : bool, default=False
        Whether hidden units are gated linear units; else they are tanh.
    """

    def __init__(
        self,
        n_items: int,
        hidden_sizes: Sequence[int],
        latent_size: int,
        code_size: int,
        dropout: float,
        gated: bool = False,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.encoder = RowEncoder(n_items, hidden_sizes, code_size, gated)
        widths = [latent_size, *reversed(hidden_sizes)]
        self.decoder = make_hidden(widths, gated)
        self.last = make_linear(widths[-1], n_items)

    def encode(self, rows: SparseRows) -> Tensor:
        """Normalise, drop out and encode.

        Parameters
        ----------
        rows : SparseRows
            B rows.

        Returns
        -------
        code : Tensor of shape (B, code_size)
            The output of the encoder, without activation.
        """
        return self.encoder(self.corrupt(rows))  # (B, code_size)

    def corrupt(self, rows: SparseRows) -> SparseRows:
        """Normalise, and drop out in training.

        Parameters
        ----------
        rows : SparseRows
            B rows.

        Returns
        -------
        rows : SparseRows
            The input of the encoder.
        """
        return rows.normalized().dropped_out(self.dropout, self.training)

    def code(self, rows: SparseRows) -> Tensor:
        """Compute the codes of rows outside training, of a posterior its means.

        Parameters
        ----------
        rows : SparseRows
            B rows.

        Returns
        -------
        z : Tensor of shape (B, latent_size)
            What is decoded.
        """
        raise NotImplementedError

    def hidden(self, rows: SparseRows) -> Tensor:
        """Compute the input of the last layer outside training.

        Parameters
        ----------
        rows : SparseRows
            B rows.

        Returns
        -------
        hidden : Tensor of shape (B, hidden_sizes[0])
            The units, which the logits are linear in.
        """
        return self.decoder(self.code(rows))

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
        hidden = self.decoder(z)  # (B, hidden_sizes[0])
        return outputs_of(self.last, hidden, items)  # (B, n_items) or (B, m)

    def outputs(
        self, z: Tensor, rows: SparseRows, items: Tensor | None = None
    ) -> Tensor | SampledLogits:
        """Compute the logits of the codes of rows, as far as their loss reads them.

        Parameters
        ----------
        z : Tensor of shape (B, latent_size)
            The codes.
        rows : SparseRows
            The B rows.
        items : Tensor of int64 of shape (m,), default=None
            Columns to return.

        Returns
        -------
        logits : Tensor of shape (B, n_items) or (B, m), or SampledLogits
            The scores; of `SampledRows` those of stored entries and of sampled items.
        """
        if isinstance(rows, SampledRows):
            return sampled_outputs(self.last, self.decoder(z), rows)
        return self.decode(z, items)


def sample(mean: Tensor, log_variance: Tensor, noise: Tensor | None = None) -> Tensor:
    """Sample codes by the reparameterisation.

    Parameters
    ----------
    mean, log_variance : Tensor of shape (B, latent_size)
        The posterior.
    noise : Tensor of shape (latent_size,) or (B, latent_size), default=None
        Standard normal draws; None draws them.

    Returns
    -------
    z : Tensor of shape (B, latent_size)
        The codes.
    """
    noise = randn_like(mean) if noise is None else noise
    return mean + noise * torch.exp(0.5 * log_variance)


class MultVAE(RowAutoencoder):
    """Variational autoencoder of rows (Mult-VAE, sections 2.1 and 2.2).

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
    """

    def __init__(
        self,
        n_items: int,
        hidden_sizes: Sequence[int] = (600,),
        latent_size: int = 200,
        dropout: float = 0.5,
        gated: bool = False,
    ) -> None:
        super().__init__(n_items, hidden_sizes, latent_size, 2 * latent_size, dropout, gated)
        self.noise_size = latent_size

    def posterior(self, rows: SparseRows) -> tuple[Tensor, Tensor]:
        """Compute the parameters of the code's distribution.

        Parameters
        ----------
        rows : SparseRows
            B rows.

        Returns
        -------
        mean, log_variance : Tensor of shape (B, latent_size)
            Those of a diagonal Gaussian.
        """
        mean, log_variance = self.encode(rows).chunk(2, dim=1)
        return mean, log_variance

    def code(self, rows: SparseRows) -> Tensor:
        """Compute the means of the posteriors.

        Parameters
        ----------
        rows : SparseRows
            B rows.

        Returns
        -------
        z : Tensor of shape (B, latent_size)
            The codes.
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

    def forward(
        self, rows: SparseRows, items: Tensor | None = None
    ) -> tuple[Tensor | SampledLogits, Tensor, Tensor]:
        """Return logits, mean and log-variance; the code is the mean outside training.

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
        mean, log_variance : Tensor of shape (B, latent_size)
            The posterior.
        """
        mean, log_variance = self.posterior(rows)
        z = sample(mean, log_variance) if self.training else mean
        return self.outputs(z, rows, items), mean, log_variance


class MultDAE(RowAutoencoder):
    """Denoising autoencoder of rows (Mult-DAE, section 2.3).

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
    """

    def __init__(
        self,
        n_items: int,
        hidden_sizes: Sequence[int] = (600,),
        latent_size: int = 200,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(n_items, hidden_sizes, latent_size, latent_size, dropout)

    def code(self, rows: SparseRows) -> Tensor:
        """Compute the codes.

        Parameters
        ----------
        rows : SparseRows
            B rows.

        Returns
        -------
        z : Tensor of shape (B, latent_size)
            The codes.
        """
        return torch.tanh(self.encode(rows))

    def forward(
        self, rows: SparseRows, items: Tensor | None = None
    ) -> tuple[Tensor | SampledLogits]:
        """Return logits as a tuple of one, so that both models have the same criterion.

        Parameters
        ----------
        rows : SparseRows
            B rows.
        items : Tensor of int64 of shape (m,), default=None
            Columns to return logits of.

        Returns
        -------
        output : tuple of Tensor or SampledLogits
            Logits of shape (B, n_items) or (B, m).
        """
        return (self.outputs(self.code(rows), rows, items),)


class ELBO(nn.Module):
    r"""Negative evidence lower bound with a weight on the divergence, as a mean over the batch.

    .. math:: \frac1B \sum_u -\log p(x_u \mid z_u)
        + \beta \operatorname{KL}(q(z_u \mid x_u) \,\|\, p(z))

    Parameters
    ----------
    nll : callable, default=multinomial_nll
        Negative log-likelihood of rows: takes logits and `SparseRows`, and returns a loss for each
        row, such as `logistic_nll`.

    Attributes
    ----------
    beta : float
        Weight of the divergence; annealing changes it.
    """

    def __init__(self, nll: Callable[[Any, Any], Tensor] = multinomial_nll) -> None:
        super().__init__()
        self.beta = 0.0
        self.nll = nll

    def forward(self, output: tuple[Any, ...], rows: SparseRows) -> Tensor:
        """Compute the loss of a batch.

        Parameters
        ----------
        output : tuple of Tensor
            The output of the model: logits; and, if it is variational, the divergence of each row,
            of shape (B,), or mean and log-variance where the prior is N(0, I).
        rows : SparseRows
            The batch.

        Returns
        -------
        loss : Tensor of shape ()
            Mean over the batch.
        """
        logits, *posterior = output
        loss = self.nll(logits, rows)  # (B,)
        if posterior:
            divergence = posterior[0] if len(posterior) == 1 else standard_normal_kl(*posterior)
            loss = loss + self.beta * divergence
        return loss.mean()
