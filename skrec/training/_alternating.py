"""Epochs that train an encoder and a decoder in turns."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor

from skrec.nn import EncodedRows, SparseRows
from skrec.training._batches import RowBatches, sparse_rows
from skrec.training._net import RecommenderNet
from skrec.typing import CSRMatrix

__all__ = ["AlternatingBatches", "PosteriorRenewal"]

Posteriors = tuple[Tensor, Tensor]


class AlternatingBatches(RowBatches):
    """Passes over the rows that train the encoder, then ones that train the decoder.

    In between, and before the first pass of all, the posteriors of all rows are renewed. They are
    the prior's memory in the passes of the encoder, and the decoder's input in its own: the encoder
    stands still there, so none of them needs to run it again.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_items)
        Rows to train on.
    batch_size : int
        Rows a batch.
    rng : RandomState
        Source of the permutations.
    n_encoder_passes, n_decoder_passes : int
        Passes of each kind in an epoch.

    Attributes
    ----------
    encode : callable or None
        Takes `SparseRows` and returns mean and log-variance; `PosteriorRenewal` sets it.
    posteriors : tuple of Tensor of shape (n_rows, latent_size)
        Means and log-variances of the last renewal; None before the first.
    """

    encode: Any
    posteriors: Posteriors | None

    def __init__(
        self,
        X: CSRMatrix,
        batch_size: int,
        rng: np.random.RandomState,
        n_encoder_passes: int = 3,
        n_decoder_passes: int = 1,
    ) -> None:
        super().__init__(X, batch_size, rng)
        self.n_encoder_passes = n_encoder_passes
        self.n_decoder_passes = n_decoder_passes
        self.encode = None
        self.posteriors = None

    def __len__(self) -> int:
        return (self.n_encoder_passes + self.n_decoder_passes) * super().__len__()

    def __iter__(self) -> Iterator[tuple[Any, SparseRows]]:
        posteriors = self.renew() if self.posteriors is None else self.posteriors
        for _ in range(self.n_encoder_passes):
            yield from self._pass("encoder", posteriors)
        posteriors = self.renew()
        for _ in range(self.n_decoder_passes):
            yield from self._pass("decoder", posteriors)

    def renew(self) -> Posteriors:
        """Compute the posteriors of all rows and keep them.

        Returns
        -------
        mean, log_variance : Tensor of shape (n_rows, latent_size)
            The new ``posteriors``.
        """
        starts = range(0, self.X.shape[0], self.batch_size)
        blocks = (self.X[start : start + self.batch_size] for start in starts)
        means, log_variances = zip(*(self.encode(sparse_rows(block)) for block in blocks))
        self.posteriors = torch.cat(means), torch.cat(log_variances)
        return self.posteriors

    def _pass(
        self, updates: Literal["encoder", "decoder"], posteriors: Posteriors
    ) -> Iterator[tuple[EncodedRows, SparseRows]]:
        order = self.rng.permutation(self.X.shape[0])
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size]
            rows = sparse_rows(self.X[chosen])
            mean, log_variance = posteriors
            chosen = torch.from_numpy(chosen).to(mean.device)
            yield EncodedRows(rows, mean[chosen], log_variance[chosen], updates), rows


class PosteriorRenewal(Callback):
    """Let `AlternatingBatches` compute posteriors with the net in training."""

    def on_train_begin(self, net: RecommenderNet, X: Any = None, **kwargs: Any) -> None:
        """Let the batches encode with the net."""

        def encode(rows: SparseRows) -> Posteriors:
            with torch.no_grad():  # not inference mode: the outcome takes part in the loss
                return net.module_.posterior(rows.to(net.device))

        X.encode, X.posteriors = encode, None

    def on_train_end(self, net: RecommenderNet, X: Any = None, **kwargs: Any) -> None:
        """Drop the net and the posteriors from the batches."""
        X.encode = X.posteriors = None
