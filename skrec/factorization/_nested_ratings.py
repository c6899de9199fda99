"""What encoders of users and items that read each other are trained for, on ratings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from skrec.neural import hold_out_ratings, watch_rmse
from skrec.neural.objectives import Ratings
from skrec.nn import CrossFeedbackVAE, RatingELBO, SideEncoder
from skrec.training import NestedBatches, RankingValidation, encode_side
from skrec.typing import Array, CSRMatrix
from skrec.utils import row_of_entry

if TYPE_CHECKING:
    from skrec.factorization._cross_feedback import CrossFeedbackBMF

__all__ = ["NestedRatings", "encoded", "settled"]

_ROUNDS = 2  # in which posteriors settle

Gaussians = tuple[Tensor, Tensor]


class NestedRatings(Ratings):
    """The evidence lower bound of ratings, over every batch of users and every batch of items."""

    def network(self, estimator: CrossFeedbackBMF) -> dict[str, Any]:
        return {
            "criterion": RatingELBO,
            "criterion__beta_user": estimator.beta_user,
            "criterion__beta_item": estimator.beta_item,
        }

    def hold_out(
        self, estimator: CrossFeedbackBMF, X: CSRMatrix, rng: np.random.RandomState
    ) -> tuple[CSRMatrix, CSRMatrix | None]:
        X, targets = hold_out_ratings(estimator, X, rng)
        return X, targets if targets.nnz else None

    def batches(
        self, estimator: CrossFeedbackBMF, X: CSRMatrix, rng: np.random.RandomState
    ) -> NestedBatches:
        sizes = estimator.batch_size, estimator.item_batch_size
        return NestedBatches(
            X, *sizes, rng, estimator.rating_mean_, estimator.iteration == "nested"
        )

    def watch(
        self,
        estimator: CrossFeedbackBMF,
        watched: CSRMatrix,
        batches: NestedBatches,
        patience: int | None,
    ) -> RankingValidation:
        values = watched.data - estimator.rating_mean_
        pairs = row_of_entry(watched), watched.indices, values
        low, high = batches.X.data.min(initial=0), batches.X.data.max(initial=0)
        rmse = partial(_rmse, batches=batches, pairs=pairs, scale=(low, high))
        return watch_rmse(rmse, values, patience)


def encoded(
    module: CrossFeedbackVAE, encoder: SideEncoder, X: CSRMatrix, embeddings: Tensor
) -> Gaussians:
    """Return the means, clipped as draws are, and the variances of all rows.

    Parameters
    ----------
    module : CrossFeedbackVAE
        The module.
    encoder : SideEncoder
        Its encoder of the rows.
    X : csr_matrix of shape (n_rows, n_columns)
        Ratings less their mean.
    embeddings : Tensor of shape (n_columns, n_factors)
        What the encoder reads of the other side.

    Returns
    -------
    means, variances : Tensor of shape (n_rows, n_factors)
        Of the posteriors.
    """
    means, variances = encode_side(encoder, X, embeddings)
    return module.clipped(means), variances


def settled(
    module: CrossFeedbackVAE, X: CSRMatrix, transposed: CSRMatrix
) -> tuple[Gaussians, Gaussians]:
    """Return the posteriors of users and items that belong together.

    Items are encoded with the embeddings that users had, users with the means of items, and both
    once more, so that little is left of the draws that training ended with.

    Parameters
    ----------
    module : CrossFeedbackVAE
        The module; it is put into evaluation mode.
    X, transposed : csr_matrix of shape (n_users, n_items) and (n_items, n_users)
        Ratings less their mean.

    Returns
    -------
    users, items : tuple of Tensor
        Means and variances of each.
    """
    module.eval()
    read = module.user_embeddings
    for _ in range(_ROUNDS):
        items = encoded(module, module.items, transposed, read)
        users = encoded(module, module.users, X, items[0])
        read = users[0]
    return users, items


def _rmse(
    module: Any,
    batches: NestedBatches,
    pairs: tuple[Array, Array, Array],
    scale: tuple[float, float],
) -> float:
    """Return the error of held-out ratings, predicted within the scale."""
    users, items = settled(module, batches.X, batches.transposed)
    user, item, values = pairs
    means = users[0].cpu().numpy()[user], items[0].cpu().numpy()[item]
    predicted = np.clip(np.einsum("nk,nk->n", *means), *scale)
    return np.sqrt(np.mean(np.square(predicted - values)))
