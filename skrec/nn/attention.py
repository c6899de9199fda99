"""Attention of vectors to the embeddings that their rows have."""

import torch
from torch import Tensor, nn

from skrec.nn._row_kernels import stored_products, weighted_sums
from skrec.nn.rows import SparseRows, xavier_

__all__ = ["EmbeddingAttention"]

_FIRST_SHARE = 0.01  # of the attended mean in a joined vector, at the start
_LEAST_SHARE = 0.1  # of the sum of sizes that a sum of raw weights counts at least
_LEAST_TOTAL = 1e-2


class EmbeddingAttention(nn.Module):
    r"""Join vectors with a weighted mean of the embeddings that their rows have.

    .. math:: a_{ij} = \operatorname{softmax}_j (\mu_i \Theta v_j^\top), \qquad
        c_i = \sum_j a_{ij} v_j, \qquad \mu_i \leftarrow [\mu_i; c_i] A + b

    Jin, Y., et al. (2021), eq. 9 and 10, with a softmax where they divide raw weights by their sum,
    which may be near zero.

    Parameters
    ----------
    n_factors : int
        Width of vectors and embeddings.
    over : {"rated", "all"}, default="rated"
        Whether a vector attends to the embeddings of its row, or to all embeddings.
    merge : {"concat", "add"}, default="concat"
        Whether the mean is joined by a linear layer on both, or added.
    normalization : {"softmax", "ratio"}, default="softmax"
        ``"ratio"`` is eq. 9; where raw weights cancel, so that their sum is less than a tenth of
        the sum of their sizes, or than 0.01, it counts as that.
    """

    def __init__(
        self,
        n_factors: int,
        over: str = "rated",
        merge: str = "concat",
        normalization: str = "softmax",
    ) -> None:
        super().__init__()
        self.over = over
        self.normalization = normalization
        self.theta = nn.Parameter(torch.empty(n_factors, n_factors))
        xavier_(self.theta)
        self.merge = None
        if merge == "concat":
            self.merge = nn.Linear(2 * n_factors, n_factors)
            with torch.no_grad():  # starts as almost the vector itself
                self.merge.weight[:, :n_factors] = torch.eye(n_factors)
                self.merge.weight[:, n_factors:] *= _FIRST_SHARE
            nn.init.zeros_(self.merge.bias)

    def forward(self, vectors: Tensor, rows: SparseRows, embeddings: Tensor) -> Tensor:
        """Join vectors with the means of the embeddings that they attend to.

        Parameters
        ----------
        vectors : Tensor of shape (B, n_factors)
            One vector for each row.
        rows : SparseRows
            B rows; where they have entries counts, not their values.
        embeddings : Tensor of shape (n_columns, n_factors)
            The embeddings.

        Returns
        -------
        vectors : Tensor of shape (B, n_factors)
            The joined vectors.
        """
        attended = self.attend(vectors, rows, embeddings)
        if self.merge is None:
            return vectors + attended
        return self.merge(torch.cat([vectors, attended], dim=1))  # (B, n_factors)

    def attend(self, vectors: Tensor, rows: SparseRows, embeddings: Tensor) -> Tensor:
        """Compute the weighted means c.

        Parameters
        ----------
        vectors : Tensor of shape (B, n_factors)
            One vector for each row.
        rows : SparseRows
            B rows.
        embeddings : Tensor of shape (n_columns, n_factors)
            The embeddings.

        Returns
        -------
        attended : Tensor of shape (B, n_factors)
            The means; zero for an empty row that attends to its own embeddings.
        """
        asked = vectors @ self.theta  # (B, n_factors)
        if self.over == "all":
            return self._normalized(asked @ embeddings.T) @ embeddings
        scores = stored_products(asked, embeddings, rows)  # (nnz,)
        weights = self._normalized_by_row(scores, rows.row, len(rows))
        return weighted_sums(rows, weights, embeddings)

    def _normalized(self, scores: Tensor) -> Tensor:
        """Return weights of each row, of shape (B, n_columns)."""
        if self.normalization == "softmax":
            return scores.softmax(dim=1)
        sizes = scores.abs().sum(dim=1, keepdim=True)
        return scores / _guarded(scores.sum(dim=1, keepdim=True), sizes)

    def _normalized_by_row(self, scores: Tensor, row: Tensor, n_rows: int) -> Tensor:
        """Return weights of each stored entry, of shape (nnz,)."""
        zeros = scores.new_zeros(n_rows)
        if self.normalization == "softmax":
            highest = zeros.scatter_reduce(0, row, scores.detach(), "amax", include_self=False)
            scores = (scores - highest[row]).exp()
            return scores / zeros.index_add(0, row, scores)[row]
        sizes = zeros.index_add(0, row, scores.abs())
        return scores / _guarded(zeros.index_add(0, row, scores), sizes)[row]


def _guarded(totals: Tensor, sizes: Tensor) -> Tensor:
    """Keep sums away from zero, with their signs."""
    least = (_LEAST_SHARE * sizes).clamp(min=_LEAST_TOTAL)
    return torch.where(totals < 0, -1.0, 1.0) * torch.maximum(totals.abs(), least)
