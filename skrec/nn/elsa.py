"""ELSA: a linear autoencoder of items on the unit sphere, and its loss.

Vancura, V., Alves, R., Kasalicky, P., & Kordik, P. (2022). Scalable linear shallow autoencoder for
collaborative filtering. RecSys. https://doi.org/10.1145/3523227.3551482
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec.nn.rows import SparseRows, row_product, xavier_

__all__ = ["ELSA", "CosineReconstruction"]

_LISTS = 32  # rows of which the vectors of lists of items are gathered at once
_LEAST_SQUARE = 1e-12  # of a reconstruction: one of zeros has no direction


class ELSA(nn.Module):
    r"""Encode a row by the unit vectors of its items, decode it, and take the row away.

    .. math:: f(x) = x A A^\top - x, \qquad \lVert a_i \rVert = 1

    Parameters
    ----------
    n_items : int
        Number of columns.
    latent_size : int, default=256
        Length of the vectors.
    dropout : float, default=0.0
        Share of the input's entries that is dropped in training.
    """

    def __init__(self, n_items: int, latent_size: int = 256, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        self.weight = nn.Parameter(torch.empty(n_items, latent_size))
        xavier_(self.weight)

    def vectors(self) -> Tensor:
        """Return the vectors A of the items.

        Returns
        -------
        vectors : Tensor of shape (n_items, latent_size)
            Of norm 1.
        """
        return F.normalize(self.weight, dim=1)

    def forward(self, rows: SparseRows, items: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the scores of rows, as a tuple of one; in training what the loss reads.

        Parameters
        ----------
        rows : SparseRows
            B rows, whose columns increase.
        items : Tensor of int64 of shape (m,) or (B, m), default=None
            Columns to return scores of; not in training. Those of -1 have any score.

        Returns
        -------
        output : tuple of Tensor
            Scores of shape (B, n_items) or (B, m). In training vectors of shape (n_items,
            latent_size), and with dropout the values of the input, of shape (nnz,).
        """
        vectors = self.vectors()  # (n_items, latent_size)
        if self.training:
            dropped = [rows.dropped_out(self.dropout, True).values] if self.dropout else []
            return vectors, *dropped
        return (self._scores(rows, vectors, items),)

    def _scores(self, rows: SparseRows, vectors: Tensor, items: Tensor | None) -> Tensor:
        codes = row_product(rows, vectors)  # (B, latent_size)
        if items is None:
            scores = codes @ vectors.T  # (B, n_items)
            return scores.index_put_((rows.row, rows.indices), -rows.values, accumulate=True)
        if items.dim() == 1:
            scores = codes @ vectors[items].T  # (B, m)
        else:
            parts = zip(codes.split(_LISTS), items.split(_LISTS), strict=True)
            scores = torch.cat([_products(code, vectors[some]) for code, some in parts])  # (B, m)
        return scores - _entries(rows, items.expand(scores.shape), len(vectors))


def _products(codes: Tensor, vectors: Tensor) -> Tensor:  # (b, size), (b, m, size) -> (b, m)
    return torch.bmm(vectors, codes[:, :, None])[:, :, 0]


def _entries(rows: SparseRows, items: Tensor, n_items: int) -> Tensor:
    """Return the entries of rows, whose columns increase, at some items of each: (B, m)."""
    if not len(rows.indices):
        return rows.values.new_zeros(items.shape)
    keys = rows.row * n_items + rows.indices  # (nnz,)
    wanted = torch.arange(len(rows), device=items.device)[:, None] * n_items + items  # (B, m)
    places = torch.searchsorted(keys, wanted).clamp_(max=len(keys) - 1)
    return rows.values[places] * (keys[places] == wanted)


class CosineReconstruction(nn.Module):
    r"""Squared distance of rows and their reconstructions on the unit sphere.

    .. math:: \frac1B \sum_u \Big\lVert \frac{f(x_u)}{\lVert f(x_u) \rVert}
        - \frac{x_u}{\lVert x_u \rVert} \Big\rVert^2
        = \frac1B \sum_u 2 - 2 \cos(f(x_u), x_u)

    It is computed from codes: with :math:`z = \tilde x A` of the input :math:`\tilde x`

    .. math:: f^\top x = z^\top (x A) - \tilde x^\top x, \qquad
        \lVert f \rVert^2 = z^\top (A^\top A) z - 2 z^\top z + \tilde x^\top \tilde x,

    so that nothing of the size of a batch times the catalogue is made.
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, output: tuple[Tensor, ...], rows: SparseRows) -> Tensor:
        """Compute the loss of a batch.

        Parameters
        ----------
        output : tuple of Tensor
            Vectors of items of shape (n_items, latent_size), and the values of the input, of shape
            (nnz,), where they are not those of ``rows``.
        rows : SparseRows
            The B rows.

        Returns
        -------
        loss : Tensor of shape ()
            Mean over the rows that have something.
        """
        vectors, *dropped = output
        codes = whole = row_product(rows, vectors)  # (B, latent_size)
        values = rows.values
        if dropped:
            (values,) = dropped
            codes = row_product(SparseRows(rows.indices, rows.offsets, values), vectors)
        along = (codes * whole).sum(1) - rows.sum(values * rows.values)  # (B,)
        squares = ((codes @ (vectors.T @ vectors)) * codes).sum(1) - 2 * codes.square().sum(1)
        squares = (squares + rows.sum(values.square())).clamp_min(_LEAST_SQUARE)
        norms = rows.sum(rows.values.square()).clamp_min(_LEAST_SQUARE)
        losses = 2 - 2 * along / (squares * norms).sqrt()
        filled = rows.offsets.diff() > 0
        return losses[filled].sum() / filled.sum().clamp_min(1)
