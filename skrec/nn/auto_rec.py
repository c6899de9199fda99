"""Autoencoders of rows of ratings: AutoRec, and Mult-VAE and Mult-DAE with a squared error.

Sedhain, S., Menon, A. K., Sanner, S., & Xie, L. (2015). AutoRec: autoencoders meet collaborative
filtering. WWW. https://doi.org/10.1145/2740908.2742726
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from skrec.nn._row_kernels import stored_outputs
from skrec.nn.losses import observed_nll, standard_normal_kl
from skrec.nn.mult_vae import MultDAE, MultVAE, RowAutoencoder, sample
from skrec.nn.rows import SparseLinear, SparseRows
from skrec.nn.stacks import make_linear, outputs_of

__all__ = ["AutoRec", "ObservedELBO", "RatingDAE", "RatingVAE"]

_LEAST_NORM = 1e-12
_SHIFT = 0.25  # ratings 1 to 5 then enter as they are, up to a factor; none enters as 0
_START = 0.1  # of Xavier's weights of outputs: those of items with few ratings stay near them
_PRIOR_COUNT = 5  # ratings at the mean of all that a user's mean is smoothed with


class RatingScale(nn.Module):
    """The scale of ratings, which networks read as numbers from 0 to 1."""

    low: Tensor
    span: Tensor
    mean: Tensor
    last: nn.Linear

    def set_scale(self, low: float, high: float, mean: float) -> None:
        """Set the scale.

        Parameters
        ----------
        low, high : float
            Ends of the scale.
        mean : float
            Mean of all ratings.
        """
        span = high - low if high > low else 1.0
        for name, value in (("low", low), ("span", span), ("mean", mean)):
            if name not in self._buffers:
                self.register_buffer(name, torch.zeros(()))
            getattr(self, name).fill_(value)

    def scaled(self, rows: SparseRows, shift: float) -> SparseRows:
        """Return rows on the scale from 0 to 1, shifted.

        Parameters
        ----------
        rows : SparseRows
            B rows of ratings.
        shift : float
            A number that is added.

        Returns
        -------
        rows : SparseRows
            The numbers.
        """
        return replace(rows, values=(rows.values - self.low) / self.span + shift)

    def outputs(
        self,
        hidden: Tensor,
        rows: SparseRows,
        items: Tensor | None = None,
        at: SparseRows | None = None,
    ) -> Tensor:
        """Compute the outputs of the last layer from hidden units.

        Parameters
        ----------
        hidden : Tensor of shape (B, n_in)
            The units.
        rows : SparseRows
            B rows that were read.
        items : Tensor of int64 of shape (m,), default=None
            Columns to return.
        at : SparseRows, default=None
            B rows at whose stored entries alone outputs are wanted; in training ``rows``.

        Returns
        -------
        outputs : Tensor of shape (B, n_items), (B, m) or (nnz,)
            The outputs.
        """
        at = rows if self.training else at
        if at is not None:
            return stored_outputs(self.last, hidden, at)
        return outputs_of(self.last, hidden, items)


class AutoRec(RatingScale):
    r"""Autoencoder of rows of ratings (AutoRec).

    .. math:: \hat r = \sigma(W f(V x + \mu) + b)

    with f the rectifier, or layers of it, and :math:`\hat r` on the scale from 0 to 1.

    Parameters
    ----------
    n_items : int
        Number of columns.
    hidden_sizes : tuple of int, default=()
        Widths of the layers before the code; the decoder has them in reverse.
    latent_size : int, default=100
        Width of the code.
    dropout : float, default=0.0
        Share of the input's entries that is dropped in training.
    shift : float, default=0.25
        Number that is added to the ratings, scaled to [0, 1], that the encoder reads.
    normalize : bool, default=True
        Whether rows are then divided by their norms.
    low, high, mean : float
        Ends of the scale of the ratings, and their mean.
    """

    def __init__(
        self,
        n_items: int,
        hidden_sizes: Sequence[int] = (),
        latent_size: int = 100,
        dropout: float = 0.0,
        shift: float = _SHIFT,
        normalize: bool = True,
        low: float = 0.0,
        high: float = 1.0,
        mean: float = 0.5,
    ) -> None:
        super().__init__()
        self.dropout, self.shift, self.normalize = dropout, shift, normalize
        self.set_scale(low, high, mean)
        widths = [*hidden_sizes, latent_size, *reversed(hidden_sizes)]
        self.first = SparseLinear(n_items, widths[0])
        layers: list[nn.Module] = [nn.ReLU()]
        for n_in, n_out in pairwise(widths):
            layers += [make_linear(n_in, n_out), nn.ReLU()]
        self.rest = nn.Sequential(*layers)
        self.last = make_linear(widths[-1], n_items)

    def corrupt(self, rows: SparseRows) -> SparseRows:
        """Scale, shift and normalise rows, and drop entries out in training.

        Parameters
        ----------
        rows : SparseRows
            B rows of ratings.

        Returns
        -------
        rows : SparseRows
            The input of the first layer.
        """
        rows = self.scaled(rows, self.shift)
        if self.normalize:
            norms = rows.sum(rows.values.square()).sqrt().clamp(min=_LEAST_NORM)
            rows = replace(rows, values=rows.values / norms[rows.row])
        return rows.dropped_out(self.dropout, self.training)

    def codes(self, rows: SparseRows) -> Tensor:
        """Compute the hidden units before the last layer.

        Parameters
        ----------
        rows : SparseRows
            B rows of ratings.

        Returns
        -------
        hidden : Tensor of shape (B, n_hidden)
            The units.
        """
        return self.rest(self.first(self.corrupt(rows)))  # (B, n_hidden)

    def forward(
        self, rows: SparseRows, items: Tensor | None = None, at: SparseRows | None = None
    ) -> tuple[Tensor]:
        """Return ratings as a tuple of one, as models with a posterior return more.

        Parameters
        ----------
        rows : SparseRows
            B rows of ratings.
        items : Tensor of int64 of shape (m,), default=None
            Columns to return ratings of.
        at : SparseRows, default=None
            B rows at whose stored entries alone ratings are wanted; in training ``rows``.

        Returns
        -------
        output : tuple of Tensor
            Ratings of shape (B, n_items), (B, m) or (nnz,).
        """
        logits = self.outputs(self.codes(rows), rows, items, at)
        return (self.low + self.span * torch.sigmoid(logits),)


class RatedRows(RatingScale, RowAutoencoder):
    r"""Base of autoencoders whose outputs are deviations from the mean of each row.

    .. math:: \hat r_u = m_u + s f(z_u), \qquad m_u = \frac{5 m + \sum_i r_{ui}}{5 + n_u}

    with m the mean of all ratings and s the width of their scale.
    """

    def start_small(self) -> None:
        """Shrink the weights of the outputs, before training."""
        with torch.no_grad():
            self.last.weight.mul_(_START)

    def corrupt(self, rows: SparseRows) -> SparseRows:
        """Scale and shift rows as AutoRec does, then normalise them, and drop out in training.

        Parameters
        ----------
        rows : SparseRows
            B rows of ratings.

        Returns
        -------
        rows : SparseRows
            The input of the encoder.
        """
        return super().corrupt(self.scaled(rows, _SHIFT))

    def means(self, rows: SparseRows) -> Tensor:
        """Compute the smoothed mean of each row.

        Parameters
        ----------
        rows : SparseRows
            B rows of ratings.

        Returns
        -------
        means : Tensor of shape (B,)
            That of all ratings for an empty row.
        """
        return (rows.sum() + _PRIOR_COUNT * self.mean) / (rows.offsets.diff() + _PRIOR_COUNT)

    def decode(self, z: Tensor, items: Tensor | None = None) -> Tensor:
        """Compute the deviations of a code from the mean of its row.

        Parameters
        ----------
        z : Tensor of shape (B, latent_size)
            The code.
        items : Tensor of int64 of shape (m,), default=None
            Columns to return.

        Returns
        -------
        deviations : Tensor of shape (B, n_items) or (B, m)
            In ratings.
        """
        return self.span * super().decode(z, items)

    def ratings(
        self,
        z: Tensor,
        rows: SparseRows,
        items: Tensor | None = None,
        at: SparseRows | None = None,
    ) -> Tensor:
        """Compute the ratings of a code: of all items, of some, or at stored entries.

        Parameters
        ----------
        z : Tensor of shape (B, latent_size)
            The code.
        rows : SparseRows
            B rows of ratings that were read.
        items : Tensor of int64 of shape (m,), default=None
            Columns to return.
        at : SparseRows, default=None
            B rows at whose stored entries alone ratings are wanted; in training ``rows``.

        Returns
        -------
        ratings : Tensor of shape (B, n_items), (B, m) or (nnz,)
            The ratings.
        """
        at = rows if self.training else at
        means = self.means(rows)
        means = means[:, None] if at is None else means[at.row]
        return means + self.span * self.outputs(self.decoder(z), rows, items, at)


class RatingVAE(RatedRows, MultVAE):
    """Variational autoencoder of rows of ratings: Mult-VAE with a squared error.

    Parameters
    ----------
    n_items : int
        Number of columns.
    hidden_sizes : tuple of int, default=()
        Widths of the encoder's hidden layers; the decoder has them in reverse.
    latent_size : int, default=100
        Width of the code.
    dropout : float, default=0.5
        Share of the input's entries that is dropped in training.
    low, high, mean : float
        Ends of the scale of the ratings, and their mean.
    """

    def __init__(
        self,
        n_items: int,
        hidden_sizes: Sequence[int] = (),
        latent_size: int = 100,
        dropout: float = 0.5,
        low: float = 0.0,
        high: float = 1.0,
        mean: float = 0.5,
    ) -> None:
        super().__init__(n_items, hidden_sizes, latent_size, dropout)
        self.set_scale(low, high, mean)
        self.start_small()

    def forward(
        self, rows: SparseRows, items: Tensor | None = None, at: SparseRows | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return ratings, mean and log-variance; the code is the mean outside training.

        Parameters
        ----------
        rows : SparseRows
            B rows of ratings.
        items : Tensor of int64 of shape (m,), default=None
            Columns to return ratings of.
        at : SparseRows, default=None
            B rows at whose stored entries alone ratings are wanted; in training ``rows``.

        Returns
        -------
        ratings : Tensor of shape (B, n_items), (B, m) or (nnz,)
            The ratings.
        mean, log_variance : Tensor of shape (B, latent_size)
            The posterior.
        """
        mean, log_variance = self.posterior(rows)
        z = sample(mean, log_variance) if self.training else mean
        return self.ratings(z, rows, items, at), mean, log_variance


class RatingDAE(RatedRows, MultDAE):
    """Denoising autoencoder of rows of ratings: Mult-DAE with a squared error.

    Parameters
    ----------
    n_items : int
        Number of columns.
    hidden_sizes : tuple of int, default=()
        Widths of the encoder's hidden layers; the decoder has them in reverse.
    latent_size : int, default=100
        Width of the code.
    dropout : float, default=0.5
        Share of the input's entries that is dropped in training.
    low, high, mean : float
        Ends of the scale of the ratings, and their mean.
    """

    def __init__(
        self,
        n_items: int,
        hidden_sizes: Sequence[int] = (),
        latent_size: int = 100,
        dropout: float = 0.5,
        low: float = 0.0,
        high: float = 1.0,
        mean: float = 0.5,
    ) -> None:
        super().__init__(n_items, hidden_sizes, latent_size, dropout)
        self.set_scale(low, high, mean)
        self.start_small()

    def forward(
        self, rows: SparseRows, items: Tensor | None = None, at: SparseRows | None = None
    ) -> tuple[Tensor]:
        """Return ratings as a tuple of one.

        Parameters
        ----------
        rows : SparseRows
            B rows of ratings.
        items : Tensor of int64 of shape (m,), default=None
            Columns to return ratings of.
        at : SparseRows, default=None
            B rows at whose stored entries alone ratings are wanted; in training ``rows``.

        Returns
        -------
        output : tuple of Tensor
            Ratings of shape (B, n_items), (B, m) or (nnz,).
        """
        return (self.ratings(self.code(rows), rows, items, at),)


class ObservedELBO(nn.Module):
    r"""Negative evidence lower bound with a squared error, as a mean over the batch.

    .. math:: \frac1B \sum_u \tfrac12 \sum_{i \in R_u} \Big( \frac{r_{ui} - \hat r_{ui}}{s} \Big)^2
        + \beta \operatorname{KL}(q(z_u \mid x_u) \,\|\, N(0, I))

    Parameters
    ----------
    span : float, default=1.0
        Width s of the scale of the ratings.

    Attributes
    ----------
    beta : float
        Weight of the divergence; annealing changes it.
    """

    def __init__(self, span: float = 1.0) -> None:
        super().__init__()
        self.span = span
        self.beta = 0.0

    def forward(self, output: tuple[Tensor, ...], rows: SparseRows) -> Tensor:
        """Compute the loss of a batch.

        Parameters
        ----------
        output : tuple of Tensor
            The output of the model: ratings of the stored entries, of shape (nnz,); and, if it is
            variational, mean and log-variance.
        rows : SparseRows
            The batch.

        Returns
        -------
        loss : Tensor of shape ()
            Mean over the batch.
        """
        predicted, *posterior = output
        loss = observed_nll(predicted, rows) / self.span**2  # (B,)
        if posterior:
            loss = loss + self.beta * standard_normal_kl(*posterior)
        return loss.mean()
